//! A laptop that the story leaves in quarantine, for whoever looks at the pages: its firewall is off until somebody removes a
//! file, as a person would switch it on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nac_posture_simulator::{HostSettings, OsqueryHost};
use nac_radius::{MacAddr, Secret};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::furnish::Cast;
use super::nas::Received;
use super::report::Told;
use crate::probe::{
    AccountingRecord, AccountingStatus, Credentials, Outcome, RadiusClient, Station, accounting,
    authenticate,
};
use crate::server::{Addresses, Server};

const MAC: MacAddr = MacAddr::new([0x02, 0x00, 0x5e, 0x00, 0x00, 0x0d]);
/// How often it is looked whether the file is still there.
const LOOK: Duration = Duration::from_millis(500);
const FIREWALL_OFF: &str =
    "UPDATE systemd_units SET active_state = 'inactive' WHERE id = 'nftables.service'";
const FIREWALL_ON: &str =
    "UPDATE systemd_units SET active_state = 'active' WHERE id = 'nftables.service'";

/// As long as this file is there, the firewall of carol's laptop is off.
pub(super) fn switch_file(folder: &Path) -> PathBuf {
    folder.join("carols-firewall-is-off")
}

/// Carol's laptop. It is at 127.0.0.1, so that the portal shows its page to a browser of this machine.
pub(super) struct Waiting {
    addresses: Addresses,
    secret: Secret,
    station: Station,
    login: Credentials,
    osquery: Arc<OsqueryHost>,
    switch_file: PathBuf,
}

impl Waiting {
    pub(super) fn new(
        server: &Server,
        cast: &Cast,
        login: Credentials,
        folder: &Path,
    ) -> Result<Self, String> {
        let url = format!("https://{}", server.addresses.portal);
        let mut host = HostSettings::compliant_linux(&url, &cast.ca_pem, &cast.enroll_secret);
        host.hostname = "carol-laptop".to_owned();
        host.macs = vec![MAC.to_string()];
        host.client_identity = Some((
            cast.waiting.certificate_pem.clone(),
            cast.waiting.key_pem.to_string(),
        ));
        let mut station = Station::wired(MAC);
        station.nas_port_id = Some("GigabitEthernet1/0/8".to_owned());
        station.acct_session_id = Some("00000008".to_owned());
        Ok(Self {
            addresses: server.addresses,
            secret: cast.secret.clone(),
            station,
            login,
            osquery: Arc::new(OsqueryHost::new(host).map_err(text)?),
            switch_file: switch_file(folder),
        })
    }

    /// It comes with its firewall off, and stays where that puts it.
    pub(super) async fn lands_in_quarantine(&self) -> Result<Told, String> {
        std::fs::write(
            &self.switch_file,
            "remove this file to switch the firewall on\n",
        )
        .map_err(|error| format!("cannot write {}: {error}", self.switch_file.display()))?;
        self.osquery.sql(FIREWALL_OFF).map_err(text)?;
        self.osquery.enroll().await.map_err(text)?;
        self.osquery.config().await.map_err(text)?;
        let report = self.osquery.poll_once().await.map_err(text)?;
        if report.ran == 0 {
            return Err("the server asked carol's osquery nothing".to_owned());
        }
        let outcome = self.connects().await?;
        let vlan = outcome.vlan().unwrap_or_default().to_owned();
        if vlan != "99" {
            return Err(format!("carol's laptop is in VLAN `{vlan}` instead of 99"));
        }
        Ok(Told::new(format!(
            "carol's laptop comes with its firewall off: quarantine, VLAN {vlan}; it waits there for you"
        ))
        .with("vlan", vlan)
        .with("mac", MAC.to_string())
        .with("portal", format!("https://localhost:{}/remedy", self.addresses.portal.port())))
    }

    /// Its osquery answers, and its firewall follows the file, until cancelled.
    pub(super) fn lives(&self, tracker: &TaskTracker, cancel: &CancellationToken) {
        let (osquery, polling) = (self.osquery.clone(), cancel.clone());
        tracker.spawn(async move { osquery.run(polling).await });
        let (osquery, file) = (self.osquery.clone(), self.switch_file.clone());
        let cancel = cancel.clone();
        tracker.spawn(async move {
            let mut off = true;
            while cancel
                .run_until_cancelled(tokio::time::sleep(LOOK))
                .await
                .is_some()
            {
                let now = tokio::fs::try_exists(&file).await.unwrap_or(off);
                if now != off {
                    off = now;
                    // The fixture has such a table: the story changed it before.
                    let _ = osquery.sql(if off { FIREWALL_OFF } else { FIREWALL_ON });
                }
            }
        });
    }

    /// Whether the switch was told to ask for it again.
    pub(super) fn is_meant(&self, request: &Received) -> bool {
        let digits = |text: &str| -> String {
            let digits = text.chars().filter(char::is_ascii_hexdigit);
            digits.map(|digit| digit.to_ascii_lowercase()).collect()
        };
        let station = request
            .attributes
            .iter()
            .find(|(name, _)| name == "Calling-Station-Id");
        station.is_some_and(|(_, value)| digits(value) == digits(&MAC.to_string()))
    }

    /// The switch asks for it, and tells where it is.
    pub(super) async fn connects(&self) -> Result<Outcome, String> {
        let mut client = RadiusClient::connect(self.addresses.auth, self.secret.clone())
            .await
            .map_err(text)?;
        let outcome = authenticate(&mut client, &self.station, &self.login)
            .await
            .map_err(text)?;
        let mut client = RadiusClient::connect(self.addresses.acct, self.secret.clone())
            .await
            .map_err(text)?;
        let mut record = AccountingRecord::new(AccountingStatus::Start);
        record.user_name = Some("carol".to_owned());
        record.framed_ip = Some([127, 0, 0, 1].into());
        record.class = outcome
            .accepted()
            .map(|accepted| accepted.class.clone())
            .unwrap_or_default();
        accounting(&mut client, &self.station, &record)
            .await
            .map_err(text)?;
        Ok(outcome)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
