//! `eapol_test`, the supplicant that the field trusts: one authentication, or two with resumption.

use std::fmt::Write as _;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::cast;
use crate::directory::TestDirectory;
use crate::pki::Credential;
use crate::{program, wait};

/// How long a login may take while somebody answers questions.
const ANSWERING_LIMIT: Duration = Duration::from_secs(60);

/// A method with what runs inside its tunnel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// EAP-TLS.
    Tls,
    /// PEAPv0 with EAP-MSCHAPv2 inside.
    PeapMschapv2,
    /// PEAPv0 with EAP-GTC inside.
    PeapGtc,
    /// PEAPv0 with EAP-TLS inside.
    PeapTls,
    /// EAP-TTLS with PAP inside.
    TtlsPap,
    /// EAP-TTLS with CHAP inside.
    TtlsChap,
    /// EAP-TTLS with MS-CHAP inside.
    TtlsMschap,
    /// EAP-TTLS with MS-CHAPv2 inside.
    TtlsMschapv2,
    /// EAP-TTLS with EAP-MSCHAPv2 inside.
    TtlsEapMschapv2,
    /// EAP-TTLS with EAP-GTC inside.
    TtlsEapGtc,
    /// EAP-TTLS with EAP-TLS inside.
    TtlsEapTls,
}

impl Method {
    /// Every method that is offered.
    pub const ALL: [Self; 11] = [
        Self::Tls,
        Self::PeapMschapv2,
        Self::PeapGtc,
        Self::PeapTls,
        Self::TtlsPap,
        Self::TtlsChap,
        Self::TtlsMschap,
        Self::TtlsMschapv2,
        Self::TtlsEapMschapv2,
        Self::TtlsEapGtc,
        Self::TtlsEapTls,
    ];

    /// Those that a password proves.
    pub const BY_PASSWORD: [Self; 8] = [
        Self::PeapMschapv2,
        Self::PeapGtc,
        Self::TtlsPap,
        Self::TtlsChap,
        Self::TtlsMschap,
        Self::TtlsMschapv2,
        Self::TtlsEapMschapv2,
        Self::TtlsEapGtc,
    ];

    /// Whether it has a certificate for inside the tunnel.
    fn certificate_inside(self) -> bool {
        matches!(self, Self::PeapTls | Self::TtlsEapTls)
    }

    /// Whether a certificate proves who logs in.
    #[must_use]
    pub fn by_certificate(self) -> bool {
        self == Self::Tls || self.certificate_inside()
    }

    /// wpa_supplicant's names: the method outside, and what is inside.
    fn names(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Tls => ("TLS", None),
            Self::PeapMschapv2 => ("PEAP", Some("auth=MSCHAPV2")),
            Self::PeapGtc => ("PEAP", Some("auth=GTC")),
            Self::PeapTls => ("PEAP", Some("auth=TLS")),
            Self::TtlsPap => ("TTLS", Some("auth=PAP")),
            Self::TtlsChap => ("TTLS", Some("auth=CHAP")),
            Self::TtlsMschap => ("TTLS", Some("auth=MSCHAP")),
            Self::TtlsMschapv2 => ("TTLS", Some("auth=MSCHAPV2")),
            Self::TtlsEapMschapv2 => ("TTLS", Some("autheap=MSCHAPV2")),
            Self::TtlsEapGtc => ("TTLS", Some("autheap=GTC")),
            Self::TtlsEapTls => ("TTLS", Some("autheap=TLS")),
        }
    }
}

/// The only TLS version the supplicant offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

impl TlsVersion {
    /// Both versions.
    pub const ALL: [Self; 2] = [Self::V12, Self::V13];

    /// As eapol_test prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V12 => "TLSv1.2",
            Self::V13 => "TLSv1.3",
        }
    }
}

/// One network block of a supplicant.
#[derive(Clone, Debug)]
pub struct Supplicant<'a> {
    /// The method.
    pub method: Method,
    /// The TLS version.
    pub version: TlsVersion,
    /// The inner identity.
    pub identity: &'a str,
    /// The identity outside the tunnel.
    pub anonymous: &'a str,
    /// The Wi-Fi network; none on a wire.
    pub ssid: &'a str,
    /// The address that it sends from, as its access point.
    pub source: &'a str,
    /// The password, where the method has one.
    pub password: &'a str,
    /// The CA that the supplicant trusts.
    pub ca: &'a Path,
    /// More settings of the outer method, in wpa_supplicant's words: `crypto_binding=2`.
    pub phase1: &'a str,
    /// The cipher suites up to TLS 1.2, in OpenSSL's words; its usual ones when this is empty.
    pub ciphers: &'a str,
    /// What is wanted of an OCSP response that comes with the server's certificate: 0 nothing, 1 that it is good if there is
    /// one, 2 that there is a good one.
    pub ocsp: u8,
    /// The client certificate, where the method has one.
    pub credential: Option<&'a Credential>,
    /// The largest EAP-TLS fragment, in octets.
    pub fragment_size: u16,
    /// How many further authentications follow in the same process, resuming the session.
    pub again: u8,
    /// Whether to ask for EAP-Key-Name (RFC 4072 section 2.8.3).
    pub key_name: bool,
    /// The station's MAC.
    pub mac: [u8; 6],
}

