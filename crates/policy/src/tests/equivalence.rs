//! Random policies on random facts: slicing and memory never change a decision, and explanations
//! tell the same story as decisions.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::engine;
use crate::{Facts, IdentityKind, Verdict};

fn principal() -> impl Strategy<Value = &'static str> {
    select(vec![
        "principal",
        "principal in Group::\"g1\"",
        "principal in Group::\"g2\"",
        "principal is User in Group::\"g3\"",
        "principal is Mac",
        "principal == User::\"alice\"",
        "principal == Mac::\"alice\"",
        "principal in Device::\"bob\"",
        "principal == Group::\"g1\"",
    ])
}

fn resource() -> impl Strategy<Value = &'static str> {
    select(vec![
        "resource",
        "resource",
        "resource in Site::\"hq\"",
        "resource is Client in Site::\"lab\"",
        "resource == Client::\"sw-1\"",
        "resource in Client::\"sw-2\"",
    ])
}

fn condition() -> impl Strategy<Value = &'static str> {
    select(vec![
        "when { context.eap && context.device.known }",
        "when { context.posture.verdict == \"failing\" } unless { context.device.blocked }",
        "when { principal in Group::\"g4\" }",
        "when { principal in [Group::\"g1\", Group::\"g5\"] && context.nas.ssid like \"c*\" }",
        "when { principal != User::\"alice\" || resource == Client::\"sw-2\" }",
        "when { resource in Site::\"hq\" && context.time.hour < 12 }",
        "when { principal is User && [principal].contains(User::\"carol\") }",
        "when { context.identity.groups.contains(\"g2\") }",
        "when { context.device.labels.containsAny([\"printer\", \"lost\"]) }",
        "when { context.posture has age_s && context.posture.age_s < 60 }",
        "when { if context.eap then context.device.enrolled else principal is Mac }",
        "when { context.posture.binding * 4611686018427387904 > 0 }",
        "when { context.eap } when { context.posture.binding * 4611686018427387904 > 0 }",
        "when { context.posture.binding * 4611686018427387904 > 0 } when { context.eap }",
        "unless { context.eap } when { context.method != \"MAB\" && principal is User }",
        "when { !context.device.blocked && context.device.labels.contains(\"lost\") }",
        "unless { context.device.quarantined || context.nas.site == \"lab\" }",
        "when { !context.device.in_two_places }",
        "when { context.device.downgraded }",
        "",
    ])
}

fn policy() -> impl Strategy<Value = String> {
    let effect = select(vec![
        "@segment(\"staff\") permit",
        "@segment(\"guest\") permit",
        "@segment(\"quarantine\") forbid",
        "forbid",
    ]);
    let mode = select(vec!["enforce", "enforce", "enforce", "monitor"]);
    (effect, mode, 0..4, principal(), resource(), condition()).prop_map(
        |(effect, mode, order, principal, resource, condition)| {
            let notes = format!("@mode(\"{mode}\") @order(\"{order}\")");
            format!("{notes} {effect} ({principal}, action, {resource}) {condition};\n")
        },
    )
}

fn facts() -> impl Strategy<Value = Facts> {
    let kind = select(vec![
        IdentityKind::User,
        IdentityKind::Device,
        IdentityKind::Mac,
        IdentityKind::None,
    ]);
    let identity = (
        kind,
        select(vec!["alice", "bob", "carol", ""]),
        subsequence(vec!["g1", "g2", "g3", "g4", "g5"], 0..=5).prop_shuffle(),
    );
    let device = (
        any::<[bool; 7]>(),
        subsequence(vec!["printer", "lost", "loaned"], 0..=3),
    );
    let posture = (
        select(Verdict::ALL.to_vec()),
        0_u8..5,
        proptest::option::of(0_i64..120),
    );
    let nas = (
        select(vec!["sw-1", "sw-2", "sw-3"]),
        select(vec!["hq", "lab", ""]),
        select(vec!["corp", "guest"]),
    );
    (identity, device, posture, nas, any::<bool>(), 0_u8..24).prop_map(
        |(identity, device, posture, nas, eap, hour)| {
            let mut facts = Facts::default();
            let (kind, name, groups) = identity;
            facts.identity.kind = kind;
            facts.identity.name = name.to_owned();
            facts.identity.groups = groups.into_iter().map(str::to_owned).collect();
            facts.method = if eap { "EAP-TLS" } else { "MAB" }.to_owned();
            let (
                [
                    known,
                    enrolled,
                    blocked,
                    quarantined,
                    random_mac,
                    in_two_places,
                    downgraded,
                ],
                labels,
            ) = device;
            facts.device.known = known;
            facts.device.enrolled = enrolled;
            facts.device.blocked = blocked;
            facts.device.quarantined = quarantined;
            facts.device.random_mac = random_mac;
            facts.device.in_two_places = in_two_places;
            facts.device.downgraded = downgraded;
            facts.device.labels = labels.into_iter().map(str::to_owned).collect();
            (
                facts.posture.verdict,
                facts.posture.binding,
                facts.posture.age_s,
            ) = posture;
            facts.nas.client = nas.0.to_owned();
            facts.nas.site = nas.1.to_owned();
            facts.nas.ssid = nas.2.to_owned();
            facts.time.hour = hour;
            facts
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slicing_and_memory_never_change_a_decision(
        policies in proptest::collection::vec(policy(), 0..12),
        cases in proptest::collection::vec(facts(), 1..20),
    ) {
        let engine = engine(&policies.concat());
        for facts in &cases {
            let whole = engine.decide_unsliced(facts);
            let mut sliced = engine.decide_afresh(facts);
            prop_assert_eq!(&*engine.decide(facts), &sliced);
            prop_assert_eq!(&*engine.decide(facts), &sliced);
            prop_assert!(sliced.considered <= whole.considered);
            sliced.considered = whole.considered;
            prop_assert_eq!(&sliced, &whole);

            let mut told: Vec<_> = engine.explain(facts).into_iter()
                .filter(|policy| policy.matched)
                .map(|policy| policy.policy)
                .collect();
            let mut decided = sliced.matched;
            decided.extend(sliced.monitored.into_iter().map(|hit| hit.policy));
            told.sort();
            decided.sort();
            prop_assert_eq!(told, decided);
        }
    }
}
