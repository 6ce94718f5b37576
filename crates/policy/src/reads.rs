//! Which facts and which entities a policy reads.
//!
//! Slicing and memoisation rest on this: whatever a policy reads and this walk misses would make a
//! remembered decision wrong. So every shape of expression that is not understood exactly counts
//! as reading everything it could.

use std::collections::BTreeSet;

use cedar_policy::pst::{
    BinaryOp, Clause, EntityOrSlot, EntityUID, Expr, Literal, PrincipalConstraint,
    ResourceConstraint, Template, Var,
};

use crate::paths;

/// What a policy, or a part of one, reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Indices into [`paths::PATHS`].
    pub(crate) facts: BTreeSet<usize>,
    pub(crate) principal: PartyReads,
    pub(crate) resource: PartyReads,
}

/// What is read of the principal or of the resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartyReads {
    /// It is read at all.
    pub(crate) any: bool,
    /// Its type is asked for, with `is`.
    pub(crate) kind: bool,
    /// It is read in a way that this walk does not understand, so that all of it matters.
    pub(crate) opaque: bool,
    /// The entities, as (type, id), that it is compared with, by `==` or by `in`.
    pub(crate) compared: BTreeSet<(String, String)>,
}

impl Reads {
    /// What a whole policy reads.
    pub(crate) fn of_policy(policy: &Template) -> Self {
        let mut reads = Self::default();
        if let PrincipalConstraint::Eq(entity)
        | PrincipalConstraint::In(entity)
        | PrincipalConstraint::IsIn(_, entity) = &policy.principal
        {
            reads.principal.compare_scope(entity);
        }
        if let ResourceConstraint::Eq(entity)
        | ResourceConstraint::In(entity)
        | ResourceConstraint::IsIn(_, entity) = &policy.resource
        {
            reads.resource.compare_scope(entity);
        }
        for Clause::When(body) | Clause::Unless(body) in policy.clauses() {
            reads.walk(body);
        }
        reads
    }

    /// What the conditions of a policy read, without its scope.
    pub(crate) fn of_conditions(policy: &Template) -> Self {
        let mut reads = Self::default();
        for Clause::When(body) | Clause::Unless(body) in policy.clauses() {
            reads.walk(body);
        }
        reads
    }

    /// Adds what another policy reads.
    pub(crate) fn extend(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.principal.extend(other.principal);
        self.resource.extend(other.resource);
    }

    fn party(&mut self, variable: &Var) -> Option<&mut PartyReads> {
        match variable {
            Var::Principal => Some(&mut self.principal),
            Var::Resource => Some(&mut self.resource),
            // There is only one action, and context is walked by path.
            Var::Action | Var::Context => None,
        }
    }

    fn walk(&mut self, expression: &Expr) {
        match expression {
            Expr::Literal(_) | Expr::Slot(_) => {}
            Expr::Var(Var::Context) => self.facts.extend(paths::under(&[])),
            Expr::Var(variable) => {
                if let Some(party) = self.party(variable) {
                    party.any = true;
                    party.opaque = true;
                }
            }
            Expr::UnaryOp { expr, .. } => self.walk(expr),
            Expr::BinaryOp { op, left, right } => self.walk_binary(*op, left, right),
            Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } => {
                match context_path(expression) {
                    Some(path) => self.facts.extend(paths::under(&path)),
                    None => self.walk(expr),
                }
            }
            Expr::Like { expr, .. } => self.walk(expr),
            Expr::Is { expr, in_expr, .. } => self.walk_is(expr, in_expr.as_deref()),
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                self.walk(cond);
                self.walk(then_expr);
                self.walk(else_expr);
            }
            Expr::Set(items) => items.iter().for_each(|item| self.walk(item)),
            Expr::Record(fields) => fields.values().for_each(|field| self.walk(field)),
            // A shape of a later Cedar: it may read anything.
            _ => {
                self.facts.extend(paths::under(&[]));
                for party in [&mut self.principal, &mut self.resource] {
                    party.any = true;
                    party.opaque = true;
                }
            }
        }
    }

    fn walk_binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let comparison = match (op, left, right) {
            (BinaryOp::In | BinaryOp::Eq | BinaryOp::NotEq, Expr::Var(variable), other) => {
                literals(other).map(|entities| (variable, entities))
            }
            (BinaryOp::Eq | BinaryOp::NotEq, other, Expr::Var(variable)) => {
                literals(other).map(|entities| (variable, entities))
            }
            _ => None,
        };
        match comparison {
            Some((variable @ (Var::Principal | Var::Resource), entities)) => {
                self.compare(variable, entities);
            }
            _ => {
                self.walk(left);
                self.walk(right);
            }
        }
    }

    fn walk_is(&mut self, left: &Expr, group: Option<&Expr>) {
        let entities = group.map_or(Some(Vec::new()), literals);
        if let (Expr::Var(variable @ (Var::Principal | Var::Resource)), Some(entities)) =
            (left, entities)
        {
            self.compare(variable, entities);
            if let Some(party) = self.party(variable) {
                party.kind = true;
            }
        } else {
            self.walk(left);
            group.into_iter().for_each(|group| self.walk(group));
        }
    }

    fn compare(&mut self, variable: &Var, entities: Vec<&EntityUID>) {
        if let Some(party) = self.party(variable) {
            party.any = true;
            party.compared.extend(entities.into_iter().map(named));
        }
    }
}

impl PartyReads {
    fn compare_scope(&mut self, entity: &EntityOrSlot) {
        match entity {
            EntityOrSlot::Entity(entity) => {
                self.compared.insert(named(entity));
            }
            EntityOrSlot::Slot(_) => self.opaque = true,
        }
    }

    fn extend(&mut self, other: Self) {
        self.any |= other.any;
        self.kind |= other.kind;
        self.opaque |= other.opaque;
        self.compared.extend(other.compared);
    }
}

/// An entity as (type, id).
pub(crate) fn named(entity: &EntityUID) -> (String, String) {
    (entity.ty.to_string(), entity.eid.to_string())
}

/// `context.a.b` and `context.a has b` as `["a", "b"]`; `None` for anything else.
pub(crate) fn context_path(expression: &Expr) -> Option<Vec<&str>> {
    match expression {
        Expr::Var(Var::Context) => Some(Vec::new()),
        Expr::GetAttr { expr, attr } => {
            let mut path = context_path(expr)?;
            path.push(attr);
            Some(path)
        }
        Expr::HasAttr { expr, attrs } => {
            let mut path = context_path(expr)?;
            path.extend(attrs.iter().map(|attr| attr.as_str()));
            Some(path)
        }
        _ => None,
    }
}

/// The entities, when the expression is an entity literal or a set of them.
fn literals(expression: &Expr) -> Option<Vec<&EntityUID>> {
    match expression {
        Expr::Literal(Literal::EntityUID(entity)) => Some(vec![entity]),
        Expr::Set(items) => {
            let each: Option<Vec<_>> = items.iter().map(|item| literals(item)).collect();
            each.map(|found| found.into_iter().flatten().collect())
        }
        _ => None,
    }
}
