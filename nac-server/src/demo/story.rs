//! The story, step by step. Each step checks what it tells.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nac_eap::TlsVersions;
use nac_eap::peer::{PeerMethod, PeerSettings, PeerTls};
use nac_pki::Issued;
use nac_posture_simulator::{HostSettings, OsqueryHost};
use nac_radius::{MacAddr, MacFormat, Secret};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use super::PASSWORD;
use super::furnish::{self, Cast};
use super::guest;
use super::nas::Switch;
use super::report::{Report, Told};
use super::waiting::Waiting;
use crate::probe::{
    AccountingRecord, AccountingStatus, Credentials, Outcome, ProbeFault, RadiusClient, Station,
    accounting, authenticate,
};
use crate::server::Server;

/// A verdict's change should reach the switch in a quarter of a second; a busy machine may need longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than any demo.
const FOREVER: Duration = Duration::from_secs(86_400);
/// Largest EAP packet of the demo's supplicants.
const EAP_MTU: usize = 1_396;

const LAPTOP: MacAddr = MacAddr::new([0x02, 0x00, 0x5e, 0x00, 0x00, 0x0a]);
const PHONE: MacAddr = MacAddr::new([0x02, 0x00, 0x5e, 0x00, 0x00, 0x0b]);
const PRINTER: MacAddr = MacAddr::new([0x00, 0x00, 0x5e, 0x00, 0x53, 0x0c]);

/// Everybody on stage.
struct Stage<'a> {
    server: &'a Server,
    cast: &'a Cast,
    switch: Switch,
    laptop: Station,
    /// One TLS memory: the laptop's re-authentications are resumed sessions, and are decided afresh all the same.
    laptop_login: Credentials,
    osquery: OsqueryHost,
}

/// The stage after the story: its switch still hears CoA and its laptop still answers osquery's questions, until cancelled.
pub(super) struct Afterlife {
    pub(super) tracker: TaskTracker,
    pub(super) cancel: CancellationToken,
}

/// Tells the story; whether a step failed is in the report.
pub(super) async fn tell(
    report: &mut Report,
    server: &Server,
    cast: &Cast,
    folder: &Path,
) -> Afterlife {
    let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
    let afterlife = Afterlife {
        tracker: tracker.clone(),
        cancel: cancel.clone(),
    };
    let mut stage = match Stage::set(server, cast, &tracker, cancel.clone()).await {
        Ok(stage) => stage,
        Err(error) => {
            report.step("set-up", async { Err::<Told, _>(error) }).await;
            return afterlife;
        }
    };
    report.step("server", stage.serving()).await;
    report.step("osquery-enrolls", stage.enrolls()).await;
    report.step("laptop-eap-tls", stage.laptop_logs_in()).await;
    report
        .step("disk-encryption-fails", stage.disk_check_fails())
        .await;
    report
        .step("disk-encryption-passes-again", stage.disk_check_passes())
        .await;
    report.step("phone-peap", stage.phone_logs_in()).await;
    report.step("printer-mab", stage.printer_connects()).await;
    report
        .step("guest", guest::comes(&mut stage.switch, server, cast))
        .await;
    report.step("voucher", guest::voucher(server.store())).await;
    report.step("wrong-password", stage.wrong_password()).await;
    report.step("unknown-nas", stage.unknown_nas()).await;
    let waiting = eap_with(cast, PeerMethod::Tls, "carol", None, &cast.waiting)
        .and_then(|login| Waiting::new(server, cast, login, folder));
    let waiting = match waiting {
        Ok(waiting) => {
            report
                .step("waiting-in-quarantine", waiting.lands_in_quarantine())
                .await;
            waiting.lives(&tracker, &cancel);
            Some(waiting)
        }
        Err(error) => {
            report
                .step("waiting-in-quarantine", async { Err::<Told, _>(error) })
                .await;
            None
        }
    };
    let auth = server.addresses.auth;
    let Stage {
        mut switch,
        laptop,
        laptop_login,
        osquery,
        ..
    } = stage;
    let polling = cancel.clone();
    tracker.spawn(async move { osquery.run(polling).await });
    let secret = cast.secret.clone();
    tracker.spawn(async move {
        loop {
            let request = tokio::select! {
                () = cancel.cancelled() => return,
                request = switch.next(FOREVER) => request,
            };
            let Some(request) = request else { continue };
            if guest::is_meant(&request) {
                let _ = guest::connects(auth, &secret).await;
                continue;
            }
            // The switch does as it was told: it asks again for the laptop.
            if let Some(waiting) = waiting
                .as_ref()
                .filter(|waiting| waiting.is_meant(&request))
            {
                let _ = waiting.connects().await;
                continue;
            }
            if let Ok(mut client) = RadiusClient::connect(auth, secret.clone()).await {
                let _ = authenticate(&mut client, &laptop, &laptop_login).await;
            }
        }
    });
    afterlife
}

