//! The verdict: one word about a device, from the results of its checks. Pure.
//!
//! The rule, first match wins. Only *gating* checks count, those of severity critical or high that
//! apply to the device's platform; the others can only give advice.
//!
//! 1. **unknown**: no gating check applies, or none was ever answered.
//! 2. **stale**: answers exist, and even the newest of them is older than `max_age`.
//! 3. **failing**: at least one gating check failed, and its answer is not older than `max_age`.
//!    One fail counts at once: the gate asks again without delay, and one pass releases.
//! 4. **unknown**: a gating check has no pass that is not older than `max_age`. It does not matter
//!    why: never answered, SQL error, denylisted, skipped because the host lacks a table.
//! 5. **compliant**: every gating check passed within `max_age`.
//!
//! An exception ([`Excuse`]) takes one check out of this while it lasts: a fail of it counts neither as a fail nor as a
//! missing pass. No answer, or an old one, stays what it is, unless the exception says that it covers that too.
//!
//! So unknown is never a pass, and no data is never a fail. The grace for a check that errs now and
//! then lies in the results: an unknown answer does not erase a known one, which keeps counting
//! until it is older than `max_age` ([`merge`]).

use std::time::Duration;

use nac_policy::Verdict;
use nac_store::{CheckOutcome, CheckResult};

use uuid::Uuid;

use crate::check::CheckSet;

/// A permission to break one check, as far as the verdict is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excuse {
    /// The exception that gives it.
    pub exception: Uuid,
    /// The check, by name.
    pub check: String,
    /// Until when, microseconds since the epoch.
    pub until_us: i64,
    /// Whether the check may also have no answer, or an old one.
    pub covers_unknown: bool,
}

/// What the results say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The word.
    pub verdict: Verdict,
    /// Gating checks that fail, by name, sorted.
    pub failing: Vec<String>,
    /// Other checks that fail, by name, sorted. They change nothing.
    pub advisory: Vec<String>,
    /// Gating checks without a usable answer, by name, sorted.
    pub unanswered: Vec<String>,
    /// Checks that would count here and do not, because of an exception; by name, sorted.
    pub excepted: Vec<String>,
    /// When the newest answer came, microseconds since the epoch.
    pub newest_us: Option<i64>,
    /// When this judgement can next change by time alone.
    pub expires_us: Option<i64>,
}

/// Judges a host of `platform` by its results, as of `now_us`.
pub fn verdict(
    checks: &CheckSet,
    platform: &str,
    results: &[CheckResult],
    excuses: &[Excuse],
    now_us: i64,
    max_age: Duration,
) -> Judgement {
    let max_age_us = i64::try_from(max_age.as_micros()).unwrap_or(i64::MAX);
    let fresh_until = |result: &CheckResult| result.checked_us.saturating_add(max_age_us);
    let mut judgement = Judgement {
        verdict: Verdict::Unknown,
        failing: Vec::new(),
        advisory: Vec::new(),
        unanswered: Vec::new(),
        excepted: Vec::new(),
        newest_us: None,
        expires_us: None,
    };
    let (mut gating, mut newest_gating) = (0_usize, None);
    for check in checks.for_platform(platform) {
        let gates = check.severity.gates();
        gating += usize::from(gates);
        let excuse = excuses
            .iter()
            .find(|excuse| excuse.check == check.name && now_us < excuse.until_us);
        if let Some(excuse) = excuse {
            judgement.sooner(excuse.until_us);
        }
        let covers_unknown = excuse.is_some_and(|excuse| excuse.covers_unknown);
        let answer = results
            .iter()
            .find(|result| result.check == check.name && result.outcome != CheckOutcome::Unknown);
        let Some(answer) = answer else {
            match (gates, covers_unknown) {
                (true, true) => judgement.excepted.push(check.name.clone()),
                (true, false) => judgement.unanswered.push(check.name.clone()),
                (false, _) => {}
            }
            continue;
        };
        judgement.newest_us = judgement.newest_us.max(Some(answer.checked_us));
        let fresh = now_us <= fresh_until(answer);
        if gates {
            newest_gating = newest_gating.max(Some(fresh_until(answer)));
        }
        match (fresh, answer.outcome, gates) {
            (true, CheckOutcome::Fail, _) if excuse.is_some() => {
                judgement.excepted.push(check.name.clone());
            }
            (false, _, true) if covers_unknown => judgement.excepted.push(check.name.clone()),
            (true, CheckOutcome::Fail, true) => judgement.failing.push(check.name.clone()),
            (true, CheckOutcome::Fail, false) => judgement.advisory.push(check.name.clone()),
            (false, _, true) => judgement.unanswered.push(check.name.clone()),
            _ => {}
        }
        if fresh && gates {
            judgement.sooner(fresh_until(answer));
        }
    }
    judgement.verdict = match newest_gating {
        _ if gating == 0 => Verdict::Unknown,
        None => Verdict::Unknown,
        Some(until) if now_us > until => Verdict::Stale,
        Some(_) if !judgement.failing.is_empty() => Verdict::Failing,
        Some(_) if !judgement.unanswered.is_empty() => Verdict::Unknown,
        Some(_) => Verdict::Compliant,
    };
    if judgement.verdict == Verdict::Stale {
        judgement.failing.clear();
    }
    judgement
}

