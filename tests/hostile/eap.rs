//! EAP that lies (RFC 3748 section 4, RFC 5216 section 3.1, RFC 3579 section 2.2).

use nac_eap::peer::PeerMethod;
use nac_test_support::exchange::Exchange;
use nac_test_support::supplicant::{Profile, log_in};
use nac_test_support::wait;
use nac_test_support::wire::{Packet, attribute, code, eap_response};

use crate::ground::{Ground, SOON, pap};
use crate::https::Web;

/// EAP types.
const NOTIFICATION: u8 = 2;
const NAK: u8 = 3;
const TLS: u8 = 13;
const PEAP: u8 = 25;
const EXPANDED: u8 = 254;
/// EAP-TLS flags.
const LENGTH: u8 = 0x80;
const MORE: u8 = 0x40;
const START: u8 = 0x20;

/// A conversation seen from the switch.
pub(crate) struct Talk<'a> {
    client: &'a Exchange,
    requests: u8,
    /// The Framed-MTU that the switch names.
    mtu: u32,
    pub(crate) last: Option<Packet>,
}

impl<'a> Talk<'a> {
    pub(crate) const fn new(client: &'a Exchange) -> Self {
        Self {
            client,
            requests: 0,
            mtu: 1400,
            last: None,
        }
    }

    /// Begins with an identity; the server has proposed EAP-TLS then.
    pub(crate) fn begin(client: &'a Exchange) -> Self {
        let mut talk = Self::new(client);
        let start = talk.say(&eap_response(1, 1, b"alice"));
        assert_eq!(start.code, code::ACCESS_CHALLENGE);
        assert_eq!(start.eap()[4..], [TLS, START]);
        talk
    }

    /// The State of the newest challenge.
    pub(crate) fn state(&self) -> Option<&[u8]> {
        self.last.as_ref()?.first(attribute::STATE)
    }

    /// The identifier that the next response must have.
    pub(crate) fn identifier(&self) -> u8 {
        let last = self.last.as_ref().map(Packet::eap).unwrap_or_default();
        last.get(1).copied().unwrap_or(1)
    }

    /// Sends an EAP packet as it is.
    pub(crate) fn say(&mut self, eap: &[u8]) -> Packet {
        self.requests = self.requests.wrapping_add(1);
        let mut request = self
            .client
            .access_request(self.requests, "alice")
            .with(attribute::FRAMED_MTU, self.mtu.to_be_bytes());
        if let Some(state) = self.state() {
            request = request.with(attribute::STATE, state);
        }
        let reply = self.client.answer(&request.with_eap(eap));
        self.last = Some(reply.clone());
        reply
    }

    /// Sends EAP-TLS type data with the right identifier.
    pub(crate) fn tls(&mut self, flags: u8, data: &[u8]) -> Packet {
        let packet = eap_response(self.identifier(), TLS, &[&[flags], data].concat());
        self.say(&packet)
    }

    /// Says the same again and again; it must end within the five invalid packets that RFC 3579 section 2.2 allows. Gives
    /// how many it took.
    pub(crate) fn insist(&mut self, what: &str, eap: impl Fn(u8) -> Vec<u8>) -> usize {
        for count in 1..=6 {
            let reply = self.say(&eap(self.identifier()));
            if reply.code == code::ACCESS_REJECT {
                assert_failure(&reply, what);
                return count;
            }
            assert_eq!(reply.code, code::ACCESS_CHALLENGE, "{what}");
            assert_eq!(
                reply.eap()[0],
                1,
                "{what}: a challenge carries an EAP-Request"
            );
        }
        panic!("{what}: the conversation goes on after six of them");
    }
}

fn assert_failure(reply: &Packet, what: &str) {
    assert_eq!(reply.code, code::ACCESS_REJECT, "{what}");
    let eap = reply.eap();
    assert_eq!(
        (eap[0], eap.len()),
        (4, 4),
        "{what}: an EAP-Failure comes with it"
    );
    let allowed = [
        attribute::MESSAGE_AUTHENTICATOR,
        attribute::EAP_MESSAGE,
        attribute::PROXY_STATE,
    ];
    for (number, _) in &reply.attributes {
        assert!(
            allowed.contains(number),
            "{what}: attribute {number} in a reject"
        );
    }
}

/// An EAP-Response whose length field says what the caller wants.
fn lying(identifier: u8, length: u16, body: &[u8]) -> Vec<u8> {
    [&[2, identifier][..], &length.to_be_bytes(), body].concat()
}

