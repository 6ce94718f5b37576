//! Posture checks: one question in osquery SQL each, read from TOML.
//!
//! A row means compliant. A check may name `evidence`: tables of which at least one must have a
//! row, or else nothing is known. It keeps "nothing bad was found" from passing, and "nothing was
//! found" from failing, on a host whose tables are empty because osquery lacks a right.
//!
//! A check file has these fields; anything else is an error:
//!
//! | field | holds |
//! |---|---|
//! | `name` | lower-case letters, digits, hyphens; the file is called the same |
//! | `title` | what a person reads |
//! | `platforms` | of `linux`, `darwin`, `windows`, `chrome` |
//! | `severity` | `critical` and `high` gate access, `medium` and `low` advise |
//! | `tables` | every table the query reads; the discovery query is made from them |
//! | `evidence` | optional; tables of which one must have a row before anything is known. Not for tables that answer only with a constraint, such as `file` or `registry` |
//! | `query` | one SELECT without semicolon; `{{name}}` stands for a parameter |
//! | `resolution` | what the user does when it fails |
//! | `[parameters]` | integers, texts, or lists of them; they become SQL literals |
//! | `[help]` | optional; `minutes` that the repair takes, and `link = { platform = "ms-settings:…" }` that opens the right place |
//! | `[text.LANGUAGE]` | optional; `title`, `seen`, `why` and `steps.PLATFORM` for the device's owner, see [`CheckText`] |
//! | `[fixtures]` | `pass` and `fail`: rows of example hosts, `{ table = { column = value } }` |

mod fault;
mod parse;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

pub use fault::{CheckFault, CheckFaults};
pub use text::{CheckHelp, CheckText, Told};

/// The platforms that a check may name.
pub const PLATFORMS: [&str; 4] = ["linux", "darwin", "windows", "chrome"];

/// The column by which a query with evidence tells its outcome.
pub(crate) const OUTCOME_COLUMN: &str = "nac_outcome";

/// How much a failing check matters. Critical and high ones make a device failing; the others are
/// advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth repairing.
    Medium,
    /// Gates access.
    High,
    /// Gates access; the device is in danger or dangerous.
    Critical,
}

impl Severity {
    /// Whether a failing check of this severity makes the device failing.
    pub const fn gates(self) -> bool {
        matches!(self, Self::High | Self::Critical)
    }

    /// `critical`, `high`, `medium` or `low`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A row of an example host, for testing a check.
#[derive(Clone, Debug, PartialEq)]
pub struct FixtureRow {
    /// The table.
    pub table: String,
    /// Column to value.
    pub row: serde_json::Map<String, serde_json::Value>,
}

/// One posture question.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name: lower-case letters, digits and hyphens. Query names and records carry it.
    pub name: String,
    /// What a person reads.
    pub title: String,
    /// Where it applies: `linux`, `darwin`, `windows`, `chrome`.
    pub platforms: Vec<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The SQL that is sent, parameters filled in.
    pub query: String,
    /// The generated SQL that lets the query run only where all its tables exist. It reads
    /// `osquery_registry` alone, so it is valid on every host and cannot spoil a batch.
    pub discovery: String,
    /// The tables the query reads.
    pub tables: Vec<String>,
    /// Tables of which at least one must have a row before anything is known.
    pub evidence: Vec<String>,
    /// What the user does when it fails.
    pub resolution: String,
    /// How long the repair takes, and what opens the right place.
    pub help: CheckHelp,
    /// What the device's owner reads, by language (`en`, `de`, …).
    pub texts: BTreeMap<String, CheckText>,
    /// Parameters and their values, rendered as SQL.
    pub parameters: BTreeMap<String, String>,
    /// An example host that passes.
    pub passing: Vec<FixtureRow>,
    /// An example host that fails.
    pub failing: Vec<FixtureRow>,
}

