//! What goes into a conversation and what comes out of it.

use std::fmt;

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::reason::Reason;

/// A cryptographically strong source of random bytes, given by the caller: it fills the slice.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// What happens next.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, for a moment"
)]
pub enum Step {
    /// Send this request, inside an Access-Challenge.
    Request(Vec<u8>),
    /// Something outside must be known first; the answer goes to [`Conversation::resume`](crate::Conversation::resume).
    Ask(Question),
    /// The supplicant is authenticated. The caller decides whether it may come in, and says so
    /// with [`Conversation::accept`](crate::Conversation::accept) or [`Conversation::refuse`](crate::Conversation::refuse).
    Success(Success),
    /// The login is over.
    Failure {
        /// The EAP-Failure packet for the Access-Reject.
        packet: Vec<u8>,
        /// Why.
        reason: Reason,
    },
    /// Not for this conversation at this point: drop it silently (RFC 3748 section 4.1).
    Ignore(Reason),
}

/// Something that only the world outside knows.
pub enum Question {
    /// Is this the user's password? Answer with [`Answer::Accepted`], [`Answer::AcceptedWithCode`], [`Answer::Refused`],
    /// or the NT hash to compare with.
    Password {
        /// The user name, as sent inside the tunnel.
        user: String,
        /// The password, as sent inside the tunnel.
        password: Zeroizing<Vec<u8>>,
        /// The method can ask for a code next, so that [`Answer::CodeNeeded`] is an answer too.
        can_ask_for_code: bool,
    },
    /// Is this the code of the user's authenticator app? It comes after [`Answer::CodeNeeded`]. Answer with
    /// [`Answer::Accepted`] or [`Answer::Refused`].
    Code {
        /// The user name, as sent inside the tunnel.
        user: String,
        /// The code, as sent inside the tunnel.
        code: Zeroizing<Vec<u8>>,
    },
    /// What is the NT hash of this user's password? Answer with [`Answer::NtHash`], [`Answer::ExpiredNtHash`] or
    /// [`Answer::Refused`].
    NtHash {
        /// The user name, as sent inside the tunnel: it may carry a `DOMAIN\` prefix.
        user: String,
    },
    /// May this be the user's password from now on? It comes after [`Answer::ExpiredNtHash`], from who knows the old one. Answer
    /// with [`Answer::Accepted`] once it is stored, or [`Answer::Refused`].
    NewPassword {
        /// The user name, as sent inside the tunnel.
        user: String,
        /// The new password.
        password: Zeroizing<String>,
    },
    /// Is this the answer of this user to a CHAP challenge (RFC 1994 section 4.1)? Answer with
    /// [`Answer::Accepted`] or [`Answer::Refused`]: who knows the password computes MD5 over the identifier,
    /// the password and the challenge.
    Chap {
        /// The user name, as sent inside the tunnel.
        user: String,
        /// The CHAP identifier.
        identifier: u8,
        /// The challenge, which both sides derived from TLS.
        challenge: [u8; 16],
        /// The response.
        response: [u8; 16],
    },
}

/// The world's answer to a [`Question`].
pub enum Answer {
    /// The password, or what was computed with it, is right.
    Accepted,
    /// The password is right, and a code of the user's authenticator app that came along with it.
    AcceptedWithCode,
    /// The password is right, and the user has to show a code as well: ask for it.
    CodeNeeded,
    /// The NT hash of the user's password (RFC 2759 section 8.3).
    NtHash(Zeroizing<[u8; 16]>),
    /// The NT hash of a password that is over: who knows it may choose a new one, where the method can carry that, and is let in with
    /// that only.
    ExpiredNtHash {
        /// The hash.
        nt_hash: Zeroizing<[u8; 16]>,
        /// Why nobody is let in with it.
        reason: Reason,
    },
    /// The user is unknown or disabled, or the password is wrong. The supplicant is not told which.
    Refused(Reason),
}

/// Who was authenticated and how, and the keys for the link.
pub struct Success {
    /// `EAP-TLS`, or the tunnel and what ran inside: `PEAP-MSCHAPv2`, `TTLS-PAP`, `TTLS-EAP-TLS` ….
    pub method: &'static str,
    /// The identity that was authenticated inside the tunnel. Where [`Success::by_certificate`] is set it
    /// is what the supplicant said, a hint only: the certificate says who it is.
    pub identity: String,
    /// Whether [`Success::certificates`] are what proved the identity, by EAP-TLS or by EAP-TLS inside a
    /// tunnel. Otherwise they only came along with a password.
    pub by_certificate: bool,
    /// Whether a code of an authenticator app was checked besides the password, in this login or in the one that it resumes.
    pub second_factor: bool,
    /// The identity outside the tunnel, often anonymous.
    pub outer_identity: String,
    /// The Master Session Key: its first half is the NAS's receiving key (RFC 2548 section 2.4.3).
    pub msk: Zeroizing<[u8; 64]>,
    /// The Extended Master Session Key, which never leaves the server.
    pub emsk: Zeroizing<[u8; 64]>,
    /// The EAP Session-Id, for EAP-Key-Name (RFC 5247 section 1.4).
    pub session_id: Vec<u8>,
    /// Whether a TLS session was resumed, so that no credential was checked this time. Check
    /// account, certificate, posture and policy again.
    pub resumed: bool,
    /// `1.2` or `1.3`.
    pub tls_version: &'static str,
    /// The TLS cipher suite by its IANA name.
    pub cipher_suite: String,
    /// The supplicant's certificate chain, leaf first; empty when it did not show one.
    pub certificates: Vec<CertificateDer<'static>>,
    /// What was proven as the machine, before the user, in TEAP. Which of them is what, only the credentials
    /// themselves tell: the supplicant says of any credential that it is the machine's.
    pub machine: Option<Machine>,
}

/// What TEAP proved as the machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What the supplicant said; the account's name where a password proved it.
    pub identity: String,
    /// The certificate chain that proved it, leaf first; empty when a password did.
    pub certificates: Vec<CertificateDer<'static>>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => f
                .debug_struct("Password")
                .field("user", user)
                .finish_non_exhaustive(),
            Self::Code { user, .. } => f
                .debug_struct("Code")
                .field("user", user)
                .finish_non_exhaustive(),
            Self::NewPassword { user, .. } => f
                .debug_struct("NewPassword")
                .field("user", user)
                .finish_non_exhaustive(),
            Self::NtHash { user } => f.debug_struct("NtHash").field("user", user).finish(),
            Self::Chap { user, .. } => f
                .debug_struct("Chap")
                .field("user", user)
                .finish_non_exhaustive(),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("Accepted"),
            Self::AcceptedWithCode => f.write_str("AcceptedWithCode"),
            Self::CodeNeeded => f.write_str("CodeNeeded"),
            Self::NtHash(_) => f.write_str("NtHash(…)"),
            Self::ExpiredNtHash { .. } => f.write_str("ExpiredNtHash(…)"),
            Self::Refused(reason) => f.debug_tuple("Refused").field(reason).finish(),
        }
    }
}

impl fmt::Debug for Success {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Success")
            .field("method", &self.method)
            .field("identity", &self.identity)
            .field("by_certificate", &self.by_certificate)
            .field("second_factor", &self.second_factor)
            .field("outer_identity", &self.outer_identity)
            .field("resumed", &self.resumed)
            .field("tls_version", &self.tls_version)
            .field("cipher_suite", &self.cipher_suite)
            .field("certificates", &self.certificates.len())
            .field("machine", &self.machine.as_ref().map(|m| &m.identity))
            .finish_non_exhaustive()
    }
}