#[test]
fn packets_whose_lengths_disagree_end_the_conversation() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.1:0");
    for length in [0, 1, 3, 4, 8, 1000, u16::MAX] {
        let mut talk = Talk::begin(&client);
        talk.insist(&format!("length {length}"), |id| {
            lying(id, length, &[TLS, 0])
        });
    }
    for short in [&[2][..], &[2, 2], &[2, 2, 0], &[0], &[255; 3]] {
        let mut talk = Talk::begin(&client);
        talk.insist(&format!("{short:?}"), |_| short.to_vec());
    }
    ground.survived();
}

#[test]
fn a_conversation_that_begins_with_a_lie_is_refused() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.2:0");
    let openings: [&[u8]; 12] = [
        &[2, 1, 0, 0, 1],
        &[2, 1, 0, 4, 1],
        &[2, 1, 255, 255, 1, b'x'],
        &[1, 1, 0, 5, 1],
        &[3, 1, 0, 4],
        &[4, 1, 0, 4],
        &[0, 1, 0, 5, 1],
        &[9, 1, 0, 5, 1],
        &[2],
        &[2, 1, 0, 5],
        &[2, 1, 0, 6, TLS, 0],
        &[2, 1, 0, 6, NAK, 0],
    ];
    for opening in openings {
        let mut talk = Talk::new(&client);
        talk.insist(&format!("{opening:?}"), |_| opening.to_vec());
    }
    ground.survived();
}

#[test]
fn identities_of_any_form_are_taken_or_refused_and_never_trusted() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.3:0");
    let long = vec![b'x'; 3000];
    let identities: [(&[u8], u8); 7] = [
        (b"", code::ACCESS_CHALLENGE),
        (b"@example.org", code::ACCESS_CHALLENGE),
        (b"alice\0networkid=forged", code::ACCESS_CHALLENGE),
        (b"\xff\xfe\xc0\x80", code::ACCESS_CHALLENGE),
        (b"%{exec:id}\x1b[2J", code::ACCESS_CHALLENGE),
        (&long[..254], code::ACCESS_REJECT),
        (&long, code::ACCESS_REJECT),
    ];
    for (identity, expected) in identities {
        let mut talk = Talk::new(&client);
        let reply = talk.say(&eap_response(1, 1, identity));
        assert_eq!(reply.code, expected, "{} octets", identity.len());
    }
    ground.survived();
}

#[test]
fn what_a_supplicant_may_not_send_ends_the_conversation() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.4:0");
    let all_types: Vec<u8> = (0..=252)
        .filter(|number| ![TLS, 21, 25].contains(number))
        .collect();
    let packet = |code: u8, id: u8, body: &[u8]| {
        let length = (4 + body.len()) as u16;
        [&[code, id][..], &length.to_be_bytes(), body].concat()
    };
    let cases: Vec<(&str, u8, Vec<u8>)> = vec![
        ("a request from the peer", 1, vec![TLS, START]),
        ("a success from the peer", 3, vec![]),
        ("a failure from the peer", 4, vec![]),
        ("code 0", 0, vec![TLS, 0]),
        ("code 255", 255, vec![TLS, 0]),
        ("type 0", 2, vec![0]),
        ("a notification", 2, vec![NOTIFICATION, b'x']),
        ("an identity again", 2, vec![1, b'b']),
        ("MD5", 2, [&[4, 16][..], &[0; 16]].concat()),
        ("LEAP", 2, vec![17, 1, 0, 8]),
        ("expanded, cut off", 2, vec![EXPANDED, 0, 0]),
        (
            "expanded of a vendor",
            2,
            vec![EXPANDED, 0, 0, 9, 0, 0, 0, 1],
        ),
        ("NAK of nothing", 2, vec![NAK]),
        ("NAK for none", 2, vec![NAK, 0]),
        ("NAK for MD5 and GTC", 2, vec![NAK, 4, 6]),
        ("NAK for what is proposed", 2, vec![NAK, TLS]),
        (
            "NAK for everything else",
            2,
            [&[NAK][..], &all_types].concat(),
        ),
        (
            "expanded NAK for none",
            2,
            [EXPANDED, 0, 0, 0, 0, 0, 0, 3].to_vec(),
        ),
        (
            "a cut-off expanded NAK",
            2,
            [EXPANDED, 0, 0, 0, 0, 0, 0, 3, 254, 0].to_vec(),
        ),
    ];
    for (what, eap_code, body) in cases {
        let mut talk = Talk::begin(&client);
        talk.insist(what, |id| packet(eap_code, id, &body));
    }
    ground.survived();
}

