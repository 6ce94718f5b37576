//! The house rules that a test can hold: the arrows between rooms, what may enter the dependency graph,
//! and that every room explains itself. DESIGN and ARCHITECTURE.md say why.

mod arrows;
mod dependencies;
mod files;
mod secrets;
mod standards;

use cargo_metadata::{Metadata, MetadataCommand};
use nac_test_support::program::repository;
use std::sync::OnceLock;

/// The workspace as cargo sees it, from the lock file as it stands.
fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        let mut command = MetadataCommand::new();
        command.manifest_path(repository().join("Cargo.toml"));
        command.other_options(vec!["--locked".to_owned(), "--offline".to_owned()]);
        command
            .exec()
            .expect("`cargo metadata --locked --offline` works; is Cargo.lock up to date?")
    })
}
