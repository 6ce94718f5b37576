//! `nac demo`: the main job on this machine, in a minute, with real sockets and real protocols on loopback.
//!
//! A server on embedded SQLite, a laptop with EAP-TLS and an osquery host, a phone with PEAP, a printer, a wrong password and an
//! unknown switch: nothing is pretended but the devices themselves. The supplicants are [`crate::probe`], the osquery host is
//! `nac_posture_simulator`; both speak to the server over the network like anybody else.

mod furnish;
mod nas;
mod report;
mod story;

use std::path::Path;

use nac_store::{SealingKey, Store};

use crate::cli::{Failure, create_installation};
use crate::config::Config;
use crate::server::{Addresses, Server};
use report::Report;

/// A finished story and the server that still serves.
pub struct Demo {
    /// The running server.
    pub server: Server,
    /// Whether a step failed.
    pub failed: bool,
    report: Report,
    secret_file: std::path::PathBuf,
    config_file: std::path::PathBuf,
}

/// Creates an installation in `folder`, starts its server, tells the story.
///
/// # Errors
/// What keeps the installation from being created or the server from being started; a step of the story that goes wrong is
/// reported as such and ends in [`Demo::failed`].
pub async fn run(folder: &Path, json: bool) -> Result<Demo, Failure> {
    let mut report = Report::new(json);
    report.remark(&format!(
        "nac demo: everything is in {}\n",
        folder.display()
    ));
    let home = folder.join("nac");
    let created = create_installation(
        &home,
        &["localhost".to_owned(), "127.0.0.1".to_owned()],
        None,
    )
    .await?;
    let mut config = Config::load(&created.config)?;
    listen_on_loopback(&mut config);
    let key = SealingKey::from_file(&config.secrets.sealing_key_file)
        .map_err(nac_store::StoreError::from)?;
    let store = Store::open(&config.database.url, Some(key)).await?;
    let cast = furnish::cast(&store, &created).await?;
    let server = Server::start(&config, store)
        .await
        .map_err(|error| Failure::cannot(error.to_string()))?;
    furnish::remember(&created.config, &server.addresses)?;
    let failed = story::tell(&mut report, &server, &cast).await;
    Ok(Demo {
        server,
        failed,
        report,
        secret_file: cast.secret_file,
        config_file: created.config,
    })
}

impl Demo {
    /// What to try next, for people.
    pub fn invitation(&self) {
        let Addresses {
            auth,
            portal,
            metrics,
            ..
        } = self.server.addresses;
        let config = self.config_file.display();
        let secret = self.secret_file.display();
        self.report.remark(&format!(
            "\nThe story took {:.1} s. The server goes on serving; try, in another terminal:\n\
             \n  nac --config {config} why alice\
             \n  nac --config {config} why 02:00:5e:00:00:0a\
             \n  nac --config {config} tail\
             \n  printf %s correct-horse | nac probe peap --server {auth} --secret-file {secret} --user alice --password-stdin --ca {}\
             \n  nac --config {config} quarantine add 02:00:5e:00:00:0b --reason \"lost phone\"\
             \n  nac --config {config} posture hosts\
             \n  curl -k https://{portal}/\
             \n  curl http://{metrics}/metrics\n\
             \nCtrl-C ends it and removes the folder.",
            self.report.elapsed().as_secs_f64(),
            self.config_file.with_file_name("ca.crt").display(),
        ));
    }
}

/// Free ports on loopback: a demo must not disturb a server that is already there.
fn listen_on_loopback(config: &mut Config) {
    let free = || std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = &mut config.settings;
    settings.radius.listen_auth = free();
    settings.radius.listen_acct = free();
    settings.portal.listen = free();
    settings.admin.listen = free();
    settings.metrics.listen = free();
}
