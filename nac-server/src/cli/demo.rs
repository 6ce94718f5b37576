//! `nac demo`: the whole story on this machine in a minute, then a server to play with.

use clap::Args;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use super::{Answer, Context, Failure, Outcome, create_installation, hash_password, open_store};
use crate::config::{Config, LogFormat};
use crate::demo::{self, Premises};
use crate::telemetry::log;

/// The arguments of `nac demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// End after the story instead of serving on
    #[arg(long)]
    exit: bool,
}

pub(super) async fn run(context: &Context, arguments: DemoArguments) -> Outcome {
    // The story tells what happens; NAC_LOG=info shows how.
    let _logging = log::start(LogFormat::Text, "error");
    let folder = Folder::create()?;
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let created = create_installation(&folder.0.join("nac"), &names, None).await?;
    let config = Config::load(&created.config)?;
    let premises = Premises {
        store: open_store(&config.settings).await?,
        password_hash: hash_password(demo::PASSWORD)?,
        ca_certificate: created.ca_certificate,
        enroll_secret: created.enroll_secret,
        config,
    };
    let demo = demo::run(premises, context.json())
        .await
        .map_err(|error| Failure::cannot(error.to_string()))?;
    let answer = if demo.failed { Answer::No } else { Answer::Yes };
    if !arguments.exit {
        demo.invitation();
        let mut terminate = signal(SignalKind::terminate())
            .map_err(|error| Failure::cannot(format!("no signal handling: {error}")))?;
        tokio::select! {
            _ = ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    demo.end().await;
    Ok(answer)
}

/// A folder of the demo's own, removed when it ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn create() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!(
            "nac-demo-{}",
            hex::encode(crate::authenticate::random::<4>())
        );
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| Failure::file("create", &path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary folder is the system's to clear.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
