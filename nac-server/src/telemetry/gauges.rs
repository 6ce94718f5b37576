//! How much of everything there is now. What memory knows is read at the scrape; what the database knows is read every few
//! seconds by a task, so that a scrape never waits for SQL.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use nac_policy::Verdict;
use nac_store::{MailState, Store, StoredGauges, WriterHandle, now_us};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio_util::sync::CancellationToken;

use super::activity::Heard;
use crate::account::SessionTable;
use crate::authenticate::Authenticator;
use crate::config::Config;
use crate::listen::radsec::links::Links;
use crate::ocsp::Counts;
use crate::server::revocation::{SourceState, SourceStates};
use crate::snapshot::World;

/// Between two questions to the database.
const INTERVAL: Duration = Duration::from_secs(10);

/// Until when each of the server's certificates is valid, in seconds since the Unix epoch, by its use.
pub type Expiries = Vec<(&'static str, f64)>;

/// Where the numbers are.
pub struct Gauges {
    /// The live sessions.
    pub sessions: Arc<SessionTable>,
    /// The EAP conversations.
    pub authenticator: Arc<Authenticator>,
    /// The RadSec connections.
    pub links: Arc<Links>,
    /// Clients and what is heard from them.
    pub world: Arc<World>,
    /// What is written and what waits.
    pub writer: WriterHandle,
    /// Where decisions wait while the database is away.
    pub spool: PathBuf,
    /// The certificates of the configuration in force.
    pub expiries: Arc<ArcSwap<Expiries>>,
    /// What the database said last.
    pub stored: Arc<Mutex<StoredGauges>>,
    /// The revocation lists of other authorities.
    pub revocation: SourceStates,
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauges").finish_non_exhaustive()
    }
}

/// Until when the certificates of a configuration, and the authority's, are valid.
pub fn expiries(config: &Config, authority_pem: Option<&str>) -> Expiries {
    let seconds = |us: i64| us as f64 / 1e6;
    let authority = authority_pem
        .and_then(|pem| nac_pki::pem_certificates(pem).ok())
        .and_then(|certificates| certificates.into_iter().next())
        .and_then(|certificate| nac_pki::CertificateFacts::read(&certificate).ok());
    let named = [
        ("eap", Some(&config.certificates.eap.facts)),
        ("portal", Some(&config.certificates.portal.facts)),
        (
            "radsec",
            config
                .radsec
                .is_some()
                .then_some(&config.certificates.radsec.facts),
        ),
        ("authority", authority.as_ref()),
    ];
    named
        .into_iter()
        .filter_map(|(name, facts)| Some((name, seconds(facts?.not_after_us))))
        .collect()
}

/// Asks the database until cancelled. While it is away, the last answer stands.
pub async fn run(store: Store, stored: Arc<Mutex<StoredGauges>>, cancel: CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match store.gauges().await {
            Ok(now) => *stored.lock().unwrap_or_else(PoisonError::into_inner) = now,
            Err(error) => tracing::debug!(%error, "the gauges are not read"),
        }
    }
}

/// Writes the gauges at every scrape; there are none before the server is put together.
#[derive(Debug)]
pub(super) struct Gauging(pub(super) Arc<OnceLock<Gauges>>);

impl Collector for Gauging {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(gauges) = self.0.get() else {
            return Ok(());
        };
        let mut out = Out(&mut encoder);
        gauges.memory(&mut out)?;
        gauges.writer(&mut out)?;
        let stored = gauges
            .stored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        out.gauge(
            "quarantines_open",
            "Devices in quarantine now",
            stored.quarantines_open,
        )?;
        out.gauge(
            "exceptions_active",
            "Exceptions that apply now",
            stored.exceptions_active,
        )?;
        // A series that comes and goes is hard to alert on: each is there from the start.
        let verdicts = Verdict::ALL.iter().map(|verdict| verdict.as_str());
        out.gauges(
            "posture_hosts",
            "osquery hosts by verdict",
            "verdict",
            &with_zeros(verdicts, &stored.hosts),
        )?;
        let states = MailState::ALL.iter().map(|state| state.as_str());
        out.gauges(
            "mails",
            "Messages by state",
            "state",
            &with_zeros(states, &stored.mails),
        )?;
        out.gauge(
            "certificates_expiring",
            "Issued certificates that end within 30 days",
            stored.certificates_expiring,
        )?;
        out.expiries(&gauges.expiries.load())?;
        out.revocation(&gauges.revocation.load())?;
        match gauges.world.snapshot().revocations.ocsp() {
            Some(ocsp) => out.questions(&ocsp.counts),
            None => Ok(()),
        }
    }
}

