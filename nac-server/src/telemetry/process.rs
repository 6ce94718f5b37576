//! What the operating system says of this process, by the names that every Prometheus client uses.

use std::fmt;
use std::sync::OnceLock;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Clock ticks per second in /proc: Linux has had 100 on every architecture that this program is built for.
const TICKS: f64 = 100.0;

/// Read at every scrape.
#[derive(Debug, Default)]
pub(super) struct Process {
    started: OnceLock<f64>,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        // Where there is no /proc, there is nothing to say.
        let Some(stat) = Stat::read() else {
            return Ok(());
        };
        let cpu = ConstCounter::new(stat.cpu_seconds);
        cpu.encode(encoder.encode_descriptor(
            "process_cpu",
            "Processor time of this process, user and system",
            Some(&Unit::Seconds),
            cpu.metric_type(),
        )?)?;
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        let started = *self
            .started
            .get_or_init(|| boot_time().unwrap_or_default() + stat.started_after_boot);
        gauge(
            "process_start_time",
            "When it started, since the Unix epoch",
            Some(&Unit::Seconds),
            started,
        )?;
        gauge(
            "process_resident_memory",
            "Memory that it holds",
            Some(&Unit::Bytes),
            stat.resident,
        )?;
        gauge(
            "process_virtual_memory",
            "Address space that it uses",
            Some(&Unit::Bytes),
            stat.virtual_memory,
        )?;
        gauge("process_threads", "Its threads", None, stat.threads)?;
        if let Some(open) = open_files() {
            gauge("process_open_fds", "Open file descriptors", None, open)?;
        }
        if let Some(limit) = file_limit() {
            gauge("process_max_fds", "How many may be open", None, limit)?;
        }
        Ok(())
    }
}

struct Stat {
    cpu_seconds: f64,
    started_after_boot: f64,
    resident: f64,
    virtual_memory: f64,
    threads: f64,
}

impl Stat {
    /// proc(5): the fields after the name in brackets, which may hold anything.
    fn read() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        // The state is field 3 of proc(5) and the first one here.
        let field = |number: usize| -> Option<f64> { fields.get(number - 3)?.parse().ok() };
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS,
            threads: field(20)?,
            started_after_boot: field(22)? / TICKS,
            virtual_memory: field(23)?,
            resident: status_kib("VmRSS:").unwrap_or_default() * 1_024.0,
        })
    }
}

fn status_kib(key: &str) -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().split(' ').next()?.parse().ok()
}

fn boot_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

fn open_files() -> Option<f64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(count).ok().map(f64::from)
}

fn file_limit() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let stat = Stat::read().expect("Linux");
        assert!(stat.resident > 1e6 && stat.virtual_memory >= stat.resident);
        assert!(stat.threads >= 1.0);
        let started = boot_time().expect("Linux") + stat.started_after_boot;
        let now = nac_store::now_us() as f64 / 1e6;
        assert!(
            (0.0..86_400.0).contains(&(now - started)),
            "{now} {started}"
        );
        assert!(open_files().expect("Linux") >= 3.0);
        assert!(file_limit().expect("Linux") >= 3.0);
    }
}
