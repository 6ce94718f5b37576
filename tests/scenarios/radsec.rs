//! A switch that comes over TLS: who it is, RADIUS/1.1, and CoA back over its own connection.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use nac_test_support::nas::FakeNas;
use nac_test_support::pki::Credential;
use nac_test_support::radsec::{Dialling, RadSec, SECRET, token_of, token_packet};
use nac_test_support::subject::free_ports;
use nac_test_support::wire::{Packet, attribute, code};
use nac_test_support::{cast, wait};

use crate::enforcement::office_with;
use crate::site::{SOON, Site, enforcement, has_moved_to, is};
use crate::supplicant::Supplicant;

/// Error-Cause, Session Context Not Found (RFC 5176 section 3.5).
const SESSION_CONTEXT_NOT_FOUND: u32 = 503;
/// Loopback addresses of the cast; the server sees them as the other end.
const ELSEWHERE: [u8; 4] = [127, 0, 7, 7];
/// An address from which nothing comes: its client is known by name alone.
const NOWHERE: &str = "192.0.2.10";

/// A server that takes RADIUS over TLS.
struct Office {
    site: Site,
    radsec: SocketAddr,
    ca: PathBuf,
}

impl Office {
    fn open() -> Self {
        let [radsec] = free_ports();
        let site = office_with(&format!("[radsec]\nlisten = \"{radsec}\"\n"));
        let ca = site.ca();
        Self { site, radsec, ca }
    }

    /// A client that is known by the name in its certificate.
    fn known(&self, name: &str, more: &[&str]) -> Credential {
        let host = format!("{name}.office.test");
        self.add(name, NOWHERE, &host, more);
        self.site.certificate("--nas", &host)
    }

    fn add(&self, name: &str, address: &str, radsec_name: &str, more: &[&str]) {
        let secret = self.site.secret_file().display().to_string();
        let mut arguments = vec!["client", "add", name, "--address", address];
        arguments.extend(["--radsec-name", radsec_name, "--secret-file", &secret]);
        arguments.extend(more);
        self.site.nac(&arguments);
    }

    fn dial<'a>(&'a self, credential: &'a Credential) -> Dialling<'a> {
        Dialling::new(self.radsec, &self.ca, credential)
    }

    /// Dials until the server lets it in: a command is done before the server has read it.
    fn connect(&self, dialling: &Dialling<'_>) -> RadSec {
        let mut connected = None;
        let known = wait::until(SOON, || {
            let mut connection = dialling.connect().ok();
            connected = connection.take_if(|connection| !connection.is_closed_within(PROMPTLY));
            connected.is_some()
        });
        assert!(known, "the server takes it:\n{}", self.site.log());
        connected.expect("it is known")
    }

    fn is_refused(&self, dialling: &Dialling<'_>, code: &str) {
        match dialling.connect() {
            Err(_) => {}
            Ok(mut connection) => assert!(connection.is_closed(), "it is let in"),
        }
        let says = || self.site.log().contains(code);
        assert!(wait::until(SOON, says), "{code}:\n{}", self.site.log());
    }
}

/// How soon the server closes what it does not want.
const PROMPTLY: Duration = Duration::from_millis(300);

/// Alice's password at a port of a switch, by PAP.
fn pap(connection: &mut RadSec, mac: &str) -> Packet {
    let request = connection.request(code::ACCESS_REQUEST);
    let request = request
        .with(attribute::USER_NAME, "alice")
        .with(attribute::NAS_IP_ADDRESS, [192, 0, 2, 10])
        .with(attribute::NAS_PORT, 7_u32.to_be_bytes())
        .with(attribute::NAS_PORT_TYPE, 15_u32.to_be_bytes())
        .with(attribute::CALLING_STATION_ID, mac)
        .with(attribute::ACCT_SESSION_ID, format!("session-{mac}"))
        .with_password(cast::PASSWORD);
    connection.answer(&request)
}

