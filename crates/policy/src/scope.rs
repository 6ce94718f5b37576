//! Where the identity and the RADIUS client of a request stand, as far as a policy set cares, and
//! whether a policy's scope fits that.
//!
//! A set names some groups, sites and entities, and all others are alike to it. So a request is
//! reduced to which of the named ones apply: this is what slices the set, and it is the part of the
//! memo key that stands for `principal` and `resource`.

use std::collections::{HashMap, HashSet};

use cedar_policy::pst::{EntityOrSlot, EntityType, PrincipalConstraint, ResourceConstraint};
use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid};

use crate::facts::{Facts, IdentityKind};
use crate::paths::encode_text;
use crate::reads::{PartyReads, named};

/// One side of a request: its principal or its resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party<'a> {
    /// The name of its entity type.
    pub(crate) kind: &'static str,
    pub(crate) id: &'a str,
    /// The ids of what it is in.
    pub(crate) parents: &'a [String],
}

impl<'a> Party<'a> {
    pub(crate) fn principal(facts: &'a Facts) -> Self {
        let kind = match facts.identity.kind {
            IdentityKind::User => "User",
            IdentityKind::Device => "Device",
            IdentityKind::Mac => "Mac",
            IdentityKind::None => "Nobody",
        };
        Self {
            kind,
            id: &facts.identity.name,
            parents: &facts.identity.groups,
        }
    }

    pub(crate) fn resource(facts: &'a Facts) -> Self {
        let site = &facts.nas.site;
        let parents = if site.is_empty() {
            &[]
        } else {
            std::slice::from_ref(site)
        };
        Self {
            kind: "Client",
            id: &facts.nas.client,
            parents,
        }
    }
}

/// The entities that a set names on one side.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    parent_kind: EntityTypeName,
    /// The types that a party can have.
    kinds: Vec<EntityTypeName>,
    /// Ids of named parents, and the bit that stands for each.
    parents: HashMap<String, usize>,
    /// Ids of named entities of other types, and the number, from 1, that stands for each.
    names: HashMap<String, usize>,
    /// The set looks at more than the named entities.
    opaque: bool,
}

/// Where a party stands among the entities of a vocabulary.
#[derive(Clone, Debug)]
pub(crate) struct Standing<'a> {
    party: Party<'a>,
    /// One bit for each named parent.
    parents: Vec<u64>,
    /// The number of the name, or 0.
    name: usize,
}

impl Vocabulary {
    /// The vocabulary of the principals of a set: identities in groups.
    pub(crate) fn of_principals(reads: &PartyReads) -> Result<Self, String> {
        Self::new("Group", &["User", "Device", "Mac", "Nobody"], reads)
    }

    /// The vocabulary of the resources of a set: RADIUS clients at sites.
    pub(crate) fn of_resources(reads: &PartyReads) -> Result<Self, String> {
        Self::new("Site", &["Client"], reads)
    }

    fn new(parent_kind: &str, kinds: &[&str], reads: &PartyReads) -> Result<Self, String> {
        let entity_type = |name: &str| {
            name.parse::<EntityTypeName>()
                .map_err(|error| error.to_string())
        };
        let mut found = Self {
            parent_kind: entity_type(parent_kind)?,
            kinds: kinds
                .iter()
                .copied()
                .map(entity_type)
                .collect::<Result<_, _>>()?,
            parents: HashMap::new(),
            names: HashMap::new(),
            opaque: reads.opaque,
        };
        for (kind, id) in &reads.compared {
            if kind == parent_kind {
                let bit = found.parents.len();
                found.parents.entry(id.clone()).or_insert(bit);
            } else {
                let number = found.names.len() + 1;
                found.names.entry(id.clone()).or_insert(number);
            }
        }
        Ok(found)
    }

