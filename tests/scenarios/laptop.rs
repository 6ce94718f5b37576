//! A laptop's osqueryd, true to its protocol, on a runtime of its own.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use nac_posture_simulator::{HostSettings, OsqueryHost};
use nac_test_support::pki::Credential;
use nac_test_support::wait;
use tokio::runtime::{Builder, Runtime};

use crate::browser::ADDRESS;
use crate::site::{SOON, Site, has_moved_to};
use crate::supplicant::Supplicant;
use crate::switch::{Port, Switch};

/// The check that the stories break and mend.
pub(crate) const DISK_ENCRYPTION: &str = "linux-disk-encryption";

/// One host.
pub(crate) struct Laptop {
    runtime: Runtime,
    host: OsqueryHost,
}

impl Laptop {
    /// A healthy Linux laptop that has enrolled and was asked once.
    pub(crate) fn healthy(
        site: &Site,
        mac: &str,
        credential: Option<&Credential>,
        address: [u8; 4],
    ) -> Self {
        let secret = read(&site.home().join("osquery-enroll-secret"));
        let laptop = Self::with_secret(site, &secret, mac, credential, address);
        laptop.report();
        laptop
    }

    /// A healthy Linux laptop with another enrolment secret, before it has said anything.
    pub(crate) fn with_secret(
        site: &Site,
        secret: &str,
        mac: &str,
        credential: Option<&Credential>,
        address: [u8; 4],
    ) -> Self {
        let url = format!("https://localhost:{}", site.portal.port());
        let mut settings = HostSettings::compliant_linux(&url, &read(&site.ca()), secret.trim());
        settings.macs = vec![mac.to_owned()];
        settings.local_address = Some(Ipv4Addr::from(address).into());
        settings.pause_unit = Duration::from_millis(50);
        settings.client_identity = credential.map(|own| (read(&own.certificate), read(&own.key)));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        // reqwest wants to be made where it runs.
        let host = {
            let _inside = runtime.enter();
            OsqueryHost::new(settings).expect("the fixtures fit the tables")
        };
        Self { runtime, host }
    }

    /// Polls once, and answers everything it is asked.
    pub(crate) fn poll(&self) -> usize {
        let report = self.runtime.block_on(self.host.poll_once());
        let report = report.expect("the server answers osquery");
        assert!(!report.aborted, "the server's discovery SQL is right");
        report.ran
    }

    /// Tries to enrol; says whether the server refuses.
    pub(crate) fn is_refused(&self) -> bool {
        self.runtime.block_on(self.host.enroll()).is_err()
    }

    /// Polls until it was asked, which a server that is about to ask does at the next poll.
    pub(crate) fn report(&self) {
        let asked = wait::until(SOON, || self.poll() > 0);
        assert!(asked, "the server asks nothing");
    }

    /// The disk is encrypted no longer.
    pub(crate) fn decrypt_disk(&self) {
        self.change("UPDATE disk_encryption SET encrypted = 0");
    }

    /// The disk is encrypted again.
    pub(crate) fn encrypt_disk(&self) {
        self.change("UPDATE disk_encryption SET encrypted = 1");
    }

    /// Its firewall is switched off.
    pub(crate) fn stop_firewall(&self) {
        self.change(
            "UPDATE systemd_units SET active_state = 'inactive' WHERE id = 'nftables.service'",
        );
    }

    /// Its firewall is on again.
    pub(crate) fn start_firewall(&self) {
        self.change("UPDATE systemd_units SET active_state = 'active'");
    }

    fn change(&self, sql: &str) {
        self.host.sql(sql).expect("the host has such a table");
    }

    /// What the server gave it to prove itself with.
    pub(crate) fn node_key(&self) -> String {
        self.host.node_key().expect("it has enrolled")
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the story wrote it")
}

/// Alice's laptop comes in healthy, and is at the address of the browser.
pub(crate) fn arrive(site: &Site, port: &Port<'_>) -> (Laptop, Supplicant) {
    let credential = site.certificate("--user", "alice");
    let laptop = Laptop::healthy(site, &port.mac_text(), Some(&credential), ADDRESS);
    let alice = Supplicant::tls("alice", &site.ca(), &credential);
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("10"));
    port.start();
    port.interim(ADDRESS);
    (laptop, alice)
}

/// The switch is told, and the laptop comes back where it belongs.
pub(crate) fn moves(
    site: &Site,
    switch: &Switch,
    port: &Port<'_>,
    alice: &Supplicant,
    segment: &str,
) {
    switch.coa();
    let vlan = if segment == "quarantine" { "99" } else { "10" };
    assert_eq!(port.dot1x(alice).vlan().as_deref(), Some(vlan));
    port.interim(ADDRESS);
    site.why_once(&port.mac_text(), |why| has_moved_to(why, segment));
}
