//! EAP inside a tunnel, as the supplicant plays it.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::mschapv2::Answered;
use super::{PeerSettings, PeerTls};
use crate::fragment::{ACKNOWLEDGEMENT, Framing, Inbound};
use crate::keys;
use crate::method::mschapv2::{self as messages, Message};
use crate::mschapv2::{self, ChangePassword};
use crate::packet::{Body, eap_type};
use crate::reason::{self, Reason};
use crate::settings::{InnerMethod, Method};
use crate::step::Random;
use crate::tls::{Tls, Version};

/// The type and the data of a response.
pub(super) type InnerResponse = (u8, Vec<u8>);

/// One inner authentication.
pub(super) struct InnerPeer {
    eap_type: u8,
    identity: String,
    password: Zeroizing<String>,
    /// What EAP-GTC answers to a second prompt.
    code: Option<Zeroizing<String>>,
    /// What is answered to MS-CHAPv2's word that the password is expired.
    new_password: Option<Zeroizing<String>>,
    tls: Arc<PeerTls>,
    eap_mtu: usize,
    unix_time: Duration,
    state: State,
}

enum State {
    Begun,
    /// An answer to MS-CHAPv2's challenge is out.
    Answered(Answered),
    Tls(Box<InnerTls>),
    /// The method is complete, with the first octets of its MSK if it has one.
    Complete(Option<Zeroizing<[u8; 32]>>),
}

impl InnerPeer {
    pub(super) fn new(
        method: InnerMethod,
        settings: &PeerSettings,
        unix_time: Duration,
    ) -> Result<Self, Reason> {
        let eap_type = method
            .eap_type()
            .ok_or_else(|| reason::CREDENTIALS_UNSET.with("EAP method inside"))?;
        let password = match (&settings.password, method) {
            (Some(password), _) => password.clone(),
            (None, InnerMethod::EapTls) => Zeroizing::default(),
            (None, _) => return Err(reason::CREDENTIALS_UNSET.with("password")),
        };
        Ok(Self {
            eap_type,
            identity: settings.identity.clone(),
            password,
            code: None,
            new_password: None,
            tls: Arc::clone(&settings.tls),
            eap_mtu: settings.eap_mtu,
            unix_time,
            state: State::Begun,
        })
    }

    /// Has the code of an authenticator app for a second prompt of EAP-GTC.
    pub(super) fn with_code(mut self, code: Option<Zeroizing<String>>) -> Self {
        self.code = code;
        self
    }

    /// Has a new password for when the present one is expired.
    pub(super) fn with_new_password(mut self, password: Option<Zeroizing<String>>) -> Self {
        self.new_password = password;
        self
    }

    /// A machine, by EAP-TLS.
    pub(super) fn of_machine(
        identity: String,
        tls: Arc<PeerTls>,
        eap_mtu: usize,
        unix_time: Duration,
    ) -> Self {
        Self {
            eap_type: eap_type::TLS,
            identity,
            password: Zeroizing::default(),
            code: None,
            new_password: None,
            tls,
            eap_mtu,
            unix_time,
            state: State::Begun,
        }
    }

    /// Takes a request. Even when something is wrong there may be a response.
    pub(super) fn receive(
        &mut self,
        body: Body<'_>,
        random: &mut Random,
    ) -> (Option<InnerResponse>, Result<(), Reason>) {
        let own = self.eap_type;
        let (data, result) = match body.eap_type {
            eap_type::IDENTITY => {
                let identity = self.identity.clone().into_bytes();
                return (Some((eap_type::IDENTITY, identity)), Ok(()));
            }
            other if other != own => return (Some((eap_type::NAK, vec![own])), Ok(())),
            eap_type::MSCHAPV2 => self.mschapv2(body.data, random),
            eap_type::GTC => {
                let again = matches!(self.state, State::Complete(_));
                let said = match &self.code {
                    Some(code) if again => code,
                    _ => &self.password,
                };
                self.state = State::Complete(None);
                (Some(said.as_bytes().to_vec()), Ok(()))
            }
            _ => match self.certificate(body.data) {
                Ok(data) => (Some(data), Ok(())),
                Err((data, reason)) => (data, Err(reason)),
            },
        };
        (data.map(|data| (own, data)), result)
    }

    /// Whether the server may say now that all is well.
    pub(super) fn is_complete(&self) -> bool {
        match &self.state {
            State::Complete(_) => true,
            State::Tls(tls) => tls.is_complete(),
            State::Begun | State::Answered(_) => false,
        }
    }

    /// The first octets of the MSK, once the method is complete.
    pub(super) fn msk(&self) -> Result<Option<Zeroizing<[u8; 32]>>, Reason> {
        match &self.state {
            State::Complete(msk) => Ok(msk.clone()),
            State::Tls(tls) => tls.msk().map(Some),
            State::Begun | State::Answered(_) => Ok(None),
        }
    }

    /// The EMSK, once EAP-TLS is complete.
    pub(super) fn emsk(&self) -> Result<Option<Zeroizing<[u8; 64]>>, Reason> {
        match &self.state {
            State::Tls(tls) => Ok(Some(keys::derive(Method::Tls, &tls.tls)?.emsk)),
            State::Begun | State::Answered(_) | State::Complete(_) => Ok(None),
        }
    }

