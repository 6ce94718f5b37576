//! What a policy text is checked for, beyond what the language itself demands.

pub mod plan;

use std::collections::BTreeSet;

use nac_policy::{Engine, KnownNames, PolicyFault, PolicySummary};
use nac_store::{Store, StoreError};

/// Larger texts are no policy, in bytes.
pub const TEXT_MAX: usize = 4 * 1024 * 1024;
/// How many users are read at a time.
const PIECE: u32 = 1_000;

/// Every warning about a policy, in the order of its text. Groups are judged only with a store, checks only where their names are
/// known.
///
/// # Errors
///
/// [`StoreError`] when the database fails.
pub async fn warnings(
    engine: &Engine,
    checks: Option<&[String]>,
    store: Option<&Store>,
) -> Result<Vec<PolicyFault>, StoreError> {
    let groups = match store {
        Some(store) if engine.speaks_of_groups() => Some(groups(store).await?),
        _ => None,
    };
    let unknown = engine.unknown_names(&KnownNames {
        groups: groups.as_deref(),
        checks,
    });
    let mut warnings = engine.warnings().to_vec();
    warnings.extend(unknown);
    warnings.sort_by_key(|warning| warning.offset);
    Ok(warnings)
}

/// Whether some permit counts. Without one everybody would be locked out at once.
pub fn lets_somebody_in(engine: &Engine) -> bool {
    engine
        .policies()
        .iter()
        .any(|policy| policy.effect == "permit" && policy.mode == "enforce")
}

/// The policies in the order in which they win: forbids that refuse, forbids that move, permits; each by `@order`.
pub fn by_precedence(engine: &Engine) -> Vec<PolicySummary> {
    let mut policies = engine.policies();
    policies.sort_by(|one, two| precedence(one).cmp(&precedence(two)));
    policies
}

fn precedence(policy: &PolicySummary) -> (bool, bool, i64, &str) {
    let permits = policy.effect == "permit";
    let moves = policy.segment.is_some();
    (permits, moves, policy.order, &policy.id)
}

/// The groups that some user belongs to.
async fn groups(store: &Store) -> Result<Vec<String>, StoreError> {
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