fn account(connection: &mut RadSec, mac: &str, status: u32, class: &[u8]) -> Packet {
    let request = connection.request(code::ACCOUNTING_REQUEST);
    let request = request
        .with(attribute::ACCT_STATUS_TYPE, status.to_be_bytes())
        .with(attribute::USER_NAME, "alice")
        .with(attribute::NAS_IP_ADDRESS, [192, 0, 2, 10])
        .with(attribute::CALLING_STATION_ID, mac)
        .with(attribute::ACCT_SESSION_ID, format!("session-{mac}"))
        .with(attribute::CLASS, class);
    connection.answer(&request)
}

fn quarantine(office: &Office, mac: &str) {
    let arguments = ["quarantine", "add", mac, "--reason", "seen scanning"];
    office.site.nac(&arguments);
}

#[test]
fn a_switch_is_known_by_the_name_in_its_certificate() {
    let office = Office::open();
    let credential = office.known("floor-3", &[]);
    let mut connection = office.connect(&office.dial(&credential));
    let mac = "02-00-00-00-10-01";
    let reply = pap(&mut connection, mac);
    assert_eq!(reply.vlan().as_deref(), Some("10"));
    assert_eq!(
        reply.attributes.first().map(|(number, _)| *number),
        Some(attribute::MESSAGE_AUTHENTICATOR),
        "as over UDP"
    );
    let class = reply.first(attribute::CLASS).expect("a Class").to_vec();
    let response = account(&mut connection, mac, 1, &class);
    assert_eq!(response.code, code::ACCOUNTING_RESPONSE);
    let why = office.site.why_once(mac, |why| why["outcome"] == "accept");
    assert_eq!(why["client"], "floor-3");
    let shown = || office.site.nac(&["client", "show", "floor-3"]);
    assert!(shown().contains("floor-3.office.test"), "{}", shown());
    let carried = || shown().contains("127.0.0.1 RADIUS/1.0 over TLS");
    assert!(wait::until(4 * SOON, carried), "{}", shown());
}

#[test]
fn without_a_radsec_name_the_address_says_who_it_is() {
    let office = Office::open();
    let secret = office.site.secret_file().display().to_string();
    let arguments = ["client", "add", "attic", "--address", "127.0.7.7"];
    let arguments = [&arguments[..], &["--secret-file", &secret]].concat();
    office.site.nac(&arguments);
    let credential = office.site.certificate("--nas", "whatever.office.test");
    let mut dialling = office.dial(&credential);
    dialling.from = ELSEWHERE.into();
    let mut connection = office.connect(&dialling);
    assert_eq!(
        pap(&mut connection, "02-00-00-00-10-02").code,
        code::ACCESS_ACCEPT
    );

    // Once the entry wants a name, the address is not enough any more, and the open connection ends.
    let arguments = [
        "client",
        "set",
        "attic",
        "--radsec-name",
        "attic.office.test",
    ];
    office.site.nac(&arguments);
    assert!(connection.is_closed());
    office.is_refused(&dialling, "NAC-4002");
}

#[test]
fn a_certificate_of_nobody_known_is_refused_and_the_log_says_its_names() {
    let office = Office::open();
    let credential = office.site.certificate("--nas", "nobody.office.test");
    office.is_refused(&office.dial(&credential), "NAC-4002");
    assert!(office.site.log().contains("nobody.office.test"));
    let mut without = office.dial(&credential);
    without.credential = None;
    office.is_refused(&without, "NAC-4001");
}

#[test]
fn what_lets_a_laptop_in_does_not_let_it_play_a_switch() {
    let office = Office::open();
    for holder in ["user", "device"] {
        // Its name is the very one that a client is known by.
        let (client, name) = (format!("trap-{holder}"), format!("{holder}.office.test"));
        office.add(&client, &format!("192.0.2.{}", client.len()), &name, &[]);
        let credential = office.site.certificate(&format!("--{holder}"), &name);
        office.is_refused(&office.dial(&credential), "NAC-4003");
    }
}

