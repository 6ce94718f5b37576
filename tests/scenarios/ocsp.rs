//! What the OCSP responders of other authorities say about client certificates: RFC 6960, with `openssl ocsp` as the responder.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use nac_test_support::directory::TestDirectory;
use nac_test_support::eapol_test::{self, Method, TlsVersion};
use nac_test_support::openssl::{CLIENT, Key, OpensslAuthority};
use nac_test_support::pki::Credential;
use nac_test_support::subject::free_ports;
use nac_test_support::{cast, wait};

use crate::site::{SOON, Site, is};
use crate::supplicant::Supplicant;
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x60, 0x01, 0x01];
/// `openssl` counts the seconds in 32 bits, which these overflow: nextUpdate lies an hour and a half back.
const STALE: [&str; 2] = ["-nmin", "71582700"];
/// Likewise: nextUpdate lies twelve seconds ahead.
const SHORT: [&str; 2] = ["-nmin", "214748365"];
const FRESH: [&str; 2] = ["-nmin", "30"];

fn trusting(root: &OpensslAuthority, keys: &str) -> Site {
    let ca = root.certificate().display().to_string();
    let site = Site::start_with(&format!("[eap]\nclient_ca = [\"{ca}\"]\n{keys}\n"));
    site.staff("alice");
    site
}

/// A certificate of alice's that names this responder.
fn naming(root: &OpensslAuthority, url: &str) -> Credential {
    let extensions = format!("{CLIENT}authorityInfoAccess=OCSP;URI:{url}\n");
    root.issue("alice", Key::P256, &extensions, &[])
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}

/// How many questions had this result.
fn questions(site: &Site, result: &str) -> f64 {
    let text = site.metrics();
    let label = format!("result=\"{result}\"");
    let mut lines = text.lines();
    let line = lines.find(|line| line.contains("ocsp_questions") && line.contains(&label));
    let number = line.and_then(|line| line.rsplit_once(' '));
    number
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or_default()
}

/// A web server that says nothing, or leads elsewhere.
fn web(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else {
                return;
            };
            let _ = connection.read(&mut [0; 1024]);
            let _ = connection.write_all(answer.as_bytes());
            if answer.is_empty() {
                silent.push(connection);
            }
        }
    });
    format!("http://{address}/")
}

#[test]
fn what_a_responder_says_of_a_real_supplicants_certificate_counts() {
    const PERMITTED: &str = "NAC-0000";
    let folder = TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let stranger = OpensslAuthority::root(folder.path(), "Stranger");
    let ports = free_ports();
    let [knowing, unknowing, dead, wrong, stale] = ports.map(url);
    let silent = web("");
    let elsewhere =
        web("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    let revoked = naming(&root, &knowing);
    root.revoke(&revoked.certificate);
    let clear = [
        ("good", naming(&root, &knowing), PERMITTED),
        ("revoked", revoked, "NAC-2210"),
    ];
    let unclear = [
        ("unknown", naming(&root, &unknowing)),
        ("dead", naming(&root, &dead)),
        ("silent", naming(&root, &silent)),
        ("a redirection", naming(&root, &elsewhere)),
        ("a wrong signer", naming(&root, &wrong)),
        ("stale", naming(&root, &stale)),
        ("none named", root.client("alice")),
    ];
    let [knowing, unknowing, _, wrong, stale] = ports;
    let _responders = [
        root.responder(knowing, &root, true, &FRESH),
        root.responder(unknowing, &root, false, &FRESH),
        root.responder(wrong, &stranger, true, &FRESH),
        root.responder(stale, &root, true, &STALE),
    ];
    for (rule, otherwise) in [("refuse", "NAC-2212"), ("accept", PERMITTED)] {
        let site = trusting(
            &root,
            &format!("ocsp = true\nrevocation_unknown = \"{rule}\""),
        );
        let secret = site.secret_file().display().to_string();
        let client = ["client", "add", "lab", "--address", "127.0.0.1"];
        site.nac(&[&client[..], &["--secret-file", &secret]].concat());
        let ca = site.ca();
        let clear = clear
            .iter()
            .map(|(name, credential, reason)| (*name, credential, *reason));
        let unclear = unclear
            .iter()
            .map(|(name, credential)| (*name, credential, otherwise));
        for (number, (name, credential, expected)) in (0_u8..).zip(clear.chain(unclear)) {
            let mut supplicant = eapol_test::Supplicant::new(Method::Tls, TlsVersion::V13, &ca);
            supplicant.credential = Some(credential);
            supplicant.mac = [0x02, 0, 0, 0x60, 0x10, number];
            let outcome = supplicant.run(site.auth, cast::SECRET);
            let mac = supplicant.mac.map(|octet| format!("{octet:02x}")).join(":");
            let why = site.why_once(&mac, |why| why["outcome"].is_string());
            assert_eq!(why["reason_code"], expected, "{rule}, {name}: {why:#}");
            assert_eq!(outcome.success, expected == PERMITTED, "{rule}, {name}");
        }
        let results = ["good", "revoked", "unknown", "failed"];
        let counted = results.map(|result| questions(&site, result));
        assert_eq!(counted, [1.0, 1.0, 1.0, 5.0], "{rule}");
    }
}

#[test]
fn a_responder_is_asked_once_and_what_it_says_reaches_live_sessions() {
    let folder = TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let credential = root.client("alice");
    let [old, new] = free_ports();
    let before = root.responder(old, &root, true, &FRESH);
    let site = trusting(&root, &format!("ocsp = \"{}\"", url(old)));
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let (port, other) = (
        switch.port(1, MAC),
        switch.port(2, [0x00, 0x16, 0x3e, 0x60, 0x01, 0x02]),
    );
    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    assert!(port.dot1x(&alice).is_resumed());
    let again = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(other.dot1x(&again).vlan().as_deref(), Some("10"));
    let second = site.why_once(&other.mac_text(), |why| why["id"].is_string());
    let second = second["id"].as_str().expect("a decision").to_owned();
    assert_eq!(questions(&site, "good"), 1.0, "{}", site.metrics());
    // Nobody can ask any more; who was asked about is known.
    drop(before);
    assert!(port.dot1x(&alice).is_resumed());

    root.revoke(&credential.certificate);
    let _after = root.responder(new, &root, true, &FRESH);
    site.configure(|table| {
        let eap = table["eap"].as_table_mut().expect("[eap] is a section");
        eap.insert("ocsp".to_owned(), url(new).into());
    });
    site.reload("configuration reloaded");
    let login = port.dot1x(&alice);
    assert!(login.is_refused());
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "NAC-2210", "{why:#}");
    // The other session goes by what was learnt here.
    switch.coa();
    assert!(other.dot1x(&again).is_refused());
    site.why_once(&second, |why| is(why, "proven"));
}

