//! Values: text to octets and octets to text.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{DataType, DictionaryAttribute};
use crate::mac::MacAddr;

/// Writes a value's text as octets; `None` when the text does not fit the type.
pub(super) fn to_octets(attribute: &DictionaryAttribute, text: &str) -> Option<Vec<u8>> {
    if let Some(width) = attribute.data_type.number_width() {
        let number = attribute
            .value(text)
            .or_else(|| number(attribute.data_type, text))?;
        let octets = number.to_be_bytes();
        let unused = octets.len().checked_sub(width)?;
        return octets.get(unused..).map(<[u8]>::to_vec);
    }
    Some(match attribute.data_type {
        DataType::String => text_octets(text),
        DataType::Octets => match text.strip_prefix("0x") {
            Some(digits) => from_hex(digits)?,
            None => text.as_bytes().to_vec(),
        },
        DataType::Ipv4 => text.parse::<Ipv4Addr>().ok()?.octets().to_vec(),
        DataType::Ipv6 => text.parse::<Ipv6Addr>().ok()?.octets().to_vec(),
        DataType::Ipv4Prefix => {
            let (address, length) = text.split_once('/').unwrap_or((text, "32"));
            let length = length.parse::<u8>().ok().filter(|length| *length <= 32)?;
            [
                &[0, length][..],
                &address.parse::<Ipv4Addr>().ok()?.octets(),
            ]
            .concat()
        }
        DataType::Ipv6Prefix => {
            let (address, length) = text.split_once('/').unwrap_or((text, "128"));
            let length = length.parse::<u8>().ok().filter(|length| *length <= 128)?;
            let octets = address.parse::<Ipv6Addr>().ok()?.octets();
            [&[0, length], octets.get(..usize::from(length).div_ceil(8))?].concat()
        }
        DataType::InterfaceId => {
            let groups = text
                .split(':')
                .map(|group| u16::from_str_radix(group, 16).map(u16::to_be_bytes))
                .collect::<Result<Vec<_>, _>>()
                .ok()?;
            (groups.len() == 4).then(|| groups.concat())?
        }
        DataType::Ethernet => text.parse::<MacAddr>().ok()?.octets().to_vec(),
        DataType::Byte
        | DataType::Short
        | DataType::Integer
        | DataType::Integer64
        | DataType::Signed
        | DataType::Date => return None,
    })
}

/// Writes a value's octets as text. Octets that do not have the type's form become `0x` and
/// hexadecimal digits.
pub(super) fn to_text(attribute: &DictionaryAttribute, octets: &[u8]) -> String {
    typed_text(attribute, octets).unwrap_or_else(|| to_hex(octets))
}

fn typed_text(attribute: &DictionaryAttribute, octets: &[u8]) -> Option<String> {
    if let Some(width) = attribute.data_type.number_width() {
        if octets.len() != width {
            return None;
        }
        let number = octets
            .iter()
            .fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
        return Some(match (attribute.value_name(number), attribute.data_type) {
            (Some(name), _) => name.to_owned(),
            (None, DataType::Signed) => i32::from_be_bytes(octets.try_into().ok()?).to_string(),
            (None, DataType::Date) => date_text(number),
            (None, _) => number.to_string(),
        });
    }
    Some(match attribute.data_type {
        DataType::String if is_plain(octets) => std::str::from_utf8(octets).ok()?.to_owned(),
        DataType::Ipv4 => Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).to_string(),
        DataType::Ipv6 => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_string(),
        DataType::Ipv4Prefix => {
            let [0, length @ 0..=32, address @ ..] = octets else {
                return None;
            };
            format!(
                "{}/{length}",
                Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?)
            )
        }
        DataType::Ipv6Prefix => {
            let [0, length @ 0..=128, address @ ..] = octets else {
                return None;
            };
            // Other lengths are legal on the wire, but would not come back the same.
            if address.len() != usize::from(*length).div_ceil(8) {
                return None;
            }
            let mut whole = [0; 16];
            whole.get_mut(..address.len())?.copy_from_slice(address);
            format!("{}/{length}", Ipv6Addr::from(whole))
        }
        DataType::InterfaceId => {
            let octets = <[u8; 8]>::try_from(octets).ok()?;
            let groups = octets.chunks(2).map(|pair| {
                pair.iter()
                    .fold(0_u16, |group, octet| group << 8 | u16::from(*octet))
            });
            groups
                .map(|group| format!("{group:x}"))
                .collect::<Vec<_>>()
                .join(":")
        }
        DataType::Ethernet => MacAddr::new(octets.try_into().ok()?).to_string(),
        _ => return None,
    })
}

/// `0x` and hexadecimal digits.
pub(super) fn to_hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().saturating_mul(2).saturating_add(2));
    text.push_str("0x");
    for octet in octets {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let nibbles = digits
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect::<Option<Vec<_>>>()?;
    let (pairs, rest) = nibbles.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Text of a string attribute as octets: itself, unless it is the hexadecimal form that
/// [`to_text`] gives to octets that are not plain.
fn text_octets(text: &str) -> Vec<u8> {
    match text.strip_prefix("0x").and_then(from_hex) {
        Some(octets) if !is_plain(&octets) => octets,
        _ => text.as_bytes().to_vec(),
    }
}

/// Whether octets can be shown as they are and read back: clean UTF-8 that does not itself look
/// like the hexadecimal form of something that is not plain.
fn is_plain(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else {
        return false;
    };
    // Each step halves the text, so that this ends after eight.
    !text.chars().any(char::is_control)
        && text
            .strip_prefix("0x")
            .and_then(from_hex)
            .is_none_or(|inner| is_plain(&inner))
}

fn number(data_type: DataType, text: &str) -> Option<u64> {
    let unsigned = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match data_type {
        DataType::Signed => {
            let signed = text.parse::<i32>().ok()?;
            Some(u64::from(u32::from_be_bytes(signed.to_be_bytes())))
        }
        DataType::Date => unsigned
            .or_else(|| parse_date(text))
            .filter(|&n| n <= u32::MAX.into()),
        DataType::Byte => unsigned.filter(|&number| number <= u8::MAX.into()),
        DataType::Short => unsigned.filter(|&number| number <= u16::MAX.into()),
        DataType::Integer => unsigned.filter(|&number| number <= u32::MAX.into()),
        _ => unsigned,
    }
}

/// Seconds since 1970 as `2026-08-01T12:00:00Z`, by counting days from March in 400-year eras.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "seconds come from four octets: no sum is near 64 bits, and only parts are taken from their whole"
)]
fn date_text(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads what [`date_text`] writes.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "year, month, day and time are in their ranges before anything is computed"
)]
fn parse_date(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let split = |text: &str, separator| {
        let parts = text
            .split(separator)
            .map(str::parse)
            .collect::<Result<Vec<u64>, _>>()
            .ok()?;
        <[u64; 3]>::try_from(parts).ok()
    };
    let ([year, month, day], [hour, minute, second]) = (split(date, '-')?, split(time, ':')?);
    if !(1970..=2106).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}