impl<'a> Supplicant<'a> {
    /// Alice with everything right.
    #[must_use]
    pub fn new(method: Method, version: TlsVersion, ca: &'a Path) -> Self {
        Self {
            method,
            version,
            identity: cast::USER,
            anonymous: "anonymous",
            ssid: "",
            source: "",
            password: cast::PASSWORD,
            ca,
            phase1: "",
            ciphers: "",
            ocsp: 0,
            credential: None,
            fragment_size: 1386,
            again: 0,
            key_name: false,
            mac: [0x02, 0, 0, 0, 0, 0x10],
        }
    }

    /// Runs to the end.
    ///
    /// # Panics
    ///
    /// When eapol_test cannot be run at all.
    #[must_use]
    pub fn run(&self, server: SocketAddr, secret: &str) -> Outcome {
        let directory = TestDirectory::new("eapol");
        let config = directory.write("eapol_test.conf", self.config(true));
        let output = self.command(&config, server, secret).output();
        let output = output.expect("eapol_test can be started");
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        directory.write("eapol_test.log", &log);
        Outcome::of(output.status.success(), log)
    }

    /// Runs to the end as a supplicant with somebody in front of it, who answers its questions in turn through wpa_cli. `question`
    /// is wpa_supplicant's word for what it asks: `OTP`, `NEW_PASSWORD`. With `OTP` it knows no password.
    ///
    /// # Panics
    ///
    /// When eapol_test or wpa_cli cannot be run at all.
    #[must_use]
    pub fn run_answering(
        &self,
        server: SocketAddr,
        secret: &str,
        question: &str,
        answers: &[&str],
    ) -> Outcome {
        let directory = TestDirectory::new("eapol");
        let control = directory.path().join("control");
        let text = format!(
            "ctrl_interface={}\n{}",
            control.display(),
            self.config(question != "OTP")
        );
        let config = directory.write("eapol_test.conf", text);
        let log_file = directory.path().join("eapol_test.log");
        let log = File::create(&log_file).expect("a log can be written");
        let mut command = self.command(&config, server, secret);
        let mut process = command
            .stdout(log)
            .spawn()
            .expect("eapol_test can be started");
        let asked = format!("CTRL-REQ-{question}-");
        let read = || std::fs::read_to_string(&log_file).unwrap_or_default();
        let mut answered = 0;
        let ended = wait::until(ANSWERING_LIMIT, || {
            if let Some(answer) = answers.get(answered)
                && read().matches(&asked).count() > answered
            {
                let mut wpa_cli = Command::new(program::peer("wpa_cli", "wpasupplicant"));
                wpa_cli.arg("-p").arg(&control).args(["-i", "test"]);
                wpa_cli.args([&question.to_ascii_lowercase(), "0", *answer]);
                answered += usize::from(wpa_cli.output().is_ok_and(|output| {
                    String::from_utf8_lossy(&output.stdout)
                        .trim_end()
                        .ends_with("OK")
                }));
            }
            process.try_wait().is_ok_and(|status| status.is_some())
        });
        if !ended {
            let _ = process.kill();
        }
        let status = process.wait().expect("eapol_test ends");
        Outcome::of(status.success(), read())
    }

    fn command(&self, config: &Path, server: SocketAddr, secret: &str) -> Command {
        let mac = hex::encode(self.mac);
        let mac: Vec<&str> = (0..12)
            .step_by(2)
            .filter_map(|at| mac.get(at..at + 2))
            .collect();
        // Line by line, so that its questions are seen when it asks them.
        let mut command = Command::new(program::peer("stdbuf", "coreutils"));
        command
            .arg("-oL")
            .arg(program::peer("eapol_test", "eapoltest"));
        command
            .arg("-c")
            .arg(config)
            .args([
                "-a",
                &server.ip().to_string(),
                "-p",
                &server.port().to_string(),
                "-s",
                secret,
            ])
            .args([
                "-t",
                "15",
                "-r",
                &self.again.to_string(),
                "-M",
                &mac.join(":"),
            ])
            .args(["-C", "CONNECT 1000Mbps 802.3", "-N", "61:d:15"]);
        if !self.ssid.is_empty() {
            let called = format!("30:s:00-1B-0D-63-C2-26:{}", self.ssid);
            command.args(["-N", &called]);
        }
        if !self.source.is_empty() {
            command.args(["-A", self.source]);
        }
        if self.key_name {
            command.arg("-e");
        }
        command
    }

