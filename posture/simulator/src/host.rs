//! The daemon: enrol, fetch the configuration, poll for queries, run them, write, log.

mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::database::{HostDatabase, Row, SqlFault};
use crate::settings::HostSettings;
use crate::transport::{Fault, Transport};

/// osquery tries configuration, distributed reads and writes this often.
const ATTEMPTS: u32 = 3;

/// What one poll did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollReport {
    /// Queries the server asked for.
    pub asked: usize,
    /// Queries left out because their discovery query gave no row.
    pub skipped: usize,
    /// Queries that ran, whatever their status.
    pub ran: usize,
    /// Queries among them whose status is not zero.
    pub failed: usize,
    /// Whether discovery SQL was bad, so that nothing ran.
    pub aborted: bool,
    /// Whether results reached the server (an empty run writes nothing).
    pub written: bool,
    /// The `accelerate` value, when it was an integer.
    pub accelerate_s: Option<u64>,
}

/// One simulated host.
pub struct OsqueryHost {
    settings: HostSettings,
    transport: Transport,
    database: HostDatabase,
    state: Mutex<State>,
    /// Enrolment is one at a time, as in osquery.
    enrolment: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    node_key: Option<String>,
    /// Survives a restart in osquery's RocksDB; run in the order of names.
    pending: BTreeMap<String, String>,
    unsent: BTreeMap<String, Outcome>,
    /// SHA-256 of SQL texts that crashed the worker.
    denylist: BTreeSet<String>,
    accelerated_until: Option<Instant>,
    enrolments: u64,
}

struct Outcome {
    rows: Vec<Row>,
    status: i32,
    message: String,
}

impl OsqueryHost {
    /// Makes the host and its tables; nothing is sent yet.
    ///
    /// # Errors
    /// Fixtures that do not fit the tables, or unusable certificates.
    pub fn new(settings: HostSettings) -> Result<Self, Fault> {
        Ok(Self {
            transport: Transport::new(&settings)?,
            database: HostDatabase::new(&settings.platform, &settings.all_fixtures())?,
            state: Mutex::new(State::default()),
            enrolment: tokio::sync::Mutex::new(()),
            settings,
        })
    }

    /// What the host was made from.
    pub fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// The host's tables.
    pub fn database(&self) -> &HostDatabase {
        &self.database
    }

    /// Changes the host, for example `UPDATE disk_encryption SET encrypted = 0`.
    ///
    /// # Errors
    /// SQLite's words.
    pub fn sql(&self, statement: &str) -> Result<(), SqlFault> {
        self.database.execute(statement)
    }

    /// The node key, once enrolled.
    pub fn node_key(&self) -> Option<String> {
        self.lock().node_key.clone()
    }

    /// Sets or clears the node key, as a restored or wiped RocksDB would.
    pub fn set_node_key(&self, key: Option<String>) {
        self.lock().node_key = key;
    }

    /// How often the host has enrolled.
    pub fn enrolments(&self) -> u64 {
        self.lock().enrolments
    }

    /// From now on this SQL text counts as having crashed the worker (osquery's denylist is keyed
    /// by the SHA-256 of the text).
    pub fn denylist(&self, sql: &str) {
        let digest = sha256_hex(sql);
        self.lock().denylist.insert(digest);
    }

    /// The first polling interval that applies now.
    pub fn current_interval(&self) -> Duration {
        match self.lock().accelerated_until {
            Some(until) if until > Instant::now() => self.settings.accelerated_interval,
            _ => self.settings.interval,
        }
    }

