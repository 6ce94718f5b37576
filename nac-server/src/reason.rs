//! Why the server refused: every reason outside EAP with a stable code, one sentence and one remedy.
//!
//! EAP's own reasons (`EAP-…`) live in `nac_eap`; both end up in decision records and `nac why`.

use std::fmt;

/// Why somebody was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, searchable: `NAC-…` or `EAP-…`.
    pub code: &'static str,
    /// What happened, in one sentence.
    pub sentence: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code, self.sentence)
    }
}

impl From<nac_eap::Reason> for Refusal {
    fn from(reason: nac_eap::Reason) -> Self {
        Self {
            code: reason.code,
            sentence: reason.sentence,
            remedy: reason.remedy,
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),*) = $code:literal, $sentence:literal, $remedy:literal;)*) => {
        /// Whether a code says that a name or a password was wrong, so that it counts as a guess.
pub(crate) fn is_wrong_guess(code: &str) -> bool {
    matches!(
        code,
        "NAC-2001" | "NAC-2002" | "NAC-2022" | "NAC-2044" | "EAP-1401" | "EAP-1402" | "EAP-1417" | "EAP-1419"
    )
}

impl Refusal {
            $($(#[$doc])* pub fn $name($($argument: &str),*) -> Self {
                Self { code: $code, sentence: format!($sentence), remedy: $remedy }
            })*

            /// Every reason of the server: code, sentence and remedy.
            pub fn table() -> Vec<Self> {
                vec![$(Self { code: $code, sentence: $sentence.to_owned(), remedy: $remedy }),*]
            }
        }
    };
}

