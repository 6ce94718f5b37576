//! Hands OCSP responses out with the server's certificates, and follows the files that they are in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nac_eap::ServerTls;
use nac_pki::{MAX_OCSP_RESPONSE_LEN, OcspAnswer, OcspStatus};
use nac_store::now_us;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Between two looks at the files. A cron job replaces them once in days.
const TICK: Duration = Duration::from_secs(5);

/// What is handed out now. A response that is missing, stale or about something else is a warning and nothing more:
/// without one most supplicants are content.
pub(super) struct Stapler(Mutex<State>);

struct State {
    tls: Arc<ServerTls>,
    /// The serial numbers of the server's certificates, in their order.
    serials: Vec<String>,
    files: Vec<PathBuf>,
    handed_out: Vec<Option<Vec<u8>>>,
    faults: Vec<String>,
}

impl Stapler {
    pub(super) async fn start(config: &Config, tls: Arc<ServerTls>) -> Self {
        let stapler = Self(Mutex::new(State::new(config, tls)));
        stapler.look().await;
        stapler
    }

    /// Takes another configuration.
    pub(super) async fn replace(&self, config: &Config, tls: Arc<ServerTls>) {
        *self.lock() = State::new(config, tls);
        self.look().await;
    }

    /// Follows the files until cancelled.
    pub(super) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.look().await;
        }
    }

    async fn look(&self) {
        let files = self.lock().files.clone();
        let mut contents = Vec::new();
        for file in &files {
            contents.push(read(file).await);
        }
        let mut state = self.lock();
        // A reload may have come between.
        if state.files == files {
            state.take(contents, now_us());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(config: &Config, tls: Arc<ServerTls>) -> Self {
        let certificates = &config.certificates;
        let identities = std::iter::once(&certificates.eap).chain(&certificates.second);
        let serials: Vec<_> = identities
            .map(|identity| identity.facts.serial.clone())
            .collect();
        Self {
            handed_out: vec![None; serials.len()],
            tls,
            serials,
            files: config.eap.stapled_ocsp.clone(),
            faults: Vec::new(),
        }
    }

    /// Takes what was read from the files, in their order.
    fn take(&mut self, contents: Vec<Result<Vec<u8>, String>>, now_us: i64) {
        let mut found = vec![None; self.serials.len()];
        let mut faults = Vec::new();
        for (file, content) in self.files.iter().zip(contents) {
            let response = content.and_then(|content| {
                let number = about(&content, &self.serials, now_us)?;
                Ok((number, content))
            });
            match response {
                Ok((number, response)) => {
                    if let Some(found) = found.get_mut(number) {
                        *found = Some(response);
                    }
                }
                Err(fault) => faults.push(format!("{}: {fault}", file.display())),
            }
        }
        for fault in faults.iter().filter(|fault| !self.faults.contains(fault)) {
            tracing::warn!(%fault, "an OCSP response is not handed out");
        }
        self.faults = faults;
        for (number, found) in found.into_iter().enumerate() {
            let Some(before) = self.handed_out.get_mut(number) else {
                continue;
            };
            if *before != found {
                tracing::info!(
                    certificate = self.serials.get(number).map(String::as_str),
                    handed_out = found.is_some(),
                    "another OCSP response is handed out with the server's certificate"
                );
                self.tls.staple(number, found.clone());
                *before = found;
            }
        }
    }
}

async fn read(file: &Path) -> Result<Vec<u8>, String> {
    let fault = |error: std::io::Error| error.to_string();
    let metadata = tokio::fs::metadata(file).await.map_err(fault)?;
    if metadata.len() > MAX_OCSP_RESPONSE_LEN as u64 {
        return Err(format!("it has more than {MAX_OCSP_RESPONSE_LEN} bytes"));
    }
    tokio::fs::read(file).await.map_err(fault)
}

/// The number of the certificate that a response is about, if it may be handed out now.
fn about(response: &[u8], serials: &[String], now_us: i64) -> Result<usize, String> {
    let answers = OcspAnswer::read(response).map_err(|_| {
        "it is not a successful OCSP response in DER; fetch it with: openssl ocsp … -respout FILE".to_owned()
    })?;
    let about = answers.iter().find_map(|answer| {
        let number = serials.iter().position(|serial| *serial == answer.serial)?;
        Some((number, answer))
    });
    let Some((number, answer)) = about else {
        return Err("it is about another certificate than the server's".to_owned());
    };
    match answer.status {
        OcspStatus::Good if answer.holds_at(now_us) => Ok(number),
        OcspStatus::Good => Err("its time is over, or has not begun: fetch a newer one".to_owned()),
        OcspStatus::Revoked => Err(
            "it says that the server's certificate is revoked: replace the certificate".to_owned(),
        ),
        OcspStatus::Unknown => {
            Err("its responder does not know the server's certificate".to_owned())
        }
    }
}
