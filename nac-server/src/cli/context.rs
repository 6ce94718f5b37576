//! What every command is given: which configuration, which form of output, and the way to the store.

use std::path::{Path, PathBuf};

use nac_store::{Actor, ActorKind, SealedError, SealingKey, Store, StoreError};

use super::init::furnish;
use super::{Failure, output};
use crate::config::Settings;

/// Where the configuration is when nobody says.
const PLACES: [&str; 2] = ["nac.toml", "/etc/nac/nac.toml"];

/// The options that every command understands.
#[derive(Clone, Debug)]
pub struct Context {
    config: Option<PathBuf>,
    json: bool,
}

impl Context {
    /// The options as they were given.
    #[must_use]
    pub const fn new(config: Option<PathBuf>, json: bool) -> Self {
        Self { config, json }
    }

    /// Whether the output is JSON.
    #[must_use]
    pub const fn json(&self) -> bool {
        self.json
    }

    /// The configuration file: the one given, else the first that exists in the usual places, else the
    /// first of those places.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        let usual = || PLACES.iter().map(Path::new).find(|place| place.is_file());
        match &self.config {
            Some(file) => file.clone(),
            None => usual().unwrap_or_else(|| Path::new(PLACES[0])).to_owned(),
        }
    }

    /// Whether there is a configuration file at all.
    #[must_use]
    pub fn has_config(&self) -> bool {
        self.config.is_some() || self.config_file().is_file()
    }

    /// The configuration file, when there is one to read.
    ///
    /// # Errors
    /// No file was named and none is in the usual places.
    pub fn existing_config_file(&self) -> Result<PathBuf, Failure> {
        if self.has_config() {
            return Ok(self.config_file());
        }
        Err(Failure::cannot(format!(
            "there is no configuration: neither ./{} nor {} exists",
            PLACES[0], PLACES[1]
        ))
        .fix("name it with --config FILE or $NAC_CONFIG, or create a new one with: nac init DIR"))
    }

    /// Reads the settings, without opening certificates.
    ///
    /// # Errors
    /// There is no file; every fault of the file.
    pub fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::load(&self.existing_config_file()?)?)
    }

    /// Opens the database of this configuration. What is changed through it is recorded as the operator's.
    ///
    /// # Errors
    /// Faults of the configuration, a missing or unfitting sealing key, a database that cannot be opened.
    pub async fn store(&self) -> Result<Store, Failure> {
        let settings = self.settings()?;
        let store = open_store(&settings).await?;
        Ok(store.acting(Actor {
            kind: ActorKind::Cli,
            name: self.operator(),
            source: String::new(),
        }))
    }

    /// Who changes something, for the record: `cli:` and the login name, or `cli:uid-` and the user's number
    /// where nobody logged in, such as in a timer.
    #[must_use]
    pub fn operator(&self) -> String {
        let name = ["SUDO_USER", "USER", "LOGNAME"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|name| !name.is_empty());
        match name {
            Some(name) => format!("cli:{name}"),
            None => format!("cli:uid-{}", rustix::process::getuid().as_raw()),
        }
    }
}

/// Opens the database that the settings name, with its sealing key. A database that has never been used,
/// such as the PostgreSQL server that an installation moves to, is furnished like a new installation.
///
/// # Errors
/// A missing or unfitting sealing key, a database that is read-only, newer or unreachable.
pub async fn open_store(settings: &Settings) -> Result<Store, Failure> {
    let store = open_unfurnished(settings)
        .await
        .map_err(|error| Failure::cannot(why_closed(settings, &error)).place(database(settings)))?;
    let added = furnish(&store).await?;
    if added.anything() {
        output::note(&format!(
            "the database {} was new; it now holds {added}",
            store.location()
        ));
    }
    Ok(store)
}

/// Opens the database that the settings name and migrates it.
pub(super) async fn open_unfurnished(settings: &Settings) -> Result<Store, StoreError> {
    let key = SealingKey::from_file(&settings.secrets.sealing_key_file)?;
    Store::open(&settings.database.url, Some(key)).await
}

/// Why the database could not be opened, with the key file where the key is at fault.
pub(super) fn why_closed(settings: &Settings, error: &StoreError) -> String {
    match error {
        StoreError::Sealed(SealedError::WrongKey { .. }) => format!(
            "the sealing key {} is not the one that sealed the secrets in this database; restore the key file \
             that belongs to it",
            settings.secrets.sealing_key_file.display()
        ),
        error => error.to_string(),
    }
}

/// Which database, for people.
pub(super) fn database(settings: &Settings) -> String {
    format!("the database {}", settings.database.shown())
}
