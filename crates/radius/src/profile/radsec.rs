//! What to type at a NAS so that it asks this server over TLS (RFC 6614), as far as its vendor's manual is known here.

use serde::Deserialize;

use super::VendorProfile;
use super::configuration::is_name;

/// What is filled into a vendor's template for RADIUS over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadSecNas<'a> {
    /// The name or address by which the NAS reaches the server; it must be one that the server's certificate holds.
    pub server: &'a str,
    /// The server's TCP port.
    pub port: u16,
    /// The name in the NAS's certificate.
    pub name: &'a str,
}

/// A vendor's template for RADIUS over TLS; empty where its commands are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RadSec {
    /// Remarks for whoever types it.
    notes: Vec<String>,
    text: String,
}

impl VendorProfile {
    /// Whether this vendor's own commands for RADIUS over TLS are known here.
    pub fn knows_radsec(&self) -> bool {
        !self.configuration.radsec.text.is_empty()
    }

    /// What makes a NAS of this vendor ask over TLS: its server, its certificate and the authority, nothing of ports
    /// and roles, which are as over UDP. Where the vendor's commands are not known that is said, and radsecproxy is
    /// set up to stand beside the NAS.
    pub fn radsec_configuration(&self, nas: &RadSecNas<'_>) -> String {
        // A name that would mean something in the vendor's syntax is not written into it.
        let name = if is_name(nas.name) { nas.name } else { "NAS" };
        let fill = |template: &str| {
            template
                .replace("{server}", nas.server)
                .replace("{radsec_port}", &nas.port.to_string())
                .replace("{name}", name)
        };
        let generic = Self::by_name("generic").unwrap_or(self);
        let source = if self.knows_radsec() { self } else { generic };
        let comment = &source.configuration.comment;
        let mut out = format!("{comment} {}: RADIUS over TLS\n", self.title);
        let mut say = |note: &str| out += &format!("{comment} {note}\n");
        if !self.knows_radsec() {
            say(
                "How this equipment is told to speak RADIUS over TLS, or whether it can, is not known here: see its manual.",
            );
            say("Where it cannot, radsecproxy stands beside it and takes its UDP:");
        }
        say(&format!(
            "{name}.crt, {name}.key and ca.crt come from: nac certificate issue --nas {name} --out DIR"
        ));
        for note in &source.configuration.radsec.notes {
            say(&fill(note));
        }
        out + &fill(&source.configuration.radsec.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAS: RadSecNas<'_> = RadSecNas {
        server: "nac.example.org",
        port: 12_083,
        name: "sw1.example.org",
    };

    fn written(vendor: &str, nas: &RadSecNas<'_>) -> String {
        let profile = VendorProfile::by_name(vendor).expect("embedded");
        profile.radsec_configuration(nas)
    }

    #[test]
    fn every_vendor_is_told_the_server_and_its_port_and_no_placeholder_is_left() {
        for profile in VendorProfile::embedded() {
            let text = profile.radsec_configuration(&NAS);
            assert!(text.contains(&profile.title), "{text}");
            for part in ["nac.example.org", "12083", "sw1.example.org.crt", "ca.crt"] {
                assert!(text.contains(part), "{}: {part}: {text}", profile.name);
            }
            for left in ["{server}", "{secret}", "_port}", "{name}"] {
                assert!(!text.contains(left), "{}: {left}: {text}", profile.name);
            }
            assert_eq!(
                text.contains("is not known here"),
                !profile.knows_radsec(),
                "{}: {text}",
                profile.name
            );
        }
    }

    /// RFC 6614 section 2.3.
    #[test]
    fn the_shared_secret_over_tls_is_the_word_radsec() {
        assert!(written("cisco-ios", &NAS).contains("\n key radsec\n"));
        assert!(written("hostapd", &NAS).contains("auth_server_shared_secret=radsec\n"));
        assert!(written("generic", &NAS).contains("\n    secret radsec\n"));
    }

    #[test]
    fn a_vendor_whose_commands_are_unknown_gets_radsecproxy_and_is_told_why() {
        let text = written("unifi", &NAS);
        assert!(text.contains("see its manual"), "{text}");
        assert!(text.contains("\nserver nac {\n    type tls\n"), "{text}");
        let generic = written("generic", &NAS);
        assert!(!generic.contains("see its manual"), "{generic}");
    }

    #[test]
    fn a_name_that_means_something_to_the_nas_is_not_written_into_its_configuration() {
        for name in ["spiffe://a/b", "x\"}", "x\nno aaa new-model", ""] {
            let text = written("generic", &RadSecNas { name, ..NAS });
            assert!(text.contains("/NAS.crt"), "{text}");
            assert!(name.is_empty() || !text.contains(name), "{text}");
        }
    }
}
