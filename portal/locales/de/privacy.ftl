# P18, what is stored about people.
privacy-title = Was wir über Sie speichern
privacy-intro = Dieses Netz führt Aufzeichnungen, damit es funktioniert, damit sich Fehler finden lassen und damit Missbrauch verfolgt werden kann. Jede Art wird von selbst gelöscht, wenn ihre Zeit vorbei ist:
privacy-decisions = Wann Sie sich verbinden wollten und die Antwort darauf
privacy-decisions-why = Zeit, Geräteadresse, Benutzername, Ort, Ergebnis und Grund: um herauszufinden, warum etwas nicht geht, und um Missbrauch zu verfolgen.
privacy-accounting = Wann Sie verbunden waren
privacy-accounting-why = Beginn, Ende und Datenmenge, nicht was Sie sich angesehen haben: um Fehler und Missbrauch zu finden.
privacy-sessions = Wo Sie verbunden waren
privacy-sessions-why = Anschluss am Switch oder Funknetz, Ihre Adresse dort und wie Ihr Gerät sich zuletzt angemeldet hat: um Fehler zu finden, das richtige Gerät zu erreichen und eine Kopie davon zu bemerken.
privacy-guests = Was Sie uns als Gast angegeben haben
privacy-guests-why = Name, Kontakt und wen Sie besuchen, soweit das Formular danach fragt: um Sie hereinzulassen. Gezählt ab dem Ende Ihres Zugangs.
privacy-acceptances = Welche Bedingungen Sie angenommen haben
privacy-acceptances-why = Fassung und Zeit: um es belegen zu können.
privacy-days = { $count ->
    [one] Gelöscht nach 1 Tag.
   *[other] Gelöscht nach { $count } Tagen.
}
privacy-not-stored = Wir speichern nicht, welche Seiten Sie besuchen oder was Sie senden.
privacy-last-run = Letzte Löschung: { $time }. Entfernte Datensätze: { $count }.
privacy-no-run = Die erste Löschung ist noch nicht gelaufen.
privacy-yours = Ihre eigenen Daten
privacy-nobody = Wir wissen nicht, welches Gerät Sie benutzen. Verbinden Sie es mit diesem Netz und öffnen Sie diese Seite darauf, um Ihre Daten zu sehen.
privacy-device = Wir erkennen dieses Gerät nur an seiner Hardware-Adresse, die andere in der Nähe nachahmen könnten. Deshalb sehen Sie nur, was zur jetzigen Verbindung gehört.
privacy-person = Sie sind als { $name } verbunden und können alles bekommen, was unter diesem Namen gespeichert ist.
privacy-guest = Was Sie uns angegeben haben
privacy-name = Name
privacy-email = E-Mail
privacy-phone = Telefon
privacy-company = Firma
privacy-export = Meine Daten herunterladen (JSON)
privacy-erase-title = Ihre Angaben löschen
privacy-erase-what = Das löscht Ihre Anmeldung als Gast und unsere Mails an Sie und beendet Ihren Zugang sofort. Aufzeichnungen über Verbindungen, die Ihren Namen nicht enthalten, bleiben, bis ihre Zeit vorbei ist.
privacy-erase = Löschen und trennen
privacy-erased-title = Gelöscht
privacy-erased = Ihre Angaben sind gelöscht, und Ihr Zugang endet jetzt. Um sich neu anzumelden, müssen Sie sich vielleicht neu verbinden.
privacy-nobody-to-erase = Von dieser Verbindung gibt es keine Anmeldung als Gast, die hier gelöscht werden könnte. Fragen Sie die Betreiber dieses Netzes.
privacy-ask = Wenn etwas berichtigt oder gelöscht werden soll, fragen Sie die Betreiber dieses Netzes und nennen Sie den Support-Code unten.
privacy-signed-in = Sie sind als { $name } angemeldet und können alles bekommen, was unter diesem Namen gespeichert ist, von jeder Verbindung.
privacy-export-mine = Alles herunterladen (JSON)
privacy-here = Diese Verbindung
privacy-mine-why = Haben Sie hier ein Konto?
privacy-ask-title = Um Löschung oder Berichtigung bitten
privacy-ask-what = Was Sie selbst registriert haben, entfernen Sie selbst unter Meine Geräte. Für alles andere schreiben Sie, was gelöscht oder berichtigt werden soll oder welche Einwilligung Sie widerrufen; die Betreiber dieses Netzes lesen es und entscheiden.
privacy-ask-text = Was soll geschehen?
privacy-ask-send = Anfrage senden
privacy-asked = Sie haben am { $at } gefragt. Die Anfrage liegt den Betreibern dieses Netzes vor.
privacy-asked-now = Ihre Anfrage ist festgehalten.
