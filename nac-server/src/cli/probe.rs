//! `nac probe`: tries a login as a switch or an access point would, and says what came of it.

mod arguments;
mod report;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use nac_eap::peer::{PeerMachine, PeerMethod, PeerSettings};
use nac_radius::{MacFormat, Secret};

use self::arguments::{
    AnswerArguments, EapArguments, MachineArguments, PasswordArguments, ServerArguments,
    StationArguments, TlsArguments,
};
use super::{Answer, Context, Failure, Outcome};
use crate::probe::{
    AccountingRecord, AccountingStatus, Answers, Credentials, ProbeFault, RadiusClient, Station,
    accounting, authenticate_with, status,
};

const EXAMPLES: &str = "\
Examples:
  printf %s \"$PASSWORD\" | nac probe peap --server 127.0.0.1:1812 --secret-file secret.txt \\
      --user alice --password-stdin --ca ca.crt
  nac probe tls --secret-file secret.txt --user alice --cert alice.crt --key alice.key --ca ca.crt --resume
  nac probe pap --secret-file secret.txt --user alice --password-prompt --code-prompt
  nac probe mab --secret-file secret.txt --mac 02:00:00:00:00:01
  nac probe status --secret-file secret.txt
  nac probe status --server nac.example.org --radsec-certificate sw1.crt --radsec-key sw1.key --radsec-ca ca.crt
  nac probe acct start --secret-file secret.txt --session-id 0001 --user alice

This machine must be a client of the server: nac client add lab --address 127.0.0.0/8
Exit status: 0 accepted, 1 rejected, 2 wrong usage, 3 no answer or none that can be believed.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProbeArguments {
    #[command(subcommand)]
    method: Method,
}

#[derive(Debug, Subcommand)]
enum Method {
    /// A password (PAP)
    Pap(PasswordLogin),
    /// A challenge and its answer (CHAP)
    Chap(PasswordLogin),
    /// MS-CHAPv2 without EAP: checks the server's proof and the keys
    Mschapv2(PasswordLogin),
    /// The MAC address as name and password
    Mab(MabLogin),
    /// EAP-TLS: a certificate on both sides
    Tls(TlsLogin),
    /// PEAP with EAP-MSCHAPv2
    Peap(TunnelLogin),
    /// PEAP with EAP-GTC
    PeapGtc(TunnelLogin),
    /// PEAP with EAP-TLS: the certificate is not seen outside
    PeapTls(TlsLogin),
    /// EAP-TTLS with PAP
    TtlsPap(TunnelLogin),
    /// EAP-TTLS with CHAP
    TtlsChap(TunnelLogin),
    /// EAP-TTLS with MS-CHAP
    TtlsMschap(TunnelLogin),
    /// EAP-TTLS with MS-CHAPv2
    TtlsMschapv2(TunnelLogin),
    /// EAP-TTLS with EAP-MSCHAPv2
    TtlsEapMschapv2(TunnelLogin),
    /// EAP-TTLS with EAP-GTC
    TtlsEapGtc(TunnelLogin),
    /// EAP-TTLS with EAP-TLS: the certificate is not seen outside
    TtlsEapTls(TlsLogin),
    /// TEAP with EAP-MSCHAPv2
    TeapMschapv2(TeapLogin),
    /// TEAP with EAP-TLS
    TeapTls(TeapTlsLogin),
    /// TEAP with the password itself
    TeapPap(TeapLogin),
    /// Ask whether the server is there (Status-Server)
    Status(StatusProbe),
    /// Report a session to the accounting port
    Acct(AccountingProbe),
}

#[derive(Debug, Args)]
struct PasswordLogin {
    #[command(flatten)]
    server: ServerArguments,
    /// The user's name
    #[arg(long, value_name = "NAME")]
    user: String,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    station: StationArguments,
}

#[derive(Debug, Args)]
struct MabLogin {
    #[command(flatten)]
    server: ServerArguments,
    /// How the address is written as name and password
    #[arg(long, value_name = "FORM", default_value = "plain", value_parser = arguments::mac_format())]
    format: String,
    #[command(flatten)]
    station: StationArguments,
}

#[derive(Debug, Args)]
struct TlsLogin {
    #[command(flatten)]
    server: ServerArguments,
    /// The identity to show; the certificate's common name unless given
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The client certificate, with its intermediates
    #[arg(long = "cert", value_name = "FILE")]
    certificate: std::path::PathBuf,
    /// Its private key
    #[arg(long, value_name = "FILE")]
    key: std::path::PathBuf,
    #[command(flatten)]
    tls: TlsArguments,
    #[command(flatten)]
    eap: EapArguments,
    #[command(flatten)]
    station: StationArguments,
}

