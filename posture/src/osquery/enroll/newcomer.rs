//! What a host says of itself when it enrols, and which of that tells it from another.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use nac_pki::CertificateFacts;
use nac_store::{EnrollSecret, NodeStatus, OsqueryNode};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::gate::PostureGate;
use crate::osquery::capped;
use crate::osquery::details::MAX_TEXT;
use crate::settings::TlsPeer;

/// What a host says of itself, and what its connection proved.
#[derive(Clone, Debug, Default)]
pub(in crate::osquery) struct Newcomer {
    pub(super) host_identifier: String,
    pub(super) platform: String,
    pub(super) hardware_uuid: String,
    pub(super) hardware_serial: String,
    pub(super) instance_id: String,
    pub(super) hostname: String,
    pub(super) os_name: String,
    pub(super) os_version: String,
    pub(super) osquery_version: String,
    pub(super) spki: Option<String>,
    pub(super) asserted_id: Option<String>,
    pub(super) source_ip: String,
}

impl Newcomer {
    pub(super) fn read(request: &Map<String, Value>, peer: Option<&TlsPeer>) -> Self {
        let table = |name: &str| {
            request
                .get("host_details")
                .and_then(|all| all.get(name))
                .and_then(Value::as_object)
        };
        let text = |name: &str, column: &str| {
            let text = table(name)
                .and_then(|row| row.get(column))
                .and_then(Value::as_str);
            capped(text.unwrap_or_default(), MAX_TEXT).trim().to_owned()
        };
        let facts = peer.and_then(certificate);
        let identifier = request.get("host_identifier").and_then(Value::as_str);
        let hostname = text("system_info", "hostname");
        let computer_name = text("system_info", "computer_name");
        Self {
            host_identifier: capped(identifier.unwrap_or_default(), MAX_TEXT),
            platform: platform(
                request.get("platform_type"),
                &text("os_version", "platform"),
            ),
            hardware_uuid: text("system_info", "uuid"),
            hardware_serial: text("system_info", "hardware_serial"),
            instance_id: text("osquery_info", "instance_id"),
            hostname: if hostname.is_empty() {
                computer_name
            } else {
                hostname
            },
            os_name: text("os_version", "name"),
            os_version: text("os_version", "version"),
            osquery_version: text("osquery_info", "version"),
            spki: facts
                .as_ref()
                .map(|facts| facts.spki_sha256.to_ascii_lowercase()),
            asserted_id: facts.and_then(|facts| facts.device_id),
            source_ip: peer
                .map(|peer| peer.address.ip().to_canonical().to_string())
                .unwrap_or_default(),
        }
    }

    /// The newcomer that a node once was.
    pub(super) fn of(record: &OsqueryNode) -> Self {
        Self {
            host_identifier: record.host_identifier.clone(),
            platform: record.platform.clone(),
            hardware_uuid: record.hardware_uuid.clone(),
            hardware_serial: record.hardware_serial.clone(),
            instance_id: record.instance_id.clone(),
            hostname: record.hostname.clone(),
            os_name: record.os_name.clone(),
            os_version: record.os_version.clone(),
            osquery_version: record.osquery_version.clone(),
            spki: record.client_spki.clone(),
            asserted_id: record.client_asserted_id.clone(),
            source_ip: record.source_ip.clone(),
        }
    }

    /// Whether UUID and instance id are those of `known`. Hosts without an instance id are never
    /// taken for one another.
    pub(super) fn is(&self, known: &OsqueryNode) -> bool {
        !self.instance_id.is_empty()
            && self.instance_id == known.instance_id
            && self
                .hardware_uuid
                .eq_ignore_ascii_case(&known.hardware_uuid)
    }

    pub(super) fn lock_number(&self, gate: &PostureGate) -> usize {
        let mut hasher = DefaultHasher::new();
        self.hardware_uuid.to_ascii_lowercase().hash(&mut hasher);
        let locks = u64::try_from(gate.shared.enrolment_locks.len())
            .unwrap_or(1)
            .max(1);
        usize::try_from(hasher.finish() % locks).unwrap_or(0)
    }

