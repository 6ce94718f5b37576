//! The table for `docs/performance.md`.

use std::fmt::Write as _;

use nac_test_support::SubjectKind;

use crate::measure::Sample;
use crate::{Arguments, Row};

/// What a table calls a server.
pub(crate) fn name(server: SubjectKind) -> &'static str {
    match server {
        SubjectKind::Nac => "nac",
        SubjectKind::FreeRadius => "FreeRADIUS",
    }
}

/// CPU, latency and ratio per case, as Markdown.
pub(crate) fn table(rows: &[Row], servers: &[SubjectKind]) -> String {
    let mut text = String::from("| case |");
    for server in servers {
        let name = name(*server);
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            " {name}: CPU ms | p50 ms | p99 ms | per s | peak MiB |"
        );
    }
    let compares = servers.len() == 2;
    if compares {
        text.push_str(" CPU ratio |");
    }
    let columns = 1 + servers.len() * 5 + usize::from(compares);
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(columns - 1));
    text.push('\n');
    for row in rows {
        let _ = write!(text, "| {} |", row.case.name());
        for samples in &row.samples {
            if samples.iter().all(Sample::is_sound) {
                let _ = write!(text, " {:.3}", median(samples, Sample::cpu_ms));
                let database = median(samples, Sample::database_cpu_ms);
                if database > 0.0 {
                    let _ = write!(text, " + {database:.3}");
                }
                let _ = write!(
                    text,
                    " | {:.1} | {:.1} | {:.0} | {:.0} |",
                    median(samples, |sample| sample.percentile_ms(0.5)),
                    median(samples, |sample| sample.percentile_ms(0.99)),
                    median(samples, Sample::rate),
                    median(samples, |sample| sample.peak_memory_kib as f64 / 1024.0),
                );
            } else {
                text.push_str(" failed | | | | |");
            }
        }
        if let ([first, second], true) = (&row.samples[..], compares) {
            let _ = write!(text, " {} |", ratio(first, second));
        }
        text.push('\n');
    }
    text
}

/// How it was measured.
pub(crate) fn conditions(arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let place = match (&arguments.server_cores, &arguments.load_cores) {
        (None, None) => format!("load and server on the same {cores} cores"),
        (server, load) => {
            let named = |cores: &Option<String>| cores.clone().unwrap_or_else(|| "any".to_owned());
            format!(
                "server on core {}, load on core {}",
                named(server),
                named(load)
            )
        }
    };
    let users = match (arguments.flat_file, &arguments.database) {
        (true, _) => "FreeRADIUS with its users in a flat file, nac in SQLite",
        (false, Some(_)) => "both on PostgreSQL, whose CPU time stands after the +",
        (false, None) => "both on SQLite",
    };
    format!(
        "Medians of {} rounds in which the servers took turns; {} stations at once, {} users; {place}; {users}; P-256 certificates. \
         CPU is user and system time of the server process, the ratio that of all processes.",
        arguments.rounds, arguments.stations, arguments.users
    )
}

/// The first server's CPU time as a share of the second's, round by round.
fn ratio(first: &[Sample], second: &[Sample]) -> String {
    let sound = first.iter().chain(second).all(Sample::is_sound);
    let mut ratios: Vec<f64> = first
        .iter()
        .zip(second)
        .map(|(own, other)| all_ms(own) / all_ms(other).max(f64::EPSILON))
        .collect();
    ratios.sort_by(f64::total_cmp);
    match ratios.get(ratios.len() / 2) {
        Some(ratio) if sound => format!("{ratio:.2}"),
        _ => "–".to_owned(),
    }
}

/// CPU milliseconds of all processes that an authentication keeps busy.
fn all_ms(sample: &Sample) -> f64 {
    sample.cpu_ms() + sample.database_cpu_ms()
}

fn median(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
