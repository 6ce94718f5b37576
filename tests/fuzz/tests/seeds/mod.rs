//! Good inputs, made from real messages, for the fuzzer to begin with.

mod eap;
mod radius;

use nac_policy::STARTER_POLICY;
use serde_json::json;

/// Target, name, input.
pub(crate) type Seed = (&'static str, String, Vec<u8>);

pub(crate) fn all() -> Vec<Seed> {
    let mut seeds = radius::seeds();
    seeds.extend(eap::seeds());
    seeds.extend(policies());
    seeds.extend(osquery());
    seeds
}

fn seed(target: &'static str, name: &str, input: impl Into<Vec<u8>>) -> Seed {
    (target, name.to_owned(), input.into())
}

fn policies() -> Vec<Seed> {
    const CONDITIONS: &str = r#"// Who may come in.
@id("staff") @title("Staff on healthy laptops") @segment("staff") @order("10")
permit (principal in Group::"staff", action, resource in Site::"hq")
when { context.method == "EAP-TLS" && context.posture.verdict == "compliant" && context.device.labels.contains("laptop") }
unless { context.device.blocked };

@id("night") @mode("monitor")
forbid (principal, action, resource) when { context.time.hour < 6 || context.time.hour > 22 };
"#;
    const ODD: &str = r#"@segment("nowhere") @order("x") permit (principal == User::"a\u{62}\"", action, resource)
when { if context.nope like "a*" then true else ip("10.0.0.1").isInRange(ip("10.0.0.0/8")) };
forbid (principal == ?principal, action, resource);"#;
    vec![
        seed("policy_text", "starter", STARTER_POLICY),
        seed("policy_text", "conditions", CONDITIONS),
        seed("policy_text", "odd", ODD),
    ]
}

/// The first octet picks the endpoint; see `nac_fuzz::osquery_json`.
fn osquery() -> Vec<Seed> {
    let body = |endpoint: u8, body: &serde_json::Value| {
        [&[endpoint][..], body.to_string().as_bytes()].concat()
    };
    let answers = json!({
        "node_key": "KEY",
        "queries": {
            "nac_p.disk_encryption.NONCE": [{ "encrypted": "1" }],
            "nac_p.firewall.NONCE": [],
            "nac_p.os_updates.NONCE": "",
            "nac_d.system_info.NONCE": [{ "hostname": "lap2", "uuid": "4C4C", "hardware_serial": "SN2" }],
            "nac_d.interfaces.NONCE": [{ "interface": "eth0", "mac": "02:00:00:00:00:01", "address": "10.0.0.9" }],
            "nac_d.os_version.NONCE": [{ "name": "Debian", "version": "12", "platform": "debian" }],
        },
        "statuses": { "nac_p.firewall.NONCE": 0, "nac_p.os_updates.NONCE": "1", "nac_p.disk_encryption.NONCE": null },
        "messages": { "nac_p.os_updates.NONCE": "no such table: updates" },
    });
    let host = json!({
        "enroll_secret": "SECRET", "host_identifier": "other", "platform_type": "16",
        "host_details": {
            "os_version": { "name": "macOS", "version": "15.1", "platform": "darwin" },
            "osquery_info": { "version": "5.20.0", "instance_id": "another" },
            "system_info": { "uuid": "AAAA4544-0000-1111-2222-333344445555", "hostname": "mac", "hardware_serial": "C02" },
        },
    });
    let log =
        json!({ "node_key": "KEY", "log_type": "status", "data": [{ "line": 1, "message": "x" }] });
    vec![
        seed("osquery_json", "write", body(0, &answers)),
        seed(
            "osquery_json",
            "read",
            body(1, &json!({ "node_key": "KEY" })),
        ),
        seed("osquery_json", "log", body(2, &log)),
        seed(
            "osquery_json",
            "config",
            body(3, &json!({ "node_key": "KEY" })),
        ),
        seed("osquery_json", "enroll", body(4, &host)),
        seed(
            "osquery_json",
            "wrong-key",
            body(1, &json!({ "node_key": "guess" })),
        ),
        seed(
            "osquery_json",
            "no-json",
            *b"\x00{\"node_key\":\"KEY\",\"queries\":{\"a\":[[[",
        ),
    ]
}
