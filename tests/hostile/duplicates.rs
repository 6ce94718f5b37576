//! Retransmissions (RFC 5080 section 2.2.2): one decision, the same octets.

use std::time::Duration;

use nac_test_support::wire::{attribute, code};

use crate::ground::Ground;

#[test]
fn a_hundred_copies_are_decided_once_and_answered_with_the_same_octets() {
    let ground = Ground::shared();
    let client = ground.client("127.5.0.1:0");
    for (name, password) in [
        ("twin-refused", Some("wrong")),
        ("twin-without-credentials", None),
    ] {
        let request = client.access_request(1, name);
        let request = match password {
            Some(password) => request.with_password(password),
            None => request,
        };
        let bytes = request.bytes();
        let first = client.ask(&bytes).expect("the server answers");
        for _ in 0..99 {
            client.send(&bytes);
            let again = client
                .receive(Duration::from_secs(4))
                .expect("an answer again");
            assert_eq!(again, first.bytes);
        }
        assert_eq!(ground.decisions(name), 1, "{name}");
    }
    ground.survived();
}

#[test]
fn copies_that_arrive_before_the_answer_are_decided_once_too() {
    let ground = Ground::shared();
    let client = ground.client("127.5.0.2:0");
    let request = client.access_request(1, "triplet").with_password("wrong");
    let bytes = request.bytes();
    for _ in 0..100 {
        client.send(&bytes);
    }
    let first = client.receive(Duration::from_secs(4)).expect("an answer");
    while let Some(again) = client.receive(Duration::from_millis(300)) {
        assert_eq!(again, first);
    }
    assert_eq!(ground.decisions("triplet"), 1);
    ground.survived();
}

#[test]
fn the_same_identifier_with_a_new_authenticator_is_a_new_request() {
    let ground = Ground::shared();
    let client = ground.client("127.5.0.3:0");
    for _ in 0..3 {
        let request = client.access_request(1, "reborn");
        assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
    }
    assert_eq!(ground.decisions("reborn"), 3);
}

#[test]
fn a_hundred_copies_of_an_accounting_request_are_one_record() {
    let ground = Ground::shared();
    let client = nac_test_support::exchange::Exchange::from(
        "127.5.0.4:0",
        ground.nac.acct,
        nac_test_support::cast::SECRET,
    );
    let request = client
        .request(code::ACCOUNTING_REQUEST, 1)
        .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
        .with(attribute::ACCT_SESSION_ID, "copied-a-hundred-times");
    let bytes = request.bytes();
    for _ in 0..100 {
        client.send(&bytes);
    }
    let first = client.receive(Duration::from_secs(4)).expect("an answer");
    while let Some(again) = client.receive(Duration::from_millis(300)) {
        assert_eq!(again, first);
    }
    let database = crate::ground::read_only(&ground.nac.config().with_file_name("nac.db"));
    let sql = "SELECT COUNT(*) FROM accounting WHERE acct_session_id = 'copied-a-hundred-times'";
    let records: i64 = database
        .query_row(sql, [], |row| row.get(0))
        .expect("a number");
    assert_eq!(records, 1);
    ground.survived();
}
