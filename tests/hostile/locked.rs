//! A database that somebody else has locked: no login waits for it, and afterwards every decision of that time is stored.

use std::thread;
use std::time::{Duration, Instant};

use nac_eap::peer::PeerMethod;
use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::try_log_in;
use nac_test_support::wait;
use nac_test_support::wire::{Packet, Request, code};

use crate::crowd::turn;
use crate::ground::{Ground, SOON, mab, pap};

/// How long the database is locked.
const LOCKED: Duration = Duration::from_secs(10);
/// Within the first, one half of all logins is answered, and within the second, 99 of 100. A machine with nothing else to do keeps the first
/// for 99 of 100 as well.
const AT_ONCE: Duration = Duration::from_millis(50);
const ANSWERED: Duration = Duration::from_millis(500);
/// A switch that waits longer asks again, or asks another server.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two logins of one kind.
const BREATH: Duration = Duration::from_millis(10);

/// How long the answer took, which lets the station in. The request is sent once.
fn ask_once(client: &Exchange, request: &Request) -> Duration {
    let began = Instant::now();
    client.send(&request.bytes());
    let reply = client.receive(PATIENCE).expect("an answer in time");
    let reply = Packet::parse(&reply).expect("a packet");
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
    began.elapsed()
}

/// Logs in again and again until `ends`. Gives how long each took.
fn times(ground: &Ground, ends: Instant, request: fn(&Exchange, u8) -> Request) -> Vec<Duration> {
    let client = ground.client("127.0.0.1:0");
    let mut times = Vec::new();
    while Instant::now() < ends {
        times.push(ask_once(&client, &request(&client, times.len() as u8)));
        wait::pause(BREATH);
    }
    times.sort();
    times
}

#[test]
fn logins_are_answered_while_the_database_is_locked_and_are_stored_afterwards() {
    let ground = &Ground::start();
    let _turn = turn();
    let printer = hex::encode(cast::PRINTER);
    let before = ground.decisions(cast::USER);
    assert_eq!(ground.decisions(&printer), 0);
    let file = ground.nac.config().with_file_name("nac.db");
    let database = rusqlite::Connection::open(file).expect("the database can be opened");
    database.busy_timeout(SOON).expect("a limit is a number");
    database
        .execute_batch("BEGIN EXCLUSIVE")
        .expect("the only writer");
    let ends = Instant::now() + LOCKED;
    let (by_password, by_mac, by_eap) = thread::scope(|scope| {
        let by_password = scope.spawn(|| times(ground, ends, |client, id| pap(client, id, true)));
        let by_mac = scope.spawn(|| times(ground, ends, mab));
        let client = ground.client("127.0.0.1:0");
        let laptop = ground.profile(PeerMethod::PeapMschapv2);
        let mut by_eap = 0;
        while Instant::now() < ends {
            let login = try_log_in(&client, &laptop).expect("it is answered");
            assert!(login.is_accepted());
            by_eap += 1;
        }
        let joined = "every login is answered";
        let by_password = by_password.join().expect(joined);
        (by_password, by_mac.join().expect(joined), by_eap)
    });
    assert!(by_eap > 0, "no supplicant came by");
    for (kind, times) in [("password", &by_password), ("MAC", &by_mac)] {
        let (usual, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        assert!(usual < AT_ONCE, "by {kind} one of two took {usual:?}");
        assert!(late < ANSWERED, "by {kind} one of 100 took {late:?}");
    }
    // While it was locked nothing was written: the writer of the server is not another who slipped in.
    let stored: i64 = database
        .query_row(
            "SELECT COUNT(*) FROM decision WHERE user_key = ?1",
            [&printer],
            |row| row.get(0),
        )
        .expect("decisions can be counted");
    assert_eq!(stored, 0, "it was not locked");
    database.execute_batch("ROLLBACK").expect("it was begun");
    assert_eq!(ground.decisions(&printer), by_mac.len() as i64);
    // Supplicants are decided about by the name inside the tunnel; the User-Name outside is `anonymous`.
    let alice = ground.decisions(cast::USER) - before;
    let anonymous = ground.decisions("anonymous");
    assert_eq!(alice, by_password.len() as i64);
    assert_eq!(anonymous, by_eap);
    ground.survived();
}
