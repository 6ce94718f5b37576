//! Logins that end because somebody says no more: `nac why` knows how, and says nothing twice.

use std::time::Duration;

use nac_eap::TlsVersions;
use nac_eap::peer::PeerMethod;
use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::{Login, Profile, break_off, log_in, tls};
use nac_test_support::wire::code;
use nac_test_support::{cast, wait};

use crate::enforcement::office;
use crate::site::Site;
use crate::switch::Switch;

/// The server waits a few seconds for an acknowledgement.
const SOON: Duration = Duration::from_secs(30);

struct Story {
    site: Site,
    client: Exchange,
    _switch: Switch,
}

impl Story {
    fn begin() -> Self {
        let site = office();
        let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
        let client = Exchange::from("127.0.1.1:0", site.auth, cast::SECRET);
        Self {
            site,
            client,
            _switch: switch,
        }
    }

    fn alice(&self, station: u8, password: &str) -> Profile {
        Profile {
            method: PeerMethod::PeapMschapv2,
            identity: cast::USER.to_owned(),
            password: password.to_owned(),
            tls: tls(&self.site.ca(), None, TlsVersions::Both),
            mac: [0x00, 0x16, 0x3e, 0x5a, 0x77, station],
        }
    }

    /// The codes of the decisions about a station, the newest first.
    fn codes(&self, profile: &Profile) -> Vec<String> {
        self.why(profile)
            .iter()
            .map(|decision| decision["reason_code"].as_str().unwrap_or("?").to_owned())
            .collect()
    }

    fn why(&self, profile: &Profile) -> Vec<serde_json::Value> {
        let mac = hex::encode(profile.mac);
        let output = self
            .site
            .try_nac(&["why", &mac, "--last", "20", "--json"], "");
        let found = serde_json::from_slice(&output.stdout).unwrap_or_default();
        match found {
            serde_json::Value::Array(decisions) => decisions,
            _ => Vec::new(),
        }
    }

    fn told(&self, profile: &Profile, codes: &[&str]) {
        let mut found = Vec::new();
        let told = wait::until(SOON, || {
            found = self.codes(profile);
            found == codes
        });
        assert!(told, "{found:?} instead of {codes:?}");
    }
}

#[test]
fn a_wrong_password_is_told_though_the_supplicant_does_not_acknowledge_it() {
    let story = Story::begin();
    let whole: Login = log_in(&story.client, &story.alice(1, "not her password"));
    assert_eq!(whole.reply.code, code::ACCESS_REJECT);
    story.told(&story.alice(1, ""), &["EAP-1401"]);
    // The last message of it acknowledges what the server said, and that is what stays out now.
    let rounds = whole.rounds;
    let silent = story.alice(2, "not her password");
    assert!(break_off(&story.client, &silent, rounds - 1).is_none());
    story.told(&silent, &["EAP-1401"]);
}

#[test]
fn a_supplicant_that_leaves_at_the_certificate_is_told_when_it_begins_anew_and_once() {
    let story = Story::begin();
    let alice = story.alice(3, cast::PASSWORD);
    let codes = || story.codes(&alice);
    assert!(break_off(&story.client, &alice, 3).is_none());
    wait::pause(Duration::from_millis(1_500));
    assert!(codes().is_empty(), "it may still answer");
    assert_eq!(
        log_in(&story.client, &alice).reply.code,
        code::ACCESS_ACCEPT
    );
    story.told(&alice, &["NAC-0000", "EAP-1111"]);
    let left = &story.why(&alice)[1];
    let reason = left["reason"].as_str().expect("a sentence");
    assert!(reason.contains("did not answer"), "{reason}");
    assert_eq!(left["method"], "PEAP");
    let remedy = left["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("CA certificate"), "{remedy}");
}

#[test]
fn a_supplicant_that_never_comes_back_is_told_after_a_minute() {
    let story = Story::begin();
    let alice = story.alice(4, cast::PASSWORD);
    assert!(break_off(&story.client, &alice, 3).is_none());
    let told = wait::until(Duration::from_secs(90), || !story.codes(&alice).is_empty());
    assert!(told, "nothing is told");
    story.told(&alice, &["EAP-1111"]);
    let metrics = story.site.metrics();
    assert!(metrics.contains("\nnac_eap_conversations 0\n"), "{metrics}");
}

#[test]
fn what_an_old_supplicant_offers_is_named_though_it_leaves_at_the_alert() {
    const OLD: &str = "tls_disable_tlsv1_0=0 tls_disable_tlsv1_1=0 tls_disable_tlsv1_2=1";
    let site = office();
    let _switch = Switch::add(&site, "access-1", [127, 0, 0, 1], "generic");
    let ca = site.ca();
    let cases = [
        (OLD, "DEFAULT@SECLEVEL=0", "it offers TLS 1.1 at most"),
        (
            "",
            "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-SHA@SECLEVEL=0",
            "it offers only CBC cipher suites: TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        ),
    ];
    for (station, (phase1, ciphers, offered)) in (0x31..).zip(cases) {
        let mut supplicant = Supplicant::new(Method::PeapMschapv2, TlsVersion::V12, &ca);
        supplicant.phase1 = phase1;
        supplicant.ciphers = ciphers;
        supplicant.mac[5] = station;
        let outcome = supplicant.run(site.auth, cast::SECRET);
        assert!(!outcome.success, "{offered}");
        let mac = hex::encode(supplicant.mac);
        let mut text = String::new();
        let told = wait::until(SOON, || {
            let output = site.try_nac(&["why", &mac, "--json"], "");
            text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.contains("EAP-1206")
        });
        assert!(told && text.contains(offered), "{offered}:\n{text}");
        if phase1 == OLD {
            let alert = "SSL3 alert: read (remote end reported an error):fatal:protocol version";
            assert!(outcome.log.contains(alert), "{}", outcome.tail());
        }
    }
}
