//! Rejects wait (`[radius] reject_delay`), and nothing waits with them.

use std::time::{Duration, Instant};

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::nac::Nac;
use nac_test_support::radsec::Dialling;
use nac_test_support::subject::Plan;
use nac_test_support::wire::{Packet, Request, attribute, code};

use crate::ground::pap;
use crate::installation::Installation;

/// The longest that is allowed.
const DELAY: Duration = Duration::from_secs(5);

fn wrong(client: &Exchange, identifier: u8) -> Request {
    client
        .request(code::ACCESS_REQUEST, identifier)
        .with_message_authenticator()
        .with(attribute::USER_NAME, "ghost")
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
