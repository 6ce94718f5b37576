# Guests: the form, the terms, the voucher, the mail, the sponsor, the time that is left.
guest-title = Connect as a guest
guest-limits = Devices at once: { $devices }. Time: { $duration }.
guest-after-email = We send you a mail with a link. Your device is connected for { $count } minutes so that you can open it.
guest-after-sponsor = The person whom you visit is asked to let you in.
guest-name = Name
guest-email = E-mail address
guest-email-why = We send the link for your access there.
guest-email-hint = So that we can reach you while you are here.
guest-phone = Telephone number
guest-phone-hint = So that we can reach you while you are here. We send no messages to it.
guest-company = Company
guest-sponsor = E-mail address of the person whom you visit
guest-sponsor-why = This person is asked to let you in.
guest-reason = Reason of your visit
guest-reason-hint = The person whom you visit sees it.
guest-terms-title = Terms of use
guest-terms-read = Read the terms of use
guest-terms-accept = I accept the terms of use
guest-terms-missing = Accept the terms of use to go on.
guest-send = Connect
guest-field-empty = This entry is needed: fill it in.
guest-field-unusable = This entry is too long or has characters that cannot be used.
guest-email-unusable = This is no e-mail address. Write it as name@example.org.
guest-sponsor-unusable = This is not the address of somebody who works here. Ask the person whom you visit for it.
guest-voucher-title = Connect with a voucher
guest-code = Code
guest-code-hint = Ten letters and digits, such as ABCDE-FGHJK. Capitals and dashes do not matter.
guest-code-form = A code has ten letters and digits. Compare it with your voucher.
guest-code-wrong = There is no such code. Compare it with your voucher.
guest-code-expired = This code is no longer valid. Ask for a new voucher.
guest-code-used = This code is used up: its time is over, or enough devices use it. Log out with another device, or ask for a new voucher.
guest-code-elsewhere = This code counts at another site only. Ask for a voucher for this one.
guest-code-early = This code is valid from { $time }. Try again then.
guest-closed = This way to connect is not open here. Begin again at the start page.
guest-device-known = This device is registered already, and not as a guest’s. Ask the people below.
guest-device-blocked = This device may not use this network. Ask the people below.
guest-device-limit = You use as many devices as you may. Log out with one of them first.
guest-decided = This was decided already. Go back to see how.
guest-no-extension = You cannot stay longer by yourself. Ask the people below.
guest-nobody = This device is not registered as a guest’s. Begin again at the start page.
guest-link-over = This link is no longer good: it was replaced by a newer one, or its time is over.
guest-resend-later = A mail was sent a short time ago. Look into the folder for unwanted mail, and try again later.
guest-status-title = Your connection
guest-on = You are connected
guest-until = You can use this network until { $time }.
guest-left = Time left
guest-devices = Devices
guest-devices-used = { $used } of { $max }
guest-reconnect = It can take a minute until everything works. If it does not, disconnect from the network and connect again.
guest-extend = Stay { $duration } longer
guest-leave = Log out
guest-almost = Almost done
guest-mail-sent = We sent a mail to { $address }. Open the link in it, on any device.
guest-sponsor-asked = We asked { $address } to let you in.
guest-activation = Until { $time } your device is connected, so that you can do this.
guest-waits = This page looks by itself whether there is an answer.
guest-resend = Send the mail again
guest-cancel = Cancel and begin again
guest-denied-title = Your request was refused
guest-denied = The reason that was given: { $reason }
guest-over-title = Your time is over
guest-over = You can connect again from the start page.
guest-confirm-title = Confirm your access
guest-confirm-which = This device gets access when you confirm:
guest-device = Device
guest-asked = Asked at
guest-site = Site
guest-replace = You use as many devices as you may. Which one makes room?
guest-replace-missing = Choose the device that makes room.
guest-confirm-send = Confirm
guest-confirm-not-you = If you did not ask for this, close this page: nothing happens then.
guest-confirm-done-title = Confirmed
guest-confirm-done = The device { $device } can use the network until { $time }.
guest-confirm-sponsor = Your address is confirmed. The person whom you visit was asked to let you in.
guest-request-title = A guest asks for access
guest-sign-in-why = Sign in with your account to see the request and to decide.
guest-sign-in-user = User name
guest-sign-in-password = Password
guest-sign-in-send = Sign in
guest-sign-in-wrong = User name or password is wrong. Try again.
guest-sign-in-not-allowed = Your account may not let guests in. Ask a colleague who may.
guest-sign-in-again = Your sign-in is over. Sign in again.
guest-signed-in = Signed in as { $user }
guest-hours = For how many hours
guest-hours-hint = At most { $duration }.
guest-hours-unusable = Write a number of hours that is not more than was asked for.
guest-approve = Let the guest in
guest-deny = Refuse
guest-deny-reason = Reason, if you refuse
guest-deny-reason-hint = The guest reads it.
guest-deny-reason-missing = Say why you refuse, in up to 200 characters.
guest-decided-yes = { $by } let this guest in at { $time }, until { $until }.
guest-decided-no = { $by } refused this guest at { $time }.
guest-request-over = This request is over: nothing needs to be decided any more.
guest-mail-verify-subject = Confirm your access to { $site }
guest-mail-verify =
    Somebody asked for access to { $site } with this e-mail address. If it was you, open this link and confirm:

    { $link }

    The link can be used for one day, on any device. If it was not you, do nothing: nobody gets access then.
guest-mail-sponsor-subject = A guest asks for access: { $site }
guest-mail-sponsor =
    A guest named you as the person whom they visit, and asks for access to { $site }.

    Name: { $name }

    Company: { $company }

    Reason: { $reason }

    Open this link to decide. You are asked to sign in:

    { $link }

    The link can be used for one day. If you do nothing, the guest does not get in.
