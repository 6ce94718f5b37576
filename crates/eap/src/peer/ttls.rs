//! The supplicant's side of EAP-TTLS after the handshake.

use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::PeerSettings;
use super::inner::InnerPeer;
use super::mschapv2::Answered;
use crate::keys;
use crate::method::avp;
use crate::mschapv2::{self, ChangePassword};
use crate::packet::{self, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::settings::InnerMethod;
use crate::step::Random;
use crate::tls::{Tls, Version};

pub(super) struct TtlsPeer {
    method: InnerMethod,
    /// For the methods that are EAP.
    inner: Option<InnerPeer>,
    identity: String,
    password: Zeroizing<String>,
    early: bool,
    credentials_sent: bool,
    /// The octet 0x00 came after a resumption (RFC 9427 section 3.2).
    committed: bool,
    /// What MS-CHAPv2's word that the password is expired is answered with.
    new_password: Option<Zeroizing<String>>,
    /// For MS-CHAPv2.
    answered: Option<Answered>,
    server_proven: bool,
}

impl TtlsPeer {
    pub(super) fn new(
        method: InnerMethod,
        inner: Option<InnerPeer>,
        settings: &PeerSettings,
        early: bool,
    ) -> Result<Self, Reason> {
        let password = match &settings.password {
            Some(password) => password.clone(),
            None if inner.is_some() => Zeroizing::default(),
            None => return Err(reason::CREDENTIALS_UNSET.with("password")),
        };
        Ok(Self {
            method,
            inner,
            identity: settings.identity.clone(),
            password,
            early,
            credentials_sent: false,
            committed: false,
            new_password: None,
            answered: None,
            server_proven: false,
        })
    }

    /// Has a new password for when the present one is expired.
    pub(super) fn with_new_password(mut self, password: Option<Zeroizing<String>>) -> Self {
        self.new_password = password;
        self
    }

    pub(super) fn is_complete(&self, tls: &Tls) -> bool {
        if tls.is_resumed() && !self.credentials_sent {
            return self.committed || tls.version() == Version::Tls12;
        }
        match &self.inner {
            Some(inner) => inner.is_complete(),
            None if self.method == InnerMethod::Mschapv2 => self.server_proven,
            None => self.credentials_sent,
        }
    }

    pub(super) fn receive(
        &mut self,
        tls: &mut Tls,
        was_handshaking: bool,
        data: &[u8],
        random: &mut Random,
    ) -> Result<(), Reason> {
        if tls.is_resumed() {
            return match (tls.version(), data) {
                (_, []) => Ok(()),
                (Version::Tls13, [0]) => {
                    self.committed = true;
                    Ok(())
                }
                _ => Err(reason::SERVER_METHOD.with("unexpected application data")),
            };
        }
        if !data.is_empty() {
            return self.reply(tls, data, random);
        }
        // On TLS 1.3 the server has not seen our Finished yet, so waiting is the custom.
        let hold = was_handshaking && tls.version() == Version::Tls13 && !self.early;
        if !hold && !self.credentials_sent {
            self.credentials_sent = true;
            let credentials = self.credentials(tls, random)?;
            tls.write(&credentials);
        }
        Ok(())
    }

    /// The attributes of RFC 5281 section 11.2.
    fn credentials(
        &mut self,
        tls: &Tls,
        random: &mut Random,
    ) -> Result<Zeroizing<Vec<u8>>, Reason> {
        let mut message = Zeroizing::new(Vec::with_capacity(512));
        if self.inner.is_some() {
            // The identity, before anybody has asked for it (section 11.2.1).
            let identity = packet::response(0, eap_type::IDENTITY, self.identity.as_bytes());
            avp::push(&mut message, 0, avp::EAP_MESSAGE, &identity);
            return Ok(message);
        }
        avp::push(&mut message, 0, avp::USER_NAME, self.identity.as_bytes());
        match self.method {
            InnerMethod::Chap => {
                let (challenge, identifier) = keys::ttls_challenge(tls)?;
                let digest = Md5::new()
                    .chain_update([identifier])
                    .chain_update(self.password.as_bytes())
                    .chain_update(challenge)
                    .finalize();
                let password = [&[identifier], &digest[..]].concat();
                avp::push(&mut message, 0, avp::CHAP_CHALLENGE, &challenge);
                avp::push(&mut message, 0, avp::CHAP_PASSWORD, &password);
            }
            InnerMethod::Mschap => {
                let (challenge, identifier) = keys::ttls_short_challenge(tls)?;
                let nt_hash = Zeroizing::new(mschapv2::nt_hash(&self.password));
                let nt_response = mschapv2::nt_response_v1(&nt_hash, &challenge);
                // Flag 1: the NT part counts; there is no LAN Manager part.
                let response = [&[identifier, 1], &[0; 24][..], &nt_response].concat();
                push_microsoft(&mut message, avp::MS_CHAP_CHALLENGE, &challenge);
                push_microsoft(&mut message, avp::MS_CHAP_RESPONSE, &response);
            }
            InnerMethod::Mschapv2 => {
                let (challenge, identifier) = keys::ttls_challenge(tls)?;
                let answered = Answered::new(&challenge, &self.identity, &self.password, random);
                let response = [
                    &[identifier, 0],
                    &answered.peer_challenge[..],
                    &[0; 8],
                    &answered.nt_response,
                ]
                .concat();
                push_microsoft(&mut message, avp::MS_CHAP_CHALLENGE, &challenge);
                push_microsoft(&mut message, avp::MS_CHAP2_RESPONSE, &response);
                self.answered = Some(answered);
            }
            _ => {
                let mut padded = Zeroizing::new(self.password.as_bytes().to_vec());
                let length = padded.len().next_multiple_of(16).max(16);
                padded.resize(length, 0);
                avp::push(&mut message, 0, avp::USER_PASSWORD, &padded);
            }
        }
        Ok(message)
    }

    fn reply(&mut self, tls: &mut Tls, data: &[u8], random: &mut Random) -> Result<(), Reason> {
        let fault = |fault: &str| reason::SERVER_METHOD.with(fault);
        let avps = avp::parse(data).map_err(|text| fault(&text))?;
        if let Some(inner) = &mut self.inner {
            let request = avp::eap_message(&avps).ok_or_else(|| fault("no EAP in the tunnel"))?;
            let request = Packet::parse(&request).map_err(|text| fault(&text))?;
            let (Code::Request, Some(body)) = (request.code, request.body) else {
                return Err(fault("an EAP packet in the tunnel that is no request"));
            };
            let (response, result) = inner.receive(body, random);
            if let Some((eap_type, data)) = response {
                let response = packet::response(request.identifier, eap_type, &data);
                let mut message =
                    Zeroizing::new(Vec::with_capacity(response.len().saturating_add(16)));
                avp::push(&mut message, 0, avp::EAP_MESSAGE, &response);
                tls.write(&message);
            }
            return result;
        }
        let find = |code| {
            avps.iter()
                .find(|avp| avp.vendor == avp::MICROSOFT && avp.code == code)
                .and_then(|avp| avp.data.split_first())
        };
        if let Some((identifier, text)) = find(avp::MS_CHAP_ERROR) {
            if let Some(challenge) = mschapv2::expired_challenge(text)
                && let Some(new) = self.new_password.take()
            {
                let change = self.change_password(*identifier, &challenge, &new, random)?;
                tls.write(&change);
                return Ok(());
            }
            return Err(reason::SERVER_SAYS_WRONG.with(String::from_utf8_lossy(text)));
        }
        let success = find(avp::MS_CHAP2_SUCCESS);
        match (success, &self.answered) {
            (Some((_identifier, text)), Some(answered)) => {
                answered.prove_server(text)?;
                self.server_proven = true;
                Ok(())
            }
            _ => Err(fault("unexpected attributes")),
        }
    }
}

impl TtlsPeer {
    /// The attributes of RFC 5281 section 11.2.4 that change an expired password.
    fn change_password(
        &mut self,
        identifier: u8,
        challenge: &[u8; 16],
        new: &Zeroizing<String>,
        random: &mut Random,
    ) -> Result<Vec<u8>, Reason> {
        let (mut padding, mut peer_challenge) = ([0; mschapv2::ENCRYPTED_PASSWORD_LEN], [0; 16]);
        random(&mut padding);
        random(&mut peer_challenge);
        let passwords = (self.password.as_str(), new.as_str());
        let identity = &self.identity;
        let change = ChangePassword::new(passwords, challenge, peer_challenge, identity, &padding)
            .ok_or_else(|| reason::CREDENTIALS_UNSET.with("new password that fits"))?;
        let (cpw, pieces) = change.to_attributes(identifier.wrapping_add(1));
        let mut message = Vec::with_capacity(768);
        for piece in pieces {
            push_microsoft(&mut message, avp::MS_CHAP_NT_ENC_PW, &piece);
        }
        push_microsoft(&mut message, avp::MS_CHAP2_CPW, &cpw);
        push_microsoft(&mut message, avp::MS_CHAP_CHALLENGE, challenge);
        self.answered = Some(Answered::with(challenge, identity, new, peer_challenge));
        self.password = new.clone();
        Ok(message)
    }
}

fn push_microsoft(message: &mut Vec<u8>, code: u32, data: &[u8]) {
    avp::push(message, avp::MICROSOFT, code, data);
}
