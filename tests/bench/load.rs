//! `nac-load`: drives this server and FreeRADIUS with the same load in the same run.
//!
//! Machines drift by a quarter within minutes, so the servers take turns in every round and only the
//! ratio of their CPU time counts. FreeRADIUS is tuned (see `tests/support/freeradius/radiusd.conf`):
//! its users are in SQLite, it logs nothing, it decides nothing. This server runs as it is delivered:
//! policy, decision records and session table on.
//!
//! *Invariants*
//!
//! * Both servers get the same packets from the same stations; only the address differs.
//! * CPU time is the operating system's account of the server process, not wall-clock time.
//! * A case in which authentications fail is reported as failed, never as fast.

mod case;
mod measure;
mod report;
mod station;

use std::process::ExitCode;

use case::Case;
use nac_test_support::subject::{Account, Plan};
use nac_test_support::{Subject, SubjectKind, cast};

use crate::measure::{Sample, run_round};

/// What the command line asks for.
#[derive(Debug)]
struct Arguments {
    cases: Vec<Case>,
    rounds: usize,
    stations: usize,
    users: usize,
    scale: f64,
    servers: Vec<SubjectKind>,
    database: Option<String>,
}

const USAGE: &str = "usage: nac-load [--cases NAME,NAME…] [--rounds N] [--stations N] [--users N]
                [--scale FACTOR] [--servers nac,freeradius] [--database postgres://…]

Prints a Markdown table. Without --cases it runs every case:";

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line"
)]
fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            let names: Vec<String> = Case::all().iter().map(|case| case.name()).collect();
            eprintln!("{problem}\n\n{USAGE}\n  {}", names.join("\n  "));
            return ExitCode::from(2);
        }
    };
    let rows = run(&arguments);
    println!("{}", report::table(&rows, &arguments.servers));
    println!(
        "{}",
        report::conditions(arguments.rounds, arguments.stations, arguments.users)
    );
    if rows.iter().all(|row| {
        row.samples
            .iter()
            .all(|samples| samples.iter().all(Sample::is_sound))
    }) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One case with what was measured, per server and round.
#[derive(Debug)]
struct Row {
    case: Case,
    samples: Vec<Vec<Sample>>,
}

#[expect(
    clippy::print_stderr,
    reason = "progress, so that the table alone goes to standard output"
)]
fn run(arguments: &Arguments) -> Vec<Row> {
    let accounts = (0..arguments.users).map(|number| Account {
        name: format!("user{number}"),
        password: format!("password-{number}"),
        mschap: true,
    });
    let people = [Account {
        name: cast::USER.into(),
        password: cast::PASSWORD.into(),
        mschap: true,
    }];
    let plan = Plan {
        accounts: people.into_iter().chain(accounts).collect(),
        printers: (0..arguments.stations).map(station::mac).collect(),
        revocation: false,
        database: arguments.database.clone(),
        ..Plan::default()
    };
    let mut rows: Vec<Row> = arguments
        .cases
        .iter()
        .map(|case| Row {
            case: *case,
            samples: vec![Vec::new(); arguments.servers.len()],
        })
        .collect();
    // FreeRADIUS keeps TLS sessions only where resumption is measured: it pays for the cache.
    for resumption in [false, true] {
        let wanted = |row: &Row| row.case.is_resumed() == resumption;
        if !rows.iter().any(wanted) {
            continue;
        }
        let plan = Plan {
            resumption,
            ..plan.clone()
        };
        eprintln!(
            "starting the servers with {} users ({})",
            plan.accounts.len(),
            if resumption { "resumption" } else { "full" }
        );
        let servers: Vec<Subject> = arguments
            .servers
            .iter()
            .map(|kind| Subject::start_as(*kind, &plan))
            .collect();
        for row in rows
            .iter_mut()
            .filter(|row| row.case.is_resumed() == resumption)
        {
            let count = ((row.case.weight() as f64 * arguments.scale) as usize).max(1);
            for server in &servers {
                // Warm-up: caches, thread pools, the keyed hashes of passwords.
                let _ = run_round(
                    server,
                    row.case,
                    arguments.stations,
                    arguments.users,
                    count.div_ceil(4),
                );
            }
            for round in 0..arguments.rounds {
                for (server, samples) in servers.iter().zip(&mut row.samples) {
                    let sample =
                        run_round(server, row.case, arguments.stations, arguments.users, count);
                    eprintln!(
                        "{:<24} round {} {:?}: {sample}",
                        row.case.name(),
                        round + 1,
                        server.kind()
                    );
                    samples.push(sample);
                }
            }
        }
    }
    rows
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        cases: Case::all(),
        rounds: 3,
        stations: 64,
        users: 1000,
        scale: 1.0,
        servers: vec![SubjectKind::Nac, SubjectKind::FreeRadius],
        database: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--cases" => {
                let named = |name: &str| {
                    Case::by_name(name).ok_or_else(|| format!("no case is named {name}"))
                };
                arguments.cases = value()?.split(',').map(named).collect::<Result<_, _>>()?;
            }
            "--rounds" => arguments.rounds = number(&value()?)?,
            "--stations" => arguments.stations = number(&value()?)?,
            "--users" => arguments.users = number(&value()?)?,
            "--scale" => {
                arguments.scale = value()?
                    .parse()
                    .map_err(|_| "--scale is a factor such as 0.1".to_owned())?
            }
            "--servers" => {
                let named = |name: &str| match name {
                    "nac" => Ok(SubjectKind::Nac),
                    "freeradius" => Ok(SubjectKind::FreeRadius),
                    other => Err(format!("no server is named {other}")),
                };
                arguments.servers = value()?.split(',').map(named).collect::<Result<_, _>>()?;
            }
            "--database" => arguments.database = Some(value()?),
            other => return Err(format!("{other} is not understood")),
        }
    }
    Ok(arguments)
}

fn number(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{text} is no count"))
}
