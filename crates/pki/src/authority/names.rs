//! Which names may stand in a certificate, and as what.

use std::net::IpAddr;

use rcgen::{OtherNameValue, SanType};
use rustls_pki_types::DnsName;

use crate::PkiError;

/// Microsoft's otherName type User Principal Name.
const UPN: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// RFC 5280 appendix A: ub-common-name, in characters.
const MAX_COMMON_NAME: usize = 64;

/// The common name of a host whose every name is too long for one; only the subjectAltName counts.
const HOST: &str = "RADIUS";

pub(super) fn common_name(name: &str) -> Result<&str, PkiError> {
    let why = if name.trim().is_empty() {
        "it is empty"
    } else if name.trim() != name {
        "it begins or ends with a space"
    } else if name.chars().count() > MAX_COMMON_NAME {
        "it has more than 64 characters"
    } else if name.chars().any(char::is_control) {
        "it holds a control character"
    } else {
        return Ok(name);
    };
    Err(refused(name, why))
}

pub(super) fn host_common_name(names: &[String]) -> &str {
    names
        .iter()
        .map(String::as_str)
        .find(|name| common_name(name).is_ok())
        .unwrap_or(HOST)
}

pub(super) fn host(names: &[String]) -> Result<Vec<SanType>, PkiError> {
    if names.is_empty() {
        return Err(refused("", "a host needs at least one name or address"));
    }
    names.iter().map(|name| host_name(name)).collect()
}

fn host_name(name: &str) -> Result<SanType, PkiError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let why = "it is neither a host name nor an IP address";
    DnsName::try_from(name).map_err(|_| refused(name, why))?;
    let ascii = name.to_owned().try_into().map_err(|_| refused(name, why))?;
    Ok(SanType::DnsName(ascii))
}

/// An e-mail address must be ASCII to be an rfc822Name (RFC 5280 section 4.2.1.6); other names go where
/// UTF-8 may.
pub(super) fn user(name: &str) -> Result<SanType, PkiError> {
    if name.contains('@') && name.is_ascii() {
        let why = "it is no ASCII text";
        return Ok(SanType::Rfc822Name(
            name.to_owned().try_into().map_err(|_| refused(name, why))?,
        ));
    }
    Ok(SanType::OtherName((
        UPN.to_vec(),
        OtherNameValue::Utf8String(name.to_owned()),
    )))
}

pub(super) fn device(id: &str) -> Result<SanType, PkiError> {
    let why = "a device's id is a UUID";
    let groups: Vec<&str> = id.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let hexadecimal = id
        .bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if lengths != [8, 4, 4, 4, 12] || !hexadecimal {
        return Err(refused(id, why));
    }
    let uri = format!("urn:uuid:{}", id.to_ascii_lowercase());
    Ok(SanType::URI(uri.try_into().map_err(|_| refused(id, why))?))
}

fn refused(name: &str, why: &'static str) -> PkiError {
    PkiError::Name {
        name: name.escape_debug().take(100).collect(),
        why,
    }
}
