//! `nac-load growth`: how the cost grows with stations at once, with users and devices, and with what is left open.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use nac_test_support::nac::Nac;
use nac_test_support::subject::Plan;
use nac_test_support::{Subject, SubjectKind, cast};

use crate::case::Case;
use crate::measure::{Population, Sample, memory_when_idle, run_round};
use crate::station::{Credentials, Station, mac};
use crate::{Arguments, report, turns};

/// Stations at once.
const CONCURRENCY: [usize; 4] = [1, 8, 64, 512];
/// Users, and as many devices.
pub(crate) const SIZES: [usize; 3] = [10, 10_000, 1_000_000];
/// Stations at once where the number of users grows.
const STATIONS: usize = 64;
/// Conversations left open, and sessions begun, to weigh one.
const WEIGHED: usize = 10_000;

/// Measures, tells its progress, and gives the tables as Markdown; whether everything was answered as it should be.
pub(crate) fn run(arguments: &Arguments) -> (String, bool) {
    let mut sound = true;
    let mut text = String::new();
    for part in [concurrency, size, memory] {
        text.push_str(&part(arguments, &mut sound));
        text.push('\n');
    }
    (text, sound)
}

/// More stations at once, on the same server.
fn concurrency(arguments: &Arguments, sound: &mut bool) -> String {
    let largest = CONCURRENCY.iter().copied().max().unwrap_or(1);
    let plan = Plan {
        printers: (0..largest).map(mac).collect(),
        ..arguments.plan()
    };
    let servers: Vec<Subject> = arguments
        .servers
        .iter()
        .map(|kind| Subject::start_as(*kind, &plan))
        .collect();
    let mut text = String::from("| case | server | at once | per s | p50 ms | p99 ms | CPU ms |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---:|\n");
    for case in &arguments.cases {
        for stations in CONCURRENCY {
            for server in &servers {
                let population = Population {
                    stations,
                    users: arguments.users,
                    devices: stations,
                    postgres: arguments.database.is_some(),
                };
                // As many logins for any number of stations, and some to warm up.
                let count = (turns(*case, arguments.scale) * STATIONS).div_ceil(stations);
                run_round(server, *case, population, count.div_ceil(8));
                let sample = run_round(server, *case, population, count);
                let told = format!("{} with {stations} at once", case.name());
                tell(&told, server.kind(), &sample, sound);
                let _ = writeln!(
                    text,
                    "| {} | {} | {stations} | {:.0} | {:.1} | {:.1} | {:.3} |",
                    case.name(),
                    report::name(server.kind()),
                    sample.rate(),
                    sample.percentile_ms(0.5),
                    sample.percentile_ms(0.99),
                    sample.cpu_ms()
                );
            }
        }
    }
    text
}

/// More users and devices in the database of `nac`.
fn size(arguments: &Arguments, sound: &mut bool) -> String {
    let mut text = String::from(
        "| users and devices | import s | start s | idle MiB | case | per s | p50 ms | p99 ms | CPU ms |\n",
    );
    text.push_str("|---:|---:|---:|---:|---|---:|---:|---:|---:|\n");
    for size in arguments.sizes.iter().copied() {
        let plan = Plan {
            printers: Vec::new(),
            ..arguments.plan()
        };
        let mut nac = Nac::start(&plan, false);
        let imported = import(&nac, size);
        let started = nac.restart();
        let idle = memory_when_idle(nac.service.pid());
        let server = Subject::Nac(Box::new(nac));
        for case in &arguments.cases {
            let population = Population {
                stations: STATIONS,
                users: arguments.users,
                devices: size,
                postgres: arguments.database.is_some(),
            };
            let count = turns(*case, arguments.scale);
            run_round(&server, *case, population, count.div_ceil(4));
            let sample = run_round(&server, *case, population, count);
            let told = format!("{} with {size} users and devices", case.name());
            tell(&told, SubjectKind::Nac, &sample, sound);
            let _ = writeln!(
                text,
                "| {size} | {:.1} | {:.2} | {:.0} | {} | {:.0} | {:.1} | {:.1} | {:.3} |",
                imported.as_secs_f64(),
                started.as_secs_f64(),
                idle as f64 / 1024.0,
                case.name(),
                sample.rate(),
                sample.percentile_ms(0.5),
                sample.percentile_ms(0.99),
                sample.cpu_ms()
            );
        }
    }
    text
}

/// Users without passwords and printers, by the import commands of the running server.
fn import(nac: &Nac, size: usize) -> Duration {
    let mut users = String::from("name,password,groups,mschap\n");
    let mut devices = String::from("mac,owner,labels\n");
    for number in 0..size {
        let [.., spelling, _, _, _] = cast::mac_formats(mac(number));
        let _ = writeln!(users, "crowd{number},,staff,");
        let _ = writeln!(devices, "{spelling},,printer");
    }
    let users = nac.directory().write_private("crowd-users.csv", users);
    let devices = nac.directory().write("crowd-devices.csv", devices);
    let began = Instant::now();
    nac.command(&["user", "import", &users.display().to_string()]);
    nac.command(&["device", "import", &devices.display().to_string()]);
    began.elapsed()
}

/// What one conversation that nobody finishes holds, and what one session holds.
fn memory(arguments: &Arguments, sound: &mut bool) -> String {
    let mut text = String::from(
        "| server | idle MiB | KiB per half-open EAP-TLS conversation | KiB per session |\n",
    );
    text.push_str("|---|---:|---:|---:|\n");
    for kind in &arguments.servers {
        let server = Subject::start_as(*kind, &arguments.plan());
        let credentials = Credentials::read(&server);
        let population = Population {
            stations: 1,
            users: arguments.users,
            devices: 1,
            postgres: arguments.database.is_some(),
        };
        let mut weigh = |what: &str, act: fn(&mut Station<'_>) -> Result<(), String>| {
            let mut each = |range: std::ops::Range<usize>| {
                for number in range {
                    let mut station = Station::new(&server, &credentials, number, population);
                    if let Err(problem) = act(&mut station) {
                        *sound = false;
                        crate::say(&format!("{what} {number}: {problem}"));
                    }
                }
            };
            // The first ones pay for caches and threads.
            each(0..WEIGHED / 10);
            let before = memory_when_idle(server.pid());
            each(WEIGHED / 10..WEIGHED + WEIGHED / 10);
            let grown = memory_when_idle(server.pid()).saturating_sub(before);
            grown as f64 / WEIGHED as f64
        };
        let idle = memory_when_idle(server.pid());
        let session = weigh("session", |station| station.perform(Case::Pap, 0));
        let half_open = weigh("conversation", |station| station.leave_half_open());
        let _ = writeln!(
            text,
            "| {} | {:.0} | {half_open:.1} | {session:.1} |",
            report::name(*kind),
            idle as f64 / 1024.0
        );
    }
    text
}

fn tell(what: &str, kind: SubjectKind, sample: &Sample, sound: &mut bool) {
    *sound &= sample.is_sound();
    crate::say(&format!("{what}, {}: {sample}", report::name(kind)));
}
