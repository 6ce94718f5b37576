//! What an Access-Accept does with the endpoint, whichever vendor's attributes say it.

use nac_radius::{Dictionary, Packet, attribute};

/// Where an Access-Accept puts the endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentSummary {
    /// The VLAN, by number or name.
    pub vlan: Option<String>,
    /// The role, as Filter-Id or in a vendor's attribute.
    pub role: Option<String>,
    /// The rules of an ACL, in order.
    pub acl: Vec<String>,
    /// Where a browser is sent.
    pub redirect: Option<String>,
    /// The name of the ACL on the NAS that says what is sent there.
    pub redirect_acl: Option<String>,
    /// After how many seconds the NAS has to ask again.
    pub session_timeout_s: Option<u32>,
}

const VLANS: [&str; 3] = [
    "Tunnel-Private-Group-Id",
    "Egress-VLAN-Name",
    "Mikrotik-Wireless-VLANID",
];
const ROLES: [&str; 6] = [
    "Filter-Id",
    "Aruba-User-Role",
    "HP-User-Role",
    "Airespace-ACL-Name",
    "Fortinet-Group-Name",
    "Ruckus-User-Groups",
];
const ACLS: [&str; 5] = [
    "NAS-Filter-Rule",
    "Aruba-NAS-Filter-Rule",
    "Huawei-Data-Filter",
    "Juniper-Switching-Filter",
    "Mikrotik-Switching-Filter",
];
const REDIRECTS: [&str; 4] = [
    "Aruba-Captive-Portal-URL",
    "HP-Captive-Portal-URL",
    "Huawei-HTTP-Redirect-URL",
    "Juniper-CWA-Redirect",
];

impl SegmentSummary {
    /// Reads the attributes that the vendor profiles of this server use, and nobody's else.
    pub(super) fn read(reply: &Packet<'_>) -> Self {
        let mut summary = Self {
            session_timeout_s: reply.integer(attribute::SESSION_TIMEOUT),
            ..Self::default()
        };
        for described in Dictionary::embedded().describe(reply) {
            let name = described.name.split(':').next().unwrap_or_default();
            summary.take(name, described.value);
        }
        summary
    }

    fn take(&mut self, name: &str, value: String) {
        let first = |place: &mut Option<String>, value: &str| {
            place.get_or_insert_with(|| value.to_owned());
        };
        if VLANS.contains(&name) {
            first(&mut self.vlan, &value);
        } else if ROLES.contains(&name) {
            first(&mut self.role, &value);
        } else if REDIRECTS.contains(&name) {
            first(&mut self.redirect, &value);
        } else if ACLS.contains(&name) {
            self.acl.push(value);
        } else if name == "Cisco-AVPair" {
            match value.split_once('=') {
                Some(("url-redirect", url)) => first(&mut self.redirect, url),
                Some(("url-redirect-acl", acl)) => first(&mut self.redirect_acl, acl),
                Some((key, rule)) if key.starts_with("ip:inacl#") => self.acl.push(rule.to_owned()),
                _ => {}
            }
        }
    }
}
