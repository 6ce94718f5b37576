//! The messages of EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2), for server and peer.

use crate::mschapv2::{self, ChangePassword, EXPIRED};

const CHALLENGE: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;
const CHANGE_PASSWORD: u8 = 7;

/// OpCode, MS-CHAPv2-ID and MS-Length.
const HEADER_LEN: usize = 4;
/// Peer challenge, reserved octets, NT response and flags.
const VALUE_LEN: u8 = 49;
/// The longest name that RADIUS could carry (RFC 2759 section 4 allows 256).
const NAME_LIMIT: usize = 256;

/// The name that this server shows in its challenges.
const SERVER_NAME: &[u8] = b"nac";

/// What a peer sends, or a server when the peer reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    Challenge {
        identifier: u8,
        challenge: [u8; 16],
    },
    Response {
        identifier: u8,
        response: Response<'a>,
    },
    /// The text is empty from a peer.
    Success {
        text: &'a [u8],
    },
    /// The text is empty from a peer.
    Failure {
        text: &'a [u8],
    },
    /// A peer's answer to a failure that says that the password is expired (RFC 2759 section 7).
    ChangePassword {
        identifier: u8,
        change: Box<ChangePassword>,
    },
}

/// The Value of a Response packet, and the name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response<'a> {
    pub(crate) peer_challenge: [u8; 16],
    pub(crate) nt_response: [u8; 24],
    pub(crate) name: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads the type data. The error is a clause for a sentence.
    pub(crate) fn parse(data: &'a [u8]) -> Result<Self, String> {
        let (&operation, rest) = data.split_first().ok_or("it is empty")?;
        match operation {
            // Peers acknowledge with one octet or with a header (some with a length that is wrong).
            SUCCESS | FAILURE => {
                let text = data.get(HEADER_LEN..).unwrap_or_default();
                let message = if operation == SUCCESS {
                    Self::Success { text }
                } else {
                    Self::Failure { text }
                };
                Ok(message)
            }
            CHANGE_PASSWORD => {
                let (&[identifier, high, low], rest) =
                    rest.split_first_chunk().ok_or("its header is cut off")?;
                let length = usize::from(u16::from_be_bytes([high, low]));
                if length != data.len() {
                    return Err(format!(
                        "MS-Length is {length}, but {} octets came",
                        data.len()
                    ));
                }
                let change = Box::new(parse_change(rest)?);
                Ok(Self::ChangePassword { identifier, change })
            }
            CHALLENGE | RESPONSE => {
                let (&[identifier, high, low], rest) =
                    rest.split_first_chunk().ok_or("its header is cut off")?;
                let length = usize::from(u16::from_be_bytes([high, low]));
                if length != data.len() {
                    return Err(format!(
                        "MS-Length is {length}, but {} octets came",
                        data.len()
                    ));
                }
                let (&value_size, rest) = rest.split_first().ok_or("the value size is missing")?;
                let (value, name) = rest
                    .split_at_checked(usize::from(value_size))
                    .ok_or("the value is cut off")?;
                if name.len() > NAME_LIMIT {
                    return Err(format!("the name has {} octets", name.len()));
                }
                if operation == CHALLENGE {
                    let challenge = value
                        .try_into()
                        .map_err(|_| "the challenge is not 16 octets")?;
                    return Ok(Self::Challenge {
                        identifier,
                        challenge,
                    });
                }
                let response = Response::parse(value, name)?;
                Ok(Self::Response {
                    identifier,
                    response,
                })
            }
            other => Err(format!("operation {other} is unknown")),
        }
    }
}

