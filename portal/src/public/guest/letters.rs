//! The mail of guests and sponsors. Every link begins with the configured address, and what a stranger wrote goes to sponsors only.

use nac_store::{Guest, MailRefusal};

use crate::i18n::{Language, Message, text};
use crate::mail::Letter;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::layout::Shell;

/// Asks a guest's address to answer.
pub(super) async fn verify(
    state: &PublicState,
    shell: &Shell,
    guest: &Guest,
    token: &str,
) -> Result<Result<(), MailRefusal>, PublicFailure> {
    let tongue = Tongue::of(guest);
    let site = shell.site_name();
    let link = format!(
        "{}/guest/confirm/{token}?lang={}",
        state.url,
        tongue.0.tag()
    );
    let letter = Letter {
        purpose: "guest-verify",
        guest_id: Some(guest.id),
        recipient: guest.email.clone(),
        subject: tongue
            .text("guest-mail-verify-subject")
            .arg("site", &site)
            .to_string(),
        body: plain_link(
            &tongue
                .text("guest-mail-verify")
                .arg("site", &site)
                .arg("link", &link),
            &link,
        ),
    };
    Ok(state.outbox.put(letter).await?)
}

/// Asks a sponsor to decide.
pub(super) async fn ask_sponsor(
    state: &PublicState,
    shell: &Shell,
    guest: &Guest,
    token: &str,
) -> Result<Result<(), MailRefusal>, PublicFailure> {
    // Of the sponsor nothing is known but the address: the site's own language is the best guess.
    let tongue =
        Tongue(Language::from_tag(&shell.settings().language).unwrap_or(Language::English));
    let site = shell.site_name();
    let link = format!(
        "{}/guest/sponsor/{token}?lang={}",
        state.url,
        tongue.0.tag()
    );
    let or_dash = |text: &str| if text.is_empty() { "–" } else { text }.to_owned();
    let letter = Letter {
        purpose: "guest-sponsor",
        guest_id: Some(guest.id),
        recipient: guest.sponsor.clone(),
        subject: tongue
            .text("guest-mail-sponsor-subject")
            .arg("site", &site)
            .to_string(),
        body: plain_link(
            &tongue
                .text("guest-mail-sponsor")
                .arg("site", &site)
                .arg("name", or_dash(&guest.name))
                .arg("company", or_dash(&guest.company))
                .arg("reason", or_dash(&guest.reason))
                .arg("link", &link),
            &link,
        ),
    };
    Ok(state.outbox.put(letter).await?)
}

/// A text whose link stands alone: the marks that keep directions of writing apart would become part of it.
fn plain_link(text: &Message, link: &str) -> String {
    text.to_string()
        .replace(&format!("\u{2068}{link}\u{2069}"), link)
}

/// The language of a letter, which is not that of whoever looks at the page.
struct Tongue(Language);

impl Tongue {
    fn of(guest: &Guest) -> Self {
        Self(Language::from_tag(&guest.language).unwrap_or(Language::English))
    }

    fn text(&self, key: &str) -> Message {
        text(self.0, key)
    }
}