reasons! {
    /// The password does not match.
    wrong_password(user) = "NAC-2001", "wrong password for user \"{user}\"",
        "Let the user type it again, or set a new one: nac user set NAME --password-prompt.";
    /// No such account.
    unknown_user(user) = "NAC-2002", "there is no user \"{user}\"",
        "Check the spelling that the supplicant sends, or add the user: nac user add NAME --group GROUP --password-prompt.";
    /// The account is switched off.
    disabled_user(user) = "NAC-2003", "user \"{user}\" is disabled",
        "Enable the account if the person may connect: nac user set NAME --enable.";
    /// A challenge-response method for a user whose password is stored as argon2id only.
    no_challenge_secret(user, method) = "NAC-2004",
        "user \"{user}\" cannot use {method}: the password is stored as argon2id only",
        "Use EAP-TLS or EAP-TTLS/PAP, or set the password again so that it is stored reversibly sealed: nac user set NAME --mschap --password-prompt.";
    /// No credential that this server understands.
    no_credentials() = "NAC-2005", "the request carries no credentials that this server understands",
        "Configure the port or SSID for 802.1X, MAC authentication, PAP, CHAP or MS-CHAPv2.";
    /// A login to the NAS itself.
    administrative_login(service) = "NAC-2006",
        "the request asks for {service}, an administrator's login to the device itself, which network policy does not grant",
        "Point the device's administrator login at a server for device administration.";
    /// A malformed credential.
    malformed_credentials(what) = "NAC-2007", "the credentials are malformed: {what}",
        "Check the shared secret and the NAS's RADIUS settings.";
    /// A user without any password.
    no_password(user) = "NAC-2008", "user \"{user}\" has no password",
        "Set one: nac user set NAME --password-prompt; or let the user connect with a certificate.";
    /// The State attribute is unknown.
    unknown_conversation() = "NAC-2101", "there is no EAP conversation for this State: it expired, or the server restarted",
        "Nothing: the supplicant will start again.";
    /// A response without State that starts nothing.
    no_state() = "NAC-2102", "an EAP response came without the State that belongs to it",
        "Check that the NAS returns the State attribute (RFC 2865 section 5.24).";
    /// A device whose own Wi-Fi keys have all ended.
    psk_over(device, ssid) = "NAC-2009", "the device \"{device}\" has no valid key for the Wi-Fi network \"{ssid}\" any more",
        "Give it a new one: nac device psk create DEVICE --ssid SSID.";
    /// Somebody guesses a password.
    too_many_guesses(user) = "NAC-2010", "too many wrong passwords for user \"{user}\" within a minute: this one is not looked at",
        "See who guesses with nac why, and block the station. The user's own device, which has logged in before, still gets in; others may try again in a minute.";
    /// A method without room for a second factor.
    no_room_for_code(user, method) = "NAC-2020",
        "user \"{user}\" has to show the code of an authenticator app as well, which {method} cannot carry",
        "Let the user log in with PEAP-GTC or PAP, which ask for the code, with EAP-TTLS/PAP and the code typed right behind the password, or with a certificate; or ask for no code: nac user totp disable NAME.";
    /// The password alone is not enough.
    second_factor_missing(user) = "NAC-2021",
        "user \"{user}\" has to show the code of an authenticator app as well, and the login came without one",
        "Let the user type the code right behind the password, or use PEAP-GTC or PAP, which ask for it; or ask for no code: nac user totp disable NAME.";
    /// The code is wrong.
    wrong_code(user) = "NAC-2022", "wrong code of the authenticator app for user \"{user}\"",
        "Let the user type the code that the app shows now, and check the telephone's clock and this server's. A lost app is replaced by: nac user totp enable NAME --replace.";
    /// The code is right, and was right before.
    used_code(user) = "NAC-2023", "the code of the authenticator app was used before for user \"{user}\"",
        "Let the user wait for the next code, at most half a minute. If the user did not log in just now, somebody else reads along: set a new password.";
    /// Somebody guesses codes.
    too_many_codes(user) = "NAC-2024", "too many wrong codes for user \"{user}\" within ten minutes: this one is not looked at",
        "Whoever guesses knows the password: set a new one if it was not the user. A device that has logged in before still gets in; others may try again in ten minutes.";
    /// The answer to a challenge that nobody asked.
    unknown_challenge() = "NAC-2025", "the State belongs to no open question for a code: it came too late, twice, or from elsewhere",
        "Let the user log in again. Check that the NAS returns the State attribute of the last Access-Challenge only (RFC 2865 section 5.24).";
    /// The password is right and its time is over.
    password_expired(user) = "NAC-2030", "the password of user \"{user}\" is expired",
        "Let the user log in with PEAP-MSCHAPv2, which asks for a new one; or set one: nac user set NAME --password-prompt; or give it more time: nac user set NAME --password-expires never.";
    /// A new password that cannot be one.
    new_password_refused(user, why) = "NAC-2031", "user \"{user}\" chose a new password that is not taken: {why}",
        "Let the user choose another one: 1 to 256 octets, not the old one.";
    /// A realm of somebody else.
    foreign_realm(name, realm) = "NAC-2041", "\"{name}\" is of the realm or domain \"{realm}\", which is not one of ours",
        "Let the user log in with a realm of ours or without one; or, if it is ours, name it in nac.toml: realms or nt_domains in [identity].";
    /// No name at all.
    malformed_name(name, why) = "NAC-2042", "\"{name}\" cannot be a user name: {why}",
        "Correct the user name in the supplicant's profile: NAME, NAME@REALM (RFC 7542) or DOMAIN\\NAME.";
    /// A method without EAP that is not offered there.
    method_not_offered(method, offer) = "NAC-2043", "method not allowed: {method} is not in the offer \"{offer}\"",
        "Configure the port or SSID for a method that is offered, or offer this one: nac offer show NAME, then nac offer set NAME --method ….";
    /// A new password from who does not know the old one.
    change_unproven(user) = "NAC-2044", "a new password for user \"{user}\" came from somebody who does not know the old one",
        "Let the user type the old password again; if the user did not change it, somebody else tried to: see who with nac why.";
    /// A new password that nobody asked for.
    change_not_due(user) = "NAC-2045", "a new password for user \"{user}\" came, and the present one is not expired",
        "Let the user change it elsewhere, or have it changed at the next login: nac user set NAME --must-change-password.";
    /// A change of a password that was made before.
    change_replayed(user) = "NAC-2046", "the challenge of a new password for user \"{user}\" changed one before",
        "Somebody sends a recorded request again, or the NAS sends the same challenge twice: see which NAS with nac why.";
    /// Two credentials where RADIUS allows one.
    several_credentials(kinds) = "NAC-2047", "the request carries {kinds}, and RADIUS allows one of them only",
        "Have the NAS send one credential for each login (RFC 2865 section 4.1, RFC 3579 section 3.3), or update it.";
    /// A password that is no text, from a NAS that does not sign.
    noise_for_password() = "NAC-2051", "the password is no text: the NAS hides it with another shared secret than this server's, almost surely",
        "Set the same shared secret on the NAS and here: nac client set NAME --secret-file FILE; and have the NAS send Message-Authenticator, so that it shows at once. If other logins of this NAS succeed, it sends passwords in another character set than UTF-8.";
    /// Silence: no client has this address.
    unknown_nas() = "NAC-2052", "the packet is from an address that is no client, and is not answered",
        "Add the NAS: nac client add NAME --address ADDRESS; see which ones ask: nac client unknown. Mind NAT and the NAS's source interface.";
    /// Silence: the signature that is required is absent.
    missing_message_authenticator() = "NAC-2053", "the request carries no Message-Authenticator where it has to, and is not answered",
        "Update the NAS, or bear with it for a time (CVE-2024-3596): nac client set NAME --message-authenticator legacy --legacy-until DATE. EAP, Status-Server and requests with Proxy-State always have to carry one.";
    /// Silence: no RADIUS.
    malformed_packet() = "NAC-2054", "the packet breaks the rules of RADIUS, and is not answered",
        "Update the NAS; the server's log says what is wrong with the packet.";
    /// Silence: the signature does not verify.
    wrong_secret() = "NAC-2055", "the packet is not signed with this client's shared secret, and is not answered",
        "Set the same shared secret on the NAS and here: nac client set NAME --secret-file FILE.";
    /// Too many packets that had to be ignored.
    too_many_invalid(why) = "NAC-2103", "five invalid EAP packets in one conversation, the last because {why}",
        "Update the supplicant or its driver.";
    /// A certificate on our list of revoked ones.
    revoked_certificate(name) = "NAC-2201", "the certificate of \"{name}\" is revoked",
        "Issue a new certificate if its holder may connect: nac certificate issue --user NAME --out DIR (for a device: --device NAME).";
    /// A certificate past its end.
    expired_certificate(name) = "NAC-2202", "the certificate of \"{name}\" is no longer valid",
        "Issue a new certificate: nac certificate issue --user NAME --out DIR (for a device: --device NAME).";
    /// A certificate that cannot be read.
    unreadable_certificate(why) = "NAC-2203", "the client certificate cannot be read: {why}",
        "Issue the certificate again.";
    /// A certificate that names nobody.
    anonymous_certificate() = "NAC-2204", "the client certificate names neither a user nor a device",
        "Issue certificates with a user name (UPN, e-mail or CN, or what certificate_identity in [eap] says) or a device id (SAN URI urn:uuid:…).";
    /// A certificate on another authority's list.
    revoked_by_list(name, issuer) = "NAC-2205", "the certificate of \"{name}\" is revoked, says the revocation list of {issuer}",
        "Have that authority issue a new certificate if the user or the device may connect.";
    /// An intermediate authority on another authority's list.
    revoked_authority(name, issuer) = "NAC-2206", "an authority that the certificate of \"{name}\" leans on is revoked, says the revocation list of {issuer}",
        "Have another authority issue new certificates: every one of the revoked authority is refused.";
    /// Another authority's list is too old.
    revocation_list_over(name, issuer) = "NAC-2207", "nobody can say whether the certificate of \"{name}\" is revoked: the revocation list of {issuer} is over",
        "Get a newer list into the place that crl in [eap] names (see it with nac certificate crl), or set revocation_unknown = \"accept\".";
    /// No list of another authority.
    revocation_unknown(name) = "NAC-2208", "nobody can say whether the certificate of \"{name}\" is revoked: there is no revocation list that covers all of its chain",
        "Name the list of each authority with crl in [eap] (see them with nac certificate crl), or set revocation_unknown = \"accept\".";
    /// A certificate whose name is no name.
    unusable_name(kind) = "NAC-2209", "the client certificate's {kind} cannot be used as a name: it is empty, has control characters, is no UTF-8 or is too long",
        "Issue the certificate with another name, or leave this kind of name out of certificate_identity in [eap].";
    /// A certificate that another authority's OCSP responder calls revoked.
    revoked_by_responder(name, responder) = "NAC-2210", "the certificate of \"{name}\" is revoked, says the OCSP responder {responder}",
        "Have that authority issue a new certificate if the user or the device may connect.";
    /// An intermediate authority that an OCSP responder calls revoked.
    authority_revoked_by_responder(name, responder) = "NAC-2211", "an authority that the certificate of \"{name}\" leans on is revoked, says the OCSP responder {responder}",
        "Have another authority issue new certificates: every one of the revoked authority is refused.";
    /// No OCSP responder says anything that counts.
    responder_unclear(name, why) = "NAC-2212", "nobody can say whether the certificate of \"{name}\" is revoked: {why}",
        "See that this server reaches the responder and that the responder knows the certificate; or name a list with crl in [eap], or set revocation_unknown = \"accept\".";
    /// No permit matched.
    no_permit() = "NAC-3001", "no policy permits this",
        "See in the list below which condition kept the expected policy from matching; then change the groups: nac user set NAME --group GROUP; the labels: nac device set DEVICE --label LABEL; or the policy: nac policy apply FILE.";
    /// A forbid matched.
    forbidden(policy) = "NAC-3002", "policy \"{policy}\" forbids this",
        "Remove what the policy forbids, or change the policy: nac policy apply.";
    /// A policy failed to evaluate.
    policy_error(error) = "NAC-3003", "a policy could not be evaluated: {error}",
        "Correct the policy: nac policy check FILE, then nac policy apply FILE.";
    /// A policy names a segment that is gone.
    missing_segment(segment) = "NAC-3004", "the policy answers with segment \"{segment}\", which does not exist",
        "Create it: nac segment set NAME --vlan N.";
    /// The answer does not fit into a RADIUS packet.
    answer_too_long() = "NAC-3005", "the answer does not fit into a RADIUS packet of 4096 octets",
        "Shorten the segment's ACL.";
    /// RadSec: TLS did not come about.
    radsec_handshake(why) = "NAC-4001", "the TLS handshake failed: {why}",
        "Give the NAS a certificate of an authority that this server trusts ([radsec] client_ca), and let it trust this server's.";
    /// RadSec: nobody known.
    radsec_stranger(names) = "NAC-4002", "the certificate belongs to no client; its names: {names}",
        "Let it ask: nac client set NAME --radsec-name NAME-IN-THE-CERTIFICATE; or nac client add NAME --address ADDRESS.";
    /// RadSec: a certificate of the same authority, but for something else.
    radsec_not_a_nas(subject) = "NAC-4003", "the certificate {subject} is that of a user or a device, not of a NAS",
        "Issue one for the NAS: nac certificate issue --nas HOST --out DIR.";
    /// RadSec: no room.
    radsec_too_many(client) = "NAC-4004", "too many connections are open, from the client \"{client}\" or altogether",
        "Look at the NAS: one or two connections are enough, and it should close those that it does not use.";
    /// RadSec: RADIUS/1.1 needs TLS 1.3 (RFC 9765 section 3.4).
    radsec_old_tls() = "NAC-4005", "RADIUS/1.1 was asked for over TLS 1.2",
        "Allow TLS 1.3 at the NAS, or switch RADIUS/1.1 off there.";
    /// RadSec: RFC 6613 section 2.6.4.
    radsec_broken(client, why) = "NAC-4006", "the client \"{client}\" broke the rules of RADIUS: {why}",
        "Update the NAS. Over TLS the shared secret is always the word radsec.";
}

