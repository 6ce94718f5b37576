//! What one simulated host is: where it reports to, who it says it is, what its tables hold.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::fixtures;

/// One row of one table.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The table.
    pub table: String,
    /// Column to value.
    pub row: Map<String, Value>,
}

impl Fixture {
    /// A row written with `serde_json::json!`; anything but an object makes an empty row.
    pub fn new(table: &str, row: Value) -> Self {
        let row = match row {
            Value::Object(row) => row,
            _ => Map::new(),
        };
        Self {
            table: table.to_owned(),
            row,
        }
    }
}

/// Which osquery is imitated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Node key in the body only: releases before the `Authorization` header.
    #[default]
    Classic,
    /// Node key in the body and as `Authorization: NodeKey`.
    AuthorizationHeader,
    /// fleetd-chrome: `null` rows, messages as an array, `text/plain`.
    ChromeExtension,
}

/// Everything that makes a host. Fields may be changed freely before the host is built.
#[derive(Clone)]
pub struct HostSettings {
    /// `https://host:port` (or `http://` in tests), without a path.
    pub server_url: String,
    /// The authorities to trust, PEM; may be empty with `http://`.
    pub ca_pem: String,
    /// The enrolment secret.
    pub enroll_secret: String,
    /// What `--host_identifier` would give.
    pub host_identifier: String,
    /// `linux`, `darwin`, `windows` or `chrome`.
    pub platform: String,
    /// The host's name.
    pub hostname: String,
    /// The SMBIOS UUID.
    pub hardware_uuid: String,
    /// The serial number.
    pub serial: String,
    /// osquery's own random instance id.
    pub instance_id: String,
    /// osquery's version.
    pub osquery_version: String,
    /// The MAC addresses of its interfaces.
    pub macs: Vec<String>,
    /// Client certificate chain and key, PEM.
    pub client_identity: Option<(String, String)>,
    /// The local address to connect from; lets tests choose an address within 127.0.0.0/8.
    pub local_address: Option<IpAddr>,
    /// Which osquery is imitated.
    pub profile: Profile,
    /// `--logger_tls_compress`.
    pub compress_logs: bool,
    /// `/api/v1/osquery` or `/api/osquery`.
    pub prefix: String,
    /// `--distributed_interval`, 10 s.
    pub interval: Duration,
    /// The interval while accelerated; osquery's is fixed at 5 s.
    pub accelerated_interval: Duration,
    /// The unit of the n² pauses between attempts; osquery's is one second.
    pub pause_unit: Duration,
    /// Request timeout; osquery's is fixed at 16 s.
    pub timeout: Duration,
    /// `--tls_enroll_max_attempts`; 0 means for ever.
    pub enroll_attempts: u32,
    /// Rows of the tables, besides those that follow from the fields above.
    pub fixtures: Vec<Fixture>,
}

impl HostSettings {
    /// A host of `platform` with empty posture tables, and random identity.
    pub fn bare(platform: &str) -> Self {
        let tag = random_hex::<4>();
        let random = random_hex::<16>();
        let uuid = |text: &str| {
            let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
            format!(
                "{}-{}-{}-{}-{}",
                part(0, 8),
                part(8, 12),
                part(12, 16),
                part(16, 20),
                part(20, 32)
            )
        };
        let hardware_uuid = uuid(&random).to_ascii_uppercase();
        let mac = random_hex::<3>();
        let pair = |from: usize| mac.get(from..from + 2).unwrap_or("00");
        Self {
            server_url: String::new(),
            ca_pem: String::new(),
            enroll_secret: String::new(),
            host_identifier: hardware_uuid.clone(),
            platform: platform.to_owned(),
            hostname: format!("{platform}-{tag}"),
            hardware_uuid,
            serial: format!("SN{}", tag.to_ascii_uppercase()),
            instance_id: uuid(&random_hex::<16>()),
            osquery_version: "5.20.0".to_owned(),
            macs: vec![format!("00:16:3e:{}:{}:{}", pair(0), pair(2), pair(4))],
            client_identity: None,
            local_address: None,
            profile: Profile::Classic,
            compress_logs: true,
            prefix: "/api/v1/osquery".to_owned(),
            interval: Duration::from_secs(10),
            accelerated_interval: Duration::from_secs(5),
            pause_unit: Duration::from_secs(1),
            timeout: Duration::from_secs(16),
            enroll_attempts: 3,
            fixtures: Vec::new(),
        }
    }

    /// A host of `platform` (`linux`, `darwin`, `windows`) that passes every built-in check.
    pub fn compliant(platform: &str) -> Self {
        Self {
            fixtures: fixtures::compliant(platform),
            ..Self::bare(platform)
        }
    }

    /// A compliant Linux host that reports to `server_url`.
    pub fn compliant_linux(server_url: &str, ca_pem: &str, enroll_secret: &str) -> Self {
        Self::compliant("linux").reporting_to(server_url, ca_pem, enroll_secret)
    }

    /// A compliant Mac that reports to `server_url`.
    pub fn compliant_macos(server_url: &str, ca_pem: &str, enroll_secret: &str) -> Self {
        Self::compliant("darwin").reporting_to(server_url, ca_pem, enroll_secret)
    }

    /// A compliant Windows host that reports to `server_url`.
    pub fn compliant_windows(server_url: &str, ca_pem: &str, enroll_secret: &str) -> Self {
        Self::compliant("windows").reporting_to(server_url, ca_pem, enroll_secret)
    }

    /// The same host with another server, authority and enrolment secret.
    #[must_use]
    pub fn reporting_to(mut self, server_url: &str, ca_pem: &str, enroll_secret: &str) -> Self {
        server_url
            .trim_end_matches('/')
            .clone_into(&mut self.server_url);
        ca_pem.clone_into(&mut self.ca_pem);
        enroll_secret.clone_into(&mut self.enroll_secret);
        self
    }

    /// osquery's platform bit mask, as the text it sends.
    pub fn platform_type(&self) -> &'static str {
        match self.platform.as_str() {
            "linux" => "9",
            "darwin" => "21",
            "windows" => "2",
            _ => "0",
        }
    }

    /// All rows: those given and those that follow from the identity fields.
    pub(crate) fn all_fixtures(&self) -> Vec<Fixture> {
        let mut rows = fixtures::identity(self);
        rows.extend(self.fixtures.iter().cloned());
        rows
    }
}

impl std::fmt::Debug for HostSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HostSettings")
            .field("server_url", &self.server_url)
            .field("platform", &self.platform)
            .field("hostname", &self.hostname)
            .field("hardware_uuid", &self.hardware_uuid)
            .field("instance_id", &self.instance_id)
            .finish_non_exhaustive()
    }
}

fn random_hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    // Without randomness hosts would only share a name; nothing here is a secret.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    hex::encode(bytes)
}
