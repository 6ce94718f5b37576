//! Metrics in the text format of OpenMetrics, which Prometheus reads.
//!
//! *Invariants*
//!
//! * Names follow Prometheus's conventions: base units, `_total` for what only grows.
//! * A label's values come from this program or from its configuration, never from the network: nobody outside can make
//!   time series.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nac_store::{DecisionOutcome, Enforcement, EnforcementState, SessionAction};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::gauges::{Gauges, Gauging};
use super::process::Process;
use crate::reason::Refusal;

/// How the codes of RADIUS over TLS begin.
const RADSEC_REASONS: &str = "NAC-4";

/// The labels of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    outcome: &'static str,
    method: &'static str,
}

/// The labels of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason_code: &'static str,
}

/// The labels of an enforcement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EnforcementLabels {
    kind: &'static str,
    result: &'static str,
}

/// The labels of a CoA or Disconnect request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OrderLabels {
    code: &'static str,
    result: &'static str,
}

/// The labels of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PacketLabels {
    code: &'static str,
}

/// The labels of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    listener: &'static str,
    route: &'static str,
    status: u16,
}

/// The labels of a request of osquery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OsqueryLabels {
    endpoint: &'static str,
    status: u16,
}

/// The labels of the time of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpTimeLabels {
    listener: &'static str,
    route: &'static str,
}

/// Every counter of the server.
#[derive(Debug, Default)]
pub struct Metrics {
    registry: Registry,
    gauges: Arc<OnceLock<Gauges>>,
    packets: Family<PacketLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
    refusals: Family<ReasonLabels, Counter>,
    answer: Seconds,
    enforcements: Family<EnforcementLabels, Counter>,
    enforcement: Seconds,
    orders: Family<OrderLabels, Counter>,
    /// Replies to CoA-Requests and Disconnect-Requests that do not verify.
    pub unverified_coa_replies: Counter,
    http: Family<HttpLabels, Counter>,
    http_time: Family<HttpTimeLabels, Seconds>,
    osquery: Family<OsqueryLabels, Counter>,
    /// Requests answered from the duplicate cache or ignored as in flight.
    pub duplicates: Counter,
    /// Packets from addresses that are no client.
    pub unknown_nas: Counter,
    radsec_refusals: Family<ReasonLabels, Counter>,
    /// RadSec connections that were taken in.
    pub radsec_opened: Counter,
    /// Requests by MAC alone of devices that were let in by 802.1X before.
    pub downgrades: Counter,
    /// Packets that break the rules.
    pub malformed: Counter,
    /// Accounting records committed and answered.
    pub accounting: Counter,
    /// Accounting records that could not be stored, so that the NAS got no answer.
    pub accounting_failures: Counter,
}

/// A histogram of durations from 50 microseconds to 26 seconds.
#[derive(Clone, Debug)]
struct Seconds(Histogram);

impl Default for Seconds {
    fn default() -> Self {
        Self(Histogram::new(exponential_buckets(0.000_05, 2.0, 20)))
    }
}

impl prometheus_client::metrics::TypedMetric for Seconds {
    const TYPE: prometheus_client::metrics::MetricType =
        prometheus_client::metrics::MetricType::Histogram;
}

impl prometheus_client::encoding::EncodeMetric for Seconds {
    fn encode(
        &self,
        encoder: prometheus_client::encoding::MetricEncoder<'_>,
    ) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> prometheus_client::metrics::MetricType {
        self.0.metric_type()
    }
}