#[test]
fn a_nak_for_another_method_on_offer_is_followed() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.5:0");
    let mut talk = Talk::begin(&client);
    let reply = talk.say(&eap_response(talk.identifier(), NAK, &[4, 25]));
    assert_eq!(reply.eap()[4..], [25, START]);
}

#[test]
fn a_wrong_identifier_is_answered_four_times_with_the_last_request_and_then_refused() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.6:0");
    for off_by in [1_u8, 2, 3, 255] {
        let mut talk = Talk::begin(&client);
        let asked = talk.last.as_ref().map(Packet::eap).expect("a request");
        for _ in 0..4 {
            let wrong = talk.identifier().wrapping_add(off_by);
            let again = talk.say(&eap_response(wrong, TLS, &[0]));
            assert_eq!(again.eap(), asked, "the same request");
            let cause = again.first(attribute::ERROR_CAUSE);
            assert_eq!(
                cause,
                Some(&202_u32.to_be_bytes()[..]),
                "Invalid EAP Packet (Ignored)"
            );
        }
        let wrong = talk.identifier().wrapping_add(off_by);
        let state = talk.state().map(<[u8]>::to_vec);
        assert_failure(&talk.say(&eap_response(wrong, TLS, &[0])), "the fifth");
        // The conversation is gone: its State is worth nothing now.
        let late = client
            .request(code::ACCESS_REQUEST, 99)
            .with_message_authenticator()
            .with(attribute::STATE, state.expect("a challenge has a State"))
            .with_eap(&eap_response(2, TLS, &[0]));
        assert_eq!(client.answer(&late).code, code::ACCESS_REJECT);
    }
    ground.survived();
}

/// Flags and data of one packet after the other.
type Fragments = Vec<(u8, Vec<u8>)>;

#[test]
fn fragments_that_lie_are_refused() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.7:0");
    let with_length = |length: u32, data: &[u8]| [&length.to_be_bytes()[..], data].concat();
    let cases: Vec<(&str, Fragments)> = vec![
        (
            "length 0 before an octet",
            vec![(LENGTH, with_length(0, b"x"))],
        ),
        ("a length that is cut off", vec![(LENGTH, vec![0, 0, 1])]),
        (
            "more than was announced",
            vec![(LENGTH | MORE, with_length(2, b"x")), (0, b"yz".to_vec())],
        ),
        (
            "less than was announced",
            vec![(LENGTH | MORE, with_length(900, b"x")), (0, b"y".to_vec())],
        ),
        (
            "64 KiB and one",
            vec![(LENGTH | MORE, with_length(0x10001, &[22; 900]))],
        ),
        (
            "4 GiB",
            vec![(LENGTH | MORE, with_length(u32::MAX, &[22; 900]))],
        ),
        (
            "a length that changes",
            vec![
                (LENGTH | MORE, with_length(2000, &[22; 900])),
                (LENGTH | MORE, with_length(3000, &[22; 900])),
            ],
        ),
        ("an empty fragment", vec![(MORE, vec![])]),
        ("a start from the peer", vec![(START, vec![])]),
        (
            "an alert as the first message",
            vec![(0, vec![21, 3, 3, 0, 2, 2, 48])],
        ),
        ("records that are none", vec![(0, vec![0xff; 600])]),
        (
            "a record that is longer than it says",
            vec![(0, vec![22, 3, 1, 0xff, 0xff, 1, 0])],
        ),
        (
            "a ClientHello of nothing",
            vec![(0, vec![22, 3, 1, 0, 4, 1, 0, 0, 0])],
        ),
        ("application data first", vec![(0, vec![23, 3, 3, 0, 1, 0])]),
    ];
    for (what, fragments) in cases {
        let mut talk = Talk::begin(&client);
        let mut fragments = fragments.into_iter();
        let mut reply = None;
        for (flags, data) in fragments.by_ref() {
            reply = Some(talk.tls(flags, &data));
        }
        // A TLS alert may come first; the supplicant acknowledges it and is refused.
        let mut reply = reply.expect("there is a fragment");
        for _ in 0..6 {
            if reply.code == code::ACCESS_REJECT {
                break;
            }
            reply = talk.tls(0, &[]);
        }
        assert_failure(&reply, what);
    }
    ground.survived();
}

