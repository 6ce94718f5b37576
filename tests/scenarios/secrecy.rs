//! Nothing that is secret is ever written down.

use nac_eap::mschapv2::nt_hash;
use nac_test_support::cast;

use crate::enforcement::office;
use crate::laptop::Laptop;
use crate::site::Site;
use crate::supplicant::Supplicant;
use crate::switch::Switch;

const TYPO: &str = "correct horse batterz typed wrong";

#[test]
fn neither_database_nor_log_nor_output_holds_a_secret() {
    let site = office();
    site.configure(|table| {
        let log: toml::Table = "level = \"trace\"\nformat = \"json\""
            .parse()
            .expect("TOML");
        table.insert("log".to_owned(), log.into());
    });
    site.kill();
    site.serve();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, [0x00, 0x16, 0x3e, 0x5a, 0x00, 0x01]);
    let credential = site.certificate("--user", "alice");
    let laptop = Laptop::healthy(&site, &port.mac_text(), Some(&credential), [127, 0, 1, 9]);

    let mut canaries = vec![
        ("the shared secret", cast::SECRET.as_bytes().to_vec()),
        ("a password", cast::PASSWORD.as_bytes().to_vec()),
        ("a mistyped password", TYPO.as_bytes().to_vec()),
        ("an NT hash", nt_hash(cast::PASSWORD).to_vec()),
        ("the NT hash of a mistyped password", nt_hash(TYPO).to_vec()),
        ("a node key", laptop.node_key().into_bytes()),
        ("the enrolment secret", enroll_secret(&site)),
    ];
    assert_eq!(
        port.pap("alice", cast::PASSWORD).vlan().as_deref(),
        Some("10")
    );
    assert_eq!(
        port.pap("alice", TYPO).code,
        nac_test_support::wire::code::ACCESS_REJECT
    );
    let ca = site.ca();
    for person in [
        Supplicant::tls("alice", &ca, &credential),
        Supplicant::peap("alice", &ca),
    ] {
        for _ in 0..2 {
            let login = port.dot1x(&person);
            let keys = login.success.expect("she is let in").msk;
            canaries.push(("an MS-MPPE-Recv-Key", keys[..32].to_vec()));
            canaries.push(("an MS-MPPE-Send-Key", keys[32..].to_vec()));
        }
    }
    port.start();
    laptop.decrypt_disk();
    laptop.report();
    switch.coa();
    port.stop();

    let mut outputs = vec![("the log".to_owned(), site.log().into_bytes())];
    for arguments in [
        &["why", "alice", "--attributes"][..],
        &["why", "alice", "--json", "--last", "20"],
        &["client", "list", "--json"],
        &["client", "show", "access-1", "--json"],
        &["user", "show", "alice", "--json"],
        &["user", "list", "--json"],
        &["posture", "hosts", "--json"],
    ] {
        let output = site.try_nac(arguments, "");
        assert!(output.status.success(), "nac {arguments:?}");
        outputs.push((format!("nac {arguments:?}"), output.stdout));
        outputs.push((format!("nac {arguments:?}"), output.stderr));
    }
    // What the search has to look through is really there.
    let log = site.log();
    assert!(
        log.contains("TRACE") && log.contains("alice"),
        "a talkative log"
    );
    site.kill();
    for file in std::fs::read_dir(site.home()).expect("it is a folder") {
        let file = file.expect("it can be listed").path();
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name == "osquery-enroll-secret" {
            let found = std::fs::read(&file).expect("it can be read");
            assert!(
                found.starts_with(&enroll_secret(&site)),
                "a search finds what is there"
            );
        }
        // The one file whose purpose is to hold the secret that it holds.
        if file.is_file() && name != "osquery-enroll-secret" {
            outputs.push((name, std::fs::read(&file).expect("it can be read")));
        }
    }
    let dump = site.dump();
    assert!(dump.len() > 50_000, "a database with decisions in it");
    outputs.push(("the database".to_owned(), dump));
    for (what, canary) in &canaries {
        for spelling in spellings(canary) {
            for (place, bytes) in &outputs {
                let found = bytes
                    .windows(spelling.len())
                    .any(|window| window == spelling);
                assert!(!found, "{what} is in {place}");
            }
        }
    }
}

fn enroll_secret(site: &Site) -> Vec<u8> {
    let file = site.home().join("osquery-enroll-secret");
    let text = std::fs::read_to_string(file).expect("`nac init` makes one");
    text.trim().as_bytes().to_vec()
}

/// As it is, and as records and Debug would write it.
fn spellings(canary: &[u8]) -> Vec<Vec<u8>> {
    let list: Vec<String> = canary.iter().map(u8::to_string).collect();
    vec![
        canary.to_vec(),
        hex::encode(canary).into_bytes(),
        hex::encode_upper(canary).into_bytes(),
        list.join(", ").into_bytes(),
        list.join(",").into_bytes(),
    ]
}
