//! P1, the landing page: where you are, and the ways to get on that this site offers.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use nac_store::PortalMethod;

use super::PublicState;
use super::failure::PublicFailure;
use super::guest;
use super::layout::Shell;

/// One large button.
struct Way {
    href: String,
    title: &'static str,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "public/landing.html")]
struct Page {
    shell: Shell,
    ways: Vec<Way>,
    has_ca: bool,
}

/// `/`.
pub(super) fn routes() -> Router<PublicState> {
    Router::new().route("/", get(landing))
}

async fn landing(
    State(state): State<PublicState>,
    shell: Shell,
) -> Result<Html<String>, PublicFailure> {
    let ways = shell.settings().methods.iter();
    let ways = ways
        .filter(|method| guest::is_offered(&state, shell.settings(), **method))
        .map(|method| way(&shell, *method))
        .collect();
    let page = Page {
        ways,
        shell,
        has_ca: !state.ca.pem.is_empty(),
    };
    Ok(Html(page.render()?))
}

fn way(shell: &Shell, method: PortalMethod) -> Way {
    let (path, title, hint) = match method {
        PortalMethod::Guest => ("/guest", "landing-guest", "landing-guest-hint"),
        PortalMethod::Voucher => ("/voucher", "landing-voucher", "landing-voucher-hint"),
        PortalMethod::Terms => ("/terms", "landing-terms", "landing-terms-hint"),
        PortalMethod::Devices => ("/devices", "landing-devices", "landing-devices-hint"),
        PortalMethod::Remedy => ("/remedy", "landing-remedy", "landing-remedy-hint"),
    };
    Way {
        href: shell.link(path),
        title,
        hint,
    }
}
