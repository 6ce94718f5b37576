//! What ties posture to a session, and how much it may then do.

use crate::laptop::Laptop;
use crate::site::{Site, has_moved_to};
use crate::supplicant::Supplicant;
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x59, 0x00, 0x01];

/// Staff must show a healthy laptop; who does not may only register.
pub(crate) fn strict() -> Site {
    let site = Site::start();
    site.staff("alice");
    let policy = site.policy().replace(
        "when { context.eap };",
        "when { context.eap && context.posture.verdict == \"compliant\" };",
    );
    let policy = policy
        + "\n@id(\"not-yet\") @segment(\"registration\") @order(\"800\")\n\
           permit (principal is User in Group::\"staff\", action == Action::\"connect\", resource);\n";
    site.apply_policy(&policy);
    site
}

#[test]
fn a_host_that_merely_claims_the_mac_can_lower_but_not_raise() {
    let site = strict();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    let alice = Supplicant::peap("alice", &site.ca());
    // A healthy machine somewhere else says that it has this MAC.
    let liar = Laptop::healthy(&site, &port.mac_text(), None, [127, 0, 1, 66]);
    assert_eq!(
        port.dot1x(&alice).vlan().as_deref(),
        Some("90"),
        "health that is only claimed"
    );
    port.start();
    port.interim([127, 0, 1, 9]);
    liar.report();
    assert!(
        switch.is_left_alone(),
        "reporting from another address raises nobody"
    );
    let why = site.why(&port.mac_text());
    assert_eq!(why["facts"]["posture"]["binding"], 1, "{why:#}");
    assert_eq!(why["facts"]["posture"]["verdict"], "unknown", "{why:#}");

    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("90"));
    liar.decrypt_disk();
    liar.report();
    switch.coa();
    assert_eq!(
        port.dot1x(&alice).vlan().as_deref(),
        Some("99"),
        "bad news is believed"
    );
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "quarantine"));
    assert_eq!(why["facts"]["posture"]["verdict"], "failing");
    assert_eq!(why["facts"]["posture"]["binding"], 1);
}

#[test]
fn a_host_at_the_sessions_own_address_raises_it() {
    let site = strict();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    let alice = Supplicant::peap("alice", &site.ca());
    let laptop = Laptop::healthy(&site, &port.mac_text(), None, [127, 0, 1, 9]);
    assert_eq!(
        port.dot1x(&alice).vlan().as_deref(),
        Some("90"),
        "what it said before is not proof"
    );
    port.start();
    // Accounting names the address; osquery answers from it a question that is younger than the session.
    port.interim([127, 0, 1, 9]);
    laptop.report();
    switch.coa();
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "staff"));
    assert_eq!(why["facts"]["posture"]["binding"], 2, "{why:#}");
    assert_eq!(why["facts"]["posture"]["verdict"], "compliant");
}

#[test]
fn two_certificates_of_one_device_bind_as_well_until_one_is_revoked() {
    let site = Site::start();
    site.staff("alice");
    let radius = site.certificate("--device", "laptop-7");
    // A device's second certificate has another key and the same id.
    let kept = site.directory().join("radius");
    std::fs::create_dir(&kept).expect("the story's own folder");
    let radius = nac_test_support::pki::Credential {
        certificate: moved(&radius.certificate, &kept),
        key: moved(&radius.key, &kept),
    };
    let osquery = site.certificate("--device", "laptop-7");
    site.nac(&["device", "set", "laptop-7", "--owner", "alice"]);
    let policy = site.policy()
        + "\n@id(\"devices\") @segment(\"staff\") @order(\"100\")\n\
           permit (principal is Device, action == Action::\"connect\", resource)\n\
           when { context.posture.verdict == \"compliant\" };\n";
    site.apply_policy(&policy);
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    // The MAC that it reports is not even the one that it uses.
    let _laptop = Laptop::healthy(&site, "00:16:3e:00:00:99", Some(&osquery), [127, 0, 1, 9]);
    let device = Supplicant::tls("laptop-7", &site.ca(), &radius);
    assert_eq!(port.dot1x(&device).vlan().as_deref(), Some("10"));
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "accept");
    assert_eq!(why["facts"]["posture"]["binding"], 3, "{why:#}");
    assert_eq!(why["facts"]["identity"]["kind"], "device");

    // The second certificate is revoked: what it vouched for is only a claim now.
    let serial = newest_serial(&site, "laptop-7");
    site.nac(&["certificate", "revoke", &serial, "--reason", "key copied"]);
    switch.coa();
    assert!(port.dot1x(&device).is_refused(), "nothing permits it");
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "reject");
    assert_eq!(why["facts"]["posture"]["binding"], 1, "{why:#}");
    assert_eq!(why["facts"]["posture"]["verdict"], "unknown");
}

#[test]
fn a_secret_issued_for_a_device_binds_the_first_host_that_uses_it() {
    let site = Site::start();
    let credential = site.certificate("--device", "laptop-8");
    let policy = site.policy()
        + "\n@id(\"devices\") @segment(\"staff\") @order(\"100\")\n\
           permit (principal is Device, action == Action::\"connect\", resource)\n\
           when { context.posture.verdict == \"compliant\" };\n";
    site.apply_policy(&policy);
    let issued = site.nac(&[
        "posture", "secret", "add", "for-8", "--device", "laptop-8", "--json",
    ]);
    let issued: serde_json::Value = serde_json::from_str(&issued).expect("JSON");
    let secret = issued["secret"].as_str().expect("it is shown once");

    let laptop = Laptop::with_secret(&site, secret, "00:16:3e:00:00:98", None, [127, 0, 1, 9]);
    laptop.report();
    let thief = Laptop::with_secret(&site, secret, "00:16:3e:00:00:97", None, [127, 0, 1, 66]);
    assert!(thief.is_refused(), "a second host with the same secret");

    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    let device = Supplicant::tls("laptop-8", &site.ca(), &credential);
    assert_eq!(port.dot1x(&device).vlan().as_deref(), Some("10"));
    let why = site.why_once(&port.mac_text(), |why| why["outcome"] == "accept");
    assert_eq!(why["facts"]["posture"]["binding"], 3, "{why:#}");
    laptop.decrypt_disk();
    laptop.report();
    switch.coa();
    assert!(
        port.dot1x(&device).is_refused(),
        "nothing permits a failing device"
    );
}

fn newest_serial(site: &Site, name: &str) -> String {
    let listed = site.nac(&["certificate", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let newest = listed
        .as_array()
        .and_then(|all| {
            all.iter()
                .filter(|one| one["name"] == name)
                .max_by_key(|one| one["issued_us"].as_i64())
        })
        .and_then(|one| one["serial"].as_str());
    newest.expect("it was issued").to_owned()
}

fn moved(file: &std::path::Path, folder: &std::path::Path) -> std::path::PathBuf {
    let target = folder.join(file.file_name().expect("a file"));
    std::fs::rename(file, &target).expect("both are in the story's folder");
    target
}
