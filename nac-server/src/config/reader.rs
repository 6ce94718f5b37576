//! Reads typed values out of TOML's spanned tree and collects every fault on the way.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration::parse_duration;
use super::fault::Fault;
use super::suggestion::suggestion;

/// A value and where it stands in the file; no place when it is a default.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Option<Range<usize>>,
}

impl<T> Placed<T> {
    pub(super) const fn default(value: T) -> Self {
        Self { value, span: None }
    }

    /// A fault about this value, at its place.
    pub(super) fn fault(&self, message: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault {
            message: message.into(),
            span: self.span.clone(),
            help: help.into(),
        }
    }
}

/// The file, as a table of sections.
pub(super) struct Document<'a> {
    root: DeTable<'a>,
    folder: PathBuf,
    faults: Vec<Fault>,
}

impl<'a> Document<'a> {
    /// Parses the text; syntax errors become faults and what could be understood remains.
    pub(super) fn parse(text: &'a str, folder: &Path) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let faults = errors
            .iter()
            .map(|error| Fault {
                message: format!("this is not TOML: {}", error.message()),
                span: error.span(),
                help:
                    "every line is [section], key = value, or # comment; texts stand in \"quotes\""
                        .to_owned(),
            })
            .collect();
        Self {
            root: root.into_inner(),
            folder: folder.to_owned(),
            faults,
        }
    }

    /// Complains about every section that is not known.
    pub(super) fn expect_sections(&mut self, known: &[&str]) {
        for key in self.root.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                self.faults.push(unknown("section", key, known));
            }
        }
    }

    /// Opens a section and complains about every key that is not known in it.
    pub(super) fn section<'d>(&'d mut self, name: &'static str, known: &[&str]) -> Section<'d, 'a> {
        let mut table = None;
        if let Some(value) = self.root.get(name) {
            match value.get_ref() {
                DeValue::Table(section) => table = Some(section),
                other => self.faults.push(Fault::at(
                    value.span(),
                    format!("{name} must be a section, not {}", kind(other)),
                    format!("write [{name}] on a line of its own and its keys below"),
                )),
            }
        }
        for key in table.iter().flat_map(|table| table.keys()) {
            if !known.contains(&key.get_ref().as_ref()) {
                self.faults
                    .push(unknown(&format!("key in [{name}]"), key, known));
            }
        }
        Section {
            name,
            table,
            folder: &self.folder,
            faults: &mut self.faults,
        }
    }

    pub(super) fn note(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }
}

/// One section, present or not. Every method gives the default for a key that is absent, and also for one
/// that is wrong, after noting the fault.
pub(super) struct Section<'d, 'a> {
    name: &'static str,
    table: Option<&'d DeTable<'a>>,
    folder: &'d Path,
    faults: &'d mut Vec<Fault>,
}

