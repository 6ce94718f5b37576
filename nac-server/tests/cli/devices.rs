//! Devices and quarantine.

use crate::site::Site;

#[test]
fn a_mac_address_is_one_device_however_it_is_written() {
    let site = Site::new();
    site.run(&["device", "add", "00:1B:21:00:00:0A", "--label", "printer"])
        .ends(0);
    for written in [
        "00:1b:21:00:00:0a",
        "00-1B-21-00-00-0A",
        "001b.2100.000a",
        "001b2100000a",
        "001B2100000A",
        "001b21-00000a",
    ] {
        site.run(&["device", "add", written])
            .ends(1)
            .says(&["already the device"]);
        assert_eq!(
            site.json(&["device", "show", written])["labels"][0],
            "printer"
        );
    }
    site.run(&["device", "add", "ff:ff:ff:ff:ff:ff"])
        .ends(2)
        .says(&["no single device"]);
    site.run(&["device", "add", "x", "--mac", "00:1b:21"])
        .ends(2)
        .says(&["is no MAC address"]);
}

#[test]
fn an_invented_address_is_pointed_out() {
    let site = Site::new();
    site.run(&["device", "add", "02:00:00:00:00:01"])
        .ends(0)
        .says(&["locally administered"]);
    let run = site.run(&["device", "add", "00:1b:21:00:00:01"]).ends(0);
    assert_eq!(run.err, "");
}

#[test]
fn a_device_is_changed_blocked_and_removed() {
    let site = Site::new();
    site.run(&["device", "list"])
        .ends(0)
        .says(&["there are no devices", "nac device add"]);
    let add = [
        "device",
        "add",
        "laptop-7",
        "--owner",
        "alice",
        "--mac",
        "00:1b:21:00:00:01",
    ];
    site.run(&add).ends(0);
    site.run(&["device", "add", "laptop-7"]).ends(1);
    let set = [
        "device",
        "set",
        "laptop-7",
        "--label",
        "byod",
        "--mac",
        "00:1b:21:00:00:02",
    ];
    site.run(&[&set[..], &["--no-mac", "00-1b-21-00-00-01", "--owner", ""]].concat())
        .ends(0);
    let shown = site.json(&["device", "show", "laptop-7"]);
    assert_eq!(shown["macs"], serde_json::json!(["00:1b:21:00:00:02"]));
    assert!(shown["owner"].is_null());
    site.run(&["device", "block", "001b.2100.0002"])
        .ends(0)
        .says(&["blocked"]);
    site.run(&["device", "list", "--label", "byod"])
        .ends(0)
        .says(&["laptop-7", "blocked"]);
    site.run(&["device", "list", "--label", "other"])
        .ends(0)
        .says(&["no device fits"]);
    site.run(&["device", "unblock", "laptop-7"])
        .ends(0)
        .says(&["active"]);
    site.run(&["device", "remove", "laptop-7"]).ends(0);
    site.run(&["device", "show", "laptop-7"]).ends(1);
}

