//! Rows of healthy computers.

use serde_json::json;

use crate::settings::{Fixture, HostSettings};

/// Rows that follow from the settings: who the host is and how its agent runs.
pub(crate) fn identity(settings: &HostSettings) -> Vec<Fixture> {
    let mut rows = vec![
        Fixture::new(
            "system_info",
            json!({
                "hostname": settings.hostname, "computer_name": settings.hostname,
                "uuid": settings.hardware_uuid, "hardware_serial": settings.serial,
                "hardware_vendor": "Example", "hardware_model": "Laptop 1",
                "cpu_logical_cores": 4, "physical_memory": 8_589_934_592_i64,
            }),
        ),
        Fixture::new(
            "osquery_info",
            json!({
                "pid": 4711, "uuid": settings.hardware_uuid, "instance_id": settings.instance_id,
                "version": settings.osquery_version, "config_valid": 1, "extensions": "inactive",
                "build_platform": settings.platform, "watcher": 1,
            }),
        ),
    ];
    if settings.platform == "chrome" {
        for mac in &settings.macs {
            rows.push(Fixture::new("network_interfaces", json!({ "mac": mac })));
        }
        return rows;
    }
    rows.push(Fixture::new(
        "platform_info",
        json!({ "vendor": "Example", "version": "1.0" }),
    ));
    for (index, mac) in settings.macs.iter().enumerate() {
        let interface = format!("eth{index}");
        rows.push(Fixture::new(
            "interface_details",
            json!({ "interface": interface, "mac": mac }),
        ));
    }
    rows.push(Fixture::new(
        "interface_details",
        json!({ "interface": "lo", "mac": "00:00:00:00:00:00" }),
    ));
    rows
}

/// Rows with which a host of `platform` passes every built-in check.
pub(crate) fn compliant(platform: &str) -> Vec<Fixture> {
    let mut rows = match platform {
        "linux" => linux(),
        "darwin" => macos(),
        "windows" => windows(),
        "chrome" => {
            return vec![Fixture::new(
                "os_version",
                json!({ "name": "ChromeOS", "platform": "chrome", "major": 142, "version": "142.0" }),
            )];
        }
        _ => return Vec::new(),
    };
    rows.extend([
        Fixture::new(
            "osquery_flags",
            json!({ "name": "config_plugin", "value": "tls" }),
        ),
        Fixture::new(
            "osquery_flags",
            json!({ "name": "disable_distributed", "value": "false" }),
        ),
        Fixture::new(
            "osquery_flags",
            json!({ "name": "tls_server_certs", "value": "/etc/osquery/nac-ca.pem" }),
        ),
        Fixture::new(
            "listening_ports",
            json!({ "pid": 1, "port": 22, "protocol": 6, "family": 2, "address": "0.0.0.0" }),
        ),
        Fixture::new("uptime", json!({ "days": 3, "total_seconds": 259_200 })),
    ]);
    rows
}

fn linux() -> Vec<Fixture> {
    let unit = |id: &str| {
        Fixture::new(
            "systemd_units",
            json!({ "id": id, "active_state": "active" }),
        )
    };
    vec![
        Fixture::new(
            "os_version",
            json!({ "name": "Ubuntu", "version": "24.04.3 LTS (Noble Numbat)", "major": 24,
                "minor": 4, "platform": "ubuntu", "platform_like": "debian", "arch": "x86_64" }),
        ),
        Fixture::new(
            "mounts",
            json!({ "path": "/", "device": "/dev/mapper/vg-root", "device_alias": "/dev/dm-1" }),
        ),
        Fixture::new(
            "disk_encryption",
            json!({ "name": "/dev/dm-1", "encrypted": 1 }),
        ),
        unit("nftables.service"),
        unit("apt-daily-upgrade.timer"),
        Fixture::new(
            "apparmor_profiles",
            json!({ "name": "usr.bin.man", "mode": "enforce" }),
        ),
        Fixture::new(
            "shadow",
            json!({ "username": "root", "password_status": "locked" }),
        ),
        Fixture::new("secureboot", json!({ "secure_boot": 1, "setup_mode": 0 })),
        Fixture::new("processes", json!({ "pid": 7, "name": "clamd" })),
        Fixture::new(
            "deb_packages",
            json!({ "name": "bash", "version": "5.2", "status": "install ok installed" }),
        ),
    ]
}

fn macos() -> Vec<Fixture> {
    vec![
        Fixture::new(
            "os_version",
            json!({ "name": "macOS", "version": "26.1", "major": 26, "minor": 1,
                "platform": "darwin", "platform_like": "darwin", "arch": "arm64" }),
        ),
        Fixture::new(
            "disk_encryption",
            json!({ "name": "/dev/disk3s5", "user_uuid": "A", "filevault_status": "on",
                "encrypted": 1 }),
        ),
        Fixture::new("alf", json!({ "global_state": 1 })),
        Fixture::new("sip_config", json!({ "config_flag": "sip", "enabled": 1 })),
        Fixture::new("gatekeeper", json!({ "assessments_enabled": 1 })),
        Fixture::new(
            "secureboot",
            json!({ "secure_boot": 1, "secure_mode": 1, "description": "Full Security" }),
        ),
        Fixture::new(
            "managed_policies",
            json!({ "domain": "com.apple.SoftwareUpdate", "name": "AutomaticCheckEnabled",
                "value": "1", "username": "" }),
        ),
        Fixture::new("apps", json!({ "bundle_identifier": "com.apple.Safari" })),
    ]
}

fn windows() -> Vec<Fixture> {
    vec![
        Fixture::new(
            "os_version",
            json!({ "name": "Microsoft Windows 11 Pro", "version": "10.0.26100", "major": 10,
                "minor": 0, "build": "26100", "platform": "windows", "platform_like": "windows" }),
        ),
        Fixture::new(
            "bitlocker_info",
            json!({ "drive_letter": "C:", "protection_status": 1 }),
        ),
        Fixture::new(
            "windows_security_center",
            json!({ "firewall": "Good", "autoupdate": "Good", "antivirus": "Good" }),
        ),
        Fixture::new(
            "windows_security_products",
            json!({ "type": "Antivirus", "name": "Microsoft Defender Antivirus", "state": "On",
                "signatures_up_to_date": 1 }),
        ),
        Fixture::new(
            "services",
            json!({ "name": "WinDefend", "status": "RUNNING" }),
        ),
        Fixture::new(
            "windows_optional_features",
            json!({ "name": "SMB1Protocol", "state": 2, "statename": "Disabled" }),
        ),
        Fixture::new("secureboot", json!({ "secure_boot": 1, "setup_mode": 0 })),
    ]
}
