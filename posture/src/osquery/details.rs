//! Details of a host: what it is called, what runs on it, which MAC addresses it has. Everything
//! here is the host's own claim, so it names and describes, and proves nothing.

use std::sync::Arc;

use nac_store::{IdentifierKind, NodeStatus, StoreError, mac_normalise};
use serde_json::Value;

use super::capped;
use super::distributed::AnswerRow;
use super::enroll::meaningful_uuid;
use crate::check::discovery;
use crate::gate::PostureGate;
use crate::node::Node;

/// The most MAC addresses that are kept of one host.
const MAX_MACS: usize = 32;
/// Descriptions are cut to so many characters.
pub(super) const MAX_TEXT: usize = 128;

const DESKTOP: [&str; 4] = ["system_info", "os_version", "osquery_info", "macs"];

/// The details asked of a platform.
pub(super) fn names(_platform: &str) -> &'static [&'static str] {
    &DESKTOP
}

/// The query and the discovery query for one detail.
pub(super) fn query(platform: &str, detail: &str) -> Option<(&'static str, String)> {
    let (query, tables): (_, &[&str]) = match (detail, platform) {
        ("system_info", _) => (
            "SELECT hostname, computer_name, uuid, hardware_serial FROM system_info;",
            &["system_info"],
        ),
        ("os_version", _) => (
            "SELECT name, version, platform FROM os_version;",
            &["os_version"],
        ),
        ("osquery_info", _) => (
            "SELECT version, instance_id FROM osquery_info;",
            &["osquery_info"],
        ),
        ("macs", "chrome") => (
            "SELECT mac FROM network_interfaces WHERE mac <> '';",
            &["network_interfaces"],
        ),
        ("macs", _) => (
            "SELECT DISTINCT d.interface, d.mac FROM interface_details d \
             LEFT JOIN interface_addresses a USING (interface) \
             WHERE d.mac NOT IN ('', '00:00:00:00:00:00') \
             ORDER BY a.address IS NULL, d.interface LIMIT 64;",
            &["interface_details", "interface_addresses"],
        ),
        _ => return None,
    };
    let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
    Some((query, discovery(&tables)))
}

/// Details from one write.
#[derive(Debug, Default)]
pub(super) struct Found {
    hostname: Option<String>,
    hardware_uuid: Option<String>,
    hardware_serial: Option<String>,
    os: Option<(String, String)>,
    osquery_version: Option<String>,
    macs: Option<Vec<String>>,
}

impl Found {
    pub(super) fn collect(&mut self, detail: &str, rows: &[AnswerRow]) {
        if detail == "macs" {
            self.macs = Some(macs(rows));
            return;
        }
        let Some(row) = rows.first() else { return };
        let text = |column: &str| {
            let text = row.get(column).and_then(Value::as_str).unwrap_or_default();
            let text = capped(text, MAX_TEXT).trim().to_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        match detail {
            "system_info" => {
                self.hostname = text("hostname").or_else(|| text("computer_name"));
                self.hardware_uuid = text("uuid");
                self.hardware_serial = text("hardware_serial");
            }
            "os_version" => {
                self.os = text("name").map(|name| (name, text("version").unwrap_or_default()));
            }
            "osquery_info" => self.osquery_version = text("version"),
            _ => {}
        }
    }
}

/// Puts details into the record; gives the MAC addresses that are new.
pub(super) fn apply(gate: &PostureGate, node: &Arc<Node>, found: Found) -> Vec<String> {
    let mut new_macs = Vec::new();
    {
        let mut state = node.lock();
        let before = state.record.clone();
        let record = &mut state.record;
        let moved = found
            .hardware_uuid
            .as_deref()
            .and_then(meaningful_uuid)
            .zip(meaningful_uuid(&record.hardware_uuid))
            .is_some_and(|(now, then)| now != then);
        if moved && record.status == NodeStatus::Active {
            // One key, two machines: somebody copied it.
            tracing::warn!(node = %record.id, "the node key is used from another machine");
            record.status = NodeStatus::Pending;
            state.unwritten.status = true;
        }
        let record = &mut state.record;
        record.hostname = found.hostname.unwrap_or_else(|| record.hostname.clone());
        if record.hardware_serial.is_empty() {
            record.hardware_serial = found.hardware_serial.unwrap_or_default();
        }
        if let Some((name, version)) = found.os {
            record.os_name = name;
            record.os_version = version;
        }
        if let Some(version) = found.osquery_version {
            record.osquery_version = version;
        }
        if let Some(macs) = found.macs {
            new_macs.extend(
                macs.iter()
                    .filter(|mac| !record.macs.contains(mac))
                    .cloned(),
            );
            record.macs = macs;
        }
        if before == state.record {
            return Vec::new();
        }
        if before.status != state.record.status || before.macs != state.record.macs {
            // The binding may have changed, so whoever decided on it must look again.
            state.unwritten.publish();
        }
        state.unwritten.record = true;
    }
    gate.file(node);
    new_macs
}

/// Notes MAC addresses as marks of the node's own device. Addresses that belong to another device
/// stay there, and random ones are nobody's.
pub(super) async fn note_macs(gate: &PostureGate, node: &Arc<Node>, macs: Vec<String>) {
    let device = {
        let state = node.lock();
        state
            .record
            .device_id
            .filter(|_| state.record.status == NodeStatus::Active)
    };
    let Some(device) = device else { return };
    for mac in macs.iter().filter(|mac| !locally_administered(mac)) {
        let store = &gate.shared.store;
        match store
            .device_identifier_put(device, IdentifierKind::Mac, mac, "osquery")
            .await
        {
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%device, %error, "a MAC address of a device was not stored");
                return;
            }
        }
    }
}

fn macs(rows: &[AnswerRow]) -> Vec<String> {
    let mut macs = Vec::new();
    for row in rows {
        let mac = row
            .get("mac")
            .and_then(Value::as_str)
            .and_then(mac_normalise);
        // A group address is no interface's own.
        let mac = mac.filter(|mac| mac != "00:00:00:00:00:00" && first_octet(mac) & 1 == 0);
        if let Some(mac) = mac
            && !macs.contains(&mac)
            && macs.len() < MAX_MACS
        {
            macs.push(mac);
        }
    }
    macs
}

fn locally_administered(mac: &str) -> bool {
    first_octet(mac) & 2 != 0
}

fn first_octet(mac: &str) -> u8 {
    mac.get(..2)
        .and_then(|octet| u8::from_str_radix(octet, 16).ok())
        .unwrap_or(0xff)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mac_lists_are_cleaned_and_bounded() {
        let mut rows: Vec<AnswerRow> = Vec::new();
        for mac in [
            "00-16-3E-00-00-01",
            "00:16:3e:00:00:01",
            "01:00:5e:00:00:01",
            "junk",
            "",
        ] {
            rows.push(AnswerRow::from_iter([("mac".to_owned(), json!(mac))]));
        }
        assert_eq!(macs(&rows), ["00:16:3e:00:00:01"]);
        for index in 0..100 {
            let mac = format!("00:16:3e:00:01:{index:02x}");
            rows.push(AnswerRow::from_iter([("mac".to_owned(), json!(mac))]));
        }
        assert_eq!(macs(&rows).len(), MAX_MACS);
        assert!(locally_administered("02:00:00:00:00:01"));
        assert!(!locally_administered("00:16:3e:00:00:01"));
    }
}
