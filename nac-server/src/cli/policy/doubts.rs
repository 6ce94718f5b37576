//! What is doubtful about a policy, judged with what the database and the configuration hold.

use nac_policy::{Engine, Mark, PolicyFault};
use nac_portal::input;
use nac_portal::input::policy::lets_somebody_in;
use nac_posture::CheckSet;
use nac_store::Store;

use crate::cli::output::note;
use crate::cli::{Context, Failure};

/// Every warning about a policy, in the order of its text. Groups are judged only with a database.
pub(super) async fn warnings(
    context: &Context,
    engine: &Engine,
    store: Option<&Store>,
) -> Result<Vec<PolicyFault>, Failure> {
    let checks = checks(context);
    Ok(input::policy::warnings(engine, checks.as_deref(), store).await?)
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
    let segments = input::segment::names(store).await?;
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
