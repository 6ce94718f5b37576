//! `nac demo`: the main job on this machine, in a minute, with real sockets and real protocols on loopback.
//!
//! A server on embedded SQLite, a laptop with EAP-TLS and an osquery host, a phone with PEAP, a printer, a wrong password and an
//! unknown switch: nothing is pretended but the devices themselves. The supplicants are [`crate::probe`], the osquery host is
//! `nac_posture_simulator`; both speak to the server over the network like anybody else.

mod furnish;
mod guest;
mod nas;
mod report;
mod story;
mod waiting;

use std::path::{Path, PathBuf};

use nac_store::{Role, Store, now_us};

use crate::cli::invite;
use crate::config::Config;
use crate::server::{Addresses, Server};
use report::Report;

/// The password of alice and bob.
pub const PASSWORD: &str = "correct-horse";

/// A fresh installation for the demo to play in.
pub struct Premises {
    /// Its configuration.
    pub config: Config,
    /// Its open database.
    pub store: Store,
    /// The argon2id hash of [`PASSWORD`].
    pub password_hash: String,
    /// The file with the CA certificate.
    pub ca_certificate: PathBuf,
    /// The file with osquery's enrolment secret.
    pub enroll_secret: PathBuf,
}

/// Why there is no story to tell: the sentence says what failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DemoError(String);

/// A finished story and the server that still serves.
pub struct Demo {
    /// The running server.
    server: Server,
    /// Whether a step failed.
    pub failed: bool,
    afterlife: story::Afterlife,
    report: Report,
    secret_file: PathBuf,
    config_file: PathBuf,
    admin_link: String,
}

/// Starts the server of an installation and tells the story.
///
/// # Errors
/// What keeps the server from being started; a step of the story that goes wrong is reported as such and ends in [`Demo::failed`].
pub async fn run(mut premises: Premises, json: bool) -> Result<Demo, DemoError> {
    let mut report = Report::new(json);
    let config_file = premises.config.file.clone();
    let folder = config_file.parent().unwrap_or_else(|| Path::new("."));
    report.remark(&format!(
        "nac demo: everything is in {}\n",
        folder.display()
    ));
    let cast = furnish::cast(&premises, folder).await.map_err(DemoError)?;
    listen_on_loopback(&mut premises.config);
    // Nobody guesses in a demo.
    premises.config.settings.radius.reject_delay = std::time::Duration::ZERO;
    let server = Server::start(&premises.config, premises.store)
        .await
        .map_err(|error| DemoError(error.to_string()))?;
    furnish::remember(&config_file, &server.addresses).map_err(DemoError)?;
    let admin_link = invite(
        server.store(),
        &premises.config.admin.url(server.addresses.admin),
        Role::Owner,
        None,
        "nac demo",
        now_us() + 86_400_000_000,
    )
    .await
    .map_err(|failure| DemoError(failure.what().to_owned()))?;
    let afterlife = story::tell(&mut report, &server, &cast, folder).await;
    Ok(Demo {
        server,
        failed: report.failed(),
        afterlife,
        report,
        secret_file: cast.secret_file,
        config_file,
        admin_link,
    })
}

impl Demo {
    /// Ends the stage and the server.
    pub async fn end(self) {
        self.afterlife.cancel.cancel();
        self.afterlife.tracker.close();
        self.afterlife.tracker.wait().await;
        self.server.stop().await;
    }

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
        // Started by cargo, it is not on the PATH.
        let program = std::env::current_exe().unwrap_or_else(|_| "nac".into());
        let nac = program.display();
        self.report.remark(&format!(
            "\nThe story took {:.1} s. The server goes on serving. In a browser of this machine (its certificate is new, so it asks):\n\
             \n  https://localhost:{}/    what guests and employees see\
             \n  {}\
             \n      makes you the administrator: it works once, for a day\n\
             \n  https://localhost:{}/remedy   carol's laptop, which is in quarantine: what is wrong, and Check again\
             \n      mend it with: rm {}\
             \nIn another terminal:\n\
             \n  {nac} --config {config} why alice\
             \n  {nac} --config {config} why 02:00:5e:00:00:0a\
             \n  {nac} --config {config} tail\
             \n  printf %s correct-horse | {nac} probe peap --server {auth} --secret-file {secret} --user alice --password-stdin --ca {}\
             \n  {nac} --config {config} session list\
             \n  {nac} --config {config} quarantine add 02:00:5e:00:00:0a --reason \"seen scanning\"     # the laptop, by CoA\
             \n  {nac} --config {config} quarantine remove 02:00:5e:00:00:0a\
             \n  {nac} --config {config} guest list\
             \n  {nac} --config {config} voucher list\
             \n  {nac} --config {config} exception add carol-laptop --check linux-firewall --reason \"for an hour\" --expires 1h\
             \n  {nac} --config {config} posture hosts\
             \n  curl -k https://{portal}/\
             \n  curl http://{metrics}/metrics\n\
             \nCtrl-C ends it and removes the folder.",
            self.report.elapsed().as_secs_f64(),
            portal.port(),
            self.admin_link,
            portal.port(),
            waiting::switch_file(self.config_file.parent().unwrap_or_else(|| Path::new("."))).display(),
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
    settings.portal.listen_http = Some(free());
    settings.admin.listen = free();
    settings.metrics.listen = free();
}