impl Gauges {
    fn memory(&self, out: &mut Out<'_, '_>) -> Result<(), fmt::Error> {
        let snapshot = self.world.snapshot();
        let mut sessions: BTreeMap<String, i64> = snapshot
            .segments
            .names()
            .into_iter()
            .map(|name| (name, 0))
            .collect();
        for session in self.sessions.all() {
            *sessions.entry(session.segment.clone()).or_default() += 1;
        }
        let sessions: Vec<(String, i64)> = sessions.into_iter().collect();
        out.gauges("sessions", "Live sessions by segment", "segment", &sessions)?;
        out.gauge(
            "devices_in_two_places",
            "MAC addresses that are heard at two places at once",
            as_i64(self.sessions.in_two_places()),
        )?;
        out.gauge(
            "eap_conversations",
            "EAP conversations under way",
            as_i64(self.authenticator.conversations()),
        )?;
        out.gauge(
            "radsec_connections",
            "Open RadSec connections",
            as_i64(self.links.len()),
        )?;
        out.gauge("clients", "RADIUS clients", as_i64(snapshot.clients.len()))?;
        out.gauge(
            "policy_version",
            "The policy in force",
            snapshot.policy.version,
        )?;
        out.gauge(
            "break_glass",
            "1 while break-glass is on and posture keeps nobody out",
            i64::from(snapshot.break_glass_is_on(now_us())),
        )?;
        out.counter(
            "wrong_secret_packets",
            "Packets that were signed with another secret",
            self.world.activity.total(Heard::WrongSecret),
        )?;
        out.counter(
            "missing_message_authenticator_packets",
            "Packets that were ignored for want of a Message-Authenticator",
            self.world.activity.total(Heard::MissingSignature),
        )
    }

    fn writer(&self, out: &mut Out<'_, '_>) -> Result<(), fmt::Error> {
        let counters = self.writer.counters();
        let waiting = i64::try_from(counters.waiting).unwrap_or(i64::MAX);
        out.gauge(
            "writer_waiting",
            "Accounting records and decisions that wait for the database",
            waiting,
        )?;
        for (name, help, value) in [
            (
                "writer_rows",
                "Rows that were committed",
                counters.committed,
            ),
            (
                "writer_transactions",
                "Transactions that were committed",
                counters.transactions,
            ),
            (
                "writer_failures",
                "Transactions that failed",
                counters.failures,
            ),
            (
                "spooled_decisions",
                "Decisions that went to the spool",
                counters.spooled,
            ),
            (
                "replayed_decisions",
                "Decisions that came back from the spool",
                counters.replayed,
            ),
            (
                "lost_decisions",
                "Decisions that neither the database nor the spool took",
                counters.lost,
            ),
            (
                "lost_states",
                "Sessions and enforcements that were given up",
                counters.states_lost,
            ),
            (
                "database_errors",
                "Statements that failed",
                nac_store::database_errors(),
            ),
        ] {
            out.counter(name, help, value)?;
        }
        out.octets(
            "spool",
            "Decisions that wait on disk",
            spool_octets(&self.spool),
        )
    }
}

fn with_zeros<'a>(
    words: impl Iterator<Item = &'a str>,
    counted: &[(String, i64)],
) -> Vec<(String, i64)> {
    words
        .map(|word| {
            let count = counted.iter().find(|(counted, _)| counted == word);
            (word.to_owned(), count.map_or(0, |(_, count)| *count))
        })
        .collect()
}

/// Files of a handful, so a look at the directory is quick.
fn spool_octets(folder: &Path) -> f64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0.0;
    };
    let lengths = entries.flatten().filter_map(|entry| entry.metadata().ok());
    lengths.map(|metadata| metadata.len() as f64).sum()
}

fn as_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

struct Out<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl Out<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: i64) -> Result<(), fmt::Error> {
        let gauge = ConstGauge::new(value);
        gauge.encode(
            self.0
                .encode_descriptor(name, help, None, MetricType::Gauge)?,
        )
    }

    fn octets(&mut self, name: &str, help: &str, value: f64) -> Result<(), fmt::Error> {
        let gauge = ConstGauge::new(value);
        gauge.encode(
            self.0
                .encode_descriptor(name, help, Some(&Unit::Bytes), MetricType::Gauge)?,
        )
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), fmt::Error> {
        let counter = ConstCounter::new(value);
        counter.encode(
            self.0
                .encode_descriptor(name, help, None, MetricType::Counter)?,
        )
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: &[(String, i64)],
    ) -> Result<(), fmt::Error> {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (word, value) in values {
            let labels = [(label, word.as_str())];
            ConstGauge::new(*value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn expiries(&mut self, expiries: &Expiries) -> Result<(), fmt::Error> {
        let mut family = self.0.encode_descriptor(
            "certificate_expiry_timestamp",
            "When a certificate of this server ends, since the Unix epoch",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for (name, seconds) in expiries {
            let labels = [("use", *name)];
            ConstGauge::new(*seconds).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn questions(&mut self, counts: &Counts) -> Result<(), fmt::Error> {
        let mut family = self.0.encode_descriptor(
            "ocsp_questions",
            "Questions to OCSP responders about client certificates, by result",
            None,
            MetricType::Counter,
        )?;
        for (result, count) in counts.all() {
            ConstCounter::new(count).encode(family.encode_family(&[("result", result)])?)?;
        }
        Ok(())
    }

    fn revocation(&mut self, sources: &[SourceState]) -> Result<(), fmt::Error> {
        let mut family = self.0.encode_descriptor(
            "revocation_list_readable",
            "1 when a source of revocation lists could be read when it was last looked at",
            None,
            MetricType::Gauge,
        )?;
        for source in sources {
            let labels = [("source", source.source.as_str())];
            let readable = ConstGauge::new(i64::from(source.is_readable));
            readable.encode(family.encode_family(&labels)?)?;
        }
        let mut family = self.0.encode_descriptor(
            "revocation_list_expiry_timestamp",
            "When the first list of a source ends, since the Unix epoch; 0 when it has none",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for source in sources {
            let labels = [("source", source.source.as_str())];
            ConstGauge::new(source.until_us as f64 / 1e6).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
