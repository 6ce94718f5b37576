//! TLS errors and alerts in words.

use std::fmt::Display;

use rustls::{AlertDescription, CertificateError, Error, OtherError};

use super::chain::Unfit;
use super::connection::Role;
use crate::reason::{self, Reason};

/// Why TLS ended, from rustls's error.
pub(super) fn explain(role: Role, error: &Error) -> Reason {
    match (role, error) {
        (Role::Server, Error::AlertReceived(alert)) => alert_from_peer(*alert),
        (Role::Peer, Error::AlertReceived(alert)) => reason::SERVER_ALERT.with(alert_name(*alert)),
        (Role::Server, Error::NoCertificatesPresented) => reason::NO_CLIENT_CERTIFICATE.reason(),
        (Role::Server, Error::InvalidCertificate(error)) => client_certificate(error),
        (Role::Peer, Error::InvalidCertificate(error)) => {
            reason::SERVER_UNTRUSTED.with(certificate(error))
        }
        (_, error) => protocol(role, error),
    }
}

/// The other side broke the protocol.
pub(super) fn protocol(role: Role, what: &impl Display) -> Reason {
    match role {
        Role::Server => reason::TLS_PROTOCOL.with(what),
        Role::Peer => reason::SERVER_TLS.with(what),
    }
}

/// The other side closed the connection in good order, which EAP has no place for.
pub(super) fn closed(role: Role) -> Reason {
    let alert = alert_name(AlertDescription::CloseNotify);
    match role {
        Role::Server => reason::ALERT_OTHER.with(alert),
        Role::Peer => reason::SERVER_ALERT.with(alert),
    }
}

fn alert_from_peer(alert: AlertDescription) -> Reason {
    let entry = match alert {
        AlertDescription::UnknownCA => reason::ALERT_UNKNOWN_CA,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown => reason::ALERT_CERTIFICATE,
        AlertDescription::CertificateExpired => reason::ALERT_EXPIRED,
        AlertDescription::ProtocolVersion
        | AlertDescription::HandshakeFailure
        | AlertDescription::InsufficientSecurity => reason::ALERT_VERSION,
        AlertDescription::UserCanceled | AlertDescription::AccessDenied => reason::ALERT_DENIED,
        _ => reason::ALERT_OTHER,
    };
    entry.with(alert_name(alert))
}

/// The name that RFC 8446 section 6 gives an alert.
fn alert_name(alert: AlertDescription) -> String {
    let name = match alert {
        AlertDescription::CloseNotify => "close_notify",
        AlertDescription::UnexpectedMessage => "unexpected_message",
        AlertDescription::BadRecordMac => "bad_record_mac",
        AlertDescription::RecordOverflow => "record_overflow",
        AlertDescription::HandshakeFailure => "handshake_failure",
        AlertDescription::BadCertificate => "bad_certificate",
        AlertDescription::UnsupportedCertificate => "unsupported_certificate",
        AlertDescription::CertificateRevoked => "certificate_revoked",
        AlertDescription::CertificateExpired => "certificate_expired",
        AlertDescription::CertificateUnknown => "certificate_unknown",
        AlertDescription::IllegalParameter => "illegal_parameter",
        AlertDescription::UnknownCA => "unknown_ca",
        AlertDescription::AccessDenied => "access_denied",
        AlertDescription::DecodeError => "decode_error",
        AlertDescription::DecryptError => "decrypt_error",
        AlertDescription::ProtocolVersion => "protocol_version",
        AlertDescription::InsufficientSecurity => "insufficient_security",
        AlertDescription::InternalError => "internal_error",
        AlertDescription::InappropriateFallback => "inappropriate_fallback",
        AlertDescription::UserCanceled => "user_canceled",
        AlertDescription::NoRenegotiation => "no_renegotiation",
        AlertDescription::MissingExtension => "missing_extension",
        AlertDescription::UnsupportedExtension => "unsupported_extension",
        AlertDescription::UnrecognisedName => "unrecognized_name",
        AlertDescription::BadCertificateStatusResponse => "bad_certificate_status_response",
        AlertDescription::UnknownPSKIdentity => "unknown_psk_identity",
        AlertDescription::CertificateRequired => "certificate_required",
        AlertDescription::NoApplicationProtocol => "no_application_protocol",
        other => return format!("number {}", u8::from(other)),
    };
    name.to_owned()
}

fn client_certificate(error: &CertificateError) -> Reason {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            reason::CLIENT_CERTIFICATE_EXPIRED.with(certificate(error))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            reason::CLIENT_CERTIFICATE_EARLY.with(certificate(error))
        }
        CertificateError::UnknownIssuer => reason::UNKNOWN_ISSUER.reason(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            reason::CLIENT_CERTIFICATE_PURPOSE.reason()
        }
        CertificateError::Other(other) => unnamed(other)
            .unwrap_or_else(|| reason::CLIENT_CERTIFICATE_REFUSED.with(certificate(error))),
        other => reason::CLIENT_CERTIFICATE_REFUSED.with(certificate(other)),
    }
}

/// What rustls has no name for: our own bounds, and the rarer ones of webpki's.
fn unnamed(error: &OtherError) -> Option<Reason> {
    if let Some(unfit) = error.0.downcast_ref::<Unfit>() {
        return Some(match unfit {
            Unfit::TooLong(count) => reason::CLIENT_CHAIN_TOO_LONG.with(count),
            Unfit::KeySize(bits) => reason::CLIENT_KEY_SIZE.with(bits),
            Unfit::Unreadable => reason::CLIENT_CERTIFICATE_REFUSED.with(unfit),
        });
    }
    Some(match error.0.downcast_ref::<webpki::Error>()? {
        webpki::Error::CaUsedAsEndEntity => reason::CLIENT_IS_AUTHORITY.reason(),
        webpki::Error::NameConstraintViolation => reason::CLIENT_NAME_CONSTRAINTS.reason(),
        webpki::Error::EndEntityUsedAsCa => reason::CLIENT_ISSUER_NO_AUTHORITY.reason(),
        webpki::Error::PathLenConstraintViolated => reason::CLIENT_PATH_LENGTH.reason(),
        _ => return None,
    })
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            let days = time.as_secs().saturating_sub(not_after.as_secs()) / 86_400;
            format!("it expired {days} days ago")
        }
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            let seconds = not_before.as_secs().saturating_sub(time.as_secs());
            format!("it becomes valid in {seconds} seconds")
        }
        CertificateError::UnknownIssuer => "its issuer is not among the given CAs".to_owned(),
        CertificateError::BadSignature => "a signature is wrong".to_owned(),
        CertificateError::BadEncoding => "it cannot be decoded".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it does not carry the expected name".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its extended key usage does not allow this use".to_owned()
        }
        other => other.to_string(),
    }
}
