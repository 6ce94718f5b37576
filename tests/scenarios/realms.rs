//! Names with realms and Windows domains: whose account they mean, and what the realm outside the tunnel is worth.

use nac_test_support::eapol_test::{Method, Outcome, Supplicant, TlsVersion};
use nac_test_support::exchange::Exchange;
use nac_test_support::wire::code;
use nac_test_support::{cast, radclient, wait};

use crate::site::{SOON, Site};

const MAC: &str = "02:00:00:00:00:10";

fn site() -> Site {
    let site = Site::start_with(
        "[identity]\nrealms = [\"example.org\", \"bücher.example\"]\nnt_domains = [\"EXAMPLE\"]\n",
    );
    site.staff("anna");
    let secret = site.secret_file().display().to_string();
    site.nac(&[
        "client",
        "add",
        "lab",
        "--address",
        "127.0.0.0/8",
        "--secret-file",
        &secret,
    ]);
    let policy = site.policy().replace("when { context.eap }", "");
    site.apply_policy(&policy);
    site
}

fn log_in(site: &Site, method: Method, identity: &str, anonymous: &str) -> Outcome {
    let ca = site.ca();
    let mut anna = Supplicant::new(method, TlsVersion::V13, &ca);
    anna.identity = identity;
    anna.anonymous = anonymous;
    let mut outcome = anna.run(site.auth, cast::SECRET);
    // The running server may not have heard of the client yet, and is silent then.
    let answered = wait::until(SOON, || {
        if outcome.log.contains("RADIUS message: code=") {
            return true;
        }
        outcome = anna.run(site.auth, cast::SECRET);
        false
    });
    assert!(answered, "{}", outcome.tail());
    outcome
}

#[test]
fn a_user_of_ours_gets_in_with_realm_domain_or_neither() {
    let site = site();
    for (identity, realm) in [
        ("anna", ""),
        ("anna@example.org", "example.org"),
        ("Anna@EXAMPLE.ORG", "example.org"),
        ("anna@bücher.example", "bücher.example"),
        ("EXAMPLE\\anna", "example"),
    ] {
        for method in [Method::PeapMschapv2, Method::TtlsPap, Method::TtlsMschapv2] {
            let outcome = log_in(&site, method, identity, "anonymous@example.org");
            assert!(outcome.success, "{identity} {method:?}\n{}", outcome.tail());
            let why = site.why_once(MAC, |why| why["facts"]["realm"] == realm);
            assert_eq!(why["identity"], "anna", "{why:#}");
            assert_eq!(why["segment"], "staff", "{why:#}");
            assert_eq!(why["facts"]["outer_realm"], "example.org", "{why:#}");
            assert_eq!(why["facts"]["realm_mismatch"], false, "{why:#}");
        }
    }
}

#[test]
fn without_eap_it_is_the_same() {
    let site = site();
    let secret = cast::SECRET;
    let password = format!("User-Password = \"{}\"", cast::PASSWORD);
    let pap = |name: &str| {
        let user = format!("User-Name = \"{}\"", name.replace('\\', "\\\\"));
        let station = format!("Calling-Station-Id = \"{MAC}\"");
        let answer = radclient::send(site.auth, "auth", secret, &[&user, &password, &station]);
        answer.code
    };
    // The policy is in force. To a client that the server does not know yet it is silent, and radclient waits five seconds for a word.
    let in_force = || pap("anna").as_deref() == Some("Access-Accept");
    assert!(wait::until(SOON * 4, in_force));
    for name in ["anna", "anna@example.org", "EXAMPLE\\anna"] {
        assert_eq!(pap(name).as_deref(), Some("Access-Accept"), "{name}");
    }
    let client = Exchange::from("127.0.0.1:0", site.auth, secret);
    let (authenticator, peer) = ([0x31; 16], [0x32; 16]);
    // RFC 2759 section 8.2: the domain before a backslash is no part of what is hashed, a realm is.
    for (name, hashed) in [
        ("anna", "anna"),
        ("EXAMPLE\\anna", "anna"),
        ("anna@example.org", "anna@example.org"),
    ] {
        let request = client.access_request(1, name).with_ms_chap_v2(
            &authenticator,
            &peer,
            hashed,
            cast::PASSWORD,
        );
        let reply = client.answer(&request);
        assert_eq!(reply.code, code::ACCESS_ACCEPT, "{name}");
    }
    for (name, refusal) in [
        ("anna@other.org", "NAC-2041"),
        ("OTHER\\anna", "NAC-2041"),
        ("anna@example..org", "NAC-2042"),
        ("nobody@example.org", "NAC-2002"),
    ] {
        assert_eq!(pap(name).as_deref(), Some("Access-Reject"), "{name}");
        let why = site.why_once(MAC, |why| why["identity"] == name);
        assert_eq!(why["reason_code"], refusal, "{why:#}");
        assert!(why["remedy"].as_str().is_some_and(|text| !text.is_empty()));
    }
    // Who is registered with the whole name is at home here.
    site.staff("anna@other.org");
    let known = || pap("anna@other.org").as_deref() == Some("Access-Accept");
    assert!(wait::until(SOON, known));
}

#[test]
fn the_realm_outside_the_tunnel_authorises_nothing_and_a_policy_sees_that_it_is_another() {
    let site = site();
    let lied = |why: &serde_json::Value| {
        why["facts"]["outer_realm"] == "other.org" && why["facts"]["realm_mismatch"] == true
    };
    let outcome = log_in(&site, Method::TtlsPap, "anna", "mallory@other.org");
    assert!(outcome.success, "{}", outcome.tail());
    let why = site.why_once(MAC, lied);
    assert_eq!(why["identity"], "anna", "{why:#}");
    assert_eq!(why["facts"]["realm"], "", "{why:#}");
    assert!(
        site.log().contains("outer_realm=other.org"),
        "{}",
        site.log()
    );
    // The other way round: ours outside, somebody else's inside.
    let outcome = log_in(
        &site,
        Method::TtlsPap,
        "anna@other.org",
        "anonymous@example.org",
    );
    assert!(!outcome.success);
    site.why_once(MAC, |why| why["reason_code"] == "NAC-2041");

    let forbid = "\n@id(\"no-detours\")\nforbid (principal, action == Action::\"connect\", resource)\n\
                  when { context.realm_mismatch };\n";
    site.apply_policy(&(site.policy() + forbid));
    let mut outcome = None;
    let refused = wait::until(SOON, || {
        let tried = log_in(&site, Method::TtlsPap, "anna", "mallory@other.org");
        let refused = !tried.success;
        outcome = Some(tried);
        refused
    });
    assert!(refused);
    let why = site.why_once(MAC, |why| why["outcome"] == "reject" && lied(why));
    assert_eq!(why["reason_code"], "NAC-3002", "{why:#}");
    let outcome = log_in(&site, Method::TtlsPap, "anna", "@example.org");
    assert!(outcome.success, "{}", outcome.tail());
}

#[test]
fn a_reload_takes_another_realm_for_ours() {
    let site = site();
    let outcome = log_in(&site, Method::PeapMschapv2, "anna@new.example", "anonymous");
    assert!(!outcome.success);
    site.why_once(MAC, |why| why["reason_code"] == "NAC-2041");
    site.configure(|table| {
        let identity = table["identity"].as_table_mut().expect("a section");
        let realms = toml::Value::Array(vec!["new.example".into()]);
        identity.insert("realms".to_owned(), realms);
    });
    site.reload("configuration reloaded");
    let outcome = log_in(&site, Method::PeapMschapv2, "anna@new.example", "anonymous");
    assert!(outcome.success, "{}", outcome.tail());
}