#[test]
fn a_revoked_certificate_ends_the_connection_and_opens_no_other() {
    let office = Office::open();
    let credential = office.known("floor-3", &[]);
    let mut connection = office.connect(&office.dial(&credential));
    assert_eq!(
        pap(&mut connection, "02-00-00-00-10-03").code,
        code::ACCESS_ACCEPT
    );
    let arguments = ["certificate", "revoke", "floor-3.office.test"];
    office.site.nac(&arguments);
    assert!(connection.is_closed(), "although it says nothing");
    office.is_refused(&office.dial(&credential), "NAC-2201");
}

#[test]
fn a_packet_without_message_authenticator_is_welcome_and_a_forged_one_ends_the_connection() {
    let office = Office::open();
    let credential = office.known("floor-3", &[]);
    let mut connection = office.connect(&office.dial(&credential));
    // `pap` signs nothing: TLS does.
    assert_eq!(
        pap(&mut connection, "02-00-00-00-10-04").code,
        code::ACCESS_ACCEPT
    );
    let request = connection.request(code::ACCESS_REQUEST);
    let forged = request
        .with(attribute::USER_NAME, "alice")
        .with(attribute::MESSAGE_AUTHENTICATOR, [7; 16]);
    connection.send(&forged.bytes()).expect("it is open");
    assert!(connection.is_closed());
}

#[test]
fn radius_1_1_hides_nothing_and_signs_nothing() {
    let office = Office::open();
    let credential = office.known("modern", &[]);
    let dialling = office.dial(&credential).with_both_versions();
    let mut connection = office.connect(&dialling);
    assert_eq!(connection.agreed().as_deref(), Some("radius/1.1"));
    let password = cast::PASSWORD.as_bytes();
    let alice: (u8, &[u8]) = (attribute::USER_NAME, b"alice");
    let asked = token_packet(
        code::ACCESS_REQUEST,
        0xfeed_0001,
        &[
            alice,
            (attribute::USER_PASSWORD, password),
            (attribute::PROXY_STATE, b"p"),
        ],
    );
    connection.send(&asked).expect("it is open");
    let reply = connection.receive().expect("an answer");
    assert_eq!(
        (reply.code, token_of(&reply)),
        (code::ACCESS_ACCEPT, 0xfeed_0001)
    );
    assert_eq!(reply.bytes[1], 0, "Reserved-1");
    assert_eq!(reply.bytes[8..20], [0; 12], "Reserved-2");
    assert_eq!(reply.first(attribute::MESSAGE_AUTHENTICATOR), None);
    assert_eq!(reply.first(attribute::PROXY_STATE), Some(&b"p"[..]));
    assert_eq!(reply.vlan().as_deref(), Some("10"));

    // CHAP has no Request Authenticator to fall back on (RFC 9765 section 5.1.2).
    let chap = nac_radius::chap_response(1, password, &asked[4..20]);
    let chap = [&[1][..], &chap].concat();
    let attributes = [alice, (attribute::CHAP_PASSWORD, &chap[..])];
    connection
        .send(&token_packet(code::ACCESS_REQUEST, 2, &attributes))
        .expect("it is open");
    assert_eq!(
        connection.receive().map(|reply| reply.code),
        Some(code::ACCESS_REJECT)
    );

    // A Message-Authenticator that is there means nothing, whatever it says.
    let attributes = [
        alice,
        (attribute::USER_PASSWORD, password),
        (attribute::MESSAGE_AUTHENTICATOR, &[7; 16]),
    ];
    connection
        .send(&token_packet(code::ACCESS_REQUEST, 3, &attributes))
        .expect("it is open");
    assert_eq!(
        connection.receive().map(|reply| reply.code),
        Some(code::ACCESS_ACCEPT)
    );

    connection
        .send(&token_packet(code::STATUS_SERVER, 4, &[]))
        .expect("it is open");
    let status = connection.receive().expect("an answer");
    assert_eq!((status.code, token_of(&status)), (code::ACCESS_ACCEPT, 4));
}

