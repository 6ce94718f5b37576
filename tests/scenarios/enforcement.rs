//! Switches that refuse, stay silent, lie or only say yes.

use std::time::{Duration, Instant};

use nac_test_support::nas::Behaviour::{Acknowledge, Forge, Refuse, Silent};
use nac_test_support::wire::code;
use serde_json::Value;

use crate::site::{SOON, Site, enforcement, has_moved_to, is};
use crate::switch::{Port, Switch};

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x52, 0x00, 0x01];

/// Somebody on the staff network at a Cisco switch.
fn at_work(switch: &Switch) -> Port<'_> {
    let port = switch.port(7, MAC);
    assert_eq!(
        port.pap("alice", nac_test_support::cast::PASSWORD)
            .vlan()
            .as_deref(),
        Some("10")
    );
    port.start();
    port
}

/// PAP is let in too, so that these stories are about enforcement alone.
pub(crate) fn office() -> Site {
    office_with("")
}

/// The same with more sections in `nac.toml`.
pub(crate) fn office_with(sections: &str) -> Site {
    let site = Site::start_with(sections);
    site.staff("alice");
    let policy = site.policy().replace("when { context.eap };", ";");
    site.apply_policy(&policy.replace("context.eap &&", ""));
    site
}

fn quarantine(site: &Site, port: &Port<'_>) {
    site.nac(&[
        "quarantine",
        "add",
        &port.mac_text(),
        "--reason",
        "seen scanning",
    ]);
}

#[test]
fn an_acknowledgement_alone_is_no_proof_and_the_next_step_follows() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    quarantine(&site, &port);
    switch.coa();
    // It says ACK, and nothing happens.
    let why = site.why_once(&port.mac_text(), |why| is(why, "acknowledged"));
    assert_eq!(enforcement(&why)["proven_us"], Value::Null);
    assert_eq!(enforcement(&why)["proof"], Value::Null);
    assert_eq!(
        why["session"]["segment"], "staff",
        "the session is where it was"
    );

    let disconnect = switch
        .nas
        .next(Duration::from_secs(12))
        .expect("the fallback");
    assert_eq!(disconnect.packet.code, code::DISCONNECT_REQUEST);
    let why = site.why(&port.mac_text());
    assert_ne!(enforcement(&why)["state"], "proven");
    assert_eq!(enforcement(&why)["attempts"][0]["result"], "acknowledged");

    // Now the switch does it: the session ends, another begins.
    port.stop();
    let why = site.why_once(&port.mac_text(), |why| is(why, "proven"));
    let proof = enforcement(&why)["proof"].as_str().unwrap_or_default();
    assert!(proof.contains("accounting stopped"), "{proof}");
    port.begin_anew();
    assert_eq!(
        port.pap("alice", nac_test_support::cast::PASSWORD)
            .vlan()
            .as_deref(),
        Some("99")
    );
}

#[test]
fn a_refusal_leads_to_the_next_step_whatever_its_cause() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    for (number, cause) in [(1, 401), (2, 405), (3, 503)] {
        let mac = [0x00, 0x16, 0x3e, 0x52, 0x01, number];
        let port = switch.port(number.into(), mac);
        assert_eq!(
            port.pap("alice", nac_test_support::cast::PASSWORD)
                .vlan()
                .as_deref(),
            Some("10")
        );
        switch.nas.behave(Refuse(cause), Acknowledge);
        quarantine(&site, &port);
        let coa = switch.coa();
        let disconnect = switch.disconnect();
        assert!(
            disconnect.at - coa.at < SOON,
            "at once, not after the wait for a proof"
        );
        let why = site.why_once(&port.mac_text(), |why| is(why, "acknowledged"));
        let attempts = &enforcement(&why)["attempts"];
        assert_eq!(attempts[0]["step"], "CoA-Request", "{attempts:#}");
        assert_eq!(attempts[0]["error_cause"], cause, "{attempts:#}");
        assert_eq!(attempts[1]["step"], "Disconnect-Request", "{attempts:#}");
        assert_eq!(attempts[1]["result"], "acknowledged", "{attempts:#}");
        port.stop();
        site.why_once(&port.mac_text(), |why| is(why, "proven"));
    }
}

#[test]
fn session_context_not_found_everywhere_is_never_a_success() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    switch.nas.behave(Refuse(503), Refuse(503));
    quarantine(&site, &port);
    switch.coa();
    switch.disconnect();
    switch.coa();
    let why = site.why_once(&port.mac_text(), |why| {
        enforcement(why)["attempts"]
            .as_array()
            .is_some_and(|all| all.len() == 3)
            && is(why, "pending")
    });
    assert_eq!(enforcement(&why)["proven_us"], Value::Null);
    assert_eq!(
        why["session"]["stopped_us"],
        Value::Null,
        "the session counts as live"
    );
    let told = site.nac(&["why", &port.mac_text()]);
    assert!(told.contains("move staff → quarantine: pending"), "{told}");
    assert!(told.contains("session context not found"), "{told}");
}

