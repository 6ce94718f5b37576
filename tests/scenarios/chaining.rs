//! A machine and its user in one login.

use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::pki::Credential;
use nac_test_support::{cast, wait};

use crate::site::{SOON, Site};

const MAC: &str = "02:00:00:00:00:10";

/// Staff get their network at a machine of the house only; everybody else may register.
fn site() -> Site {
    let site = Site::start();
    site.staff("alice");
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
    let policy = site.policy().replace(
        "when { context.eap };",
        "when { context.chaining == \"both\" };",
    );
    let policy = policy
        + "\n@id(\"others\") @segment(\"registration\") @order(\"800\")\n\
           permit (principal, action == Action::\"connect\", resource)\n\
           when { context.chaining == \"user\" || context.chaining == \"machine\" };\n";
    site.apply_policy(&policy);
    site
}

/// Logs in by TEAP, twice by `--resume`; whether it was accepted.
fn teap(site: &Site, machine: Option<&Credential>, more: &[&str]) -> bool {
    let (server, secret) = (
        site.auth.to_string(),
        site.secret_file().display().to_string(),
    );
    let ca = site.ca().display().to_string();
    let mut arguments = vec![
        "probe",
        "teap-mschapv2",
        "--server",
        &server,
        "--secret-file",
        &secret,
        "--user",
        "alice",
        "--password-stdin",
        "--ca",
        &ca,
        "--mac",
        MAC,
    ];
    let files = machine.map(|machine| {
        let certificate = machine.certificate.display().to_string();
        (certificate, machine.key.display().to_string())
    });
    if let Some((certificate, key)) = &files {
        arguments.extend(["--machine-cert", certificate, "--machine-key", key]);
    }
    arguments.extend(more);
    site.try_nac(&arguments, cast::PASSWORD).status.success()
}

#[test]
fn a_policy_tells_a_user_at_a_machine_of_the_house_from_one_elsewhere() {
    let site = site();
    let machine = site.certificate("--device", "laptop-7");
    let seen = |segment: &str, chaining: &str, machine: &str| {
        let why = site.why_once(MAC, |why| why["facts"]["chaining"] == chaining);
        assert_eq!(why["segment"], segment, "{why:#}");
        assert_eq!(why["facts"]["machine"], machine, "{why:#}");
        why
    };
    // The running server has heard of the policy when it answers by it.
    let in_force = || {
        assert!(teap(&site, None, &[]));
        let segment = &site.why_once(MAC, |why| why["facts"]["chaining"] == "user")["segment"];
        segment == "registration"
    };
    assert!(wait::until(SOON, in_force));
    assert!(teap(&site, Some(&machine), &["--machine-only"]));
    let why = seen("registration", "machine", "");
    assert_eq!(why["identity"], "laptop-7");
    // In full, and then by resumption, where nothing is proven again.
    assert!(teap(&site, Some(&machine), &["--resume"]));
    let resumed = |why: &serde_json::Value| why["eap"]["resumed"] == true;
    site.why_once(MAC, resumed);
    let why = seen("staff", "both", "laptop-7");
    assert_eq!(why["identity"], "alice");
    assert!(resumed(&why), "{why:#}");
    assert_eq!(why["facts"]["device"]["name"], "laptop-7", "{why:#}");

    // A user's certificate is no machine, whatever the supplicant calls it.
    let impostor = site.certificate("--user", "alice");
    assert!(teap(&site, Some(&impostor), &[]));
    seen("registration", "user", "");

    site.nac(&["certificate", "revoke", "laptop-7", "--reason", "stolen"]);
    let refused = || !teap(&site, Some(&machine), &[]);
    assert!(wait::until(SOON, refused));
    let why = site.why_once(MAC, |why| why["outcome"] == "reject");
    assert_eq!(why["reason_code"], "NAC-2201", "{why:#}");
}

#[test]
fn a_device_certificate_beside_a_password_is_a_machine_too() {
    let site = site();
    site.configure(|table| {
        let eap = table["eap"].as_table_mut().expect("a section");
        eap.insert("ttls_client_certificate".to_owned(), "optional".into());
    });
    site.reload("configuration reloaded");
    let machine = site.certificate("--device", "laptop-7");
    let ca = site.ca();
    for version in TlsVersion::ALL {
        for (credential, chaining, vlan) in [(Some(&machine), "both", "10"), (None, "user", "90")] {
            let mut alice = Supplicant::new(Method::TtlsPap, version, &ca);
            alice.identity = "alice";
            alice.credential = credential;
            alice.again = 1;
            let outcome = alice.run(site.auth, cast::SECRET);
            assert!(outcome.success, "{}", outcome.tail());
            let vlan = Some(vlan.to_owned());
            assert_eq!(
                outcome.vlans(),
                [vlan.clone(), vlan],
                "{version:?} {chaining}"
            );
            site.why_once(MAC, |why| why["facts"]["chaining"] == chaining);
        }
    }
}