    pub(super) fn record(
        &self,
        secret: &EnrollSecret,
        status: NodeStatus,
        now_us: i64,
    ) -> OsqueryNode {
        OsqueryNode {
            id: Uuid::now_v7(),
            node_key_sha256: String::new(),
            device_id: None,
            enroll_secret_id: Some(secret.id),
            enroll_device_bound: secret.device_id.is_some(),
            host_identifier: self.host_identifier.clone(),
            platform: self.platform.clone(),
            hardware_uuid: self.hardware_uuid.clone(),
            hardware_serial: self.hardware_serial.clone(),
            instance_id: self.instance_id.clone(),
            hostname: self.hostname.clone(),
            os_name: self.os_name.clone(),
            os_version: self.os_version.clone(),
            osquery_version: self.osquery_version.clone(),
            client_spki: self.spki.clone(),
            client_asserted_id: self.asserted_id.clone(),
            macs: Vec::new(),
            source_ip: self.source_ip.clone(),
            status,
            enrolled_us: now_us,
            last_seen_us: now_us,
        }
    }
}

/// What the leaf of the client's chain says; the listener has verified the chain.
pub(in crate::osquery) fn certificate(peer: &TlsPeer) -> Option<CertificateFacts> {
    let leaf = peer.certificates.first()?;
    CertificateFacts::read(leaf).ok()
}

/// osquery sends a bit mask as text; fleetd-chrome sends none.
fn platform(mask: Option<&Value>, os_platform: &str) -> String {
    let mask = match mask {
        Some(Value::String(text)) => text.trim().parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        _ => 0,
    };
    let name = match mask {
        _ if os_platform == "chrome" => "chrome",
        mask if mask & 2 != 0 => "windows",
        mask if mask & 16 != 0 => "darwin",
        mask if mask & 8 != 0 => "linux",
        _ if os_platform == "windows" => "windows",
        _ if os_platform == "darwin" => "darwin",
        _ => "",
    };
    name.to_owned()
}

/// A UUID that tells one machine from another, lower case. Boards without one carry a placeholder.
pub(in crate::osquery) fn meaningful_uuid(text: &str) -> Option<String> {
    const PLACEHOLDERS: [u128; 7] = [
        0,
        u128::MAX,
        0x0300_0200_0400_0500_0006_0007_0008_0009,
        0x0302_0100_0504_0706_0809_0a0b_0c0d_0e0f,
        0x1000_0000_0000_8000_0040_0000_0000_0000,
        0x1234_5678_1234_5678_90ab_cdde_efaa_bbcc,
        0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f,
    ];
    let uuid = Uuid::try_parse(text.trim()).ok()?;
    (!PLACEHOLDERS.contains(&uuid.as_u128())).then(|| uuid.to_string())
}

/// A serial number that tells one machine from another.
pub(super) fn meaningful_serial(text: &str) -> Option<String> {
    const PLACEHOLDERS: [&str; 12] = [
        "none",
        "n/a",
        "na",
        "unknown",
        "default string",
        "system serial number",
        "to be filled by o.e.m.",
        "not specified",
        "not available",
        "not applicable",
        "chassis serial number",
        "123456789",
    ];
    let serial = text.trim().to_lowercase();
    let repeated = serial
        .chars()
        .all(|character| serial.starts_with(character));
    let placeholder = PLACEHOLDERS.contains(&serial.as_str());
    (serial.len() >= 4 && !repeated && !placeholder).then_some(serial)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholder_uuids_and_serials_tell_nothing() {
        for text in [
            "",
            "junk",
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
        ] {
            assert_eq!(meaningful_uuid(text), None, "{text}");
        }
        let uuid = "4C4C4544-0034-5A10-8050-B7C04F4A3233";
        assert_eq!(meaningful_uuid(uuid), Some(uuid.to_lowercase()));
        for text in ["", " ", "0000000", "None", "To be filled by O.E.M.", "abc"] {
            assert_eq!(meaningful_serial(text), None, "{text}");
        }
        assert_eq!(meaningful_serial(" C02X1 "), Some("c02x1".to_owned()));
    }

    #[test]
    fn the_platform_follows_the_bit_mask() {
        for (mask, os, expected) in [
            (json!("9"), "ubuntu", "linux"),
            (json!("21"), "darwin", "darwin"),
            (json!("2"), "windows", "windows"),
            (json!("0"), "chrome", "chrome"),
            (Value::Null, "darwin", "darwin"),
            (json!("junk"), "plan9", ""),
        ] {
            assert_eq!(platform(Some(&mask), os), expected, "{mask} {os}");
        }
    }
}