#[test]
fn silence_is_answered_with_the_same_octets_a_few_times_and_then_the_next_step() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    switch.nas.behave(Silent, Acknowledge);
    quarantine(&site, &port);
    let first = switch.coa();
    let mut sent = vec![first.at];
    let disconnect = loop {
        let next = switch.nas.next(SOON).expect("it goes on");
        if next.packet.code == code::DISCONNECT_REQUEST {
            break next;
        }
        assert_eq!(
            next.packet.bytes, first.packet.bytes,
            "a retransmission is the same datagram"
        );
        assert_eq!(next.from, first.from, "from the same port");
        sent.push(next.at);
    };
    assert_eq!(sent.len(), 4, "bounded");
    let pauses: Vec<Duration> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.is_sorted(), "with growing pauses: {pauses:?}");
    assert!(disconnect.message_authenticator == Some(true) && disconnect.signed);
    let why = site.why_once(&port.mac_text(), |why| is(why, "acknowledged"));
    let result = enforcement(&why)["attempts"][0]["result"]
        .as_str()
        .unwrap_or_default();
    assert!(result.starts_with("no answer from 127.0.1.1:"), "{result}");
}

#[test]
fn a_forged_acknowledgement_is_not_believed() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    switch.nas.behave(Forge, Acknowledge);
    quarantine(&site, &port);
    let began = Instant::now();
    let first = switch.coa();
    let second = switch.coa();
    assert_eq!(
        first.packet.bytes, second.packet.bytes,
        "asked again, for nobody has answered"
    );
    let why = site.why(&port.mac_text());
    assert!(!is(&why, "acknowledged") && !is(&why, "proven"), "{why:#}");
    let complaint = "ignored a reply to a CoA that does not verify";
    assert_eq!(site.log().matches(complaint).count(), 1, "it is said once");
    // The first is counted by the time that the second request is sent.
    assert!(
        !site
            .metrics()
            .contains("nac_coa_unverified_replies_total 0"),
        "and each is counted"
    );
    // A true one is believed, however many false ones came before.
    switch.nas.behave(Acknowledge, Acknowledge);
    switch.coa();
    site.why_once(&port.mac_text(), |why| is(why, "acknowledged"));
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_switch_without_coa_gets_disconnect_requests() {
    let site = office();
    let switch = Switch::add(&site, "ap-1", [127, 0, 1, 2], "hostapd");
    let port = at_work(&switch);
    quarantine(&site, &port);
    let disconnect = switch.disconnect();
    assert!(disconnect.packet.vlan().is_none());
    port.stop();
    port.begin_anew();
    assert_eq!(
        port.pap("alice", nac_test_support::cast::PASSWORD)
            .vlan()
            .as_deref(),
        Some("99")
    );
}

#[test]
fn a_dead_switch_with_many_sessions_keeps_no_other_switch_waiting() {
    let site = office();
    let dead = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let alive = Switch::add(&site, "access-2", [127, 0, 1, 2], "cisco-ios");
    for number in 0..100 {
        let port = dead.port(number, [0x00, 0x16, 0x3e, 0x52, 0x02, number as u8]);
        assert_eq!(port.mab().vlan().as_deref(), Some("90"));
    }
    let port = at_work(&alive);
    dead.nas.behave(Silent, Silent);
    site.nac(&["segment", "set", "registration", "--vlan", "92"]);
    dead.coa();
    let began = Instant::now();
    quarantine(&site, &port);
    let coa = alive.coa();
    assert!(
        coa.at - began < Duration::from_secs(2),
        "{:?}",
        coa.at - began
    );
}

#[test]
fn a_session_unknown_to_its_switch_is_over_once_the_station_is_elsewhere() {
    let site = office();
    let former = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let present = Switch::add(&site, "access-2", [127, 0, 1, 2], "cisco-ios");
    let old = at_work(&former);
    let decision = site.why_once(&old.mac_text(), |why| why["id"].is_string());
    let decision = decision["id"].as_str().expect("a decision").to_owned();
    // It was carried to another switch; the first one sent no Accounting-Stop.
    let new = at_work(&present);
    former.nas.behave(Refuse(503), Refuse(503));
    quarantine(&site, &new);
    present.coa();
    former.coa();
    former.disconnect();
    former.coa();
    let why = site.why_once(&decision, |why| is(why, "proven"));
    let proof = enforcement(&why)["proof"].as_str().unwrap_or_default();
    assert!(proof.contains("the station is elsewhere"), "{proof}");
    assert!(why["session"]["stopped_us"].is_i64());
    assert_eq!(
        new.pap("alice", nac_test_support::cast::PASSWORD)
            .vlan()
            .as_deref(),
        Some("99")
    );
    site.why_once(&new.mac_text(), |why| has_moved_to(why, "quarantine"));
}