#[derive(Debug, Args)]
struct TunnelLogin {
    #[command(flatten)]
    server: ServerArguments,
    /// The user's name, inside the tunnel
    #[arg(long, value_name = "NAME")]
    user: String,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    tls: TlsArguments,
    #[command(flatten)]
    eap: EapArguments,
    #[command(flatten)]
    station: StationArguments,
}

#[derive(Debug, Args)]
struct TeapLogin {
    #[command(flatten)]
    login: TunnelLogin,
    #[command(flatten)]
    machine: MachineArguments,
}

#[derive(Debug, Args)]
struct TeapTlsLogin {
    #[command(flatten)]
    login: TlsLogin,
    #[command(flatten)]
    machine: MachineArguments,
}

#[derive(Debug, Args)]
struct StatusProbe {
    #[command(flatten)]
    server: ServerArguments,
    /// Ask this accounting port as well
    #[arg(long, value_name = "HOST[:PORT]")]
    acct_server: Option<String>,
    #[command(flatten)]
    station: StationArguments,
}

#[derive(Debug, Args)]
struct AccountingProbe {
    /// What is reported
    #[arg(value_parser = ["start", "interim", "stop"])]
    event: String,
    #[command(flatten)]
    server: ServerArguments,
    /// The user's name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The endpoint's address
    #[arg(long, value_name = "ADDRESS")]
    framed_ip: Option<std::net::IpAddr>,
    /// How long the session has lasted, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    session_time: u32,
    /// Octets from the endpoint
    #[arg(long, value_name = "OCTETS", default_value_t = 0)]
    input_octets: u64,
    /// Octets to the endpoint
    #[arg(long, value_name = "OCTETS", default_value_t = 0)]
    output_octets: u64,
    /// The Class of the Access-Accept, in hexadecimal, as `nac probe` prints it
    #[arg(long, value_name = "HEX", value_parser = arguments::octets)]
    class: Vec<arguments::Octets>,
    /// Acct-Terminate-Cause of a stop: 1 is User-Request
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    cause: u32,
    #[command(flatten)]
    station: StationArguments,
}

pub(super) async fn run(context: &Context, arguments: ProbeArguments) -> Outcome {
    let json = context.json();
    match arguments.method {
        Method::Pap(login) => {
            login
                .run(json, |user, password| Credentials::Pap { user, password })
                .await
        }
        Method::Chap(login) => {
            login
                .run(json, |user, password| Credentials::Chap { user, password })
                .await
        }
        Method::Mschapv2(login) => {
            login
                .run(json, |user, password| Credentials::MsChapV2 {
                    user,
                    password,
                })
                .await
        }
        Method::Mab(login) => login.run(json).await,
        Method::Tls(login) => login.run(json, PeerMethod::Tls).await,
        Method::Peap(login) => login.run(json, PeerMethod::PeapMschapv2).await,
        Method::PeapGtc(login) => login.run(json, PeerMethod::PeapGtc).await,
        Method::PeapTls(login) => login.run(json, PeerMethod::PeapTls).await,
        Method::TtlsPap(login) => login.run(json, PeerMethod::TtlsPap).await,
        Method::TtlsChap(login) => login.run(json, PeerMethod::TtlsChap).await,
        Method::TtlsMschap(login) => login.run(json, PeerMethod::TtlsMschap).await,
        Method::TtlsMschapv2(login) => login.run(json, PeerMethod::TtlsMschapv2).await,
        Method::TtlsEapMschapv2(login) => login.run(json, PeerMethod::TtlsEapMschapv2).await,
        Method::TtlsEapGtc(login) => login.run(json, PeerMethod::TtlsEapGtc).await,
        Method::TtlsEapTls(login) => login.run(json, PeerMethod::TtlsEapTls).await,
        Method::TeapMschapv2(login) => login.run(json, PeerMethod::TeapMschapv2).await,
        Method::TeapTls(login) => login.run(json, PeerMethod::TeapTls).await,
        Method::TeapPap(login) => login.run(json, PeerMethod::TeapPap).await,
        Method::Status(probe) => probe.run(json).await,
        Method::Acct(probe) => probe.run(json).await,
    }
}

/// The default ports (RFC 2865 section 3, RFC 2866 section 3).
const AUTHENTICATION: u16 = 1812;
const ACCOUNTING: u16 = 1813;

