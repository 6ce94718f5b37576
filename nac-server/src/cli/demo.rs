//! `nac demo`: the whole story on this machine in a minute, then a server to play with.

use clap::Args;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use super::{Answer, Context, Failure, Outcome};
use crate::config::LogFormat;
use crate::demo;
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
    log::start(LogFormat::Text, "error");
    let folder = Folder::create()?;
    let demo = demo::run(&folder.0, context.json()).await?;
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
    demo.server.stop().await;
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
