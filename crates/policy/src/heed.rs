//! Whether a policy set does anything about the marks that an administrator puts on a device.

use cedar_policy::Effect;

use crate::engine::Engine;
use crate::load::Draft;
use crate::paths::PATHS;
use crate::reads::Reads;

/// What an administrator can mark a device with. A mark is a fact like any other: it does nothing
/// unless a policy reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// `context.device.blocked`.
    Blocked,
    /// `context.device.quarantined`.
    Quarantined,
}

impl Mark {
    pub(crate) const ALL: [Self; 2] = [Self::Blocked, Self::Quarantined];

    pub(crate) const fn fact(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Quarantined => "quarantined",
        }
    }
}

impl Engine {
    /// Whether the mark can change an answer: some enforced `forbid` reads it, or every enforced
    /// `permit` does, or nobody gets in anyway.
    #[must_use]
    pub fn heeds(&self, mark: Mark) -> bool {
        !self.unheeded.contains(&mark)
    }
}

/// The marks that do nothing.
pub(crate) fn unheeded(drafts: &[Draft]) -> Vec<Mark> {
    let heeds = |mark: Mark| {
        let reads = |draft: &Draft| reads(draft, mark);
        enforced(drafts, Effect::Forbid).any(reads) || enforced(drafts, Effect::Permit).all(reads)
    };
    Mark::ALL.into_iter().filter(|mark| !heeds(*mark)).collect()
}

fn enforced(drafts: &[Draft], effect: Effect) -> impl Iterator<Item = &Draft> {
    drafts
        .iter()
        .filter(move |draft| draft.effect == effect && !draft.monitor)
}

fn reads(draft: &Draft, mark: Mark) -> bool {
    Reads::of_conditions(&draft.syntax)
        .facts
        .iter()
        .filter_map(|index| PATHS.get(*index))
        .any(|fact| fact.record == "device" && fact.name == mark.fact())
}
