//! Names, numbers and types of attributes, in the text format that the whole field uses.
//!
//! A dictionary turns octets into words for logs and policies ([`Dictionary::describe`]) and words
//! from vendor profiles and configuration into octets ([`Dictionary::encode`]). What one NAS said
//! can be said back to it: describing and encoding again gives the same octets, except for what is
//! masked.

mod data;
mod describe;
mod embedded;
mod encode;
mod parse;
mod value;

use std::collections::BTreeMap;

pub use data::DataType;
pub use describe::Described;
pub use encode::EncodeError;
use thiserror::Error;

/// A set of attribute definitions.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    attributes: Vec<DictionaryAttribute>,
    /// Index by lower-case name: names are compared without regard to case.
    names: BTreeMap<String, usize>,
    /// Index by vendor (0 for the standard space) and number.
    numbers: BTreeMap<(u32, u8), usize>,
    vendors: BTreeMap<String, Vendor>,
    notes: Vec<DictionaryError>,
}

/// One attribute's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DictionaryAttribute {
    /// The attribute's name, such as `Tunnel-Private-Group-Id`.
    pub name: String,
    /// The vendor's private enterprise number; `None` for a standard attribute.
    pub vendor: Option<u32>,
    /// The attribute's number in its space.
    pub number: u8,
    /// How its value is written.
    pub data_type: DataType,
    /// Whether the value begins with a tag octet (RFC 2868 section 3).
    pub tagged: bool,
    /// How its value is hidden.
    pub encryption: Encryption,
    /// Whether a long value is split over several attributes.
    pub concatenated: bool,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// The enumeration: names of numbers.
    values: Vec<(String, u64)>,
}

/// How the value of an attribute is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// As a User-Password (RFC 2865 section 5.2).
    UserPassword,
    /// With a salt (RFC 2868 section 3.5).
    Salted,
    /// In a vendor's own way, which is not spoken here.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vendor {
    number: u32,
    /// Whether its attributes have one octet of number and one of length, as RFC 2865 recommends.
    usual_format: bool,
}

/// A line of a dictionary that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {message}")]
pub struct DictionaryError {
    /// The file's name.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl Dictionary {
    /// The dictionaries that come with this server.
    pub fn embedded() -> &'static Self {
        embedded::dictionary()
    }

    /// Reads one dictionary that includes no other. `name` is the file's name, for errors.
    pub fn parse(name: &str, text: &str) -> Result<Self, DictionaryError> {
        let mut dictionary = Self::default();
        dictionary.extend(name, text)?;
        Ok(dictionary)
    }

    /// Adds the definitions of one more text, which may replace numbers defined before.
    ///
    /// On an error the dictionary may hold the lines before it.
    pub fn extend(&mut self, name: &str, text: &str) -> Result<(), DictionaryError> {
        self.extend_with(name, text, &mut |_, _| {
            Err("no other file can be included here".into())
        })
    }

    /// As [`extend`](Self::extend), with a loader for `$INCLUDE`.
    ///
    /// The loader is given the including file's name and the path that it names, and returns the
    /// full name and the text of that file, or says why it cannot.
    pub fn extend_with(
        &mut self,
        name: &str,
        text: &str,
        loader: &mut Loader<'_>,
    ) -> Result<(), DictionaryError> {
        parse::extend(self, name, text, loader)
    }

    /// The attribute with this name, in any case. A tag (`Tunnel-Type:1`) is not part of a name.
    pub fn by_name(&self, name: &str) -> Option<&DictionaryAttribute> {
        self.attributes
            .get(*self.names.get(&name.to_ascii_lowercase())?)
    }

    /// The attribute with this number of a vendor, or of the standard space (`None`).
    pub fn by_number(&self, vendor: Option<u32>, number: u8) -> Option<&DictionaryAttribute> {
        self.attributes
            .get(*self.numbers.get(&(vendor.unwrap_or(0), number))?)
    }

    /// All attributes, in the order of definition.
    pub fn attributes(&self) -> impl Iterator<Item = &DictionaryAttribute> {
        self.attributes.iter()
    }

    /// The name of the vendor with this private enterprise number.
    pub fn vendor_name(&self, number: u32) -> Option<&str> {
        self.vendors
            .iter()
            .find(|(_, vendor)| vendor.number == number)
            .map(|(name, _)| name.as_str())
    }

    /// Lines that were understood but are of no use here, such as nested attributes (RFC 6929).
    pub fn notes(&self) -> &[DictionaryError] {
        &self.notes
    }

    fn vendor_is_usual(&self, number: u32) -> bool {
        self.vendors
            .values()
            .all(|vendor| vendor.number != number || vendor.usual_format)
    }
}

/// Loads an included file: (including file, path) → (full name, text), or why not.
pub type Loader<'a> = dyn FnMut(&str, &str) -> Result<(String, String), String> + 'a;

impl DictionaryAttribute {
    /// The number that a name of the enumeration stands for, in any case.
    pub fn value(&self, name: &str) -> Option<u64> {
        let found = self
            .values
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    }

    /// The first name of a number in the enumeration.
    pub fn value_name(&self, value: u64) -> Option<&str> {
        self.values
            .iter()
            .find(|(_, known)| *known == value)
            .map(|(name, _)| name.as_str())
    }

    /// The whole enumeration, in the order of definition.
    pub fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
    }

    /// Whether the value is a secret or what a secret could be guessed from.
    pub fn is_hidden(&self) -> bool {
        self.secret || self.encryption != Encryption::None
    }
}

#[cfg(test)]
mod tests;
