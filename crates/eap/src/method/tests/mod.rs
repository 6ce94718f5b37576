//! What a supplicant may say inside the tunnel, sent by one that says anything.

mod peap;
mod teap;
mod ttls;

use std::sync::Arc;

use crate::fragment::{ACKNOWLEDGEMENT, Framing, Inbound, with_version};
use crate::peer::PeerMethod;
use crate::settings::Method;
use crate::support::{Login, NOW, peer_tls, pki, server_tls, settings_of, start_of_time};
use crate::tls::Tls;
use crate::{Answer, Conversation, Question, Settings, Step, TlsVersions, packet};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Only12, TlsVersions::Only13];

/// A TLS client that puts arbitrary octets into the tunnel.
struct Client {
    conversation: Conversation,
    tls: Tls,
    framing: Framing,
    method: Method,
    identifier: u8,
}

/// A step of the server, with what came through the tunnel.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Inside(Vec<u8>),
    Ask(String),
    Success(&'static str),
    Failure(&'static str),
}

impl Client {
    /// Logs in up to the point where the tunnel stands. Yields what the server says first in it.
    fn connect(method: Method, versions: TlsVersions) -> (Self, Reply) {
        let settings = settings_of(&server_tls(versions), &[method]);
        Self::connect_to(settings, method, versions)
    }

    fn connect_to(settings: Arc<Settings>, method: Method, versions: TlsVersions) -> (Self, Reply) {
        let tls = peer_tls(versions, Some(&pki().client));
        let login = Login::new(&settings, PeerMethod::Tls, &tls);
        let mut conversation = login.conversation();
        let start = conversation.start();
        let tls = tls.connect(NOW).unwrap();
        let framing = Framing::new(60_000);
        let mut client = Self {
            conversation,
            tls,
            framing,
            method,
            identifier: start[1],
        };
        let identity = packet::response(client.identifier, 1, b"anonymous");
        let Step::Request(request) = client.conversation.receive(start_of_time(), &identity) else {
            panic!()
        };
        client.identifier = request[1];
        let mut reply = client.exchange();
        while client.tls.is_handshaking() {
            reply = client.exchange();
        }
        if client.tls.version() == crate::tls::Version::Tls13 {
            // Our Finished.
            reply = client.exchange();
        }
        (client, reply)
    }

    fn say(&mut self, inside: &[u8]) -> Reply {
        if !inside.is_empty() {
            self.tls.write(inside);
        }
        self.exchange()
    }

    /// Sends what TLS has to send, which may be nothing.
    fn exchange(&mut self) -> Reply {
        let output = self.tls.output();
        let mut data = self.framing.send(output);
        loop {
            let versioned = with_version(self.method.version(), data.clone());
            let response = packet::response(self.identifier, self.method.type_number(), &versioned);
            let step = self.conversation.receive(start_of_time(), &response);
            let Step::Request(request) = step else {
                return self.reply(step);
            };
            self.identifier = request[1];
            match self.framing.receive(&request[5..]).unwrap() {
                Inbound::Fragment => data = ACKNOWLEDGEMENT.to_vec(),
                Inbound::Message(message) => return self.read(&message),
                other => panic!("{other:?}"),
            }
        }
    }

    fn read(&mut self, message: &[u8]) -> Reply {
        Reply::Inside(self.tls.feed(message).unwrap().to_vec())
    }

    fn reply(&mut self, step: Step) -> Reply {
        match step {
            Step::Request(request) => {
                self.identifier = request[1];
                match self.framing.receive(&request[5..]).unwrap() {
                    Inbound::Message(message) => self.read(&message),
                    other => panic!("{other:?}"),
                }
            }
            Step::Ask(
                Question::NtHash { user }
                | Question::Password { user, .. }
                | Question::Code { user, .. }
                | Question::NewPassword { user, .. }
                | Question::Chap { user, .. },
            ) => Reply::Ask(user),
            Step::Success(success) => Reply::Success(success.method),
            Step::Failure { reason, .. } => Reply::Failure(reason.code),
            Step::Ignore(reason) => panic!("{reason}"),
        }
    }

    fn resume(&mut self, answer: Answer) -> Reply {
        let step = self.conversation.resume(start_of_time(), answer);
        self.reply(step)
    }
}

#[test]
fn eap_tls_has_no_place_for_application_data() {
    for versions in VERSIONS {
        let (mut client, _) = Client::connect(Method::Tls, versions);
        assert_eq!(client.say(b"hello"), Reply::Failure("EAP-1109"));
    }
}
