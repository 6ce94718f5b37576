//! osquery hosts as pages show them: the verdict, and each check with what it saw.

use nac_posture::NodePosture;
use uuid::Uuid;

use super::{AdminState, Moment};

/// An osquery host.
pub(super) struct Host {
    /// Its id.
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) verdict: String,
    pub(super) seen: Moment,
    pub(super) system: String,
    /// Its checks: what fails comes first, then what is unknown.
    pub(super) checks: Vec<Check>,
}

/// A check on a host.
pub(super) struct Check {
    pub(super) title: String,
    pub(super) name: String,
    pub(super) outcome: &'static str,
    pub(super) message: String,
    pub(super) at: Moment,
}

impl Host {
    /// The hosts of a device.
    pub(super) fn of_device(state: &AdminState, device: Uuid) -> Vec<Self> {
        state
            .gate
            .nodes_of(device)
            .into_iter()
            .map(|posture| Self::new(state, posture))
            .collect()
    }

    fn new(state: &AdminState, posture: NodePosture) -> Self {
        let NodePosture {
            node,
            verdict,
            results,
            ..
        } = posture;
        let mut checks: Vec<Check> = results
            .into_iter()
            .map(|result| Check {
                title: state
                    .gate
                    .checks()
                    .find(&result.check)
                    .map_or_else(|| result.check.clone(), |check| check.title.clone()),
                outcome: result.outcome.as_str(),
                message: result.message,
                at: Moment(result.checked_us),
                name: result.check,
            })
            .collect();
        checks.sort_by_key(|check| match check.outcome {
            "fail" => 0,
            "unknown" => 1,
            _ => 2,
        });
        Self {
            id: node.id,
            name: node.hostname,
            verdict: verdict.to_string(),
            seen: Moment(node.last_seen_us),
            system: format!("{} {}", node.os_name, node.os_version),
            checks,
        }
    }
}
