//! Realms: which part of a name is the account, and whose account it is.
//!
//! `anna@example.org` (RFC 7542), `EXAMPLE\anna` (as Windows says it) and `anna` are one account where `example.org` and `EXAMPLE` are
//! this organisation's; `host/lap1.example.org` is a machine and has no realm. A name in a realm of somebody else is nobody here: a
//! password for it was meant for another server.

use std::collections::BTreeSet;

use crate::reason::Refusal;

/// How the accounts of machines begin (as Windows names them).
pub(crate) const MACHINE_PREFIX: &str = "host/";

/// The realms and Windows domains of this organisation, which are no part of an account's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalRealms {
    realms: BTreeSet<String>,
    nt_domains: BTreeSet<String>,
}

/// A name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name<'a> {
    /// A name without a realm.
    Plain(&'a str),
    /// `account@realm`.
    InRealm { account: &'a str, realm: &'a str },
    /// `DOMAIN\account`.
    InDomain { account: &'a str, domain: &'a str },
}

impl LocalRealms {
    /// Letter case does not matter.
    pub fn new<'a>(
        realms: impl IntoIterator<Item = &'a String>,
        nt_domains: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        Self {
            realms: realms.into_iter().map(|realm| folded(realm)).collect(),
            nt_domains: nt_domains.into_iter().map(|name| folded(name)).collect(),
        }
    }

    /// The account's name without a realm of ours. Without a list of Windows domains every domain is ours: Windows adds the name of
    /// the machine or of its domain by itself.
    ///
    /// # Errors
    /// A name that cannot be one (RFC 7542 section 2.2), or one in somebody else's realm.
    pub fn account<'n>(&self, name: &'n str) -> Result<&'n str, Refusal> {
        let parsed = parse(name)
            .map_err(|why| Refusal::malformed_name(&name.escape_debug().to_string(), why))?;
        let (account, realm, is_ours) = match parsed {
            Name::Plain(account) => return Ok(account),
            Name::InRealm { account, realm } => {
                (account, realm, self.realms.contains(&folded(realm)))
            }
            Name::InDomain { account, domain } => {
                let any = self.nt_domains.is_empty();
                (account, domain, any || self.is_ours(&folded(domain)))
            }
        };
        match is_ours {
            true if account.is_empty() => Err(Refusal::malformed_name(
                name,
                "it names a realm and nobody in it",
            )),
            true => Ok(account),
            false => Err(Refusal::foreign_realm(name, realm)),
        }
    }

    /// Whether what was said outside the tunnel does not go with who was proven inside it. Realms of ours go together, and with names
    /// that have none; so does an outer name without a realm with everything.
    pub fn differ(&self, outer: &str, inner: &str) -> bool {
        let theirs = |realm: &'_ str| !realm.is_empty() && !self.is_ours(realm);
        let unknown = self.realms.is_empty() && self.nt_domains.is_empty();
        match (outer, inner) {
            ("", _) => false,
            (_, "") => theirs(outer) && !unknown,
            _ => outer != inner && (theirs(outer) || theirs(inner)),
        }
    }

    fn is_ours(&self, folded: &str) -> bool {
        self.realms.contains(folded) || self.nt_domains.contains(folded)
    }
}

/// The realm or Windows domain of a name, in lower case; empty when it has none, or one that cannot be.
pub fn realm_of(name: &str) -> String {
    match parse(name) {
        Ok(Name::InRealm { realm, .. }) => folded(realm),
        Ok(Name::InDomain { domain, .. }) => folded(domain),
        Ok(Name::Plain(_)) | Err(_) => String::new(),
    }
}

/// Whether this can be a realm: labels of letters, digits and hyphens, in any script (RFC 7542 section 2.2). Unlike there one label is
/// enough, which many sites have, and nobody asks for a normal form: realms are compared octet by octet once they are in lower case.
pub fn is_realm(realm: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii();
        !label.is_empty()
            && label.chars().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    realm.len() <= 253 && realm.split('.').all(is_label)
}

/// Whether this can be a Windows domain's name before a backslash: NetBIOS allows more than DNS.
pub fn is_nt_domain(domain: &str) -> bool {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"\\/:*?\"<>|@,".contains(c);
    !domain.is_empty() && domain.len() <= 253 && domain.chars().all(plain)
}