impl PasswordLogin {
    async fn run(
        self,
        json: bool,
        credentials: impl FnOnce(String, zeroize::Zeroizing<String>) -> Credentials,
    ) -> Outcome {
        let (secret, password) = arguments::secrets(&self.server, &self.password, &self.user)?;
        let answers = self.answers.answers(&self.user)?;
        let client = self.server.connect(secret, AUTHENTICATION).await?;
        let login = Login {
            client,
            station: self.station.station()?,
            user: self.user.clone(),
            credentials: credentials(self.user, password),
            answers,
        };
        login.once(json).await
    }
}

impl MabLogin {
    async fn run(self, json: bool) -> Outcome {
        let client = self
            .server
            .connect(self.server.secret()?, AUTHENTICATION)
            .await?;
        let station = self.station.station()?;
        let format = arguments::mac_format_named(&self.format).unwrap_or(MacFormat::Plain);
        let user = station.mac.format(format);
        Login {
            client,
            station,
            user,
            credentials: Credentials::Mab { format },
            answers: Answers::default(),
        }
        .once(json)
        .await
    }
}

impl TeapLogin {
    async fn run(self, json: bool, method: PeerMethod) -> Outcome {
        let machine = self.machine.machine(&self.login.tls)?;
        self.login.run_with(json, method, machine).await
    }
}

impl TeapTlsLogin {
    async fn run(self, json: bool, method: PeerMethod) -> Outcome {
        let machine = self.machine.machine(&self.login.tls)?;
        self.login.run_with(json, method, machine).await
    }
}

/// The supplicant's profile, with its machine if it has one.
fn credentials(settings: PeerSettings, machine: Option<PeerMachine>) -> Credentials {
    match machine {
        Some(machine) => Credentials::EapWithMachine(Arc::new(settings), Box::new(machine)),
        None => Credentials::eap(settings),
    }
}

impl TlsLogin {
    async fn run(self, json: bool, method: PeerMethod) -> Outcome {
        self.run_with(json, method, None).await
    }

    async fn run_with(
        self,
        json: bool,
        method: PeerMethod,
        machine: Option<PeerMachine>,
    ) -> Outcome {
        let (identity, name) = arguments::identity(&self.certificate, &self.key)?;
        let user = self.user.or(name).ok_or_else(|| {
            Failure::usage("the certificate has no name to show").fix("add --user NAME")
        })?;
        let tls = self.tls.client(Some(identity))?;
        let settings = self.eap.settings(method, user.clone(), None, tls);
        let client = self
            .server
            .connect(self.server.secret()?, AUTHENTICATION)
            .await?;
        let station = self.eap.station(self.station.station()?);
        let credentials = credentials(settings, machine);
        Login {
            client,
            station,
            user,
            credentials,
            answers: Answers::default(),
        }
        .run(json, self.eap.resume)
        .await
    }
}

impl TunnelLogin {
    async fn run(self, json: bool, method: PeerMethod) -> Outcome {
        self.run_with(json, method, None).await
    }

    async fn run_with(
        self,
        json: bool,
        method: PeerMethod,
        machine: Option<PeerMachine>,
    ) -> Outcome {
        let (secret, password) = arguments::secrets(&self.server, &self.password, &self.user)?;
        let answers = self.answers.answers(&self.user)?;
        let tls = self.tls.client(None)?;
        let settings = self
            .eap
            .settings(method, self.user.clone(), Some(password), tls);
        let client = self.server.connect(secret, AUTHENTICATION).await?;
        let station = self.eap.station(self.station.station()?);
        let credentials = credentials(settings, machine);
        Login {
            client,
            station,
            user: self.user,
            credentials,
            answers,
        }
        .run(json, self.eap.resume)
        .await
    }
}

/// One login, ready to go.
struct Login {
    client: RadiusClient,
    station: Station,
    user: String,
    credentials: Credentials,
    answers: Answers,
}

impl Login {
    async fn run(self, json: bool, resume: bool) -> Outcome {
        if resume {
            self.twice(json).await
        } else {
            self.once(json).await
        }
    }

    async fn once(mut self, json: bool) -> Outcome {
        let (station, credentials) = (&self.station, &self.credentials);
        let outcome = authenticate_with(&mut self.client, station, credentials, &self.answers)
            .await
            .map_err(failure)?;
        report::login(json, self.client.server(), &self.user, &outcome, None)?;
        Ok(if outcome.is_accept() {
            Answer::Yes
        } else {
            Answer::No
        })
    }

