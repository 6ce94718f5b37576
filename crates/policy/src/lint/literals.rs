//! The literals that conditions compare facts with: which can never be right, and which are names
//! that only the caller can judge.

use std::collections::BTreeSet;
use std::ops::Range;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal};

use crate::facts::Verdict;
use crate::fault::{PolicyFault, nearest};
use crate::load::{Draft, Places};
use crate::names::{Kind, Mention};
use crate::paths::{FactPath, PATHS, under};
use crate::reads::{Reads, context_path};

/// What `context.method` can be.
const METHODS: [&str; 18] = [
    "PAP",
    "CHAP",
    "MS-CHAPv2",
    "MAB",
    "EAP-TLS",
    "PEAP-MSCHAPv2",
    "PEAP-GTC",
    "PEAP-TLS",
    "TTLS-PAP",
    "TTLS-CHAP",
    "TTLS-MSCHAP",
    "TTLS-MSCHAPv2",
    "TTLS-EAP-MSCHAPv2",
    "TTLS-EAP-GTC",
    "TTLS-EAP-TLS",
    "TEAP-MSCHAPv2",
    "TEAP-TLS",
    "TEAP-PAP",
];

/// What a text fact can be, when that is a closed set. Every one of them may be empty as well.
fn closed(fact: &FactPath) -> Option<Vec<&'static str>> {
    match (fact.record, fact.name) {
        ("", "method") => Some(METHODS.to_vec()),
        ("", "chaining") => Some(vec!["none", "user", "machine", "both"]),
        ("identity", "kind") => Some(vec!["user", "device", "mac", "none"]),
        ("identity", "source") => Some(vec!["local", "certificate", "mac"]),
        ("posture", "verdict") => Some(Verdict::ALL.map(Verdict::as_str).to_vec()),
        ("nas", "port_type") => Some(vec!["ethernet", "wireless", "other"]),
        _ => None,
    }
}

/// The smallest and the largest value of a number, when both are known.
fn bounds(fact: &FactPath) -> Option<(i64, i64)> {
    match (fact.record, fact.name) {
        ("time", "hour") => Some((0, 23)),
        ("time", "minute") => Some((0, 59)),
        ("time", "weekday") => Some((1, 7)),
        ("posture", "binding") => Some((0, 4)),
        _ => None,
    }
}

/// Comparisons of a policy with values that the fact never has.
pub(super) fn impossible(places: &Places<'_>, draft: &Draft) -> Vec<PolicyFault> {
    let mut found = Vec::new();
    for comparison in comparisons(draft) {
        let Some(fact) = PATHS.get(comparison.fact) else {
            continue;
        };
        let fault = match (&comparison.literal, closed(fact), bounds(fact)) {
            (Literal::String(text), Some(values), _) if !text.is_empty() => {
                never(fact, text, &values)
            }
            (Literal::Long(number), _, Some(bounds)) => beyond(fact, *number, bounds),
            _ => None,
        };
        found.extend(fault.map(|(message, help)| {
            places.fault(comparison.place(places, draft, fact), message, Some(help))
        }));
    }
    found
}

fn never(fact: &FactPath, text: &str, values: &[&str]) -> Option<(String, String)> {
    if values.contains(&text) {
        return None;
    }
    let lower = text.to_lowercase();
    let begun = values
        .iter()
        .find(|value| text.len() > 2 && value.to_lowercase().starts_with(&lower));
    let near = begun
        .copied()
        .or_else(|| nearest(text, values.iter().copied()));
    let all = format!("it is one of \"{}\"", values.join("\", \""));
    let help = near.map_or_else(
        || all.clone(),
        |near| format!("did you mean \"{near}\"? Otherwise {all}"),
    );
    Some((format!("{fact} is never {text:?}"), help))
}

fn beyond(fact: &FactPath, number: i64, (least, most): (i64, i64)) -> Option<(String, String)> {
    // `hour < 24` and `weekday > 0` are odd, but they say what they mean.
    if (least - 1..=most + 1).contains(&number) {
        return None;
    }
    let help = format!("it is {least} to {most}");
    Some((format!("{fact} never comes near {number}"), help))
}

