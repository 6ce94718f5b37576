//! What is allowed in a policy text, and still probably a mistake.

mod literals;

use std::collections::HashMap;

use cedar_policy::Effect;
use cedar_policy::pst::{EntityOrSlot, PrincipalConstraint};

use crate::fault::PolicyFault;
use crate::heed::Mark;
use crate::load::{Draft, Places};
use crate::names::Mention;
use crate::paths::PATHS;
use crate::reads::{Reads, named};

/// Segments that somebody may reach on the word of a MAC address alone.
const OPEN_TO_MACS: [&str; 3] = ["registration", "guest", "quarantine"];
/// Facts that tell an authenticated identity from a MAC address.
const TELLS_MACS_APART: [(&str, &str); 6] = [
    ("", "method"),
    ("", "eap"),
    ("", "chaining"),
    ("", "second_factor"),
    ("identity", "kind"),
    ("identity", "source"),
];

/// Doubtful things in policies that are sorted by `@order`, then by `@id`.
pub(crate) fn warnings(
    places: &Places<'_>,
    drafts: &[Draft],
    unheeded: &[Mark],
) -> Vec<PolicyFault> {
    let mut found = Vec::new();
    let permits: Vec<_> = drafts
        .iter()
        .filter(|draft| draft.effect == Effect::Permit && !draft.monitor)
        .collect();
    if permits.is_empty() {
        let message = "no policy permits anything: nobody would get in".to_owned();
        let help = "add a permit that names a segment".to_owned();
        found.push(of_the_whole(places, message, help));
    }
    found.extend(
        permits
            .iter()
            .filter_map(|draft| unconditional(places, draft)),
    );
    found.extend(permits.iter().filter_map(|draft| mac_alone(places, draft)));
    found.extend(shared_orders(places, &permits));
    found.extend(unheeded.iter().map(|mark| ignores(places, *mark)));
    let impossible = |draft| literals::impossible(places, draft);
    found.extend(drafts.iter().flat_map(impossible));
    found
}

/// The groups and the checks that the policies speak of.
pub(crate) fn mentions(places: &Places<'_>, drafts: &[Draft]) -> Vec<Mention> {
    let mentions = |draft| literals::mentions(places, draft);
    drafts.iter().flat_map(mentions).collect()
}

fn ignores(places: &Places<'_>, mark: Mark) -> PolicyFault {
    let (command, policy) = match mark {
        Mark::Blocked => ("nac device block", "blocked-devices"),
        Mark::Quarantined => ("nac quarantine add", "quarantined-devices"),
    };
    let message = format!(
        "no forbid reads context.device.{}, so `{command}` changes nothing",
        mark.fact()
    );
    let help = format!("copy the forbid `{policy}` of the starter policy: nac policy show 1");
    of_the_whole(places, message, help)
}

/// A fault that belongs to no policy, not even to the one with which the text begins.
fn of_the_whole(places: &Places<'_>, message: String, help: String) -> PolicyFault {
    PolicyFault {
        policy: None,
        ..places.fault(0..0, message, Some(help))
    }
}

fn is_unconditional(draft: &Draft) -> bool {
    draft.syntax.clauses().is_empty() && draft.syntax.principal == PrincipalConstraint::Any
}

fn unconditional(places: &Places<'_>, draft: &Draft) -> Option<PolicyFault> {
    let message = "this permit has no conditions: it lets everybody in".to_owned();
    let help = "say who may connect, in the scope or with `when { … }`".to_owned();
    let at = draft.statement.effect.clone();
    is_unconditional(draft).then(|| places.fault(at, message, Some(help)))
}

fn mac_alone(places: &Places<'_>, draft: &Draft) -> Option<PolicyFault> {
    let segment = draft.segment.as_deref()?;
    if OPEN_TO_MACS.contains(&segment) || is_unconditional(draft) || excludes_macs(draft) {
        return None;
    }
    let message = format!("a MAC address alone, which anybody can copy, may reach `{segment}`");
    let help = "add `context.eap`, or `principal is User`, or say context.method == \"MAB\" \
                if it is meant";
    Some(places.fault(
        draft.statement.effect.clone(),
        message,
        Some(help.to_owned()),
    ))
}

/// Whether a policy says anything about the kind of identity. What it says is its author's affair.
fn excludes_macs(draft: &Draft) -> bool {
    let scope_says = match &draft.syntax.principal {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => false,
        PrincipalConstraint::Eq(EntityOrSlot::Entity(entity)) => named(entity).0 != "Mac",
        PrincipalConstraint::Eq(EntityOrSlot::Slot(_)) => false,
        PrincipalConstraint::Is(_) | PrincipalConstraint::IsIn(..) => true,
    };
    let reads = Reads::of_conditions(&draft.syntax);
    let condition_says = reads
        .facts
        .iter()
        .filter_map(|index| PATHS.get(*index))
        .any(|fact| TELLS_MACS_APART.contains(&(fact.record, fact.name)));
    scope_says || condition_says || reads.principal.kind
}

/// Two permits with one `@order` and different segments are told apart by the alphabet only.
fn shared_orders(places: &Places<'_>, permits: &[&Draft]) -> Vec<PolicyFault> {
    let mut first_with: HashMap<i64, &Draft> = HashMap::new();
    let mut found = Vec::new();
    for draft in permits {
        let first = *first_with.entry(draft.order).or_insert(draft);
        if first.segment != draft.segment {
            let message = format!(
                "it has the same @order, {}, as `{}`: when both match, `{}` wins by its name",
                draft.order, first.id, first.id
            );
            let help = "give each permit an @order of its own; the smallest wins".to_owned();
            found.push(places.fault(draft.statement.effect.clone(), message, Some(help)));
        }
    }
    found
}
