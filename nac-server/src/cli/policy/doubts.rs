//! What is doubtful about a policy, judged with what the database and the configuration hold.

use std::collections::BTreeSet;

use nac_policy::{Engine, KnownNames, Mark, PolicyFault};
use nac_posture::CheckSet;
use nac_store::Store;

use super::segment_names;
use crate::cli::output::note;
use crate::cli::{Context, Failure};

/// How many users are read at a time.
const PIECE: u32 = 1_000;

/// Every warning about a policy, in the order of its text. Groups are judged only with a database.
pub(super) async fn warnings(
    context: &Context,
    engine: &Engine,
    store: Option<&Store>,
) -> Result<Vec<PolicyFault>, Failure> {
    let groups = match store {
        Some(store) if engine.speaks_of_groups() => Some(groups(store).await?),
        _ => None,
    };
    let checks = checks(context);
    let unknown = engine.unknown_names(&KnownNames {
        groups: groups.as_deref(),
        checks: checks.as_deref(),
    });
    let mut warnings = engine.warnings().to_vec();
    warnings.extend(unknown);
    warnings.sort_by_key(|warning| warning.offset);
    Ok(warnings)
}

/// Says so when the policy in force does nothing about a mark that was just set.
pub(in crate::cli) async fn warn_when_unheeded(store: &Store, mark: Mark) -> Result<(), Failure> {
    if let Some(warning) = unheeded(store, mark).await? {
        note(&warning);
    }
    Ok(())
}

pub(super) async fn unheeded(store: &Store, mark: Mark) -> Result<Option<String>, Failure> {
    let Some(current) = store.policy_current().await? else {
        return Ok(None);
    };
    let segments = segment_names(store).await?;
    // A policy that no longer loads is another fault, and the server tells of it.
    if Engine::load(&current.text, &segments).map_or(true, |engine| engine.heeds(mark)) {
        return Ok(None);
    }
    let (fact, forbid) = match mark {
        Mark::Blocked => ("blocked", "blocked-devices"),
        Mark::Quarantined => ("quarantined", "quarantined-devices"),
    };
    Ok(Some(format!(
        "this changes nothing on the network: no forbid of the policy in force (version {}) reads \
         context.device.{fact}\n fix: copy the forbid `{forbid}` from `nac policy show 1` into your \
         policy, then apply it",
        current.version
    )))
}

/// Refuses a policy that would lock everybody out, unless somebody means it.
pub(super) fn refuse_a_lockout(engine: &Engine, yes: bool) -> Result<(), Failure> {
    if yes || lets_somebody_in(engine) {
        return Ok(());
    }
    Err(
        Failure::no("this policy permits nothing: everybody would be locked out at once")
            .fix("add a permit that names a segment; or add --yes if you mean it"),
    )
}

/// Whether some permit counts.
pub(super) fn lets_somebody_in(engine: &Engine) -> bool {
    engine
        .policies()
        .iter()
        .any(|policy| policy.effect == "permit" && policy.mode == "enforce")
}

/// The names of the checks that are asked; `None` when they cannot be read here.
fn checks(context: &Context) -> Option<Vec<String>> {
    let directory = if context.has_config() {
        context.settings().ok()?.posture.checks_dir
    } else {
        None
    };
    let set = match directory {
        Some(directory) => CheckSet::load_dir(&directory).ok()?,
        None => CheckSet::embedded(),
    };
    Some(set.iter().map(|check| check.name.clone()).collect())
}

/// The groups that some user belongs to.
async fn groups(store: &Store) -> Result<Vec<String>, Failure> {
    let mut groups = BTreeSet::new();
    let mut after = None;
    loop {
        let users = store.user_list_all(after, PIECE).await?;
        let Some(last) = users.last() else { break };
        after = Some(last.id);
        groups.extend(users.into_iter().flat_map(|user| user.groups));
    }
    Ok(groups.into_iter().collect())
}
