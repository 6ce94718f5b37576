//! What a document may hold. Every fault is found at once, and says which key it is in.

use std::fmt;

use super::{
    Colour, DARK_PAPER, GuestField, HelpContact, LEAST_CONTRAST, LIGHT_PAPER, PortalMethod,
    PortalSettings, Retention,
};
use crate::StoreError;

/// The languages that the portal speaks.
pub const LANGUAGES: [&str; 5] = ["en", "de", "fr", "es", "ar"];
/// The largest logo, in octets: a whole page stays below 60 KiB.
pub const LOGO_MAX: usize = 20 * 1024;
/// The longest name and contact.
const SHORT_MAX: usize = 80;
/// The longest text of the terms in one language, in octets.
const TERMS_MAX: usize = 24 * 1024;
/// The most domains or groups.
const LIST_MAX: usize = 50;
/// The most Wi-Fi networks with keys of single devices.
const NETWORKS_MAX: usize = 5;
/// Ten years.
const DAYS_MAX: u32 = 3_650;

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The key, such as `brand.accent`.
    pub key: &'static str,
    /// What is wrong with it and what to do.
    pub what: String,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl PortalSettings {
    /// Everything that is wrong with the document.
    pub fn faults(&self) -> Vec<SettingFault> {
        let mut faults = Faults::default();
        faults.short("name", &self.name);
        faults.language("language", &self.language);
        if self.time_zone.len() > SHORT_MAX || !self.time_zone.bytes().all(zone_octet) {
            faults.add(
                "time_zone",
                "write a name such as Europe/Berlin, or nothing for the server's own",
            );
        }
        faults.help(&self.help);
        faults.venue(&self.venue_url);
        faults.colour("brand.accent", self.brand.accent, LIGHT_PAPER, "light");
        faults.colour(
            "brand.accent_dark",
            self.brand.accent_dark,
            DARK_PAPER,
            "dark",
        );
        faults.distinct("methods", &self.methods);
        faults.guest(self);
        faults.terms(self);
        faults.range("device_limit", self.device_limit, 0..=1_000);
        faults.range("exception_days", self.exception_days, 0..=365);
        faults.range("devices.days", self.devices.days, 1..=DAYS_MAX);
        faults.distinct("devices.networks", &self.devices.networks);
        if self.devices.networks.len() > NETWORKS_MAX
            || self
                .devices
                .networks
                .iter()
                .any(|ssid| !(1..=32).contains(&ssid.len()) || ssid.chars().any(char::is_control))
        {
            faults.add(
                "devices.networks",
                format!("at most {NETWORKS_MAX} names of 1 to 32 octets"),
            );
        }
        faults.distinct("devices.delegates", &self.devices.delegates);
        if self.devices.delegates.len() > LIST_MAX {
            faults.add("devices.delegates", format!("at most {LIST_MAX} groups"));
        }
        faults.retention(&self.retention);
        faults.0
    }
}

#[derive(Default)]
struct Faults(Vec<SettingFault>);

impl Faults {
    fn add(&mut self, key: &'static str, what: impl Into<String>) {
        self.0.push(SettingFault {
            key,
            what: what.into(),
        });
    }

    fn short(&mut self, key: &'static str, text: &str) {
        if text.chars().count() > SHORT_MAX {
            self.add(key, format!("at most {SHORT_MAX} characters"));
        }
        if text.chars().any(char::is_control) {
            self.add(key, "one line, without control characters");
        }
    }

    fn language(&mut self, key: &'static str, language: &str) {
        if !LANGUAGES.contains(&language) {
            self.add(key, format!("one of {}", LANGUAGES.join(", ")));
        }
    }

    fn help(&mut self, help: &HelpContact) {
        self.short("help.name", &help.name);
        self.short("help.phone", &help.phone);
        self.short("help.email", &help.email);
        if !help
            .phone
            .chars()
            .all(|c| c.is_ascii_digit() || "+ ()-/.".contains(c))
        {
            self.add("help.phone", "digits, spaces and + ( ) - / . only");
        }
        if !help.email.is_empty() && !is_address(&help.email) {
            self.add("help.email", "not an e-mail address");
        }
    }

    fn venue(&mut self, url: &str) {
        let printable = url.bytes().all(|octet| octet.is_ascii_graphic());
        if !url.is_empty() && (!url.starts_with("https://") || !printable || url.len() > 200) {
            self.add(
                "venue_url",
                "begins with https:// and has at most 200 characters, without spaces",
            );
        }
    }