impl<'a> Stage<'a> {
    async fn set(
        server: &'a Server,
        cast: &'a Cast,
        tracker: &TaskTracker,
        cancel: CancellationToken,
    ) -> Result<Self, String> {
        let switch = Switch::start(cast.secret.clone(), tracker, cancel)
            .await
            .map_err(text)?;
        furnish::switch(server.store(), cast, switch.address).await?;
        let mut laptop = Station::wired(LAPTOP);
        laptop.nas_port_id = Some("GigabitEthernet1/0/7".to_owned());
        laptop.acct_session_id = Some("00000007".to_owned());
        let url = format!("https://{}", server.addresses.portal);
        let mut host = HostSettings::compliant_linux(&url, &cast.ca_pem, &cast.enroll_secret);
        host.hostname = "alice-laptop".to_owned();
        host.macs = vec![LAPTOP.to_string()];
        host.client_identity = Some((
            cast.laptop.certificate_pem.clone(),
            cast.laptop.key_pem.to_string(),
        ));
        Ok(Self {
            laptop_login: eap(cast, PeerMethod::Tls, "alice", None)?,
            osquery: OsqueryHost::new(host).map_err(text)?,
            server,
            cast,
            switch,
            laptop,
        })
    }

    async fn serving(&self) -> Result<Told, String> {
        // The server hears of the new switch by the change feed, like of any change by CLI or web.
        let began = Instant::now();
        let mut client = self
            .client()
            .await?
            .with_timeout(Duration::from_millis(100))
            .with_tries(1);
        while let Err(fault) = crate::probe::status(&mut client, &self.laptop).await {
            if began.elapsed() > PATIENCE {
                return Err(text(fault));
            }
        }
        let addresses = self.server.addresses;
        Ok(Told::new(format!(
            "the server answers: RADIUS {} and {}, osquery and portal {}, embedded SQLite",
            addresses.auth, addresses.acct, addresses.portal
        ))
        .with("radius", addresses.auth.to_string())
        .with("portal", addresses.portal.to_string()))
    }

    async fn enrolls(&self) -> Result<Told, String> {
        self.osquery.enroll().await.map_err(text)?;
        self.osquery.config().await.map_err(text)?;
        let report = self.report_posture().await?;
        Ok(Told::new(format!(
            "alice's laptop enrolled with osquery's TLS API and answered {report} questions: compliant"
        ))
        .with("answers", report))
    }

    async fn laptop_logs_in(&self) -> Result<Told, String> {
        let outcome = self.authenticate(&self.laptop, &self.laptop_login).await?;
        let vlan = expect_vlan(&outcome, "10")?;
        self.account(&outcome).await?;
        Ok(Told::new(format!(
            "laptop, EAP-TLS {} with alice's certificate, same key in osquery (binding B4): VLAN {vlan}, {} round trips, keys verified",
            tls(&outcome), outcome.round_trips
        ))
        .with("vlan", vlan)
        .with("method", outcome.method)
        .with("round_trips", outcome.round_trips))
    }

    async fn disk_check_fails(&mut self) -> Result<Told, String> {
        self.osquery
            .sql("UPDATE disk_encryption SET encrypted = 0")
            .map_err(text)?;
        self.moved("the disk encryption check failed", "99").await
    }

    async fn disk_check_passes(&mut self) -> Result<Told, String> {
        self.osquery
            .sql("UPDATE disk_encryption SET encrypted = 1")
            .map_err(text)?;
        self.moved("the disk is encrypted again", "10").await
    }

