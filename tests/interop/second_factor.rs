//! The second factor with the field's clients: radclient answers the challenge of PAP, eapol_test the second prompt of EAP-GTC.

use std::time::Duration;

use nac_test_support::authenticator_app::AuthenticatorApp;
use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::nac::Nac;
use nac_test_support::subject::Plan;
use nac_test_support::{cast, radclient, wait};

const PASSWORD: &str = "correct horse";
const USER: &str = "erin";

/// A server of which somebody has an app.
fn server() -> (Nac, AuthenticatorApp) {
    let nac = Nac::start(&Plan::default(), false);
    nac.command_with_input(
        &["user", "add", USER, "--group", "staff", "--password-stdin"],
        PASSWORD,
    );
    let made = nac.command(&["user", "totp", "enable", USER, "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    let app = AuthenticatorApp::new(made["secret"].as_str().expect("a secret"));
    let known = wait::until(Duration::from_secs(60), || {
        send(&nac, PASSWORD, None).code.as_deref() == Some("Access-Challenge")
    });
    assert!(known, "{}", nac.service.log());
    (nac, app)
}

fn send(nac: &Nac, said: &str, state: Option<&str>) -> radclient::Answer {
    let user = format!("User-Name = \"{USER}\"");
    let said = format!("User-Password = \"{said}\"");
    let state = state.map(|state| format!("State = {state}"));
    let mut attributes = vec![user.as_str(), said.as_str()];
    attributes.extend(state.as_deref());
    radclient::send(nac.auth, "auth", cast::SECRET, &attributes)
}

#[test]
fn pap_is_challenged_for_the_code() {
    let (nac, app) = server();
    let challenge = send(&nac, PASSWORD, None);
    let prompt = challenge.attribute("Reply-Message");
    assert!(prompt.is_some_and(|prompt| prompt.contains("code of your authenticator app")));
    let state = challenge.attribute("State").expect("State").to_owned();
    let wrong = send(&nac, &app.wrong_code(), Some(&state));
    assert_eq!(wrong.code.as_deref(), Some("Access-Reject"));
    let challenge = send(&nac, PASSWORD, None);
    let state = challenge.attribute("State").expect("State").to_owned();
    let right = send(&nac, &app.code(), Some(&state));
    assert_eq!(
        right.code.as_deref(),
        Some("Access-Accept"),
        "{}",
        right.log
    );
    assert_eq!(
        right.attribute("Tunnel-Private-Group-Id"),
        Some(cast::STAFF_VLAN)
    );
    let behind = format!("{PASSWORD}{}", app.code());
    assert_eq!(
        send(&nac, &behind, None).code.as_deref(),
        Some("Access-Accept")
    );
}

#[test]
fn eapol_test_answers_two_prompts_of_gtc() {
    let (nac, app) = server();
    for method in [Method::PeapGtc, Method::TtlsEapGtc] {
        let supplicant = Supplicant {
            identity: USER,
            ..Supplicant::new(method, TlsVersion::V12, &nac.ca)
        };
        let code = app.code();
        let outcome = supplicant.run_answering(nac.auth, cast::SECRET, "OTP", &[PASSWORD, &code]);
        assert!(outcome.success, "{method:?}\n{}", outcome.tail());
    }
}

#[test]
fn eapol_test_sends_password_and_code_in_one() {
    let (nac, app) = server();
    let both = format!("{PASSWORD}{}", app.code());
    let supplicant = Supplicant {
        identity: USER,
        password: &both,
        ..Supplicant::new(Method::TtlsPap, TlsVersion::V13, &nac.ca)
    };
    let outcome = supplicant.run(nac.auth, cast::SECRET);
    assert!(outcome.success, "{}", outcome.tail());
    let supplicant = Supplicant {
        identity: USER,
        password: PASSWORD,
        ..Supplicant::new(Method::TtlsPap, TlsVersion::V13, &nac.ca)
    };
    assert!(!supplicant.run(nac.auth, cast::SECRET).success);
}

#[test]
fn a_policy_tells_who_has_shown_a_code() {
    let (nac, app) = server();
    assert_eq!(
        send(&nac, "wrong", None).code.as_deref(),
        Some("Access-Reject")
    );
    let policy = "@id(\"strong\") @segment(\"staff\")\n\
        permit (principal in Group::\"staff\", action == Action::\"connect\", resource)\n\
        when { context.second_factor };\n";
    let file = nac.directory().write("strong.cedar", policy);
    nac.command(&["policy", "apply", &file.display().to_string()]);
    let alice = || {
        let user = format!("User-Name = \"{}\"", cast::USER);
        let password = format!("User-Password = \"{}\"", cast::PASSWORD);
        radclient::send(nac.auth, "auth", cast::SECRET, &[&user, &password]).code
    };
    let limit = Duration::from_secs(60);
    let refused = wait::until(limit, || alice().as_deref() == Some("Access-Reject"));
    assert!(refused, "a password alone is no second factor");
    let behind = format!("{PASSWORD}{}", app.code());
    let accepted = send(&nac, &behind, None);
    assert_eq!(accepted.code.as_deref(), Some("Access-Accept"));
    let mut shown = String::new();
    let recorded = wait::until(limit, || {
        shown = nac.command(&["why", USER]);
        shown.contains("PAP+TOTP")
    });
    assert!(
        recorded && shown.contains("a code of an authenticator app"),
        "{shown}"
    );
}
