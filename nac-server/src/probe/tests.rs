//! Against a server made of this workspace's own parts, with faults to order.

mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use nac_eap::TlsVersions;
use nac_eap::peer::PeerMethod;
use nac_radius::{MacAddr, MacFormat, ReplyFault, Secret};

use self::server::{CLASS, FakeServer, Fault, PASSWORD, SECRET};
use super::*;

const MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
const METHODS: [PeerMethod; 14] = PeerMethod::ALL;

async fn client(server: &FakeServer) -> RadiusClient {
    client_with(server, SECRET).await
}

async fn client_with(server: &FakeServer, secret: &str) -> RadiusClient {
    RadiusClient::connect(server.address, Secret::new(secret))
        .await
        .expect("loopback has a free port")
        .with_timeout(Duration::from_millis(300))
        .with_tries(2)
}

async fn ask(server: &FakeServer, credentials: &Credentials) -> Result<Outcome, ProbeFault> {
    authenticate(&mut client(server).await, &Station::wired(MAC), credentials).await
}

#[track_caller]
fn accepted(result: Result<Outcome, ProbeFault>) -> (Outcome, Accepted) {
    let outcome = result.expect("an answer that can be believed");
    let accepted = outcome.accepted().expect("accepted").clone();
    assert_eq!(accepted.segment.vlan.as_deref(), Some("10"));
    assert_eq!(accepted.segment.role.as_deref(), Some("staff"));
    assert_eq!(accepted.segment.session_timeout_s, Some(3600));
    assert_eq!(accepted.class, [CLASS]);
    (outcome, accepted)
}

#[tokio::test]
async fn a_right_password_is_accepted_by_pap_and_chap() {
    let server = FakeServer::start(Fault::None).await;
    for credentials in [
        Credentials::pap("alice", PASSWORD),
        Credentials::chap("alice", PASSWORD),
    ] {
        let (outcome, accepted) = accepted(ask(&server, &credentials).await);
        assert_eq!(outcome.method, credentials.method());
        assert_eq!((outcome.round_trips, outcome.retransmissions), (1, 0));
        assert_eq!(accepted.keys, KeyCheck::NotDefined);
        assert_eq!(accepted.eap, None);
    }
}

#[tokio::test]
async fn ms_chap_v2_checks_the_servers_proof_and_its_keys() {
    let server = FakeServer::start(Fault::None).await;
    for user in ["alice", "EXAMPLE\\alice"] {
        let credentials = Credentials::ms_chap_v2(user, PASSWORD);
        assert_eq!(
            accepted(ask(&server, &credentials).await).1.keys,
            KeyCheck::Verified
        );
    }
}

#[tokio::test]
async fn mab_writes_the_address_as_the_nas_does() {
    let server = FakeServer::start(Fault::None).await;
    for format in [MacFormat::Plain, MacFormat::UpperDashes, MacFormat::Dots] {
        let (outcome, _) = accepted(ask(&server, &Credentials::Mab { format }).await);
        assert_eq!(outcome.method, "MAB");
    }
}

#[tokio::test]
async fn every_eap_method_is_accepted_on_both_versions_of_tls_with_keys_verified() {
    let server = FakeServer::start(Fault::None).await;
    for (versions, name) in [(TlsVersions::Only12, "1.2"), (TlsVersions::Only13, "1.3")] {
        for method in METHODS {
            let credentials = server::eap(method, PASSWORD, server::peer_tls(versions, true), 1386);
            let (outcome, accepted) = accepted(ask(&server, &credentials).await);
            let expected = EapFacts {
                tls_version: name,
                resumed: false,
                key_name_verified: false,
            };
            assert_eq!(accepted.eap, Some(expected), "{method:?}");
            assert_eq!(accepted.keys, KeyCheck::Verified);
            assert!(outcome.round_trips > 3);
        }
    }
}

#[tokio::test]
async fn the_second_login_with_the_same_sessions_resumes() {
    let server = FakeServer::start(Fault::None).await;
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for method in METHODS {
            let credentials = server::eap(method, PASSWORD, server::peer_tls(versions, true), 1386);
            let (first, _) = accepted(ask(&server, &credentials).await);
            let (second, _) = accepted(ask(&server, &credentials).await);
            assert_eq!(
                (first.is_resumed(), second.is_resumed()),
                (false, true),
                "{method:?}"
            );
            assert!(second.round_trips <= first.round_trips, "{method:?}");
        }
    }
}

