//! What administrators change while people are connected.

use std::time::{Duration, Instant};

use nac_test_support::cast::PASSWORD;
use nac_test_support::wait;
use nac_test_support::wire::code;

use crate::enforcement::office;
use crate::site::{SOON, enforcement, has_moved_to, is};
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x56, 0x00, 0x01];

#[test]
fn a_new_policy_moves_the_sessions_that_it_changes_and_no_others() {
    let site = office();
    site.nac_with_input(
        &[
            "user",
            "add",
            "carol",
            "--group",
            "staff",
            "--group",
            "field",
            "--password-stdin",
        ],
        PASSWORD,
    );
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let (port, other) = (
        switch.port(1, MAC),
        switch.port(2, [0, 0x16, 0x3e, 0x56, 0, 2]),
    );
    assert_eq!(port.pap("carol", PASSWORD).vlan().as_deref(), Some("10"));
    assert_eq!(other.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));

    site.nac(&["segment", "set", "field", "--vlan", "50"]);
    let policy = site.policy()
        + "\n@id(\"field\") @segment(\"field\") @order(\"50\")\n\
           permit (principal is User in Group::\"field\", action == Action::\"connect\", resource);\n";
    site.apply_policy(&policy);
    let coa = switch.coa();
    let station = coa
        .packet
        .first(nac_test_support::wire::attribute::CALLING_STATION_ID);
    assert_eq!(station, Some(port.calling_station_id().as_bytes()));
    assert_eq!(port.pap("carol", PASSWORD).vlan().as_deref(), Some("50"));
    let why = site.why_once(&port.mac_text(), |why| has_moved_to(why, "field"));
    assert_eq!(enforcement(&why)["to_segment"], "field");
    assert_eq!(why["policy_version"].as_i64(), Some(3));
    assert!(switch.is_left_alone(), "alice gets what she has");
}

#[test]
fn a_change_is_tried_on_the_traffic_that_was_and_what_it_said_happens_when_it_is_applied() {
    let site = office();
    site.staff("bob");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let (port, other) = (
        switch.port(1, MAC),
        switch.port(2, [0, 0x16, 0x3e, 0x56, 0, 2]),
    );
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    assert_eq!(other.pap("bob", PASSWORD).vlan().as_deref(), Some("10"));
    let third = switch.port(3, [0, 0x16, 0x3e, 0x56, 0, 3]);
    assert_eq!(third.pap("alice", "wrong").code, code::ACCESS_REJECT);
    site.why_once(&third.mac_text(), |why| why["outcome"] == "reject");
    site.why_once(&other.mac_text(), |why| why["session"]["id"].is_string());

    let text = site.policy()
        + "\n@id(\"alice\") @segment(\"guest\") @order(\"50\")\n\
           permit (principal == User::\"alice\", action == Action::\"connect\", resource);\n";
    let plan = |text: &str| {
        let file = site.directory().join("new.cedar");
        std::fs::write(&file, text).expect("the story's own file");
        let output = site.try_nac(
            &["policy", "plan", &file.display().to_string(), "--json"],
            "",
        );
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), plan)
    };
    let (status, planned) = plan(&text);
    assert_eq!(status, Some(1), "{planned:#}");
    assert_eq!(planned["decisions"], 2, "{planned:#}");
    assert_eq!(planned["unasked"], 1, "the wrong password: {planned:#}");
    assert_eq!(planned["changed_decisions"], 1, "{planned:#}");
    let change = &planned["changes"][0];
    assert_eq!(
        (&change["user"], &change["mac"]),
        (&"alice".into(), &port.mac_text().into())
    );
    assert_eq!(
        (&change["before"], &change["after"]),
        (&"staff".into(), &"guest".into())
    );
    assert_eq!(change["policy_after"], "alice");
    assert_eq!(planned["sessions"]["looked_at"], 2, "{planned:#}");
    assert_eq!(planned["sessions"]["moving"], 1, "{planned:#}");
    assert!(switch.is_left_alone(), "nothing is applied");

    site.apply_policy(&text);
    let coa = switch.coa();
    let station = coa
        .packet
        .first(nac_test_support::wire::attribute::CALLING_STATION_ID);
    assert_eq!(station, Some(port.calling_station_id().as_bytes()));
    assert!(switch.is_left_alone(), "bob was not in the plan");
    let (status, planned) = plan(&text);
    assert_eq!(status, Some(0), "it is in force by now: {planned:#}");
    assert_eq!(planned["answered_differently_then"], 1, "{planned:#}");
}

