//! From `[mail]` to the outbox of the portal.

use std::path::Path;

use nac_portal::mail::{MailServer, Outbox};
use nac_store::{SecretBytes, Store};

use super::StartError;
use crate::config::MailSettings;

/// The outbox, with the password and the authorities that the settings name.
pub(super) fn outbox(settings: Option<&MailSettings>, store: &Store) -> Result<Outbox, StartError> {
    let Some(settings) = settings else {
        return Ok(Outbox::new(store.clone(), None));
    };
    let login = match (&settings.username, &settings.password_file) {
        (Some(name), Some(file)) => {
            let mut password = read(file)?;
            while password
                .last()
                .is_some_and(|end| matches!(end, b'\r' | b'\n'))
            {
                password.pop();
            }
            Some((name.clone(), SecretBytes::new(password)))
        }
        _ => None,
    };
    let server = MailServer {
        server: settings.server.clone(),
        port: settings.port,
        tls: settings.tls,
        from: settings.from.clone(),
        login,
        ca_pem: settings.ca.as_deref().map(read).transpose()?,
    };
    Ok(Outbox::new(store.clone(), Some(server)))
}

/// Tells the log of ways in that are set and cannot be offered.
pub(super) async fn warn_when_missed(store: &Store, outbox: &Outbox) -> Result<(), StartError> {
    if outbox.is_open() {
        return Ok(());
    }
    for site in store.portal_site_list().await? {
        if nac_portal::public::guest::needs_mail(&site.settings) {
            tracing::warn!(
                site = site.site,
                "guests cannot register: this needs mail, and nac.toml has no section [mail]"
            );
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, StartError> {
    std::fs::read(file)
        .map_err(|error| StartError::Mail(format!("cannot read {}: {error}", file.display())))
}