    fn colour(&mut self, key: &'static str, colour: Colour, paper: Colour, theme: &str) {
        let contrast = colour.contrast(paper);
        if contrast < LEAST_CONTRAST {
            // Rounded down, so that 4.49 is not told as 4.5.
            let shown = (contrast * 10.0).floor() / 10.0;
            let direction = if theme == "light" {
                "darker"
            } else {
                "lighter"
            };
            self.add(
                key,
                format!(
                    "{colour} on the {theme} page has a contrast of {shown}:1 and cannot be read by everybody; \
                     choose a {direction} colour with at least {LEAST_CONTRAST}:1"
                ),
            );
        }
    }

    fn range(&mut self, key: &'static str, value: u32, allowed: std::ops::RangeInclusive<u32>) {
        if !allowed.contains(&value) {
            self.add(
                key,
                format!("from {} to {}", allowed.start(), allowed.end()),
            );
        }
    }

    fn distinct<T: PartialEq + fmt::Display>(&mut self, key: &'static str, words: &[T]) {
        for (index, word) in words.iter().enumerate() {
            if words.iter().take(index).any(|earlier| earlier == word) {
                self.add(key, format!("{word} is named twice"));
            }
        }
    }

    fn guest(&mut self, settings: &PortalSettings) {
        let guest = &settings.guest;
        let fields: Vec<GuestField> = guest.fields.iter().map(|asked| asked.field).collect();
        self.distinct("guest.fields", &fields);
        let required = |field| {
            let asked = guest.fields.iter();
            asked
                .clone()
                .any(|asked| asked.field == field && asked.required)
        };
        if guest.verify_email && !required(GuestField::Email) {
            self.add(
                "guest.verify_email",
                "needs the field email, and that it is required",
            );
        }
        if guest.approval && !required(GuestField::Sponsor) {
            self.add(
                "guest.approval",
                "needs the field sponsor, and that it is required",
            );
        }
        if guest.approval && guest.sponsor_domains.is_empty() {
            self.add(
                "guest.sponsor_domains",
                "name at least one domain, such as example.org, when sponsors approve",
            );
        }
        if guest.sponsor_domains.len() > LIST_MAX || guest.sponsor_groups.len() > LIST_MAX {
            self.add(
                "guest",
                format!("at most {LIST_MAX} sponsor domains and groups"),
            );
        }
        for domain in &guest.sponsor_domains {
            if !is_domain(domain) {
                self.add(
                    "guest.sponsor_domains",
                    format!("\"{domain}\" is not a domain such as example.org"),
                );
            }
        }
        for group in &guest.sponsor_groups {
            self.short("guest.sponsor_groups", group);
        }
        self.range("guest.hours", guest.hours, 1..=8_760);
        self.range("guest.activation_minutes", guest.activation_minutes, 1..=60);
        self.range("guest.devices", guest.devices, 1..=100);
    }

    fn terms(&mut self, settings: &PortalSettings) {
        let terms = &settings.terms;
        self.short("terms.version", &terms.version);
        for (language, text) in &terms.text {
            self.language("terms.text", language);
            if text.trim().is_empty() {
                self.add(
                    "terms.text",
                    format!("the text in {language} is empty; leave it out instead"),
                );
            }
            if text.len() > TERMS_MAX {
                self.add(
                    "terms.text",
                    format!("the text in {language} is longer than {TERMS_MAX} octets"),
                );
            }
        }
        if !terms.text.is_empty() && terms.version.trim().is_empty() {
            self.add(
                "terms.version",
                "name a version, such as 2026-11, so that an acceptance can say of what",
            );
        }
        if terms.text.is_empty() && settings.methods.contains(&PortalMethod::Terms) {
            self.add(
                "methods",
                "\"terms\" lets people in who accept the terms: write terms.text first",
            );
        }
    }

    fn retention(&mut self, retention: &Retention) {
        let all = [
            ("retention.decisions_days", retention.decisions_days),
            ("retention.accounting_days", retention.accounting_days),
            ("retention.sessions_days", retention.sessions_days),
            ("retention.guests_days", retention.guests_days),
            ("retention.acceptances_days", retention.acceptances_days),
        ];
        for (key, days) in all {
            self.range(key, days, 1..=DAYS_MAX);
        }
    }
}

