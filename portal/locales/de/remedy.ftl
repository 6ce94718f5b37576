# P15, the page that explains why a device is limited and how to put it right.
remedy-title = Ihr Gerät und dieses Netz
remedy-still-works = Bis dahin geht nur, was bei der Reparatur hilft: diese Seite, Aktualisierungen und der Helpdesk.
remedy-check-again = Erneut prüfen
remedy-checking-now = Wird geprüft …
remedy-checking = Ihr Gerät wird geprüft.
remedy-checking-why = Der Sicherheitsagent auf Ihrem Gerät antwortet innerhalb von Sekunden. Diese Seite sieht von selbst wieder nach.
remedy-too-often = Dieses Gerät wurde innerhalb einer Stunde sehr oft geprüft. Warten Sie einige Minuten und versuchen Sie es erneut, oder fragen Sie die Stelle unten.
remedy-asked = Sie haben am { $at } um eine Ausnahme gebeten. Die IT entscheidet darüber:
remedy-excepted-until = Erlaubt bis { $until }:
remedy-denied = Ihre Bitte um eine Ausnahme wurde abgelehnt:
remedy-to-do = Was zu tun ist
remedy-unanswered = Noch nicht beantwortet
remedy-unanswered-why = Der Sicherheitsagent hat diese Fragen in letzter Zeit nicht beantwortet. Das ist weder gut noch schlecht.
remedy-advice = Ebenfalls zu empfehlen
remedy-advice-why = Das schränkt Ihr Gerät nicht ein.
remedy-cannot = Das geht jetzt nicht?
remedy-cannot-why = Sie können um eine befristete Ausnahme bitten. Die IT liest Ihre Begründung und entscheidet.
remedy-ask = Um eine Ausnahme bitten
remedy-ask-what = Eine Ausnahme erlaubt Ihrem Gerät, bis zu einem bestimmten Zeitpunkt eine Regel zu verletzen. Danach gilt die Regel von selbst wieder.
remedy-exception-rule = Welche Regel?
remedy-exception-quarantine = Die Entscheidung, dieses Gerät abzusondern
remedy-exception-reason = Warum ist sie nötig?
remedy-exception-hours = Für wie lange?
remedy-exception-no-rule = Wählen Sie eine der Regeln.
remedy-exception-no-reason = Schreiben Sie, warum Sie sie brauchen: Jemand muss entscheiden.
remedy-exception-long-reason = Schreiben Sie höchstens 1.000 Zeichen.
remedy-exception-no-length = Wählen Sie eine der Zeitspannen.
remedy-nothing-to-ask = Im Augenblick gibt es nichts, wofür man um eine Ausnahme bitten könnte.
remedy-send = Absenden
remedy-back = Zurück
remedy-seen = Was wir gesehen haben:
remedy-steps = So bringen Sie es in Ordnung:
remedy-open-settings = Einstellungen öffnen
remedy-takes = Dauert etwa { $time }.
remedy-wrong = Diese Prüfung ist falsch
remedy-wrong-what = Wenn Ihr Gerät der Regel entspricht und diese Seite etwas anderes sagt, melden Sie es der IT. Die Prüfung gilt, bis jemand nachgesehen hat.
remedy-wrong-text = Was ist daran falsch?
remedy-reported = Sie haben gemeldet, dass diese Prüfung falsch ist. Jemand wird nachsehen.
remedy-data = Was der Sicherheitsagent diesem Netz mitteilt
remedy-data-what = Namen und Versionen des Systems und des Agenten, Seriennummer, Netzwerkadressen und die Antworten auf die Prüfungen: bestanden, nicht bestanden oder keine Antwort.
remedy-data-not = Nach Ihren Dateien, Ihren Nachrichten oder besuchten Seiten wird nicht gefragt.
remedy-not-here = Diese Seite betrifft das Gerät, das mit diesem Netz verbunden ist.
remedy-not-here-why = Unter Ihrer Adresse ist kein Gerät bekannt. Verbinden Sie sich mit dem Netz und öffnen Sie diese Seite auf dem eingeschränkten Gerät.
remedy-not-ours = Auf diesem Gerät wird nichts geprüft.
remedy-not-ours-why = Auf ihm läuft kein Sicherheitsagent dieser Organisation, und niemand sondert es ab. Wenn etwas nicht geht, fragen Sie die Stelle unten.
remedy-waiting = Ihr Gerät { $device } ist von der IT abgesondert.
remedy-reason = Der Grund:
remedy-since = Seit { $at }.
remedy-ends = Es endet von selbst am { $at }.
remedy-no-end = Es endet, wenn jemand in der IT es beendet: Fragen Sie die Stelle unten.
remedy-unknown = Wir wissen nicht genug über Ihr Gerät.
remedy-unknown-why = Der Sicherheitsagent hat noch nicht jede Frage beantwortet.
remedy-no-agent = Für diese Verbindung ist kein Sicherheitsagent bekannt.
remedy-stale = Wir haben seit { $at } nichts vom Sicherheitsagenten gehört.
remedy-agent-online = Lassen Sie das Gerät wach und mit diesem Netz verbunden.
remedy-agent-runs = Sehen Sie nach, ob der Agent osquery läuft, oder starten Sie das Gerät neu.
remedy-agent-ask = Wenn er nicht installiert ist, fragen Sie die Stelle unten danach.
remedy-restoring = Alle Prüfungen sind bestanden. Ihr Zugang wird wiederhergestellt.
remedy-fixed = Zugang wiederhergestellt um { $at }.
remedy-reconnect = Vielleicht müssen Sie sich neu mit dem Netz verbinden.
remedy-excepted = Ihr Gerät darf für eine Zeit eine Regel verletzen.
remedy-excepted-why = Wenn die Zeit um ist, gilt die Regel wieder. Bringen Sie es vorher in Ordnung.
remedy-passing = Alle Prüfungen sind bestanden.
remedy-last-answer = Letzte Antwort des Sicherheitsagenten: { $at }.
remedy-failing = { $failed ->
    [one] Ihr Gerät { $device } ist eingeschränkt, weil 1 von { $total } Prüfungen nicht bestanden ist.
   *[other] Ihr Gerät { $device } ist eingeschränkt, weil { $failed } von { $total } Prüfungen nicht bestanden sind.
}
remedy-failing-free = { $failed ->
    [one] Auf Ihrem Gerät { $device } ist 1 von { $total } Prüfungen nicht bestanden. Es ist im Augenblick nicht eingeschränkt.
   *[other] Auf Ihrem Gerät { $device } sind { $failed } von { $total } Prüfungen nicht bestanden. Es ist im Augenblick nicht eingeschränkt.
}
