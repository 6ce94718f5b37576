//! What the command line says, turned into what the probe takes.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, ValueEnum};
use nac_eap::peer::{PeerMachine, PeerMethod, PeerSettings, PeerTls};
use nac_eap::{CertificateDer, PrivateKeyDer, TlsVersions};
use nac_pki::{CertificateFacts, pem_certificates, pem_key};
use nac_radius::{MacAddr, MacFormat, Secret};
use zeroize::Zeroizing;

use crate::cli::{Failure, input};
use crate::listen::origin::radsec_secret;
use crate::probe::{Answers, NasPortType, RadSecIdentity, Station};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("shared secret").required(true)
    .args(["secret_file", "secret_stdin", "radsec_certificate"]))]
pub(super) struct ServerArguments {
    /// The server; 127.0.0.1 and the usual port unless given
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) server: Option<String>,
    /// Read the shared secret from a file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Read the shared secret from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Go over TLS with this certificate (RadSec, port 2083) instead of UDP with a shared secret
    #[arg(
        long,
        value_name = "FILE",
        requires = "radsec_key",
        requires = "radsec_ca"
    )]
    radsec_certificate: Option<PathBuf>,
    /// The private key of that certificate
    #[arg(long, value_name = "FILE", requires = "radsec_certificate")]
    radsec_key: Option<PathBuf>,
    /// The authority of the server's certificate
    #[arg(long, value_name = "FILE", requires = "radsec_certificate")]
    radsec_ca: Option<PathBuf>,
    /// How long to wait for the first answer, in seconds; each retransmission waits twice as long
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    pub(super) timeout: f64,
    /// How often to send a request
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) tries: u32,
    /// Believe a server that does not send Message-Authenticator first (open to CVE-2024-3596)
    #[arg(long)]
    pub(super) old_server: bool,
    /// Send from this address, to be one client among several
    #[arg(long, value_name = "ADDRESS")]
    pub(super) source: Option<IpAddr>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("user's password").required(true)
    .args(["password_file", "password_stdin", "password_prompt"]))]
pub(super) struct PasswordArguments {
    /// Read the password from a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "secret_stdin")]
    password_stdin: bool,
    /// Ask for the password
    #[arg(long, conflicts_with = "secret_stdin")]
    password_prompt: bool,
}

#[derive(Debug, Args)]
pub(super) struct AnswerArguments {
    /// Ask for the code of the authenticator app, for a server that asks for one
    #[arg(long, conflicts_with_all = ["secret_stdin", "password_stdin"])]
    code_prompt: bool,
    /// Read that code from a file
    #[arg(long, value_name = "FILE", conflicts_with = "code_prompt")]
    code_file: Option<PathBuf>,
    /// Ask for a new password, for a server that says that the present one is expired
    #[arg(long, conflicts_with_all = ["secret_stdin", "password_stdin"])]
    new_password_prompt: bool,
    /// Read that new password from a file
    #[arg(long, value_name = "FILE", conflicts_with = "new_password_prompt")]
    new_password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct TlsArguments {
    /// The CA that issued the server's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The name that the server's certificate must carry; any name under that CA unless given
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Which TLS versions to offer
    #[arg(long, value_name = "VERSION", default_value = "both", value_parser = ["1.2", "1.3", "both"])]
    tls: String,
}

#[derive(Debug, Args)]
pub(super) struct EapArguments {
    /// The name to show outside the tunnel
    #[arg(long, value_name = "ID")]
    anonymous: Option<String>,
    /// Authenticate twice, the second time by TLS resumption
    #[arg(long)]
    pub(super) resume: bool,
    /// The largest EAP packet, in both directions, in octets
    #[arg(long, value_name = "OCTETS", default_value_t = 1396,
        value_parser = clap::value_parser!(u32).range(100..=3900))]
    fragment: u32,
    /// Ask for the EAP-Key-Name, as switches with MACsec do, and check it
    #[arg(long)]
    key_name: bool,
}

#[derive(Debug, Args)]
pub(super) struct MachineArguments {
    /// The certificate of the machine, which authenticates before the user
    #[arg(long = "machine-cert", value_name = "FILE", requires = "machine_key")]
    machine_certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "machine_certificate")]
    machine_key: Option<PathBuf>,
    /// Nobody is logged in to the machine
    #[arg(long, requires = "machine_certificate")]
    machine_only: bool,
}