impl Metrics {
    /// Every metric, registered.
    pub fn new() -> Self {
        let mut metrics = Self::default();
        let mut root = Registry::default();
        root.register_collector(Box::new(Process::default()));
        let nac = root.sub_registry_with_prefix("nac");
        nac.register_collector(Box::new(Gauging(metrics.gauges.clone())));
        nac.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec()),
        );
        nac.register(
            "radius_packets",
            "Packets from clients by code, whatever became of them",
            metrics.packets.clone(),
        );
        nac.register(
            "decisions",
            "Answers by outcome and method",
            metrics.decisions.clone(),
        );
        nac.register(
            "refusals",
            "Refusals by the code of their reason; see docs/reasons.md",
            metrics.refusals.clone(),
        );
        nac.register_with_unit(
            "answer",
            "Time from the last request of an authentication to its answer",
            Unit::Seconds,
            metrics.answer.clone(),
        );
        nac.register(
            "enforcements",
            "Moves and commands by how they ended",
            metrics.enforcements.clone(),
        );
        nac.register_with_unit(
            "enforcement",
            "Time from a change to the proof that the session moved",
            Unit::Seconds,
            metrics.enforcement.clone(),
        );
        nac.register(
            "coa_requests",
            "CoA-Requests and Disconnect-Requests by their result",
            metrics.orders.clone(),
        );
        nac.register(
            "coa_unverified_replies",
            "Replies to CoA-Requests and Disconnect-Requests that do not verify and were ignored",
            metrics.unverified_coa_replies.clone(),
        );
        nac.register(
            "http_requests",
            "HTTPS requests by listener, class of route and status",
            metrics.http.clone(),
        );
        nac.register_with_unit(
            "http_request",
            "Time of an HTTPS request until its answer begins",
            Unit::Seconds,
            metrics.http_time.clone(),
        );
        nac.register(
            "osquery_requests",
            "Requests of osquery by endpoint and status",
            metrics.osquery.clone(),
        );
        nac.register(
            "duplicate_requests",
            "Retransmissions that were not decided again",
            metrics.duplicates.clone(),
        );
        nac.register(
            "unknown_nas_packets",
            "Packets from addresses that are no client",
            metrics.unknown_nas.clone(),
        );
        nac.register(
            "downgrades",
            "Requests by MAC alone of devices that were let in by 802.1X before",
            metrics.downgrades.clone(),
        );
        nac.register(
            "malformed_packets",
            "Packets that break the rules",
            metrics.malformed.clone(),
        );
        nac.register(
            "radsec_opened",
            "RadSec connections that were taken in",
            metrics.radsec_opened.clone(),
        );
        // From zero, so that the first refusal is an increase and not the beginning of a series.
        for reason in Refusal::table() {
            if reason.code.starts_with(RADSEC_REASONS) {
                let reason_code = reason.code;
                drop(
                    metrics
                        .radsec_refusals
                        .get_or_create(&ReasonLabels { reason_code }),
                );
            }
        }
        nac.register(
            "radsec_refusals",
            "RadSec connections that were refused or cut off, by the code of the reason; see docs/reasons.md",
            metrics.radsec_refusals.clone(),
        );
        nac.register(
            "accounting_records",
            "Accounting records committed and answered",
            metrics.accounting.clone(),
        );
        nac.register(
            "accounting_failures",
            "Accounting records that could not be stored and are not answered",
            metrics.accounting_failures.clone(),
        );
        metrics.registry = root;
        metrics
    }

    /// Says where the gauges come from, once the server is put together.
    pub fn attach(&self, gauges: Gauges) {
        // The first ones stay.
        let _ = self.gauges.set(gauges);
    }

    /// Counts a packet of a client.
    pub fn packet(&self, code: nac_radius::Code) {
        use nac_radius::Code;
        let code = match code {
            Code::AccessRequest => "Access-Request",
            Code::AccountingRequest => "Accounting-Request",
            Code::StatusServer => "Status-Server",
            _ => "other",
        };
        self.packets.get_or_create(&PacketLabels { code }).inc();
    }

    /// Counts one decision; a refusal comes with the code of its reason, and an answer with when its request arrived.
    pub fn decided(
        &self,
        outcome: DecisionOutcome,
        method: &'static str,
        reason_code: Option<&'static str>,
        arrived: Option<Instant>,
    ) {
        let outcome = match outcome {
            DecisionOutcome::Accept => "accept",
            DecisionOutcome::Reject => "reject",
        };
        self.decisions
            .get_or_create(&DecisionLabels { outcome, method })
            .inc();
        if let Some(reason_code) = reason_code {
            self.refusals
                .get_or_create(&ReasonLabels { reason_code })
                .inc();
        }
        if let Some(arrived) = arrived {
            self.answer.0.observe(arrived.elapsed().as_secs_f64());
        }
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
        let kind = enforcement.action.map_or("move", SessionAction::as_str);
        self.enforcements
            .get_or_create(&EnforcementLabels { kind, result })
            .inc();
        if let Some(proven_us) = enforcement.proven_us {
            let seconds = Duration::from_micros(
                proven_us
                    .saturating_sub(enforcement.created_us)
                    .unsigned_abs(),
            );
            self.enforcement.0.observe(seconds.as_secs_f64());
        }
    }

    /// Counts one RadSec connection that was refused or cut off.
    pub fn radsec_refused(&self, reason_code: &'static str) {
        self.radsec_refusals
            .get_or_create(&ReasonLabels { reason_code })
            .inc();
    }

    /// Counts one CoA-Request or Disconnect-Request: `ack`, `nak` or `timeout`.
    pub fn ordered(&self, code: nac_radius::Code, result: &'static str) {
        let code = match code {
            nac_radius::Code::CoaRequest => "CoA-Request",
            _ => "Disconnect-Request",
        };
        self.orders
            .get_or_create(&OrderLabels { code, result })
            .inc();
    }

    /// Counts one HTTPS request.
    pub fn http(&self, listener: &'static str, path: &str, status: u16, began: Instant) {
        let route = route_class(path);
        self.http
            .get_or_create(&HttpLabels {
                listener,
                route,
                status,
            })
            .inc();
        self.http_time
            .get_or_create(&HttpTimeLabels { listener, route })
            .0
            .observe(began.elapsed().as_secs_f64());
        if route == "osquery" {
            let endpoint = osquery_endpoint(path);
            self.osquery
                .get_or_create(&OsqueryLabels { endpoint, status })
                .inc();
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

/// Which kind of route a path belongs to. Paths themselves are anybody's choice, and too many for a label.
fn route_class(path: &str) -> &'static str {
    let begins = |prefix: &str| path.starts_with(prefix);
    if begins("/api/v1/osquery") || begins("/api/osquery") {
        "osquery"
    } else if begins("/api/") {
        "api"
    } else if begins("/assets/") {
        "assets"
    } else {
        "pages"
    }
}

fn osquery_endpoint(path: &str) -> &'static str {
    let name = path
        .trim_start_matches("/api/")
        .trim_start_matches("v1/")
        .trim_start_matches("osquery")
        .trim_matches('/');
    match name {
        "enroll" => "enroll",
        "config" => "config",
        "log" => "log",
        "distributed/read" => "distributed-read",
        "distributed/write" => "distributed-write",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_by_convention_and_no_stranger_makes_a_series() {
        let metrics = Metrics::new();
        let began = Instant::now();
        metrics.decided(DecisionOutcome::Accept, "PAP", None, Some(began));
        metrics.decided(
            DecisionOutcome::Reject,
            "PAP",
            Some("NAC-1001"),
            Some(began),
        );
        for number in 0..1_000 {
            metrics.http("portal", &format!("/{number}"), 404, began);
            metrics.http("portal", &format!("/api/v1/osquery/{number}"), 404, began);
        }
        metrics.ordered(nac_radius::Code::CoaRequest, "ack");
        let text = metrics.text();
        for line in [
            "nac_decisions_total{outcome=\"accept\",method=\"PAP\"} 1",
            "nac_refusals_total{reason_code=\"NAC-1001\"} 1",
            "nac_answer_seconds_count 2",
            "nac_http_requests_total{listener=\"portal\",route=\"pages\",status=\"404\"} 1000",
            "nac_osquery_requests_total{endpoint=\"other\",status=\"404\"} 1000",
            "nac_coa_requests_total{code=\"CoA-Request\",result=\"ack\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.contains("nac_build_info{version="), "{text}");
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
        assert!(text.ends_with("# EOF\n"));
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        for (name, kind) in types.filter_map(|line| line.split_once(' ')) {
            assert!(
                name.starts_with("nac_") || name.starts_with("process_"),
                "{name}"
            );
            for milli in ["_ms", "_us", "_milliseconds", "_percent", "_total"] {
                assert!(!name.ends_with(milli), "{name}: {kind}");
            }
        }
    }
}
