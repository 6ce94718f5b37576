//! Users, one by one and by the thousand.

use std::fmt::Write as _;

use crate::site::Site;

fn add(site: &Site, name: &str, more: &[&str]) {
    let arguments = [&["user", "add", name, "--password-stdin"], more].concat();
    site.run_with(&arguments, "correct horse\n").ends(0);
}

#[test]
fn a_user_is_added_once_whatever_the_case() {
    let site = Site::new();
    site.run(&["user", "list"])
        .ends(0)
        .says(&["there are no users", "nac user add"]);
    add(&site, "Alice", &["--group", "staff", "--group", "vpn"]);
    let again = ["user", "add", "alice", "--password-stdin"];
    site.run_with(&again, "x")
        .ends(1)
        .says(&["already", "nac user set alice"]);
    let shown = site.json(&["user", "show", "ALICE"]);
    assert_eq!(shown["groups"], serde_json::json!(["staff", "vpn"]));
    assert_eq!(shown["password"], "argon2id");
    assert_eq!(shown["mschap"], false);
    assert!(
        !site
            .run(&["user", "show", "alice", "--json"])
            .out
            .contains("$argon2id")
    );
}

#[test]
fn a_password_comes_from_standard_input_or_not_at_all() {
    let site = Site::new();
    site.run(&["user", "add", "bob"])
        .ends(2)
        .says(&["no password was given", "--no-password"]);
    site.run_with(&["user", "add", "bob", "--password-stdin"], "")
        .ends(2)
        .says(&["empty"]);
    site.run(&["user", "add", "bob", "--password", "x"]).ends(2);
    site.run(&["user", "add", "bob", "--no-password", "--group", "staff"])
        .ends(0);
    site.run(&["user", "list"])
        .ends(0)
        .says(&["none (certificates)"]);
    site.run_with(&["user", "add", " x", "--password-stdin"], "y")
        .ends(2);
    site.run_with(
        &["user", "add", "x", "--group", "a b", "--password-stdin"],
        "y",
    )
    .ends(2);
}

#[test]
fn a_new_password_renews_the_sealed_one_and_it_can_be_forgotten() {
    let site = Site::new();
    add(&site, "carol", &["--mschap"]);
    assert_eq!(site.json(&["user", "show", "carol"])["mschap"], true);
    site.run_with(&["user", "set", "carol", "--password-stdin"], "new")
        .ends(0);
    assert_eq!(site.json(&["user", "show", "carol"])["mschap"], true);
    site.run(&["user", "set", "carol", "--no-mschap"]).ends(0);
    assert_eq!(site.json(&["user", "show", "carol"])["mschap"], false);
    site.run(&["user", "set", "carol", "--mschap"])
        .ends(2)
        .says(&["needs the password"]);
}

#[test]
fn a_user_is_disabled_moved_between_groups_and_removed() {
    let site = Site::new();
    add(&site, "dave", &["--group", "staff"]);
    site.run(&["user", "set", "dave", "--disable", "--group", "vpn"])
        .ends(0);
    let shown = site.json(&["user", "show", "dave"]);
    assert_eq!(
        (&shown["enabled"], &shown["groups"][0]),
        (&false.into(), &"vpn".into())
    );
    site.run(&["user", "set", "dave", "--enable", "--no-groups"])
        .ends(0);
    let shown = site.json(&["user", "show", "dave"]);
    assert_eq!(shown["enabled"], true);
    assert_eq!(shown["groups"].as_array().map(Vec::len), Some(0));
    site.run(&["user", "remove", "dave"]).ends(0);
    site.run(&["user", "show", "dave"])
        .ends(1)
        .says(&["there is no user dave"]);
}

#[test]
fn every_bad_line_of_an_import_is_named_and_nothing_is_imported() {
    let site = Site::new();
    let file = site.file(
        "users.csv",
        "name,password,groups,mschap\n\
         good,one,staff,yes\n\
         ,two,staff,no\n\
         Good,three,staff,no\n\
         bad,four,staff,maybe\n\
         worse,,staff,yes\n\
         \"broken\",x,a,no,extra\n",
    );
    site.run(&["user", "import", &file]).ends(1).says(&[
        "nothing was imported: 5 bad lines",
        "line 3: a user needs a name",
        "line 4: the user Good comes a second time",
        "line 5: mschap is yes or no, not \"maybe\"",
        "line 6: mschap needs a password",
        "line 7: it has 5 cells for 4 columns",
        "--skip-bad",
    ]);
    assert_eq!(
        site.json(&["user", "list"]).as_array().map(Vec::len),
        Some(0)
    );
    site.run(&["user", "import", &file, "--skip-bad"])
        .ends(0)
        .says(&["1 user imported", "5 bad lines skipped"]);
    assert_eq!(site.json(&["user", "show", "good"])["mschap"], true);
}

#[test]
fn a_row_with_too_few_cells_or_an_open_quote_is_nobody() {
    let site = Site::new();
    let file = site.file(
        "users.csv",
        "name,password,groups,mschap\neve,pw\nfrank,\"unclosed,staff,yes\ngrace,pw,staff,no\n",
    );
    site.run(&["user", "import", &file]).ends(1).says(&[
        "nothing was imported: 2 bad lines",
        "line 2: it has 2 cells for 4 columns",
        "line 3: a quote is opened and not closed",
    ]);
    site.run(&["user", "import", &file, "--skip-bad"])
        .ends(0)
        .says(&["1 user imported", "2 bad lines skipped"]);
    let users = site.json(&["user", "list"]);
    assert_eq!(users.as_array().map(Vec::len), Some(1));
    assert_eq!(users[0]["name"], "grace");
}

