//! Plain tests at the front of a policy, which rule it out without asking Cedar.
//!
//! Most conditions begin with comparisons of one fact with one literal, joined by `&&`, and most
//! policies fail one of them on most requests. Those are judged here. It changes nothing: Cedar
//! evaluates from the left and stops at the first part that is false, these tests cannot fail to
//! evaluate, and as soon as one part is anything else, it and all that follows is left to Cedar.

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, Template, UnaryOp};

use crate::facts::Facts;
use crate::paths::{PATHS, Value, under};
use crate::reads::context_path;

/// A test of one fact against one literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    /// Index into [`PATHS`].
    fact: usize,
    test: Test,
    wanted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    True,
    Present,
    IsBool(bool),
    IsLong(i64),
    Below(i64),
    Above(i64),
    IsText(String),
    Contains(String),
}

/// Whether some guard in front shows that the policy cannot match.
pub(crate) fn rule_out(guards: &[Guard], facts: &Facts) -> bool {
    for guard in guards {
        match guard.holds(facts) {
            Some(true) => {}
            Some(false) => return true,
            None => return false,
        }
    }
    false
}

/// The guards of a policy, in the order in which Cedar would evaluate them.
pub(crate) fn of_policy(policy: &Template) -> Vec<Guard> {
    let mut guards = Vec::new();
    for clause in policy.clauses() {
        let understood = match clause {
            Clause::When(body) => collect(body, &mut guards),
            Clause::Unless(body) => match single(body) {
                Some(guard) => {
                    guards.push(Guard {
                        wanted: !guard.wanted,
                        ..guard
                    });
                    true
                }
                None => false,
            },
        };
        if !understood {
            break;
        }
    }
    guards
}

/// Adds the guards at the front of an expression; returns whether that was all of it.
fn collect(expression: &Expr, guards: &mut Vec<Guard>) -> bool {
    if let Expr::BinaryOp {
        op: BinaryOp::And,
        left,
        right,
    } = expression
    {
        return collect(left, guards) && collect(right, guards);
    }
    let guard = single(expression);
    let understood = guard.is_some();
    guards.extend(guard);
    understood
}

