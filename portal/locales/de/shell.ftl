# The frame of every page, what failed, and what pages share.
shell-network = Netzwerkzugang
shell-skip = Zum Inhalt springen
shell-language = Sprache:
shell-help = Brauchen Sie Hilfe? Fragen Sie:
shell-code = Support-Code { $code }
shell-privacy = Was wir über Sie speichern
shell-to-start = Zurück zum Anfang
shell-optional = (freiwillig)
shell-minutes = { $count ->
    [one] 1 Minute
   *[other] { $count } Minuten
}
shell-hours = { $count ->
    [one] 1 Stunde
   *[other] { $count } Stunden
}
shell-days = { $count ->
    [one] 1 Tag
   *[other] { $count } Tage
}
shell-fault-of = { $field }: { $fault }
shell-faults = { $count ->
    [one] Eine Eingabe stimmt noch nicht
   *[other] { $count } Eingaben stimmen noch nicht
}
shell-not-found-title = Diese Seite gibt es nicht
shell-not-found = Vielleicht ist die Adresse falsch geschrieben, oder der Link gilt nicht mehr. Beginnen Sie auf der Startseite von vorn.
shell-forbidden-title = Das ist nicht möglich
shell-forbidden = Mit diesem Gerät oder aus diesem Netz dürfen Sie das nicht. Wenn das nicht stimmen kann, nennen Sie den Ansprechpartnern unten Ihren Support-Code.
shell-too-many-title = Zu viele Versuche
shell-too-many = Das waren zu viele Versuche in kurzer Zeit. Warten Sie eine Minute und versuchen Sie es dann noch einmal.
shell-unusable-title = Das konnte nicht verwendet werden
shell-unusable = Was gesendet wurde, passt nicht zu dem, was da ist. Gehen Sie zurück, prüfen Sie Ihre Eingaben und senden Sie sie noch einmal.
shell-unavailable-title = Im Augenblick nicht verfügbar
shell-unavailable = Der Server konnte das gerade nicht erledigen. Versuchen Sie es in einer Minute noch einmal.
shell-nothing-lost = Es wurde nichts geändert, und nichts ging verloren.
shell-not-here = Das geht nur mit einem Gerät, das mit diesem Netz verbunden ist. Verbinden Sie sich und öffnen Sie diese Seite auf demselben Gerät.
shell-link-refused = Dieser Link gehört zu einem anderen Gerät oder zu einer Verbindung, die beendet ist. Trennen Sie die Verbindung, verbinden Sie sich neu und nutzen Sie die Seite, die sich öffnet.
shell-no-ca = Das Zertifikat dieses Servers kommt von der eigenen Zertifizierungsstelle Ihrer Organisation: Fragen Sie Ihre IT-Abteilung danach.
