//! `nac policy test`: written cases, each some facts and what they should lead to.

use std::path::{Path, PathBuf};

use clap::Args;
use nac_policy::{Engine, Facts};
use nac_portal::input::policy::plan::outcome;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{known_segments, load, read};
use crate::cli::output::{count, print, print_json};
use crate::cli::why::policy_lines;
use crate::cli::{Answer, Context, Failure, Outcome};
use crate::config::{Fault, Source, suggestion};

const EXAMPLES: &str = "\
Examples:
  nac policy test new.cedar                       with the cases in new.test.toml
  nac policy test new.cedar cases.toml --segment staff --segment printers     without a database, such as in CI
  nac policy test --current cases.toml            the policy in force

  # new.test.toml
  [facts]                                         # what every case begins with
  nas = { site = \"hq\", port_type = \"ethernet\" }

  [[case]]
  name = \"a printer on a cable\"
  facts = { method = \"MAB\", identity = { kind = \"mac\" }, device = { known = true, labels = [\"printer\"] } }
  expect = \"printers\"                             # a segment, or \"refused\"

Exit status 0: every case holds. 1: one does not.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct TestArguments {
    /// The file with the policy
    #[arg(required_unless_present = "current")]
    file: Option<PathBuf>,
    /// The file with the cases; new.test.toml for new.cedar
    cases: Option<PathBuf>,
    /// Test the policy in force
    #[arg(long)]
    current: bool,
    /// A segment that exists, instead of those in the database; may be given several times
    #[arg(long = "segment", value_name = "NAME", conflicts_with = "current")]
    segments: Vec<String>,
}

/// The file with the cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// What every case begins with.
    #[serde(default)]
    facts: toml::Table,
    #[serde(default, rename = "case")]
    cases: Vec<toml::Spanned<Case>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// A segment, or `refused`.
    expect: String,
    /// The policy that should decide.
    policy: Option<String>,
    #[serde(default)]
    facts: toml::Table,
}

/// A case that can be decided.
#[derive(Debug)]
struct Ready {
    name: String,
    expect: String,
    policy: Option<String>,
    facts: Facts,
}

/// What came of a case.
#[derive(Debug, Serialize)]
struct Tested {
    name: String,
    ok: bool,
    expected: String,
    expected_policy: Option<String>,
    got: String,
    policy: Option<String>,
    #[serde(skip)]
    facts: Facts,
}

pub(super) async fn run(context: &Context, arguments: TestArguments) -> Outcome {
    let TestArguments {
        file,
        cases,
        current,
        segments,
    } = arguments;
    let (engine, cases) = if current {
        let (cases, None) = (file, cases) else {
            return Err(
                Failure::usage("--current takes the place of the policy's file")
                    .fix("name the cases only: nac policy test --current CASES"),
            );
        };
        let Some(cases) = cases else {
            return Err(Failure::usage("there is nothing to test with")
                .fix("name the file with the cases: nac policy test --current CASES"));
        };
        (in_force(context).await?, cases)
    } else {
        let file = file.unwrap_or_default();
        let text = read(&file)?;
        let (segments, _) = known_segments(context, segments).await?;
        let cases = cases.unwrap_or_else(|| beside(&file));
        (load(&file, &text, &segments)?, cases)
    };
    let tested = test(&engine, &cases)?;
    let failed = tested.iter().filter(|case| !case.ok).count();
    if context.json() {
        print_json(&serde_json::json!({ "ok": failed == 0, "cases": tested }))?;
    } else {
        let lines: String = tested.iter().map(|case| tell(&engine, case)).collect();
        let verdict = match failed {
            0 if tested.len() == 1 => "the one case holds".to_owned(),
            0 => format!("all {} hold", count(tested.len(), "case")),
            _ => format!("{failed} of {} fail", count(tested.len(), "case")),
        };
        print(&format!("{lines}{verdict}\n"))?;
    }
    Ok(if failed == 0 { Answer::Yes } else { Answer::No })
}

/// Refuses to go on with a policy whose cases, where there are any beside its file, do not all hold.
pub(super) fn refuse_when_one_fails(engine: &Engine, file: &Path) -> Result<(), Failure> {
    let cases = beside(file);
    if !cases.is_file() {
        return Ok(());
    }
    let tested = test(engine, &cases)?;
    let failed: Vec<&Tested> = tested.iter().filter(|case| !case.ok).collect();
    let Some(first) = failed.first() else {
        return Ok(());
    };
    Err(Failure::no(format!(
        "{} of {} fail, the first is \"{}\": expected {}, got {}",
        failed.len(),
        count(tested.len(), "test case"),
        first.name,
        first.expected,
        first.got
    ))
    .place(cases.display().to_string())
    .fix(format!(
        "see why with: nac policy test {}; nothing was applied",
        file.display()
    )))
}

/// `new.test.toml` for `new.cedar`.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("test.toml")
}

async fn in_force(context: &Context) -> Result<Engine, Failure> {
    let (segments, store) = known_segments(context, Vec::new()).await?;
    let current = match store {
        Some(store) => store.policy_current().await?,
        None => None,
    };
    let current = current.ok_or_else(|| {
        Failure::no("no policy was ever applied").fix("apply one with: nac policy apply FILE")
    })?;
    let name = PathBuf::from(format!("version {}", current.version));
    load(&name, &current.text, &segments)
}