/// The groups and the checks that a policy speaks of.
pub(super) fn mentions(places: &Places<'_>, draft: &Draft) -> Vec<Mention> {
    let mut found: BTreeSet<(Kind, String)> = BTreeSet::new();
    let compared = Reads::of_policy(&draft.syntax).principal.compared;
    let groups = compared.into_iter().filter(|(kind, _)| kind == "Group");
    found.extend(groups.map(|(_, name)| (Kind::Group, name)));
    for comparison in comparisons(draft) {
        let fact = PATHS
            .get(comparison.fact)
            .map(|fact| (fact.record, fact.name));
        let kind = match fact {
            Some(("identity", "groups")) => Kind::Group,
            Some(("posture", "failing" | "excepted")) => Kind::Check,
            _ => continue,
        };
        if let Literal::String(text) = comparison.literal {
            found.insert((kind, text.to_string()));
        }
    }
    let statement = &draft.statement;
    let mention = |(kind, name): (Kind, String)| Mention {
        at: quoted(places.text, statement.effect.end..statement.span.end, &name)
            .unwrap_or_else(|| statement.effect.clone()),
        policy: draft.id.clone(),
        kind,
        name,
    };
    found.into_iter().map(mention).collect()
}

/// A fact beside a literal that it is compared with, or asked to contain.
struct Comparison {
    /// Index into [`PATHS`].
    fact: usize,
    literal: Literal,
}

impl Comparison {
    /// The literal in the text, else the condition that speaks of the fact, else the effect: syntax
    /// trees do not say where they come from.
    fn place(&self, places: &Places<'_>, draft: &Draft, fact: &FactPath) -> Range<usize> {
        let clauses = &draft.statement.clauses;
        let mut conditions = clauses
            .iter()
            .flat_map(|clause| &clause.parts)
            .filter(|part| {
                let text = places.text.get((*part).clone()).unwrap_or_default();
                text.contains(fact.name)
            });
        let exact = match &self.literal {
            Literal::String(name) => conditions
                .clone()
                .find_map(|part| quoted(places.text, part.clone(), name)),
            Literal::Long(number) => conditions
                .clone()
                .find(|part| {
                    let text = places.text.get((*part).clone()).unwrap_or_default();
                    text.contains(&number.to_string())
                })
                .cloned(),
            _ => None,
        };
        exact
            .or_else(|| conditions.next().cloned())
            .unwrap_or_else(|| draft.statement.effect.clone())
    }
}

/// Where a text stands in quotes.
fn quoted(text: &str, within: Range<usize>, name: &str) -> Option<Range<usize>> {
    let wanted = format!("\"{name}\"");
    let at = within.start + text.get(within)?.find(&wanted)?;
    Some(at..at + wanted.len())
}

fn comparisons(draft: &Draft) -> Vec<Comparison> {
    let mut found = Vec::new();
    for Clause::When(body) | Clause::Unless(body) in draft.syntax.clauses() {
        walk(body, &mut found);
    }
    found
}

fn walk(expression: &Expr, found: &mut Vec<Comparison>) {
    match expression {
        Expr::BinaryOp { op, left, right } => {
            let pairs = compares(*op).then(|| beside(left, right).or_else(|| beside(right, left)));
            match pairs.flatten() {
                Some(pairs) => found.extend(pairs),
                None => {
                    walk(left, found);
                    walk(right, found);
                }
            }
        }
        Expr::UnaryOp { expr, .. } => walk(expr, found),
        Expr::IfThenElse {
            cond,
            then_expr,
            else_expr,
        } => {
            walk(cond, found);
            walk(then_expr, found);
            walk(else_expr, found);
        }
        // No other expression holds a condition.
        _ => {}
    }
}

const fn compares(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Eq
            | BinaryOp::NotEq
            | BinaryOp::Less
            | BinaryOp::LessEq
            | BinaryOp::Greater
            | BinaryOp::GreaterEq
            | BinaryOp::Contains
            | BinaryOp::ContainsAll
            | BinaryOp::ContainsAny
    )
}

fn beside(fact: &Expr, literal: &Expr) -> Option<Vec<Comparison>> {
    let Expr::GetAttr { .. } = fact else {
        return None;
    };
    let path = context_path(fact)?;
    let mut indices = under(&path);
    let (Some(fact), None) = (indices.next(), indices.next()) else {
        return None;
    };
    let literals = match literal {
        Expr::Literal(literal) => vec![literal.clone()],
        Expr::Set(items) => items
            .iter()
            .filter_map(|item| match &**item {
                Expr::Literal(literal) => Some(literal.clone()),
                _ => None,
            })
            .collect(),
        _ => return None,
    };
    let comparison = |literal| Comparison { fact, literal };
    Some(literals.into_iter().map(comparison).collect())
}