fn single(expression: &Expr) -> Option<Guard> {
    let (fact, test, wanted) = match expression {
        Expr::UnaryOp {
            op: UnaryOp::Not,
            expr,
        } => {
            let guard = single(expr)?;
            (guard.fact, guard.test, !guard.wanted)
        }
        Expr::GetAttr { .. } => (fact(expression)?, Test::True, true),
        Expr::HasAttr { .. } => (fact(expression)?, Test::Present, true),
        Expr::BinaryOp {
            op: op @ (BinaryOp::Eq | BinaryOp::NotEq),
            left,
            right,
        } => {
            let test = match &**right {
                Expr::Literal(Literal::Bool(value)) => Test::IsBool(*value),
                Expr::Literal(Literal::Long(value)) => Test::IsLong(*value),
                Expr::Literal(Literal::String(text)) => Test::IsText(text.to_string()),
                _ => return None,
            };
            (attribute(left)?, test, *op == BinaryOp::Eq)
        }
        Expr::BinaryOp { op, left, right } if order(*op, 0).is_some() => match &**right {
            Expr::Literal(Literal::Long(bound)) => {
                let (test, wanted) = order(*op, *bound)?;
                (attribute(left)?, test, wanted)
            }
            _ => return None,
        },
        Expr::BinaryOp {
            op: BinaryOp::Contains,
            left,
            right,
        } => match &**right {
            Expr::Literal(Literal::String(text)) => {
                (attribute(left)?, Test::Contains(text.to_string()), true)
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(Guard { fact, test, wanted })
}

/// A comparison of magnitude, as a test and whether it has to hold.
fn order(op: BinaryOp, bound: i64) -> Option<(Test, bool)> {
    match op {
        BinaryOp::Less => Some((Test::Below(bound), true)),
        BinaryOp::GreaterEq => Some((Test::Below(bound), false)),
        BinaryOp::Greater => Some((Test::Above(bound), true)),
        BinaryOp::LessEq => Some((Test::Above(bound), false)),
        _ => None,
    }
}

/// The fact that an attribute access reads; not what a `has` asks for.
fn attribute(expression: &Expr) -> Option<usize> {
    matches!(expression, Expr::GetAttr { .. })
        .then(|| fact(expression))
        .flatten()
}

/// The one fact of a path that ends exactly at it.
fn fact(expression: &Expr) -> Option<usize> {
    let path = context_path(expression)?;
    let index = under(&path).next()?;
    let found = PATHS.get(index)?;
    let exact = match *path {
        [name] => found.record.is_empty() && found.name == name,
        [record, name] => found.record == record && found.name == name,
        _ => false,
    };
    exact.then_some(index)
}

impl Guard {
    /// `None` when it is for Cedar to say.
    fn holds(&self, facts: &Facts) -> Option<bool> {
        let value = (PATHS.get(self.fact)?.read)(facts);
        let result = match (&self.test, value) {
            (Test::Present, value) => value != Value::Absent,
            (Test::True, Value::Bool(value)) => value,
            (Test::IsBool(wanted), Value::Bool(value)) => *wanted == value,
            (Test::IsLong(wanted), Value::Long(value)) => *wanted == value,
            (Test::Below(bound), Value::Long(value)) => value < *bound,
            (Test::Above(bound), Value::Long(value)) => value > *bound,
            (Test::IsText(wanted), Value::Text(value)) => wanted == value,
            (Test::Contains(wanted), Value::Set(items)) => items.contains(wanted),
            _ => return None,
        };
        Some(result == self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::{Policy, pst};

    use super::*;

    fn guards(clauses: &str) -> Vec<Guard> {
        let text = format!("permit (principal, action, resource) {clauses};");
        let policy = Policy::parse(None, text).expect("it parses");
        match policy.to_pst().expect("it has a syntax tree") {
            pst::Policy::Static(policy) => of_policy(policy.body()),
            pst::Policy::Linked(_) => Vec::new(),
        }
    }

    #[test]
    fn plain_tests_at_the_front_become_guards() {
        let plain = "when { context.eap && !context.device.blocked && context.method == \"MAB\" \
                     && context.posture.binding != 3 && context.posture has age_s }
                     when { context.device.labels.contains(\"x\") }
                     unless { context.device.known }";
        assert_eq!(guards(plain).len(), 7);
    }

    #[test]
    fn guards_end_at_the_first_part_that_is_anything_else() {
        let overflow = "context.posture.binding + 1 > 2";
        assert_eq!(guards(&format!("when {{ {overflow} && context.eap }}")), []);
        assert_eq!(
            guards(&format!(
                "when {{ context.eap && {overflow} && context.eap }}"
            ))
            .len(),
            1
        );
        assert_eq!(guards("when { context.eap || context.device.known }"), []);
        assert_eq!(
            guards("unless { context.eap && context.device.known } when { true }"),
            []
        );
        assert_eq!(
            guards("when { context.device == context.device && context.eap }"),
            []
        );
        assert_eq!(guards("when { principal is User && context.eap }"), []);
    }

    #[test]
    fn what_cannot_be_judged_here_is_left_to_cedar() {
        let facts = Facts::default();
        // Reading an absent fact fails to evaluate, which is not the same as being false.
        let fails = guards("when { context.posture.age_s == 3 && context.eap }");
        assert!(!rule_out(&fails, &facts));
        assert!(rule_out(&guards("when { context.eap }"), &facts));
        assert!(!rule_out(&guards("when { !context.eap }"), &facts));
        assert!(rule_out(
            &guards("unless { context.method == \"\" }"),
            &facts
        ));
    }
}
