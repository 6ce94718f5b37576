//! `nac restore`: an installation from a backup, in a folder of its own, verified before it is there.

use std::path::{Path, PathBuf};

use clap::Args;
use nac_store::{SealingKey, Store, StoreError};
use serde_json::json;

use super::archive::{Audit, Manifest, unpack};
use super::contents::{CONFIG, database_file};
use super::{Answer, Context, Failure, Outcome};
use crate::cli::init::{Workshop, refuse_existing};
use crate::cli::output::{count, local_time, note, print, print_json};
use crate::config::Settings;

const EXAMPLES: &str = "\
Examples:
  nac restore /var/backups/nac-monday.tar.gz /etc/nac
  nac restore /var/backups/nac-monday.tar.gz /etc/nac --key /media/stick/sealing.key

Every file is compared with the manifest, the manifest's seal and the whole audit log with the sealing key. When anything is not
as it was written nothing is restored.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct RestoreArguments {
    /// The backup
    file: PathBuf,
    /// The folder to create
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The sealing key, where the backup was made without it; it is copied into the folder
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(in crate::cli) async fn run(context: &Context, arguments: RestoreArguments) -> Outcome {
    let RestoreArguments { file, folder, key } = arguments;
    let folder =
        std::path::absolute(&folder).map_err(|error| Failure::file("find", &folder, &error))?;
    refuse_existing(&folder)?;
    let workshop = Workshop::beside(&folder)?;
    let root = workshop.path("");
    let manifest = unpack(&file, &root)?;
    let key = sealing_key(&manifest, &root, key.as_deref())?;
    let audit = match &key {
        Some(key) => verify(&manifest, &root, key, &file).await?,
        None => None,
    };
    let notes = notes(&manifest, &root, &folder, key.is_some());
    workshop.move_to(&folder)?;
    if context.json() {
        print_json(&json!({
            "folder": folder, "config": folder.join(CONFIG), "made_us": manifest.made_us, "files": manifest.files.len(),
            "verified": key.is_some(), "audit_rows": audit.as_ref().map(|audit| audit.rows), "to_do": notes,
        }))?;
        return Ok(Answer::Yes);
    }
    let mut text = format!(
        "{} holds {} from {}",
        folder.display(),
        count(manifest.files.len(), "file"),
        local_time(manifest.made_us)
    );
    if let Some(audit) = audit {
        let rows = usize::try_from(audit.rows).unwrap_or(0);
        text += &format!("; its audit log is whole ({})", count(rows, "row"));
    }
    print(&format!("{text}\n"))?;
    for line in notes {
        note(&line);
    }
    Ok(Answer::Yes)
}

/// The key from the backup, or the one that was named, which then is put where it belongs.
fn sealing_key(
    manifest: &Manifest,
    root: &Path,
    named: Option<&Path>,
) -> Result<Option<SealingKey>, Failure> {
    let place = root.join(&manifest.key);
    if manifest.with_key {
        if named.is_some() {
            return Err(
                Failure::usage("the backup has its sealing key in it").fix("leave --key away")
            );
        }
        return Ok(Some(
            SealingKey::from_file(place).map_err(StoreError::from)?,
        ));
    }
    let Some(named) = named else { return Ok(None) };
    let key = SealingKey::from_file(named).map_err(StoreError::from)?;
    if let Some(parent) = place.parent() {
        std::fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
    }
    key.write_new(place).map_err(StoreError::from)?;
    Ok(Some(key))
}

/// Whether all of it is what whoever had the key has written.
async fn verify(
    manifest: &Manifest,
    root: &Path,
    key: &SealingKey,
    archive: &Path,
) -> Result<Option<Audit>, Failure> {
    let wrong = |what: String| Failure::no(what).place(archive.display().to_string());
    if !manifest.is_sealed_by(key) {
        return Err(wrong("the backup's seal does not fit the sealing key".to_owned())
            .fix("use the key of the installation that was backed up; if it is that key, somebody has changed the backup"));
    }
    let Some(database) = &manifest.database else {
        return Ok(None);
    };
    let url = format!("sqlite:{}", root.join(database).display());
    let store = Store::open(&url, Some(key.clone())).await?;
    let verified = store.audit_verify().await;
    store.close().await;
    let verified = verified?;
    if let Some(fault) = verified.fault {
        if manifest.audit.is_none() {
            note(&format!(
                "its audit log was broken already when it was backed up, at row {}: {}",
                fault.seq, fault.why
            ));
            return Ok(None);
        }
        return Err(wrong(format!(
            "its audit log is broken at row {}: {}",
            fault.seq, fault.why
        ))
        .fix("restore from another backup; nothing was changed"));
    }
    let found = Audit {
        rows: verified.rows,
        seal: verified.seal,
    };
    if manifest.audit.as_ref() != Some(&found) {
        return Err(
            wrong("its database is not the one that was backed up".to_owned())
                .fix("restore from another backup; nothing was changed"),
        );
    }
    Ok(Some(found))
}

/// What is left to do before it serves.
fn notes(manifest: &Manifest, root: &Path, folder: &Path, has_key: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let key = folder.join(&manifest.key);
    if !has_key {
        notes.push(format!(
            "put the sealing key at {} (mode 600), then look at everything with: nac --config {config} audit verify. Only the \
             checksums were verified",
            key.display(),
            config = folder.join(CONFIG).display()
        ));
    }
    if manifest.database.is_none() {
        notes.push(
            "the database is PostgreSQL: restore it with pg_restore or psql from what pg_dump wrote".to_owned(),
        );
    }
    let Ok(settings) = Settings::load(&root.join(CONFIG)) else {
        notes.push(format!(
            "look at the configuration with: nac --config {} config check",
            folder.join(CONFIG).display()
        ));
        return notes;
    };
    let mut elsewhere = |path: &Path, what: &str, here: &str| {
        let is_here = path == root.join(here) || path == folder.join(here);
        if !is_here {
            notes.push(format!(
                "nac.toml names {} for {what}; what was restored is {}",
                path.display(),
                folder.join(here).display()
            ));
        }
    };
    if let (Some(named), Some(here)) = (database_file(&settings.database.url), &manifest.database) {
        elsewhere(&named, "the database", here);
    }
    elsewhere(
        &settings.secrets.sealing_key_file,
        "the sealing key",
        &manifest.key,
    );
    let files = [
        Some(&settings.eap.key),
        Some(&settings.eap.certificate),
        settings.eap.second_key.as_ref(),
        settings.eap.second_certificate.as_ref(),
        settings.portal.key.as_ref(),
    ];
    for file in files.into_iter().flatten() {
        if !file.exists() {
            let file = file
                .strip_prefix(root)
                .map_or_else(|_| file.clone(), |name| folder.join(name));
            notes.push(format!(
                "{} is missing: put it back, or issue it again",
                file.display()
            ));
        }
    }
    notes
}
