//! Certificates of other authorities, and what those say about them afterwards: RFC 5280 section 6.3, RFC 9190 section 5.4.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use nac_test_support::eapol_test::{self, Method, TlsVersion};
use nac_test_support::openssl::{AUTHORITY, CLIENT, Key, OpensslAuthority};
use nac_test_support::pki::Credential;
use nac_test_support::{cast, wait};

use crate::site::{SOON, Site, is};
use crate::supplicant::Supplicant;
use crate::switch::{Port, Switch};

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x60, 0x00, 0x01];

/// A site that trusts the root besides its own authority, with more keys of `[eap]`.
fn trusting(root: &OpensslAuthority, keys: &str) -> Site {
    let ca = root.certificate();
    let site = Site::start_with(&format!(
        "[eap]\nclient_ca = [\"{}\"]\ncrl_refresh = \"1s\"\n{keys}\n",
        ca.display()
    ));
    site.staff("alice");
    site
}

fn alice(site: &Site, credential: &Credential) -> Supplicant {
    Supplicant::tls("alice", &site.ca(), credential)
}

/// The reason why a login at a port is refused.
fn refused(site: &Site, port: &Port<'_>, supplicant: &Supplicant) -> String {
    let (login, why) = site.why_after(&port.mac_text(), || port.dot1x(supplicant));
    assert!(login.is_refused() && login.vlan().is_none());
    why["reason_code"].as_str().unwrap_or_default().to_owned()
}

