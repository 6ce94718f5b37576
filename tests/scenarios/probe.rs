//! `nac probe` answers what the server asks for besides the password: the code of an authenticator app, and a new password.

use std::process::Output;

use nac_test_support::authenticator_app::AuthenticatorApp;
use nac_test_support::{cast, wait};

use crate::enforcement::office;
use crate::site::{SOON, Site};
use crate::switch::Switch;

const NEW: &str = "battery staple";

/// Logs in as somebody with the usual password.
fn probe(site: &Site, method: &str, user: &str, more: &[&str]) -> Output {
    let (server, secret) = (
        site.auth.to_string(),
        site.secret_file().display().to_string(),
    );
    let ca = site.ca().display().to_string();
    let mut arguments = vec!["probe", method, "--server", &server, "--user", user];
    arguments.extend(["--secret-file", &secret, "--password-stdin"]);
    if !["pap", "mschapv2"].contains(&method) {
        arguments.extend(["--ca", &ca]);
    }
    arguments.extend(more);
    site.try_nac(&arguments, cast::PASSWORD)
}

/// A site whose server knows this machine.
fn site() -> Site {
    let site = office();
    // It is a client from its first answer on.
    drop(Switch::add(&site, "lab", [127, 0, 0, 1], "cisco-ios"));
    site
}

fn file(site: &Site, name: &str, text: &str) -> String {
    let file = site.directory().join(name);
    std::fs::write(&file, text).expect("the folder is ours");
    file.display().to_string()
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Somebody with an app, whom the running server knows.
fn with_app(site: &Site, name: &str) -> AuthenticatorApp {
    site.staff(name);
    let made = site.nac(&["user", "totp", "enable", name, "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    let known = || said(&probe(site, "pap", name, &[])).contains("asks for more");
    assert!(wait::until(SOON, known));
    AuthenticatorApp::new(made["secret"].as_str().expect("a secret"))
}

#[test]
fn a_code_is_shown_to_a_server_that_asks_for_one() {
    let site = site();
    for (name, method) in [
        ("bob", "pap"),
        ("carol", "peap-gtc"),
        ("dave", "ttls-eap-gtc"),
    ] {
        let app = with_app(&site, name);
        let asked = probe(&site, "pap", name, &[]);
        assert_eq!(asked.status.code(), Some(3));
        assert!(said(&asked).contains("Enter the code"), "{}", said(&asked));
        assert!(said(&asked).contains("--code-prompt"), "{}", said(&asked));

        let wrong = file(&site, "wrong", &app.wrong_code());
        let refused = probe(&site, method, name, &["--code-file", &wrong]);
        assert_eq!(
            refused.status.code(),
            Some(1),
            "{method}: {}",
            said(&refused)
        );
        let code = file(&site, "code", &app.code());
        let accepted = probe(&site, method, name, &["--code-file", &code, "--json"]);
        assert_eq!(
            accepted.status.code(),
            Some(0),
            "{method}: {}",
            said(&accepted)
        );
        if method == "pap" {
            let outcome: serde_json::Value =
                serde_json::from_slice(&accepted.stdout).expect("JSON");
            assert_eq!(outcome["round_trips"], 2);
        }
    }
}

#[test]
fn a_new_password_is_chosen_when_the_server_says_that_the_old_one_is_expired() {
    let site = site();
    let new = file(&site, "new", NEW);
    for (name, method) in [
        ("bob", "mschapv2"),
        ("carol", "peap"),
        ("dave", "ttls-mschapv2"),
        ("erin", "ttls-eap-mschapv2"),
    ] {
        site.staff(name);
        site.nac(&["user", "set", name, "--must-change-password"]);
        let known = || said(&probe(&site, "mschapv2", name, &[])).contains("E=648");
        assert!(wait::until(SOON, known));
        let refused = probe(&site, method, name, &[]);
        assert_eq!(
            refused.status.code(),
            Some(1),
            "{method}: {}",
            said(&refused)
        );
        let changed = probe(&site, method, name, &["--new-password-file", &new]);
        assert_eq!(
            changed.status.code(),
            Some(0),
            "{method}: {}",
            said(&changed)
        );
        let old = probe(&site, method, name, &[]);
        assert_eq!(old.status.code(), Some(1), "{method}: {}", said(&old));
    }
}
