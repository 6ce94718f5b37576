//! Who would get another answer, as the page shows it.

use nac_policy::Engine;

use super::super::{AdminState, Moment};
use crate::input;
use crate::input::policy::plan::{self, Plan, PlannedChange, outcome};
use crate::web::Failure;

/// Rows of changes that a page shows; the API gives them all.
const ROWS: usize = 200;

/// A plan and its rows.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) rows: Vec<Row>,
    /// How many changes are not shown.
    pub(super) hidden: usize,
}

/// Somebody who would get another answer.
pub(super) struct Row {
    pub(super) change: PlannedChange,
    pub(super) last: Moment,
}

impl Planned {
    /// What a segment or a refusal is called.
    pub(super) fn name<'a>(&self, segment: &'a Option<String>) -> &'a str {
        outcome(segment.as_deref())
    }
}

impl Row {
    /// The device as people know it.
    pub(super) fn device(&self) -> &str {
        let change = &self.change;
        match change.device.as_str() {
            "" => change.mac.as_deref().unwrap_or("unknown"),
            name => name,
        }
    }
}

/// Tries a text on the last day; nothing while it has faults.
pub(super) async fn planned(state: &AdminState, text: &str) -> Result<Option<Planned>, Failure> {
    let segments = input::segment::names(&state.store).await?;
    let Ok(after) = Engine::load(text, &segments) else {
        return Ok(None);
    };
    let mut plan = plan::plan_beside_the_server(&state.store, after, plan::SINCE).await?;
    let mut changes = std::mem::take(&mut plan.changes);
    let hidden = changes.len().saturating_sub(ROWS);
    changes.truncate(ROWS);
    let rows = changes.into_iter().map(|change| Row {
        last: Moment(change.last_us),
        change,
    });
    Ok(Some(Planned {
        plan,
        rows: rows.collect(),
        hidden,
    }))
}
