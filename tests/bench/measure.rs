//! One round: all stations at work at once, and what it cost the server.

use std::fmt;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use nac_test_support::{Subject, wait};

use crate::case::Case;
use crate::station::{Credentials, Station};

/// The kernel counts CPU time in these units; it is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one round showed.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Authentications that ended as they should.
    pub(crate) done: usize,
    /// Those that did not, and the first complaint.
    pub(crate) failed: usize,
    complaint: Option<String>,
    /// CPU time of the server process.
    pub(crate) cpu: Duration,
    /// CPU time of PostgreSQL; zero while none is used.
    pub(crate) database_cpu: Duration,
    /// Wall-clock time.
    pub(crate) wall: Duration,
    /// How long each took, ascending.
    pub(crate) times: Vec<Duration>,
    /// The server's largest memory in this round, in KiB.
    pub(crate) peak_memory_kib: u64,
}

impl Sample {
    /// Whether at least 99 of 100 ended as they should.
    pub(crate) fn is_sound(&self) -> bool {
        self.done > 0 && self.failed * 100 <= self.done
    }

    /// CPU milliseconds of the server per authentication.
    pub(crate) fn cpu_ms(&self) -> f64 {
        self.per_login_ms(self.cpu)
    }

    /// CPU milliseconds of the database per authentication.
    pub(crate) fn database_cpu_ms(&self) -> f64 {
        self.per_login_ms(self.database_cpu)
    }

    fn per_login_ms(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1000.0 / self.done.max(1) as f64
    }

    /// The time within which a share of the authentications was done.
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let at = (self.times.len() as f64 * share) as usize;
        self.times
            .get(at.min(self.times.len().saturating_sub(1)))
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }

    /// Authentications per second.
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.wall.as_secs_f64().max(f64::EPSILON)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} done, {} failed, {:.3} + {:.3} ms CPU each, p50 {:.1} ms, p99 {:.1} ms, {:.0}/s",
            self.done,
            self.failed,
            self.cpu_ms(),
            self.database_cpu_ms(),
            self.percentile_ms(0.5),
            self.percentile_ms(0.99),
            self.rate()
        )?;
        match &self.complaint {
            Some(complaint) => write!(f, " ({complaint})"),
            None => Ok(()),
        }
    }
}

/// Who there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    /// Stations at work at once.
    pub(crate) stations: usize,
    /// Users with passwords.
    pub(crate) users: usize,
    /// Registered devices, which the stations present in turn.
    pub(crate) devices: usize,
    /// Whether PostgreSQL works for the server too.
    pub(crate) postgres: bool,
}

/// Lets all stations do `case`, `count` times each.
pub(crate) fn run_round(
    server: &Subject,
    case: Case,
    population: Population,
    count: usize,
) -> Sample {
    let stations = population.stations;
    let credentials = Credentials::read(server);
    let ready = Barrier::new(stations + 1);
    let go = Barrier::new(stations + 1);
    let mut times = Vec::with_capacity(stations * count);
    let (mut failed, mut complaint) = (0, None);
    let (mut used, mut wall) = (CpuTime::default(), Duration::ZERO);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..stations)
            .map(|number| {
                let (credentials, ready, go) = (&credentials, &ready, &go);
                scope.spawn(move || {
                    let mut station = Station::new(server, credentials, number, population);
                    // What is not measured, such as the sessions that are to be resumed.
                    let prepared = station.prepare(case, count);
                    ready.wait();
                    go.wait();
                    let mut times = Vec::with_capacity(count);
                    let mut failures = Vec::new();
                    for turn in 0..count {
                        let started = Instant::now();
                        match station.perform(case, turn) {
                            Ok(()) => times.push(started.elapsed()),
                            Err(problem) => failures.push(problem),
                        }
                    }
                    failures.extend(prepared.err());
                    (times, failures)
                })
            })
            .collect();
        ready.wait();
        if case.is_resumed() {
            // The preparation's own aftermath: records to write, requests to forget (FreeRADIUS keeps them for 2 s).
            wait::pause(Duration::from_millis(2300));
            CpuTime::when_idle(server.pid());
        }
        // Makes the kernel begin a new peak (proc(5), clear_refs).
        let _ = std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5");
        let (before, started) = (CpuTime::now(server.pid()), Instant::now());
        go.wait();
        for worker in workers {
            let (own, failures) = worker.join().expect("a station does not panic");
            times.extend(own);
            failed += failures.len();
            complaint = complaint.take().or_else(|| failures.into_iter().next());
        }
        wall = started.elapsed();
        used = CpuTime::when_idle(server.pid()).since(before);
    });
    times.sort_unstable();
    let peak_memory_kib = peak_memory(server.pid());
    Sample {
        done: times.len(),
        failed,
        complaint,
        cpu: used.server,
        database_cpu: match population.postgres {
            true => used.database,
            false => Duration::ZERO,
        },
        wall,
        times,
        peak_memory_kib,
    }
}

/// User and system time, with all threads.
#[derive(Clone, Copy, Debug, Default)]
struct CpuTime {
    server: Duration,
    /// Of every PostgreSQL process of this machine: a connection is one.
    database: Duration,
}

impl CpuTime {
    fn now(server: u32) -> Self {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let postgres = processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(Stat::read)
            .filter(|stat| stat.command == "postgres");
        Self {
            server: Stat::read(server).map_or(Duration::ZERO, |stat| stat.own),
            database: postgres.map(|stat| stat.own + stat.ended_children).sum(),
        }
    }

    /// Once the server has nothing left to do: what it writes down after answering counts for the round that caused it, and does not
    /// spill into the next one.
    fn when_idle(server: u32) -> Self {
        let mut before = Self::now(server);
        for _ in 0..100 {
            wait::pause(Duration::from_millis(300));
            let now = Self::now(server);
            let used = now.since(before);
            // One tick in a while is the server's own housekeeping.
            if used.server + used.database <= Duration::from_millis(10) {
                return now;
            }
            before = now;
        }
        before
    }

    fn since(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            database: self.database.saturating_sub(before.database),
        }
    }
}

/// What proc(5) says of a process.
struct Stat {
    command: String,
    own: Duration,
    ended_children: Duration,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (start, rest) = stat.rsplit_once(") ")?;
        // After the command in brackets: state is field 3, utime 14, stime 15, and the same of ended children 16 and 17.
        let ticks: Vec<f64> = rest
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse().ok())
            .collect();
        let [user, system, children_user, children_system] = ticks.try_into().ok()?;
        Some(Self {
            command: start.rsplit_once('(')?.1.to_owned(),
            own: Duration::from_secs_f64((user + system) / TICKS_PER_SECOND),
            ended_children: Duration::from_secs_f64(
                (children_user + children_system) / TICKS_PER_SECOND,
            ),
        })
    }
}

fn peak_memory(pid: u32) -> u64 {
    memory(pid, "VmHWM:")
}

/// What a process holds in memory now, in KiB, once it has nothing left to do.
pub(crate) fn memory_when_idle(pid: u32) -> u64 {
    CpuTime::when_idle(pid);
    memory(pid, "VmRSS:")
}

fn memory(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}