    /// Enrols, with osquery's n² pauses, and keeps the node key.
    ///
    /// # Errors
    /// The last attempt's reason.
    pub async fn enroll(&self) -> Result<String, Fault> {
        let _one_at_a_time = self.enrolment.lock().await;
        if let Some(key) = self.node_key() {
            return Ok(key);
        }
        let body = self.enroll_request();
        let mut attempt = 1_u32;
        loop {
            let outcome = match self.transport.post("enroll", &body, None, false).await {
                // `error` and `node_invalid` are not looked at here; `id` is an alias.
                Ok(answer) => answer
                    .get("node_key")
                    .or_else(|| answer.get("id"))
                    .and_then(Value::as_str)
                    .filter(|key| !key.is_empty())
                    .map(str::to_owned)
                    .ok_or(Fault::NotEnrolled),
                Err(fault) => Err(fault),
            };
            match outcome {
                Ok(key) => {
                    let mut state = self.lock();
                    state.node_key = Some(key.clone());
                    state.enrolments += 1;
                    return Ok(key);
                }
                Err(fault) if attempt == self.settings.enroll_attempts => return Err(fault),
                Err(_) => tokio::time::sleep(self.pause(attempt)).await,
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// Fetches the configuration.
    ///
    /// # Errors
    /// The last attempt's reason.
    pub async fn config(&self) -> Result<Map<String, Value>, Fault> {
        self.call("config", Map::new(), ATTEMPTS, false).await
    }

    /// Sends log lines of `log_type` (`result` or `status`).
    ///
    /// # Errors
    /// The reason; osquery keeps the lines and tries again later.
    pub async fn log(&self, log_type: &str, lines: Vec<Value>) -> Result<(), Fault> {
        let mut body = Map::new();
        body.insert("log_type".to_owned(), json!(log_type));
        body.insert("data".to_owned(), Value::Array(lines));
        self.call("log", body, 1, self.settings.compress_logs)
            .await
            .map(drop)
    }

    /// One round of the distributed plug-in: read, run, write.
    ///
    /// # Errors
    /// The last attempt's reason; unsent results are kept and go with the next write.
    pub async fn poll_once(&self) -> Result<PollReport, Fault> {
        let mut report = self.read().await?;
        self.run_pending(&mut report);
        self.write(&mut report).await?;
        Ok(report)
    }

    /// Reads queries and stores them without running them.
    ///
    /// # Errors
    /// The last attempt's reason.
    pub async fn read(&self) -> Result<PollReport, Fault> {
        let answer = self
            .call("distributed/read", Map::new(), ATTEMPTS, false)
            .await?;
        let mut report = PollReport::default();
        self.accept_work(&answer, &mut report);
        Ok(report)
    }

    /// Runs what is pending, in the order of names.
    pub fn run_pending(&self, report: &mut PollReport) {
        let pending = std::mem::take(&mut self.lock().pending);
        for (name, sql) in pending {
            let denied = self.lock().denylist.contains(&sha256_hex(&sql));
            let outcome = if denied {
                let message = "distributed query is denylisted".to_owned();
                Outcome {
                    rows: Vec::new(),
                    status: 1,
                    message,
                }
            } else {
                match self.database.query(&sql) {
                    Ok(rows) => Outcome {
                        rows,
                        status: 0,
                        message: String::new(),
                    },
                    Err(fault) => Outcome {
                        rows: Vec::new(),
                        status: fault.status,
                        message: fault.message,
                    },
                }
            };
            report.ran += 1;
            report.failed += usize::from(outcome.status != 0);
            self.lock().unsent.insert(name, outcome);
        }
    }

    /// Sends what has run; nothing is sent when nothing has run.
    ///
    /// # Errors
    /// The last attempt's reason; the results are kept.
    pub async fn write(&self, report: &mut PollReport) -> Result<(), Fault> {
        let Some(body) = self.write_request() else {
            return Ok(());
        };
        self.call("distributed/write", body, ATTEMPTS, false)
            .await?;
        self.lock().unsent.clear();
        report.written = true;
        Ok(())
    }

    /// Lives until cancelled: configuration once a minute, polls at the interval the server steers.
    pub async fn run(&self, cancel: CancellationToken) {
        let mut next_config = Instant::now();
        while !cancel.is_cancelled() {
            let round = async {
                if Instant::now() >= next_config && self.config().await.is_ok() {
                    next_config = Instant::now() + Duration::from_secs(60);
                }
                // A failed poll is repeated at the next interval, as osquery does.
                let _ = self.poll_once().await;
                tokio::time::sleep(self.current_interval()).await;
            };
            tokio::select! {
                () = round => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    /// One endpoint with node key, retries and re-enrolment.
    async fn call(
        &self,
        endpoint: &str,
        mut body: Map<String, Value>,
        attempts: u32,
        gzip: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let mut attempt = 1_u32;
        loop {
            let outcome = self.attempt(endpoint, &mut body, gzip).await;
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(fault) if attempt >= attempts => return Err(fault),
                Err(_) => tokio::time::sleep(self.pause(attempt)).await,
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        endpoint: &str,
        body: &mut Map<String, Value>,
        gzip: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let key = match self.node_key() {
            Some(key) => key,
            None => self.enroll().await?,
        };
        body.insert("node_key".to_owned(), json!(key));
        let whole = Value::Object(body.clone());
        let answer = self
            .transport
            .post(endpoint, &whole, Some(&key), gzip)
            .await?;
        if answer.get("node_invalid").and_then(Value::as_bool) == Some(true) {
            self.lock().node_key = None;
            return Err(Fault::NodeInvalid);
        }
        if let Some(error) = answer.get("error") {
            let words = error
                .as_str()
                .map_or_else(|| error.to_string(), str::to_owned);
            return Err(Fault::Refused(words));
        }
        Ok(answer)
    }

    /// Discovery first; any fault there drops the whole answer silently.
    fn accept_work(&self, answer: &Map<String, Value>, report: &mut PollReport) {
        let empty = Map::new();
        let discovery = answer
            .get("discovery")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let queries = answer
            .get("queries")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        report.asked = queries.len();
        let mut wanted = BTreeSet::new();
        for (name, sql) in discovery {
            let found = sql
                .as_str()
                .filter(|sql| !sql.is_empty())
                .and_then(|sql| self.database.query(sql).ok());
            match found {
                Some(rows) if !rows.is_empty() => {
                    wanted.insert(name.as_str());
                }
                Some(_) => report.skipped += 1,
                None => {
                    report.aborted = true;
                    return;
                }
            }
        }
        for (name, sql) in queries {
            let Some(sql) = sql
                .as_str()
                .filter(|sql| !sql.is_empty() && !name.is_empty())
            else {
                report.aborted = true;
                return;
            };
            if !discovery.contains_key(name) || wanted.contains(name.as_str()) {
                self.lock().pending.insert(name.clone(), sql.to_owned());
            }
        }
        if let Some(seconds) = answer.get("accelerate").and_then(Value::as_u64) {
            report.accelerate_s = Some(seconds);
            let until = Instant::now().checked_add(Duration::from_secs(seconds));
            self.lock().accelerated_until = until;
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        self.settings
            .pause_unit
            .saturating_mul(attempt.saturating_mul(attempt).min(600))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for OsqueryHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OsqueryHost")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn sha256_hex(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_bytes(),
    ))
}
