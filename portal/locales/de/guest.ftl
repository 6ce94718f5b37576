# Guests: the form, the terms, the voucher, the mail, the sponsor, the time that is left.
guest-title = Als Gast verbinden
guest-limits = Geräte gleichzeitig: { $devices }. Dauer: { $duration }.
guest-after-email = Wir senden Ihnen eine E-Mail mit einem Link. Ihr Gerät ist { $count } Minuten lang verbunden, damit Sie sie öffnen können.
guest-after-sponsor = Die Person, die Sie besuchen, wird gebeten, Sie einzulassen.
guest-name = Name
guest-email = E-Mail-Adresse
guest-email-why = Dorthin senden wir den Link für Ihren Zugang.
guest-email-hint = Damit wir Sie erreichen können, solange Sie hier sind.
guest-phone = Telefonnummer
guest-phone-hint = Damit wir Sie erreichen können, solange Sie hier sind. Wir senden keine Nachrichten dorthin.
guest-company = Firma
guest-sponsor = E-Mail-Adresse der Person, die Sie besuchen
guest-sponsor-why = Diese Person wird gebeten, Sie einzulassen.
guest-reason = Grund Ihres Besuchs
guest-reason-hint = Die Person, die Sie besuchen, sieht ihn.
guest-terms-title = Nutzungsbedingungen
guest-terms-read = Die Nutzungsbedingungen lesen
guest-terms-accept = Ich nehme die Nutzungsbedingungen an
guest-terms-missing = Nehmen Sie die Nutzungsbedingungen an, um fortzufahren.
guest-send = Verbinden
guest-field-empty = Diese Angabe wird gebraucht: Füllen Sie sie aus.
guest-field-unusable = Diese Angabe ist zu lang oder enthält unbrauchbare Zeichen.
guest-email-unusable = Das ist keine E-Mail-Adresse. Schreiben Sie sie wie name@example.org.
guest-sponsor-unusable = Das ist keine Adresse von jemandem, der hier arbeitet. Fragen Sie die Person, die Sie besuchen, danach.
guest-voucher-title = Mit einem Gutschein verbinden
guest-code = Code
guest-code-hint = Zehn Buchstaben und Ziffern, etwa ABCDE-FGHJK. Großschreibung und Striche sind egal.
guest-code-form = Ein Code hat zehn Buchstaben und Ziffern. Vergleichen Sie ihn mit Ihrem Gutschein.
guest-code-wrong = Diesen Code gibt es nicht. Vergleichen Sie ihn mit Ihrem Gutschein.
guest-code-expired = Dieser Code gilt nicht mehr. Bitten Sie um einen neuen Gutschein.
guest-code-used = Dieser Code ist verbraucht: Seine Zeit ist um, oder genug Geräte nutzen ihn. Melden Sie ein anderes Gerät ab, oder bitten Sie um einen neuen Gutschein.
guest-code-elsewhere = Dieser Code gilt nur an einem anderen Standort. Bitten Sie um einen Gutschein für diesen.
guest-code-early = Dieser Code gilt ab { $time }. Versuchen Sie es dann wieder.
guest-closed = Dieser Weg ins Netz ist hier nicht offen. Beginnen Sie wieder auf der Startseite.
guest-device-known = Dieses Gerät ist schon registriert, und nicht als das eines Gastes. Fragen Sie bei den unten genannten Stellen nach.
guest-device-blocked = Dieses Gerät darf dieses Netz nicht nutzen. Fragen Sie bei den unten genannten Stellen nach.
guest-device-limit = Sie nutzen so viele Geräte, wie Sie dürfen. Melden Sie zuerst eines davon ab.
guest-decided = Das ist schon entschieden. Gehen Sie zurück, um zu sehen, wie.
guest-no-extension = Sie können nicht selbst weiter verlängern. Fragen Sie bei den unten genannten Stellen nach.
guest-nobody = Dieses Gerät ist nicht als das eines Gastes registriert. Beginnen Sie wieder auf der Startseite.
guest-link-over = Dieser Link gilt nicht mehr: Ein neuerer hat ihn ersetzt, oder seine Zeit ist um.
guest-resend-later = Vor kurzem wurde eine E-Mail gesendet. Sehen Sie im Ordner für unerwünschte Mail nach, und versuchen Sie es später wieder.
guest-status-title = Ihre Verbindung
guest-on = Sie sind verbunden
guest-until = Sie können dieses Netz bis { $time } nutzen.
guest-left = Verbleibende Zeit
guest-devices = Geräte
guest-devices-used = { $used } von { $max }
guest-reconnect = Es kann eine Minute dauern, bis alles geht. Wenn nicht, trennen Sie die Verbindung zum Netz und verbinden Sie sich neu.
guest-extend = Um { $duration } verlängern
guest-leave = Abmelden
guest-almost = Fast fertig
guest-mail-sent = Wir haben eine E-Mail an { $address } gesendet. Öffnen Sie den Link darin, auf irgendeinem Gerät.
guest-sponsor-asked = Wir haben { $address } gebeten, Sie einzulassen.
guest-activation = Bis { $time } ist Ihr Gerät dafür verbunden.
guest-waits = Diese Seite sieht von selbst nach, ob es eine Antwort gibt.
guest-resend = E-Mail noch einmal senden
guest-cancel = Abbrechen und neu beginnen
guest-denied-title = Ihre Anfrage wurde abgelehnt
guest-denied = Der angegebene Grund: { $reason }
guest-over-title = Ihre Zeit ist um
guest-over = Sie können sich von der Startseite aus neu verbinden.
guest-confirm-title = Zugang bestätigen
guest-confirm-which = Dieses Gerät erhält Zugang, wenn Sie bestätigen:
guest-device = Gerät
guest-asked = Angefragt
guest-site = Standort
guest-replace = Sie nutzen so viele Geräte, wie Sie dürfen. Welches macht Platz?
guest-replace-missing = Wählen Sie das Gerät, das Platz macht.
guest-confirm-send = Bestätigen
guest-confirm-not-you = Wenn Sie das nicht angefragt haben, schließen Sie diese Seite: Dann geschieht nichts.
guest-confirm-done-title = Bestätigt
guest-confirm-done = Das Gerät { $device } kann das Netz bis { $time } nutzen.
guest-confirm-sponsor = Ihre Adresse ist bestätigt. Die Person, die Sie besuchen, wurde gebeten, Sie einzulassen.
guest-request-title = Ein Gast bittet um Zugang
guest-sign-in-why = Melden Sie sich mit Ihrem Konto an, um die Anfrage zu sehen und zu entscheiden.
guest-sign-in-user = Benutzername
guest-sign-in-password = Passwort
guest-sign-in-send = Anmelden
guest-sign-in-wrong = Benutzername oder Passwort ist falsch. Versuchen Sie es noch einmal.
guest-sign-in-not-allowed = Ihr Konto darf keine Gäste einlassen. Fragen Sie jemanden, der es darf.
guest-sign-in-again = Ihre Anmeldung ist abgelaufen. Melden Sie sich wieder an.
guest-signed-in = Angemeldet als { $user }
guest-hours = Für wie viele Stunden
guest-hours-hint = Höchstens { $duration }.
guest-hours-unusable = Schreiben Sie eine Zahl von Stunden, die nicht über der angefragten liegt.
guest-approve = Gast einlassen
guest-deny = Ablehnen
guest-deny-reason = Grund, falls Sie ablehnen
guest-deny-reason-hint = Der Gast liest ihn.
guest-deny-reason-missing = Sagen Sie, warum Sie ablehnen, mit bis zu 200 Zeichen.
guest-decided-yes = { $by } hat diesen Gast eingelassen: { $time }, bis { $until }.
guest-decided-no = { $by } hat diesen Gast abgelehnt: { $time }.
guest-request-over = Diese Anfrage ist vorbei: Es ist nichts mehr zu entscheiden.
guest-mail-verify-subject = Zugang bestätigen: { $site }
guest-mail-verify =
    Jemand hat mit dieser E-Mail-Adresse um Zugang gebeten: { $site }. Wenn Sie es waren, öffnen Sie diesen Link und bestätigen Sie:

    { $link }

    Der Link gilt einen Tag lang, auf jedem Gerät. Wenn Sie es nicht waren, tun Sie nichts: Dann erhält niemand Zugang.
guest-mail-sponsor-subject = Ein Gast bittet um Zugang: { $site }
guest-mail-sponsor =
    Ein Gast hat Sie als die Person genannt, die er besucht, und bittet um Zugang: { $site }.

    Name: { $name }

    Firma: { $company }

    Grund: { $reason }

    Öffnen Sie diesen Link, um zu entscheiden. Sie werden gebeten, sich anzumelden:

    { $link }

    Der Link gilt einen Tag lang. Wenn Sie nichts tun, wird der Gast nicht eingelassen.
