//! What to type at a NAS so that it asks this server: a template of its vendor, filled in.

use serde::Deserialize;

use super::VendorProfile;
use super::radsec::RadSec;
use crate::Code;

/// What is filled into a vendor's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NasSettings<'a> {
    /// The name or address by which the NAS reaches the server.
    pub server: &'a str,
    /// The shared secret, or a word that stands for it.
    pub secret: &'a str,
    /// The server's port for Access-Requests.
    pub auth_port: u16,
    /// The server's port for Accounting-Requests.
    pub acct_port: u16,
    /// The NAS's port for CoA and Disconnect, where it is not the vendor's usual one.
    pub coa_port: Option<u16>,
    /// The names of the redirect ACLs that segments use, which must exist on the NAS.
    pub redirect_acls: &'a [String],
    /// The names of the roles that segments use, which must exist on the NAS.
    pub roles: &'a [String],
}

/// A vendor's template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Configuration {
    /// What begins a comment.
    pub(super) comment: String,
    /// Remarks for whoever types it.
    notes: Vec<String>,
    text: String,
    redirect_acl: String,
    pub(super) radsec: RadSec,
}

impl VendorProfile {
    /// The configuration of a NAS of this vendor: AAA, ports with 802.1X and MAC authentication, CoA, and the ACLs of
    /// redirects. Somebody has to read it and name the right ports.
    pub fn configuration(&self, settings: &NasSettings<'_>) -> String {
        let Configuration {
            comment,
            notes,
            text,
            redirect_acl,
            radsec: _,
        } = &self.configuration;
        let mut out = format!("{comment} {}\n", self.title);
        for note in notes {
            out += &format!("{comment} {}\n", self.fill(note, settings));
        }
        let names = |what: &str, names: &[String]| {
            let names: Vec<&str> = names
                .iter()
                .map(String::as_str)
                .filter(|name| is_name(name))
                .collect();
            match names.as_slice() {
                [] => String::new(),
                names => format!("{comment} {what}: {}\n", names.join(", ")),
            }
        };
        out += &names("Segments use these roles", settings.roles);
        out += &names("Segments use these redirect ACLs", settings.redirect_acls);
        out += &self.fill(text, settings);
        if !redirect_acl.is_empty() {
            for acl in settings.redirect_acls.iter().filter(|acl| is_name(acl)) {
                out += &self.fill(redirect_acl, settings).replace("{acl}", acl);
            }
        }
        out
    }

    /// The secret goes in last, so that nothing inside it is replaced.
    fn fill(&self, template: &str, settings: &NasSettings<'_>) -> String {
        let coa_port = settings.coa_port.unwrap_or_else(|| self.coa_port());
        template
            .replace("{server}", settings.server)
            .replace("{auth_port}", &settings.auth_port.to_string())
            .replace("{acct_port}", &settings.acct_port.to_string())
            .replace("{coa_port}", &coa_port.to_string())
            .replace("{secret}", settings.secret)
    }

    /// Where equipment of this vendor listens for CoA and Disconnect unless it is told otherwise.
    pub fn coa_port(&self) -> u16 {
        let ladder = self.ladder();
        let coa = ladder.iter().find(|step| step.code == Code::CoaRequest);
        coa.or_else(|| ladder.first())
            .map_or(3799, |step| step.port)
    }
}

/// A name that stands on one line and means nothing else there.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !text.is_empty() && text.len() <= 128 && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings<'a>(acls: &'a [String], roles: &'a [String]) -> NasSettings<'a> {
        NasSettings {
            server: "192.0.2.1",
            secret: "{server}-SECRET",
            auth_port: 11_812,
            acct_port: 11_813,
            coa_port: None,
            redirect_acls: acls,
            roles,
        }
    }

    #[test]
    fn every_vendor_has_a_template_and_no_placeholder_is_left() {
        let acls = ["PORTAL".to_owned()];
        let roles = ["staff".to_owned()];
        for profile in VendorProfile::embedded() {
            let text = profile.configuration(&settings(&acls, &roles));
            assert!(text.contains("192.0.2.1"), "{}: {text}", profile.name);
            // A secret that looks like a placeholder stays as it is.
            assert!(text.contains("{server}-SECRET"), "{}: {text}", profile.name);
            let rest = text.replace("{server}-SECRET", "");
            for left in ["{server}", "{secret}", "_port}", "{acl}"] {
                assert!(!rest.contains(left), "{}: {left} in {text}", profile.name);
            }
            assert!(text.contains("roles: staff"), "{}: {text}", profile.name);
        }
    }

    #[test]
    fn redirect_acls_are_written_out_where_the_vendor_has_them_on_the_nas() {
        let acls = ["PORTAL".to_owned(), "evil\nno aaa new-model".to_owned()];
        let cisco = VendorProfile::by_name("cisco-ios").expect("embedded");
        let text = cisco.configuration(&settings(&acls, &[]));
        assert!(text.contains("ip access-list extended PORTAL\n"), "{text}");
        assert!(text.contains("deny ip any host 192.0.2.1\n"), "{text}");
        assert!(!text.contains("no aaa new-model"), "{text}");
        assert!(
            text.contains("address ipv4 192.0.2.1 auth-port 11812 acct-port 11813"),
            "{text}"
        );
        assert!(text.contains("\n port 1700\n"), "{text}");
    }

    #[test]
    fn the_port_of_the_client_counts_before_the_vendors() {
        let hostapd = VendorProfile::by_name("hostapd").expect("embedded");
        assert_eq!(hostapd.coa_port(), 3799);
        let text = hostapd.configuration(&NasSettings {
            coa_port: Some(3800),
            ..settings(&[], &[])
        });
        assert!(text.contains("radius_das_port=3800\n"), "{text}");
    }
}
