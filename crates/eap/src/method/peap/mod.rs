//! PEAPv0 after the handshake, with EAP inside ([MS-PEAP], draft-kamath).
//!
//! Inner EAP packets travel without their header, except the extensions that carry TLVs. The last of those is the
//! result, and beside it the crypto-binding.

pub(crate) mod binding;
pub(crate) mod tlv;

use zeroize::Zeroizing;

use self::binding::{Binding, InnerKey};
use self::tlv::Extensions;
use super::inner::{InnerEap, InnerStep, InnerSuccess};
use super::{Context, Inner, Phase2, Proven};
use crate::keys::CompoundKeys;
use crate::packet::{self, Body, Code, Packet, eap_type};
use crate::reason::{self, Reason};
use crate::settings::{CryptoBinding, InnerMethod};
use crate::step::Answer;
use crate::tls::{Tls, Version};

/// The state inside the tunnel, named by what is awaited.
#[derive(Default)]
enum State {
    /// The empty acknowledgement of the server's Finished, on TLS 1.2.
    #[default]
    Acknowledgement,
    /// A response of the inner method.
    Method(InnerEap),
    /// The world's answer to it.
    Answer(InnerEap),
    /// The peer's Result TLV, after success.
    SuccessResult(Proven, Option<Binding>),
    /// The peer's Result TLV, after resumption.
    ResumedResult(Option<Binding>),
    /// The peer's Result TLV, after failure; anything will do.
    FailureResult(Reason),
}

#[derive(Default)]
pub(super) struct Peap {
    state: State,
    compound_keys: Option<CompoundKeys>,
}

impl Phase2 for Peap {
    fn established(&mut self, tls: &mut Tls, early: &[u8], context: &mut Context<'_>) -> Inner {
        if !early.is_empty() {
            return Inner::Failure(reason::UNEXPECTED_DATA.with("application data"));
        }
        if tls.is_resumed() {
            return match self.binding(tls, &InnerKey::Resumed, context) {
                Ok(binding) => {
                    send_result(tls, context, true, binding.as_ref());
                    self.wait(State::ResumedResult(binding))
                }
                Err(reason) => Inner::Failure(reason),
            };
        }
        match tls.version() {
            // The first request rides with the session ticket.
            Version::Tls13 => self.request_identity(tls, context),
            Version::Tls12 => Inner::Flush,
        }
    }

    fn received(&mut self, tls: &mut Tls, data: &[u8], context: &mut Context<'_>) -> Inner {
        match std::mem::take(&mut self.state) {
            State::Acknowledgement if data.is_empty() => self.request_identity(tls, context),
            State::Acknowledgement => {
                Inner::Failure(reason::UNEXPECTED_DATA.with("application data"))
            }
            State::FailureResult(reason) => Inner::Failure(reason),
            State::ResumedResult(binding) => match extensions(data) {
                Ok(Extensions { success: false, .. }) => {
                    // It does not want to resume after all: a whole login inside the tunnel.
                    self.request_identity(tls, context)
                }
                Ok(extensions) => match self.bound(binding, &extensions, context) {
                    Ok(()) => Inner::Resumed,
                    Err(reason) => Inner::Failure(reason),
                },
                Err(reason) => Inner::Failure(reason),
            },
            State::SuccessResult(proven, binding) => match extensions(data) {
                Ok(Extensions { success: false, .. }) => {
                    Inner::Failure(reason::TUNNEL_RESULT.reason())
                }
                Ok(extensions) => match self.bound(binding, &extensions, context) {
                    Ok(()) => Inner::Authenticated(proven),
                    Err(reason) => Inner::Failure(reason),
                },
                Err(reason) => Inner::Failure(reason),
            },
            State::Method(mut inner) => match method_data(data) {
                Ok(body) => {
                    let step = inner.receive(body, context);
                    self.proceed(inner, step, tls, context)
                }
                Err(reason) => Inner::Failure(reason),
            },
            State::Answer(_) => Inner::Failure(reason::WRONG_ANSWER.reason()),
        }
    }

    fn answered(&mut self, tls: &mut Tls, answer: Answer, context: &mut Context<'_>) -> Inner {
        let State::Answer(mut inner) = std::mem::take(&mut self.state) else {
            return Inner::Failure(reason::WRONG_ANSWER.reason());
        };
        let step = inner.answered(answer, context);
        self.proceed(inner, step, tls, context)
    }

    fn compound_keys(&self) -> Option<CompoundKeys> {
        self.compound_keys.clone()
    }
}