fn test(engine: &Engine, cases: &Path) -> Result<Vec<Tested>, Failure> {
    let ready = read_cases(cases)?;
    let decided = ready.into_iter().map(|case| {
        let decision = engine.decide_afresh(&case.facts);
        let got = outcome(decision.outcome.segment()).to_owned();
        let by_the_right_one = case.policy.is_none() || case.policy == decision.policy;
        Tested {
            ok: got == case.expect && by_the_right_one,
            name: case.name,
            expected: case.expect,
            expected_policy: case.policy,
            got,
            policy: decision.policy,
            facts: case.facts,
        }
    });
    Ok(decided.collect())
}

fn tell(engine: &Engine, case: &Tested) -> String {
    let by = |policy: &Option<String>| {
        policy
            .as_deref()
            .map_or_else(String::new, |policy| format!(" by {policy}"))
    };
    let got = format!("{}{}", case.got, by(&case.policy));
    if case.ok {
        return format!("✔ {} → {got}\n", case.name);
    }
    let mut text = format!(
        "✘ {} → {got}; expected {}{}\n",
        case.name,
        case.expected,
        by(&case.expected_policy)
    );
    for policy in engine.explain(&case.facts) {
        let wanted = policy.segment.as_deref() == Some(case.expected.as_str())
            || Some(&policy.policy) == case.expected_policy.as_ref()
            || policy.matched;
        if wanted {
            for line in policy_lines(&policy, case.policy.as_deref()).lines() {
                text += &format!("    {line}\n");
            }
        }
    }
    text
}

fn read_cases(file: &Path) -> Result<Vec<Ready>, Failure> {
    let text = read(file)?;
    let mut source = Source::new(file, &text);
    let document: Document = match toml::from_str(&text) {
        Ok(document) => document,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let help = "see nac policy test --help for an example";
            source.faults.push(Fault::at(span, error.message(), help));
            return Err(faulty(source));
        }
    };
    let mut ready = Vec::new();
    for case in document.cases {
        let span = case.span();
        match case.into_inner().ready(&document.facts) {
            Ok(case) => ready.push(case),
            Err((message, help)) => source.faults.push(Fault::at(span, message, help)),
        }
    }
    if !source.faults.is_empty() {
        return Err(faulty(source));
    }
    if ready.is_empty() {
        return Err(Failure::cannot("there is no case to test")
            .place(file.display().to_string())
            .fix("write one that begins with [[case]]; see nac policy test --help"));
    }
    Ok(ready)
}

fn faulty(source: Source) -> Failure {
    let errors = source.into_errors();
    Failure::cannot("the test cases cannot be used")
        .place(errors.file().display().to_string())
        .faults(&errors)
}

impl Case {
    /// With the facts that every case begins with; else what is wrong, and what to do.
    fn ready(self, shared: &toml::Table) -> Result<Ready, (String, String)> {
        let mut facts = shared.clone();
        merge(&mut facts, self.facts);
        let wrong = |why: String| (format!("case \"{}\": {why}", self.name), String::new());
        let facts = serde_json::to_value(facts).map_err(|error| wrong(error.to_string()))?;
        // Facts are plain data, so they have a JSON form.
        let known = serde_json::to_value(Facts::default()).unwrap_or_default();
        if let Some((path, near)) = unknown(&facts, &known, "") {
            let help = near.map_or_else(
                || "the facts are in docs/policies.md, without `context.`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err((
                format!("case \"{}\": there is no fact `{path}`", self.name),
                help,
            ));
        }
        let facts = serde_json::from_value(facts).map_err(|error| wrong(error.to_string()))?;
        Ok(Ready {
            name: self.name,
            expect: self.expect,
            policy: self.policy,
            facts,
        })
    }
}

/// Puts one table over another; tables in both become one.
fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The first key that no fact has, and the one that is probably meant.
fn unknown<'k>(facts: &Value, known: &'k Value, within: &str) -> Option<(String, Option<&'k str>)> {
    let (Some(facts), Some(known)) = (facts.as_object(), known.as_object()) else {
        return None;
    };
    facts.iter().find_map(|(key, value)| match known.get(key) {
        Some(known) => unknown(value, known, &format!("{within}{key}.")),
        None => {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            Some((format!("{within}{key}"), suggestion(key, &names)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_in_the_help_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new.test.toml");
        let example = EXAMPLES
            .lines()
            .skip_while(|line| !line.contains("# new.test.toml"))
            .take_while(|line| !line.starts_with("Exit"))
            .collect::<Vec<_>>()
            .join("\n");
        std::fs::write(&file, example).expect("written");
        let policy = "@id(\"printers\") @segment(\"printers\") permit (principal is Mac, action, resource in Site::\"hq\") \
                      when { context.device.labels.contains(\"printer\") && context.nas.port_type == \"ethernet\" };";
        let engine = Engine::load(policy, &["printers".to_owned()]).expect("a good policy");
        let tested = test(&engine, &file).expect("tested");
        assert_eq!(tested.len(), 1);
        assert!(tested.iter().all(|case| case.ok), "{tested:?}");
        assert_eq!(beside(&folder.path().join("new.cedar")), file);
    }

    #[test]
    fn a_case_begins_with_the_shared_facts_and_may_say_otherwise() {
        let shared = "method = \"PAP\"\nnas = { site = \"hq\", ssid = \"corp\" }";
        let case: Case = toml::from_str(
            "name = \"n\"\nexpect = \"refused\"\nfacts = { nas = { ssid = \"guest\" } }",
        )
        .expect("a case");
        let shared: toml::Table = shared.parse().expect("TOML");
        let ready = case.ready(&shared).expect("good facts");
        assert_eq!(ready.facts.method, "PAP");
        assert_eq!(ready.facts.nas.site, "hq");
        assert_eq!(ready.facts.nas.ssid, "guest");
        assert_eq!(ready.expect, "refused");
    }
}