#[test]
fn radius_1_1_tells_the_keys_of_802_1x_in_clear() {
    let office = Office::open();
    let credential = office.known("modern", &[]);
    let dialling = office.dial(&credential).with_both_versions();
    let mut connection = office.connect(&dialling);
    let supplicant = Supplicant::peap("alice", &office.ca);
    let mut token = 100;
    let login = supplicant.log_in(|name, state, eap| {
        token += 1;
        let mut attributes = vec![
            (attribute::USER_NAME, name.as_bytes()),
            (attribute::CALLING_STATION_ID, &b"02-00-00-00-10-05"[..]),
        ];
        attributes.extend(state.map(|state| (attribute::STATE, state)));
        attributes.extend(eap.chunks(253).map(|part| (attribute::EAP_MESSAGE, part)));
        let request = token_packet(code::ACCESS_REQUEST, token, &attributes);
        connection.send(&request).expect("it is open");
        let reply = connection.receive().expect("an answer");
        assert_eq!(token_of(&reply), token);
        reply
    });
    assert_eq!(login.vlan().as_deref(), Some("10"));
    let success = login.success.as_ref().expect("the supplicant agrees");
    let key = |number: u8| {
        let vendor = [0, 0, 1, 55, number, 34];
        let all = login.reply.all(attribute::VENDOR_SPECIFIC);
        let found = all.into_iter().find(|value| value.starts_with(&vendor));
        found.map(|value| value[6..].to_vec())
    };
    assert_eq!(
        key(17).as_deref(),
        Some(&success.msk[..32]),
        "MS-MPPE-Recv-Key"
    );
    assert_eq!(
        key(16).as_deref(),
        Some(&success.msk[32..64]),
        "MS-MPPE-Send-Key"
    );
}

#[test]
fn radius_1_1_wants_tls_1_3_and_radius_1_0_does_not() {
    let office = Office::open();
    let credential = office.known("old", &[]);
    let old: &[_] = &[&rustls::version::TLS12];
    let mut dialling = office.dial(&credential);
    dialling.tls = old;
    let mut connection = office.connect(&dialling);
    assert_eq!(connection.agreed(), None);
    assert_eq!(
        pap(&mut connection, "02-00-00-00-10-06").code,
        code::ACCESS_ACCEPT
    );
    let mut dialling = office.dial(&credential);
    dialling.alpn = &["radius/1.0"];
    let connection = office.connect(&dialling);
    assert_eq!(connection.agreed().as_deref(), Some("radius/1.0"));
    let mut dialling = office.dial(&credential).with_both_versions();
    dialling.tls = old;
    office.is_refused(&dialling, "NAC-4005");
    let mut dialling = office.dial(&credential);
    dialling.alpn = &["h2"];
    assert!(dialling.connect().is_err(), "nothing in common");
}

#[test]
fn a_live_session_is_moved_over_the_connection_that_it_came_by() {
    let office = Office::open();
    let credential = office.known("floor-3", &["--vendor", "cisco-ios"]);
    let mut connection = office.connect(&office.dial(&credential));
    let mac = "02:00:00:00:10:07";
    assert_eq!(pap(&mut connection, mac).vlan().as_deref(), Some("10"));
    quarantine(&office, mac);
    let order = connection.receive().expect("a CoA-Request");
    assert_eq!(order.code, code::COA_REQUEST);
    assert!(order.is_signed_request(SECRET), "with the secret of RadSec");
    assert!(order.first(attribute::MESSAGE_AUTHENTICATOR).is_some());
    let named = order.first(attribute::ACCT_SESSION_ID);
    assert_eq!(named, Some(format!("session-{mac}").as_bytes()));
    connection
        .send(&order.reply(code::COA_ACK, &[], SECRET))
        .expect("it is open");
    office.site.why_once(mac, |why| is(why, "acknowledged"));
    assert_eq!(pap(&mut connection, mac).vlan().as_deref(), Some("99"));
    office
        .site
        .why_once(mac, |why| has_moved_to(why, "quarantine"));
}