    /// In full, then by resumption. A first login that was rejected leaves nothing to resume.
    async fn twice(mut self, json: bool) -> Outcome {
        let (station, credentials) = (&self.station, &self.credentials);
        let first = authenticate_with(&mut self.client, station, credentials, &self.answers)
            .await
            .map_err(failure)?;
        if !first.is_accept() {
            report::login(json, self.client.server(), &self.user, &first, None)?;
            return Ok(Answer::No);
        }
        let second = authenticate_with(&mut self.client, station, credentials, &self.answers)
            .await
            .map_err(failure)?;
        report::login(
            json,
            self.client.server(),
            &self.user,
            &second,
            Some(&first),
        )?;
        Ok(if second.is_resumed() {
            Answer::Yes
        } else {
            Answer::No
        })
    }
}

impl StatusProbe {
    async fn run(self, json: bool) -> Outcome {
        let secret = self.server.secret()?;
        let station = self.station.station()?;
        let mut client = self.server.connect(secret.clone(), AUTHENTICATION).await?;
        let mut answers = vec![(
            client.server(),
            status(&mut client, &station).await.map_err(failure)?,
        )];
        if let Some(server) = &self.acct_server {
            let address = arguments::resolve(server, ACCOUNTING).await?;
            let mut client = self.server.connect_to(address, secret).await?;
            answers.push((
                client.server(),
                status(&mut client, &station).await.map_err(failure)?,
            ));
        }
        report::acknowledged(json, "alive", &answers)?;
        Ok(Answer::Yes)
    }
}

impl AccountingProbe {
    async fn run(self, json: bool) -> Outcome {
        let mut client = self
            .server
            .connect(self.server.secret()?, ACCOUNTING)
            .await?;
        let mut station = self.station.station()?;
        // RFC 2866 section 5.5: every accounting packet has one.
        station
            .acct_session_id
            .get_or_insert_with(|| "nac-probe".to_owned());
        let record = AccountingRecord {
            status: match self.event.as_str() {
                "start" => AccountingStatus::Start,
                "stop" => AccountingStatus::Stop { cause: self.cause },
                _ => AccountingStatus::Interim,
            },
            user_name: self.user,
            class: self.class.into_iter().map(|octets| octets.0).collect(),
            framed_ip: self.framed_ip,
            session_time_s: self.session_time,
            input_octets: self.input_octets,
            output_octets: self.output_octets,
        };
        let answer = accounting(&mut client, &station, &record)
            .await
            .map_err(failure)?;
        report::acknowledged(json, "recorded", &[(client.server(), answer)])?;
        Ok(Answer::Yes)
    }
}

impl ServerArguments {
    async fn connect(&self, secret: Secret, default_port: u16) -> Result<RadiusClient, Failure> {
        let default_port = self.port(default_port);
        let server = match &self.server {
            Some(server) => arguments::resolve(server, default_port).await?,
            None => SocketAddr::from(([127, 0, 0, 1], default_port)),
        };
        self.connect_to(server, secret).await
    }

    async fn connect_to(
        &self,
        server: SocketAddr,
        secret: Secret,
    ) -> Result<RadiusClient, Failure> {
        let connected = match (self.radsec(self.host())?, self.source) {
            (Some(identity), source) => {
                RadiusClient::connect_by_radsec(source, server, identity).await
            }
            (None, Some(source)) => {
                RadiusClient::connect_from(SocketAddr::new(source, 0), server, secret).await
            }
            (None, None) => RadiusClient::connect(server, secret).await,
        };
        let timeout = Duration::try_from_secs_f64(self.timeout).map_err(|_| {
            Failure::usage("the timeout is no length of time")
                .fix("give seconds, such as --timeout 2.5")
        })?;
        let client = connected
            .map_err(failure)?
            .with_timeout(timeout)
            .with_tries(self.tries);
        Ok(if self.old_server {
            client.with_old_servers_believed()
        } else {
            client
        })
    }
}

/// A fault with everything that may be behind it.
fn failure(fault: ProbeFault) -> Failure {
    let failure = match fault.is_usage() {
        true => Failure::usage(fault.to_string()),
        false => Failure::cannot(fault.to_string()),
    };
    match fault.hints().as_slice() {
        [] => failure,
        [hint] => failure.fix(*hint),
        hints => {
            let lines = hints.iter().map(|hint| format!("- {hint}"));
            failure.fix(format!(
                "look at, in this order:\n{}",
                lines.collect::<Vec<_>>().join("\n")
            ))
        }
    }
}

#[cfg(test)]
mod tests;
