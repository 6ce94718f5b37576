//! TEAP.

use super::{Client, Reply, VERSIONS};
use crate::method::mschapv2;
use crate::method::teap::keys::{Chain, InnerKeys, OuterTlvs};
use crate::method::teap::{outer, tlv};
use crate::settings::{InnerMethod, Method};
use crate::support::{PASSWORD, server_tls, settings_of};
use crate::{Answer, TlsVersions, packet};

/// A supplicant inside the tunnel, with the keys that it needs for its bindings.
struct Inside {
    client: Client,
    chain: Chain,
    outer: OuterTlvs,
}

/// What the server said last.
#[derive(Debug)]
struct Said(Vec<u8>);

impl Said {
    fn tlvs(&self) -> tlv::Tlvs<'_> {
        tlv::parse(&self.0).unwrap()
    }

    /// The type and the data of the EAP request.
    fn eap(&self) -> (u8, u8, Vec<u8>) {
        let request = self.tlvs().eap.unwrap();
        (request[1], request[4], request[5..].to_vec())
    }
}

/// TEAP up to the server's request for the machine's identity.
fn teap(versions: TlsVersions) -> (Inside, Said) {
    let settings = settings_of(&server_tls(versions), &[Method::Teap]);
    let server = outer::server_tlvs(&settings);
    let (mut client, mut first) = Client::connect_to(settings, Method::Teap, versions);
    if versions == TlsVersions::Only12 {
        first = client.say(b"");
    }
    let Reply::Inside(message) = first else {
        panic!("{first:?}")
    };
    let chain = Chain::new(&client.tls).unwrap();
    let outer = OuterTlvs {
        server,
        peer: Vec::new(),
    };
    let said = Said(message);
    assert_eq!(said.tlvs().identity_type, Some(tlv::MACHINE));
    assert_eq!(said.eap().1, 1);
    let inside = Inside {
        client,
        chain,
        outer,
    };
    (inside, said)
}

