//! An expired password is changed with the field's supplicant: eapol_test asks its user through wpa_cli (RFC 2759 section 7).

use std::time::Duration;

use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::nac::Nac;
use nac_test_support::subject::Plan;
use nac_test_support::{cast, radclient, wait};

const USER: &str = "erin";
const OLD: &str = "correct horse";

fn pap(nac: &Nac, password: &str) -> Option<String> {
    let user = format!("User-Name = \"{USER}\"");
    let password = format!("User-Password = \"{password}\"");
    radclient::send(nac.auth, "auth", cast::SECRET, &[&user, &password]).code
}

fn accepted(code: &Option<String>) -> bool {
    code.as_deref() == Some("Access-Accept")
}

#[test]
fn eapol_test_changes_an_expired_password() {
    let nac = Nac::start(&Plan::default(), false);
    let add = [
        "user",
        "add",
        USER,
        "--group",
        "staff",
        "--password-stdin",
        "--mschap",
    ];
    nac.command_with_input(&add, OLD);
    let limit = Duration::from_secs(60);
    assert!(wait::until(limit, || accepted(&pap(&nac, OLD))));
    // In EAP-TTLS wpa_supplicant ends the login before its user can answer.
    let changes = [
        (Method::PeapMschapv2, TlsVersion::V12, OLD, "battery staple"),
        (
            Method::PeapMschapv2,
            TlsVersion::V13,
            "battery staple",
            "neues Passwort",
        ),
    ];
    for (method, version, old, new) in changes {
        nac.command(&["user", "set", USER, "--must-change-password"]);
        assert!(wait::until(limit, || !accepted(&pap(&nac, old))));
        let supplicant = Supplicant {
            identity: USER,
            password: old,
            ..Supplicant::new(method, version, &nac.ca)
        };
        let outcome = supplicant.run_answering(nac.auth, cast::SECRET, "NEW_PASSWORD", &[new]);
        assert!(outcome.success, "{method:?}\n{}", outcome.tail());
        assert!(accepted(&pap(&nac, new)));
        assert!(!accepted(&pap(&nac, old)));
    } // It takes MS-CHAP-Error for the end of the login, and says so; nobody gets in.
    let present = "neues Passwort";
    nac.command(&["user", "set", USER, "--must-change-password"]);
    assert!(wait::until(limit, || !accepted(&pap(&nac, present))));
    let supplicant = Supplicant {
        identity: USER,
        password: present,
        ..Supplicant::new(Method::TtlsMschapv2, TlsVersion::V13, &nac.ca)
    };
    let outcome = supplicant.run(nac.auth, cast::SECRET);
    assert!(!outcome.success, "{}", outcome.tail());
    assert!(outcome.log.contains("MS-CHAP-Error"), "{}", outcome.tail());
}
