//! What this crate's tests share.

use nac_store::{NodeStatus, OsqueryNode};
use uuid::Uuid;

/// A Linux node with nothing special.
pub(crate) fn node() -> OsqueryNode {
    OsqueryNode {
        id: Uuid::from_u128(1),
        node_key_sha256: "00".repeat(32),
        device_id: None,
        enroll_secret_id: None,
        enroll_device_bound: false,
        host_identifier: "host".to_owned(),
        platform: "linux".to_owned(),
        hardware_uuid: "4C4C4544-0000-1111-2222-333344445555".to_owned(),
        hardware_serial: "SN1".to_owned(),
        instance_id: "instance".to_owned(),
        hostname: "lap1".to_owned(),
        os_name: "Debian".to_owned(),
        os_version: "12".to_owned(),
        osquery_version: "5.20.0".to_owned(),
        client_spki: None,
        client_asserted_id: None,
        macs: Vec::new(),
        source_ip: String::new(),
        status: NodeStatus::Active,
        enrolled_us: 0,
        last_seen_us: 0,
    }
}
