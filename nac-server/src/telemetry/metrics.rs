//! Metrics in Prometheus's text format.

use std::time::{Duration, Instant};

use nac_store::{DecisionOutcome, Enforcement, EnforcementState};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The labels of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DecisionLabels {
    outcome: &'static str,
    method: &'static str,
}

/// The labels of an enforcement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EnforcementLabels {
    /// `proven`, `superseded` or `failed`.
    pub result: &'static str,
}

/// Every counter of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    answer_seconds: Histogram,
    enforcements: Family<EnforcementLabels, Counter>,
    enforcement_seconds: Histogram,
    /// Requests answered from the duplicate cache or ignored as in flight.
    pub duplicates: Counter,
    /// Packets from addresses that are no client.
    pub unknown_nas: Counter,
    /// Packets that break the rules.
    pub malformed: Counter,
    /// Accounting records committed and answered.
    pub accounting: Counter,
    /// Live sessions.
    pub sessions: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("nac");
        let metrics = Self {
            decisions: Family::default(),
            answer_seconds: Histogram::new(exponential_buckets(0.000_05, 2.0, 16)),
            enforcements: Family::default(),
            enforcement_seconds: Histogram::new(exponential_buckets(0.01, 2.0, 14)),
            duplicates: Counter::default(),
            unknown_nas: Counter::default(),
            malformed: Counter::default(),
            accounting: Counter::default(),
            sessions: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "decisions",
            "Answers by outcome and method",
            metrics.decisions.clone(),
        );
        registry.register(
            "answer_seconds",
            "Time from the last request of an authentication to its answer",
            metrics.answer_seconds.clone(),
        );
        registry.register(
            "enforcements",
            "Enforcements by how they ended",
            metrics.enforcements.clone(),
        );
        registry.register(
            "enforcement_seconds",
            "Time from a change to the proof that the session moved",
            metrics.enforcement_seconds.clone(),
        );
        registry.register(
            "duplicate_requests",
            "Retransmissions that were not decided again",
            metrics.duplicates.clone(),
        );
        registry.register(
            "unknown_nas_packets",
            "Packets from addresses that are no client",
            metrics.unknown_nas.clone(),
        );
        registry.register(
            "malformed_packets",
            "Packets that break the rules",
            metrics.malformed.clone(),
        );
        registry.register(
            "accounting_records",
            "Accounting records committed and answered",
            metrics.accounting.clone(),
        );
        registry.register(
            "live_sessions",
            "Sessions on the network now",
            metrics.sessions.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Counts one answer.
    pub fn decided(&self, outcome: DecisionOutcome, method: &'static str, arrived: Instant) {
        let outcome = match outcome {
            DecisionOutcome::Accept => "accept",
            DecisionOutcome::Reject => "reject",
        };
        self.decisions
            .get_or_create(&DecisionLabels { outcome, method })
            .inc();
        self.answer_seconds.observe(arrived.elapsed().as_secs_f64());
    }

    /// Counts one ended enforcement.
    pub fn enforced(&self, enforcement: &Enforcement) {
        let result = match enforcement.state {
            EnforcementState::Proven => "proven",
            EnforcementState::Superseded => "superseded",
            // Cancelled by the end of the server: it goes on after the restart.
            EnforcementState::Pending | EnforcementState::Sent | EnforcementState::Acknowledged => {
                return;
            }
            EnforcementState::Failed => "failed",
        };
        self.enforcements
            .get_or_create(&EnforcementLabels { result })
            .inc();
        if let Some(proven_us) = enforcement.proven_us {
            let seconds = Duration::from_micros(
                proven_us
                    .saturating_sub(enforcement.created_us)
                    .unsigned_abs(),
            );
            self.enforcement_seconds.observe(seconds.as_secs_f64());
        }
    }

    /// The whole registry as text.
    pub fn text(&self) -> String {
        let mut output = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut output, &self.registry);
        output
    }
}