impl Check {
    /// Reads one check; `file` is only for messages.
    ///
    /// # Errors
    /// Every fault of the file at once.
    pub fn parse(file: &str, text: &str) -> Result<Self, CheckFaults> {
        parse::check(file, text).map_err(CheckFaults)
    }

    /// Whether it applies to `platform`.
    pub fn applies_to(&self, platform: &str) -> bool {
        self.platforms.iter().any(|name| name == platform)
    }
}

/// A set of checks with unique names, sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckSet {
    checks: Vec<Check>,
}

impl CheckSet {
    /// The built-in checks. Their files are tested, so a file that cannot be read is left out here
    /// rather than stopping the server.
    pub fn embedded() -> Self {
        let mut checks = Vec::new();
        for (file, text) in EMBEDDED {
            match Check::parse(file, text) {
                Ok(check) => checks.push(check),
                Err(faults) => tracing::error!(%faults, "a built-in check cannot be read"),
            }
        }
        checks.sort_by(|a: &Check, b: &Check| a.name.cmp(&b.name));
        Self { checks }
    }

    /// The checks of every `*.toml` in a directory.
    ///
    /// # Errors
    /// Every fault of every file at once: which file, which field, what to do.
    pub fn load_dir(directory: &Path) -> Result<Self, CheckFaults> {
        parse::directory(directory)
            .map(|checks| Self { checks })
            .map_err(CheckFaults)
    }

    /// This set with the checks of `other` added; those of the same name are replaced.
    #[must_use]
    pub fn overlaid_with(mut self, other: Self) -> Self {
        self.checks
            .retain(|check| other.find(&check.name).is_none());
        self.checks.extend(other.checks);
        self.checks.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// Every check, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter()
    }

    /// The checks that apply to `platform`, by name.
    pub fn for_platform<'a>(&'a self, platform: &'a str) -> impl Iterator<Item = &'a Check> {
        self.checks
            .iter()
            .filter(move |check| check.applies_to(platform))
    }

    /// The check of that name.
    pub fn find(&self, name: &str) -> Option<&Check> {
        self.checks
            .binary_search_by(|check| check.name.as_str().cmp(name))
            .ok()
            .and_then(|position| self.checks.get(position))
    }

    /// A set of one.
    #[cfg(test)]
    pub(crate) fn single(check: Check) -> Self {
        Self {
            checks: vec![check],
        }
    }

    /// How many checks there are.
    pub fn len(&self) -> usize {
        self.checks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }
}

/// SQL that gives a row only where every one of `tables` exists and is active.
pub(crate) fn discovery(tables: &[String]) -> String {
    let mut tables = tables.to_vec();
    tables.sort();
    tables.dedup();
    let names: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
    format!(
        "SELECT 1 FROM (SELECT COUNT(DISTINCT name) AS n FROM osquery_registry \
         WHERE registry = 'table' AND active = 1 AND name IN ({})) WHERE n = {};",
        names.join(","),
        names.len()
    )
}

macro_rules! embedded {
    ($($name:literal)*) => {
        /// The built-in files, name and text.
        const EMBEDDED: &[(&str, &str)] = &[$((
            concat!($name, ".toml"),
            include_str!(concat!("../checks/", $name, ".toml")),
        )),*];
    };
}

embedded! {
    "forbidden-ports"
    "forbidden-software-linux"
    "forbidden-software-macos"
    "linux-auto-update"
    "linux-disk-encryption"
    "linux-firewall"
    "linux-mandatory-access-control"
    "linux-no-empty-passwords"
    "linux-os-supported"
    "linux-restarted-recently"
    "macos-auto-update"
    "macos-filevault"
    "macos-firewall"
    "macos-gatekeeper"
    "macos-os-version"
    "macos-sip"
    "osquery-agent-integrity"
    "osquery-agent-version"
    "uefi-secure-boot"
    "windows-antivirus"
    "windows-auto-update"
    "windows-bitlocker"
    "windows-defender-service"
    "windows-firewall"
    "windows-os-build"
    "windows-smb1-off"
}

#[cfg(test)]
mod tests;