impl Judgement {
    /// It can change by time alone at this moment too.
    fn sooner(&mut self, until_us: i64) {
        let sooner = self.expires_us.is_none_or(|earlier| until_us < earlier);
        if sooner {
            self.expires_us = Some(until_us);
        }
    }
}

/// What a new answer makes of the result of a check. An unknown answer within the grace keeps the
/// old outcome and its time, and only tells its message.
pub fn merge(old: Option<&CheckResult>, new: CheckResult, max_age: Duration) -> CheckResult {
    let max_age_us = i64::try_from(max_age.as_micros()).unwrap_or(i64::MAX);
    let Some(old) = old else { return new };
    if new.outcome == CheckOutcome::Unknown
        && old.outcome != CheckOutcome::Unknown
        && new.checked_us <= old.checked_us.saturating_add(max_age_us)
    {
        return CheckResult {
            message: new.message,
            ..old.clone()
        };
    }
    let changed_us = if old.outcome == new.outcome {
        old.changed_us
    } else {
        new.checked_us
    };
    CheckResult { changed_us, ..new }
}

#[cfg(test)]
mod tests {
    use nac_store::CheckOutcome::{Fail, Pass, Unknown};
    use uuid::Uuid;

    use super::*;
    use crate::check::Check;

    const SECOND: i64 = 1_000_000;
    const MAX_AGE: Duration = Duration::from_secs(900);

    fn checks() -> CheckSet {
        let mut set = CheckSet::default();
        for (name, severity) in [("a", "critical"), ("b", "high"), ("c", "medium")] {
            let text = format!(
                "name = \"{name}\"\ntitle = \"t\"\nplatforms = [\"linux\"]\n\
                 severity = \"{severity}\"\ntables = [\"uptime\"]\nquery = \"SELECT 1\"\n\
                 resolution = \"r\"\n[fixtures]\npass = []\nfail = []\n"
            );
            let one = CheckSet::single(Check::parse(name, &text).expect("a check"));
            set = set.overlaid_with(one);
        }
        set
    }

    fn result(check: &str, outcome: CheckOutcome, at_s: i64) -> CheckResult {
        let at = at_s * SECOND;
        CheckResult {
            node_id: Uuid::nil(),
            check: check.to_owned(),
            outcome,
            message: String::new(),
            checked_us: at,
            changed_us: at,
        }
    }

    fn judge(platform: &str, results: &[(&str, CheckOutcome, i64)], now_s: i64) -> Judgement {
        let results: Vec<_> = results.iter().map(|(c, o, t)| result(c, *o, *t)).collect();
        verdict(&checks(), platform, &results, &[], now_s * SECOND, MAX_AGE)
    }

