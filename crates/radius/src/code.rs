//! What a packet is for: the Code field of RFC 2865 section 3.

use std::fmt;

/// The kind of a RADIUS packet (RFC 2865 section 3, RFC 2866 section 3, RFC 5176 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// A NAS asks whether somebody may connect (RFC 2865 section 4.1).
    AccessRequest = 1,
    /// The answer is yes (RFC 2865 section 4.2).
    AccessAccept = 2,
    /// The answer is no (RFC 2865 section 4.3).
    AccessReject = 3,
    /// A NAS reports a session's start, progress or end (RFC 2866 section 4.1).
    AccountingRequest = 4,
    /// The report has been recorded (RFC 2866 section 4.2).
    AccountingResponse = 5,
    /// The conversation goes on (RFC 2865 section 4.4).
    AccessChallenge = 11,
    /// A client asks whether this server is alive (RFC 5997 section 3).
    StatusServer = 12,
    /// The server asks a NAS to end a session (RFC 5176 section 2.1).
    DisconnectRequest = 40,
    /// The NAS ended the session (RFC 5176 section 2.1).
    DisconnectAck = 41,
    /// The NAS could not end the session (RFC 5176 section 2.1).
    DisconnectNak = 42,
    /// The server asks a NAS to change a session (RFC 5176 section 2.2).
    CoaRequest = 43,
    /// The NAS changed the session (RFC 5176 section 2.2).
    CoaAck = 44,
    /// The NAS could not change the session (RFC 5176 section 2.2).
    CoaNak = 45,
}

impl Code {
    /// Reads the Code octet; `None` for codes that this server does not speak.
    pub const fn from_octet(octet: u8) -> Option<Self> {
        Some(match octet {
            1 => Self::AccessRequest,
            2 => Self::AccessAccept,
            3 => Self::AccessReject,
            4 => Self::AccountingRequest,
            5 => Self::AccountingResponse,
            11 => Self::AccessChallenge,
            12 => Self::StatusServer,
            40 => Self::DisconnectRequest,
            41 => Self::DisconnectAck,
            42 => Self::DisconnectNak,
            43 => Self::CoaRequest,
            44 => Self::CoaAck,
            45 => Self::CoaNak,
            _ => return None,
        })
    }

    /// The Code octet.
    pub const fn octet(self) -> u8 {
        self as u8
    }

    /// The name that the RFCs use, such as `Access-Request`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessRequest => "Access-Request",
            Self::AccessAccept => "Access-Accept",
            Self::AccessReject => "Access-Reject",
            Self::AccountingRequest => "Accounting-Request",
            Self::AccountingResponse => "Accounting-Response",
            Self::AccessChallenge => "Access-Challenge",
            Self::StatusServer => "Status-Server",
            Self::DisconnectRequest => "Disconnect-Request",
            Self::DisconnectAck => "Disconnect-ACK",
            Self::DisconnectNak => "Disconnect-NAK",
            Self::CoaRequest => "CoA-Request",
            Self::CoaAck => "CoA-ACK",
            Self::CoaNak => "CoA-NAK",
        }
    }

    /// How the Authenticator field of a packet with this code comes to be.
    pub(crate) const fn authenticator(self) -> AuthenticatorField {
        match self {
            Self::AccessRequest | Self::StatusServer => AuthenticatorField::Random,
            Self::AccountingRequest | Self::DisconnectRequest | Self::CoaRequest => {
                AuthenticatorField::Keyed
            }
            Self::AccessAccept
            | Self::AccessReject
            | Self::AccessChallenge
            | Self::AccountingResponse
            | Self::DisconnectAck
            | Self::DisconnectNak
            | Self::CoaAck
            | Self::CoaNak => AuthenticatorField::Response,
        }
    }

    /// Whether this is an answer to an Access-Request, which must carry a Message-Authenticator.
    pub(crate) const fn answers_access_request(self) -> bool {
        matches!(
            self,
            Self::AccessAccept | Self::AccessReject | Self::AccessChallenge
        )
    }

    /// Whether packets of this kind get a Message-Authenticator when we build them: all but the
    /// two accounting kinds, where implementations disagree about how to compute it.
    pub(crate) const fn wants_message_authenticator(self) -> bool {
        !matches!(self, Self::AccountingRequest | Self::AccountingResponse)
    }
}

/// The three ways in which an Authenticator field is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthenticatorField {
    /// Sixteen random octets, chosen by the sender (RFC 2865 section 3).
    Random,
    /// MD5 over the request with a zero field and the secret (RFC 2866 section 3).
    Keyed,
    /// MD5 over the reply with the request's field and the secret (RFC 2865 section 3).
    Response,
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_that_names_a_code_is_that_codes_octet() {
        let known = (0..=u8::MAX)
            .filter_map(Code::from_octet)
            .collect::<Vec<_>>();
        assert_eq!(known.len(), 13);
        for code in known {
            assert_eq!(Code::from_octet(code.octet()), Some(code));
            assert_eq!(code.to_string(), code.name());
        }
    }
}