impl Peap {
    fn request_identity(&mut self, tls: &mut Tls, context: &Context<'_>) -> Inner {
        tls.write(&[eap_type::IDENTITY]);
        self.wait(State::Method(InnerEap::new(context.settings.inner_eap())))
    }

    /// Does what the inner method wants.
    fn proceed(
        &mut self,
        inner: InnerEap,
        step: InnerStep,
        tls: &mut Tls,
        context: &mut Context<'_>,
    ) -> Inner {
        match step {
            InnerStep::Request { eap_type, data } => {
                // Without its header.
                tls.write(&[&[eap_type], &data[..]].concat());
                self.wait(State::Method(inner))
            }
            InnerStep::Ask(question) => {
                self.state = State::Answer(inner);
                Inner::Ask(question)
            }
            InnerStep::Success(success) => self.succeed(success, tls, context),
            InnerStep::Failure(reason) => {
                send_result(tls, context, false, None);
                *context.refusal = Some(reason.clone());
                self.wait(State::FailureResult(reason))
            }
            InnerStep::Broken(reason) => Inner::Failure(reason),
        }
    }

    fn succeed(
        &mut self,
        success: InnerSuccess,
        tls: &mut Tls,
        context: &mut Context<'_>,
    ) -> Inner {
        let key = InnerKey::of(success.msk.as_deref());
        match self.binding(tls, &key, context) {
            Ok(binding) => {
                send_result(tls, context, true, binding.as_ref());
                let proven = Proven {
                    second_factor: success.second_factor,
                    certificates: success.certificates,
                    ..Proven::new(success.identity, name(success.method))
                };
                self.wait(State::SuccessResult(proven, binding))
            }
            Err(reason) => Inner::Failure(reason),
        }
    }

    /// The binding to offer, unless that is switched off.
    fn binding(
        &self,
        tls: &Tls,
        key: &InnerKey,
        context: &Context<'_>,
    ) -> Result<Option<Binding>, Reason> {
        match context.settings.crypto_binding {
            CryptoBinding::Off => Ok(None),
            CryptoBinding::Optional | CryptoBinding::Required => {
                Binding::derive(tls, key).map(Some)
            }
        }
    }

    /// Checks the peer's binding. Once it stands, the keys for the link come from it.
    fn bound(
        &mut self,
        binding: Option<Binding>,
        extensions: &Extensions<'_>,
        context: &Context<'_>,
    ) -> Result<(), Reason> {
        let required = context.settings.crypto_binding == CryptoBinding::Required;
        match (binding, &extensions.binding) {
            (Some(binding), Some(received)) => {
                if !binding.verify(received, binding::RESPONSE) {
                    return Err(reason::BINDING_MISMATCH.reason());
                }
                self.compound_keys = Some(binding.keys());
                Ok(())
            }
            (_, None) if required => Err(reason::BINDING_MISSING.reason()),
            _ => Ok(()),
        }
    }

    fn wait(&mut self, state: State) -> Inner {
        self.state = state;
        Inner::Flush
    }
}

/// The name under which a login is recorded.
fn name(inner: InnerMethod) -> &'static str {
    match inner {
        InnerMethod::EapGtc => "PEAP-GTC",
        InnerMethod::EapTls => "PEAP-TLS",
        _ => "PEAP-MSCHAPv2",
    }
}

/// Sends a Result TLV and the binding, with the header of EAP.
fn send_result(tls: &mut Tls, context: &mut Context<'_>, success: bool, binding: Option<&Binding>) {
    let mut message = tlv::result(success).to_vec();
    if let Some(binding) = binding {
        let mut nonce = Zeroizing::new([0; 32]);
        (context.random)(&mut *nonce);
        message.extend_from_slice(&binding.tlv(binding::REQUEST, &nonce));
    }
    tls.write(&packet::request(
        context.identifier,
        eap_type::TLV,
        &message,
    ));
}

/// The peer's result.
fn extensions(data: &[u8]) -> Result<Extensions<'_>, Reason> {
    let malformed = |fault: String| reason::TLV_MALFORMED.with(fault);
    let packet = Packet::parse(data).map_err(malformed)?;
    match packet.body {
        Some(body) if packet.code == Code::Response && body.eap_type == eap_type::TLV => {
            tlv::parse(body.data).map_err(malformed)
        }
        _ => Err(malformed("it is not an extensions response".to_owned())),
    }
}

/// The type and data of an inner response, which has no header.
fn method_data(data: &[u8]) -> Result<Body<'_>, Reason> {
    data.split_first()
        .map(|(&eap_type, data)| Body { eap_type, data })
        .ok_or_else(|| reason::UNEXPECTED_DATA.with("an empty message"))
}
