//! The texts of `nac init`: the configuration file, and what to do next.

use std::net::{IpAddr, UdpSocket};

use nac_radius::{NasSettings, VendorProfile};

use super::Created;

/// The configuration of a new installation. Everything that has a default stands there as a comment.
pub(super) fn configuration(names: &[String], database: Option<&str>) -> String {
    let public_name = names.first().map_or("localhost", String::as_str);
    let database = database.unwrap_or("sqlite://nac.db");
    format!(
        r##"# Configuration of nac: listeners, paths, certificates, logs. Everything that changes daily (clients,
# users, devices, segments, policy) is in the database; see `nac --help`.
# Check this file with `nac config check`. A running server reads it again on SIGHUP.
# Relative paths belong to the folder of this file.

[radius]
listen_auth = "0.0.0.0:1812"
listen_acct = "0.0.0.0:1813"
# reject_delay = "1s"              # a reject waits for so long, which slows guessing down; "0s" to "5s"

# RADIUS over TLS, for NASes with a certificate; docs/radsec.md
# [radsec]
# listen = "0.0.0.0:2083"
# certificate = "tls/radsec.crt"   # that of [eap] unless named
# key = "tls/radsec.key"
# client_ca = ["nas-ca.crt"]       # the built-in authority unless named
# idle_timeout = "1h"

[portal]
# Browsers and osquery, over HTTPS. It must be reachable from every segment, quarantine included.
listen = "0.0.0.0:8443"
public_name = {public_name}
# listen_http = "0.0.0.0:80"       # answers the probes of captive devices, and leads them to the portal
# certificate = "tls/portal.crt"   # that of [eap] unless named
# key = "tls/portal.key"

[admin]
# The admin pages and the API. Only this machine reaches them until another address stands here.
listen = "127.0.0.1:9443"
# public_name = "nac.example.org"   # the name that administrators type; passkeys belong to it

[metrics]
listen = "127.0.0.1:9812"

[database]
# or "postgres://user:password@host/database"
url = {database}

[secrets]
# Without this file the secrets in the database are lost: back it up apart from the database.
sealing_key_file = "sealing.key"

[eap]
certificate = "tls/server.crt"
key = "tls/server.key"
client_ca = ["ca.crt"]
# methods = ["EAP-TLS", "PEAP", "EAP-TTLS", "TEAP"]
# What may run inside PEAP, EAP-TTLS and TEAP, the preferred one first.
# inner_methods = ["EAP-MSCHAPv2", "EAP-GTC", "EAP-TLS", "PAP", "CHAP", "MS-CHAP", "MS-CHAPv2"]
# crypto_binding = "optional"          # of PEAP: "off", "optional", "required"
# ttls_client_certificate = "off"      # "optional": EAP-TTLS asks for one beside the password
# tls = "1.2+1.3"
# session_lifetime = "8h"
# session_store = "memory"             # "database": resumed after a restart, and by every server on this database
# second_certificate = "tls/rsa.crt"   # for supplicants that cannot verify the first: RSA beside ECDSA
# second_key = "tls/rsa.key"
# stapled_ocsp = ["tls/server.ocsp"]   # handed out with the certificate that it is about
# post_quantum = false                 # prefer X25519MLKEM768: 1.1 KiB more each way
# certificate_identity = ["san-upn", "san-email", "subject-cn"]   # besides "san-uri", "san-dns"
# Revocation lists of the authorities in client_ca besides the built-in one; files or http:// URLs.
# crl = ["http://pki.example.org/corporate.crl"]
# crl_issuer = ["corporate-users.crt"] # intermediate authorities that sign lists
# crl_refresh = "1h"
# revocation_unknown = "refuse"        # "accept": where no list says anything

[identity]
# anna@example.org and EXAMPLE\anna are the user anna.
# realms = ["example.org"]
# nt_domains = ["EXAMPLE"]             # without it, every Windows domain

[posture]
# checks_dir = "checks"
# max_age_seconds = 900

[log]
# format = "json"
# level = "info"
"##,
        public_name = quoted(public_name),
        database = quoted(database),
    )
}

/// What `nac init` prints.
pub(super) fn text(created: &Created) -> String {
    let config = created.config.display().to_string();
    let nac = format!("nac --config {}", shell(&config));
    let server =
        own_address().map_or_else(|| "ADDRESS-OF-THIS-SERVER".to_owned(), |a| a.to_string());
    format!(
        "Created {folder}

Fingerprint (SHA-256) of the certificate authority, for supplicants to compare:
  {fingerprint}
Its certificate, for supplicants and endpoints to trust:
  {ca}

Next:
  1. Let a switch or an access point ask; this prints its shared secret:
       {nac} client add switch-1 --address 192.0.2.10
  2. Add somebody (--mschap allows PEAP-MSCHAPv2; without it, certificates and TTLS-PAP only):
       {nac} user add alice --group staff --password-prompt --mschap
  3. Start the server:
       nac serve --config {config_shell}
     and become its first administrator in a browser of this machine, by a link that works once, for a day:
       {admin_link}
     (later: {nac} admin invite --role owner)
  4. Try it from another terminal of this machine, which becomes a client for that:
       (umask 077; openssl rand -hex 16 > {probe_secret})
       {nac} client add here --address 127.0.0.1 --secret-file {probe_secret}
       nac probe peap --secret-file {probe_secret} --user alice --password-prompt --ca {ca_shell}
       {nac} why alice

On a Cisco IOS switch (added with --vendor cisco-ios; replace SECRET by the one from step 1):
{ios}
In hostapd.conf (added with --vendor hostapd):
{hostapd}
For osquery on an endpoint: {nac} posture flagfile --out DIR
Back up {key} apart from the database: without it the secrets in the database are lost.
",
        folder = created.folder.display(),
        fingerprint = created.ca_fingerprint_sha256,
        ca = created.ca_certificate.display(),
        config_shell = shell(&config),
        admin_link = created.admin_link,
        probe_secret = shell(&created.folder.join("probe-secret").display().to_string()),
        ca_shell = shell(&created.ca_certificate.display().to_string()),
        ios = nas("cisco-ios", &server),
        hostapd = nas("hostapd", &server),
        key = created.folder.join("sealing.key").display(),
    )
}

/// Lines for a NAS of this vendor, without the remarks.
fn nas(vendor: &str, server: &str) -> String {
    let settings = NasSettings {
        server,
        secret: "SECRET",
        auth_port: 1812,
        acct_port: 1813,
        coa_port: None,
        redirect_acls: &[],
        roles: &[],
    };
    let text = VendorProfile::by_name(vendor).map(|profile| profile.configuration(&settings));
    let lines = text.iter().flat_map(|text| text.lines());
    lines
        .filter(|line| !line.starts_with(['!', '#']))
        .map(|line| format!("  {line}\n"))
        .collect()
}

/// The address from which this machine reaches others. Connecting a UDP socket sends nothing; it only
/// asks the routing table.
pub(in crate::cli) fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

/// This machine's name, when it is one that a certificate can hold.
pub(super) fn host_name() -> String {
    let name = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .into_iter()
        .find_map(|file| std::fs::read_to_string(file).ok())
        .map(|name| name.trim().to_owned());
    name.filter(|name| rustls::pki_types::DnsName::try_from(name.as_str()).is_ok())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// A TOML text.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A path as one word of a shell's command line.
fn shell(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:=,".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}
