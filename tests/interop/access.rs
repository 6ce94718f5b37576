//! PAP, CHAP, MS-CHAP and MAB with radclient; MS-CHAPv2 with a client of our own.

use nac_test_support::wire::{MICROSOFT, attribute, code};
use nac_test_support::{Subject, SubjectKind, cast, mschapv2, radclient};

fn vlan_of(attributes: &[&str]) -> (Option<String>, Option<String>) {
    let answer = radclient::send(Subject::shared().auth(), "auth", cast::SECRET, attributes);
    let vlan = answer
        .attribute("Tunnel-Private-Group-Id")
        .map(str::to_owned);
    (answer.code, vlan)
}

fn accepted(vlan: &str) -> (Option<String>, Option<String>) {
    (Some("Access-Accept".to_owned()), Some(vlan.to_owned()))
}

#[test]
fn pap() {
    let user = format!("User-Name = \"{}\"", cast::USER);
    let password = format!("User-Password = \"{}\"", cast::PASSWORD);
    assert_eq!(vlan_of(&[&user, &password]), accepted(cast::STAFF_VLAN));
}

#[test]
fn pap_with_a_wrong_password() {
    let user = format!("User-Name = \"{}\"", cast::USER);
    let (code, _) = vlan_of(&[&user, "User-Password = \"wrong\""]);
    assert_eq!(code.as_deref(), Some("Access-Reject"));
}

#[test]
fn chap() {
    let user = format!("User-Name = \"{}\"", cast::USER);
    let password = format!("CHAP-Password = \"{}\"", cast::PASSWORD);
    assert_eq!(vlan_of(&[&user, &password]), accepted(cast::STAFF_VLAN));
}

#[test]
fn chap_with_a_wrong_password() {
    let user = format!("User-Name = \"{}\"", cast::USER);
    let (code, _) = vlan_of(&[&user, "CHAP-Password = \"wrong\""]);
    assert_eq!(code.as_deref(), Some("Access-Reject"));
}

#[test]
fn mab_in_six_spellings() {
    for (mac, vlan) in [
        (cast::PRINTER, cast::PRINTER_VLAN),
        (cast::STRANGER, cast::REGISTRATION_VLAN),
    ] {
        for spelling in cast::mac_formats(mac) {
            let user = format!("User-Name = \"{spelling}\"");
            let password = format!("User-Password = \"{spelling}\"");
            let station = format!("Calling-Station-Id = \"{spelling}\"");
            let answer = vlan_of(&[&user, &password, &station, "Service-Type = Call-Check"]);
            assert_eq!(answer, accepted(vlan), "{spelling}");
        }
    }
}

#[test]
fn mab_by_chap() {
    let [spelling, ..] = cast::mac_formats(cast::PRINTER);
    let user = format!("User-Name = \"{spelling}\"");
    let password = format!("CHAP-Password = \"{spelling}\"");
    assert_eq!(
        vlan_of(&[&user, &password, "Service-Type = Call-Check"]),
        accepted(cast::PRINTER_VLAN)
    );
}

#[test]
fn status_server() {
    let subject = Subject::shared();
    let answer = radclient::send(subject.auth(), "status", cast::SECRET, &[]);
    assert_eq!(
        answer.code.as_deref(),
        Some("Access-Accept"),
        "{}",
        answer.log
    );
}

/// What the server sent as the value of one Microsoft attribute (RFC 2548).
fn of_microsoft(reply: &nac_test_support::wire::Packet, wanted: u8) -> Option<Vec<u8>> {
    let found = reply
        .all(attribute::VENDOR_SPECIFIC)
        .into_iter()
        .find_map(|value| match value {
            [a, b, c, d, number, _, rest @ ..]
                if [*a, *b, *c, *d] == MICROSOFT && *number == wanted =>
            {
                Some(rest)
            }
            _ => None,
        });
    found.map(<[u8]>::to_vec)
}

#[test]
fn mschapv2_with_mutual_proof() {
    let subject = Subject::shared();
    let client = subject.client();
    let (authenticator, peer) = ([0x31; 16], [0x32; 16]);
    let response = mschapv2::nt_response(&authenticator, &peer, cast::USER, cast::PASSWORD);
    let request = client.access_request(1, cast::USER).with_ms_chap_v2(
        &authenticator,
        &peer,
        cast::USER,
        cast::PASSWORD,
    );
    let reply = client.answer(&request);
    assert_eq!(
        (reply.code, reply.vlan().as_deref()),
        (code::ACCESS_ACCEPT, Some(cast::STAFF_VLAN))
    );
    let success = of_microsoft(&reply, 26).expect("MS-CHAP2-Success");
    let proof = mschapv2::authenticator_response(
        &authenticator,
        &peer,
        cast::USER,
        cast::PASSWORD,
        &response,
    );
    assert_eq!(success.first(), Some(&9), "the identifier of the response");
    assert_eq!(
        String::from_utf8_lossy(&success[1..]).split(' ').next(),
        Some(&proof[..])
    );
    assert!(
        of_microsoft(&reply, 16).is_some() && of_microsoft(&reply, 17).is_some(),
        "MPPE keys"
    );
}

#[test]
fn mschapv2_with_a_wrong_password() {
    let subject = Subject::shared();
    let client = subject.client();
    let request = client.access_request(2, cast::USER).with_ms_chap_v2(
        &[1; 16],
        &[2; 16],
        cast::USER,
        "wrong",
    );
    let reply = client.answer(&request);
    assert_eq!(reply.code, code::ACCESS_REJECT);
    let error = of_microsoft(&reply, 2);
    if subject.kind() == SubjectKind::Nac {
        let error = error.expect("MS-CHAP-Error");
        assert!(
            String::from_utf8_lossy(&error).contains("E=691"),
            "the code that says: wrong password"
        );
    }
}
