//! Why a login ended: one table of codes, sentences and remedies.
//!
//! The table feeds the log, the console and the generated documentation. A code never changes its
//! meaning; a retired one is not used again.

use std::fmt;

/// Why a packet was ignored or a login failed, in a form an operator can search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The stable code, such as `EAP-1203`.
    pub code: &'static str,
    /// What happened, in one sentence without a full stop.
    pub sentence: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.sentence)
    }
}

impl std::error::Error for Reason {}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The stable code.
    pub code: &'static str,
    /// The sentence; `{}` stands for the particulars.
    pub sentence: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Entry {
    /// The reason, for a sentence without particulars.
    pub(crate) fn reason(&self) -> Reason {
        Reason {
            code: self.code,
            sentence: self.sentence.to_owned(),
            remedy: self.remedy,
        }
    }

    /// The reason, with its particulars.
    pub(crate) fn with(&self, particulars: impl fmt::Display) -> Reason {
        Reason {
            code: self.code,
            sentence: self.sentence.replacen("{}", &particulars.to_string(), 1),
            remedy: self.remedy,
        }
    }
}

/// Every reason of this crate, ordered by code, for generated documentation.
pub fn all() -> &'static [Entry] {
    ALL
}

macro_rules! table {
    ($($name:ident $code:literal $sentence:literal $remedy:literal;)*) => {
        $(pub(crate) const $name: Entry =
            Entry { code: $code, sentence: $sentence, remedy: $remedy };)*
        const ALL: &[Entry] = &[$($name),*];
    };
}

