//! Names in a policy that only the caller can judge: groups and checks.

use std::ops::Range;

use crate::engine::Engine;
use crate::fault::{PolicyFault, nearest};
use crate::load::Places;

/// The names that exist outside of the policy. `None` means that they are not known here.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownNames<'a> {
    /// The groups that somebody belongs to.
    pub groups: Option<&'a [String]>,
    /// The posture checks.
    pub checks: Option<&'a [String]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Group,
    Check,
}

/// A name that a policy speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) policy: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) at: Range<usize>,
}

impl Engine {
    /// Warnings about groups and checks that the policies name and that do not exist, in the order
    /// of the text. A policy may well be older than its groups, so that this is no fault.
    #[must_use]
    pub fn unknown_names(&self, known: &KnownNames<'_>) -> Vec<PolicyFault> {
        let places = Places::new(&self.text, &[]);
        let mut found: Vec<_> = self
            .mentions
            .iter()
            .filter_map(|mention| {
                let (message, help) = match mention.kind {
                    Kind::Group => no_such_group(&mention.name, known.groups?)?,
                    Kind::Check => no_such_check(&mention.name, known.checks?)?,
                };
                Some(PolicyFault {
                    policy: Some(mention.policy.clone()),
                    ..places.fault(mention.at.clone(), message, Some(help))
                })
            })
            .collect();
        found.sort_by_key(|fault| fault.offset);
        found
    }

    /// Whether some policy speaks of a group.
    #[must_use]
    pub fn speaks_of_groups(&self) -> bool {
        let is_group = |mention: &Mention| mention.kind == Kind::Group;
        self.mentions.iter().any(is_group)
    }
}

fn no_such_group(name: &str, groups: &[String]) -> Option<(String, String)> {
    if groups.iter().any(|group| group == name) {
        return None;
    }
    let same = |group: &&String| group.to_lowercase() == name.to_lowercase();
    let help = match groups.iter().find(same) {
        Some(group) => format!("did you mean `{group}`? Capital and small letters differ"),
        None => nearest(name, groups.iter().map(String::as_str)).map_or_else(
            || "see who is in which group with: nac user list".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ),
    };
    Some((
        format!("nobody is in the group `{name}` (groups are case-sensitive)"),
        help,
    ))
}

fn no_such_check(name: &str, checks: &[String]) -> Option<(String, String)> {
    if checks.iter().any(|check| check == name) {
        return None;
    }
    let help = nearest(name, checks.iter().map(String::as_str)).map_or_else(
        || "see them with: nac posture checks".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Some((
        format!("there is no check `{name}`, so it never fails"),
        help,
    ))
}
