//! The supplicant's side of what happens in and after the TLS handshake.

use zeroize::Zeroizing;

use super::{PeerMethod, PeerSettings};
use crate::keys;
use crate::method::mschapv2::{self as messages, Message};
use crate::method::{avp, peap};
use crate::mschapv2;
use crate::packet::{self, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::step::Random;
use crate::tls::{Tls, Version};

pub(super) struct Tunnel {
    tls: Tls,
    method: PeerMethod,
    identity: String,
    /// Empty for EAP-TLS.
    password: Zeroizing<String>,
    early: bool,
    credentials_sent: bool,
    /// The octet 0x00 of RFC 9190 section 2.5 came.
    committed: bool,
    /// What the server must prove that it knows (RFC 2759 section 8.7).
    expected: Option<String>,
    server_proven: bool,
    /// PEAP's Result TLV said success, with good reason.
    result: bool,
}

impl Tunnel {
    pub(super) fn new(tls: Tls, settings: &PeerSettings, early: bool) -> Result<Self, Reason> {
        let password = match (&settings.password, settings.method) {
            (Some(password), _) => password.clone(),
            (None, PeerMethod::Tls) => Zeroizing::default(),
            (None, _) => return Err(reason::CREDENTIALS_UNSET.with("password")),
        };
        Ok(Self {
            tls,
            method: settings.method,
            identity: settings.identity.clone(),
            password,
            early,
            credentials_sent: false,
            committed: false,
            expected: None,
            server_proven: false,
            result: false,
        })
    }

    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }

    pub(super) fn output(&mut self) -> Vec<u8> {
        self.tls.output()
    }

    /// Takes a message from the server. After an error the output may hold an alert.
    pub(super) fn receive(&mut self, message: &[u8], random: &mut Random) -> Result<(), Reason> {
        let was_handshaking = self.tls.is_handshaking();
        let data = self.tls.feed(message)?;
        if self.tls.is_handshaking() {
            return Ok(());
        }
        match self.method {
            PeerMethod::Tls => self.certificate_only(&data),
            PeerMethod::PeapMschapv2 if data.is_empty() => Ok(()),
            PeerMethod::PeapMschapv2 => self.peap(&data, random),
            PeerMethod::TtlsPap | PeerMethod::TtlsMschapv2 => {
                self.ttls(was_handshaking, &data, random)
            }
        }
    }

    /// Whether EAP-Success may come now.
    pub(super) fn is_complete(&self) -> bool {
        if self.tls.is_handshaking() {
            return false;
        }
        let farewell = self.committed || self.tls.version() == Version::Tls12;
        match self.method {
            PeerMethod::Tls => farewell,
            PeerMethod::PeapMschapv2 => self.result,
            _ if self.tls.is_resumed() && !self.credentials_sent => farewell,
            PeerMethod::TtlsPap => self.credentials_sent,
            PeerMethod::TtlsMschapv2 => self.server_proven,
        }
    }

    fn certificate_only(&mut self, data: &[u8]) -> Result<(), Reason> {
        match (self.tls.version(), data) {
            (_, []) => Ok(()),
            (Version::Tls13, [0]) => {
                self.committed = true;
                Ok(())
            }
            _ => Err(reason::SERVER_METHOD.with("unexpected application data")),
        }
    }

    fn ttls(
        &mut self,
        was_handshaking: bool,
        data: &[u8],
        random: &mut Random,
    ) -> Result<(), Reason> {
        if self.tls.is_resumed() {
            return self.certificate_only(data);
        }
        if !data.is_empty() {
            return self.ttls_reply(data);
        }
        // On TLS 1.3 the server has not seen our Finished yet, so waiting is the custom.
        let hold = was_handshaking && self.tls.version() == Version::Tls13 && !self.early;
        if !hold && !self.credentials_sent {
            self.credentials_sent = true;
            let credentials = self.credentials(random)?;
            self.tls.write(&credentials);
        }
        Ok(())
    }

    /// The attributes of RFC 5281 sections 11.2.4 and 11.2.5.
    fn credentials(&mut self, random: &mut Random) -> Result<Zeroizing<Vec<u8>>, Reason> {
        let mut message = Zeroizing::new(Vec::with_capacity(512));
        avp::push(&mut message, 0, avp::USER_NAME, self.identity.as_bytes());
        if self.method == PeerMethod::TtlsPap {
            let mut padded = Zeroizing::new(self.password.as_bytes().to_vec());
            let length = padded.len().next_multiple_of(16).max(16);
            padded.resize(length, 0);
            avp::push(&mut message, 0, avp::USER_PASSWORD, &padded);
            return Ok(message);
        }
        let (challenge, identifier) = keys::ttls_challenge(&self.tls)?;
        let (peer_challenge, nt_response) = self.answer(&challenge, random);
        let mut response = vec![identifier, 0];
        response.extend_from_slice(&peer_challenge);
        response.extend_from_slice(&[0; 8]);
        response.extend_from_slice(&nt_response);
        avp::push(
            &mut message,
            avp::MICROSOFT,
            avp::MS_CHAP_CHALLENGE,
            &challenge,
        );
        avp::push(
            &mut message,
            avp::MICROSOFT,
            avp::MS_CHAP2_RESPONSE,
            &response,
        );
        Ok(message)
    }

    fn ttls_reply(&mut self, data: &[u8]) -> Result<(), Reason> {
        let avps = avp::parse(data).map_err(|fault| reason::SERVER_METHOD.with(fault))?;
        let success = avps
            .iter()
            .find(|avp| avp.vendor == avp::MICROSOFT && avp.code == avp::MS_CHAP2_SUCCESS)
            .and_then(|avp| avp.data.split_first());
        match success {
            Some((_identifier, text)) => self.prove_server(text),
            None => Err(reason::SERVER_METHOD.with("unexpected attributes")),
        }
    }

    fn peap(&mut self, data: &[u8], random: &mut Random) -> Result<(), Reason> {
        if let Ok(Packet {
            code: Code::Request,
            identifier,
            body: Some(body),
        }) = Packet::parse(data)
            && body.eap_type == eap_type::TLV
        {
            return self.peap_result(identifier, body.data);
        }
        match data.split_first() {
            Some((&eap_type::IDENTITY, _)) => {
                let identity = self.identity.clone();
                self.peap_send(eap_type::IDENTITY, identity.as_bytes());
                Ok(())
            }
            Some((&eap_type::MSCHAPV2, message)) => self.peap_mschapv2(message, random),
            _ => {
                self.peap_send(eap_type::NAK, &[eap_type::MSCHAPV2]);
                Ok(())
            }
        }
    }

    fn peap_mschapv2(&mut self, message: &[u8], random: &mut Random) -> Result<(), Reason> {
        match Message::parse(message).map_err(|fault| reason::SERVER_METHOD.with(fault))? {
            Message::Challenge {
                identifier,
                challenge,
            } => {
                let (peer_challenge, nt_response) = self.answer(&challenge, random);
                let name = self.identity.clone();
                let response =
                    messages::response(identifier, &peer_challenge, &nt_response, name.as_bytes());
                self.peap_send(eap_type::MSCHAPV2, &response);
                Ok(())
            }
            Message::Success { text } => match self.prove_server(text) {
                Ok(()) => {
                    self.peap_send(eap_type::MSCHAPV2, &messages::SUCCESS_ACKNOWLEDGEMENT);
                    Ok(())
                }
                Err(reason) => {
                    self.peap_send(eap_type::MSCHAPV2, &messages::FAILURE_ACKNOWLEDGEMENT);
                    Err(reason)
                }
            },
            Message::Failure { text } => {
                self.peap_send(eap_type::MSCHAPV2, &messages::FAILURE_ACKNOWLEDGEMENT);
                Err(reason::SERVER_SAYS_WRONG.with(String::from_utf8_lossy(text)))
            }
            Message::Response { .. } => Err(reason::SERVER_METHOD.with("a response as a request")),
        }
    }

    fn peap_result(&mut self, identifier: u8, tlvs: &[u8]) -> Result<(), Reason> {
        let success = peap::read_result(tlvs).map_err(|fault| reason::SERVER_METHOD.with(fault))?;
        // Without the inner method a success counts only in a session that was resumed.
        let earned = self.server_proven || self.tls.is_resumed();
        self.result = success && earned;
        let tlv = peap::result_tlv(self.result);
        self.tls
            .write(&packet::response(identifier, eap_type::TLV, &tlv));
        match (success, earned) {
            (true, false) => Err(reason::SERVER_EARLY_SUCCESS.reason()),
            (false, _) => Err(reason::SERVER_REFUSED.reason()),
            (true, true) => Ok(()),
        }
    }

    fn peap_send(&mut self, eap_type: u8, data: &[u8]) {
        self.tls.write(&[&[eap_type], data].concat());
    }

    /// The peer challenge and the NT response, and with them what the server has to prove.
    fn answer(&mut self, challenge: &[u8; 16], random: &mut Random) -> ([u8; 16], [u8; 24]) {
        let mut peer_challenge = [0; 16];
        random(&mut peer_challenge);
        let nt_hash = Zeroizing::new(mschapv2::nt_hash(&self.password));
        let user = mschapv2::account_name(&self.identity);
        let response = mschapv2::nt_response(&nt_hash, challenge, &peer_challenge, user);
        self.expected = Some(mschapv2::authenticator_response(
            &nt_hash,
            &response,
            challenge,
            &peer_challenge,
            user,
        ));
        (peer_challenge, response)
    }

    fn prove_server(&mut self, text: &[u8]) -> Result<(), Reason> {
        let proven = self.expected.as_ref().is_some_and(|expected| {
            let start = text.get(..expected.len()).unwrap_or_default();
            start.eq_ignore_ascii_case(expected.as_bytes())
        });
        if !proven {
            return Err(reason::SERVER_NOT_AUTHENTIC.reason());
        }
        self.server_proven = true;
        Ok(())
    }
}
