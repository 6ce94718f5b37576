//! Every node in memory, found by anything that RADIUS or osquery may show of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use nac_store::{NodeStatus, OsqueryNode};
use uuid::Uuid;

use crate::node::Node;

/// What a node can be found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Term {
    /// SHA-256 of its node key, hex.
    Key(String),
    /// The public key of its client certificate.
    Spki(String),
    /// The device id in its client certificate.
    Asserted(String),
    /// A MAC address it reports.
    Mac(String),
    /// The device it is attached to.
    Device(Uuid),
    /// The SMBIOS UUID it reports.
    Hardware(String),
    /// The enrolment secret it came with.
    Secret(Uuid),
}

/// What `record` can be found by.
pub(crate) fn terms(record: &OsqueryNode) -> HashSet<Term> {
    let mut terms = HashSet::new();
    // A replaced node keeps its history, not its key.
    if record.status != NodeStatus::Replaced && !record.node_key_sha256.is_empty() {
        terms.insert(Term::Key(record.node_key_sha256.clone()));
    }
    let text = |value: &Option<String>| {
        value
            .as_ref()
            .filter(|value| !value.is_empty())
            .map(|value| value.to_ascii_lowercase())
    };
    terms.extend(text(&record.client_spki).map(Term::Spki));
    terms.extend(text(&record.client_asserted_id).map(Term::Asserted));
    terms.extend(
        record
            .macs
            .iter()
            .map(|mac| Term::Mac(mac.to_ascii_lowercase())),
    );
    terms.extend(record.device_id.map(Term::Device));
    terms.extend(record.enroll_secret_id.map(Term::Secret));
    if !record.hardware_uuid.is_empty() {
        terms.insert(Term::Hardware(record.hardware_uuid.to_ascii_lowercase()));
    }
    terms
}

/// The nodes and how to find them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    nodes: HashMap<Uuid, (Arc<Node>, HashSet<Term>)>,
    found: HashMap<Term, Vec<Uuid>>,
}

impl Index {
    /// Adds a node, or files a known one under what it can be found by now.
    pub(crate) fn file(&mut self, id: Uuid, node: Arc<Node>, terms: HashSet<Term>) {
        let old = match self.nodes.get(&id) {
            Some((_, old)) if *old == terms => HashSet::new(),
            Some((_, old)) => old.clone(),
            None => HashSet::new(),
        };
        for gone in old.difference(&terms) {
            self.unfile(id, gone);
        }
        for term in &terms {
            let ids = self.found.entry(term.clone()).or_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        self.nodes.insert(id, (node, terms));
    }

    pub(crate) fn remove(&mut self, id: Uuid) {
        if let Some((_, terms)) = self.nodes.remove(&id) {
            for term in &terms {
                self.unfile(id, term);
            }
        }
    }

    fn unfile(&mut self, id: Uuid, term: &Term) {
        if let Some(ids) = self.found.get_mut(term) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.found.remove(term);
            }
        }
    }

    pub(crate) fn node(&self, id: Uuid) -> Option<Arc<Node>> {
        self.nodes.get(&id).map(|(node, _)| Arc::clone(node))
    }

    /// The nodes that `term` finds, in the order they were filed.
    pub(crate) fn find<'a>(&'a self, term: &Term) -> impl Iterator<Item = Arc<Node>> + use<'a> {
        self.found
            .get(term)
            .into_iter()
            .flatten()
            .filter_map(|id| self.node(*id))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Node>> {
        self.nodes
            .values()
            .map(|(node, _)| Arc::clone(node))
            .collect()
    }

    pub(crate) fn ids(&self) -> Vec<Uuid> {
        self.nodes.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn found(index: &Index, term: &Term) -> usize {
        index.find(term).count()
    }

    #[test]
    fn a_node_is_found_by_what_it_shows_now_and_not_by_what_it_showed_before() {
        let mut index = Index::default();
        let mut record = testing::node();
        record.macs = vec!["00:16:3E:00:00:01".to_owned()];
        let node = Arc::new(Node::new(record.clone(), 0));
        let mac = Term::Mac("00:16:3e:00:00:01".to_owned());
        index.file(record.id, Arc::clone(&node), terms(&record));
        assert_eq!(found(&index, &mac), 1);
        assert_eq!(found(&index, &Term::Key(record.node_key_sha256.clone())), 1);
        record.macs = Vec::new();
        record.device_id = Some(Uuid::from_u128(9));
        index.file(record.id, node, terms(&record));
        assert_eq!(found(&index, &mac), 0);
        assert_eq!(found(&index, &Term::Device(Uuid::from_u128(9))), 1);
        index.remove(record.id);
        assert_eq!((index.len(), index.found.len()), (0, 0));
    }

    #[test]
    fn a_replaced_node_is_not_found_by_its_key() {
        let mut record = testing::node();
        record.status = NodeStatus::Replaced;
        assert!(
            !terms(&record)
                .iter()
                .any(|term| matches!(term, Term::Key(_)))
        );
    }
}