#[test]
fn an_import_adds_new_devices_and_changes_known_ones() {
    let site = Site::new();
    site.run(&["device", "add", "00:1b:21:00:00:01", "--name", "lobby"])
        .ends(0);
    let file = site.file(
        "devices.csv",
        "mac,owner,labels\n001b.2100.0001,alice,phone;lobby\n00-1B-21-00-00-02,,printer\n",
    );
    site.run(&["device", "import", &file])
        .ends(0)
        .says(&["2 devices imported", "1 of them known"]);
    let lobby = site.json(&["device", "show", "lobby"]);
    assert_eq!(lobby["owner"], "alice");
    assert_eq!(lobby["labels"], serde_json::json!(["lobby", "phone"]));
    let file = site.file(
        "bad.csv",
        "mac,owner\nnope,x\n001b21000003,\n00:1b:21:00:00:03,\n",
    );
    site.run(&["device", "import", &file]).ends(1).says(&[
        "line 2: \"nope\" is no MAC address",
        "line 4: the MAC address 00:1b:21:00:00:03 comes a second time",
    ]);
    let file = site.file(
        "short.csv",
        "mac,owner,labels\n00:1b:21:00:00:04,bob\n\"00:1b:21:00:00:05,,x\n",
    );
    site.run(&["device", "import", &file]).ends(1).says(&[
        "line 2: it has 2 cells for 3 columns",
        "line 3: a quote is opened and not closed",
    ]);
    assert_eq!(
        site.json(&["device", "list"]).as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn quarantine_begins_ends_and_expires() {
    let site = Site::new();
    site.run(&["quarantine", "list"])
        .ends(0)
        .says(&["nobody is in quarantine"]);
    site.run(&["device", "add", "laptop", "--mac", "00:1b:21:00:00:01"])
        .ends(0);
    let add = [
        "quarantine",
        "add",
        "00-1b-21-00-00-01",
        "--reason",
        "port scan",
    ];
    site.run(&add).ends(0).says(&["laptop is in quarantine"]);
    site.run(&add).ends(1).says(&["already: port scan"]);
    site.run(&[
        "quarantine",
        "add",
        "00:1b:21:00:00:99",
        "--reason",
        "odd",
        "--expires",
        "2h",
    ])
    .ends(0)
    .says(&["until"]);
    let open = site.json(&["quarantine", "list"]);
    assert_eq!(open.as_array().map(Vec::len), Some(2));
    site.run(&["quarantine", "list"])
        .ends(0)
        .says(&["laptop", "00:1b:21:00:00:99", "port scan"]);
    site.run(&["quarantine", "remove", "laptop"]).ends(0);
    site.run(&["quarantine", "remove", "laptop"])
        .ends(1)
        .says(&["is not in quarantine"]);
    site.run(&["quarantine", "remove", "001b.2100.0099"])
        .ends(0);
    assert_eq!(
        site.json(&["quarantine", "list"]).as_array().map(Vec::len),
        Some(0)
    );
    assert_eq!(
        site.json(&["quarantine", "list", "--all"])
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    site.run(&["quarantine", "add", "nobody", "--reason", "x"])
        .ends(1);
    let soon = [
        "quarantine",
        "add",
        "laptop",
        "--reason",
        "x",
        "--expires",
        "soon",
    ];
    site.run(&soon).ends(2).says(&["such as 2h"]);
}

#[test]
fn a_lost_device_is_refused_and_found_again() {
    let site = Site::new();
    let add = [
        "device",
        "add",
        "00:1b:21:00:00:01",
        "--name",
        "phone",
        "--type",
        "phone",
        "--expires",
        "2027-01-31",
    ];
    site.run(&add).ends(0);
    let shown = site.json(&["device", "show", "phone"]);
    assert_eq!(shown["device_type"], "phone");
    assert!(shown["expires_us"].is_i64());
    site.run(&["device", "lost", "phone"])
        .ends(0)
        .says(&["lost and refused"]);
    site.run(&["device", "list", "--state", "lost"])
        .ends(0)
        .says(&["phone", "2027-02-01"]);
    site.run(&["device", "show", "phone"])
        .ends(0)
        .says(&["reported by cli:"]);
    // A change of something else does not find it.
    site.run(&["device", "set", "phone", "--type", "", "--expires", "never"])
        .ends(0);
    site.run(&["device", "list", "--state", "active"])
        .ends(0)
        .says(&["no device fits"]);
    site.run(&["device", "found", "phone"])
        .ends(0)
        .says(&["it is now active"]);
    let shown = site.json(&["device", "show", "phone"]);
    assert!(shown["device_type"].is_null() && shown["expires_us"].is_null());
    site.run(&["device", "set", "phone", "--expires", "soon"])
        .ends(2)
        .says(&["is no time"]);
}

#[test]
fn a_key_is_shown_once_and_its_state_ever_after() {
    let site = Site::new();
    site.run(&["device", "add", "00:1b:21:00:00:01", "--name", "tv"])
        .ends(0);
    site.run(&["device", "psk", "show-state", "tv"])
        .ends(1)
        .says(&["no key of its own", "nac device psk create"]);
    let made = site.json(&["device", "psk", "create", "tv", "--ssid", "Living; room"]);
    let passphrase = made["passphrase"]
        .as_str()
        .expect("a passphrase")
        .to_owned();
    assert_eq!(passphrase.len(), 16);
    assert_eq!(
        made["wifi"],
        format!("WIFI:T:WPA;S:Living\\; room;P:{passphrase};H:false;;")
    );
    site.run(&["device", "psk", "create", "tv", "--ssid", "Living; room"])
        .ends(1)
        .says(&["rotate or revoke"]);
    let run = site
        .run(&["device", "psk", "rotate", "tv", "--ssid", "Living; room"])
        .ends(0);
    assert!(!run.out.contains(&passphrase));
    let run = site.run(&["device", "psk", "show-state", "tv"]).ends(0);
    let run = run.says(&["current", "overlap"]);
    assert!(!run.out.contains(&passphrase));
    site.run(&["device", "psk", "revoke", "tv"]).ends(0);
    site.run(&["device", "psk", "show-state", "tv"])
        .ends(1)
        .says(&["revoked"]);
    site.run(&["device", "psk", "revoke", "tv"]).ends(1);
}

#[test]
fn a_dry_run_of_an_import_stores_nothing() {
    let site = Site::new();
    let file = site.file(
        "devices.csv",
        "mac,owner,labels,name,type,expires\n001b.2100.0001,alice,registered,tv,tv,2027-01-31\n",
    );
    site.run(&["device", "import", &file, "--dry-run"])
        .ends(0)
        .says(&["nothing was stored"]);
    site.run(&["device", "show", "tv"]).ends(1);
    site.run(&["device", "import", &file]).ends(0);
    let shown = site.json(&["device", "show", "tv"]);
    assert_eq!(shown["device_type"], "tv");
    assert!(shown["expires_us"].is_i64());
}
