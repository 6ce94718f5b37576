//! `nac backup` and `nac restore`: an installation in one file, and back.

mod archive;
mod contents;
mod restore;

use std::path::{Path, PathBuf};

use clap::Args;
use nac_store::{SealingKey, Store, StoreError};
use serde_json::json;

use super::output::{count, note, now_us, print, print_json};
use super::{Answer, Context, Failure, Outcome};
use crate::config::Settings;
use archive::{Audit, Manifest, Writer};
use contents::{Contents, Item};
pub(super) use restore::{RestoreArguments, run as restore};

const EXAMPLES: &str = "\
Examples:
  nac backup /var/backups/nac-monday.tar.gz
  nac backup /var/backups/nac-monday.tar.gz --with-key

The server may go on running. The file holds nac.toml, a copy of the SQLite database as it is at one moment, certificates and
checks of your own. Without --with-key it holds no private key and not the sealing key: then the RADIUS secrets, the passwords
kept for MS-CHAPv2 and the key of the certificate authority can be used again only together with the sealing key, so keep a
copy of it elsewhere. With --with-key whoever has the file has everything.

A PostgreSQL database is not in it: back it up with pg_dump.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BackupArguments {
    /// The file to write, a compressed tar archive
    file: PathBuf,
    /// The sealing key and the private keys as well
    #[arg(long)]
    with_key: bool,
}

pub(super) async fn run(context: &Context, arguments: BackupArguments) -> Outcome {
    let BackupArguments { file, with_key } = arguments;
    if file.exists() {
        return Err(Failure::no(format!("{} exists already", file.display()))
            .fix("choose another name; nothing was changed"));
    }
    let config = context.existing_config_file()?;
    let settings = Settings::load(&config)?;
    let store = context.store().await?;
    let contents = Contents::of(&config, &settings, with_key);

    let key =
        SealingKey::from_file(&settings.secrets.sealing_key_file).map_err(StoreError::from)?;
    let copy = copy_database(&store, &file).await?;
    // Of the copy: the log of the database itself goes on.
    let audit = match &copy {
        Some(copy) => audit_of(&copy.0, key.clone()).await?,
        None => None,
    };
    let mut items = contents.items.clone();
    if let Some(copy) = &copy {
        items.push(Item {
            name: contents.database.clone(),
            source: copy.0.clone(),
            secret: true,
        });
    }
    let manifest = Manifest::new(&contents, copy.is_some(), with_key, audit, now_us());
    let manifest = Writer::new(&file)?.write(manifest, &items, &key)?;
    drop(copy);
    tell(context, &file, &manifest, &contents)?;
    Ok(Answer::Yes)
}

/// A file that goes away with this value.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(ending);
            // Whoever finds it later may remove it.
            let _ = std::fs::remove_file(name);
        }
    }
}

/// Copies a SQLite database to a file beside the archive, where there is room for it.
async fn copy_database(store: &Store, archive: &Path) -> Result<Option<Passing>, Failure> {
    if !store.is_file() {
        return Ok(None);
    }
    let copy = Passing(archive::beside(archive, "db")?);
    super::init::write_new(&copy.0, "", 0o600)?;
    store.copy_to(&copy.0).await?;
    Ok(Some(copy))
}

/// How far the audit log of a copy goes; `None` when it is broken, which is said and keeps nobody from having a backup.
async fn audit_of(database: &Path, key: SealingKey) -> Result<Option<Audit>, Failure> {
    let url = format!("sqlite:{}", database.display());
    let store = Store::open(&url, Some(key)).await?;
    let verified = store.audit_verify().await;
    store.close().await;
    let verified = verified?;
    if let Some(fault) = verified.fault {
        note(&format!(
            "the audit log is broken at row {} and goes into the backup as it is: {}",
            fault.seq, fault.why
        ));
        return Ok(None);
    }
    Ok(Some(Audit {
        rows: verified.rows,
        seal: verified.seal,
    }))
}

fn tell(
    context: &Context,
    file: &Path,
    manifest: &Manifest,
    contents: &Contents,
) -> Result<(), Failure> {
    let database = if manifest.database.is_some() {
        "sqlite"
    } else {
        "postgres"
    };
    if context.json() {
        return print_json(&json!({
            "file": file, "database": database, "with_key": manifest.with_key,
            "files": manifest.files, "left_out": contents.left_out,
        }));
    }
    print(&format!(
        "{} holds {}\n",
        file.display(),
        count(manifest.files.len(), "file")
    ))?;
    if manifest.with_key {
        note(
            "the sealing key is in it: whoever has this file has every secret of this installation",
        );
    } else {
        note(
            "the sealing key is not in it: keep a copy of it elsewhere. Without it the RADIUS secrets, the passwords kept \
             for MS-CHAPv2 and the key of the certificate authority in this backup are lost",
        );
    }
    if manifest.database.is_none() {
        note("the PostgreSQL database is not in it: back it up with pg_dump");
    }
    for (path, why) in &contents.left_out {
        note(&format!("left out: {path} ({why})"));
    }
    Ok(())
}