#[tokio::test]
async fn small_fragments_take_more_round_trips_and_end_well() {
    let server = FakeServer::start(Fault::None).await;
    let tls = || server::peer_tls(TlsVersions::Only13, true);
    let large = ask(
        &server,
        &server::eap(PeerMethod::Tls, PASSWORD, tls(), 1386),
    )
    .await;
    let small = ask(&server, &server::eap(PeerMethod::Tls, PASSWORD, tls(), 200)).await;
    assert!(accepted(small).0.round_trips > accepted(large).0.round_trips);
}

#[tokio::test]
async fn the_key_name_is_checked_when_the_station_asks_for_it() {
    let server = FakeServer::start(Fault::None).await;
    let mut station = Station::wired(MAC);
    station.wants_key_name = true;
    let tls = server::peer_tls(TlsVersions::Both, true);
    let credentials = server::eap(PeerMethod::Tls, PASSWORD, tls, 1386);
    let result = authenticate(&mut client(&server).await, &station, &credentials).await;
    assert!(
        accepted(result)
            .1
            .eap
            .is_some_and(|eap| eap.key_name_verified)
    );

    let server = FakeServer::start(Fault::NoKeyName).await;
    let result = authenticate(&mut client(&server).await, &station, &credentials).await;
    assert!(matches!(result, Err(ProbeFault::KeyName(_))), "{result:?}");
}

