//! `nac.toml`: listeners, paths, database, certificates, logs. What an administrator changes daily is in
//! the database, not here.
//!
//! Everything that is wrong with the file is reported at once, each fault with its line underlined and
//! with what to do, because a person who repairs one fault per start is a person who goes home late.
//! For that reason the file is read by hand from TOML's spanned tree (`reader`) rather than by derived
//! deserialisation, which stops at the first fault.
//!
//! *Invariants*
//!
//! * Loading opens files only to read them: it binds no port and touches no database, so a reload can be
//!   tried while the old configuration keeps running.
//! * Every path in [`Settings`] is absolute; relative ones belong to the file's own folder.
//! * No fault quotes a password: the one in a database URL is masked before anything is shown.

mod certificates;
mod duration;
mod fault;
mod identity;
mod listeners;
mod mail;
mod radsec;
mod read;
mod reader;
mod revocation;
mod settings;
mod suggestion;

use std::ops::Deref;
use std::path::Path;

pub use certificates::{Certificates, ServerIdentity};
pub use duration::{describe_duration, parse_duration};
pub use fault::{ConfigErrors, Fault, Source};
pub use identity::IdentitySettings;
pub use radsec::RadSecSettings;
pub use settings::{
    AdminSettings, CrlSource, DatabaseSettings, EapSettings, LogFormat, LogSettings, MailSettings,
    MetricsSettings, OcspResponder, PortalSettings, PostureSettings, RadiusSettings,
    RevocationSettings, SecretsSettings, SessionStorage, Settings, UnknownRevocation,
};
pub(crate) use suggestion::suggestion;

/// The whole configuration: the settings, and the certificates and keys that they name, already read
/// and checked. It dereferences to its [`Settings`].
#[derive(Clone, Debug)]
pub struct Config {
    /// What `nac.toml` says.
    pub settings: Settings,
    /// What the certificate files hold.
    pub certificates: Certificates,
}

impl Config {
    /// Reads the file and every certificate and check file that it names.
    ///
    /// # Errors
    /// Every fault of the file and of the files it names, at once: syntax, unknown keys, wrong types, bad
    /// addresses, two listeners on one port, missing files, unreadable PEM, a key that does not belong to
    /// its certificate, an expired certificate, checks that cannot be read.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let (mut source, settings) = read::read(path)?;
        let certificates = certificates::read(&settings, &mut source);
        match certificates {
            Some(certificates) if source.faults.is_empty() => Ok(Self {
                settings: settings.values,
                certificates,
            }),
            _ => Err(source.into_errors()),
        }
    }
}

impl Settings {
    /// Reads the file without opening the certificates that it names, for commands that only need the
    /// database: an expired certificate must not keep anybody from replacing it.
    ///
    /// # Errors
    /// Every fault of the file itself, at once.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let (source, settings) = read::read(path)?;
        if source.faults.is_empty() {
            Ok(settings.values)
        } else {
            Err(source.into_errors())
        }
    }
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

#[cfg(test)]
mod tests;
