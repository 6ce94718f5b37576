//! Debian's Prometheus, scraping one server, asked through its HTTP API.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nac_test_support::directory::TestDirectory;
use nac_test_support::service::Service;
use nac_test_support::subject::free_ports;
use nac_test_support::{program, wait};
use serde_json::Value;

/// How long it may take to start and to scrape a few times.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Prometheus. Dropping it ends it.
pub(crate) struct Prometheus {
    address: SocketAddr,
    service: Service,
}

impl Prometheus {
    pub(crate) fn start(directory: &TestDirectory, target: &str, rules: &Path) -> Self {
        let [address] = free_ports();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [\"{}\"]\n\
             scrape_configs:\n  - job_name: nac\n    static_configs: [{{targets: [\"{target}\"]}}]\n",
            rules.display()
        );
        let config = directory.write("prometheus.yml", config);
        let mut command = Command::new(program::peer("prometheus", "prometheus"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let service = Service::start(&command, &directory.path().join("prometheus.log"), None);
        let started = Self { address, service };
        started
            .service
            .wait_ready(PATIENCE, || started.get("/-/ready").is_some());
        started
    }

    /// The samples of a query, which must be answered.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", encoded(query));
        let answer = self.json(&path);
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        match &answer["data"]["result"] {
            Value::Array(samples) => samples.clone(),
            other => vec![other.clone()],
        }
    }

    /// Waits until a query has a sample.
    pub(crate) fn wait_for(&self, query: &str) {
        let found = wait::until(PATIENCE, || !self.query(query).is_empty());
        assert!(found, "{query} has no sample:\n{}", self.service.log());
    }

    /// Every metric that was scraped.
    pub(crate) fn metric_names(&self) -> BTreeSet<String> {
        let answer = self.json("/api/v1/label/__name__/values");
        let names = answer["data"].as_array().cloned().unwrap_or_default();
        names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }

    /// Every metric that the server described, also one that has no sample there, such as the state of a source that is not configured.
    pub(crate) fn described_names(&self) -> BTreeSet<String> {
        let answer = self.json("/api/v1/metadata");
        let families = answer["data"].as_object().cloned().unwrap_or_default();
        families.into_iter().map(|(name, _)| name).collect()
    }

    /// The rules that could not be evaluated, and why.
    pub(crate) fn rule_faults(&self) -> Vec<String> {
        let evaluated = || {
            let answer = self.json("/api/v1/rules");
            let groups = answer["data"]["groups"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            groups
                .iter()
                .filter_map(|group| group["rules"].as_array().cloned())
                .flatten()
                .collect::<Vec<Value>>()
        };
        let done = wait::until(PATIENCE, || {
            let rules = evaluated();
            !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown")
        });
        assert!(done, "the rules are not evaluated");
        evaluated()
            .iter()
            .filter(|rule| rule["health"] != "ok")
            .map(|rule| format!("{}: {}", rule["name"], rule["lastError"]))
            .collect()
    }

    fn json(&self, path: &str) -> Value {
        let body = self.get(path).unwrap_or_default();
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// The body of an answer; nothing while nobody answers.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // Version 1.0: the answer ends with the connection and comes in one piece.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let ready = !head.contains(" 503 ");
        ready.then(|| body.to_owned())
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|octet| match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(octet).to_string()
            }
            _ => format!("%{octet:02X}"),
        })
        .collect()
}
