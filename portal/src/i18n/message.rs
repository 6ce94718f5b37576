//! One text, ready to be shown.

use std::fmt;

use fluent_bundle::{FluentArgs, FluentValue};

use super::{Language, catalogue};

/// A text of the catalogue with its arguments. Its `Display` is plain text: a page escapes it.
#[derive(Debug)]
pub struct Message {
    language: Language,
    key: String,
    arguments: FluentArgs<'static>,
}

impl Message {
    pub(super) fn new(language: Language, key: &str) -> Self {
        Self {
            language,
            key: key.to_owned(),
            arguments: FluentArgs::new(),
        }
    }

    /// Sets an argument of the text, `{ $name }` there.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl Argument) -> Self {
        self.arguments.set(name, value.value());
        self
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bundle = catalogue::bundle(self.language);
        let Some(pattern) = bundle
            .get_message(&self.key)
            .and_then(|message| message.value())
        else {
            tracing::error!(key = %self.key, language = self.language.tag(), "a text is missing");
            return f.write_str(&self.key);
        };
        let mut errors = Vec::new();
        bundle.write_pattern(f, pattern, Some(&self.arguments), &mut errors)?;
        if let Some(error) = errors.first() {
            tracing::error!(key = %self.key, language = self.language.tag(), %error, "a text lacks an argument");
        }
        Ok(())
    }
}

/// What can stand in a text: words and whole numbers, by value or by reference.
pub trait Argument {
    /// As Fluent takes it.
    fn value(&self) -> FluentValue<'static>;
}

impl Argument for str {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(self.to_owned())
    }
}

impl Argument for String {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(self.clone())
    }
}

impl Argument for Message {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::from(self.to_string())
    }
}

impl<T: Argument + ?Sized> Argument for &T {
    fn value(&self) -> FluentValue<'static> {
        T::value(self)
    }
}

macro_rules! whole_numbers {
    ($($number:ty)+) => {
        $(impl Argument for $number {
            fn value(&self) -> FluentValue<'static> {
                FluentValue::from(*self)
            }
        })+
    };
}
whole_numbers!(u8 u16 u32 i32 i64 u64 usize);
