//! Clients and segments.

use crate::site::Site;

#[test]
fn a_weak_secret_needs_consent() {
    let site = Site::new();
    let add = [
        "client",
        "add",
        "lab",
        "--address",
        "127.0.0.0/8",
        "--secret-stdin",
    ];
    for weak in [
        "testing123",
        "radius",
        "secret",
        "cisco",
        "short",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        site.run_with(&add, weak)
            .ends(1)
            .says(&["weak", "--allow-weak-secret"]);
    }
    site.run_with(&add, "").ends(2).says(&["empty"]);
    assert_eq!(
        site.json(&["client", "list"]).as_array().map(Vec::len),
        Some(0)
    );
    let mut consent = add.to_vec();
    consent.push("--allow-weak-secret");
    site.run_with(&consent, "testing123").ends(0);
    site.run(&["client", "show", "lab", "--secret"])
        .ends(0)
        .says(&["testing123"]);
}

#[test]
fn a_secret_that_nobody_hands_in_is_made_and_printed_once() {
    let site = Site::new();
    let added = site.json(&["client", "add", "sw1", "--address", "192.0.2.1"]);
    let secret = added["secret"].as_str().expect("a secret");
    assert_eq!(secret.len(), 32);
    let shown = site.run(&["client", "show", "sw1"]).ends(0);
    assert!(!shown.out.contains(secret));
    assert!(
        !site
            .run(&["client", "list", "--json"])
            .ends(0)
            .out
            .contains(secret)
    );
    assert_eq!(
        site.json(&["client", "show", "sw1", "--secret"])["secret"],
        secret
    );
    let renewed = site.json(&["client", "set", "sw1", "--new-secret"]);
    assert_ne!(renewed["secret"], secret);
    site.run(&[
        "client",
        "add",
        "sw2",
        "--address",
        "192.0.2.2",
        "--vendor",
        "cisco-ios",
    ])
    .ends(0)
    .says(&["aaa new-model", "shared secret:"]);
}

#[test]
fn a_name_or_an_address_is_given_to_one_client_only() {
    let site = Site::new();
    site.run(&["client", "add", "sw1", "--address", "192.0.2.1"])
        .ends(0);
    site.run(&["client", "add", "sw1", "--address", "192.0.2.2"])
        .ends(1)
        .says(&["there is already a client sw1"]);
    site.run(&["client", "add", "sw2", "--address", "192.0.2.1/32"])
        .ends(1)
        .says(&["the client sw1 has the address 192.0.2.1/32 already"]);
    site.run(&["client", "add", "sw3", "--address", "192.0.2.3"])
        .ends(0);
    site.run(&["client", "set", "sw3", "--address", "192.0.2.1"])
        .ends(1)
        .says(&["the client sw1 has the address"]);
    site.run(&["client", "set", "sw3", "--rename", "sw1"])
        .ends(1)
        .says(&["there is already a client sw1"]);
    site.run(&["client", "add", "sw2", "--address", "192.0.2.x"])
        .ends(2)
        .says(&["192.0.2.0/24"]);
    site.run(&["client", "add", "sw 2", "--address", "192.0.2.2"])
        .ends(2);
    site.run(&[
        "client",
        "add",
        "sw2",
        "--address",
        "192.0.2.2",
        "--vendor",
        "cisc0",
    ])
    .ends(2)
    .says(&["cisco-ios"]);
}

