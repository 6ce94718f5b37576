//! SIGHUP with good and bad files.

use nac_eap::TlsVersions;
use nac_eap::peer::PeerTls;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::site::Site;
use crate::supplicant::Supplicant;
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x58, 0x00, 0x01];

/// Trusts servers of this name only.
fn insisting_on(site: &Site, name: &str) -> Supplicant {
    let ca = CertificateDer::pem_file_iter(site.ca()).expect("the authority's file");
    let ca = ca.map(|one| one.expect("certificates")).collect();
    let tls = PeerTls::new(ca, Some(name.to_owned()), None, TlsVersions::Both);
    Supplicant::peap("alice", &site.ca()).with_tls(tls.expect("valid settings"))
}

#[test]
fn a_broken_configuration_changes_nothing_and_a_mended_one_counts_without_a_restart() {
    let site = Site::start();
    site.staff("alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    let alice = Supplicant::peap("alice", &site.ca());
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    let good = std::fs::read_to_string(site.config()).expect("nac.toml");

    for bad in [
        "[radius\nlisten_auth = 1812\n".to_owned(),
        good.replace("listen_auth", "listen_oauth"),
        good.replace("tls/server.crt", "tls/no-such-file.crt"),
    ] {
        site.write_config(&bad);
        site.reload("the old one keeps running");
        assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    }

    let second = "radius-2.example.org";
    assert!(
        port.dot1x(&insisting_on(&site, second)).vlan().is_none(),
        "not its name yet"
    );
    site.certificate("--server", second);
    let issued = site.directory().join("issued");
    site.write_config(&good);
    site.configure(|table| {
        let eap = table["eap"].as_table_mut().expect("[eap] is a section");
        for (key, ending) in [("certificate", "crt"), ("key", "key")] {
            let file = issued.join(format!("{second}.{ending}"));
            eap.insert(key.to_owned(), file.display().to_string().into());
        }
    });
    site.reload("configuration reloaded");
    assert_eq!(
        port.dot1x(&insisting_on(&site, second)).vlan().as_deref(),
        Some("10")
    );
    assert!(!site.log().contains("until the server is restarted"));
    site.configure(|table| {
        let posture: toml::Table = "max_age_seconds = 60".parse().expect("TOML");
        table.insert("posture".to_owned(), posture.into());
    });
    site.reload("until the server is restarted");
    // Nobody resumes what the old certificate began.
    let login = port.dot1x(&alice);
    assert_eq!(login.vlan().as_deref(), Some("10"));
    assert!(!login.is_resumed());
}