/// The value of a metric whose line has all of these words.
fn metric(site: &Site, words: &[&str]) -> Option<f64> {
    let text = site.metrics();
    let line = text
        .lines()
        .find(|line| words.iter().all(|word| line.contains(word)))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn a_certificate_that_its_authority_revokes_ends_the_session_also_when_tls_is_resumed() {
    let folder = nac_test_support::directory::TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let credential = root.client("alice");
    let list = folder.path().join("corporate.crl");
    root.list(&list, &[]);
    let site = trusting(&root, &format!("crl = [\"{}\"]", list.display()));
    site.staff("bob");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    let alice = alice(&site, &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    let first = site.why_once(&port.mac_text(), |why| why["id"].is_string());
    let first = first["id"].as_str().expect("a decision").to_owned();
    assert!(port.dot1x(&alice).is_resumed());
    // The built-in authority's own certificates need no list.
    let own = Supplicant::tls("bob", &site.ca(), &site.certificate("--user", "bob"));
    let other = switch.port(2, [0x00, 0x16, 0x3e, 0x60, 0x00, 0x02]);
    assert_eq!(other.dot1x(&own).vlan().as_deref(), Some("10"));

    root.revoke(&credential.certificate);
    root.list(&list, &[]);
    switch.coa();
    assert_eq!(refused(&site, &port, &alice), "NAC-2205");
    let why = site.why(&port.mac_text());
    assert_eq!(why["eap"]["resumed"], true, "{why:#}");
    site.why_once(&first, |why| is(why, "proven"));
    let fresh = self::alice(&site, &credential);
    assert_eq!(refused(&site, &port, &fresh), "NAC-2205");
    assert_eq!(other.dot1x(&own).vlan().as_deref(), Some("10"));

    // A list that is no good changes nothing.
    std::fs::write(&list, "no list").expect("written");
    let source = list.display().to_string();
    let noticed = wait::until(SOON * 3, || {
        metric(&site, &["revocation_list_readable", &source]) == Some(0.0)
    });
    assert!(noticed, "{}", site.metrics());
    assert!(site.log().contains("a revocation list cannot be used"));
    assert_eq!(refused(&site, &port, &fresh), "NAC-2205");
    let report = site.try_nac(&["certificate", "crl", "--json"], "");
    assert_eq!(report.status.code(), Some(1));
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.contains("\"fault\""), "{report}");
}

#[test]
fn what_counts_where_no_list_is_in_force_is_a_written_rule() {
    let folder = nac_test_support::directory::TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let (good, bad) = (root.client("alice"), root.client("alice"));
    root.revoke(&bad.certificate);
    let list = folder.path().join("corporate.crl");
    let old = [
        "-crl_lastupdate",
        "20200101000000Z",
        "-crl_nextupdate",
        "20200201000000Z",
    ];
    for (rule, missing, over) in [
        ("", "NAC-2208", "NAC-2207"),
        ("revocation_unknown = \"refuse\"", "NAC-2208", "NAC-2207"),
        ("revocation_unknown = \"accept\"", "", ""),
    ] {
        let _ = std::fs::remove_file(&list);
        let site = trusting(&root, &format!("crl = [\"{}\"]\n{rule}", list.display()));
        let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
        let port = switch.port(1, MAC);
        let tries = |credential: &Credential, expected: &str| {
            let alice = alice(&site, credential);
            match expected {
                "" => assert!(port.dot1x(&alice).vlan().is_some(), "{rule}"),
                code => assert_eq!(refused(&site, &port, &alice), code, "{rule}"),
            }
        };
        tries(&good, missing);
        root.list(&list, &old);
        let source = list.display().to_string();
        let read = wait::until(SOON * 3, || {
            metric(&site, &["revocation_list_readable", &source]) == Some(1.0)
        });
        assert!(read, "{}", site.metrics());
        tries(&good, over);
        assert!(site.log().contains("the time of a revocation list is over"));
        let until = metric(
            &site,
            &["revocation_list_expiry_timestamp_seconds", &source],
        );
        assert_eq!(until, Some(1_580_515_200.0));
        // Also an old list revokes.
        tries(&bad, "NAC-2205");
        root.list(&list, &[]);
        let fresh = wait::until(SOON * 3, || {
            metric(
                &site,
                &["revocation_list_expiry_timestamp_seconds", &source],
            ) > until
        });
        assert!(fresh, "{}", site.metrics());
        tries(&good, "");
        tries(&bad, "NAC-2205");
        let said = site.nac(&["certificate", "crl"]);
        assert!(
            said.contains("Corporate Root") && said.contains("in force"),
            "{said}"
        );
    }
}

#[test]
fn every_authority_of_a_chain_is_looked_up() {
    let folder = nac_test_support::directory::TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let middle = root.intermediate("Corporate Users", AUTHORITY);
    let credential = middle.with_chain(&middle.client("alice"), &[&middle]);
    let (above, below) = (
        folder.path().join("root.crl"),
        folder.path().join("users.crl"),
    );
    root.list(&above, &[]);
    middle.list(&below, &[]);
    // Its list counts only when it is known that the root trusts it.
    let lists = format!("crl = [\"{}\", \"{}\"]", above.display(), below.display());
    let site = trusting(&root, &lists);
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    assert_eq!(
        refused(&site, &port, &alice(&site, &credential)),
        "NAC-2208"
    );
    assert!(site.log().contains("nor in crl_issuer"), "{}", site.log());
    site.configure(|table| {
        let eap = table["eap"].as_table_mut().expect("[eap] is a section");
        let issuer = middle.certificate().display().to_string();
        eap.insert("crl_issuer".to_owned(), issuer.into());
    });
    site.reload("configuration reloaded");
    let alice = alice(&site, &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    assert!(port.dot1x(&alice).is_resumed());
    root.revoke(&middle.certificate());
    root.list(&above, &[]);
    let revoked = wait::until(SOON * 3, || port.dot1x(&alice).is_refused());
    assert!(revoked);
    assert_eq!(refused(&site, &port, &alice), "NAC-2206");
}

/// A web server with one file, which may go away.
struct Web {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<Mutex<u32>>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let web = Self {
            address: listener.local_addr().expect("bound"),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        let (answer, asked) = (web.answer.clone(), web.asked.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else {
                    return;
                };
                let mut request = Vec::new();
                let mut octets = [0; 1024];
                while !request.ends_with(b"\r\n\r\n") {
                    match connection.read(&mut octets) {
                        Ok(0) | Err(_) => break,
                        Ok(read) => request.extend_from_slice(&octets[..read]),
                    }
                }
                *asked.lock().expect("whole") += 1;
                let answer = answer.lock().expect("whole").clone();
                let _ = connection.write_all(&answer);
            }
        });
        web
    }

    fn says(&self, head: &str, body: &[u8]) {
        let head = format!(
            "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        *self.answer.lock().expect("whole") = [head.as_bytes(), body].concat();
    }

    fn serves(&self, file: &Path) {
        self.says("200 OK", &std::fs::read(file).expect("a file"));
    }

    /// Waits until it was asked again, by something that began after now.
    fn is_asked_again(&self) {
        let asked = || *self.asked.lock().expect("whole");
        let before = asked();
        assert!(wait::until(SOON * 6, || asked() > before + 1));
    }
}

#[test]
fn a_list_is_fetched_and_fetched_again() {
    let folder = nac_test_support::directory::TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let credential = root.client("alice");
    let list: PathBuf = folder.path().join("corporate.crl");
    let web = Web::start();
    root.list(&list, &[]);
    web.serves(&list);
    let url = format!("http://{}/corporate.crl", web.address);
    let site = trusting(&root, &format!("crl = \"{url}\""));
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    let alice = alice(&site, &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    // What cannot be fetched stays what it was; nobody is led elsewhere.
    let elsewhere = Web::start();
    let location = format!("302 Found\r\nLocation: http://{}/", elsewhere.address);
    for head in ["404 Not Found", "500 Internal Server Error", &location] {
        web.says(head, b"");
        web.is_asked_again();
        let readable = || metric(&site, &["revocation_list_readable", &url]);
        assert!(wait::until(SOON, || readable() == Some(0.0)), "{head}");
        assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"), "{head}");
    }
    assert_eq!(*elsewhere.asked.lock().expect("whole"), 0);
    root.revoke(&credential.certificate);
    root.list(&list, &[]);
    web.serves(&list);
    assert!(wait::until(SOON * 6, || port.dot1x(&alice).is_refused()));
    assert_eq!(refused(&site, &port, &alice), "NAC-2205");
}

/// Certificates as `openssl` makes them, shown by wpa_supplicant. The many finer cases are in `crates/eap/tests/chains.rs`.
#[test]
fn only_good_certificates_of_another_authority_let_a_real_supplicant_in() {
    const PERMITTED: &str = "NAC-0000";
    let folder = nac_test_support::directory::TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let middle = root.intermediate("Corporate Users", AUTHORITY);
    let limits = format!("{AUTHORITY}nameConstraints=critical,permitted;DNS:example.org\n");
    let limited = root.intermediate("Corporate Guests", &limits);
    let stranger = OpensslAuthority::root(folder.path(), "Stranger");
    let lists: Vec<String> = [&root, &middle, &limited]
        .into_iter()
        .enumerate()
        .map(|(number, authority)| {
            let file = folder.path().join(format!("{number}.crl"));
            authority.list(&file, &[]);
            format!("\"{}\"", file.display())
        })
        .collect();
    let server = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n";
    let authority = format!("{AUTHORITY}extendedKeyUsage=clientAuth\n");
    let named = |name: &str| format!("{CLIENT}subjectAltName=DNS:{name}\n");
    let until = |date| ["-startdate", "20200101000000Z", "-enddate", date];
    let make =
        |key, extensions: &str, options: &[&str]| root.issue("alice", key, extensions, options);
    let guest = |name| {
        limited.with_chain(
            &limited.issue("alice", Key::P256, &named(name), &[]),
            &[&limited],
        )
    };
    let cases = [
        ("good", root.client("alice"), PERMITTED),
        (
            "good by an intermediate",
            middle.with_chain(&middle.client("alice"), &[&middle]),
            PERMITTED,
        ),
        ("RSA 2048", make(Key::Rsa(2048), CLIENT, &[]), PERMITTED),
        ("a permitted name", guest("a.example.org"), PERMITTED),
        (
            "expired",
            make(Key::P256, CLIENT, &until("20210101000000Z")),
            "EAP-1204",
        ),
        (
            "not valid yet",
            make(
                Key::P256,
                CLIENT,
                &[
                    "-startdate",
                    "20490101000000Z",
                    "-enddate",
                    "20491231000000Z",
                ],
            ),
            "EAP-1215",
        ),
        ("for servers only", make(Key::P256, server, &[]), "EAP-1216"),
        ("an authority", make(Key::P256, &authority, &[]), "EAP-1217"),
        ("a foreign name", guest("a.example.net"), "EAP-1218"),
        ("RSA 1024", make(Key::Rsa(1024), CLIENT, &[]), "EAP-1219"),
        ("RSA 5120", make(Key::Rsa(5120), CLIENT, &[]), "EAP-1219"),
        ("an unknown authority", stranger.client("alice"), "EAP-1205"),
        (
            "the intermediate missing",
            middle.client("alice"),
            "EAP-1205",
        ),
        (
            "eleven certificates",
            middle.with_chain(&middle.client("alice"), &[&middle; 10]),
            "EAP-1220",
        ),
    ];
    let issuers = [&middle, &limited].map(|one| format!("\"{}\"", one.certificate().display()));
    let keys = format!(
        "crl = [{}]\ncrl_issuer = [{}]",
        lists.join(", "),
        issuers.join(", ")
    );
    let site = trusting(&root, &keys);
    let secret = site.secret_file().display().to_string();
    let added = [
        "client",
        "add",
        "lab",
        "--address",
        "127.0.0.1",
        "--secret-file",
        &secret,
    ];
    site.nac(&added);
    let ca = site.ca();
    for version in TlsVersion::ALL {
        for (number, (name, credential, expected)) in (0_u8..).zip(&cases) {
            let mut supplicant = eapol_test::Supplicant::new(Method::Tls, version, &ca);
            supplicant.credential = Some(credential);
            supplicant.ciphers = "DEFAULT@SECLEVEL=0";
            supplicant.mac = [
                0x02,
                0,
                0,
                0x60,
                u8::from(version == TlsVersion::V13),
                number,
            ];
            let outcome = supplicant.run(site.auth, cast::SECRET);
            let mac = supplicant.mac.map(|octet| format!("{octet:02x}")).join(":");
            let mut why = serde_json::Value::Null;
            let decided = wait::until(SOON, || {
                why = site.why(&mac);
                why["outcome"].is_string()
            });
            assert!(decided, "{name}, {version:?}:\n{}", outcome.tail());
            let reason = why["reason_code"].as_str().unwrap_or_default();
            assert_eq!(reason, *expected, "{name}, {version:?}: {why:#}");
            let permitted = *expected == PERMITTED;
            assert_eq!(outcome.success, permitted, "{name}, {version:?}");
            assert_eq!(
                outcome.vlans().is_empty(),
                !permitted,
                "{name}, {version:?}"
            );
        }
    }
}
