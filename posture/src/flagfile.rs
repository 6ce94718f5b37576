//! The flag file that an endpoint's osqueryd starts with.

use std::fmt::Write as _;

/// What differs from one installation to the next. Paths are paths on the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagfileSettings {
    /// `nac.example.org:8443`: where osqueryd reports to.
    pub hostname_port: String,
    /// The file with our authority's certificate, PEM.
    pub ca_path: String,
    /// The file with the enrolment secret.
    pub secret_path: String,
    /// The files with the device's certificate chain and key, PEM. They give the best binding.
    pub client_certificate: Option<(String, String)>,
}

impl Default for FlagfileSettings {
    fn default() -> Self {
        Self {
            hostname_port: "nac.example.org:8443".to_owned(),
            ca_path: "/etc/osquery/nac-ca.pem".to_owned(),
            secret_path: "/etc/osquery/nac-enroll-secret".to_owned(),
            client_certificate: None,
        }
    }
}

/// Writes the flag file. Enrolment is tried for ever and the configuration is kept on disk, because
/// the endpoint may start in a segment from which this server cannot be reached yet.
pub fn flagfile(settings: &FlagfileSettings) -> String {
    let mut file = format!(
        "--tls_hostname={}\n--tls_server_certs={}\n--host_identifier=uuid\n\
         --enroll_secret_path={}\n",
        one_line(&settings.hostname_port),
        one_line(&settings.ca_path),
        one_line(&settings.secret_path)
    );
    file.push_str(FIXED);
    if let Some((certificate, key)) = &settings.client_certificate {
        // Writing to a String cannot fail.
        let _ = write!(
            file,
            "--tls_client_cert={}\n--tls_client_key={}\n",
            one_line(certificate),
            one_line(key)
        );
    }
    file
}

/// A value may not start another flag.
fn one_line(value: &str) -> String {
    value
        .chars()
        .filter(|character| !character.is_control())
        .collect()
}

const FIXED: &str = "\
--enroll_tls_endpoint=/api/v1/osquery/enroll
--tls_enroll_max_attempts=0
--tls_enroll_max_interval=60
--config_plugin=tls
--config_tls_endpoint=/api/v1/osquery/config
--config_refresh=60
--config_accelerated_refresh=30
--config_enable_backup=true
--logger_plugin=tls
--logger_tls_endpoint=/api/v1/osquery/log
--logger_tls_period=10
--logger_tls_max_lines=256
--logger_tls_max_linesize=262144
--logger_tls_compress=true
--disable_distributed=false
--distributed_plugin=tls
--distributed_interval=10
--distributed_tls_read_endpoint=/api/v1/osquery/distributed/read
--distributed_tls_write_endpoint=/api/v1/osquery/distributed/write
--disable_caching=true
--disable_tables=curl,curl_certificate,carves,shell_history,process_envs
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_every_endpoint_and_has_one_flag_a_line() {
        let file = flagfile(&FlagfileSettings::default());
        assert_eq!(file.lines().count(), 25);
        assert!(
            file.lines()
                .all(|line| line.starts_with("--") && line.contains('='))
        );
        assert!(file.starts_with("--tls_hostname=nac.example.org:8443\n"));
        assert!(!file.contains("tls_client"));
    }

    #[test]
    fn a_device_certificate_adds_its_two_flags() {
        let settings = FlagfileSettings {
            client_certificate: Some(("/a.pem".to_owned(), "/a.key\n--evil=1".to_owned())),
            ..FlagfileSettings::default()
        };
        let file = flagfile(&settings);
        assert!(file.contains("\n--tls_client_cert=/a.pem\n--tls_client_key=/a.key--evil=1\n"));
        assert_eq!(file.lines().count(), 27);
    }
}