    fn config(&self, with_password: bool) -> String {
        let (eap, phase2) = self.method.names();
        let version = match self.version {
            TlsVersion::V12 => "tls_disable_tlsv1_3=1",
            TlsVersion::V13 => {
                "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=0"
            }
        };
        let mut text = format!(
            "network={{\n\tkey_mgmt=WPA-EAP\n\teap={eap}\n\tidentity=\"{}\"\n\tca_cert=\"{}\"\n\
             \tphase1=\"{version} {}\"\n\tfragment_size={}\n",
            self.identity,
            self.ca.display(),
            self.phase1,
            self.fragment_size
        );
        // Writing into a String cannot fail.
        if !self.ciphers.is_empty() {
            let _ = writeln!(text, "\topenssl_ciphers=\"{}\"", self.ciphers);
        }
        if self.ocsp != 0 {
            let _ = writeln!(text, "\tocsp={}", self.ocsp);
        }
        if let Some(phase2) = phase2 {
            let _ = writeln!(
                text,
                "\tphase2=\"{phase2}\"\n\tanonymous_identity=\"{}\"",
                self.anonymous
            );
            if with_password {
                let _ = writeln!(text, "\tpassword=\"{}\"", self.password);
            }
        }
        if let Some(Credential { certificate, key }) = self.credential {
            let (certificate, key) = (certificate.display(), key.display());
            // What stands there with a 2 is for inside the tunnel.
            let inside = match self.method.certificate_inside() {
                true => "2",
                false => "",
            };
            if !inside.is_empty() {
                let _ = writeln!(text, "\tca_cert2=\"{}\"", self.ca.display());
            }
            let _ = writeln!(text, "\tclient_cert{inside}=\"{certificate}\"");
            let _ = writeln!(text, "\tprivate_key{inside}=\"{key}\"");
        }
        text.push_str("}\n");
        if !self.ciphers.is_empty() {
            // The network's own come after its certificate is loaded, which OpenSSL may find too weak before.
            text.insert_str(0, &format!("openssl_ciphers={}\n", self.ciphers));
        }
        text
    }
}

/// What eapol_test saw.
#[derive(Debug)]
pub struct Outcome {
    /// Accepted every time, and the MPPE keys were the right ones.
    pub success: bool,
    /// Everything it printed.
    pub log: String,
}

impl Outcome {
    fn of(ended_well: bool, log: String) -> Self {
        Self {
            success: ended_well && log.trim_end().ends_with("SUCCESS"),
            log,
        }
    }

    /// Per authentication that ended in an Accept: whether its TLS handshake was a resumption.
    #[must_use]
    pub fn resumptions(&self) -> Vec<bool> {
        let parts: Vec<&str> = self.log.split("(Access-Accept) identifier=").collect();
        let ended = parts.len().saturating_sub(1);
        let flag = |part: &&str| {
            part.rsplit_once("Handshake finished - resumed=")
                .is_some_and(|(_, flag)| flag.starts_with('1'))
        };
        parts.iter().take(ended).map(flag).collect()
    }

    /// The VLAN of each Access-Accept, in order.
    #[must_use]
    pub fn vlans(&self) -> Vec<Option<String>> {
        let accepts = self.log.split("(Access-Accept) identifier=").skip(1);
        let vlan = |accept: &str| {
            let body = accept.split("RADIUS message:").next()?;
            let value = body
                .split_once("(Tunnel-Private-Group-Id)")?
                .1
                .split_once("Value: ")?
                .1
                .lines()
                .next()?;
            let octets = hex::decode(value.trim()).ok()?;
            let text = match octets.as_slice() {
                [0..=0x1f, rest @ ..] => rest,
                whole => whole,
            };
            Some(String::from_utf8_lossy(text).into_owned())
        };
        accepts.map(vlan).collect()
    }

    /// Whether the handshake used `version`.
    #[must_use]
    pub fn used(&self, version: TlsVersion) -> bool {
        self.log
            .contains(&format!("SSL: Using TLS version {}", version.name()))
    }

    /// Whether the server's EAP-Key-Name was the Session-Id that the supplicant derived.
    #[must_use]
    pub fn key_name_matches(&self) -> bool {
        self.log
            .contains("Locally derived EAP Session-Id matches EAP-Key-Name from server")
    }

    /// How many keys matched, and how many did not.
    #[must_use]
    pub fn keys(&self) -> Option<(u32, u32)> {
        let (_, rest) = self.log.split_once("MPPE keys OK: ")?;
        let (right, rest) = rest.split_once(" ")?;
        let wrong = rest.split_once("mismatch: ")?.1.split_whitespace().next()?;
        Some((right.trim().parse().ok()?, wrong.parse().ok()?))
    }

    /// The last lines, for a failure message.
    #[must_use]
    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}
