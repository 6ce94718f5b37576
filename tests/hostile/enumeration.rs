//! Who exists is told to nobody: not by the answer, and not by the time that it takes.

use std::time::Instant;

use nac_eap::peer::PeerMethod;
use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::{Profile, log_in};
use nac_test_support::wire::{Packet, code};

use crate::ground::{Ground, Noise};

/// What one answer cost, in milliseconds.
#[derive(Clone, Copy)]
struct Cost {
    /// What who asks can measure; a busy machine adds to it.
    waited: f64,
    /// What the server did for it.
    worked: f64,
}

/// A wrong password for somebody, and what the answer cost.
fn guess(ground: &Ground, client: &Exchange, name: &str, count: u8) -> (Packet, Cost) {
    let request = client
        .access_request(count, name)
        .with_password(&format!("not the password {count}"));
    let before = ground.worked();
    let began = Instant::now();
    let reply = client.answer(&request);
    let waited = began.elapsed().as_secs_f64() * 1e3;
    let worked = ground.worked() - before;
    (reply, Cost { waited, worked })
}

/// What the answer consists of. The octets of signatures and random values are never the same.
fn shape(reply: &Packet) -> (u8, Vec<(u8, usize)>) {
    let attributes = reply.attributes.iter();
    let attributes = attributes.map(|(number, value)| (*number, value.len()));
    (reply.code, attributes.collect())
}

/// Names of one kind that are guessed in one batch. More than twenty guesses for a name are not looked at within a minute.
const NAMES: usize = 10;
const GUESSES: usize = 10;
/// A busy machine takes more batches until a difference would show.
const BATCHES: usize = 12;

const KINDS: [&str; 3] = ["user", "keyless", "ghost"];

fn name(kind: &str, batch: usize, number: usize) -> String {
    format!("{kind}-{batch}-{number}")
}

/// The people of all batches, with a password or without.
fn people() -> String {
    let mut lines = String::from("name,password,groups\n");
    for batch in 0..BATCHES {
        for number in 0..NAMES {
            for (kind, password) in [("user", "correct horse"), ("keyless", "")] {
                lines += &format!("{},{password},staff\n", name(kind, batch, number));
            }
        }
    }
    lines
}

#[test]
fn an_unknown_user_gets_the_same_answer_after_the_same_work_as_a_known_one() {
    let ground = &Ground::start();
    let file = ground.nac.config().with_file_name("people.csv");
    std::fs::write(&file, people()).expect("the folder is ours");
    let import = ["user", "import", &file.display().to_string()];
    ground.nac.command(&import);
    let client = ground.client("127.14.0.1:0");
    let mut noise = Noise::new(14);
    let mut costs: [Vec<Cost>; 3] = Default::default();
    for batch in 0..BATCHES {
        for guess_number in 0..NAMES * GUESSES {
            // In another order each time, so that no kind is always the one behind something slow.
            let (first, step) = (noise.below(KINDS.len()), 1 + noise.below(2));
            let mut shapes = Vec::new();
            for turn in 0..KINDS.len() {
                let kind = (first + turn * step) % KINDS.len();
                let name = name(KINDS[kind], batch, guess_number % NAMES);
                let identifier = (3 * guess_number + turn) as u8;
                let (reply, cost) = guess(ground, &client, &name, identifier);
                assert_eq!(reply.code, code::ACCESS_REJECT);
                shapes.push(shape(&reply));
                costs[kind].push(cost);
            }
            assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
        }
        let all =
            |of: fn(&Cost) -> f64| costs.each_ref().map(|costs| costs.iter().map(of).collect());
        let worked: [Vec<f64>; 3] = all(|cost| cost.worked);
        let waited: [Vec<f64>; 3] = all(|cost| cost.waited);
        let [known, others @ ..] = &worked;
        // What would be said of a server that does a millisecond more for who exists.
        let slower: Vec<f64> = known.iter().map(|cost| cost + 1.0).collect();
        if !others.iter().all(|other| differ(&slower, other)) {
            continue;
        }
        for (what, [known, others @ ..]) in [("work", worked), ("time", waited)] {
            for (whose, other) in ["a user without a password", "nobody"].iter().zip(&others) {
                let count = known.len();
                let more = shift(&known, other);
                assert!(
                    !differ(&known, other),
                    "{more:.3} ms more {what} for a user than for {whose}, after {count} guesses each"
                );
            }
        }
        return;
    }
    panic!(
        "a millisecond does not show after {} guesses each",
        costs[0].len()
    );
}

/// Whether one takes longer than the other: by rank, so that a scheduler that holds up one answer in ten counts for no more than that
/// (Mann and Whitney; as a Welch test with |t| > 4.5, it is wrong once in 150,000 times), and by more than what a network hides.
fn differ(one: &[f64], other: &[f64]) -> bool {
    let (n, m) = (one.len() as f64, other.len() as f64);
    let wins: f64 = one
        .iter()
        .map(|a| other.iter().filter(|b| a > b).count() as f64)
        .sum();
    let spread = (n * m * (n + m + 1.0) / 12.0).sqrt();
    let score = (wins - n * m / 2.0) / spread;
    score.abs() > 4.5 && shift(one, other).abs() > 0.3
}

/// By how much one is longer than the other: the median of all differences (Hodges and Lehmann).
fn shift(one: &[f64], other: &[f64]) -> f64 {
    let differences = one.iter().flat_map(|a| other.iter().map(move |b| a - b));
    let mut differences: Vec<f64> = differences.collect();
    let middle = differences.len() / 2;
    *differences.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[test]
fn the_statistic_sees_a_millisecond_through_noise_and_nothing_where_nothing_is() {
    let mut noise = Noise::new(7);
    let mut sample = |slower: f64| -> Vec<f64> {
        let mut one = || {
            let fraction = noise.below(1_000) as f64 / 1_000.0;
            let held_up = if noise.below(10) == 0 {
                20.0 * fraction
            } else {
                0.0
            };
            8.0 + slower + fraction + held_up
        };
        (0..150).map(|_| one()).collect()
    };
    for _ in 0..50 {
        assert!(!differ(&sample(0.0), &sample(0.0)));
        assert!(differ(&sample(1.0), &sample(0.0)));
        assert!(differ(&sample(0.0), &sample(1.0)));
    }
}

#[test]
fn inside_a_tunnel_an_unknown_user_fails_after_as_many_rounds_as_a_known_one() {
    let ground = Ground::shared();
    for method in [
        PeerMethod::PeapMschapv2,
        PeerMethod::PeapGtc,
        PeerMethod::TtlsPap,
        PeerMethod::TtlsMschapv2,
        PeerMethod::TeapMschapv2,
    ] {
        let attempt = |name: &str, source: &str| {
            let profile = Profile {
                identity: name.to_owned(),
                password: "not the password".to_owned(),
                ..ground.profile(method)
            };
            let login = log_in(&ground.client(source), &profile);
            (login.rounds, shape(&login.reply))
        };
        let known = attempt(cast::USER, "127.14.0.2:0");
        assert_eq!(known.1.0, code::ACCESS_REJECT, "{method:?}");
        assert_eq!(attempt("ghost", "127.14.0.3:0"), known, "{method:?}");
    }
    ground.survived();
}