    /// osquery reports, the server sends a CoA, the switch re-authenticates the laptop, the new VLAN is there and proven.
    async fn moved(&mut self, what: &str, vlan: &str) -> Result<Told, String> {
        let began = Instant::now();
        self.report_posture().await?;
        let coa =
            self.switch.next(PATIENCE).await.ok_or_else(|| {
                format!("{what}, but no CoA came within {} s", PATIENCE.as_secs())
            })?;
        let coa_ms = began.elapsed().as_secs_f64() * 1000.0;
        let named = |name: &str| coa.attributes.iter().any(|(known, _)| known == name);
        if !named("Event-Timestamp") || !named("Calling-Station-Id") {
            return Err(format!(
                "the {} lacks identifiers: {:?}",
                coa.code, coa.attributes
            ));
        }
        let outcome = self.authenticate(&self.laptop, &self.laptop_login).await?;
        let vlan = expect_vlan(&outcome, vlan)?;
        let resumed = if outcome.is_resumed() {
            ", TLS resumed"
        } else {
            ""
        };
        let proof = self.proof().await?;
        Ok(Told::new(format!(
            "{what}: {} {coa_ms:.0} ms after osquery began to report, re-authenticated{resumed}: VLAN {vlan}; {proof}",
            coa.code
        ))
        .with("vlan", vlan)
        .with("coa", coa.code.to_string())
        .with("coa_ms", (coa_ms * 10.0).round() / 10.0)
        .with("resumed", outcome.is_resumed())
        .with("proof", proof))
    }

