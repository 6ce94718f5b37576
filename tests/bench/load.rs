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
mod growth;
mod measure;
mod report;
mod station;

use std::process::{Command, ExitCode};

use case::Case;
use nac_test_support::subject::{Account, Plan};
use nac_test_support::{Subject, SubjectKind, cast, program};

use crate::measure::{Population, Sample, run_round};

/// What the command line asks for.
#[derive(Debug)]
struct Arguments {
    growth: bool,
    cases: Vec<Case>,
    rounds: usize,
    stations: usize,
    users: usize,
    scale: f64,
    servers: Vec<SubjectKind>,
    database: Option<String>,
    flat_file: bool,
    server_cores: Option<String>,
    load_cores: Option<String>,
    sizes: Vec<usize>,
}

impl Arguments {
    /// What every server of this run is given.
    fn plan(&self) -> Plan {
        Plan {
            accounts: accounts(self.users),
            resumption: false,
            revocation: false,
            database: self.database.clone(),
            flat_file: self.flat_file,
            cores: self.server_cores.clone(),
            ..Plan::default()
        }
    }
}

const USAGE: &str = "usage: nac-load [growth] [--cases NAME,NAME…] [--rounds N] [--stations N] [--users N]
                [--scale FACTOR] [--servers nac,freeradius] [--database postgres://…] [--flat-file]
                [--server-cores LIST] [--load-cores LIST] [--sizes N,N…]

With --database both servers keep everything on that PostgreSQL server, each in a database of its own, instead of in SQLite; with --flat-file
FreeRADIUS has its users in a flat file. Cores are given as taskset takes them.

Prints a Markdown table; with `growth` three of them: by stations at once, by users and devices in the database (--sizes,
otherwise 10, 10,000 and 1,000,000: some gigabytes and minutes), and the memory of what is left open. Without --cases it runs every case, or a few of each kind
for `growth`:";
/// What `growth` measures unless it is told.
const OF_EACH_KIND: [&str; 4] = ["mab", "pap", "peap-mschapv2-1.2", "eap-tls-1.3"];

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
    if let Some(cores) = &arguments.load_cores {
        let mut command = Command::new(program::peer("taskset", "util-linux"));
        program::run(command.args(["-cp", cores, &std::process::id().to_string()]));
    }
    if arguments.growth {
        let (tables, sound) = growth::run(&arguments);
        println!("{tables}");
        return if sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let rows = run(&arguments);
    println!("{}", report::table(&rows, &arguments.servers));
    println!("{}", report::conditions(&arguments));
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

/// Progress goes to standard error, so that the tables alone go to standard output.
#[expect(clippy::print_stderr, reason = "a program for the command line")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// The holder of the certificate, and people with passwords.
fn accounts(users: usize) -> Vec<Account> {
    let people = (0..users).map(|number| Account {
        name: format!("user{number}"),
        password: format!("password-{number}"),
        mschap: true,
    });
    let holder = Account {
        name: cast::USER.into(),
        password: cast::PASSWORD.into(),
        mschap: true,
    };
    std::iter::once(holder).chain(people).collect()
}

/// How often each station does a case in one round.
fn turns(case: Case, scale: f64) -> usize {
    ((case.weight() as f64 * scale) as usize).max(1)
}

fn run(arguments: &Arguments) -> Vec<Row> {
    let plan = Plan {
        printers: (0..arguments.stations).map(station::mac).collect(),
        ..arguments.plan()
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
        say(&format!(
            "starting the servers with {} users ({})",
            plan.accounts.len(),
            if resumption { "resumption" } else { "full" }
        ));
        let servers: Vec<Subject> = arguments
            .servers
            .iter()
            .map(|kind| Subject::start_as(*kind, &plan))
            .collect();
        for server in &servers {
            say(&format!(
                "{} is process {}",
                report::name(server.kind()),
                server.pid()
            ));
        }
        for row in rows
            .iter_mut()
            .filter(|row| row.case.is_resumed() == resumption)
        {
            let count = turns(row.case, arguments.scale);
            let population = Population {
                stations: arguments.stations,
                users: arguments.users,
                devices: arguments.stations,
                postgres: arguments.database.is_some(),
            };
            for server in &servers {
                // Warm-up: caches, thread pools, the keyed hashes of passwords.
                let _ = run_round(server, row.case, population, count.div_ceil(4));
            }
            for round in 0..arguments.rounds {
                for (server, samples) in servers.iter().zip(&mut row.samples) {
                    let sample = run_round(server, row.case, population, count);
                    say(&format!(
                        "{:<24} round {} {}: {sample}",
                        row.case.name(),
                        round + 1,
                        report::name(server.kind())
                    ));
                    samples.push(sample);
                }
            }
        }
    }
    rows
}

fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut words = words.peekable();
    let growth = words.next_if_eq("growth").is_some();
    let mut arguments = Arguments {
        growth,
        cases: if growth {
            OF_EACH_KIND
                .iter()
                .copied()
                .filter_map(Case::by_name)
                .collect()
        } else {
            Case::all()
        },
        rounds: 3,
        stations: 64,
        users: 1000,
        scale: 1.0,
        servers: vec![SubjectKind::Nac, SubjectKind::FreeRadius],
        database: None,
        flat_file: false,
        server_cores: None,
        load_cores: None,
        sizes: growth::SIZES.to_vec(),
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
            "--flat-file" => arguments.flat_file = true,
            "--server-cores" => arguments.server_cores = Some(value()?),
            "--load-cores" => arguments.load_cores = Some(value()?),
            "--sizes" => {
                arguments.sizes = value()?.split(',').map(number).collect::<Result<_, _>>()?;
            }
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
