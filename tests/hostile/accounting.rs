//! Accounting that makes no sense (RFC 2866): recorded and answered as it came, or silently dropped; never a reason to stop.

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Request, attribute, code};

use crate::ground::{Ground, Noise, expect_silence, pap, read_only};

/// Acct-Input-Octets, Acct-Session-Time, Acct-Terminate-Cause, Framed-IP-Address.
const NUMBERS: [u8; 4] = [42, 46, 49, 8];

fn client(source: &str) -> Exchange {
    Exchange::from(source, Ground::shared().nac.acct, cast::SECRET)
}

fn start(client: &Exchange, identifier: u8, session: &[u8]) -> Request {
    client
        .request(code::ACCOUNTING_REQUEST, identifier)
        .with(attribute::ACCT_STATUS_TYPE, 1_u32.to_be_bytes())
        .with(attribute::ACCT_SESSION_ID, session)
}

#[test]
fn records_of_any_content_are_kept_and_answered() {
    let ground = Ground::shared();
    let client = client("127.9.0.1:0");
    let long = vec![b'x'; 253];
    let sessions: [&[u8]; 6] = [
        b"",
        b"\0",
        b"odd-\xff\xfe",
        b"odd-\n\x1b[2J",
        b"odd-'; DROP TABLE accounting; --",
        &long,
    ];
    let mut identifier = 0;
    let send = |request: Request| {
        let reply = client.answer(&request);
        assert_eq!(reply.code, code::ACCOUNTING_RESPONSE);
    };
    for session in sessions {
        identifier += 1;
        send(start(&client, identifier, session).with(attribute::USER_NAME, session));
    }
    for status in [0, 2, 3, 7, 8, 9, 15, 99, u32::MAX] {
        identifier += 1;
        let request = client
            .request(code::ACCOUNTING_REQUEST, identifier)
            .with(attribute::ACCT_STATUS_TYPE, status.to_be_bytes())
            .with(attribute::ACCT_SESSION_ID, format!("odd-status-{status}"));
        send(request);
    }
    // Numbers that are no numbers, and counters at their end.
    for number in NUMBERS {
        for value in [&[][..], &[1], &[0xff; 4], &[0xff; 8], &[0xff; 253]] {
            identifier += 1;
            send(start(&client, identifier, b"odd-number").with(number, value));
        }
    }
    send(client.request(code::ACCOUNTING_REQUEST, 250));
    ground.survived();
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let sql = "SELECT COUNT(*) FROM accounting WHERE acct_session_id LIKE 'odd-%'";
    let kept: i64 = database
        .query_row(sql, [], |row| row.get(0))
        .expect("a number");
    assert_eq!(kept, 3 + 9 + 20);
}

#[test]
fn what_does_not_belong_on_the_accounting_port_gets_silence() {
    let ground = Ground::shared();
    let client = client("127.9.0.2:0");
    expect_silence(&client, &pap(&client, 1, true).bytes());
    let mut unsigned = start(&client, 2, b"unsigned").bytes();
    unsigned[4..20].fill(0);
    expect_silence(&client, &unsigned);
    // The other way round.
    let auth = ground.client("127.9.0.3:0");
    expect_silence(&auth, &start(&auth, 1, b"misdirected").bytes());
    ground.survived();
}

#[test]
fn random_attributes_are_recorded_or_dropped() {
    let ground = Ground::shared();
    let client = client("127.9.0.4:0");
    let mut noise = Noise::new(77);
    for count in 0..500_u32 {
        let mut request = start(&client, count as u8, b"noise");
        for _ in 0..noise.below(12) {
            // Another Message-Authenticator or none of it: signatures are no part of this.
            let number = 81 + noise.below(170) as u8;
            let length = noise.below(60);
            request = request.with(number, noise.octets(length));
        }
        assert_eq!(client.answer(&request).code, code::ACCOUNTING_RESPONSE);
    }
    ground.survived();
}
