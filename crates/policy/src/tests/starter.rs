use super::{engine, mac, staff};
use crate::{Facts, Outcome, RefuseReason, STARTER_POLICY, Verdict};

#[test]
fn break_glass_lets_in_whom_only_posture_kept_out() {
    let engine = engine(STARTER_POLICY);
    let outcome = |facts: &Facts| engine.decide(facts).outcome.clone();
    let segment = |name: &str| Outcome::Segment(name.to_owned());
    let mut facts = staff();
    facts.posture.verdict = Verdict::Failing;
    facts.posture.failing = vec!["disk".to_owned()];
    facts.posture.excepted = vec!["firewall".to_owned()];
    facts.posture.binding = 3;
    assert_eq!(outcome(&facts), segment("quarantine"));
    let found = facts.posture.clone();
    facts.posture = facts.posture.under_break_glass();
    assert_eq!(outcome(&facts), segment("staff"));
    assert!(facts.posture.failing.is_empty());
    assert_eq!(facts.posture.excepted, ["disk", "firewall"]);
    assert_eq!(
        (facts.posture.binding, facts.posture.age_s),
        (found.binding, found.age_s)
    );
    facts.device.quarantined = true;
    assert_eq!(outcome(&facts), segment("quarantine"));
}

#[test]
fn the_starter_policy_decides_as_its_comments_say() {
    let engine = engine(STARTER_POLICY);
    let with = |mut facts: Facts, change: fn(&mut Facts)| {
        change(&mut facts);
        facts
    };
    let table = [
        ("staff on EAP", staff(), Ok("staff"), Some("staff-eap")),
        (
            "staff on PEAP with an unmanaged device",
            with(staff(), |facts| {
                facts.method = "PEAP-MSCHAPv2".to_owned();
                facts.device = crate::DeviceFacts::default();
                facts.posture = crate::PostureFacts::default();
            }),
            Ok("staff"),
            Some("staff-eap"),
        ),
        (
            "staff with a failing device",
            with(staff(), |facts| facts.posture.verdict = Verdict::Failing),
            Ok("quarantine"),
            Some("unhealthy-devices"),
        ),
        (
            "staff with a device that fell silent",
            with(staff(), |facts| facts.posture.verdict = Verdict::Stale),
            Ok("quarantine"),
            Some("unhealthy-devices"),
        ),
        (
            "no data is never a fail",
            with(staff(), |facts| facts.posture.verdict = Verdict::Unknown),
            Ok("staff"),
            Some("staff-eap"),
        ),
        (
            "staff with a quarantined device",
            with(staff(), |facts| facts.device.quarantined = true),
            Ok("quarantine"),
            Some("quarantined-devices"),
        ),
        (
            "staff with a blocked device, quarantined as well",
            with(staff(), |facts| {
                facts.device.quarantined = true;
                facts.device.blocked = true;
            }),
            Err(RefuseReason::Forbidden),
            Some("blocked-devices"),
        ),
        (
            "staff without EAP",
            with(staff(), |facts| facts.method = "PAP".to_owned()),
            Err(RefuseReason::NoPermit),
            None,
        ),
        (
            "a user who is not staff",
            with(staff(), |facts| {
                facts.identity.groups = vec!["contractors".to_owned()]
            }),
            Err(RefuseReason::NoPermit),
            None,
        ),
        (
            "a user who is not staff is not let into quarantine either",
            with(staff(), |facts| {
                facts.identity.groups.clear();
                facts.device.quarantined = true;
            }),
            Err(RefuseReason::NoPermit),
            None,
        ),
        (
            "an unknown MAC",
            mac(),
            Ok("registration"),
            Some("mac-registration"),
        ),
        (
            "a known MAC without a label",
            with(mac(), |facts| facts.device.known = true),
            Ok("registration"),
            Some("mac-registration"),
        ),
        (
            "a guest's device",
            with(mac(), |facts| {
                facts.device.labels = vec!["guest".to_owned()]
            }),
            Ok("guest"),
            Some("guests"),
        ),
        (
            "a guest's device in quarantine",
            with(mac(), |facts| {
                facts.device.labels = vec!["guest".to_owned()];
                facts.device.quarantined = true;
            }),
            Ok("quarantine"),
            Some("quarantined-devices"),
        ),
        (
            "a device that somebody registered",
            with(mac(), |facts| {
                facts.device.labels = vec!["registered".to_owned()]
            }),
            Ok("devices"),
            Some("registered-devices"),
        ),
        (
            "a registered device that did 802.1X before",
            with(mac(), |facts| {
                facts.device.labels = vec!["registered".to_owned()];
                facts.device.downgraded = true;
            }),
            Ok("registration"),
            Some("downgraded-devices"),
        ),
        (
            "the same with a Wi-Fi key of its own",
            with(mac(), |facts| {
                facts.device.labels = vec!["registered".to_owned()];
                facts.device.downgraded = true;
                facts.device.psk = true;
            }),
            Ok("devices"),
            Some("registered-devices"),
        ),
        (
            "a guest whose laptop did 802.1X when it was staff's",
            with(mac(), |facts| {
                facts.device.labels = vec!["guest".to_owned()];
                facts.device.downgraded = true;
            }),
            Ok("guest"),
            Some("guests"),
        ),
        (
            "a guest who has not confirmed yet",
            with(mac(), |facts| {
                facts.device.labels = vec!["guest-activation".to_owned()]
            }),
            Ok("guest-activation"),
            Some("guests-to-confirm"),
        ),
        (
            "a MAC that claims to be in the group staff",
            with(mac(), |facts| {
                facts.identity.groups = vec!["staff".to_owned()]
            }),
            Ok("registration"),
            Some("mac-registration"),
        ),
        (
            "a blocked MAC",
            with(mac(), |facts| facts.device.blocked = true),
            Err(RefuseReason::Forbidden),
            Some("blocked-devices"),
        ),
        (
            "nobody",
            Facts::default(),
            Err(RefuseReason::NoPermit),
            None,
        ),
    ];
    for (what, facts, expected, policy) in table {
        let decision = engine.decide(&facts);
        let expected = match expected {
            Ok(segment) => Outcome::Segment(segment.to_owned()),
            Err(reason) => Outcome::Refuse(reason),
        };
        assert_eq!(decision.outcome, expected, "{what}");
        assert_eq!(decision.policy.as_deref(), policy, "{what}");
        assert!(decision.errors.is_empty(), "{what}");
    }
}

#[test]
fn the_starter_policy_raises_no_warning_and_titles_everything() {
    let engine = engine(STARTER_POLICY);
    assert_eq!(engine.warnings(), []);
    assert!(
        engine
            .policies()
            .iter()
            .all(|policy| policy.title.is_some())
    );
}

#[test]
fn the_starter_policy_remembers_across_people() {
    let engine = engine(STARTER_POLICY);
    let alice = engine.decide(&staff());
    let mut bob = staff();
    bob.identity.name = "bob".to_owned();
    bob.device.mac = "02:00:5e:00:53:02".to_owned();
    bob.time.unix_s = 1_800_000_000;
    assert!(std::sync::Arc::ptr_eq(&alice, &engine.decide(&bob)));
    assert_eq!(engine.remembered(), 1);
    assert!(!engine.reads().contains(&"context.identity.name".to_owned()));
}
