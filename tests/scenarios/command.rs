//! An administrator tells a live session to authenticate again, to leave, or takes its port down and up.

use std::process::Output;

use nac_test_support::nas::Behaviour::{Acknowledge, Refuse};
use nac_test_support::nas::Received;
use nac_test_support::wait;
use nac_test_support::wire::attribute;
use serde_json::Value;

use crate::enforcement::office;
use crate::site::{SOON, Site, enforcement, is};
use crate::switch::{Port, Switch, avpair};

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x53, 0x00, 0x01];

fn at_work(switch: &Switch) -> Port<'_> {
    let port = switch.port(7, MAC);
    log_in(&port, "10");
    port.start();
    port
}

fn log_in(port: &Port<'_>, vlan: &str) {
    let reply = port.pap("alice", nac_test_support::cast::PASSWORD);
    assert_eq!(reply.vlan().as_deref(), Some(vlan));
}

/// Whether a request has this Cisco-AVPair.
fn says(request: &Received, text: &str) -> bool {
    let wanted = avpair(text);
    let pairs = request.packet.all(attribute::VENDOR_SPECIFIC);
    pairs.contains(&wanted.as_slice())
}

/// Runs a command that waits, while the story goes on.
fn meanwhile(site: &Site, arguments: &[&str], story: impl FnOnce()) -> (Output, Value) {
    std::thread::scope(|scope| {
        let mut command = site.command(arguments);
        let waiting = scope.spawn(move || command.output().expect("nac can be started"));
        story();
        let output = waiting.join().expect("no panic");
        let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output, said)
    })
}

#[test]
fn a_session_authenticates_again_on_request_and_the_answer_is_the_proof() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    site.why_once(&port.mac_text(), |why| why["session"].is_object());
    let mac = port.mac_text();
    let wait = ["session", "reauthenticate", &mac, "--wait", "--json"];
    let (output, said) = meanwhile(&site, &wait, || {
        let coa = switch.coa();
        assert!(says(&coa, "subscriber:command=reauthenticate"), "{coa:?}");
        log_in(&port, "10");
    });
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let command = &said["commands"][0];
    assert_eq!(command["state"], "proven", "{said:#}");
    assert_eq!(command["action"], "reauthenticate");
    assert!(
        command["requested_by"]
            .as_str()
            .is_some_and(|by| by.starts_with("cli:"))
    );
    let proof = command["proof"].as_str().unwrap_or_default();
    assert!(proof.contains("answered with segment staff"), "{proof}");
    // Nothing else is under way, and the port is left alone.
    assert!(switch.is_left_alone());
}

#[test]
fn a_session_is_disconnected_and_the_accounting_stop_proves_it() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    site.why_once(&port.mac_text(), |why| why["session"].is_object());
    let wait = ["session", "disconnect", "alice", "--wait", "--json"];
    let (output, said) = meanwhile(&site, &wait, || {
        // No CoA first: it was told to leave.
        switch.disconnect();
        port.stop();
    });
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let command = &said["commands"][0];
    assert_eq!(command["state"], "proven", "{said:#}");
    assert_eq!(command["attempts"][0]["result"], "acknowledged");
    let why = site.why_once(&port.mac_text(), |why| {
        why["session"]["stopped_us"].is_i64()
    });
    assert!(is(&why, "proven"));
    let id = why["session"]["id"].as_str().expect("an id").to_owned();
    // It is over: there is nothing to disconnect.
    for target in [id.as_str(), "alice"] {
        let refused = site.try_nac(&["session", "disconnect", target], "");
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    }
    assert!(switch.is_left_alone());
}

#[test]
fn a_refused_command_fails_with_the_error_cause_and_is_not_repeated() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    site.why_once(&port.mac_text(), |why| why["session"].is_object());
    switch.nas.behave(Refuse(501), Refuse(501));
    let mac = port.mac_text();
    let wait = ["session", "bounce", &mac, "--wait", "--json"];
    let (output, said) = meanwhile(&site, &wait, || {
        let coa = switch.coa();
        assert!(says(&coa, "subscriber:command=bounce-host-port"), "{coa:?}");
    });
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let command = &said["commands"][0];
    assert_eq!(command["state"], "failed", "{said:#}");
    assert_eq!(command["attempts"][0]["error_cause"], 501);
    assert!(switch.is_left_alone());
    let why = site.why(&mac);
    assert_eq!(
        why["session"]["stopped_us"],
        Value::Null,
        "it is where it was"
    );
    // Nor is the rules' own work disturbed by what came before.
    switch.nas.behave(Acknowledge, Acknowledge);
    site.nac(&["quarantine", "add", &mac, "--reason", "seen scanning"]);
    switch.coa();
    log_in(&port, "99");
    site.why_once(&mac, |why| crate::site::has_moved_to(why, "quarantine"));
}

#[test]
fn a_vendor_without_such_a_request_is_named() {
    let site = office();
    let switch = Switch::add(&site, "ap-1", [127, 0, 1, 2], "hostapd");
    let port = at_work(&switch);
    site.why_once(&port.mac_text(), |why| why["session"].is_object());
    let refused = site.try_nac(&["session", "bounce", &port.mac_text(), "--wait"], "");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(said.contains("no way to bounce"), "{said}");
    assert!(switch.is_left_alone());
}

#[test]
fn a_move_under_way_is_not_disturbed_by_a_command() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    let mac = port.mac_text();
    site.nac(&["quarantine", "add", &mac, "--reason", "seen scanning"]);
    switch.coa();
    let refused = site.try_nac(&["session", "reauthenticate", &mac, "--wait", "--json"], "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said: Value = serde_json::from_slice(&refused.stdout).expect("JSON");
    assert_eq!(said["commands"][0]["state"], "superseded");
    log_in(&port, "99");
    site.why_once(&mac, |why| {
        let all = why["enforcements"].as_array();
        all.is_some_and(|all| {
            all.iter()
                .any(|one| one["to_segment"] == "quarantine" && one["state"] == "proven")
        })
    });
}

#[test]
fn a_command_outlives_a_restart_for_a_minute_and_no_longer() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = at_work(&switch);
    let mac = port.mac_text();
    site.why_once(&mac, |why| why["session"].is_object());
    site.kill();
    site.nac(&["session", "disconnect", &mac]);
    site.serve();
    switch.disconnect();
    let why = site.why_once(&mac, |why| is(why, "acknowledged"));
    let id = enforcement(&why)["id"].as_str().expect("an id").to_owned();
    // It was begun: another restart does not begin it again, whatever its age.
    site.kill();
    site.serve();
    let settled = wait::until(SOON, || {
        let why = site.why(&mac);
        enforcement(&why)["id"] == *id && is(&why, "superseded")
    });
    assert!(settled, "{:#}", site.why(&mac));
    assert!(switch.is_left_alone());
}