#[test]
fn a_client_is_changed_shown_and_removed() {
    let site = Site::new();
    site.run(&["client", "list"])
        .ends(0)
        .says(&["no NAS may ask yet", "nac client add"]);
    site.run(&[
        "client",
        "add",
        "sw1",
        "--address",
        "192.0.2.1",
        "--site",
        "hq",
    ])
    .ends(0);
    let set = [
        "client",
        "set",
        "sw1",
        "--rename",
        "core",
        "--address",
        "192.0.2.0/24",
    ];
    site.run(
        &[
            &set[..],
            &[
                "--message-authenticator",
                "legacy",
                "--legacy-until",
                "30d",
                "--coa-port",
                "1700",
            ],
        ]
        .concat(),
    )
    .ends(0);
    let shown = site.json(&["client", "show", "core"]);
    assert_eq!(shown["address"], "192.0.2.0/24");
    assert_eq!(shown["coa_port"], 1700);
    assert_eq!(shown["message_authenticator"], "legacy");
    assert!(shown["legacy_until_us"].is_i64(), "{shown}");
    site.run(&["client", "set", "core", "--message-authenticator", "learn"])
        .ends(2)
        .says(&["192.0.2.0/24 is a network of NASes", "legacy"]);
    assert_eq!(shown["site"], "hq");
    site.run(&["client", "set", "core", "--coa-port", "0"])
        .ends(0);
    assert!(site.json(&["client", "show", "core"])["coa_port"].is_null());
    site.run(&["client", "list"])
        .ends(0)
        .says(&["NAME", "core", "not required"]);
    site.run(&["client", "remove", "core"]).ends(0);
    site.run(&["client", "remove", "core"])
        .ends(1)
        .says(&["there is no client core"]);
    site.run(&["client", "set", "core", "--site", "x"]).ends(1);
    site.run(&["client", "set", "core"])
        .ends(2)
        .says(&["nothing to change"]);
}

