//! What every command is given: which configuration, which form of output, and the way to the store.

use std::path::{Path, PathBuf};

use nac_store::{SealingKey, Store};

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
            None => usual().unwrap_or(Path::new(PLACES[0])).to_owned(),
        }
    }

    /// Whether there is a configuration file at all.
    #[must_use]
    pub fn has_config(&self) -> bool {
        self.config.is_some() || self.config_file().is_file()
    }

    /// Reads the settings, without opening certificates.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::load(&self.config_file())?)
    }

    /// Opens the database of this configuration.
    ///
    /// # Errors
    /// Faults of the configuration, a missing or unfitting sealing key, a database that cannot be opened.
    pub async fn store(&self) -> Result<Store, Failure> {
        let settings = self.settings()?;
        open_store(&settings).await
    }

    /// Who changes something, for the record: `cli:` and the login name.
    #[must_use]
    pub fn operator(&self) -> String {
        let name = ["SUDO_USER", "USER", "LOGNAME"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|name| !name.is_empty());
        format!("cli:{}", name.as_deref().unwrap_or("unknown"))
    }
}

/// Opens the database that the settings name, with its sealing key, and furnishes it if it is a new one.
///
/// A SQLite database must exist: a path with a typing error would otherwise become an empty installation. A
/// PostgreSQL database may be empty, because that is how one moves there.
///
/// # Errors
/// A missing or unfitting sealing key, a database that is missing, read-only, newer or unreachable.
pub async fn open_store(settings: &Settings) -> Result<Store, Failure> {
    let url = &settings.database.url;
    if let Some(file) = sqlite_file(url)
        && !file.exists()
    {
        return Err(Failure::cannot(format!("the database {} does not exist", file.display()))
            .place(format!("[database] url in {}", settings.file.display()))
            .fix("correct the url, restore the file from a backup, or create a new installation: nac init DIR"));
    }
    let key = SealingKey::from_file(&settings.secrets.sealing_key_file)
        .map_err(nac_store::StoreError::from)?;
    let store = Store::open(url, Some(key)).await?;
    let added = furnish(&store).await?;
    if added.anything() {
        output::note(&format!("the database was new and now holds {added}"));
    }
    Ok(store)
}

/// The file of a SQLite URL; `None` for a server.
pub(super) fn sqlite_file(url: &str) -> Option<&Path> {
    let rest = url.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    Some(Path::new(
        rest.split_once('?').map_or(rest, |(path, _)| path),
    ))
}