impl Inside {
    fn say(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> Reply {
        let mut message = Vec::new();
        build(&mut message);
        self.client.say(&message)
    }

    /// Answers and expects more to be said.
    fn go_on(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> Said {
        match self.say(build) {
            Reply::Inside(message) => Said(message),
            other => panic!("{other:?}"),
        }
    }

    /// Alice proves herself by EAP-MSCHAPv2, which was called for with this identity request.
    fn prove(&mut self, request: &Said, identity_type: u16) -> Said {
        let identity = packet::response(request.eap().0, 1, b"alice");
        let said = self.go_on(|message| {
            tlv::push_identity_type(message, identity_type);
            tlv::push_eap(message, &identity);
        });
        let (identifier, eap_type, data) = said.eap();
        assert_eq!(eap_type, 26);
        let mschapv2::Message::Challenge {
            identifier: chap,
            challenge,
        } = mschapv2::Message::parse(&data).unwrap()
        else {
            panic!()
        };
        let hash = crate::mschapv2::nt_hash(PASSWORD);
        let response = crate::mschapv2::nt_response(&hash, &challenge, &[9; 16], "alice");
        let data = mschapv2::response(chap, &[9; 16], &response, b"alice");
        let packet = packet::response(identifier, 26, &data);
        let reply = self.say(|message| tlv::push_eap(message, &packet));
        assert_eq!(reply, Reply::Ask("alice".to_owned()));
        let Reply::Inside(message) = self.client.resume(Answer::NtHash(hash.into())) else {
            panic!()
        };
        let packet = packet::response(Said(message).eap().0, 26, &[3]);
        let said = self.go_on(|message| tlv::push_eap(message, &packet));
        let msk = crate::mschapv2::eap_msk(&hash, &response);
        let keys = InnerKeys::of(InnerMethod::EapMschapv2, Some(msk), None);
        self.chain.advance(&keys);
        assert_eq!(said.tlvs().intermediate, Some(true));
        said
    }

    /// Our answer to the binding in what was said.
    fn bound(&mut self, said: &Said) -> [u8; tlv::BINDING_LEN] {
        let tlvs = said.tlvs();
        let received = tlvs.binding.unwrap();
        assert!(self.chain.verify_request(&received, &self.outer));
        self.chain.response(received.nonce, &self.outer)
    }
}

#[test]
fn teap_ends_only_when_the_tunnel_is_bound_and_both_say_so() {
    for versions in VERSIONS {
        let end = |build: &dyn Fn(&mut Vec<u8>, [u8; tlv::BINDING_LEN])| {
            let (mut inside, request) = teap(versions);
            let said = inside.prove(&request, tlv::USER);
            assert_eq!(said.tlvs().result, Some(true));
            let binding = inside.bound(&said);
            match inside.say(|message| build(message, binding)) {
                // A failure in good order, which whatever the supplicant says then ends.
                Reply::Inside(message) => {
                    assert_eq!(Said(message).tlvs().result, Some(false));
                    inside.client.say(b"")
                }
                reply => reply,
            }
        };
        let results = |message: &mut Vec<u8>| {
            tlv::push_intermediate(message, true);
            tlv::push_result(message, true);
        };
        assert_eq!(
            end(&|message, binding| {
                results(message);
                message.extend(binding);
            }),
            Reply::Success("TEAP-MSCHAPv2")
        );
        // Without the binding, without the intermediate result, without the result.
        assert_eq!(
            end(&|message, _| results(message)),
            Reply::Failure("EAP-1415")
        );
        assert_eq!(
            end(&|message, binding| {
                message.extend(binding);
                tlv::push_result(message, true);
            }),
            Reply::Failure("EAP-1411")
        );
        assert_eq!(
            end(&|message, binding| {
                message.extend(binding);
                tlv::push_intermediate(message, true);
            }),
            Reply::Failure("EAP-1411")
        );
        // It does not want to, after all.
        for intermediate in [true, false] {
            assert_eq!(
                end(&|message, binding| {
                    message.extend(binding);
                    tlv::push_intermediate(message, intermediate);
                    tlv::push_result(message, !intermediate);
                }),
                Reply::Failure("EAP-1409")
            );
        }
        // A MAC, the nonce, the version, the flags: each counts.
        for at in [79, 20, 5, 6, 7] {
            assert_eq!(
                end(&|message, mut binding| {
                    binding[at] ^= 1;
                    message.extend(binding);
                    results(message);
                }),
                Reply::Failure("EAP-1414"),
                "octet {at}"
            );
        }
        let twice = end(&|message, binding| {
            message.extend(binding);
            message.extend(binding);
            results(message);
        });
        assert_eq!(twice, Reply::Failure("EAP-1411"));
    }
}

#[test]
fn teap_takes_a_binding_with_the_keys_of_this_login_only() {
    for versions in VERSIONS {
        let (mut inside, request) = teap(versions);
        let said = inside.prove(&request, tlv::USER);
        // Whoever knows the tunnel but not what happened inside it.
        let stranger = Chain::new(&inside.client.tls).unwrap();
        let nonce = *said.tlvs().binding.unwrap().nonce;
        let binding = stranger.response(&nonce, &inside.outer);
        let said = inside.go_on(|message| {
            tlv::push_intermediate(message, true);
            message.extend(binding);
            tlv::push_result(message, true);
        });
        assert_eq!(
            (said.tlvs().error, said.tlvs().result),
            (Some(2001), Some(false))
        );
        assert_eq!(inside.client.say(b""), Reply::Failure("EAP-1414"));
    }
}

#[test]
fn teap_asks_for_a_user_behind_a_machine_and_takes_no_for_an_answer() {
    for versions in VERSIONS {
        let machine = || {
            let (mut inside, request) = teap(versions);
            let said = inside.prove(&request, tlv::MACHINE);
            assert_eq!(said.tlvs().identity_type, Some(tlv::USER));
            assert_eq!(said.tlvs().result, None);
            let binding = inside.bound(&said);
            (inside, said, binding)
        };
        type Answer<'a> = &'a dyn Fn(&mut Vec<u8>, u8);
        let answers: [Answer<'_>; 3] = [
            // The machine again, nobody, and a refusal of the question.
            &|message, identifier| {
                tlv::push_identity_type(message, tlv::MACHINE);
                tlv::push_eap(message, &packet::response(identifier, 1, b"host/laptop"));
            },
            &|message, identifier| {
                tlv::push_eap(message, &packet::response(identifier, 1, b""));
            },
            &|message, _| tlv::push_password_nak(message),
        ];
        for answer in answers {
            let (mut inside, said, binding) = machine();
            let said = inside.go_on(|message| {
                message.extend(binding);
                tlv::push_intermediate(message, true);
                answer(message, said.eap().0);
            });
            // No binding follows a question that was left out.
            assert_eq!(said.tlvs().result, Some(true));
            assert!(said.tlvs().binding.is_none() && said.tlvs().intermediate.is_none());
            let reply = inside.say(|message| tlv::push_result(message, true));
            assert_eq!(reply, Reply::Success("TEAP-MSCHAPv2"));
        }
        // The machine is not bound yet: nothing that follows is looked at.
        let (mut inside, said, _) = machine();
        let said = inside.go_on(|message| {
            tlv::push_intermediate(message, true);
            tlv::push_eap(message, &packet::response(said.eap().0, 1, b"alice"));
        });
        assert_eq!(said.tlvs().result, Some(false));
        assert_eq!(inside.client.say(b""), Reply::Failure("EAP-1415"));
        // A success that nobody has announced.
        let (mut inside, _, binding) = machine();
        let reply = inside.say(|message| {
            message.extend(binding);
            tlv::push_intermediate(message, true);
            tlv::push_result(message, true);
        });
        assert_eq!(reply, Reply::Failure("EAP-1416"));
    }
}

#[test]
fn teap_refuses_what_is_malformed_or_out_of_place() {
    for versions in VERSIONS {
        let eap = |message: &mut Vec<u8>, packet: &[u8]| tlv::push_eap(message, packet);
        type Build<'a> = &'a dyn Fn(&mut Vec<u8>, u8);
        let cases: [(Build<'_>, &str); 13] = [
            (&|_, _| {}, "EAP-1411"),
            (&|message, _| message.extend([0x80, 9, 0]), "EAP-1411"),
            (
                &|message, _| message.extend([0x80, 9, 0xff, 0xff, 1]),
                "EAP-1411",
            ),
            (&|message, _| message.extend([0x80, 99, 0, 0]), "EAP-1411"),
            (
                &|message, _| message.extend([0x80, 8, 0, 2, 1, 2]),
                "EAP-1411",
            ),
            (&|message, _| tlv::push_result(message, true), "EAP-1416"),
            (&|message, _| tlv::push_result(message, false), "EAP-1409"),
            (
                &|message, _| tlv::push_password(message, b"alice", b"x"),
                "EAP-1416",
            ),
            (&|message, id| eap(message, &[1, id, 0, 5, 1]), "EAP-1416"),
            (&|message, id| eap(message, &[2, id, 0, 9, 1]), "EAP-1416"),
            (
                &|message, id| eap(message, &[2, id ^ 1, 0, 5, 1]),
                "EAP-1416",
            ),
            (
                &|message, id| eap(message, &[2, id, 0, 6, 26, 3]),
                "EAP-1303",
            ),
            (
                &|message, id| {
                    eap(message, &[2, id, 0, 5, 1]);
                    eap(message, &[2, id, 0, 5, 1]);
                },
                "EAP-1411",
            ),
        ];
        for (at, (build, code)) in cases.into_iter().enumerate() {
            let (mut inside, request) = teap(versions);
            let identifier = request.eap().0;
            // An empty message is sent as a TLS record of no length, which is an acknowledgement.
            let reply = inside.say(|message| build(message, identifier));
            assert_eq!(reply, Reply::Failure(code), "case {at}");
        }
        // A binding that nobody has asked for.
        let (mut inside, _) = teap(versions);
        let binding = inside.chain.response(&[0; 32], &inside.outer);
        let said = inside.go_on(|message| message.extend(binding));
        assert_eq!(said.tlvs().result, Some(false));
        assert_eq!(inside.client.say(b""), Reply::Failure("EAP-1109"));
    }
}