table! {
    // 10xx: ignored, the conversation goes on or was over already.
    IDENTIFIER "EAP-1001"
        "the response does not answer the outstanding request: {}"
        "Nothing, if it happens now and then: a packet was late or sent twice. If it is frequent, look for packet loss between the NAS and this server.";
    BUSY "EAP-1002"
        "a response arrived while the previous one is still being checked"
        "Nothing: the supplicant or the NAS repeated a packet. If it is frequent, the credential check is too slow for the NAS's timeout.";
    OVER "EAP-1003"
        "a packet arrived after the conversation had ended"
        "Nothing: the supplicant or the NAS repeated a packet.";
    NAK_LATE "EAP-1004"
        "the supplicant refused a method that it had already begun"
        "Nothing, if the login succeeds; otherwise update the supplicant.";

    // 11xx: the EAP layer.
    MALFORMED "EAP-1101"
        "the EAP packet is malformed: {}"
        "Capture the packet on the NAS. A NAS that truncates EAP needs a smaller Framed-MTU or new firmware.";
    TOO_MANY_ROUNDS "EAP-1102"
        "the login took more than {} round trips"
        "Raise the fragment size (Framed-MTU of the NAS), or shorten the certificate chains on both sides.";
    TIMEOUT "EAP-1103"
        "the supplicant was silent for more than {} seconds"
        "Check the link and the supplicant's prompts: somebody may have been asked for a password or to trust a certificate.";
    ROLE_REVERSAL "EAP-1104"
        "the supplicant sent an EAP request, which only a server may"
        "Check the port's role: the device may be an authenticator itself.";
    NOT_BEGUN "EAP-1105"
        "the first packet was {}, not the answer to an identity request"
        "The NAS continued a login that this server does not know, usually after a restart; it will start again by itself.";
    IDENTITY_TOO_LONG "EAP-1106"
        "the identity has {} octets; 253 is the limit of RADIUS"
        "Shorten the user name in the supplicant's profile.";
    TOO_MANY_INVALID "EAP-1107"
        "too many invalid EAP packets arrived; the last one: {}"
        "Capture the exchange on the NAS and update the supplicant.";
    FRAGMENT "EAP-1108"
        "the supplicant broke the fragmentation rules: {}"
        "Update the supplicant; if every device behind one NAS does this, the NAS damages packets.";
    UNEXPECTED_DATA "EAP-1109"
        "the supplicant sent {} at a point where the method has no place for it"
        "Update the supplicant.";
    PEER_VERSION "EAP-1110"
        "the supplicant wants version {} of the method, which is not served"
        "Set the supplicant's PEAP or TTLS version to 0 and TEAP's to 1, or leave it automatic.";
    UNANSWERED "EAP-1111"
        "the supplicant did not answer; the last thing that was sent to it is {}"
        "After the certificate: it does not trust this server, or asks somebody whether to; install this server's CA certificate in its 802.1X profile. Inside the tunnel: somebody is asked for a password or a code, or the supplicant gave up. After a fragment: something between here and the supplicant loses large packets; lower the Framed-MTU of the NAS.";

    // 12xx: the TLS handshake.
    ALERT_UNKNOWN_CA "EAP-1201"
        "the supplicant does not trust this server's CA (TLS alert {})"
        "Install this server's CA certificate in the supplicant's 802.1X profile.";
    ALERT_OTHER "EAP-1202"
        "the supplicant ended TLS with the alert {}"
        "Look at the supplicant's own log; the alert names what it did not like.";
    NO_CLIENT_CERTIFICATE "EAP-1203"
        "the supplicant showed no certificate"
        "Enrol the device or the user, and select the certificate in the 802.1X profile.";
    CLIENT_CERTIFICATE_EXPIRED "EAP-1204"
        "the supplicant's certificate is not valid any more: {}"
        "Issue a new one: nac certificate issue --user NAME --out DIR (for a device: --device NAME). Check the clock of this server, too.";
    UNKNOWN_ISSUER "EAP-1205"
        "the supplicant's certificate was issued by a CA that this server does not trust"
        "Add the issuing CA's file to client_ca in [eap] of nac.toml and reload (systemctl reload nac); or have the supplicant send its intermediate certificates; or issue one here: nac certificate issue --user NAME --out DIR.";
    NO_COMMON_TLS "EAP-1206"
        "the supplicant and this server have no TLS version, cipher or signature in common: {}"
        "Update the supplicant: TLS 1.2 with ECDHE and AES-GCM or ChaCha20 is the least that is accepted.";
    CLIENT_CERTIFICATE_REFUSED "EAP-1207"
        "the supplicant's certificate was refused: {}"
        "Issue a certificate with the extended key usage clientAuth, X.509 version 3, and an ECDSA or RSA (2048 bits or more) key.";
    TLS_PROTOCOL "EAP-1208"
        "the supplicant broke the TLS protocol: {}"
        "Update the supplicant; if every device behind one NAS does this, the NAS damages packets.";
    ALERT_CERTIFICATE "EAP-1209"
        "the supplicant refused this server's certificate (TLS alert {})"
        "Check the server certificate's names, its validity and its extended key usage serverAuth against the supplicant's profile.";
    ALERT_EXPIRED "EAP-1210"
        "the supplicant found this server's certificate out of its validity (TLS alert {})"
        "Renew the server certificate; check the device's clock.";
    ALERT_VERSION "EAP-1211"
        "the supplicant accepts none of the TLS versions or ciphers of this server (TLS alert {})"
        "Update the supplicant, or allow TLS 1.2 on this server.";
    ALERT_DENIED "EAP-1212"
        "the user or the supplicant's policy cancelled the login (TLS alert {})"
        "Somebody may have declined the question whether to trust this server; install the CA certificate so that it is not asked.";
    TLS_EMPTY "EAP-1213"
        "the supplicant sent an empty message in the middle of the TLS handshake"
        "Look at the supplicant's own log; it gave up without saying why.";
    INTERNAL "EAP-1214"
        "TLS failed inside this server: {}"
        "Report this with the server's log.";
    CLIENT_CERTIFICATE_EARLY "EAP-1215"
        "the supplicant's certificate is not valid yet: {}"
        "Set the clocks of the issuing CA and of this server right. If the certificate is meant for later, issue one for now: nac certificate issue --user NAME --out DIR (for a device: --device NAME).";
    CLIENT_CERTIFICATE_PURPOSE "EAP-1216"
        "the supplicant's certificate is not meant for clients: its extended key usage lacks clientAuth"
        "Issue a certificate with the extended key usage clientAuth, or select another in the 802.1X profile.";
    CLIENT_IS_AUTHORITY "EAP-1217"
        "the supplicant showed the certificate of an authority as its own"
        "Issue a certificate whose basic constraints do not say CA, and select it in the 802.1X profile.";
    CLIENT_NAME_CONSTRAINTS "EAP-1218"
        "an authority in the supplicant's chain may not issue a certificate with these names (name constraints)"
        "Issue the certificate with names that the authority may use, or by another authority; treat it as misuse of that authority otherwise.";
    CLIENT_KEY_SIZE "EAP-1219"
        "an RSA key in the supplicant's chain has {} bits; from 2048 to 4096 are accepted"
        "Issue the certificate for another key: ECDSA on P-256, or RSA with 2048 bits or more.";
    CLIENT_CHAIN_TOO_LONG "EAP-1220"
        "the supplicant sent a chain of {} certificates; ten is the limit"
        "Have the supplicant send its own certificate and the intermediate ones, nothing else.";
    CLIENT_ISSUER_NO_AUTHORITY "EAP-1221"
        "the supplicant's certificate was signed with a certificate that is not an authority's"
        "Treat it as misuse of that certificate's key, unless the authority was set up without basic constraints.";
    CLIENT_PATH_LENGTH "EAP-1222"
        "there are more authorities in the supplicant's chain than one of them allows (path length)"
        "Issue the certificate by an authority that is nearer to the root, or the authority without this limit.";

    // 13xx: which method.
    NAK "EAP-1301"
        "the supplicant wants {}"
        "Offer that method: add it to methods in [eap] of nac.toml and reload (systemctl reload nac), or to the offer (nac offer list); or choose one of the offered methods in the supplicant's profile.";
    NOTHING_OFFERED "EAP-1302"
        "this server has no EAP method to offer"
        "Offer PEAP or EAP-TTLS (nac offer list, or methods in [eap]), or give EAP-TLS a client CA.";
    WRONG_TYPE "EAP-1303"
        "the supplicant answered {} with {}"
        "Update the supplicant.";

    // 14xx: the inner authentication.
    WRONG_PASSWORD "EAP-1401"
        "the password is wrong (MS-CHAPv2)"
        "Have the user type it again; check the keyboard layout and the stored password in the supplicant's profile. Or set a new one: nac user set NAME --mschap --password-prompt.";
    WRONG_PASSWORD_PAP "EAP-1402"
        "the password is wrong (PAP)"
        "Have the user type it again; check the keyboard layout and the stored password in the supplicant's profile. Or set a new one: nac user set NAME --password-prompt.";
    NAME_MISMATCH "EAP-1403"
        "the MS-CHAPv2 name differs from the identity in the tunnel"
        "Enter the same user name in both places of the supplicant's profile.";
    MSCHAPV2_MALFORMED "EAP-1404"
        "the MS-CHAPv2 message is malformed: {}"
        "Update the supplicant.";
    INNER_NAK "EAP-1405"
        "the supplicant wants {} inside the tunnel, which is not offered there"
        "Choose another inner method in the supplicant's profile, or offer this one: nac offer list, or inner_methods in [eap].";
    INNER_UNSUPPORTED "EAP-1406"
        "the supplicant uses {} inside EAP-TTLS, which is not offered there"
        "Choose another inner method in the supplicant's profile, or offer this one: nac offer list, or inner_methods in [eap].";
    AVP_MALFORMED "EAP-1407"
        "an attribute inside EAP-TTLS is malformed: {}"
        "Update the supplicant.";
    CHALLENGE_MISMATCH "EAP-1408"
        "the challenge of CHAP, MS-CHAP or MS-CHAPv2 does not belong to this TLS session"
        "Treat it as a replay attempt unless one model of supplicant always does it.";
    TUNNEL_RESULT "EAP-1409"
        "the supplicant reported failure inside the tunnel although it was authenticated"
        "Look at the supplicant's own log; it may demand crypto-binding or another inner method.";
    CREDENTIALS_MISSING "EAP-1410"
        "the supplicant sent no user name or no password inside EAP-TTLS"
        "Enter the user name and the password in the supplicant's profile.";
    TLV_MALFORMED "EAP-1411"
        "a message inside PEAP or TEAP is malformed: {}"
        "Update the supplicant.";
    WRONG_ANSWER "EAP-1412"
        "this server's credential check gave an answer that does not fit the question"
        "Report this with the server's log.";
    NO_INNER_METHOD "EAP-1413"
        "this server has no EAP method to offer inside the tunnel"
        "Name one in the offer (nac offer list) or in inner_methods of [eap]: EAP-MSCHAPv2, EAP-GTC or EAP-TLS.";
    BINDING_MISMATCH "EAP-1414"
        "the crypto-binding is wrong: who holds the tunnel is not who authenticated inside it"
        "Treat it as somebody in the middle unless one model of supplicant always does it; then set crypto_binding in [eap] to \"off\" and report it.";
    BINDING_MISSING "EAP-1415"
        "the supplicant does not bind the tunnel to what happened inside it, and this server requires that"
        "Turn crypto-binding on in the supplicant's PEAP profile, or set crypto_binding in [eap] to \"optional\"; in TEAP it is never optional.";
    INNER_EAP_MALFORMED "EAP-1416"
        "the EAP packet inside the tunnel is malformed: {}"
        "Update the supplicant.";
    WRONG_PASSWORD_GTC "EAP-1417"
        "the password is wrong (EAP-GTC)"
        "Have the user type it again; check the keyboard layout and the stored password in the supplicant's profile. Or set a new one: nac user set NAME --password-prompt.";
    GTC_MALFORMED "EAP-1418"
        "the answer to EAP-GTC's prompt has {} octets, which is no password"
        "Enter the password in the supplicant's profile.";
    WRONG_PASSWORD_MSCHAP "EAP-1419"
        "the password is wrong (MS-CHAP)"
        "Have the user type it again; check the keyboard layout and the stored password in the supplicant's profile. Or set a new one: nac user set NAME --mschap --password-prompt.";
    PASSWORD_REFUSED "EAP-1420"
        "the supplicant refused to send a password inside TEAP"
        "Let the supplicant use EAP inside TEAP: name EAP-TLS or EAP-MSCHAPv2 before PAP in inner_methods of [eap].";
    CHANGE_UNPROVEN "EAP-1421"
        "the change of the password does not show that the supplicant knows the old one"
        "Have the user log in again and type the old password and the new one; if that fails, set a new password by hand.";

    // 15xx: TLS resumption.
    RESUMED_CERTIFICATE_EXPIRED "EAP-1501"
        "the certificate of the resumed session is not valid any more: {}"
        "Renew the certificate; the supplicant will then log in in full.";
    RESUMED_NOT_OFFERED "EAP-1502"
        "the resumed session was authenticated by {}, which is not offered any more"
        "Nothing: the supplicant logs in in full the next time, by what is offered. If it should be offered: nac offer list.";

    // 19xx: the supplicant half, `nac probe` and tests.
    SERVER_UNTRUSTED "EAP-1901"
        "the server's certificate was refused: {}"
        "Give the CA that issued the server's certificate, and the right server name.";
    SERVER_ALERT "EAP-1902"
        "the server ended TLS with the alert {}"
        "Look at the server's log; the alert names what it did not like.";
    SERVER_TLS "EAP-1903"
        "TLS with the server failed: {}"
        "Look at the server's log.";
    SERVER_REFUSED "EAP-1904"
        "the server refused the login"
        "Look at the server's log: the supplicant is not told why.";
    SERVER_EARLY_SUCCESS "EAP-1905"
        "the server sent EAP-Success before the method was complete"
        "Do not trust this server.";
    SERVER_NOT_AUTHENTIC "EAP-1906"
        "the server did not prove that it knows the password"
        "Do not trust this server.";
    SERVER_METHOD "EAP-1907"
        "the server broke the rules of the method: {}"
        "Look at the server's log.";
    SERVER_SAYS_WRONG "EAP-1908"
        "the server says that the user name or the password is wrong ({})"
        "Check the user name and the password.";
    CREDENTIALS_UNSET "EAP-1909"
        "the supplicant has no {} for this method"
        "Give the credentials that the method needs.";
    METHOD_REFUSED "EAP-1910"
        "the server offers {} but not the wanted method, and refused the login"
        "Enable the method on the server, or choose one that it offers.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        for pair in all().windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} before {}",
                pair[0].code,
                pair[1].code
            );
        }
        for entry in all() {
            assert!(
                entry.code.starts_with("EAP-1") && entry.code.len() == 8,
                "{}",
                entry.code
            );
            assert!(!entry.sentence.ends_with('.'), "{}", entry.code);
            assert!(entry.remedy.ends_with('.'), "{}", entry.code);
        }
    }

    #[test]
    fn particulars_take_their_place() {
        let reason = NAK.with("EAP-PWD; offered: PEAP");
        assert_eq!(
            reason.to_string(),
            "EAP-1301: the supplicant wants EAP-PWD; offered: PEAP"
        );
    }
}