    #[test]
    fn the_rule_as_a_table() {
        use Verdict as V;
        type Row<'a> = (&'a str, &'a str, &'a [(&'a str, CheckOutcome, i64)], V);
        let table: &[Row<'_>] = &[
            ("no data is unknown", "linux", &[], V::Unknown),
            (
                "only unknown answers are unknown",
                "linux",
                &[("a", Unknown, 1000)],
                V::Unknown,
            ),
            (
                "advice alone is not posture",
                "linux",
                &[("c", Pass, 1000)],
                V::Unknown,
            ),
            (
                "a platform without checks is unknown",
                "amiga",
                &[("a", Pass, 1000)],
                V::Unknown,
            ),
            (
                "half an answer is unknown",
                "linux",
                &[("a", Pass, 1000)],
                V::Unknown,
            ),
            (
                "all passed",
                "linux",
                &[("a", Pass, 1000), ("b", Pass, 990)],
                V::Compliant,
            ),
            (
                "one unknown spoils the pass",
                "linux",
                &[("a", Pass, 1000), ("b", Unknown, 1000)],
                V::Unknown,
            ),
            (
                "one fail counts at once",
                "linux",
                &[("a", Fail, 1000)],
                V::Failing,
            ),
            (
                "a fail outweighs an unknown",
                "linux",
                &[("a", Unknown, 1000), ("b", Fail, 1000)],
                V::Failing,
            ),
            (
                "medium only advises",
                "linux",
                &[("a", Pass, 1000), ("b", Pass, 1000), ("c", Fail, 1000)],
                V::Compliant,
            ),
            (
                "all too old is stale",
                "linux",
                &[("a", Pass, 99), ("b", Pass, 98)],
                V::Stale,
            ),
            (
                "an old fail is stale, not failing",
                "linux",
                &[("a", Fail, 99)],
                V::Stale,
            ),
            (
                "one too old is unknown",
                "linux",
                &[("a", Pass, 99), ("b", Pass, 1000)],
                V::Unknown,
            ),
            (
                "an old fail beside a fresh pass is unknown",
                "linux",
                &[("a", Fail, 99), ("b", Pass, 1000)],
                V::Unknown,
            ),
        ];
        for (story, platform, results, expected) in table {
            assert_eq!(judge(platform, results, 1000).verdict, *expected, "{story}");
        }
    }

    #[test]
    fn advice_is_listed_apart_from_what_fails() {
        let judged = judge("linux", &[("a", Fail, 1000), ("c", Fail, 1000)], 1000);
        assert_eq!(judged.failing, ["a"]);
        assert_eq!(judged.advisory, ["c"]);
        assert_eq!(judged.unanswered, ["b"]);
    }

    #[test]
    fn an_exception_takes_one_check_out_while_it_lasts() {
        let excuse = |covers_unknown| Excuse {
            exception: Uuid::nil(),
            check: "a".to_owned(),
            until_us: 1100 * SECOND,
            covers_unknown,
        };
        let judge = |results: &[(&str, CheckOutcome, i64)], covers_unknown, now_s: i64| {
            let results: Vec<_> = results.iter().map(|(c, o, t)| result(c, *o, *t)).collect();
            let excuses = [excuse(covers_unknown)];
            verdict(
                &checks(),
                "linux",
                &results,
                &excuses,
                now_s * SECOND,
                MAX_AGE,
            )
        };
        let excused = judge(&[("a", Fail, 1000), ("b", Pass, 1000)], false, 1000);
        assert_eq!(excused.verdict, Verdict::Compliant);
        assert_eq!(
            (excused.failing, excused.excepted),
            (vec![], vec!["a".to_owned()])
        );
        assert_eq!(excused.expires_us, Some(1100 * SECOND), "it ends by itself");
        let over = judge(&[("a", Fail, 1000), ("b", Pass, 1000)], false, 1100);
        assert_eq!((over.verdict, over.excepted), (Verdict::Failing, vec![]));
        let other = judge(&[("a", Fail, 1000), ("b", Fail, 1000)], false, 1000);
        assert_eq!(
            (other.verdict, other.failing),
            (Verdict::Failing, vec!["b".to_owned()])
        );
        let passes = judge(&[("a", Pass, 1000), ("b", Pass, 1000)], false, 1000);
        assert_eq!(
            (passes.verdict, passes.excepted),
            (Verdict::Compliant, vec![])
        );
        // No answer is no permission to have none, unless that was said.
        let silent = judge(&[("b", Pass, 1000)], false, 1000);
        assert_eq!(silent.verdict, Verdict::Unknown);
        let silent = judge(&[("b", Pass, 1000)], true, 1000);
        assert_eq!(
            (silent.verdict, silent.excepted),
            (Verdict::Compliant, vec!["a".to_owned()])
        );
        let old = judge(&[("a", Fail, 99), ("b", Pass, 1000)], false, 1000);
        assert_eq!(old.verdict, Verdict::Unknown);
        let gone = judge(&[("a", Fail, 99), ("b", Pass, 98)], true, 1000);
        assert_eq!(
            gone.verdict,
            Verdict::Stale,
            "the agent is silent altogether"
        );
    }

    #[test]
    fn a_judgement_knows_when_time_alone_will_change_it() {
        let judged = judge("linux", &[("a", Pass, 1000), ("b", Pass, 990)], 1000);
        assert_eq!(judged.expires_us, Some((990 + 900) * SECOND));
        assert_eq!(judged.newest_us, Some(1000 * SECOND));
    }

    #[test]
    fn an_unknown_answer_keeps_the_last_known_one_for_the_grace() {
        let old = result("a", Pass, 1000);
        let mut new = result("a", Unknown, 1500);
        new.message = "distributed query is denylisted".to_owned();
        let kept = merge(Some(&old), new, MAX_AGE);
        assert_eq!((kept.outcome, kept.checked_us), (Pass, 1000 * SECOND));
        assert_eq!(kept.message, "distributed query is denylisted");
        let late = merge(Some(&kept), result("a", Unknown, 2000), MAX_AGE);
        assert_eq!((late.outcome, late.changed_us), (Unknown, 2000 * SECOND));
    }

    #[test]
    fn an_unchanged_outcome_keeps_the_time_of_its_change() {
        let merged = merge(Some(&result("a", Pass, 10)), result("a", Pass, 20), MAX_AGE);
        assert_eq!(
            (merged.checked_us, merged.changed_us),
            (20 * SECOND, 10 * SECOND)
        );
        let flipped = merge(Some(&merged), result("a", Fail, 30), MAX_AGE);
        assert_eq!(flipped.changed_us, 30 * SECOND);
    }
}