#[test]
fn a_change_of_nothing_is_wrong_usage() {
    let site = Site::new();
    add(&site, "alice", &[]);
    site.run(&["user", "set", "alice"])
        .ends(2)
        .says(&["nothing to change"]);
}

#[test]
fn an_import_needs_its_header() {
    let site = Site::new();
    let file = site.file("users.csv", "alice,secret,staff,no\n");
    site.run(&["user", "import", &file])
        .ends(1)
        .says(&["name, password", "begin the file with"]);
    let file = site.file("other.csv", "name,password,colour\nalice,x,red\n");
    site.run(&["user", "import", &file])
        .ends(1)
        .says(&["not known: colour"]);
    site.run(&["user", "import", "/nonexistent.csv"])
        .ends(3)
        .says(&["no such file"]);
    let binary = site.path("binary.csv");
    std::fs::write(&binary, b"name,password\n\xff\xfe,x\n").expect("written");
    site.run(&["user", "import", binary.to_str().expect("text")])
        .ends(1)
        .says(&["line 2: it is not UTF-8"]);
}

#[test]
fn an_import_of_more_than_one_transaction_stores_everybody_and_shows_progress() {
    let site = Site::new();
    let mut text = "name,password,groups,mschap\n".to_owned();
    for number in 0..1200 {
        // Passwords cost time on purpose; those without one cost none.
        let password = if number % 100 == 0 { "pass word" } else { "" };
        let _ = writeln!(text, "user{number:04},{password},staff vpn,");
    }
    let file = site.file("users.csv", &text);
    let run = site.run(&["user", "import", &file]).ends(0);
    let run = run.says(&["1200 users imported", "1188 of them without a password"]);
    assert!(
        run.err.contains("users imported: 500 of 1200"),
        "{}",
        run.err
    );
    let users = site.json(&["user", "list"]);
    assert_eq!(users.as_array().map(Vec::len), Some(1200));
    assert_eq!(users[0]["password"], "argon2id");
    assert!(users[1]["password"].is_null());
    site.run(&["user", "import", &file]).ends(0);
    assert_eq!(
        site.json(&["user", "list"]).as_array().map(Vec::len),
        Some(1200)
    );
}

#[test]
fn an_app_is_shown_once_and_replaced_only_when_that_is_meant() {
    let site = Site::new();
    add(&site, "erin", &[]);
    assert_eq!(site.json(&["user", "show", "erin"])["totp"], false);
    let made = site.json(&["user", "totp", "enable", "ERIN"]);
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(secret.len(), 32, "160 bits in base32");
    let url = made["url"].as_str().expect("an address");
    assert!(url.starts_with("otpauth://totp/nac:erin?") && url.contains(&secret));
    let shown = site.run(&["user", "show", "erin"]);
    assert!(!shown.out.contains(&secret));
    shown.ends(0).says(&["authenticator app"]);
    site.run(&["user", "totp", "enable", "erin"])
        .ends(1)
        .says(&["already", "--replace"]);
    let replaced = site.run(&["user", "totp", "enable", "erin", "--replace"]);
    assert!(!replaced.out.contains(&secret));
    replaced
        .ends(0)
        .says(&["shown only now", "otpauth://totp/"]);
    site.run(&["user", "set", "erin", "--group", "staff"])
        .ends(0);
    assert_eq!(site.json(&["user", "show", "erin"])["totp"], true);
    site.run(&["user", "totp", "disable", "erin"]).ends(0);
    assert_eq!(site.json(&["user", "show", "erin"])["totp"], false);
    site.run(&["user", "totp", "enable", "nobody"]).ends(1);
}

#[test]
fn a_password_ends_at_once_at_a_moment_or_never() {
    let site = Site::new();
    add(&site, "fay", &["--mschap"]);
    let expires = || site.json(&["user", "show", "fay"])["password_expires_us"].clone();
    assert!(expires().is_null());
    site.run(&["user", "show", "fay"])
        .ends(0)
        .says(&["password expires", "never"]);
    site.run(&["user", "set", "fay", "--password-expires", "90d"])
        .ends(0);
    assert!(expires().is_i64());
    site.run(&["user", "set", "fay", "--password-expires", "2027-01-31"])
        .ends(0);
    let day = expires();
    site.run(&["user", "set", "fay", "--group", "staff"])
        .ends(0);
    assert_eq!(expires(), day);
    site.run(&["user", "set", "fay", "--password-expires", "never"])
        .ends(0);
    assert!(expires().is_null());
    site.run(&["user", "set", "fay", "--must-change-password"])
        .ends(0);
    site.run(&["user", "show", "fay"])
        .ends(0)
        .says(&["has to choose a new one"]);
    site.run_with(&["user", "set", "fay", "--password-stdin"], "another")
        .ends(0);
    assert!(expires().is_null(), "a new password begins anew");
    site.run(&["user", "set", "fay", "--password-expires", "soon"])
        .ends(2)
        .says(&["30d, 2027-01-31 or never"]);
}
