//! Certificates, and what endpoints' osquery is given.

use std::fs;

use nac_pki::{CertificateFacts, pem_certificates};

use crate::site::{Site, mode, nac};

fn facts(site: &Site, file: &str) -> CertificateFacts {
    let pem = fs::read_to_string(site.path(file)).expect("read");
    let certificate = pem_certificates(&pem).expect("PEM").remove(0);
    CertificateFacts::read(&certificate).expect("a certificate")
}

fn issue(site: &Site, kind: &str, name: &str) -> crate::site::Run {
    let out = site.path("out");
    let out = out.to_str().expect("text");
    site.run(&[
        "certificate",
        "issue",
        kind,
        name,
        "--out",
        out,
        "--days",
        "30",
    ])
}

#[test]
fn a_users_certificate_and_key_are_written_once() {
    let site = Site::new();
    site.run(&["user", "add", "alice", "--no-password", "--group", "staff"])
        .ends(0);
    issue(&site, "--user", "alice")
        .ends(0)
        .says(&["alice.crt", "alice.key", "ca.crt"]);
    assert_eq!(mode(&site.path("out/alice.key")), 0o600);
    assert_eq!(facts(&site, "out/alice.crt").user_name(), Some("alice"));
    let own = fs::read(site.installed("ca.crt")).expect("read");
    assert_eq!(fs::read(site.path("out/ca.crt")).expect("read"), own);
    let before = fs::read(site.path("out/alice.key")).expect("read");
    issue(&site, "--user", "alice")
        .ends(1)
        .says(&["exists already"]);
    assert_eq!(fs::read(site.path("out/alice.key")).expect("read"), before);
    let listed = site.json(&["certificate", "list"]);
    assert_eq!(
        listed.as_array().map(Vec::len),
        Some(2),
        "the server's and alice's"
    );
}

#[test]
fn a_devices_certificate_creates_the_device_and_ties_the_key_to_it() {
    let site = Site::new();
    issue(&site, "--device", "laptop-7").ends(0);
    let facts = facts(&site, "out/laptop-7.crt");
    let device = site.json(&["device", "show", "laptop-7"]);
    assert_eq!(device["id"].as_str(), facts.device_id.as_deref());
    let identifiers = device["identifiers"].as_array().expect("a list").clone();
    let value = |kind: &str| {
        let found = identifiers
            .iter()
            .find(|identifier| identifier["kind"] == kind);
        found.and_then(|identifier| identifier["value"].as_str().map(str::to_owned))
    };
    assert_eq!(value("spki").as_deref(), Some(facts.spki_sha256.as_str()));
    assert_eq!(value("asserted-id"), facts.device_id);
    assert_eq!(
        site.json(&["certificate", "show", "laptop-7"])[0]["device_id"],
        device["id"]
    );
}

#[test]
fn a_created_device_and_a_shorter_life_are_told() {
    let site = Site::new();
    issue(&site, "--device", "laptop-7")
        .ends(0)
        .says(&["there was no device laptop-7; it was created"]);
    let out = site.path("long");
    let out = out.to_str().expect("text");
    let line = ["certificate", "issue", "--device", "laptop-7", "--out", out];
    let run = site
        .run(&[&line[..], &["--days", "90000"]].concat())
        .ends(0);
    let run = run.says(&["less than the 90000 days asked for"]);
    assert!(!run.out.contains("created"), "{}", run.out);
}

#[test]
fn a_name_cannot_lead_out_of_the_folder_and_a_failed_issue_leaves_no_device() {
    let site = Site::new();
    issue(&site, "--user", "../../etc/x").ends(0);
    assert!(
        site.path("out/_.._.._etc_x.crt").is_file() || site.path("out/_._.._etc_x.crt").is_file()
    );
    issue(&site, "--device", &"x".repeat(65))
        .ends(2)
        .says(&["more than 64 characters"]);
    assert_eq!(
        site.json(&["device", "list"]).as_array().map(Vec::len),
        Some(0)
    );
}

#[test]
fn certificates_are_revoked_by_name_and_by_serial_number() {
    let site = Site::new();
    issue(&site, "--user", "alice")
        .ends(0)
        .says(&["there is no user alice"]);
    issue(&site, "--user", "bob").ends(0);
    site.run(&["certificate", "revoke", "alice", "--reason", "lost"])
        .ends(0);
    let shown = site.json(&["certificate", "show", "alice"]);
    assert_eq!(shown[0]["revoked_reason"], "lost");
    site.run(&["certificate", "revoke", "alice"])
        .ends(1)
        .says(&["revoked already"]);
    let serial = facts(&site, "out/bob.crt").serial.to_uppercase();
    let pairs: Vec<&str> = (0..serial.len() / 2)
        .map(|at| &serial[at * 2..at * 2 + 2])
        .collect();
    site.run(&["certificate", "revoke", &pairs.join(":")])
        .ends(0);
    site.run(&["certificate", "list"])
        .ends(0)
        .says(&["revoked 20"]);
    site.run(&["certificate", "revoke", "nobody"]).ends(1);
}

