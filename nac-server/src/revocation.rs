//! Gets revocation lists from where they are, for the server and for `nac certificate crl`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use nac_pki::{MAX_REVOCATION_LIST_LEN, RevocationList, revocation_lists};
use rustls_pki_types::CertificateDer;

use crate::config::CrlSource;

/// How long a server of lists may take for all of it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a source had to say, and how to see that it says the same again.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    octets: Vec<u8>,
    changed: Option<(SystemTime, u64)>,
}

/// Reads a source: `None` when it is what it was.
///
/// # Errors
/// Why it cannot be read, as a clause.
pub(crate) async fn read(
    source: &CrlSource,
    last: Option<&Content>,
) -> Result<Option<Content>, String> {
    match source {
        CrlSource::File(path) => read_file(path, last).await,
        CrlSource::Http(url) => {
            let octets = fetch(url).await?;
            let same = last.is_some_and(|last| last.octets == octets);
            Ok((!same).then_some(Content {
                octets,
                changed: None,
            }))
        }
    }
}

/// Every list of a source, each with the right signature.
///
/// # Errors
/// Why one of them cannot be used, as a clause: half of a source would say that the other half is not revoked.
pub(crate) fn lists(
    content: &Content,
    authorities: &[CertificateDer<'_>],
) -> Result<Vec<RevocationList>, String> {
    let lists = revocation_lists(&content.octets).map_err(|error| error.to_string())?;
    lists
        .iter()
        .map(|list| RevocationList::read(list, authorities).map_err(|error| error.to_string()))
        .collect()
}

async fn read_file(path: &Path, last: Option<&Content>) -> Result<Option<Content>, String> {
    let fault = |error: std::io::Error| error.to_string();
    let metadata = tokio::fs::metadata(path).await.map_err(fault)?;
    let changed = metadata
        .modified()
        .ok()
        .map(|modified| (modified, metadata.len()));
    if changed.is_some() && last.is_some_and(|last| last.changed == changed) {
        return Ok(None);
    }
    too_long(metadata.len())?;
    let octets = tokio::fs::read(path).await.map_err(fault)?;
    Ok(Some(Content { octets, changed }))
}

/// A plain GET. Where a list is said by the administrator and by nobody else, so no redirection is followed.
async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(FETCH_TIMEOUT)
        .build()
        .map_err(|error| clause(&error))?;
    let answer = client.get(url).send().await;
    let mut answer = answer.map_err(|error| clause(&error))?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(format!("the server answers {}", answer.status()));
    }
    too_long(answer.content_length().unwrap_or_default())?;
    let mut octets = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| clause(&error))? {
        too_long(octets.len().saturating_add(chunk.len()) as u64)?;
        octets.extend_from_slice(&chunk);
    }
    Ok(octets)
}

fn too_long(octets: u64) -> Result<(), String> {
    match octets > MAX_REVOCATION_LIST_LEN as u64 {
        true => Err(format!(
            "it has more than the {MAX_REVOCATION_LIST_LEN} bytes that are read"
        )),
        false => Ok(()),
    }
}

/// The innermost cause says most.
pub(crate) fn clause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_timeout() {
        return format!("the server does not answer in time ({cause})");
    }
    cause.to_string()
}