fn zone_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"/_+-".contains(&octet)
}

/// Enough to tell an address from a slip; whether it exists, only mail can say.
fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !local
                .chars()
                .any(|c| c.is_whitespace() || "<>\"'\\,;:()[]@".contains(c))
            && is_domain(domain)
    })
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

pub(super) fn site_name(site: &str) -> Result<(), StoreError> {
    if site.chars().count() > SHORT_MAX || site.chars().any(char::is_control) {
        return Err(StoreError::Invalid {
            what: format!("a site's name is one line of at most {SHORT_MAX} characters"),
        });
    }
    Ok(())
}

/// The media type of a logo, by its first octets. SVG is none: it can carry script.
pub fn logo_type(logo: &[u8]) -> Option<&'static str> {
    match logo {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

pub(super) fn logo(logo: &[u8]) -> Result<(), StoreError> {
    let fault = |what: String| Err(StoreError::Invalid { what });
    if logo.len() > LOGO_MAX {
        return fault(format!(
            "the logo has {} octets and may have {LOGO_MAX}: make it smaller, about 400 pixels wide",
            logo.len()
        ));
    }
    if logo_type(logo).is_none() {
        return fault("the logo is neither PNG nor JPEG nor WebP".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AskedField, Terms};

    fn keys(settings: &PortalSettings) -> Vec<&'static str> {
        settings.faults().iter().map(|fault| fault.key).collect()
    }

    #[test]
    fn what_the_program_brings_is_good() {
        assert_eq!(PortalSettings::default().faults(), []);
    }

    #[test]
    fn a_colour_that_cannot_be_read_is_refused_with_its_contrast() {
        let mut settings = PortalSettings::default();
        settings.brand.accent = Colour::new(0xff, 0xcc, 0x00);
        settings.brand.accent_dark = Colour::new(0x30, 0x30, 0x60);
        assert_eq!(keys(&settings), ["brand.accent", "brand.accent_dark"]);
        let text = settings.faults()[0].to_string();
        assert!(text.contains("#ffcc00") && text.contains(":1"), "{text}");
    }

    #[test]
    fn methods_that_need_more_say_what() {
        let mut settings = PortalSettings {
            methods: vec![PortalMethod::Terms],
            ..PortalSettings::default()
        };
        settings.guest.approval = true;
        settings.guest.fields = vec![AskedField {
            field: GuestField::Email,
            required: false,
        }];
        assert_eq!(
            keys(&settings),
            [
                "guest.verify_email",
                "guest.approval",
                "guest.sponsor_domains",
                "methods"
            ]
        );
        settings.guest = crate::GuestSettings::default();
        settings.terms = Terms {
            version: "2026-11".to_owned(),
            text: [("en".to_owned(), "Be kind.".to_owned())].into(),
        };
        assert_eq!(keys(&settings), [""; 0]);
    }

    #[test]
    fn a_contact_that_is_none_is_refused() {
        for email in [
            "desk",
            "desk@",
            "@example.org",
            "a b@example.org",
            "desk@example",
            "<desk@example.org>",
        ] {
            let mut settings = PortalSettings::default();
            settings.help.email = email.to_owned();
            assert_eq!(keys(&settings), ["help.email"], "{email}");
        }
        let mut settings = PortalSettings::default();
        settings.help.phone = "javascript:alert(1)".to_owned();
        assert_eq!(keys(&settings), ["help.phone"]);
    }

    #[test]
    fn a_logo_is_a_small_png_jpeg_or_webp() {
        assert!(logo(b"\x89PNG\x0d\x0a\x1a\x0arest").is_ok());
        assert!(logo(&[0xff, 0xd8, 0xff, 0xe0]).is_ok());
        assert!(logo(b"RIFF\x10\0\0\0WEBPVP8 ").is_ok());
        assert!(logo(b"RIFF\x10\0\0\0WAVEfmt ").is_err());
        assert!(logo(b"<svg xmlns='http://www.w3.org/2000/svg'/>").is_err());
        assert!(logo(b"").is_err());
        let mut large = b"\x89PNG\x0d\x0a\x1a\x0a".to_vec();
        large.resize(LOGO_MAX + 1, 0);
        assert!(logo(&large).is_err());
    }
}
