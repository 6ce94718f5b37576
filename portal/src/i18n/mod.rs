//! Languages of the public pages, by Fluent: every text that a person reads stands in `portal/locales/LANGUAGE/AREA.ftl`.
//!
//! A page writes `{{ shell.text("shell-privacy") }}`, or `{{ shell.text("guest-hello").arg("name", name) }}`; the
//! result is escaped like any other text. Keys begin with their area's name and are always written out in full, so that
//! the tests find them: those fail on a key that one language lacks, that nobody uses or that does not exist, and on
//! arguments that differ between languages. A new area is a file in each of the five folders and a line in
//! [`catalogue`].

pub mod catalogue;
mod language;
mod message;
#[cfg(test)]
mod tests;

pub use language::Language;
pub use message::{Argument, Message};

/// The text with this key.
pub fn text(language: Language, key: &str) -> Message {
    Message::new(language, key)
}