    fn mschapv2(
        &mut self,
        data: &[u8],
        random: &mut Random,
    ) -> (Option<Vec<u8>>, Result<(), Reason>) {
        let message = match Message::parse(data) {
            Ok(message) => message,
            Err(fault) => return (None, Err(reason::SERVER_METHOD.with(fault))),
        };
        match message {
            Message::Challenge {
                identifier,
                challenge,
            } => {
                let answered = Answered::new(&challenge, &self.identity, &self.password, random);
                let response = messages::response(
                    identifier,
                    &answered.peer_challenge,
                    &answered.nt_response,
                    self.identity.as_bytes(),
                );
                self.state = State::Answered(answered);
                (Some(response), Ok(()))
            }
            Message::Success { text } => {
                let proven = match &self.state {
                    State::Answered(answered) => {
                        answered.prove_server(text).map(|()| answered.msk.clone())
                    }
                    _ => Err(reason::SERVER_NOT_AUTHENTIC.reason()),
                };
                match proven {
                    Ok(msk) => {
                        self.state = State::Complete(Some(msk));
                        (Some(messages::SUCCESS_ACKNOWLEDGEMENT.to_vec()), Ok(()))
                    }
                    Err(reason) => (
                        Some(messages::FAILURE_ACKNOWLEDGEMENT.to_vec()),
                        Err(reason),
                    ),
                }
            }
            Message::Failure { text } => {
                if let Some(challenge) = mschapv2::expired_challenge(text)
                    && let Some(new) = self.new_password.take()
                {
                    return self.change_password(data, &challenge, &new, random);
                }
                let said = reason::SERVER_SAYS_WRONG.with(String::from_utf8_lossy(text));
                (Some(messages::FAILURE_ACKNOWLEDGEMENT.to_vec()), Err(said))
            }
            Message::Response { .. } | Message::ChangePassword { .. } => (
                None,
                Err(reason::SERVER_METHOD.with("a response as a request")),
            ),
        }
    }

    /// Answers an expired password with a new one (RFC 2759 section 7).
    fn change_password(
        &mut self,
        failure: &[u8],
        challenge: &[u8; 16],
        new: &Zeroizing<String>,
        random: &mut Random,
    ) -> (Option<Vec<u8>>, Result<(), Reason>) {
        let mut padding = [0; mschapv2::ENCRYPTED_PASSWORD_LEN];
        random(&mut padding);
        let mut peer_challenge = [0; 16];
        random(&mut peer_challenge);
        let passwords = (self.password.as_str(), new.as_str());
        let identity = &self.identity;
        let change = ChangePassword::new(passwords, challenge, peer_challenge, identity, &padding);
        let Some(change) = change else {
            let fault = reason::CREDENTIALS_UNSET.with("new password that fits");
            return (None, Err(fault));
        };
        let answered = Answered::with(challenge, identity, new, peer_challenge);
        self.password = new.clone();
        self.state = State::Answered(answered);
        let identifier = failure.get(1).copied().unwrap_or_default().wrapping_add(1);
        let data = messages::change_password(identifier, &change);
        (Some(data), Ok(()))
    }

    /// EAP-TLS. An error may leave an alert to send.
    fn certificate(&mut self, type_data: &[u8]) -> Result<Vec<u8>, (Option<Vec<u8>>, Reason)> {
        if !matches!(self.state, State::Tls(_)) {
            let tls = self.tls.connect_inside(self.unix_time);
            let tls = tls.map_err(|reason| (None, reason))?;
            self.state = State::Tls(Box::new(InnerTls {
                framing: Framing::new(self.eap_mtu),
                tls,
                begun: false,
                committed: false,
            }));
        }
        match &mut self.state {
            State::Tls(tls) => tls.receive(type_data),
            _ => Ok(Vec::new()),
        }
    }
}

/// EAP-TLS inside a tunnel.
struct InnerTls {
    framing: Framing,
    tls: Tls,
    begun: bool,
    /// The octet 0x00 of RFC 9190 section 2.5 came.
    committed: bool,
}

impl InnerTls {
    fn receive(&mut self, type_data: &[u8]) -> Result<Vec<u8>, (Option<Vec<u8>>, Reason)> {
        let fault = |fault: &str| (None, reason::SERVER_METHOD.with(fault));
        let received = self.framing.receive(type_data);
        match received.map_err(|text| fault(&text))? {
            Inbound::Start(_) if self.begun => Err(fault("a second Start")),
            Inbound::Start(_) => {
                self.begun = true;
                Ok(self.framing.send(self.tls.output()))
            }
            Inbound::Fragment => Ok(ACKNOWLEDGEMENT.to_vec()),
            Inbound::Acknowledged => Ok(self.framing.next_fragment()),
            Inbound::Message(message) => {
                let read = self.tls.feed(&message);
                let output = self.framing.send(self.tls.output());
                let data = read.map_err(|reason| (Some(output.clone()), reason))?;
                match (self.tls.version(), &data[..]) {
                    (_, []) => {}
                    (Version::Tls13, [0]) => self.committed = true,
                    _ => return Err(fault("unexpected application data")),
                }
                Ok(output)
            }
        }
    }

    fn is_complete(&self) -> bool {
        let farewell = self.committed || self.tls.version() == Version::Tls12;
        self.begun && !self.tls.is_handshaking() && farewell
    }

    fn msk(&self) -> Result<Zeroizing<[u8; 32]>, Reason> {
        let keys = keys::derive(Method::Tls, &self.tls)?;
        let mut msk = Zeroizing::new([0; 32]);
        for (to, from) in msk.iter_mut().zip(keys.msk.iter()) {
            *to = *from;
        }
        Ok(msk)
    }
}