#[tokio::test]
async fn a_wrong_password_is_an_answer_and_no_fault() {
    let server = FakeServer::start(Fault::None).await;
    let tls = server::peer_tls(TlsVersions::Both, false);
    for credentials in [
        Credentials::pap("alice", "wrong"),
        Credentials::chap("alice", "wrong"),
        Credentials::ms_chap_v2("alice", "wrong"),
        server::eap(PeerMethod::PeapMschapv2, "wrong", Arc::clone(&tls), 1386),
        server::eap(PeerMethod::TtlsPap, "wrong", Arc::clone(&tls), 1386),
        server::eap(PeerMethod::TtlsMschapv2, "wrong", Arc::clone(&tls), 1386),
        server::eap(PeerMethod::TtlsChap, "wrong", Arc::clone(&tls), 1386),
        server::eap(PeerMethod::TtlsEapGtc, "wrong", Arc::clone(&tls), 1386),
    ] {
        let outcome = ask(&server, &credentials).await.expect("an answer");
        let rejected = outcome.rejected().expect("rejected");
        assert_eq!(outcome.vlan(), None);
        match credentials.method() {
            "MS-CHAPv2" => assert_eq!(rejected.ms_chap_error.as_deref(), Some("E=691 R=0 V=3")),
            "PEAP-MSCHAPv2" => {
                assert_eq!(
                    rejected.reason.as_ref().map(|reason| reason.code),
                    Some("EAP-1908")
                );
            }
            "PAP" => assert_eq!(rejected.reply_messages, ["no"]),
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_untrusted_server_is_a_fault_and_no_rejection() {
    let server = FakeServer::start(Fault::None).await;
    let tls = server::distrusting_tls();
    for method in METHODS {
        let result = ask(
            &server,
            &server::eap(method, PASSWORD, Arc::clone(&tls), 1386),
        )
        .await;
        match result {
            Err(ProbeFault::Eap(reason)) => assert_eq!(reason.code, "EAP-1901"),
            other => panic!("{method:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_client_certificate_is_a_rejection_that_names_the_alert() {
    let server = FakeServer::start(Fault::None).await;
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let tls = server::peer_tls(versions, false);
        let outcome = ask(&server, &server::eap(PeerMethod::Tls, "", tls, 1386)).await;
        let outcome = outcome.expect("an answer");
        let reason = outcome
            .rejected()
            .and_then(|rejected| rejected.reason.clone());
        assert_eq!(reason.map(|reason| reason.code), Some("EAP-1902"));
    }
}

#[tokio::test]
async fn a_wrong_secret_is_met_with_silence() {
    let server = FakeServer::start(Fault::None).await;
    let mut client = client_with(&server, "another secret").await;
    let credentials = Credentials::pap("alice", PASSWORD);
    let result = authenticate(&mut client, &Station::wired(MAC), &credentials).await;
    match result {
        Err(fault @ ProbeFault::NoAnswer { sent: 2, .. }) => {
            assert!(
                fault
                    .hints()
                    .iter()
                    .any(|hint| hint.starts_with("wrong secret"))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reply_with_another_secret_is_not_believed() {
    let server = FakeServer::start(Fault::WrongSecret).await;
    let result = ask(&server, &Credentials::pap("alice", PASSWORD)).await;
    assert!(
        matches!(result, Err(ProbeFault::Reply(ReplyFault::Authenticator))),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_forgery_that_comes_first_does_not_keep_the_genuine_reply_out() {
    let server = FakeServer::start(Fault::ForgeryFirst).await;
    accepted(ask(&server, &Credentials::pap("alice", PASSWORD)).await);
}

#[tokio::test]
async fn a_reply_must_have_its_message_authenticator_first() {
    let server = FakeServer::start(Fault::NoMessageAuthenticator).await;
    let result = ask(&server, &Credentials::pap("alice", PASSWORD)).await;
    let missing = ReplyFault::MessageAuthenticatorMissing;
    assert!(
        matches!(result, Err(ProbeFault::Reply(fault)) if fault == missing),
        "{result:?}"
    );

    let server = FakeServer::start(Fault::MessageAuthenticatorLast).await;
    let result = ask(&server, &Credentials::pap("alice", PASSWORD)).await;
    let code = Code::AccessAccept;
    match result {
        Err(ProbeFault::MessageAuthenticatorNotFirst { code: found }) => assert_eq!(found, code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_old_server_is_believed_on_request_only_and_only_with_the_right_secret() {
    let credentials = Credentials::pap("alice", PASSWORD);
    let station = Station::wired(MAC);
    for fault in [
        Fault::NoMessageAuthenticator,
        Fault::MessageAuthenticatorLast,
    ] {
        let server = FakeServer::start(fault).await;
        let mut client = client(&server).await.with_old_servers_believed();
        accepted(authenticate(&mut client, &station, &credentials).await);
    }
    let server = FakeServer::start(Fault::WrongSecret).await;
    let mut client = client(&server).await.with_old_servers_believed();
    assert!(
        authenticate(&mut client, &station, &credentials)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_lost_request_is_sent_again_with_the_same_octets() {
    let server = FakeServer::start(Fault::DropFirst).await;
    let (outcome, _) = accepted(ask(&server, &Credentials::pap("alice", PASSWORD)).await);
    assert_eq!((outcome.round_trips, outcome.retransmissions), (1, 1));
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0], received[1]);
}

#[tokio::test]
async fn a_closed_port_is_told_at_once() {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let server: SocketAddr = socket.local_addr().expect("its address");
    drop(socket);
    let secret = Secret::new(SECRET);
    let mut client = RadiusClient::connect(server, secret)
        .await
        .expect("a socket");
    let result = status(&mut client, &Station::wired(MAC)).await;
    assert!(
        matches!(result, Err(ProbeFault::PortClosed { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn wrong_keys_for_the_link_are_noticed() {
    let server = FakeServer::start(Fault::WrongKeys).await;
    let tls = server::peer_tls(TlsVersions::Both, true);
    let mut all = METHODS
        .map(|method| server::eap(method, PASSWORD, Arc::clone(&tls), 1386))
        .to_vec();
    all.push(Credentials::ms_chap_v2("alice", PASSWORD));
    for credentials in &all {
        let result = ask(&server, credentials).await;
        assert!(
            matches!(result, Err(ProbeFault::KeyMismatch(_))),
            "{credentials:?}: {result:?}"
        );
    }

    let server = FakeServer::start(Fault::NoKeys).await;
    let result = ask(&server, &all[0]).await;
    assert!(
        matches!(result, Err(ProbeFault::KeyMissing(_))),
        "{result:?}"
    );
    // A wired NAS has no use for the keys of MS-CHAPv2, so they may be left out.
    assert_eq!(
        accepted(ask(&server, &all[METHODS.len()]).await).1.keys,
        KeyCheck::Absent
    );
}

#[tokio::test]
async fn a_server_that_does_not_know_the_password_proves_nothing() {
    let server = FakeServer::start(Fault::NoProof).await;
    let result = ask(&server, &Credentials::ms_chap_v2("alice", PASSWORD)).await;
    assert!(
        matches!(result, Err(ProbeFault::AuthenticatorResponse(_))),
        "{result:?}"
    );
}

#[tokio::test]
async fn an_accept_before_the_method_is_complete_is_a_fault() {
    let server = FakeServer::start(Fault::EarlySuccess).await;
    let tls = server::peer_tls(TlsVersions::Both, true);
    let result = ask(&server, &server::eap(PeerMethod::Tls, PASSWORD, tls, 1386)).await;
    match result {
        Err(ProbeFault::Eap(reason)) => assert_eq!(reason.code, "EAP-1905"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn status_and_accounting_are_answered() {
    let server = FakeServer::start(Fault::None).await;
    let mut client = client(&server).await;
    let mut station = Station::wired(MAC);
    let answer = status(&mut client, &station).await.expect("alive");
    assert_eq!(answer.code, Code::AccessAccept);
    station.acct_session_id = Some("00000001".to_owned());
    for event in [
        AccountingStatus::Start,
        AccountingStatus::Interim,
        AccountingStatus::Stop { cause: 1 },
    ] {
        let mut record = AccountingRecord::new(event);
        record.class = vec![CLASS.to_vec()];
        record.framed_ip = Some(Ipv4Addr::new(192, 0, 2, 7).into());
        record.input_octets = 5 << 32 | 7;
        let answer = accounting(&mut client, &station, &record)
            .await
            .expect("acknowledged");
        assert_eq!(answer.code, Code::AccountingResponse);
    }
    let last = server.received().pop().expect("a request");
    let last = nac_radius::Packet::parse(&last).expect("well-formed");
    assert_eq!(
        last.text(attribute::ACCT_SESSION_ID).as_deref(),
        Some("00000001")
    );
    assert_eq!(last.integer(attribute::ACCT_INPUT_GIGAWORDS), Some(5));
    assert_eq!(last.integer(attribute::ACCT_INPUT_OCTETS), Some(7));
    assert_eq!(last.attribute(attribute::CLASS), Some(CLASS));
}

#[tokio::test]
async fn a_station_tells_what_a_nas_tells_and_given_attributes_take_precedence() {
    let server = FakeServer::start(Fault::None).await;
    let mut station = Station::wireless(MAC, "office");
    station.attributes = vec![
        ("NAS-Identifier".to_owned(), "ap-7".to_owned()),
        (
            "Connect-Info".to_owned(),
            "CONNECT 54Mbps 802.11g".to_owned(),
        ),
    ];
    let credentials = Credentials::pap("alice", PASSWORD);
    authenticate(&mut client(&server).await, &station, &credentials)
        .await
        .expect("an answer");
    let request = server.received().pop().expect("a request");
    let request = nac_radius::Packet::parse(&request).expect("well-formed");
    let text = |number| request.text(number).map(|text| text.into_owned());
    assert_eq!(
        text(attribute::CALLING_STATION_ID).as_deref(),
        Some("02-00-00-00-00-01")
    );
    assert_eq!(
        text(attribute::CALLED_STATION_ID).as_deref(),
        Some("02-00-5E-00-53-00:office")
    );
    assert_eq!(
        text(attribute::CONNECT_INFO).as_deref(),
        Some("CONNECT 54Mbps 802.11g")
    );
    assert_eq!(request.integer(attribute::NAS_PORT_TYPE), Some(19));
    assert_eq!(
        request.ipv4(attribute::NAS_IP_ADDRESS),
        Some(Ipv4Addr::LOCALHOST)
    );
    let names = request
        .attributes()
        .filter(|found| found.number == attribute::NAS_IDENTIFIER);
    assert_eq!(
        names.map(|found| found.value).collect::<Vec<_>>(),
        [b"ap-7"]
    );
    station.attributes = vec![("No-Such-Attribute".to_owned(), String::new())];
    let result = authenticate(&mut client(&server).await, &station, &credentials).await;
    assert!(result.is_err_and(|fault| fault.is_usage()));
}