#[test]
fn a_certificate_that_is_revoked_meanwhile_does_not_resume() {
    let folder = TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let [address] = free_ports();
    let credential = root.client("alice");
    let before = root.responder(address, &root, true, &SHORT);
    let site = trusting(&root, &format!("ocsp = \"{}\"", url(address)));
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    drop(before);
    root.revoke(&credential.certificate);
    let _after = root.responder(address, &root, true, &FRESH);
    // Until the answer of before is over, which is soon, the session is resumed.
    let refused = wait::until(SOON * 6, || port.dot1x(&alice).is_refused());
    assert!(refused);
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "NAC-2210", "{why:#}");
    assert_eq!(why["eap"]["resumed"], true, "{why:#}");
}

#[test]
fn a_live_session_ends_when_the_next_answer_says_that_its_certificate_is_revoked() {
    let folder = TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let [address] = free_ports();
    let (kept, lost) = (root.client("alice"), root.client("alice"));
    let before = root.responder(address, &root, true, &SHORT);
    let site = trusting(&root, &format!("ocsp = \"{}\"", url(address)));
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let (port, other) = (
        switch.port(1, MAC),
        switch.port(2, [0x00, 0x16, 0x3e, 0x60, 0x01, 0x03]),
    );
    let alice = Supplicant::tls("alice", &site.ca(), &lost);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    let again = Supplicant::tls("alice", &site.ca(), &kept);
    assert_eq!(other.dot1x(&again).vlan().as_deref(), Some("10"));
    let admission = |mac: &str| {
        let why = site.why_once(mac, |why| why["id"].is_string());
        why["id"].as_str().expect("a decision").to_owned()
    };
    let (ends, stays) = (admission(&port.mac_text()), admission(&other.mac_text()));
    drop(before);
    root.revoke(&lost.certificate);
    let _after = root.responder(address, &root, true, &FRESH);
    // Nobody logs in any more. What the responder said first is over soon.
    let asked = wait::until(SOON * 8, || questions(&site, "revoked") > 0.0);
    assert!(asked, "{}", site.metrics());
    switch.coa();
    assert!(port.dot1x(&alice).is_refused());
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "NAC-2210", "{why:#}");
    site.why_once(&ends, |why| is(why, "proven"));
    assert!(wait::until(SOON, || questions(&site, "good") >= 3.0));
    let other = site.why(&stays);
    assert!(
        other["enforcements"].as_array().is_none_or(Vec::is_empty),
        "{other:#}"
    );
}

#[test]
fn a_list_in_force_decides_without_a_question() {
    let folder = TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let (good, bad) = (root.client("alice"), root.client("alice"));
    let list = folder.path().join("corporate.crl");
    root.list(&list, &[]);
    root.revoke(&bad.certificate);
    let [address] = free_ports();
    let _responder = root.responder(address, &root, true, &FRESH);
    let keys = format!(
        "crl = \"{}\"\ncrl_refresh = \"1s\"\nocsp = \"{}\"",
        list.display(),
        url(address)
    );
    let site = trusting(&root, &keys);
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    for credential in [&good, &bad] {
        let alice = Supplicant::tls("alice", &site.ca(), credential);
        assert!(
            port.dot1x(&alice).vlan().is_some(),
            "the list does not say so yet"
        );
    }
    let results = ["good", "revoked", "unknown", "failed"];
    let counted = results.map(|result| questions(&site, result));
    assert_eq!(counted, [0.0; 4]);
    // Where there is none, the responder is asked.
    std::fs::remove_file(&list).expect("removed");
    site.configure(|table| {
        let eap = table["eap"].as_table_mut().expect("[eap] is a section");
        eap.remove("crl");
    });
    site.reload("configuration reloaded");
    let alice = Supplicant::tls("alice", &site.ca(), &bad);
    assert!(port.dot1x(&alice).is_refused());
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "NAC-2210", "{why:#}");
}
