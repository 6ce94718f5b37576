//! How the demo tells its story: a line per step, for people or as JSON.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// What one step found out.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// For people.
    pub(super) sentence: String,
    /// For scripts, beside `step`, `ok` and `ms`.
    pub(super) facts: Map<String, Value>,
}

impl Told {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            facts: Map::new(),
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// The report so far.
pub(super) struct Report {
    json: bool,
    failed: bool,
    began: Instant,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            failed: false,
            began: Instant::now(),
        }
    }

    /// Runs a step and tells how it went and how long it took. Later steps run even when one fails.
    pub(super) async fn step<F>(&mut self, name: &str, work: F) -> bool
    where
        F: Future<Output = Result<Told, String>>,
    {
        let began = Instant::now();
        let result = work.await;
        let took = began.elapsed();
        let ok = result.is_ok();
        self.failed |= !ok;
        if self.json {
            let mut line = Map::new();
            line.insert("step".into(), name.into());
            line.insert("ok".into(), ok.into());
            line.insert("ms".into(), json!(millis(took)));
            match result {
                Ok(told) => {
                    line.insert("said".into(), told.sentence.into());
                    line.extend(told.facts);
                }
                Err(error) => {
                    line.insert("error".into(), error.into());
                }
            }
            say(&Value::Object(line).to_string());
        } else {
            let (mark, text) = match result {
                Ok(told) => ("✔", told.sentence),
                Err(error) => ("✘", format!("FAILED: {error}")),
            };
            say(&format!(
                "{mark} {:>9}  {text}",
                format!("{:.1} ms", millis(took))
            ));
        }
        ok
    }

    /// A line for people only.
    pub(super) fn remark(&self, text: &str) {
        if !self.json {
            say(text);
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A reader that has gone away is no failure of the demo.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