#[derive(Debug, Args)]
pub(super) struct StationArguments {
    /// The endpoint's MAC address
    #[arg(long, value_name = "MAC", default_value = "02:00:00:00:00:01", value_parser = mac)]
    mac: MacAddr,
    /// NAS-IP-Address; the address that the packets come from unless given
    #[arg(long, value_name = "ADDRESS")]
    nas_ip: Option<IpAddr>,
    /// NAS-Identifier
    #[arg(long, value_name = "NAME", default_value = "nac-probe")]
    nas_identifier: String,
    /// NAS-Port
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    nas_port: u32,
    /// The SSID; makes the port wireless
    #[arg(long, value_name = "NAME")]
    ssid: Option<String>,
    /// NAS-Port-Type; ethernet unless there is an SSID
    #[arg(long, value_name = "TYPE")]
    port_type: Option<PortType>,
    /// Acct-Session-Id
    #[arg(long, value_name = "ID")]
    session_id: Option<String>,
    /// One more attribute by dictionary name, or another value for one of the above
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PortType {
    Ethernet,
    Wireless,
    Virtual,
}

/// RADIUS over TLS (RFC 6614 section 2.1).
const RADSEC_PORT: u16 = 2_083;

/// A certificate chain and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Octets that were given in hexadecimal.
#[derive(Clone, Debug)]
pub(super) struct Octets(pub(super) Vec<u8>);

impl ServerArguments {
    pub(super) fn secret(&self) -> Result<Secret, Failure> {
        let secret = match (&self.secret_file, &self.radsec_certificate) {
            (Some(file), _) => input::secret_from_file(file)?,
            (None, Some(_)) => return Ok(radsec_secret().clone()),
            (None, None) => input::secret_from_stdin()?,
        };
        Ok(Secret::new(secret.as_bytes()))
    }

    /// What to show over TLS, when that is the way to go; `server_name` is the name in the server's certificate.
    pub(super) fn radsec(
        &self,
        server_name: Option<String>,
    ) -> Result<Option<RadSecIdentity>, Failure> {
        let (Some(certificate), Some(key), Some(ca)) =
            (&self.radsec_certificate, &self.radsec_key, &self.radsec_ca)
        else {
            return Ok(None);
        };
        let ((chain, key), _) = identity(certificate, key)?;
        Ok(Some(RadSecIdentity {
            authorities: certificates(ca)?,
            chain,
            key,
            server_name,
        }))
    }

    /// The port where none is given.
    pub(super) const fn port(&self, over_udp: u16) -> u16 {
        match self.radsec_certificate {
            Some(_) => RADSEC_PORT,
            None => over_udp,
        }
    }