    /// What the server itself recorded as the proof of the last move.
    async fn proof(&self) -> Result<String, String> {
        let began = Instant::now();
        loop {
            let filter = nac_store::EnforcementFilter {
                limit: 1,
                ..Default::default()
            };
            let newest = self
                .server
                .store()
                .enforcement_list(&filter)
                .await
                .map_err(text)?;
            if let Some(enforcement) = newest.first()
                && enforcement.state == nac_store::EnforcementState::Proven
            {
                let took = enforcement.proven_us.unwrap_or_default() - enforcement.created_us;
                return Ok(format!("proven after {} ms", took / 1000));
            }
            if began.elapsed() > PATIENCE {
                return Err("the move was not recorded as proven".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn phone_logs_in(&self) -> Result<Told, String> {
        let phone = Station::wireless(PHONE, "demo");
        let login = eap(self.cast, PeerMethod::PeapMschapv2, "bob", Some(PASSWORD))?;
        let outcome = self.authenticate(&phone, &login).await?;
        let vlan = expect_vlan(&outcome, "10")?;
        Ok(Told::new(format!(
            "bob's phone, PEAP-MSCHAPv2 {}: VLAN {vlan}, {} round trips",
            tls(&outcome),
            outcome.round_trips
        ))
        .with("vlan", vlan)
        .with("method", outcome.method))
    }

    async fn printer_connects(&self) -> Result<Told, String> {
        let printer = Station::wired(PRINTER);
        let login = Credentials::Mab {
            format: MacFormat::Plain,
        };
        let outcome = self.authenticate(&printer, &login).await?;
        let vlan = expect_vlan(&outcome, "90")?;
        Ok(Told::new(format!(
            "a printer by its MAC alone (MAB): registration, VLAN {vlan}"
        ))
        .with("vlan", vlan)
        .with("method", outcome.method))
    }

    async fn wrong_password(&self) -> Result<Told, String> {
        let phone = Station::wireless(PHONE, "demo");
        let login = eap(
            self.cast,
            PeerMethod::PeapMschapv2,
            "bob",
            Some("correct-house"),
        )?;
        let outcome = self.authenticate(&phone, &login).await?;
        if outcome.is_accept() {
            return Err("a wrong password was accepted".to_owned());
        }
        let decision = self.last_refusal("bob").await?;
        Ok(Told::new(format!(
            "a wrong password: refused, and the server says why: {} ({})",
            decision.0, decision.1
        ))
        .with("reason", decision.0)
        .with("code", decision.1))
    }

    async fn last_refusal(&self, user: &str) -> Result<(String, String), String> {
        let began = Instant::now();
        loop {
            let filter = nac_store::DecisionFilter {
                user: Some(user.to_owned()),
                outcome: Some(nac_store::DecisionOutcome::Reject),
                limit: 1,
                ..Default::default()
            };
            let newest = self
                .server
                .store()
                .decision_list(&filter)
                .await
                .map_err(text)?;
            if let Some(decision) = newest.into_iter().next() {
                return Ok((decision.reason, decision.reason_code));
            }
            if began.elapsed() > PATIENCE {
                return Err("the refusal has no decision record".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn unknown_nas(&self) -> Result<Told, String> {
        let stranger = IpAddr::from([127, 0, 0, 66]);
        let mut client = RadiusClient::connect_from(
            std::net::SocketAddr::new(stranger, 0),
            self.server.addresses.auth,
            Secret::new("not a secret that anybody knows"),
        )
        .await
        .map_err(text)?
        .with_timeout(Duration::from_millis(200))
        .with_tries(2);
        let login = Credentials::pap("alice", PASSWORD);
        match authenticate(&mut client, &Station::wired(PHONE), &login).await {
            Err(ProbeFault::NoAnswer { .. }) => Ok(Told::new(format!(
                "a NAS that nobody configured ({stranger}): ignored, as it should be"
            ))),
            Err(fault) => Err(text(fault)),
            Ok(_) => Err("the server answered a stranger".to_owned()),
        }
    }

    /// osquery polls until the server has nothing left to ask; gives the number of checks answered.
    async fn report_posture(&self) -> Result<usize, String> {
        let mut ran = 0;
        for _ in 0..4 {
            let report = self.osquery.poll_once().await.map_err(text)?;
            ran += report.ran;
            if report.asked == 0 || (ran > 0 && report.written) {
                break;
            }
        }
        if ran == 0 {
            Err("the server asked osquery nothing".to_owned())
        } else {
            Ok(ran)
        }
    }

    async fn account(&self, outcome: &Outcome) -> Result<(), String> {
        let mut client =
            RadiusClient::connect(self.server.addresses.acct, self.cast.secret.clone())
                .await
                .map_err(text)?;
        let mut start = AccountingRecord::new(AccountingStatus::Start);
        start.user_name = Some("alice".to_owned());
        // Not 127.0.0.1: a browser of this machine is to see the page of the laptop that waits.
        start.framed_ip = Some([127, 0, 0, 7].into());
        start.class = outcome
            .accepted()
            .map(|accepted| accepted.class.clone())
            .unwrap_or_default();
        accounting(&mut client, &self.laptop, &start)
            .await
            .map(drop)
            .map_err(text)
    }

    async fn authenticate(
        &self,
        station: &Station,
        login: &Credentials,
    ) -> Result<Outcome, String> {
        authenticate(&mut self.client().await?, station, login)
            .await
            .map_err(text)
    }

    async fn client(&self) -> Result<RadiusClient, String> {
        RadiusClient::connect(self.server.addresses.auth, self.cast.secret.clone())
            .await
            .map_err(text)
    }
}

fn eap(
    cast: &Cast,
    method: PeerMethod,
    user: &str,
    password: Option<&str>,
) -> Result<Credentials, String> {
    eap_with(cast, method, user, password, &cast.laptop)
}

fn eap_with(
    cast: &Cast,
    method: PeerMethod,
    user: &str,
    password: Option<&str>,
    own: &Issued,
) -> Result<Credentials, String> {
    let ca = nac_pki::pem_certificates(&cast.ca_pem).map_err(text)?;
    let identity = match method {
        PeerMethod::Tls => Some((
            nac_pki::pem_certificates(&own.certificate_pem).map_err(text)?,
            nac_pki::pem_key(&own.key_pem).map_err(text)?,
        )),
        _ => None,
    };
    let tls = PeerTls::new(
        ca,
        Some("localhost".to_owned()),
        identity,
        TlsVersions::Both,
    )
    .map_err(text)?;
    Ok(Credentials::eap(PeerSettings {
        method,
        identity: user.to_owned(),
        anonymous_identity: None,
        password: password.map(|password| Zeroizing::new(password.to_owned())),
        tls: Arc::new(tls),
        eap_mtu: EAP_MTU,
    }))
}

fn expect_vlan(outcome: &Outcome, expected: &str) -> Result<String, String> {
    match outcome.vlan() {
        Some(vlan) if vlan == expected => Ok(vlan.to_owned()),
        Some(vlan) => Err(format!("VLAN {vlan} instead of {expected}")),
        None => Err(format!(
            "refused instead of VLAN {expected}: {:?}",
            outcome.rejected()
        )),
    }
}

fn tls(outcome: &Outcome) -> String {
    outcome
        .accepted()
        .and_then(|accepted| accepted.eap.as_ref())
        .map_or_else(String::new, |eap| format!("over TLS {}", eap.tls_version))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
