//! What the room promises, as tables of facts and decisions.

mod equivalence;
mod faults;
mod literals;
mod semantics;
mod starter;
mod warnings;

use crate::{Engine, Facts, IdentityKind, PolicyErrors};

fn segments() -> Vec<String> {
    [
        "staff",
        "guest",
        "guest-activation",
        "devices",
        "registration",
        "quarantine",
        "printers",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn engine(text: &str) -> Engine {
    Engine::load(text, &segments()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refused(text: &str) -> PolicyErrors {
    Engine::load(text, &segments()).expect_err("the text should be refused")
}

/// A member of staff on EAP-TLS, with a healthy, enrolled laptop, on a switch at headquarters.
fn staff() -> Facts {
    let mut facts = Facts {
        method: "EAP-TLS".to_owned(),
        ..Facts::default()
    };
    facts.identity.kind = IdentityKind::User;
    facts.identity.name = "alice".to_owned();
    facts.identity.groups = vec!["staff".to_owned()];
    facts.identity.source = "certificate".to_owned();
    facts.device.known = true;
    facts.device.enrolled = true;
    facts.device.mac = "02:00:5e:00:53:01".to_owned();
    facts.posture.verdict = crate::Verdict::Compliant;
    facts.posture.age_s = Some(30);
    facts.nas.client = "sw-1".to_owned();
    facts.nas.site = "hq".to_owned();
    facts
}

/// A device that only shows its MAC address.
fn mac() -> Facts {
    let mut facts = Facts {
        method: "MAB".to_owned(),
        ..Facts::default()
    };
    facts.identity.kind = IdentityKind::Mac;
    facts.identity.name = "02:00:5e:00:53:99".to_owned();
    facts.identity.source = "mac".to_owned();
    facts.nas.client = "sw-1".to_owned();
    facts.nas.site = "hq".to_owned();
    facts
}
