//! Somebody guesses a user's password: most guesses are not even looked at, and the user's own device still gets in.

use nac_test_support::cast;
use nac_test_support::wire::{attribute, code};

use crate::ground::{Ground, read_only};

const GUESSES: u8 = 120;
const LOOKED_AT: i64 = 20;

fn log_in(ground: &Ground, station: u8, password: &str) -> u8 {
    let client = ground.client("127.0.0.1:0");
    let request = client
        .access_request(station, cast::USER)
        .with(
            attribute::CALLING_STATION_ID,
            format!("02-00-00-00-00-{station:02x}"),
        )
        .with_password(password);
    client.answer(&request).code
}

#[test]
fn guesses_end_after_a_few_and_the_users_own_laptop_still_gets_in() {
    let ground = Ground::start();
    assert_eq!(log_in(&ground, 0xff, cast::PASSWORD), code::ACCESS_ACCEPT);
    for station in 0..GUESSES {
        let guess = format!("guess {station}");
        assert_eq!(log_in(&ground, station, &guess), code::ACCESS_REJECT);
    }
    assert_eq!(log_in(&ground, 0xff, "mistyped"), code::ACCESS_REJECT);
    assert_eq!(log_in(&ground, 0xff, cast::PASSWORD), code::ACCESS_ACCEPT);
    // `decisions` waits until everything is recorded.
    assert!(ground.decisions(cast::USER) > i64::from(GUESSES));
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let count = |reason: &str| -> i64 {
        let text = "SELECT COUNT(*) FROM decision WHERE reason_code = ?1";
        database
            .query_row(text, [reason], |row| row.get(0))
            .expect("a count")
    };
    assert_eq!(count("NAC-2001"), LOOKED_AT + 1, "and the mistyped one");
    assert_eq!(count("NAC-2010"), i64::from(GUESSES) - LOOKED_AT);
    ground.still_serves();
}