#[test]
fn a_move_over_radius_1_1_is_matched_by_its_token() {
    let office = Office::open();
    let credential = office.known("modern", &["--vendor", "cisco-ios"]);
    let dialling = office.dial(&credential).with_both_versions();
    let mut connection = office.connect(&dialling);
    let mac = "02:00:00:00:10:08";
    let attributes: [(u8, &[u8]); 4] = [
        (attribute::USER_NAME, b"alice"),
        (attribute::USER_PASSWORD, cast::PASSWORD.as_bytes()),
        (attribute::CALLING_STATION_ID, mac.as_bytes()),
        (attribute::ACCT_SESSION_ID, b"modern-1"),
    ];
    connection
        .send(&token_packet(code::ACCESS_REQUEST, 1, &attributes))
        .expect("it is open");
    assert_eq!(
        connection
            .receive()
            .and_then(|reply| reply.vlan())
            .as_deref(),
        Some("10")
    );
    quarantine(&office, mac);
    let order = connection.receive().expect("a CoA-Request");
    assert_eq!((order.code, order.bytes[1]), (code::COA_REQUEST, 0));
    assert_eq!(order.first(attribute::MESSAGE_AUTHENTICATOR), None);
    // An answer to another request is nobody's.
    let cause = SESSION_CONTEXT_NOT_FOUND.to_be_bytes();
    let cause: [(u8, &[u8]); 1] = [(attribute::ERROR_CAUSE, &cause)];
    let stray = token_packet(code::COA_NAK, token_of(&order).wrapping_add(1), &cause);
    let answer = token_packet(code::COA_ACK, token_of(&order), &[]);
    connection
        .send(&[stray, answer].concat())
        .expect("it is open");
    let why = office.site.why_once(mac, |why| is(why, "acknowledged"));
    assert_eq!(
        enforcement(&why)["attempts"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn while_the_connection_is_gone_the_move_waits_and_goes_on_when_it_is_back() {
    let office = Office::open();
    let credential = office.known("floor-3", &["--vendor", "cisco-ios"]);
    let mut connection = office.connect(&office.dial(&credential));
    let mac = "02:00:00:00:10:09";
    assert_eq!(pap(&mut connection, mac).vlan().as_deref(), Some("10"));
    drop(connection);
    let closed = || office.site.log().contains("RadSec connection closed");
    assert!(wait::until(SOON, closed));
    quarantine(&office, mac);
    let why = office
        .site
        .why_once(mac, |why| !enforcement(why)["attempts"][0].is_null());
    let said = enforcement(&why)["attempts"][0]["result"].as_str();
    assert!(
        said.is_some_and(|said| said.contains("no RadSec connection open")),
        "{why:#}"
    );
    assert!(is(&why, "pending"), "{why:#}");

    let mut connection = office.dial(&credential).connect().expect("it is known");
    let order = connection.receive().expect("at once, not after a pause");
    assert_eq!(order.code, code::COA_REQUEST);
    connection
        .send(&order.reply(code::COA_ACK, &[], SECRET))
        .expect("it is open");
    assert_eq!(pap(&mut connection, mac).vlan().as_deref(), Some("99"));
    office
        .site
        .why_once(mac, |why| has_moved_to(why, "quarantine"));
}

#[test]
fn with_a_coa_port_the_move_goes_by_udp_while_the_connection_is_gone() {
    let office = Office::open();
    let nas = FakeNas::listen("127.0.0.1:0");
    let port = nas.address().port().to_string();
    let credential = office.known("both", &["--vendor", "cisco-ios", "--coa-port", &port]);
    let mut connection = office.connect(&office.dial(&credential));
    let mac = "02:00:00:00:10:0a";
    assert_eq!(pap(&mut connection, mac).vlan().as_deref(), Some("10"));
    drop(connection);
    let closed = || office.site.log().contains("RadSec connection closed");
    assert!(wait::until(SOON, closed));
    quarantine(&office, mac);
    let order = nas.next(SOON).expect("a CoA-Request by UDP");
    assert_eq!(order.packet.code, code::COA_REQUEST);
    assert!(order.signed, "with the client's own secret");
    office.site.why_once(mac, |why| is(why, "acknowledged"));
}

#[test]
fn sessions_of_a_former_run_wait_for_their_switch_to_connect_again() {
    let office = Office::open();
    let credential = office.known("floor-3", &["--vendor", "cisco-ios"]);
    let mut connection = office.connect(&office.dial(&credential));
    let mac = "02:00:00:00:10:0b";
    assert_eq!(pap(&mut connection, mac).vlan().as_deref(), Some("10"));
    office.site.why_once(mac, |why| why["outcome"] == "accept");
    office.site.kill();
    office.site.serve();
    quarantine(&office, mac);
    let why = office
        .site
        .why_once(mac, |why| !enforcement(why)["attempts"][0].is_null());
    let said = enforcement(&why)["attempts"][0]["result"].as_str();
    assert!(
        said.is_some_and(|said| said.contains("no RadSec connection open")),
        "{why:#}"
    );
    let mut connection = office.dial(&credential).connect().expect("it is known");
    let order = connection.receive().expect("a CoA-Request");
    assert_eq!(order.code, code::COA_REQUEST);
}

#[test]
fn a_new_certificate_serves_without_a_restart() {
    let office = Office::open();
    let credential = office.known("floor-3", &[]);
    let mut before = office.connect(&office.dial(&credential));
    let own = office.site.certificate("--server", "localhost");
    office.site.configure(|table| {
        let section = table.get_mut("radsec").and_then(toml::Value::as_table_mut);
        let section = section.expect("it is there");
        for (key, file) in [("certificate", &own.certificate), ("key", &own.key)] {
            section.insert(key.to_owned(), file.display().to_string().into());
        }
    });
    office.site.reload("reloaded");
    let after = office.dial(&credential).connect().expect("it is known");
    assert_ne!(before.server_certificate(), after.server_certificate());
    let reply = pap(&mut before, "02-00-00-00-10-0c");
    assert_eq!(
        reply.code,
        code::ACCESS_ACCEPT,
        "the open connection goes on"
    );
}

#[test]
fn nac_probe_takes_the_same_way() {
    let office = Office::open();
    let credential = office.known("floor-3", &[]);
    drop(office.connect(&office.dial(&credential)));
    let password = office.site.directory().join("password");
    std::fs::write(&password, cast::PASSWORD).expect("a file of the story");
    let text = |path: &std::path::Path| path.display().to_string();
    let (server, certificate) = (office.radsec.to_string(), text(&credential.certificate));
    let (key, ca, password) = (text(&credential.key), text(&office.ca), text(&password));
    let over_tls = |method: &str, more: &[&str]| {
        let arguments = ["probe", method, "--server", &server, "--json"];
        let shown = ["--radsec-certificate", &certificate, "--radsec-key", &key];
        let arguments = [&arguments[..], &shown, &["--radsec-ca", &ca], more].concat();
        office.site.nac(&arguments)
    };
    over_tls("status", &[]);
    let alice = ["--user", "alice", "--password-file", &password];
    let pap = over_tls("pap", &alice);
    assert!(pap.contains("\"10\"") || pap.contains("staff"), "{pap}");
    // The keys of the link are checked by it.
    over_tls("peap", &[&alice[..], &["--ca", &ca]].concat());
    assert!(office.site.log().contains("RADIUS/1.1"));
}

#[test]
fn a_silent_connection_is_closed_after_its_time() {
    let [radsec] = free_ports();
    let section = format!("[radsec]\nlisten = \"{radsec}\"\nidle_timeout = \"2s\"\n");
    let site = office_with(&section);
    let ca = site.ca();
    let office = Office { site, radsec, ca };
    let credential = office.known("floor-3", &[]);
    let mut connection = office.connect(&office.dial(&credential));
    assert_eq!(
        pap(&mut connection, "02-00-00-00-10-0d").code,
        code::ACCESS_ACCEPT
    );
    assert!(connection.is_quiet());
    assert!(connection.is_closed());
}
