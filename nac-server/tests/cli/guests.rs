//! Guests and vouchers.

use crate::site::{Site, mode};

#[test]
fn a_guest_comes_stays_longer_and_goes() {
    let site = Site::new();
    site.run(&["guest", "list"])
        .ends(0)
        .says(&["there are no such guests", "nac guest add"]);
    let mac = "02:00:5e:30:00:01";
    let add = [
        "guest",
        "add",
        "Ada Lovelace",
        "--mac",
        mac,
        "--duration",
        "2h",
        "--email",
        "ada@example.org",
    ];
    site.run(&add)
        .ends(0)
        .says(&["Ada Lovelace may stay until"]);
    let device = site.json(&["device", "show", mac]);
    assert_eq!(device["labels"][0], "guest");
    let shown = site.json(&["guest", "show", "ada@EXAMPLE.org"]);
    assert_eq!(shown["guest"]["status"], "active");
    assert_eq!(shown["devices"][0]["mac"], mac);
    let before = shown["guest"]["expires_us"].as_i64().expect("an end");
    let longer = site.json(&["guest", "extend", mac, "--by", "1h"]);
    assert_eq!(longer["expires_us"].as_i64(), Some(before + 3_600_000_000));
    site.run(&["guest", "approve", mac])
        .ends(1)
        .says(&["this is active already"]);
    site.run(&["guest", "revoke", "Ada Lovelace", "--block"])
        .ends(0)
        .says(&["has to leave"]);
    site.run(&["guest", "add", "Eve", "--mac", mac])
        .ends(1)
        .says(&["blocked", "nac device unblock"]);
    let listed = site.json(&[
        "guest", "list", "--status", "revoked", "--method", "operator",
    ]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    site.run(&["guest", "show", "nobody"]).ends(1);
    site.run(&["guest", "list", "--status", "asleep"]).ends(2);
    site.run(&["guest", "add", "Eve", "--duration", "0s"])
        .ends(2);
    site.run(&["guest", "add", "Eve", "--mac", "no address"])
        .ends(2)
        .says(&["is not a MAC address"]);
}

#[test]
fn a_guest_without_a_device_gets_a_code() {
    let site = Site::new();
    let added = site.json(&["guest", "add", "Grace", "--duration", "1d", "--site", "hq"]);
    assert_eq!(added["guest"]["status"], "invited");
    let code = added["code"].as_str().expect("a code");
    let shown = site.json(&["voucher", "show", &code.to_lowercase().replace('-', " ")]);
    assert_eq!(shown["vouchers"][0]["code"], code);
    assert_eq!(shown["vouchers"][0]["guest_id"], added["guest"]["id"]);
    assert_eq!(shown["batch"]["site"], "hq");
    site.run(&["guest", "revoke", "Grace"]).ends(0);
    let shown = site.json(&["voucher", "show", code]);
    assert_eq!(shown["vouchers"][0]["state"], "revoked");
}

#[test]
fn vouchers_are_made_listed_and_withdrawn() {
    let site = Site::new();
    site.run(&["voucher", "list"])
        .ends(0)
        .says(&["there are no vouchers", "nac voucher create"]);
    let create = [
        "voucher",
        "create",
        "--count",
        "3",
        "--duration",
        "8h",
        "--devices",
        "2",
        "--note",
        "Conference",
    ];
    let run = site.run(&create).ends(0).says(&["has 3 codes"]);
    let codes: Vec<&str> = run.out.lines().collect();
    assert_eq!(codes.len(), 3);
    assert!(codes.iter().all(|code| code.len() == 11), "{codes:?}");
    let batches = site.json(&["voucher", "list", "--search", "conf"]);
    assert_eq!(batches[0]["unused"], 3);
    let batch = batches[0]["id"].as_str().expect("an id");
    site.run(&["voucher", "revoke", codes[1]])
        .ends(0)
        .says(&["is withdrawn"]);
    site.run(&["voucher", "revoke", codes[1]])
        .ends(1)
        .says(&["already"]);
    let shown = site.json(&["voucher", "show", batch]);
    assert_eq!(shown["vouchers"][1]["state"], "revoked");
    site.run(&["voucher", "revoke", batch]).ends(0);
    assert_eq!(site.json(&["voucher", "list"])[0]["unused"], 0);
    site.run(&["voucher", "show", "0000000000"])
        .ends(1)
        .says(&["no such code"]);
    site.run(&["voucher", "show", "no code"]).ends(2);
    site.run(&["voucher", "create", "--count", "0"]).ends(2);
    site.run(&["voucher", "create", "--starts", "soon"]).ends(2);
    site.run(&["voucher", "create", "--starts", "2020-01-01T00:00"])
        .ends(2)
        .says(&["expired already"]);
}

#[test]
fn codes_go_to_paper_and_to_tables_and_come_back() {
    let site = Site::new();
    let made = site.json(&["voucher", "create", "--count", "2", "--note", "=1+1"]);
    let batch = made["batch"]["id"].as_str().expect("an id").to_owned();
    let file = site.path("codes.csv");
    let out = file.to_str().expect("text");
    site.run(&["voucher", "export", &batch, "--out", out])
        .ends(0);
    assert_eq!(mode(&file), 0o600);
    let text = std::fs::read_to_string(&file).expect("written");
    let code = made["vouchers"][0]["code"].as_str().expect("a code");
    assert!(text.contains(code) && text.contains(",'=1+1"), "{text}");
    site.run(&["voucher", "export", &batch, "--out", out])
        .ends(3);
    let printed = site.run(&["voucher", "export", &batch]).ends(0);
    assert_eq!(printed.out, text);

    let page = site.path("codes.html");
    let print = [
        "voucher",
        "print",
        &batch,
        "--out",
        page.to_str().expect("text"),
        "--ssid",
        "Guests",
    ];
    site.run(&print).ends(0).says(&["2 codes written"]);
    let html = std::fs::read_to_string(&page).expect("written");
    assert!(html.contains(code) && html.contains("Guests") && html.contains("data:image/svg+xml"));

    site.run(&["voucher", "import", out])
        .ends(1)
        .says(&["exists already"]);
    let other = Site::new();
    let taken = other.file("codes.csv", &text);
    other
        .run(&["voucher", "import", &taken, "--duration", "2h"])
        .ends(0);
    other
        .run(&["voucher", "show", code])
        .ends(0)
        .says(&["2h", "unused"]);
    let bad = other.file("bad.csv", "code\nABCDE-FGHJK\nABCDE-FGHJK\nnot a code\n");
    other.run(&["voucher", "import", &bad]).ends(1).says(&[
        "line 3",
        "line 4",
        "nothing was imported",
    ]);
    other
        .run(&["voucher", "import", &bad, "--skip-bad"])
        .ends(0);
}
