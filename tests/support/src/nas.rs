//! A switch that answers CoA-Request and Disconnect-Request (RFC 5176) and remembers them.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::cast;
use crate::wire::{Packet, attribute, code};

/// How the switch answers a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behaviour {
    /// With an ACK.
    Acknowledge,
    /// With a NAK carrying this Error-Cause (RFC 5176 section 3.5).
    Refuse(u32),
    /// Not at all.
    Silent,
    /// With an ACK that is signed with another secret.
    Forge,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// From where, which is where an answer goes.
    pub from: SocketAddr,
    /// The request.
    pub packet: Packet,
    /// Whether its Request Authenticator is right.
    pub signed: bool,
    /// Whether its Message-Authenticator is right; `None` without one.
    pub message_authenticator: Option<bool>,
}

/// How the two kinds of request are answered.
#[derive(Clone, Copy, Debug)]
struct Script {
    coa: Behaviour,
    disconnect: Behaviour,
}

/// The switch. It stops when it is dropped.
#[derive(Debug)]
pub struct FakeNas {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    stop: Arc<AtomicBool>,
    received: Receiver<Received>,
    thread: Option<JoinHandle<()>>,
}

impl FakeNas {
    /// Listens on a free loopback port, acknowledging everything.
    #[must_use]
    pub fn start() -> Self {
        Self::listen("127.0.0.1:0")
    }

    /// Listens on an address of the caller's choice.
    ///
    /// # Panics
    ///
    /// When the address is taken.
    #[must_use]
    pub fn listen(address: &str) -> Self {
        let socket = UdpSocket::bind(address).expect("the switch's port is free");
        let step = Duration::from_millis(50);
        socket
            .set_read_timeout(Some(step))
            .expect("a time limit is above zero");
        let address = socket.local_addr().expect("a bound socket has an address");
        let script = Script {
            coa: Behaviour::Acknowledge,
            disconnect: Behaviour::Acknowledge,
        };
        let script = Arc::new(Mutex::new(script));
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, received) = channel();
        let (scripted, stopped) = (Arc::clone(&script), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let Some(packet) = Packet::parse(&buffer[..length]) else {
                    continue;
                };
                let script = *scripted.lock().expect("nobody panics holding the script");
                if let Some(reply) = reply(&packet, script) {
                    let _ = socket.send_to(&reply, from);
                }
                let signed = packet.is_signed_request(cast::SECRET);
                let zeros = [0; 20];
                let message_authenticator = packet.message_authenticator(&zeros, cast::SECRET);
                let _ = sender.send(Received {
                    at: Instant::now(),
                    from,
                    packet,
                    signed,
                    message_authenticator,
                });
            }
        });
        Self {
            address,
            script,
            stop,
            received,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it answers from now on.
    ///
    /// # Panics
    ///
    /// When its thread has died.
    pub fn behave(&self, coa: Behaviour, disconnect: Behaviour) {
        *self
            .script
            .lock()
            .expect("nobody panics holding the script") = Script { coa, disconnect };
    }

    /// The next request within `limit`.
    #[must_use]
    pub fn next(&self, limit: Duration) -> Option<Received> {
        self.received.recv_timeout(limit).ok()
    }

    /// Everything that has arrived and was not asked for yet.
    #[must_use]
    pub fn pending(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

impl Drop for FakeNas {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn reply(request: &Packet, script: Script) -> Option<Vec<u8>> {
    let (behaviour, ack, nak) = match request.code {
        code::COA_REQUEST => (script.coa, code::COA_ACK, code::COA_NAK),
        code::DISCONNECT_REQUEST => (
            script.disconnect,
            code::DISCONNECT_ACK,
            code::DISCONNECT_NAK,
        ),
        _ => return None,
    };
    let signature = (attribute::MESSAGE_AUTHENTICATOR, vec![0; 16]);
    match behaviour {
        Behaviour::Acknowledge => Some(request.reply(ack, &[signature], cast::SECRET)),
        Behaviour::Refuse(cause) => {
            let cause = (attribute::ERROR_CAUSE, cause.to_be_bytes().to_vec());
            Some(request.reply(nak, &[signature, cause], cast::SECRET))
        }
        Behaviour::Silent => None,
        Behaviour::Forge => Some(request.reply(ack, &[signature], "another secret altogether")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Exchange;

    const SOON: Duration = Duration::from_secs(2);

    #[test]
    fn the_switch_answers_as_it_is_told() {
        let nas = FakeNas::start();
        let client = Exchange::new(nas.address(), cast::SECRET);
        let request = |code, identifier| {
            let request = client
                .request(code, identifier)
                .with_message_authenticator();
            request.with(attribute::ACCT_SESSION_ID, "one").bytes()
        };
        let answer = client
            .ask(&request(code::COA_REQUEST, 1))
            .map(|reply| reply.code);
        assert_eq!(answer, Some(code::COA_ACK));

        nas.behave(Behaviour::Refuse(503), Behaviour::Acknowledge);
        let refusal = client.ask(&request(code::COA_REQUEST, 2)).expect("a NAK");
        assert_eq!(refusal.code, code::COA_NAK);
        assert_eq!(
            refusal.first(attribute::ERROR_CAUSE),
            Some(&503_u32.to_be_bytes()[..])
        );
        let answer = client
            .ask(&request(code::DISCONNECT_REQUEST, 3))
            .map(|reply| reply.code);
        assert_eq!(answer, Some(code::DISCONNECT_ACK));

        nas.behave(Behaviour::Silent, Behaviour::Silent);
        assert!(client.is_ignored(&request(code::COA_REQUEST, 4)));
        assert_eq!(nas.pending().len(), 4);
    }

    #[test]
    fn the_switch_remembers_whether_a_request_was_genuine() {
        let nas = FakeNas::start();
        let genuine = Exchange::new(nas.address(), cast::SECRET);
        genuine.send(
            &genuine
                .request(code::COA_REQUEST, 1)
                .with_message_authenticator()
                .bytes(),
        );
        let received = nas.next(SOON).expect("it arrives");
        assert_eq!(
            (received.signed, received.message_authenticator),
            (true, Some(true))
        );

        let forged = Exchange::new(nas.address(), "not the secret");
        forged.send(
            &forged
                .request(code::COA_REQUEST, 2)
                .with_message_authenticator()
                .bytes(),
        );
        let received = nas.next(SOON).expect("it arrives");
        assert_eq!(
            (received.signed, received.message_authenticator),
            (false, Some(false))
        );
    }
}
