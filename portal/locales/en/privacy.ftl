# P18, what is stored about people.
privacy-title = What we store about you
privacy-intro = This network keeps records so that it works, so that faults can be found, and so that misuse can be followed up. Each kind is deleted by itself when its time is over:
privacy-decisions = When you asked to connect, and the answer
privacy-decisions-why = Time, device address, user name, place, result and its reason: to find out why something does not work, and to follow up misuse.
privacy-accounting = When you were connected
privacy-accounting-why = Start, end and amount of data, without what you looked at: to find faults and misuse.
privacy-sessions = Where you were connected
privacy-sessions-why = Switch port or wireless network, your address there, and how your device logged in last: to find faults, to reach the right device and to notice a copy of it.
privacy-guests = What you told us as a guest
privacy-guests-why = Name, contact and whom you visit, as far as the form asks: to let you in. Counted from the end of your access.
privacy-acceptances = Which terms you accepted
privacy-acceptances-why = Version and time: to be able to show it.
privacy-days = { $count ->
    [one] Deleted after 1 day.
   *[other] Deleted after { $count } days.
}
privacy-not-stored = We do not store which pages you visit or what you send.
privacy-last-run = Last deletion: { $time }. Records removed: { $count }.
privacy-no-run = The first deletion has not run yet.
privacy-yours = Your own data
privacy-nobody = We do not know which device you are using. Connect it to this network and open this page on it to see your data.
privacy-device = We recognise this device only by its hardware address, which others nearby could imitate. So you see only what belongs to the present connection.
privacy-person = You are connected as { $name }, and can have everything that is stored under this name.
privacy-guest = What you told us
privacy-name = Name
privacy-email = E-mail
privacy-phone = Telephone
privacy-company = Company
privacy-export = Download my data (JSON)
privacy-erase-title = Delete what you told us
privacy-erase-what = This deletes your guest registration and our mail to you, and ends your access now. Records of connections, which do not hold your name, stay until their time is over.
privacy-erase = Delete and disconnect
privacy-erased-title = Deleted
privacy-erased = What you told us is deleted, and your access ends now. You may have to reconnect to register again.
privacy-nobody-to-erase = There is no guest registration from this connection that could be deleted here. Ask the people who run this network.
privacy-ask = To have anything corrected or deleted, ask the people who run this network and tell them the support code below.
privacy-signed-in = You are signed in as { $name }, and can have everything that is stored under this name, from every connection.
privacy-export-mine = Download everything (JSON)
privacy-here = This connection
privacy-mine-why = Do you have an account here?
privacy-ask-title = Ask for deletion or correction
privacy-ask-what = What you registered yourself, you remove yourself under My devices. For anything else, write what is to be deleted or corrected, or which consent you withdraw; the people who run this network read it and decide.
privacy-ask-text = What is to be done?
privacy-ask-send = Send the request
privacy-asked = You asked on { $at }. The people who run this network have it.
privacy-asked-now = Your request is recorded.