#[test]
fn one_octet_at_a_time_ends_at_the_limit_of_rounds() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.8:0");
    let mut talk = Talk::begin(&client);
    let mut rounds = 1;
    loop {
        let reply = talk.tls(MORE, &[22]);
        rounds += 1;
        if reply.code == code::ACCESS_REJECT {
            assert_failure(&reply, "too many rounds");
            break;
        }
        assert!(rounds < 60, "it goes on for ever");
    }
    assert!(rounds > 40, "a slow supplicant gets its rounds: {rounds}");
    ground.survived();
}

/// What a supplicant's TLS says first.
fn client_hello(ground: &Ground) -> Vec<u8> {
    let web = Web::new(ground.nac.portal, &ground.nac.ca);
    let mut hello = Vec::new();
    web.handshake()
        .write_tls(&mut hello)
        .expect("memory takes it");
    hello
}

#[test]
fn flags_that_eap_tls_does_not_have_are_ignored() {
    // TEAP's outer TLVs and the version of the tunnel methods (RFC 5216 section 3.1: reserved bits are ignored on receipt).
    let ground = Ground::shared();
    let client = ground.client("127.6.0.11:0");
    let hello = client_hello(ground);
    for flags in [0x10, 0x08, 0x07, 0x1f] {
        let mut talk = Talk::begin(&client);
        let flight = talk.tls(flags, &hello);
        assert_eq!(flight.code, code::ACCESS_CHALLENGE, "{flags:#x}");
        assert!(flight.eap().len() > 100, "{flags:#x}: the server's flight");
    }
    ground.survived();
}

#[test]
fn data_where_an_acknowledgement_is_due_ends_the_conversation() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.9:0");
    let hello = client_hello(ground);
    for (flags, data) in [
        (0, &b"x"[..]),
        (MORE, b"x"),
        (MORE, b""),
        (LENGTH, &[0, 0, 0, 1, 22]),
    ] {
        // The server's flight does not fit into one packet, so it waits for acknowledgements.
        let mut talk = Talk::new(&client);
        talk.mtu = 300;
        talk.say(&eap_response(1, 1, b"alice"));
        let first = talk.tls(0, &hello);
        assert_eq!(first.eap()[5] & MORE, MORE, "a first fragment");
        assert_failure(&talk.tls(flags, data), "data instead of an acknowledgement");
    }
    ground.survived();
}

#[test]
fn a_client_hello_may_be_cut_anywhere() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.10:0");
    let hello = client_hello(ground);
    for at in (1..hello.len())
        .step_by(17)
        .chain([4, 5, 6, hello.len() - 1])
    {
        let mut talk = Talk::begin(&client);
        let (first, second) = hello.split_at(at);
        let length = (hello.len() as u32).to_be_bytes();
        let acknowledgement = talk.tls(LENGTH | MORE, &[&length, first].concat());
        assert_eq!(acknowledgement.eap()[4..], [TLS, 0], "cut at {at}");
        let flight = talk.tls(0, second);
        assert_eq!(flight.code, code::ACCESS_CHALLENGE, "cut at {at}");
        assert!(flight.eap().len() > 100, "cut at {at}: the server's flight");
    }
    ground.survived();
}

#[test]
fn a_peer_that_refuses_every_method_is_only_ever_proposed_what_is_on_offer() {
    let ground = Ground::start();
    let client = ground.client("127.6.0.9:0");
    let offer = |name: &str, methods: &str| {
        ground
            .nac
            .command(&["offer", "set", name, "--realm", name, "--method", methods]);
    };
    offer("strict", "PEAP,EAP-TLS");
    let proposed = |reply: &Packet| match reply.code {
        code::ACCESS_CHALLENGE => reply.eap().get(4).copied(),
        _ => None,
    };
    let heard = wait::until(SOON, || {
        let mut talk = Talk::new(&client);
        proposed(&talk.say(&eap_response(1, 1, b"alice@strict"))) == Some(PEAP)
    });
    assert!(heard, "the offer counts without a restart");
    let everything: Vec<u8> = (1..=253).collect();
    for wanted in (1..=253).map(|one| vec![one]).chain([everything]) {
        let mut talk = Talk::new(&client);
        let mut reply = talk.say(&eap_response(1, 1, b"alice@strict"));
        let mut started = Vec::new();
        while let Some(method) = proposed(&reply) {
            started.push(method);
            assert!(started.len() <= 2, "{started:?}");
            if wanted == [method] {
                break;
            }
            let others: Vec<u8> = wanted
                .iter()
                .copied()
                .filter(|one| *one != method)
                .collect();
            reply = talk.say(&eap_response(talk.identifier(), NAK, &others));
        }
        assert!(
            started.iter().all(|method| [PEAP, TLS].contains(method)),
            "{wanted:?}: {started:?}"
        );
    }
    let mut talk = Talk::new(&client);
    talk.say(&eap_response(1, 1, b"mallory@strict"));
    // MD5-Challenge, EAP-GTC and LEAP.
    let reply = talk.say(&eap_response(talk.identifier(), NAK, &[4, 6, 17]));
    assert_failure(&reply, "a downgrade");
    let mut why = String::new();
    let told = wait::until(SOON, || {
        why = ground.nac.command(&["tail", "--last", "5", "--no-follow"]);
        why.contains("method not allowed by the offer \"strict\"")
    });
    assert!(told, "{why}");
    ground.survived();
}