    /// The server's host, when it is given by name.
    pub(super) fn host(&self) -> Option<String> {
        let server = self.server.as_deref()?;
        if server.parse::<SocketAddr>().is_ok() || server.parse::<IpAddr>().is_ok() {
            return None;
        }
        let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
        (!host.starts_with('[')).then(|| host.to_owned())
    }
}

/// The shared secret and the user's password. Standard input holds one of them at most.
pub(super) fn secrets(
    server: &ServerArguments,
    password: &PasswordArguments,
    user: &str,
) -> Result<(Secret, Zeroizing<String>), Failure> {
    let secret = server.secret()?;
    let password = match (&password.password_file, password.password_stdin) {
        (Some(file), _) => input::secret_from_file(file)?,
        (None, true) => input::secret_from_stdin()?,
        (None, false) => prompt("Password", user).map_err(|failure| {
            failure.fix("hand it in with: printf %s PASSWORD | nac probe … --password-stdin")
        })?,
    };
    Ok((secret, password))
}

fn prompt(what: &str, user: &str) -> Result<Zeroizing<String>, Failure> {
    rpassword::prompt_password(format!("{what} for {user}: "))
        .map(Zeroizing::new)
        .map_err(|error| Failure::usage(format!("nothing can be asked for here: {error}")))
}

impl AnswerArguments {
    /// What is answered when the server asks for more.
    pub(super) fn answers(&self, user: &str) -> Result<Answers, Failure> {
        let given = |what: &str, file: &Option<PathBuf>, asked: bool| match file {
            Some(file) => input::secret_from_file(file).map(Some),
            None if asked => prompt(what, user).map(Some),
            None => Ok(None),
        };
        let new_password = given(
            "New password",
            &self.new_password_file,
            self.new_password_prompt,
        )?;
        Ok(Answers {
            // Last, for it does not keep.
            code: given("Code", &self.code_file, self.code_prompt)?,
            new_password,
        })
    }
}

impl TlsArguments {
    pub(super) fn client(&self, identity: Option<Identity>) -> Result<Arc<PeerTls>, Failure> {
        let versions = match self.tls.as_str() {
            "1.2" => TlsVersions::Only12,
            "1.3" => TlsVersions::Only13,
            _ => TlsVersions::Both,
        };
        PeerTls::new(
            certificates(&self.ca)?,
            self.server_name.clone(),
            identity,
            versions,
        )
        .map(Arc::new)
        .map_err(|error| Failure::usage(error.to_string()))
    }
}

impl MachineArguments {
    /// The machine, if there is one.
    pub(super) fn machine(&self, tls: &TlsArguments) -> Result<Option<PeerMachine>, Failure> {
        let (Some(certificate), Some(key)) = (&self.machine_certificate, &self.machine_key) else {
            return Ok(None);
        };
        let (credential, name) = identity(certificate, key)?;
        Ok(Some(PeerMachine {
            identity: name.unwrap_or_default(),
            tls: tls.client(Some(credential))?,
            alone: self.machine_only,
        }))
    }
}

impl EapArguments {
    pub(super) fn settings(
        &self,
        method: PeerMethod,
        identity: String,
        password: Option<Zeroizing<String>>,
        tls: Arc<PeerTls>,
    ) -> PeerSettings {
        PeerSettings {
            method,
            identity,
            anonymous_identity: self.anonymous.clone(),
            password,
            tls,
            eap_mtu: usize::try_from(self.fragment).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn station(&self, station: Station) -> Station {
        // Framed-MTU has four octets more than the EAP packet (RFC 3580 section 3.10).
        Station {
            wants_key_name: self.key_name,
            framed_mtu: self.fragment + 4,
            ..station
        }
    }
}

impl StationArguments {
    pub(super) fn station(&self) -> Result<Station, Failure> {
        let mut station = match &self.ssid {
            Some(ssid) => Station::wireless(self.mac, ssid),
            None => Station::wired(self.mac),
        };
        if let Some(port_type) = self.port_type {
            station.nas_port_type = match port_type {
                PortType::Ethernet => NasPortType::Ethernet,
                PortType::Wireless => NasPortType::Wireless,
                PortType::Virtual => NasPortType::Virtual,
            };
        }
        if self.mac.is_multicast() {
            return Err(Failure::usage(format!("{} is a group address", self.mac))
                .fix("no endpoint has such an address; use one with an even first octet"));
        }
        station.nas_address = self.nas_ip;
        station.nas_identifier = Some(self.nas_identifier.clone());
        station.nas_port = Some(self.nas_port);
        station.acct_session_id = self.session_id.clone();
        station.attributes = self.attributes.clone();
        Ok(station)
    }
}

/// The client certificate with its key, and the name in it.
pub(super) fn identity(
    certificate: &Path,
    key: &Path,
) -> Result<(Identity, Option<String>), Failure> {
    let chain = certificates(certificate)?;
    let text = Zeroizing::new(read(key)?);
    let key = pem_key(&text).map_err(|error| unreadable(key, &error))?;
    let facts = chain
        .first()
        .and_then(|leaf| CertificateFacts::read(leaf).ok());
    let name = facts
        .as_ref()
        .and_then(|facts| facts.user_name().map(str::to_owned));
    Ok(((chain, key), name))
}

/// The address of a server that is given by name or address, with or without port.
pub(super) async fn resolve(server: &str, default_port: u16) -> Result<SocketAddr, Failure> {
    if let Ok(address) = server.parse::<SocketAddr>() {
        return Ok(address);
    }
    let bare = server.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, default_port));
    }
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => {
                return Err(Failure::usage(format!("{port} is not a port"))
                    .fix("write the server as HOST or HOST:PORT"));
            }
        },
        None => (server, default_port),
    };
    let unknown =
        || Failure::cannot(format!("no address is known for {host}")).fix("check the name");
    let mut found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|_| unknown())?;
    found.next().ok_or_else(unknown)
}

/// The forms in which a NAS may write an address.
const FORMATS: [(&str, MacFormat); 8] = [
    ("plain", MacFormat::Plain),
    ("upper-plain", MacFormat::UpperPlain),
    ("colons", MacFormat::Colons),
    ("upper-colons", MacFormat::UpperColons),
    ("dashes", MacFormat::Dashes),
    ("upper-dashes", MacFormat::UpperDashes),
    ("dots", MacFormat::Dots),
    ("half-dash", MacFormat::HalfDash),
];

pub(super) fn mac_format() -> PossibleValuesParser {
    PossibleValuesParser::new(FORMATS.map(|(name, _)| name))
}

pub(super) fn mac_format_named(name: &str) -> Option<MacFormat> {
    FORMATS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, format)| *format)
}

pub(super) fn octets(text: &str) -> Result<Octets, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits)
        .map(Octets)
        .map_err(|_| "write octets in hexadecimal, such as 0x01a2".to_owned())
}

fn mac(text: &str) -> Result<MacAddr, String> {
    text.parse()
        .map_err(|error: nac_radius::NotMacAddr| error.to_string())
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write the attribute as NAME=VALUE, such as Connect-Info=11Mbps")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    pem_certificates(&read(path)?).map_err(|error| unreadable(path, &error))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}

fn unreadable(path: &Path, error: &nac_pki::PkiError) -> Failure {
    Failure::usage(error.to_string()).place(path.display().to_string())
}
