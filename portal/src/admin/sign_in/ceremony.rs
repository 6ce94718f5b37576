//! Passkeys (WebAuthn): what was asked of a browser stays here until its answer comes, for some minutes and within bounds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nac_store::{Administrator, NewPasskey};
use serde::Serialize;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Webauthn, WebauthnBuilder,
};

use super::super::AdminState;
use super::token;
use crate::web::Failure;

/// How long somebody may look for their key.
const LIFETIME: Duration = Duration::from_secs(300);
/// Ceremonies under way at most; the oldest goes first.
const CEREMONIES: usize = 1_000;

/// The ceremonies under way.
pub(crate) struct Ceremonies {
    /// Absent where the admin pages have no name but an address: passkeys belong to a name.
    webauthn: Option<Webauthn>,
    open: Mutex<HashMap<String, (Instant, Ceremony)>>,
}

enum Ceremony {
    SignIn(DiscoverableAuthentication),
    Registration(Uuid, PasskeyRegistration),
}

/// What the browser is asked, and the id under which its answer is awaited.
#[derive(Serialize)]
pub(crate) struct Started<T> {
    ceremony: String,
    options: T,
}

impl Ceremonies {
    /// For the pages at this URL.
    pub(crate) fn new(url: &str) -> Self {
        Self {
            webauthn: webauthn(url),
            open: Mutex::default(),
        }
    }

    /// Whether passkeys can be used at all.
    pub(crate) fn are_possible(&self) -> bool {
        self.webauthn.is_some()
    }

    fn webauthn(&self) -> Result<&Webauthn, Failure> {
        self.webauthn.as_ref().ok_or_else(|| {
            Failure::Conflict(
                "passkeys belong to a host name: reach these pages by one, and set [admin] public_name".to_owned(),
            )
        })
    }

    /// Asks for any passkey of these pages.
    pub(crate) fn start_sign_in(&self) -> Result<Started<serde_json::Value>, Failure> {
        let (mut options, state) = self
            .webauthn()?
            .start_discoverable_authentication()
            .map_err(|error| failed(&error))?;
        // By a button, not by the browser's autofill.
        options.mediation = None;
        let options = serde_json::to_value(options).map_err(|_| Failure::Unavailable)?;
        let ceremony = self.remember(Ceremony::SignIn(state))?;
        Ok(Started { ceremony, options })
    }

    /// Asks for a new passkey of this administrator.
    pub(crate) fn start_registration(
        &self,
        id: Uuid,
        name: &str,
        known: &[nac_store::Passkey],
    ) -> Result<Started<serde_json::Value>, Failure> {
        let exclude = known
            .iter()
            .filter_map(|passkey| URL_SAFE_NO_PAD.decode(&passkey.credential_id).ok())
            .collect();
        let (options, state) = self
            .webauthn()?
            .start_passkey_registration(id, name, name, Some(exclude))
            .map_err(|error| failed(&error))?;
        let ceremony = self.remember(Ceremony::Registration(id, state))?;
        // Signing in asks for no name, so the key itself has to know whose it is.
        let mut options = serde_json::to_value(options).map_err(|_| Failure::Unavailable)?;
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection["residentKey"] = "required".into();
            selection["requireResidentKey"] = true.into();
        }
        Ok(Started { ceremony, options })
    }

    /// Takes the browser's answer; gives for whom the passkey is, and the passkey.
    pub(crate) fn finish_registration(
        &self,
        ceremony: &str,
        credential: &RegisterPublicKeyCredential,
        name: &str,
    ) -> Result<(Uuid, NewPasskey), Failure> {
        let Some(Ceremony::Registration(id, state)) = self.recall(ceremony) else {
            return Err(timed_out());
        };
        let passkey = self
            .webauthn()?
            .finish_passkey_registration(credential, &state)
            .map_err(|error| failed(&error))?;
        let name = match name.trim() {
            "" => "Passkey",
            name => name,
        };
        let passkey = NewPasskey {
            credential_id: URL_SAFE_NO_PAD.encode(passkey.cred_id()),
            name: name.chars().take(64).collect(),
            passkey: serde_json::to_string(&passkey).map_err(|_| Failure::Unavailable)?,
        };
        Ok((id, passkey))
    }

    fn remember(&self, ceremony: Ceremony) -> Result<String, Failure> {
        let id = token()?;
        let now = Instant::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (began, _)| now.duration_since(*began) < LIFETIME);
        if open.len() >= CEREMONIES
            && let Some(oldest) = open
                .iter()
                .min_by_key(|(_, (began, _))| *began)
                .map(|(id, _)| id.clone())
        {
            open.remove(&oldest);
        }
        open.insert(id.clone(), (now, ceremony));
        Ok(id)
    }

    fn recall(&self, id: &str) -> Option<Ceremony> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(id)
            .filter(|(began, _)| began.elapsed() < LIFETIME)
            .map(|(_, ceremony)| ceremony)
    }
}

/// Takes a browser's answer to [`Ceremonies::start_sign_in`]; gives who it is.
pub(super) async fn finish_sign_in(
    state: &AdminState,
    ceremony: &str,
    credential: &PublicKeyCredential,
) -> Result<Administrator, Failure> {
    let unknown = || {
        Failure::Forbidden(
            "this passkey is not known here: sign in with a password, or ask an owner for a new invitation"
                .to_owned(),
        )
    };
    let Some(Ceremony::SignIn(started)) = state.ceremonies.recall(ceremony) else {
        return Err(timed_out());
    };
    let webauthn = state.ceremonies.webauthn()?;
    let (user, credential_id) = webauthn
        .identify_discoverable_authentication(credential)
        .map_err(|error| failed(&error))?;
    let known = state
        .store
        .passkey_by_credential(&URL_SAFE_NO_PAD.encode(credential_id))
        .await?
        .filter(|known| known.administrator_id == user)
        .ok_or_else(unknown)?;
    let mut passkey: Passkey = serde_json::from_str(&known.passkey).map_err(|error| {
        tracing::error!(%error, passkey = %known.id, "a stored passkey cannot be read");
        Failure::Unavailable
    })?;
    let result = webauthn
        .finish_discoverable_authentication_v2(credential, started, &passkey)
        .map_err(|error| failed(&error))?;
    passkey.update_credential(&result);
    let updated = serde_json::to_string(&passkey).map_err(|_| Failure::Unavailable)?;
    state.store.passkey_used(known.id, &updated).await?;
    let administrator = state.store.administrator_fetch(user).await?;
    if !administrator.enabled {
        return Err(Failure::Forbidden(
            "this account is switched off: an owner can switch it on".to_owned(),
        ));
    }
    Ok(administrator)
}

fn webauthn(url: &str) -> Option<Webauthn> {
    let origin = Url::parse(url).ok()?;
    let host = origin.domain()?.to_owned();
    match WebauthnBuilder::new(&host, &origin).map(|builder| builder.rp_name("nac")) {
        Ok(builder) => builder
            .build()
            .map_err(|error| tracing::warn!(%error, url, "passkeys cannot be used"))
            .ok(),
        Err(error) => {
            tracing::warn!(%error, url, "passkeys cannot be used");
            None
        }
    }
}

fn timed_out() -> Failure {
    Failure::Conflict("that took too long: start again".to_owned())
}

fn failed(error: &webauthn_rs::prelude::WebauthnError) -> Failure {
    tracing::warn!(%error, "a passkey was refused");
    Failure::Forbidden("the passkey was refused: try again, or use another one".to_owned())
}