#[test]
fn a_segments_new_vlan_is_in_the_next_answer_and_moves_live_sessions() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));

    site.nac(&["segment", "set", "staff", "--vlan", "30"]);
    switch.coa();
    let why = site.why_once(&port.mac_text(), |why| is(why, "acknowledged"));
    let reason = enforcement(&why)["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("segment staff"), "{reason}");
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("30"));
    site.why_once(&port.mac_text(), |why| has_moved_to(why, "staff"));

    // A change that this switch is told nothing of moves nobody.
    site.nac(&[
        "segment",
        "set",
        "staff",
        "--description",
        "the people who belong here",
    ]);
    site.nac(&["segment", "set", "guest", "--vlan", "81"]);
    assert!(switch.is_left_alone());
}

#[test]
fn a_segments_vlan_changed_while_the_server_was_down_moves_live_sessions_at_the_start() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let (port, other) = (
        switch.port(1, MAC),
        switch.port(2, [0, 0x16, 0x3e, 0x56, 0, 2]),
    );
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    assert_eq!(other.mab().vlan().as_deref(), Some("90"));
    site.why_once(&other.mac_text(), |why| why["session"]["id"].is_string());
    site.kill();
    site.nac(&["segment", "set", "staff", "--vlan", "31"]);
    site.serve();
    let coa = switch.coa();
    let station = coa
        .packet
        .first(nac_test_support::wire::attribute::CALLING_STATION_ID);
    assert_eq!(station, Some(port.calling_station_id().as_bytes()));
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("31"));
    assert!(
        switch.is_left_alone(),
        "who has what it should have is left alone"
    );
}

#[test]
fn a_broken_policy_is_refused_and_the_one_in_force_goes_on() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let file = site.directory().join("broken.cedar");
    std::fs::write(
        &file,
        "permit (principal, action, resource) when { context.nonsense };",
    )
    .expect("the story's own file");
    let output = site.try_nac(&["policy", "apply", &file.display().to_string()], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(switch.is_left_alone());
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
}

#[test]
fn what_another_process_changes_counts_within_a_second() {
    const A_SECOND: Duration = Duration::from_secs(1);
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    let within = |what: &str, mut condition: Box<dyn FnMut() -> bool + '_>| {
        let began = Instant::now();
        assert!(wait::until(SOON, &mut condition), "{what} never counted");
        assert!(
            began.elapsed() < A_SECOND,
            "{what} took {:?}",
            began.elapsed()
        );
    };

    site.nac_with_input(
        &[
            "user",
            "add",
            "dora",
            "--group",
            "staff",
            "--password-stdin",
        ],
        PASSWORD,
    );
    within(
        "a new user",
        Box::new(|| port.pap("dora", PASSWORD).code == code::ACCESS_ACCEPT),
    );
    site.nac(&["user", "set", "dora", "--no-groups"]);
    within(
        "a lost group",
        Box::new(|| port.pap("dora", PASSWORD).code == code::ACCESS_REJECT),
    );
    site.nac(&["segment", "set", "registration", "--vlan", "91"]);
    within(
        "a segment",
        Box::new(|| port.mab().vlan().as_deref() == Some("91")),
    );
    site.nac(&["device", "add", &port.mac_text(), "--label", "printer"]);
    site.nac(&["segment", "set", "printers", "--vlan", "40"]);
    let policy = site.policy()
        + "\n@id(\"printers\") @segment(\"printers\") @order(\"50\")\n\
           permit (principal is Mac, action == Action::\"connect\", resource)\n\
           when { context.device.labels.contains(\"printer\") };\n";
    site.apply_policy(&policy);
    within(
        "a policy",
        Box::new(|| port.mab().vlan().as_deref() == Some("40")),
    );
    let added = Instant::now();
    let other = Switch::add(&site, "access-2", [127, 0, 1, 2], "generic");
    assert!(
        added.elapsed() < A_SECOND * 2,
        "a client took {:?}",
        added.elapsed()
    );
    assert_eq!(
        other
            .port(1, [0, 0x16, 0x3e, 0x56, 0, 3])
            .mab()
            .vlan()
            .as_deref(),
        Some("91")
    );
    site.nac(&["client", "remove", "access-2"]);
    let silent = || {
        let probe = nac_test_support::exchange::Exchange::from(
            "127.0.1.2:0",
            site.auth,
            nac_test_support::cast::SECRET,
        );
        let request = probe
            .request(code::STATUS_SERVER, 1)
            .with_message_authenticator();
        probe.send(&request.bytes());
        probe.receive(Duration::from_millis(100)).is_none()
    };
    within("a removed client", Box::new(silent));
}
