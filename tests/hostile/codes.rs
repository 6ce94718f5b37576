//! The second factor under attack: codes that are wrong, used, guessed; States that are unknown, used, somebody else's.

use nac_eap::peer::PeerMethod;
use nac_test_support::authenticator_app::AuthenticatorApp;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::{Profile, log_in, log_in_with_code};
use nac_test_support::wait;
use nac_test_support::wire::{Packet, attribute, code};

use crate::ground::{Ground, NEIGHBOUR, SOON, read_only};

const PASSWORD: &str = "correct horse";
const REPLY_MESSAGE: u8 = 18;

/// Somebody with an app, whom the running server knows.
fn with_app(ground: &Ground, name: &str, more: &[&str]) -> AuthenticatorApp {
    let add = [
        &["user", "add", name, "--group", "staff", "--password-stdin"],
        more,
    ];
    ground
        .nac
        .command_with_input(&add.concat(), &format!("{PASSWORD}\n"));
    let made = ground
        .nac
        .command(&["user", "totp", "enable", name, "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    let app = AuthenticatorApp::new(made["secret"].as_str().expect("a secret"));
    let client = ground.client("127.0.0.1:0");
    let known = wait::until(SOON, || {
        send(&client, name, 0xfe, PASSWORD, None).code == code::ACCESS_CHALLENGE
    });
    assert!(known, "the server knows {name} and the app");
    app
}

fn send(client: &Exchange, user: &str, station: u8, said: &str, state: Option<&[u8]>) -> Packet {
    let request = client
        .access_request(station, user)
        .with(
            attribute::CALLING_STATION_ID,
            format!("02-00-00-00-00-{station:02x}"),
        )
        .with_password(said);
    let request = match state {
        Some(state) => request.with(attribute::STATE, state),
        None => request,
    };
    client.answer(&request)
}

/// The right password; gives the State of the challenge that follows.
fn challenged(client: &Exchange, user: &str, station: u8) -> Vec<u8> {
    let challenge = send(client, user, station, PASSWORD, None);
    assert_eq!(challenge.code, code::ACCESS_CHALLENGE);
    let prompt = challenge.first(REPLY_MESSAGE).expect("Reply-Message");
    assert!(String::from_utf8_lossy(prompt).contains("code"));
    let state = challenge.first(attribute::STATE).expect("State");
    assert_eq!(state.len(), 16);
    state.to_vec()
}

/// Reason and method of the decisions about a user, the oldest first.
fn decided(ground: &Ground, user: &str) -> Vec<(String, String)> {
    // Waits until everything is recorded.
    ground.decisions(user);
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let text = "SELECT reason_code, method FROM decision WHERE identity_key = ?1 ORDER BY id";
    let mut statement = database.prepare(text).expect("SQL");
    let rows = statement
        .query_map([user], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

#[test]
fn a_code_is_asked_for_and_its_state_works_once_for_who_was_asked() {
    let ground = Ground::start();
    let client = ground.client("127.0.0.1:0");
    let app = with_app(&ground, "erin", &[]);
    let other = with_app(&ground, "frank", &[]);
    let wrong = send(&client, "erin", 1, "wrong", None);
    assert_eq!(wrong.code, code::ACCESS_REJECT);
    assert!(wrong.first(attribute::STATE).is_none());

    let state = challenged(&client, "erin", 1);
    let neighbour = ground.client(NEIGHBOUR);
    for stolen in [
        send(&neighbour, "erin", 1, &app.code(), Some(&state)),
        send(&client, "erin", 2, &app.last_code(), Some(&state)),
        send(&client, "frank", 1, &other.code(), Some(&state)),
        send(&client, "erin", 1, &app.last_code(), Some(&[7; 16])),
        send(&client, "erin", 1, &app.last_code(), Some(&[])),
        send(&client, "nobody", 1, &app.last_code(), Some(&state)),
    ] {
        assert_eq!(stolen.code, code::ACCESS_REJECT);
    }
    // None of that used anything up.
    let accepted = send(&client, "ERIN", 1, &app.last_code(), Some(&state));
    assert_eq!(accepted.code, code::ACCESS_ACCEPT);
    assert!(accepted.first(attribute::STATE).is_none());
    let again = send(&client, "erin", 3, &app.code(), Some(&state));
    assert_eq!(again.code, code::ACCESS_REJECT, "the State was used");
    let station = send(&client, "erin", 1, &app.last_code(), Some(&state));
    assert_eq!(station.code, code::ACCESS_REJECT, "for its own station too");

    let decided = decided(&ground, "erin");
    let count = |reason: &str| decided.iter().filter(|(code, _)| code == reason).count();
    assert_eq!(count("NAC-2025"), 6, "{decided:?}");
    assert!(decided.contains(&("NAC-0000".to_owned(), "PAP+TOTP".to_owned())));
    ground.survived();
}

#[test]
fn a_used_code_is_worth_nothing_however_it_comes_again() {
    let ground = Ground::start();
    let client = ground.client("127.0.0.1:0");
    let app = with_app(&ground, "erin", &[]);
    let behind = format!("{PASSWORD}{}", app.code());
    assert_eq!(
        send(&client, "erin", 1, &behind, None).code,
        code::ACCESS_ACCEPT
    );
    assert_eq!(
        send(&client, "erin", 2, &behind, None).code,
        code::ACCESS_REJECT
    );
    let state = challenged(&client, "erin", 1);
    let again = send(&client, "erin", 1, &app.last_code(), Some(&state));
    assert_eq!(again.code, code::ACCESS_REJECT);
    let gtc = profile(&ground, "erin", PeerMethod::PeapGtc);
    assert!(!log_in_with_code(&client, &gtc, &app.last_code()).is_accepted());
    assert!(log_in_with_code(&client, &gtc, &app.code()).is_accepted());
    let decided = decided(&ground, "erin");
    let used = decided.iter().filter(|(code, _)| code == "NAC-2023");
    assert_eq!(used.count(), 2, "{decided:?}");
    assert!(decided.contains(&("NAC-0000".to_owned(), "PEAP-GTC+TOTP".to_owned())));

    // What was used is remembered beyond this process.
    let database = read_only(&ground.nac.config().with_file_name("nac.db"));
    let stored = wait::until(SOON, || {
        let text = "SELECT totp_last_step FROM user_account WHERE name_key = 'erin'";
        let step: i64 = database
            .query_row(text, [], |row| row.get(0))
            .expect("a step");
        step > 0
    });
    assert!(stored);
    ground.survived();
}

#[test]
fn guessing_codes_ends_after_a_few_and_the_users_own_device_still_gets_in() {
    let ground = Ground::start();
    let client = ground.client("127.0.0.1:0");
    let app = with_app(&ground, "erin", &[]);
    let behind = format!("{PASSWORD}{}", app.code());
    assert_eq!(
        send(&client, "erin", 0xff, &behind, None).code,
        code::ACCESS_ACCEPT
    );
    for station in 1..=30 {
        let state = challenged(&client, "erin", station);
        let guess = send(&client, "erin", station, &app.wrong_code(), Some(&state));
        assert_eq!(guess.code, code::ACCESS_REJECT);
    }
    let count = |reason: &str| {
        let decided = decided(&ground, "erin");
        decided.iter().filter(|(code, _)| code == reason).count()
    };
    assert_eq!((count("NAC-2022"), count("NAC-2024")), (10, 20));
    // A right one is not looked at either, wherever it stands.
    let code = app.code();
    let state = challenged(&client, "erin", 1);
    let right = send(&client, "erin", 1, &code, Some(&state));
    assert_eq!(right.code, code::ACCESS_REJECT);
    let behind = format!("{PASSWORD}{code}");
    let behind_it = send(&client, "erin", 2, &behind, None);
    assert_eq!(behind_it.code, code::ACCESS_REJECT);
    let state = challenged(&client, "erin", 0xff);
    let own = send(&client, "erin", 0xff, &code, Some(&state));
    assert_eq!(own.code, code::ACCESS_ACCEPT);
    ground.survived();
}

fn profile(ground: &Ground, user: &str, method: PeerMethod) -> Profile {
    Profile {
        identity: user.to_owned(),
        password: PASSWORD.to_owned(),
        ..ground.profile(method)
    }
}

#[test]
fn no_method_lets_the_password_in_alone() {
    let ground = Ground::start();
    let client = ground.client("127.0.0.1:0");
    let app = with_app(&ground, "erin", &["--mschap"]);
    for method in [
        PeerMethod::PeapMschapv2,
        PeerMethod::PeapGtc,
        PeerMethod::TtlsPap,
        PeerMethod::TtlsChap,
        PeerMethod::TtlsMschap,
        PeerMethod::TtlsMschapv2,
        PeerMethod::TtlsEapMschapv2,
        PeerMethod::TtlsEapGtc,
        PeerMethod::TeapMschapv2,
        PeerMethod::TeapPap,
    ] {
        let login = log_in(&client, &profile(&ground, "erin", method));
        assert!(!login.is_accepted(), "{method:?}");
    }
    let chap = client.access_request(1, "erin").with_chap(7, PASSWORD);
    assert_eq!(client.answer(&chap).code, code::ACCESS_REJECT);
    let request = client.access_request(2, "erin").with_ms_chap_v2(
        &[0x31; 16],
        &[0x32; 16],
        "erin",
        PASSWORD,
    );
    assert_eq!(client.answer(&request).code, code::ACCESS_REJECT);
    // The right password alone is known as such, and what cannot carry a code is told apart.
    let decided = decided(&ground, "erin");
    for (reason, method) in [("NAC-2020", "CHAP"), ("NAC-2020", "MS-CHAPv2")] {
        let expected = (reason.to_owned(), method.to_owned());
        assert!(decided.contains(&expected), "{decided:?}");
    }

    // With the code, whichever way the method carries it.
    let mut behind = profile(&ground, "erin", PeerMethod::TtlsPap);
    behind.password = format!("{PASSWORD}{}", app.code());
    assert!(log_in(&client, &behind).is_accepted());
    let gtc = profile(&ground, "erin", PeerMethod::TtlsEapGtc);
    assert!(log_in_with_code(&client, &gtc, &app.code()).is_accepted());
    ground.survived();
}

#[test]
fn an_app_ends_what_a_password_alone_has_begun() {
    let ground = Ground::start();
    let client = ground.client("127.0.0.1:0");
    let add = [
        "user",
        "add",
        "erin",
        "--group",
        "staff",
        "--password-stdin",
    ];
    ground
        .nac
        .command_with_input(&add, &format!("{PASSWORD}\n"));
    let gtc = profile(&ground, "erin", PeerMethod::PeapGtc);
    let known = wait::until(SOON, || log_in(&client, &gtc).is_accepted());
    assert!(known);
    ground.nac.command(&["user", "totp", "enable", "erin"]);
    // A TLS session without a code resumes nothing any more, and neither does the password that is remembered.
    let asked = wait::until(SOON, || !log_in(&client, &gtc).is_accepted());
    assert!(asked);
    assert_eq!(
        send(&client, "erin", 1, PASSWORD, None).code,
        code::ACCESS_CHALLENGE
    );
    ground.survived();
}