#[test]
fn who_revoked_is_noted_even_where_nobody_logged_in() {
    let site = Site::new();
    issue(&site, "--user", "alice").ends(0);
    let mut command = nac();
    for name in ["SUDO_USER", "USER", "LOGNAME"] {
        command.env_remove(name);
    }
    let config = site.installed("nac.toml");
    command.arg("--config").arg(config);
    crate::site::Run::of(command.args(["certificate", "revoke", "alice"]), "").ends(0);
    let shown = site.json(&["certificate", "show", "alice"]);
    let by = shown[0]["revoked_by"].as_str().expect("somebody");
    assert!(by.starts_with("cli:uid-"), "{by}");
}

#[test]
fn a_server_certificate_can_be_renewed() {
    let site = Site::new();
    let out = site.path("out");
    let out = out.to_str().expect("text");
    site.run(&[
        "certificate",
        "issue",
        "--server",
        "radius.test,192.0.2.1",
        "--out",
        out,
    ])
    .ends(0);
    let facts = facts(&site, "out/radius.test.crt");
    assert!(facts.server_auth);
    assert_eq!(facts.dns_names, ["radius.test"]);
    for name in ["crt", "key"] {
        let to = site.installed(&format!("tls/server.{name}"));
        fs::copy(site.path(&format!("out/radius.test.{name}")), to).expect("copied");
    }
    site.run(&["config", "check"]).ends(0);
}

#[test]
fn an_endpoint_gets_its_flag_file_its_authority_and_its_secret() {
    let site = Site::new();
    site.run(&["posture", "flagfile"])
        .ends(0)
        .says(&["--tls_hostname=radius.test:8443"]);
    site.run(&["posture", "flagfile", "--host", "10.0.0.1:443"])
        .ends(0)
        .says(&["--tls_hostname=10.0.0.1:443"]);
    let out = site.path("endpoint");
    site.run(&["posture", "flagfile", "--out", out.to_str().expect("text")])
        .ends(0);
    let secret = fs::read(site.installed("osquery-enroll-secret")).expect("read");
    assert_eq!(
        fs::read(out.join("nac-enroll-secret")).expect("read"),
        secret
    );
    assert_eq!(mode(&out.join("nac-enroll-secret")), 0o600);
    let ca = fs::read(site.installed("ca.crt")).expect("read");
    assert_eq!(fs::read(out.join("nac-ca.pem")).expect("read"), ca);
}

#[test]
fn a_removed_enrolment_secret_is_given_to_no_endpoint() {
    let site = Site::new();
    site.run(&["posture", "secret", "remove", "first"]).ends(0);
    let out = site.path("endpoint");
    let flagfile = ["posture", "flagfile", "--out", out.to_str().expect("text")];
    site.run(&flagfile)
        .ends(1)
        .says(&["was removed", "nac posture secret add NAME"]);
    assert!(!out.exists(), "nothing was written");
    let added = site.json(&["posture", "secret", "add", "second"]);
    let secret = added["secret"].as_str().expect("a secret");
    let file = site.installed("osquery-enroll-secret");
    fs::write(file, format!("{secret}\n")).expect("written");
    site.run(&flagfile).ends(0);
    assert!(out.join("nac-enroll-secret").is_file());
}

#[test]
fn a_host_that_nobody_can_reach_is_refused() {
    let site = Site::new();
    site.run(&["posture", "flagfile", "--host", "bad:host:99"])
        .ends(2)
        .says(&["bad:host:99", "NAME:PORT"]);
}

#[test]
fn an_enrolment_secret_is_shown_once() {
    let site = Site::new();
    site.run(&["device", "add", "laptop"]).ends(0);
    let add = [
        "posture",
        "secret",
        "add",
        "laptops",
        "--device",
        "laptop",
        "--expires",
        "30d",
    ];
    let added = site.json(&add);
    let secret = added["secret"].as_str().expect("a secret");
    let listed = site
        .run(&["posture", "secret", "list"])
        .ends(0)
        .says(&["laptops", "laptop", "first"]);
    assert!(!listed.out.contains(secret));
    site.run(&["posture", "secret", "add", "laptops"]).ends(1);
    site.run(&["posture", "secret", "remove", "laptops"])
        .ends(0);
    site.run(&["posture", "secret", "remove", "laptops"])
        .ends(1);
    site.run(&["posture", "hosts"])
        .ends(0)
        .says(&["no host has enrolled"]);
    site.run(&["posture", "checks"])
        .ends(0)
        .says(&["linux-disk-encryption", "critical"]);
}
