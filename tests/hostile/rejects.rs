//! Rejects wait (`[radius] reject_delay`), and nothing waits with them.

use std::time::{Duration, Instant};

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::nac::Nac;
use nac_test_support::radsec::Dialling;
use nac_test_support::subject::Plan;
use nac_test_support::wire::{Packet, Request, attribute, code};

use crate::ground::{Ground, pap};
use crate::installation::Installation;

/// The longest that is allowed.
const DELAY: Duration = Duration::from_secs(5);

fn wrong(client: &Exchange, identifier: u8) -> Request {
    client.access_request(identifier, "ghost")
}

#[test]
fn a_reject_comes_later_once_for_all_copies_and_logins_overtake_it() {
    let site = Installation::with_cast();
    site.set("radius", "reject_delay", "5s");
    let running = site.serve();
    let client = Exchange::from("127.15.0.1:0", site.auth, cast::SECRET);
    let request = wrong(&client, 1).bytes();
    let asked = Instant::now();
    client.send(&request);
    client.send(&request);
    client.send(&request);
    // Somebody else logs in meanwhile, over the same socket: a reject of another would come first if it did not wait.
    let login = pap(&client, 2, true).bytes();
    client.send(&login);
    let next = || {
        let octets = client.receive(Duration::from_secs(20)).expect("an answer");
        Packet::parse(&octets).expect("a packet")
    };
    let first = next();
    assert_eq!((first.code, first.identifier), (code::ACCESS_ACCEPT, 2));
    let second = next();
    assert_eq!((second.code, second.identifier), (code::ACCESS_REJECT, 1));
    assert!(second.answers(&request, cast::SECRET));
    assert!(asked.elapsed() >= DELAY, "after {:?}", asked.elapsed());
    // A copy that comes now gets the same answer, at once; those before it got none.
    let asked = Instant::now();
    client.send(&request);
    let again = next();
    assert_eq!(again.bytes, second.bytes);
    assert!(asked.elapsed() < DELAY, "it was decided anew");
    assert!(
        client.receive(Duration::from_millis(200)).is_none(),
        "one for all copies"
    );
    assert!(running.is_running());
}

#[test]
fn more_rejects_than_may_wait_on_one_connection_go_at_once() {
    const SENT: usize = 100;
    let delay = Duration::from_secs(5);
    let mut nac = Nac::start(&Plan::default(), false);
    nac.configure(|table| {
        let radius = table["radius"].as_table_mut().expect("a section");
        radius.insert("reject_delay".to_owned(), "5s".into());
    });
    nac.restart();
    let mut connection = Dialling::new(nac.radsec, &nac.ca, &nac.nas)
        .connect()
        .expect("a connection");
    let asked = Instant::now();
    for _ in 0..SENT {
        let request = connection.request(code::ACCESS_REQUEST);
        let request = request.with(attribute::USER_NAME, "ghost");
        connection.send(&request.bytes()).expect("it is open");
    }
    let mut at_once = 0;
    for _ in 0..SENT {
        let reply = connection.receive_within(Duration::from_secs(30));
        assert_eq!(reply.expect("an answer").code, code::ACCESS_REJECT);
        at_once += usize::from(asked.elapsed() < delay);
    }
    assert!(at_once > 0, "all of them waited");
    assert!(asked.elapsed() >= delay, "none of them waited");
}

#[test]
fn a_station_that_is_refused_without_end_fills_neither_log_nor_history_and_is_counted() {
    const SENT: i64 = 600;
    const TOLD: usize = 10;
    let ground = Ground::start();
    let client = ground.client("127.15.0.9:0");
    let station = "02-00-00-15-00-09";
    for number in 0..SENT {
        let request = wrong(&client, (number % 251) as u8);
        let request = request.with(attribute::CALLING_STATION_ID, station);
        assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
    }
    // Another station behind the same switch is told as ever, and this one once it is let in: what was held comes first.
    let other = wrong(&client, 252).with(attribute::CALLING_STATION_ID, "02-00-00-15-00-0a");
    assert_eq!(client.answer(&other).code, code::ACCESS_REJECT);
    let login = pap(&client, 253, true).with(attribute::CALLING_STATION_ID, station);
    assert_eq!(client.answer(&login).code, code::ACCESS_ACCEPT);
    // It waits until everything so far is recorded.
    let _ = ground.decisions(cast::USER);

    let why = |mac: &str| -> Vec<(String, String)> {
        let told = ground.nac.command(&["why", mac, "--last", "100", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let told = told.as_array().expect("a list");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        told.iter()
            .map(|told| (text(&told["reason_code"]), text(&told["reason"])))
            .collect()
    };
    let told = why(station);
    assert_eq!(told.len(), 1 + 1 + TOLD, "{told:#?}");
    assert_eq!(told[0].0, "NAC-0000");
    assert_eq!(told[1].0, "NAC-2005");
    let more = SENT - TOLD as i64;
    let sum = format!("; {more} more like this in the last minute");
    assert!(told[1].1.ends_with(&sum), "{}", told[1].1);
    assert_eq!(why("02-00-00-15-00-0a").len(), 1);
    let lines = ground.lines("02:00:00:15:00:09", "NAC-2005");
    assert_eq!(lines.len(), 1 + TOLD, "{lines:#?}");
    ground.survived();
}
