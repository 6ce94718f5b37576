//! The answer to an action: 303 to a page that says what was done, and offers to undo it where it can be undone.

use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::guard::local_path;

/// The cookie that carries the sentence to the next page. The page shows it as text, whoever wrote it.
pub(super) const COOKIE: &str = "__Host-nac-said";
/// What fits into a cookie with room to spare.
const SENTENCE_MAX: usize = 600;

/// An action that was carried out.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    to: String,
    flash: Flash,
}

/// One sentence for the next page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flash {
    /// What was done.
    pub(crate) sentence: String,
    /// The action that undoes it, if one does.
    pub(crate) undo: Option<String>,
}

impl Done {
    /// Goes on to `path`, which says `sentence`.
    pub(crate) fn at(path: impl Into<String>, sentence: impl Into<String>) -> Self {
        let mut sentence: String = sentence.into();
        if sentence.len() > SENTENCE_MAX {
            sentence = sentence.chars().take(SENTENCE_MAX / 4).collect::<String>() + "…";
        }
        Self {
            to: path.into(),
            flash: Flash {
                sentence,
                undo: None,
            },
        }
    }

    /// Offers an action, by its path, that undoes this one.
    #[must_use]
    pub(crate) fn undo(mut self, path: impl Into<String>) -> Self {
        self.flash.undo = Some(path.into());
        self
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let to = Redirect::to(local_path(Some(&self.to)));
        let Ok(json) = serde_json::to_vec(&self.flash) else {
            return to.into_response();
        };
        let cookie = format!(
            "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60",
            URL_SAFE_NO_PAD.encode(json)
        );
        ([(header::SET_COOKIE, cookie)], to).into_response()
    }
}

impl Flash {
    /// Reads the cookie's value.
    pub(super) fn read(value: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(value).ok()?;
        let mut flash: Self = serde_json::from_slice(&json).ok()?;
        flash.undo = flash
            .undo
            .filter(|path| local_path(Some(path)) == path.as_str());
        Some(flash)
    }

    /// The header that forgets the cookie.
    pub(super) fn forget() -> String {
        format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_arrives_and_an_undo_leads_nowhere_else() {
        let response = Done::at("/quarantine", "Released printer 7.")
            .undo("/quarantine/1/reopen")
            .into_response();
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let value = cookie
            .strip_prefix("__Host-nac-said=")
            .and_then(|rest| rest.split(';').next())
            .unwrap();
        let flash = Flash::read(value).unwrap();
        assert_eq!(flash.sentence, "Released printer 7.");
        assert_eq!(flash.undo.as_deref(), Some("/quarantine/1/reopen"));
        let forged = URL_SAFE_NO_PAD.encode(r#"{"sentence":"x","undo":"https://evil.example/"}"#);
        assert_eq!(Flash::read(&forged).unwrap().undo, None);
        assert_eq!(Flash::read("%%%"), None);
    }
}
