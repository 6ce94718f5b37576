//! `[mail]`: the SMTP server that takes mail to guests and their sponsors. Without the section no mail is sent.

use nac_portal::mail::{MailServer, MailTls};

use super::reader::Section;
use super::settings::MailSettings;

pub(super) const KEYS: [&str; 7] = [
    "server",
    "port",
    "tls",
    "from",
    "username",
    "password_file",
    "ca",
];

pub(super) fn read(section: &mut Section<'_, '_>) -> Option<MailSettings> {
    if !section.is_present() {
        return None;
    }
    let server = section.required_text("server", "smtp.example.org");
    let from = section.required_text("from", "Network access <noreply@example.org>");
    if let Some(from) = from
        .as_ref()
        .filter(|from| !MailServer::is_sender(&from.value))
    {
        section.note(from.fault(
            format!("\"{}\" is not a sender's address", from.value),
            "write an address such as noreply@example.org, with a name before it or not",
        ));
    }
    let words = [
        ("starttls", MailTls::StartTls),
        ("implicit", MailTls::Implicit),
        ("none", MailTls::None),
    ];
    let tls = section.word("tls", MailTls::StartTls, &words);
    let username = section.text("username");
    let password_file = section.path("password_file");
    let lonely = match (&username, &password_file) {
        (Some(name), None) => Some(name.fault(
            "[mail] password_file is missing beside this",
            "name the file with the account's password",
        )),
        (None, Some(file)) => Some(file.fault(
            "[mail] username is missing beside this",
            "name the account that this password belongs to",
        )),
        _ => None,
    };
    if let Some(fault) = lonely {
        section.note(fault);
    }
    if let (Some(name), MailTls::None) = (&username, tls) {
        section.note(name.fault(
            "the password would cross the network in the clear",
            "set tls = \"starttls\" or \"implicit\", or use a relay that wants no password",
        ));
    }
    let usual = match tls {
        MailTls::Implicit => 465,
        MailTls::StartTls => 587,
        MailTls::None => 25,
    };
    Some(MailSettings {
        server: server.map(|placed| placed.value).unwrap_or_default(),
        port: section.port("port").unwrap_or(usual),
        tls,
        from: from.map(|placed| placed.value).unwrap_or_default(),
        username: username.map(|placed| placed.value),
        password_file: password_file.map(|placed| placed.value),
        ca: section.path("ca").map(|placed| placed.value),
    })
}
