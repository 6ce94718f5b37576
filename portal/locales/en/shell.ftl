# The frame of every page, what failed, and what pages share.
shell-network = Network access
shell-skip = Skip to the content
shell-language = Language:
shell-help = Need help? Ask:
shell-code = Support code { $code }
shell-privacy = What we store about you
shell-to-start = Back to the start
shell-optional = (optional)
shell-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}
shell-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
}
shell-days = { $count ->
    [one] 1 day
   *[other] { $count } days
}
shell-fault-of = { $field }: { $fault }
shell-faults = { $count ->
    [one] One entry needs another look
   *[other] { $count } entries need another look
}
shell-not-found-title = This page does not exist
shell-not-found = The address may be mistyped, or the link is no longer good. Begin again at the start page.
shell-forbidden-title = This is not possible
shell-forbidden = You may not do this with this device or from this network. If you think you should, tell the people below your support code.
shell-too-many-title = Too many tries
shell-too-many = There were too many tries in a short time. Wait a minute, then try again.
shell-unusable-title = This could not be used
shell-unusable = What was sent does not fit what is there. Go back, look at your entries and send them again.
shell-unavailable-title = Not available at this moment
shell-unavailable = The server could not do this just now. Try again in a minute.
shell-nothing-lost = Nothing was changed and nothing was lost.
shell-not-here = This works only with a device that is connected to this network. Connect to it and open this page on the same device.
shell-link-refused = This link belongs to another device or to a connection that has ended. Disconnect from the network, connect again, and use the page that opens.
shell-no-ca = The certificate of this server comes from your organisation’s own authority: ask your IT team for its certificate.