fn parse(name: &str) -> Result<Name<'_>, &'static str> {
    // What was no UTF-8 came here with a replacement character in its place.
    if name.contains(char::REPLACEMENT_CHARACTER) {
        return Err("it is not UTF-8");
    }
    if name.chars().any(char::is_control) {
        return Err("it has control characters in it");
    }
    if is_machine(name) {
        return Ok(Name::Plain(name));
    }
    if let Some((domain, account)) = name.split_once('\\') {
        return match is_nt_domain(domain) {
            true => Ok(Name::InDomain { account, domain }),
            false => Err("what stands before the backslash is no domain"),
        };
    }
    match name.rsplit_once('@') {
        Some((account, realm)) if is_realm(realm) => Ok(Name::InRealm { account, realm }),
        Some(_) => Err("what follows the @ is no realm"),
        None => Ok(Name::Plain(name)),
    }
}

/// Whether a name is a machine's, as Windows names them.
pub fn is_machine(name: &str) -> bool {
    name.get(..MACHINE_PREFIX.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(MACHINE_PREFIX))
}

fn folded(realm: &str) -> String {
    realm.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> LocalRealms {
        LocalRealms::new(
            &["Example.org".to_owned(), "bücher.example".to_owned()],
            &["EXAMPLE".to_owned()],
        )
    }

    #[test]
    fn a_name_in_a_realm_of_ours_is_the_account_without_it() {
        for (name, account) in [
            ("anna", Ok("anna")),
            ("anna@example.org", Ok("anna")),
            ("Anna@EXAMPLE.Org", Ok("Anna")),
            ("anna@BÜCHER.example", Ok("anna")),
            ("anna@home@example.org", Ok("anna@home")),
            ("EXAMPLE\\anna", Ok("anna")),
            ("example\\anna", Ok("anna")),
            ("example.org\\anna", Ok("anna")),
            ("EXAMPLE\\anna@example.org", Ok("anna@example.org")),
            ("host/lap1.example.org", Ok("host/lap1.example.org")),
            ("HOST/lap1@x", Ok("HOST/lap1@x")),
            ("anna@other.org", Err("NAC-2041")),
            ("anna@cs.example.org", Err("NAC-2041")),
            ("anna@example", Err("NAC-2041")),
            ("OTHER\\anna", Err("NAC-2041")),
            ("@example.org", Err("NAC-2042")),
            ("EXAMPLE\\", Err("NAC-2042")),
            ("\\anna", Err("NAC-2042")),
            ("anna@", Err("NAC-2042")),
            ("anna@-x.org", Err("NAC-2042")),
            ("anna@x..org", Err("NAC-2042")),
            ("anna@exa mple.org", Err("NAC-2042")),
            ("an\u{7}na", Err("NAC-2042")),
            ("anna\u{fffd}", Err("NAC-2042")),
        ] {
            let found = ours().account(name).map_err(|refusal| refusal.code);
            assert_eq!(found, account, "{name:?}");
        }
    }

    #[test]
    fn without_a_list_every_windows_domain_is_ours_and_no_realm_is() {
        let none = LocalRealms::default();
        assert_eq!(none.account("WHATEVER\\anna"), Ok("anna"));
        let refused = none.account("anna@example.org").map_err(|r| r.code);
        assert_eq!(refused, Err("NAC-2041"));
    }

    #[test]
    fn a_refusal_shows_no_control_character() {
        let refusal = ours().account("an\u{1b}[2Jna").expect_err("no name");
        assert!(
            !refusal.sentence.chars().any(char::is_control),
            "{refusal:?}"
        );
    }

    #[test]
    fn realms_differ_when_one_of_them_is_not_ours() {
        for (outer, inner, differ) in [
            ("", "", false),
            ("", "other.org", false),
            ("example.org", "", false),
            ("example.org", "example", false),
            ("example.org", "example.org", false),
            ("other.org", "other.org", false),
            ("other.org", "", true),
            ("other.org", "example.org", true),
            ("example.org", "other.org", true),
        ] {
            assert_eq!(ours().differ(outer, inner), differ, "{outer} {inner}");
        }
        let none = LocalRealms::default();
        assert!(!none.differ("example.org", ""));
        assert!(none.differ("example.org", "other.org"));
    }

    #[test]
    fn the_realm_of_a_name_is_in_lower_case_and_a_broken_one_is_none() {
        for (name, realm) in [
            ("@Example.ORG", "example.org"),
            ("anonymous@example.org", "example.org"),
            ("EXAMPLE\\anna", "example"),
            ("anna", ""),
            ("host/lap1.example.org", ""),
            ("anna@-", ""),
            ("an\nna@example.org", ""),
        ] {
            assert_eq!(realm_of(name), realm, "{name:?}");
        }
    }
}