/// The Service-Types that ask for the device itself (RFC 2865 section 5.6): Login, Administrative, NAS-Prompt, and a call back for each.
const LOGINS: [u32; 6] = [1, 3, 6, 7, 9, 11];

#[test]
fn a_login_to_the_device_itself_is_refused_whatever_it_is_authenticated_by() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.12:0");
    for service in LOGINS {
        let station = format!("02-00-00-06-0c-{service:02x}");
        let request = |identifier| {
            pap(&client, identifier, true)
                .with(attribute::SERVICE_TYPE, service.to_be_bytes())
                .with(attribute::CALLING_STATION_ID, &station)
        };
        let what = format!("Service-Type {service}");
        let by_password = client.answer(&request(1));
        assert_eq!(by_password.code, code::ACCESS_REJECT, "{what}");
        let identity = client
            .access_request(2, "alice")
            .with(attribute::SERVICE_TYPE, service.to_be_bytes())
            .with(attribute::CALLING_STATION_ID, &station)
            .with_eap(&eap_response(1, 1, b"alice"));
        assert_failure(&client.answer(&identity), &what);
        // It waits until everything so far is recorded.
        let _ = ground.decisions("alice");
        let told = ground.nac.command(&["why", &station, "--last", "9"]);
        assert_eq!(told.matches("(NAC-2006)").count(), 2, "{what}: {told}");
    }
    // Who wants the network gets it, also where the NAS says so: Framed, and MAB's Call-Check with a password.
    for service in [2_u32, 8, 10] {
        let request = pap(&client, 3, true).with(attribute::SERVICE_TYPE, service.to_be_bytes());
        assert_eq!(
            client.answer(&request).code,
            code::ACCESS_ACCEPT,
            "{service}"
        );
    }
}

/// CVE-2014-2015 was a password longer than its buffer; RFC 7542 section 2.2 has names in UTF-8.
#[test]
fn passwords_and_names_without_measure_are_refused_in_the_tunnel_too() {
    let ground = Ground::shared();
    let client = ground.client("127.6.0.13:0");
    for method in [
        PeerMethod::TtlsPap,
        PeerMethod::TtlsMschapv2,
        PeerMethod::PeapMschapv2,
        PeerMethod::PeapGtc,
    ] {
        // Each by itself: nobody resumes what another began.
        let profile = || Profile {
            mac: [2, 0, 0, 6, 0x0d, 1],
            ..ground.profile(method)
        };
        // From here on the station's wrong guesses are its own and nobody else's.
        assert!(log_in(&client, &profile()).is_accepted(), "{method:?}");
        for length in [129, 513, 4_000, 60_000] {
            let wrong = Profile {
                password: "x".repeat(length),
                ..profile()
            };
            let login = log_in(&client, &wrong);
            assert!(!login.is_accepted(), "{method:?}, a password of {length}");
        }
        for identity in [
            "é".repeat(2_000),
            "\u{202e}alice".to_owned(),
            "алиса@例え.jp".to_owned(),
        ] {
            let nobody = Profile {
                identity: identity.clone(),
                ..profile()
            };
            let login = log_in(&client, &nobody);
            assert!(!login.is_accepted(), "{method:?}, {identity}");
        }
        assert!(log_in(&client, &profile()).is_accepted(), "{method:?}");
    }
}
