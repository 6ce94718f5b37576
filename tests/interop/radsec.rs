//! RADIUS over TLS: `radclient` and `eapol_test` on one side of `radsecproxy`, the server on the other.

use nac_test_support::eapol_test::{Method, Supplicant, TlsVersion};
use nac_test_support::radsec::{Dialling, RadSec};
use nac_test_support::radsecproxy::RadSecProxy;
use nac_test_support::wire::{attribute, code};
use nac_test_support::{Subject, SubjectKind, cast, radclient};

fn proxy() -> RadSecProxy {
    let subject = Subject::shared();
    RadSecProxy::before(subject.radsec(), subject.ca(), subject.nas())
}

/// A connection of the tests' own.
fn connect() -> RadSec {
    let subject = Subject::shared();
    let mut dialling = Dialling::new(subject.radsec(), subject.ca(), subject.nas());
    if subject.kind() == SubjectKind::FreeRadius {
        dialling.name = "server";
    }
    dialling.connect().expect("the server takes it")
}

#[test]
fn passwords_and_refusals_come_through_the_proxy() {
    let proxy = proxy();
    let user = format!("User-Name = \"{}\"", cast::USER);
    for (password, expected) in [
        (cast::PASSWORD, "Access-Accept"),
        ("wrong", "Access-Reject"),
        (cast::PASSWORD, "Access-Accept"),
    ] {
        let password = format!("User-Password = \"{password}\"");
        let attributes = [user.as_str(), &password, "NAS-IP-Address = 127.0.0.1"];
        let answer = radclient::send(proxy.address, "auth", cast::SECRET, &attributes);
        assert_eq!(
            answer.code.as_deref(),
            Some(expected),
            "{}{}",
            answer.log,
            proxy.log()
        );
        let vlan = answer.attribute("Tunnel-Private-Group-Id");
        let expected = (expected == "Access-Accept").then_some(cast::STAFF_VLAN);
        assert_eq!(vlan, expected, "{}", answer.log);
    }
}

#[test]
fn accounting_takes_the_same_connection() {
    let proxy = proxy();
    for status in ["Start", "Stop"] {
        let answer = radclient::send(
            proxy.address,
            "acct",
            cast::SECRET,
            &[
                &format!("User-Name = \"{}\"", cast::USER),
                &format!("Acct-Status-Type = {status}"),
                "Acct-Session-Id = \"radsec-1\"",
                "Calling-Station-Id = \"02-00-00-00-00-10\"",
                "NAS-IP-Address = 127.0.0.1",
            ],
        );
        let code = answer.code.as_deref();
        assert_eq!(code, Some("Accounting-Response"), "{}", answer.log);
    }
}

#[test]
fn a_supplicant_gets_its_keys_through_the_proxy() {
    let (subject, proxy) = (Subject::shared(), proxy());
    for (method, version) in [
        (Method::Tls, TlsVersion::V13),
        (Method::Tls, TlsVersion::V12),
        (Method::PeapMschapv2, TlsVersion::V12),
        (Method::TtlsPap, TlsVersion::V12),
    ] {
        let mut supplicant = Supplicant::new(method, version, subject.ca());
        if method == Method::Tls {
            supplicant.credential = Some(subject.credential());
        }
        let outcome = supplicant.run(proxy.address, cast::SECRET);
        let case = format!("{method:?} on {version:?}");
        assert!(
            outcome.success,
            "{case}:\n{}\n{}",
            outcome.tail(),
            proxy.log()
        );
        assert_eq!(outcome.keys(), Some((1, 0)), "{case}: MPPE keys");
        let staff = Some(cast::STAFF_VLAN.to_owned());
        assert_eq!(outcome.vlans(), [staff], "{case}: VLAN");
    }
}

#[test]
fn the_watchdogs_status_server_is_answered() {
    let mut connection = connect();
    for _ in 0..3 {
        let request = connection.request(code::STATUS_SERVER);
        let request = request.with_message_authenticator();
        assert_eq!(connection.answer(&request).code, code::ACCESS_ACCEPT);
    }
}

#[test]
fn many_requests_in_one_record_are_all_answered() {
    let fault = "3.2.1 answers none of several packets that share a TLS record";
    Subject::shared().unless_freeradius(fault, || many_at_once(&mut connect()));
}

fn many_at_once(connection: &mut RadSec) {
    let requests: Vec<Vec<u8>> = (0..8)
        .map(|_| {
            let request = connection.request(code::ACCESS_REQUEST);
            request
                .with_message_authenticator()
                .with(attribute::USER_NAME, cast::USER)
                .with_password(cast::PASSWORD)
                .bytes()
        })
        .collect();
    connection.send(&requests.concat()).expect("one record");
    let mut answered: Vec<u8> = (0..8)
        .map(|count| {
            let reply = connection.receive();
            let reply = reply.unwrap_or_else(|| panic!("{count} answers to 8 requests"));
            assert_eq!(reply.code, code::ACCESS_ACCEPT);
            reply.identifier
        })
        .collect();
    answered.sort_unstable();
    let mut asked: Vec<u8> = requests.iter().map(|request| request[1]).collect();
    asked.sort_unstable();
    assert_eq!(answered, asked, "in whatever order");
}