impl<'d, 'a> Section<'d, 'a> {
    pub(super) fn text(&mut self, key: &str) -> Option<Placed<String>> {
        let value = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "a text in \"quotes\"");
            return None;
        };
        Some(Placed {
            value: text.to_owned(),
            span: Some(value.span()),
        })
    }

    /// One text, or a list of texts.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<Placed<String>>> {
        let value = self.value(key)?;
        if let Some(text) = value.get_ref().as_str() {
            return Some(vec![Placed {
                value: text.to_owned(),
                span: Some(value.span()),
            }]);
        }
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(
                key,
                value,
                "a list of texts in [\"quotes\", \"and brackets\"]",
            );
            return None;
        };
        let mut texts = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_str() {
                Some(text) => {
                    texts.push(Placed {
                        value: text.to_owned(),
                        span: Some(item.span()),
                    });
                }
                None => self.wrong_type(key, item, "a list of texts, each in \"quotes\""),
            }
        }
        Some(texts)
    }

    pub(super) fn address(&mut self, key: &str, default: &str) -> Placed<SocketAddr> {
        let fallback = || {
            default
                .parse()
                .unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)))
        };
        let Some(text) = self.text(key) else {
            return Placed::default(fallback());
        };
        match text.value.parse() {
            Ok(address) => Placed {
                value: address,
                span: text.span,
            },
            Err(_) => {
                let help = format!(
                    "write an IP address and a port, such as \"{default}\" or \"[::]:1812\""
                );
                let message = format!("\"{}\" is not an address to listen on", text.value);
                self.faults.push(text.fault(message, help));
                Placed::default(fallback())
            }
        }
    }

    /// An address where nothing is listened on unless told; `example` is for the help.
    pub(super) fn optional_address(
        &mut self,
        key: &str,
        example: &str,
    ) -> Option<Placed<SocketAddr>> {
        // Without the key this is the default, which has no place in the file.
        let address = self.address(key, example);
        address.span.is_some().then_some(address)
    }

    /// Complains about a certificate without its key, and about a key without its certificate.
    pub(super) fn both_or_neither(
        &mut self,
        certificate: &Option<Placed<PathBuf>>,
        key: &Option<Placed<PathBuf>>,
    ) {
        let (alone, missing) = match (certificate, key) {
            (Some(alone), None) => (alone, "key"),
            (None, Some(alone)) => (alone, "certificate"),
            _ => return,
        };
        self.faults.push(alone.fault(
            format!("[{}] {missing} is missing beside this", self.name),
            "name both certificate and key, or neither to use those of [eap]",
        ));
    }

    /// A path; a relative one belongs to the folder of the file.
    pub(super) fn path(&mut self, key: &str) -> Option<Placed<PathBuf>> {
        let text = self.text(key)?;
        self.located(text)
    }

    pub(super) fn paths(&mut self, key: &str) -> Option<Vec<Placed<PathBuf>>> {
        let texts = self.texts(key)?;
        Some(
            texts
                .into_iter()
                .filter_map(|text| self.located(text))
                .collect(),
        )
    }

    pub(super) fn required_path(&mut self, key: &str, example: &str) -> Option<Placed<PathBuf>> {
        if self.value(key).is_none() {
            self.missing(key, &format!("\"{example}\""));
        }
        self.path(key)
    }

    pub(super) fn required_text(&mut self, key: &str, example: &str) -> Option<Placed<String>> {
        if self.value(key).is_none() {
            self.missing(key, &format!("\"{example}\""));
        }
        self.text(key)
    }

    /// A length of time: seconds as a number, or a text such as `"8h"`; within the bounds.
    pub(super) fn duration(
        &mut self,
        key: &str,
        default: Duration,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Duration {
        let Some(value) = self.value(key) else {
            return default;
        };
        let parsed = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .map(Duration::from_secs)
                .ok(),
            DeValue::String(text) => parse_duration(text).ok(),
            _ => None,
        };
        match parsed {
            Some(duration) if bounds.contains(&duration.as_secs()) => duration,
            _ => {
                let (low, high) = (bounds.start(), bounds.end());
                self.faults.push(Fault::at(
                    value.span(),
                    format!("{key} must be a length of time between {low} s and {high} s"),
                    format!("write seconds or a text with a unit, such as {key} = \"15m\""),
                ));
                default
            }
        }
    }

    /// A port.
    pub(super) fn port(&mut self, key: &str) -> Option<u16> {
        let value = self.value(key)?;
        let port = match value.get_ref() {
            DeValue::Integer(number) => u16::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if port.is_none_or(|port| port == 0) {
            self.faults.push(Fault::at(
                value.span(),
                format!("{key} must be a port"),
                format!("write a number between 1 and 65535, such as {key} = 587"),
            ));
        }
        port
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(value) = self.value(key) else {
            return default;
        };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        self.wrong_type(key, value, "true or false, without quotes");
        default
    }

    /// A text, or `true`, which is a text that is not given. `None` without the key and for `false`.
    pub(super) fn flag_or_text(&mut self, key: &str) -> Option<Option<Placed<String>>> {
        match self.value(key)?.get_ref() {
            DeValue::Boolean(flag) => flag.then_some(None),
            _ => self.text(key).map(Some),
        }
    }

    /// One word out of a closed set.
    pub(super) fn word<T: Copy>(&mut self, key: &str, default: T, words: &[(&str, T)]) -> T {
        let Some(text) = self.text(key) else {
            return default;
        };
        self.one_of(key, &text, words).unwrap_or(default)
    }

    /// Finds a word in a closed set; notes a fault when it is not in it.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        key: &str,
        text: &Placed<String>,
        words: &[(&str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = suggestion(&text.value, &names).map_or_else(
            || format!("write one of: \"{}\"", names.join("\", \"")),
            |near| {
                format!(
                    "did you mean \"{near}\"? Possible are: \"{}\"",
                    names.join("\", \"")
                )
            },
        );
        self.faults
            .push(text.fault(format!("\"{}\" is no value for {key}", text.value), help));
        None
    }

    /// Whether the file has this section.
    pub(super) const fn is_present(&self) -> bool {
        self.table.is_some()
    }

    pub(super) fn note(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) const fn folder(&self) -> &Path {
        self.folder
    }

    fn value(&self, key: &str) -> Option<&'d Spanned<DeValue<'a>>> {
        self.table?.get(key)
    }

    fn located(&mut self, text: Placed<String>) -> Option<Placed<PathBuf>> {
        if text.value.is_empty() {
            self.faults
                .push(text.fault("the path is empty", "write the path of a file"));
            return None;
        }
        Some(Placed {
            value: self.folder.join(&text.value),
            span: text.span,
        })
    }

    fn missing(&mut self, key: &str, example: &str) {
        let name = self.name;
        self.faults.push(Fault::missing(
            format!("[{name}] {key} is missing"),
            format!("add to the section [{name}]:  {key} = {example}"),
        ));
    }

    fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = kind(value.get_ref());
        self.faults.push(Fault::at(
            value.span(),
            format!("{key} must be {wanted}, not {found}"),
            format!("write {key} as {wanted}"),
        ));
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn unknown(what: &str, key: &Spanned<std::borrow::Cow<'_, str>>, known: &[&str]) -> Fault {
    let name = key.get_ref();
    let help = suggestion(name, known).map_or_else(
        || format!("known here: {}", known.join(", ")),
        |near| format!("did you mean {near}? Known here: {}", known.join(", ")),
    );
    Fault::at(
        key.span(),
        format!("there is no {what} called {name}"),
        help,
    )
}
