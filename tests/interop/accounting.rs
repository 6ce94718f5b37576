//! Accounting with radclient.

use nac_test_support::{Subject, cast, radclient};

#[test]
fn a_session_from_start_to_stop() {
    let subject = Subject::shared();
    let user = format!("User-Name = \"{}\"", cast::USER);
    for (status, seconds) in [("Start", 0), ("Interim-Update", 300), ("Stop", 600)] {
        let status = format!("Acct-Status-Type = {status}");
        let time = format!("Acct-Session-Time = {seconds}");
        let answer = radclient::send(
            subject.acct(),
            "acct",
            cast::SECRET,
            &[
                &user,
                &status,
                &time,
                "Acct-Session-Id = \"radclient-1\"",
                "Calling-Station-Id = \"02-00-00-00-00-10\"",
                "NAS-IP-Address = 127.0.0.1",
                "NAS-Port = 1",
                "Framed-IP-Address = 192.0.2.10",
                "Acct-Input-Octets = 1000",
                "Acct-Input-Gigawords = 1",
                "Acct-Output-Octets = 2000",
            ],
        );
        assert_eq!(
            answer.code.as_deref(),
            Some("Accounting-Response"),
            "{status}:\n{}",
            answer.log
        );
    }
}

#[test]
fn a_record_with_another_secret_is_not_answered() {
    let subject = Subject::shared();
    let answer = radclient::send(
        subject.acct(),
        "acct",
        "not the shared secret",
        &[
            "Acct-Status-Type = Start",
            "Acct-Session-Id = \"radclient-2\"",
        ],
    );
    assert_eq!(answer.code, None);
}