fn parse_change(value: &[u8]) -> Result<ChangePassword, String> {
    let short = || "the change of the password is cut off".to_owned();
    let (encrypted_password, rest) = value.split_first_chunk().ok_or_else(short)?;
    let (encrypted_hash, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (peer_challenge, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (_reserved, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let (nt_response, flags) = rest.split_first_chunk().ok_or_else(short)?;
    if flags.len() != 2 {
        return Err(format!(
            "the change of the password ends with {} octets instead of 2",
            flags.len()
        ));
    }
    Ok(ChangePassword {
        encrypted_password: *encrypted_password,
        encrypted_hash: *encrypted_hash,
        peer_challenge: *peer_challenge,
        nt_response: *nt_response,
    })
}

impl<'a> Response<'a> {
    fn parse(value: &[u8], name: &'a [u8]) -> Result<Self, String> {
        if value.len() != usize::from(VALUE_LEN) {
            return Err(format!(
                "the value has {} octets instead of {VALUE_LEN}",
                value.len()
            ));
        }
        let short = || "the value is cut off".to_owned();
        let (peer_challenge, rest) = value.split_first_chunk().ok_or_else(short)?;
        let (_reserved, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let nt_response = rest.first_chunk().ok_or_else(short)?;
        Ok(Self {
            peer_challenge: *peer_challenge,
            nt_response: *nt_response,
            name,
        })
    }
}

/// The type data of a Challenge request.
pub(crate) fn challenge(identifier: u8, challenge: &[u8; 16]) -> Vec<u8> {
    let mut body = vec![16];
    body.extend_from_slice(challenge);
    body.extend_from_slice(SERVER_NAME);
    message(CHALLENGE, identifier, &body)
}

/// The type data of a Response.
pub(crate) fn response(
    identifier: u8,
    peer_challenge: &[u8; 16],
    nt_response: &[u8; 24],
    name: &[u8],
) -> Vec<u8> {
    let mut body = vec![VALUE_LEN];
    body.extend_from_slice(peer_challenge);
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(nt_response);
    body.push(0);
    body.extend_from_slice(name);
    message(RESPONSE, identifier, &body)
}

/// The type data of a Success request, with the authenticator response.
pub(crate) fn success(identifier: u8, authenticator_response: &str) -> Vec<u8> {
    message(
        SUCCESS,
        identifier,
        format!("{authenticator_response} M=OK").as_bytes(),
    )
}

/// Why a server says that a login failed (RFC 2759 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Authentication,
    PasswordExpired,
    ChangingPassword,
}

/// The type data of a Failure request. Only a password that is expired can be answered with more than an acknowledgement.
pub(crate) fn failure(identifier: u8, error: Error, challenge: &[u8; 16]) -> Vec<u8> {
    message(
        FAILURE,
        identifier,
        failure_text(error, challenge).as_bytes(),
    )
}

/// The text of a Failure request, which is that of MS-CHAP-Error too (RFC 2548 section 2.1.5).
pub(crate) fn failure_text(error: Error, challenge: &[u8; 16]) -> String {
    let (number, sentence) = match error {
        Error::Authentication => (691, "Authentication failed"),
        Error::PasswordExpired => (EXPIRED, "Password expired"),
        Error::ChangingPassword => (709, "The new password was not taken"),
    };
    let challenge: String = challenge
        .iter()
        .map(|octet| format!("{octet:02X}"))
        .collect();
    format!("E={number} R=0 C={challenge} V=3 M={sentence}")
}

/// The type data of a Change-Password response (RFC 2759 section 7).
pub(crate) fn change_password(identifier: u8, change: &ChangePassword) -> Vec<u8> {
    let mut body = change.encrypted_password.to_vec();
    body.extend_from_slice(&change.encrypted_hash);
    body.extend_from_slice(&change.peer_challenge);
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(&change.nt_response);
    body.extend_from_slice(&[0; 2]);
    message(CHANGE_PASSWORD, identifier, &body)
}

/// The peer's acknowledgement of a Success request.
pub(crate) const SUCCESS_ACKNOWLEDGEMENT: [u8; 1] = [SUCCESS];
/// The peer's acknowledgement of a Failure request.
pub(crate) const FAILURE_ACKNOWLEDGEMENT: [u8; 1] = [FAILURE];

fn message(operation: u8, identifier: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len().saturating_add(HEADER_LEN) as u16;
    let mut message = vec![operation, identifier];
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(body);
    message
}

/// Whether the name in a response and the identity in the tunnel are the same account: the
/// `DOMAIN\\` prefix may be missing in either, and case does not count.
pub(crate) fn same_account(name: &[u8], identity: &str) -> bool {
    let name = String::from_utf8_lossy(name);
    mschapv2::account_name(&name).to_lowercase() == mschapv2::account_name(identity).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_parses() {
        assert_eq!(
            Message::parse(&challenge(7, &[1; 16])),
            Ok(Message::Challenge {
                identifier: 7,
                challenge: [1; 16]
            })
        );
        assert_eq!(
            Message::parse(&response(7, &[1; 16], &[2; 24], b"alice")),
            Ok(Message::Response {
                identifier: 7,
                response: Response {
                    peer_challenge: [1; 16],
                    nt_response: [2; 24],
                    name: b"alice"
                }
            })
        );
        assert_eq!(
            Message::parse(&success(7, "S=00")),
            Ok(Message::Success { text: b"S=00 M=OK" })
        );
        assert_eq!(Message::parse(&[3]), Ok(Message::Success { text: b"" }));
        assert_eq!(
            Message::parse(&[3, 7, 0, 6, 0, 0]),
            Ok(Message::Success { text: &[0, 0] })
        );
    }

    #[test]
    fn a_change_of_the_password_parses_at_its_own_length_only() {
        let change = ChangePassword {
            encrypted_password: [1; mschapv2::ENCRYPTED_PASSWORD_LEN],
            encrypted_hash: [2; 16],
            peer_challenge: [3; 16],
            nt_response: [4; 24],
        };
        let good = change_password(8, &change);
        assert_eq!(good.len(), 586, "RFC 2759 section 7");
        for length in 1..good.len() {
            assert!(Message::parse(&good[..length]).is_err(), "{length}");
        }
        let longer = [&good[..2], &587_u16.to_be_bytes(), &good[4..], &[0]].concat();
        assert!(Message::parse(&longer).is_err());
        let parsed = Message::parse(&good).unwrap();
        let change = Box::new(change);
        assert_eq!(
            parsed,
            Message::ChangePassword {
                identifier: 8,
                change
            }
        );
    }

    #[test]
    fn only_an_expired_password_is_asked_for_a_new_one() {
        let text = |error| failure(7, error, &[0xab; 16]).split_off(HEADER_LEN);
        assert_eq!(
            mschapv2::expired_challenge(&text(Error::PasswordExpired)),
            Some([0xab; 16])
        );
        assert_eq!(
            mschapv2::expired_challenge(&text(Error::Authentication)),
            None
        );
        assert_eq!(
            mschapv2::expired_challenge(&text(Error::ChangingPassword)),
            None
        );
        for odd in [
            "E=648 R=0 C=AB V=3",
            "E=648 R=0 V=3",
            "E=648 R=0 C=ABABABABABABABABABABABABABABABAB V=2",
            "E=648 C=äBABABABABABABABABABABABABABABA V=3",
            "",
        ] {
            assert_eq!(mschapv2::expired_challenge(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn malformed_messages_are_refused() {
        let good = response(7, &[1; 16], &[2; 24], b"alice");
        assert!(Message::parse(&[]).is_err());
        for length in 1..good.len() {
            assert!(Message::parse(&good[..length]).is_err(), "{length}");
        }
        let with = |index: usize, value: u8| {
            let mut bad = good.clone();
            bad[index] = value;
            Message::parse(&bad).is_err()
        };
        assert!(with(0, 7), "change password");
        assert!(with(0, 0), "unknown operation");
        assert!(with(2, 1), "MS-Length too long");
        assert!(with(3, 5), "MS-Length too short");
        assert!(with(4, 48), "value too short");
        assert!(with(4, 50), "value too long");
        assert!(with(4, 255), "value overflows");
        assert!(Message::parse(&response(7, &[1; 16], &[2; 24], &[b'a'; 257])).is_err());
    }

    #[test]
    fn domains_and_case_do_not_make_another_account() {
        assert!(same_account(br"CORP\alice", "Alice"));
        assert!(same_account(b"alice", r"CORP\alice"));
        assert!(!same_account(b"alice", "bob"));
    }
}
