# P15, the page that explains why a device is limited and how to put it right.
remedy-title = Your device and this network
remedy-still-works = Meanwhile only what helps to put it right works: this page, updates and the help desk.
remedy-check-again = Check again
remedy-checking-now = Checking …
remedy-checking = Your device is being checked.
remedy-checking-why = The security agent on your device answers within seconds. This page looks again by itself.
remedy-too-often = This device was checked very often within an hour. Wait a few minutes, then try again, or ask the people below.
remedy-asked = You asked for an exception on { $at }. IT decides about it:
remedy-excepted-until = Permitted until { $until }:
remedy-denied = Your request for an exception was not granted:
remedy-to-do = What to do
remedy-unanswered = Not answered yet
remedy-unanswered-why = The security agent has not answered these questions lately. That is neither good nor bad.
remedy-advice = Also worth doing
remedy-advice-why = This does not limit your device.
remedy-cannot = You cannot fix this now?
remedy-cannot-why = You can ask for an exception for a limited time. IT reads your reason and decides.
remedy-ask = Ask for an exception
remedy-ask-what = An exception permits your device to break one rule until a certain time. Then the rule counts again by itself.
remedy-exception-rule = Which rule?
remedy-exception-quarantine = The decision to keep this device apart
remedy-exception-reason = Why is it needed?
remedy-exception-hours = For how long?
remedy-exception-no-rule = Choose one of the rules.
remedy-exception-no-reason = Write why you need it: somebody has to decide.
remedy-exception-long-reason = Write at most 1,000 characters.
remedy-exception-no-length = Choose one of the lengths of time.
remedy-nothing-to-ask = There is nothing at this moment that an exception could be asked for.
remedy-send = Send
remedy-back = Back
remedy-seen = What we saw:
remedy-steps = How to put it right:
remedy-open-settings = Open the settings
remedy-takes = Takes about { $time }.
remedy-wrong = This check is wrong
remedy-wrong-what = If your device is as required and this page says otherwise, tell IT. The check counts until somebody has looked at it.
remedy-wrong-text = What is wrong with it?
remedy-reported = You reported that this check is wrong. Somebody will look at it.
remedy-data = What the security agent tells this network
remedy-data-what = The names and versions of the system and of the agent, serial number, network addresses, and the answers to the checks: passed, failed or no answer.
remedy-data-not = It is not asked for your files, your messages or the pages that you visit.
remedy-not-here = This page is about the device that is connected to this network.
remedy-not-here-why = No device is known at your address. Connect to the network and open this page on the device that is limited.
remedy-not-ours = Nothing is checked on this device.
remedy-not-ours-why = No security agent of this organisation runs on it, and nobody keeps it apart. If something does not work, ask the people below.
remedy-waiting = Your device { $device } is kept apart by the IT team.
remedy-reason = The reason:
remedy-since = Since { $at }.
remedy-ends = It ends by itself on { $at }.
remedy-no-end = It ends when somebody in IT ends it: ask the people below.
remedy-unknown = We do not know enough about your device.
remedy-unknown-why = The security agent has not answered every question yet.
remedy-no-agent = No security agent is known for this connection.
remedy-stale = We have not heard from the security agent since { $at }.
remedy-agent-online = Keep the device awake and connected to this network.
remedy-agent-runs = See whether the agent osquery runs, or restart the device.
remedy-agent-ask = If it is not installed, ask the people below for it.
remedy-restoring = All checks pass. Your access is being restored.
remedy-fixed = Access restored at { $at }.
remedy-reconnect = You may need to reconnect to the network.
remedy-excepted = Your device is permitted to break a rule for a time.
remedy-excepted-why = When the time is over, the rule counts again. Put it right before then.
remedy-passing = All checks pass.
remedy-last-answer = Last answer of the security agent: { $at }.
remedy-failing = { $failed ->
    [one] Your device { $device } is limited because 1 of { $total } checks failed.
   *[other] Your device { $device } is limited because { $failed } of { $total } checks failed.
}
remedy-failing-free = { $failed ->
    [one] On your device { $device } 1 of { $total } checks failed. It is not limited at this moment.
   *[other] On your device { $device } { $failed } of { $total } checks failed. It is not limited at this moment.
}
