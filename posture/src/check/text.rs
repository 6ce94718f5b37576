//! What a check says to the device's owner: what was seen, why it matters, what to do, in their language and for their system.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::parse::Reader;
use super::{Check, CheckFault, PLATFORMS};

/// What a link may begin with: settings of the system, or a page that explains.
const SCHEMES: [&str; 4] = [
    "ms-settings:",
    "windowsdefender:",
    "x-apple.systempreferences:",
    "https://",
];
/// The language that is there when no other is.
const ENGLISH: &str = "en";

/// How long the repair takes, and what opens the right place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckHelp {
    /// Minutes that the repair takes.
    pub minutes: Option<u32>,
    /// By platform: an address that opens the settings, such as `ms-settings:windowsupdate`.
    pub links: BTreeMap<String, String>,
}

/// A check in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckText {
    /// What is required; the check's own title when absent.
    pub title: Option<String>,
    /// What was seen where it fails.
    pub seen: Option<String>,
    /// Why it matters, one line.
    pub why: Option<String>,
    /// By platform: what to do, step by step.
    pub steps: BTreeMap<String, Vec<String>>,
}

/// What one person is told about a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// The language of these words: the person's, or English.
    pub language: &'a str,
    /// What is required.
    pub title: &'a str,
    /// What was seen where it fails.
    pub seen: Option<&'a str>,
    /// Why it matters.
    pub why: Option<&'a str>,
    /// What to do.
    pub steps: Vec<&'a str>,
    /// What opens the right place.
    pub link: Option<&'a str>,
    /// Minutes that the repair takes.
    pub minutes: Option<u32>,
}

impl Check {
    /// What somebody with a device of this platform is told, in their language where the check has it. Words of two languages
    /// are never mixed.
    pub fn told<'a>(&'a self, language: &'a str, platform: &str) -> Told<'a> {
        let (language, text) = match self.texts.get(language) {
            Some(text) => (language, Some(text)),
            None => (ENGLISH, self.texts.get(ENGLISH)),
        };
        let steps = text
            .and_then(|text| text.steps.get(platform))
            .map(|steps| steps.iter().map(String::as_str).collect());
        let part =
            |part: fn(&CheckText) -> &Option<String>| text.and_then(|text| part(text).as_deref());
        Told {
            language,
            title: part(|text| &text.title).unwrap_or(&self.title),
            seen: part(|text| &text.seen),
            why: part(|text| &text.why),
            steps: steps.unwrap_or_else(|| vec![self.resolution.as_str()]),
            link: self.help.links.get(platform).map(String::as_str),
            minutes: self.help.minutes,
        }
    }
}

/// Reads `[help]`.
pub(super) fn help(reader: &Reader<'_>, table: &Table, faults: &mut Vec<CheckFault>) -> CheckHelp {
    let mut help = CheckHelp::default();
    let Some(value) = table.get("help") else {
        return help;
    };
    let Some(fields) = value.as_table() else {
        faults.push(reader.fault("help", "is not a table", "write [help]"));
        return help;
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("minutes", Value::Integer(minutes)) if (1..=10_000).contains(minutes) => {
                help.minutes = u32::try_from(*minutes).ok();
            }
            ("minutes", _) => {
                faults.push(reader.fault(
                    "help.minutes",
                    "is no number of minutes",
                    "write minutes = 5",
                ));
            }
            ("link", Value::Table(links)) => {
                for (platform, link) in links {
                    let field = format!("help.link.{platform}");
                    known_platform(reader, &field, platform, faults);
                    match link.as_str().filter(|link| is_link(link)) {
                        Some(link) => {
                            help.links.insert(platform.clone(), link.to_owned());
                        }
                        None => {
                            let fix = format!("begin it with one of {}", SCHEMES.join(" "));
                            faults.push(reader.fault(
                                &field,
                                "is no address that a page may lead to",
                                fix,
                            ));
                        }
                    }
                }
            }
            (other, _) => {
                let fix = "use minutes and link = { platform = \"…\" }";
                faults.push(reader.fault(&format!("help.{other}"), "is not understood", fix));
            }
        }
    }
    help
}

/// Reads every `[text.LANGUAGE]`.
pub(super) fn texts(
    reader: &Reader<'_>,
    table: &Table,
    faults: &mut Vec<CheckFault>,
) -> BTreeMap<String, CheckText> {
    let mut texts = BTreeMap::new();
    let Some(value) = table.get("text") else {
        return texts;
    };
    let Some(languages) = value.as_table() else {
        faults.push(reader.fault("text", "is not a table", "write [text.en]"));
        return texts;
    };
    for (language, value) in languages {
        let field = format!("text.{language}");
        let well_formed =
            (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
        if !well_formed {
            faults.push(reader.fault(&field, "is no language", "write a tag such as en or de"));
        }
        let Some(fields) = value.as_table() else {
            faults.push(reader.fault(&field, "is not a table", "write [text.en]"));
            continue;
        };
        texts.insert(language.clone(), text(reader, &field, fields, faults));
    }
    texts
}

fn text(
    reader: &Reader<'_>,
    field: &str,
    fields: &Table,
    faults: &mut Vec<CheckFault>,
) -> CheckText {
    let mut text = CheckText::default();
    for (name, value) in fields {
        let field = format!("{field}.{name}");
        match (name.as_str(), words(value)) {
            ("title", Some(words)) => text.title = Some(words),
            ("seen", Some(words)) => text.seen = Some(words),
            ("why", Some(words)) => text.why = Some(words),
            ("steps", _) => {
                let Some(platforms) = value.as_table() else {
                    faults.push(reader.fault(
                        &field,
                        "is not a table",
                        "write steps.linux = [\"…\"]",
                    ));
                    continue;
                };
                for (platform, steps) in platforms {
                    let field = format!("{field}.{platform}");
                    known_platform(reader, &field, platform, faults);
                    let steps: Option<Vec<String>> = steps
                        .as_array()
                        .filter(|steps| !steps.is_empty())
                        .and_then(|steps| steps.iter().map(words).collect());
                    match steps {
                        Some(steps) => {
                            text.steps.insert(platform.clone(), steps);
                        }
                        None => {
                            let fix = "write [\"first\", \"then\"]";
                            faults.push(reader.fault(&field, "is not a list of texts", fix));
                        }
                    }
                }
            }
            ("title" | "seen" | "why", None) => {
                faults.push(reader.fault(&field, "is empty or not a text", "write a sentence"));
            }
            _ => {
                let fix = "use title, seen, why and steps.PLATFORM";
                faults.push(reader.fault(&field, "is not understood", fix));
            }
        }
    }
    text
}

fn known_platform(reader: &Reader<'_>, field: &str, platform: &str, faults: &mut Vec<CheckFault>) {
    if !PLATFORMS.contains(&platform) {
        let fix = format!("use {}", PLATFORMS.join(", "));
        faults.push(reader.fault(field, "is of an unknown platform", fix));
    }
}

fn words(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned())
}

fn is_link(link: &str) -> bool {
    SCHEMES.iter().any(|scheme| link.starts_with(scheme))
        && !link.contains(|c: char| c.is_control() || c.is_whitespace())
}
