//! The plain HTTP port: it answers the questions by which systems find out whether they are captive, and sends everything else
//! to the portal.
//!
//! Gateways and NASes steer port 80 of captive devices here. A question is known by its path alone: the Host header is
//! anybody's claim, and where a redirect leads never depends on it.

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::PublicState;
use super::capport::{Standing, standing};
use super::layout::Query;
use super::visitor::Visitor;
use crate::web::{self, Source};

/// What each system takes for "not captive", byte for byte.
fn success(path: &str) -> Option<(StatusCode, &'static str, &'static str)> {
    const HTML: &str = "text/html";
    const TEXT: &str = "text/plain";
    Some(match path {
        // Apple: captive.apple.com and what else its systems ask.
        "/hotspot-detect.html" | "/library/test/success.html" => (
            StatusCode::OK,
            HTML,
            "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>",
        ),
        // Android and Chrome: connectivitycheck.gstatic.com and others.
        "/generate_204" | "/gen_204" => (StatusCode::NO_CONTENT, "", ""),
        // Windows: www.msftconnecttest.com, and www.msftncsi.com before that.
        "/connecttest.txt" => (StatusCode::OK, TEXT, "Microsoft Connect Test"),
        "/ncsi.txt" => (StatusCode::OK, TEXT, "Microsoft NCSI"),
        // Firefox: detectportal.firefox.com.
        "/canonical.html" => (
            StatusCode::OK,
            HTML,
            "<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>",
        ),
        "/success.txt" => (StatusCode::OK, TEXT, "success\n"),
        // GNOME and NetworkManager: nmcheck.gnome.org.
        "/check_network_status.txt" => (StatusCode::OK, TEXT, "NetworkManager is online\n"),
        _ => return None,
    })
}

/// Everything that the plain HTTP port serves.
pub fn router(state: PublicState) -> Router {
    web::secured(Router::new().fallback(answer).with_state(state))
}

async fn answer(
    State(state): State<PublicState>,
    Source(source): Source,
    method: Method,
    uri: Uri,
) -> Response {
    if let Some((status, kind, body)) = success(uri.path())
        && (method == Method::GET || method == Method::HEAD)
        && is_free(&state, source).await
    {
        return match body {
            "" => status.into_response(),
            body => (status, [(header::CONTENT_TYPE, kind)], body).into_response(),
        };
    }
    // 302, which every probe's client knows; after a POST, a GET (RFC 9110 section 15.4.4).
    let status = match method {
        Method::GET | Method::HEAD => StatusCode::FOUND,
        _ => StatusCode::SEE_OTHER,
    };
    (status, [(header::LOCATION, format!("{}/", state.url))]).into_response()
}

/// Who cannot be looked up is captive: the portal then says what is wrong.
async fn is_free(state: &PublicState, source: std::net::IpAddr) -> bool {
    let Ok(visitor) = Visitor::find(state, source, &Query::default()).await else {
        return false;
    };
    matches!(standing(state, &visitor).await, Ok(Standing::Free { .. }))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use nac_posture::TlsPeer;
    use tower::ServiceExt as _;

    use super::*;
    use crate::public::testing::{TestPortal, URL};

    /// What each system asks for, and what it takes for "not captive".
    const PROBES: [(&str, &str, u16, &str); 8] = [
        (
            "captive.apple.com",
            "/hotspot-detect.html",
            200,
            "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>",
        ),
        (
            "www.apple.com",
            "/library/test/success.html",
            200,
            "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>",
        ),
        ("connectivitycheck.gstatic.com", "/generate_204", 204, ""),
        ("www.google.com", "/gen_204", 204, ""),
        (
            "www.msftconnecttest.com",
            "/connecttest.txt",
            200,
            "Microsoft Connect Test",
        ),
        ("www.msftncsi.com", "/ncsi.txt", 200, "Microsoft NCSI"),
        (
            "detectportal.firefox.com",
            "/success.txt?ipv4",
            200,
            "success\n",
        ),
        (
            "detectportal.firefox.com",
            "/canonical.html",
            200,
            "<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>",
        ),
    ];

    async fn ask(
        portal: &TestPortal,
        source: &str,
        method: Method,
        host: &str,
        path: &str,
    ) -> (StatusCode, String, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header("x-forwarded-host", "evil.example")
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(TlsPeer {
            address: SocketAddr::new(source.parse().unwrap(), 50_000),
            certificates: Vec::new(),
        });
        let response = router(portal.state.clone()).oneshot(request).await.unwrap();
        let location = response
            .headers()
            .get(header::LOCATION)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        assert_eq!(
            response.headers()[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff"
        );
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let status = response.status();
        let body = to_bytes(response.into_body(), 4_096).await.unwrap();
        (status, location, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_captive_device_is_sent_to_the_portal_by_every_probe() {
        let portal = TestPortal::new().await;
        portal
            .session("aa:bb:cc:00:00:01", "registration", Some("10.0.0.5"))
            .await;
        for source in ["10.0.0.5", "10.0.0.6"] {
            for (host, path, ..) in PROBES {
                let (status, location, _) = ask(&portal, source, Method::GET, host, path).await;
                assert_eq!(
                    (status, location),
                    (StatusCode::FOUND, format!("{URL}/")),
                    "{host}{path}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_free_device_gets_what_its_system_expects() {
        let portal = TestPortal::new().await;
        portal
            .session("aa:bb:cc:00:00:01", "guest", Some("10.0.0.5"))
            .await;
        for (host, path, status, body) in PROBES {
            let answer = ask(&portal, "10.0.0.5", Method::GET, host, path).await;
            assert_eq!(
                (answer.0.as_u16(), answer.2.as_str()),
                (status, body),
                "{host}{path}"
            );
        }
    }

    #[tokio::test]
    async fn everything_else_leads_to_the_configured_name_and_nowhere_else() {
        let portal = TestPortal::new().await;
        portal
            .session("aa:bb:cc:00:00:01", "guest", Some("10.0.0.5"))
            .await;
        for host in [
            "evil.example",
            "portal.example.org.evil.example",
            "[::1]",
            "",
        ] {
            for path in [
                "/",
                "/r/x?u=//evil.example",
                "//evil.example/",
                "/hotspot-detect.html/",
                "/?redirect_url=http://evil.example",
            ] {
                let (status, location, _) = ask(&portal, "10.0.0.5", Method::GET, host, path).await;
                assert_eq!(
                    (status, location),
                    (StatusCode::FOUND, format!("{URL}/")),
                    "{host}{path}"
                );
            }
        }
        let (status, location, _) = ask(
            &portal,
            "10.0.0.5",
            Method::POST,
            "evil.example",
            "/generate_204",
        )
        .await;
        assert_eq!(
            (status, location),
            (StatusCode::SEE_OTHER, format!("{URL}/"))
        );
    }
}
