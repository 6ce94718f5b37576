//! Brand colours, and whether text in them can be read (WCAG 2.2, success criterion 1.4.3).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The least contrast of text and its paper.
pub const LEAST_CONTRAST: f64 = 4.5;
/// The darker one of the portal's two light papers: what is legible on it is legible on white.
pub const LIGHT_PAPER: Colour = Colour::new(0xf4, 0xf5, 0xf7);
/// The lighter one of the portal's two dark papers.
pub const DARK_PAPER: Colour = Colour::new(0x20, 0x25, 0x2b);

/// A colour of sRGB, written `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// The colour with these parts.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The contrast ratio to another colour, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// WCAG's relative luminance.
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// Not a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written #rrggbb, such as #0b5cad")]
pub struct ColourForm;

impl FromStr for Colour {
    type Err = ColourForm;

    fn from_str(text: &str) -> Result<Self, ColourForm> {
        let digits = text.strip_prefix('#').ok_or(ColourForm)?;
        if digits.len() != 6 || !digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return Err(ColourForm);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| ColourForm)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self::new(red, green, blue))
    }
}

impl TryFrom<String> for Colour {
    type Error = ColourForm;

    fn try_from(text: String) -> Result<Self, ColourForm> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_wcag() {
        let white = Colour::new(255, 255, 255);
        let black = Colour::new(0, 0, 0);
        assert!((white.contrast(black) - 21.0).abs() < 0.001);
        assert!((white.contrast(white) - 1.0).abs() < 0.001);
        // The grey that WCAG's own examples call just sufficient on white, and the next lighter one.
        assert!(white.contrast("#767676".parse().unwrap()) >= LEAST_CONTRAST);
        assert!(white.contrast("#777777".parse().unwrap()) < LEAST_CONTRAST);
    }

    #[test]
    fn only_a_hash_and_six_digits_are_a_colour() {
        assert_eq!("#0B5cad".parse::<Colour>().unwrap().to_string(), "#0b5cad");
        for text in [
            "",
            "#",
            "red",
            "#fff",
            "#0b5cad0",
            "0b5cad",
            "#+b5cad",
            "#0b5ca\u{e9}",
            "#;}*{x",
        ] {
            assert_eq!(text.parse::<Colour>(), Err(ColourForm), "{text}");
        }
    }
}