impl Refusal {
    /// What the policy's refusal means.
    pub fn from_policy(decision: &nac_policy::Decision, reason: nac_policy::RefuseReason) -> Self {
        use nac_policy::RefuseReason;
        match reason {
            RefuseReason::NoPermit => Self::no_permit(),
            RefuseReason::Forbidden => Self::forbidden(decision.policy.as_deref().unwrap_or("?")),
            RefuseReason::PolicyError => Self::policy_error(
                decision
                    .errors
                    .first()
                    .map_or("unknown error", String::as_str),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Refusal;

    /// The page of the manual with every code.
    fn page() -> String {
        let mut page = "# Every code\n\n\
            What `nac why`, the log and the pages mean by a code. A code never changes its meaning.\n\
            This page is made from the program: `UPDATE=1 cargo test -p nac-server --lib reason`.\n\
            [Troubleshooting](troubleshooting.md) is shorter.\n"
            .to_owned();
        let eap = nac_eap::reason::all()
            .iter()
            .map(|entry| (entry.code, entry.sentence.replace("{}", "…"), entry.remedy));
        section(&mut page, "NAC: identity, policy, RadSec", {
            let row = |reason: Refusal| (reason.code, reason.sentence, reason.remedy);
            Refusal::table().into_iter().map(row)
        });
        section(&mut page, "EAP: the login itself", eap);
        page
    }

    fn section<'a>(
        page: &mut String,
        title: &str,
        rows: impl Iterator<Item = (&'a str, String, &'a str)>,
    ) {
        page.push_str(&format!(
            "\n## {title}\n\n| code | what happened | what to do |\n|---|---|---|\n"
        ));
        for (code, sentence, remedy) in rows {
            let cells = [code, &sentence, remedy].map(|cell| cell.replace('|', "\\|"));
            page.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }

    #[test]
    fn the_manual_lists_every_code() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reasons.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, page()).expect("written");
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            written == page(),
            "docs/reasons.md is old; make it anew: UPDATE=1 cargo test -p nac-server --lib reason"
        );
    }

    #[test]
    fn every_reason_has_its_own_code() {
        let mut codes: Vec<_> = Refusal::table()
            .into_iter()
            .map(|reason| reason.code)
            .collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn a_remedy_names_no_setting_that_nac_toml_does_not_have() {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config");
        let source = |file: &str| std::fs::read_to_string(config.join(file)).expect("it is there");
        let keys = ["read.rs", "radsec.rs", "revocation.rs", "identity.rs"].map(source);
        let keys = keys.concat();
        let own = Refusal::table().into_iter().map(|reason| reason.remedy);
        let eap = nac_eap::reason::all().iter().map(|entry| entry.remedy);
        let mut named = 0;
        for remedy in own.chain(eap) {
            let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let words = remedy.split(|c| !letter(c));
            for word in words.filter(|word| word.contains('_')) {
                named += 1;
                assert!(keys.contains(&format!("\"{word}\"")), "{word}: {remedy}");
            }
        }
        assert!(named > 5, "some remedies name settings");
    }

    #[test]
    fn a_refusal_names_its_subject() {
        assert_eq!(
            Refusal::unknown_user("eve").sentence,
            "there is no user \"eve\""
        );
    }
}