#[test]
fn a_segment_keeps_what_is_not_named() {
    let site = Site::new();
    let set = [
        "segment", "set", "printers", "--vlan", "30", "--role", "PRN",
    ];
    let acl = [
        "--acl",
        "permit ip any any",
        "--acl",
        "deny udp any any",
        "--session-timeout",
        "8h",
    ];
    site.run(&[&set[..], &acl[..]].concat())
        .ends(0)
        .says(&["created", "VLAN 30"]);
    site.run(&["segment", "set", "printers", "--vlan", "31"])
        .ends(0)
        .says(&["changed"]);
    let shown = site.json(&["segment", "show", "printers"]);
    assert_eq!(shown["vlan"], "31");
    assert_eq!(shown["role"], "PRN");
    assert_eq!(shown["acl"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown["session_timeout_s"], 28_800);
    site.run(&["segment", "set", "printers", "--role", "", "--acl", ""])
        .ends(0);
    let shown = site.json(&["segment", "show", "printers"]);
    assert!(shown["role"].is_null());
    assert_eq!(shown["acl"].as_array().map(Vec::len), Some(0));
    for bad in [
        ["--vlan", "4095"],
        ["--vlan", "0"],
        ["--session-timeout", "soon"],
    ] {
        site.run(&["segment", "set", "printers", bad[0], bad[1]])
            .ends(2);
    }
    site.run(&["segment", "set", "two words", "--vlan", "1"])
        .ends(2);
}

#[test]
fn a_session_time_without_a_unit_is_seconds_and_is_told_so() {
    let site = Site::new();
    site.run(&["segment", "set", "x", "--session-timeout", "8"])
        .ends(0)
        .says(&["sessions of 8s", "warning", "means seconds"]);
    let run = site
        .run(&["segment", "set", "x", "--session-timeout", "8h"])
        .ends(0)
        .says(&["sessions of 8h"]);
    assert!(!run.err.contains("warning"), "{}", run.err);
}

#[test]
fn a_redirect_is_a_web_address() {
    let site = Site::new();
    for bad in [
        "nac.example.org",
        "ftp://x/",
        "https://",
        "javascript:alert(1)",
    ] {
        site.run(&["segment", "set", "guest", "--redirect", bad])
            .ends(2)
            .says(&["http:// or https://"]);
    }
    for good in ["https://nac.example.org:8443/", ""] {
        site.run(&["segment", "set", "guest", "--redirect", good])
            .ends(0);
    }
}

#[test]
fn a_segment_that_the_policy_names_or_that_always_exists_stays() {
    let site = Site::new();
    site.run(&["segment", "remove", "staff"])
        .ends(1)
        .says(&["the policy in force names"]);
    site.run(&["segment", "remove", "guest"])
        .ends(1)
        .says(&["always exists"]);
    site.run(&["segment", "set", "spare", "--vlan", "5"])
        .ends(0);
    site.run(&["segment", "remove", "spare"]).ends(0);
    site.run(&["segment", "show", "spare"]).ends(1);
}

#[test]
fn a_snippet_names_what_the_segments_use_and_never_the_secret() {
    let site = Site::new();
    let added = site.json(&[
        "client",
        "add",
        "sw1",
        "--address",
        "192.0.2.1",
        "--vendor",
        "cisco-ios",
    ]);
    let secret = added["secret"].as_str().expect("a secret");
    site.run(&[
        "segment",
        "set",
        "registration",
        "--redirect",
        "https://portal.test/",
        "--redirect-acl",
        "PORTAL",
    ])
    .ends(0);
    let snippet = site
        .run(&["client", "snippet", "sw1", "--server", "198.51.100.7"])
        .ends(0)
        .says(&[
            " address ipv4 198.51.100.7 auth-port 1812 acct-port 1813",
            " client 198.51.100.7 server-key SECRET",
            "ip access-list extended PORTAL",
        ]);
    assert!(!snippet.out.contains(secret), "{}", snippet.out);
    assert_eq!(
        site.json(&["client", "snippet", "sw1"])["vendor"],
        "cisco-ios"
    );
    site.run(&["client", "snippet", "sw9"]).ends(1);
    // The one who adds a client gets it with the secret, once.
    site.run(&[
        "client",
        "add",
        "ap1",
        "--address",
        "192.0.2.2",
        "--vendor",
        "hostapd",
    ])
    .ends(0)
    .says(&["shared secret: ", "auth_server_shared_secret="]);
}

#[test]
fn a_snippet_of_a_client_with_a_radsec_name_is_for_radius_over_tls() {
    let site = Site::new();
    for (name, address, vendor) in [
        ("sw1", "192.0.2.1", "cisco-ios"),
        ("ap1", "192.0.2.2", "unifi"),
    ] {
        let radsec = format!("{name}.example.org");
        site.run(
            &[
                &["client", "add", name, "--address", address][..],
                &["--vendor", vendor, "--radsec-name", &radsec],
            ]
            .concat(),
        )
        .ends(0);
    }
    let at = ["--server", "nac.example.org"];
    let snippet = |words: &[&str]| site.run(&[&["client", "snippet"], words, &at].concat());
    let text = snippet(&["sw1"]).ends(0).says(&[
        " tls port 2083",
        " tls trustpoint client",
        "nac certificate issue --nas sw1.example.org",
        "this server does not listen for RADIUS over TLS",
        "[radsec]",
    ]);
    assert!(!text.out.contains("auth-port"), "{}", text.out);
    snippet(&["ap1"])
        .ends(0)
        .says(&["is not known here", "radsecproxy", "host nac.example.org"]);
    // Over UDP when asked, and over TLS for one that has no name for it yet.
    let text = snippet(&["sw1", "--udp"]).ends(0).says(&["auth-port 1812"]);
    assert!(!text.out.contains("tls"), "{}", text.out);
    site.run(&["client", "set", "sw1", "--radsec-name", ""])
        .ends(0);
    snippet(&["sw1"]).ends(0).says(&["auth-port 1812"]);
    snippet(&["sw1", "--radsec"])
        .ends(0)
        .says(&["nac certificate issue --nas sw1 "]);
    assert_eq!(
        site.json(&["client", "snippet", "sw1", "--radsec"])["transport"],
        "tls"
    );
    snippet(&["sw1", "--radsec", "--udp"]).ends(2);
}

#[test]
fn nothing_is_heard_before_a_server_runs() {
    let site = Site::new();
    site.run(&["client", "add", "sw1", "--address", "192.0.2.1"])
        .ends(0);
    site.run(&["client", "show", "sw1"])
        .ends(0)
        .says(&["never"]);
    assert_eq!(
        site.json(&["client", "show", "sw1"])["activity"],
        serde_json::Value::Null
    );
    site.run(&["client", "unknown"])
        .ends(0)
        .says(&["nobody unknown"]);
    site.run(&["client", "unknown", "--forget", "192.0.2.9"])
        .ends(1);
    site.run(&["client", "unknown", "--forget-all"]).ends(0);
}