    pub(crate) fn standing<'a>(&self, party: Party<'a>) -> Standing<'a> {
        let mut parents = vec![0_u64; self.parents.len().div_ceil(64)];
        for parent in party.parents {
            if let Some(bit) = self.parents.get(parent)
                && let Some(word) = parents.get_mut(bit / 64)
            {
                *word |= 1 << (bit % 64);
            }
        }
        let name = self.names.get(party.id).copied().unwrap_or_default();
        Standing {
            party,
            parents,
            name,
        }
    }

    /// Appends to a memo key everything about this party that the set can see.
    pub(crate) fn encode(&self, standing: &Standing<'_>, key: &mut Vec<u8>) {
        encode_text(standing.party.kind, key);
        if self.opaque {
            encode_text(standing.party.id, key);
            key.extend_from_slice(&standing.party.parents.len().to_le_bytes());
            standing
                .party
                .parents
                .iter()
                .for_each(|parent| encode_text(parent, key));
        } else {
            key.extend_from_slice(&standing.name.to_le_bytes());
            standing
                .parents
                .iter()
                .for_each(|word| key.extend_from_slice(&word.to_le_bytes()));
        }
    }

    /// The entity with those parents that the set can see; `None` when it has none of them.
    pub(crate) fn entity(&self, standing: &Standing<'_>, uid: &EntityUid) -> Option<Entity> {
        let seen = |parent: &&String| self.opaque || self.parents.contains_key(*parent);
        let parents: HashSet<_> = standing
            .party
            .parents
            .iter()
            .filter(seen)
            .map(|id| EntityUid::from_type_name_and_id(self.parent_kind.clone(), EntityId::new(id)))
            .collect();
        (!parents.is_empty()).then(|| Entity::new_no_attrs(uid.clone(), parents))
    }

    fn scope(
        &self,
        kind: Option<&EntityType>,
        entity: Option<&EntityOrSlot>,
        descendants: bool,
    ) -> Scope {
        let kind = kind.map(ToString::to_string);
        let member = match entity {
            None => Member::Anything,
            // Templates are refused when a text is loaded.
            Some(EntityOrSlot::Slot(_)) => Member::Nothing,
            Some(EntityOrSlot::Entity(entity)) => {
                let (kind, id) = named(entity);
                if descendants && kind == self.parent_kind.to_string() {
                    self.parents
                        .get(&id)
                        .map_or(Member::Nothing, |bit| Member::Parent(*bit))
                } else {
                    let name = self.names.get(&id).copied();
                    name.map_or(Member::Nothing, |name| Member::Entity { kind, name })
                }
            }
        };
        Scope { kind, member }
    }

    pub(crate) fn principal_scope(&self, constraint: &PrincipalConstraint) -> Scope {
        match constraint {
            PrincipalConstraint::Any => self.scope(None, None, false),
            PrincipalConstraint::Is(kind) => self.scope(Some(kind), None, false),
            PrincipalConstraint::Eq(entity) => self.scope(None, Some(entity), false),
            PrincipalConstraint::In(entity) => self.scope(None, Some(entity), true),
            PrincipalConstraint::IsIn(kind, entity) => self.scope(Some(kind), Some(entity), true),
        }
    }

    pub(crate) fn resource_scope(&self, constraint: &ResourceConstraint) -> Scope {
        match constraint {
            ResourceConstraint::Any => self.scope(None, None, false),
            ResourceConstraint::Is(kind) => self.scope(Some(kind), None, false),
            ResourceConstraint::Eq(entity) => self.scope(None, Some(entity), false),
            ResourceConstraint::In(entity) => self.scope(None, Some(entity), true),
            ResourceConstraint::IsIn(kind, entity) => self.scope(Some(kind), Some(entity), true),
        }
    }
}

impl Standing<'_> {
    pub(crate) fn uid(&self, vocabulary: &Vocabulary) -> EntityUid {
        let kind = vocabulary
            .kinds
            .iter()
            .find(|kind| kind.basename() == self.party.kind);
        // Every kind of party is among the kinds of its vocabulary.
        let kind = kind.unwrap_or(&vocabulary.parent_kind).clone();
        EntityUid::from_type_name_and_id(kind, EntityId::new(self.party.id))
    }
}

/// One side of a policy's scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    kind: Option<String>,
    member: Member,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Member {
    Anything,
    Parent(usize),
    Entity { kind: String, name: usize },
    Nothing,
}

impl Scope {
    pub(crate) fn fits(&self, standing: &Standing<'_>) -> bool {
        let kind = standing.party.kind;
        if self.kind.as_deref().is_some_and(|wanted| wanted != kind) {
            return false;
        }
        match &self.member {
            Member::Anything => true,
            Member::Nothing => false,
            Member::Entity { kind: wanted, name } => wanted == kind && *name == standing.name,
            Member::Parent(bit) => standing
                .parents
                .get(bit / 64)
                .is_some_and(|word| word >> (bit % 64) & 1 == 1),
        }
    }
}
