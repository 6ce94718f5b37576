//! `nac init`, and what becomes of an installation whose files are missing or damaged.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::site::{Run, Site, mode, nac};

/// Everything in a folder, hidden files included.
fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn an_installation_is_complete_and_its_secrets_are_the_owners_alone() {
    let site = Site::new();
    let files = [
        "ca.crt",
        "nac.db",
        "nac.toml",
        "osquery-enroll-secret",
        "sealing.key",
        "tls",
    ];
    assert_eq!(entries(&site.path("nac")), files);
    for secret in [
        "nac.db",
        "nac.toml",
        "osquery-enroll-secret",
        "sealing.key",
        "tls/server.key",
    ] {
        assert_eq!(mode(&site.installed(secret)), 0o600, "{secret}");
    }
    assert_eq!(
        entries(&site.path("")),
        ["nac"],
        "nothing else was left behind"
    );
    site.run(&["config", "check"])
        .ends(0)
        .says(&["is good", "radius.test"]);
    let segments = site.json(&["segment", "list"]);
    let vlans: Vec<(&str, &str)> = segments
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["name"].as_str().expect("a name"),
                one["vlan"].as_str().expect("a VLAN"),
            )
        })
        .collect();
    let expected = [
        ("devices", "70"),
        ("guest", "80"),
        ("guest-activation", "80"),
        ("quarantine", "99"),
        ("registration", "90"),
        ("staff", "10"),
    ];
    assert_eq!(vlans, expected);
    assert_eq!(
        site.json(&["policy", "history"]).as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        site.json(&["posture", "secret", "list"])[0]["name"],
        "first"
    );
}

#[test]
fn it_says_what_to_do_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = Run::of(
        nac()
            .current_dir(folder.path())
            .args(["init", "site", "--yes"]),
        "",
    )
    .ends(0);
    let run = run.says(&[
        "Fingerprint (SHA-256)",
        "client add switch-1",
        "aaa server radius dynamic-author",
        "auth_server_shared_secret=SECRET",
        "nac serve --config",
        "client add here --address 127.0.0.1 --secret-file",
        "--user alice --password-prompt --ca",
        "Back up",
    ]);
    let fingerprint = run.out.lines().find(|line| line.matches(':').count() == 31);
    assert!(fingerprint.is_some(), "{}", run.out);
}

#[test]
fn a_second_installation_in_the_same_folder_is_refused_and_changes_nothing() {
    let site = Site::new();
    let before = fs::read(site.installed("sealing.key")).expect("a key");
    let folder = site.path("nac");
    let folder = folder.to_str().expect("text");
    site.run_bare(&["init", folder, "--yes"])
        .ends(1)
        .says(&["holds an installation already", "nothing was changed"]);
    assert_eq!(
        fs::read(site.installed("sealing.key")).expect("a key"),
        before
    );
    assert_eq!(entries(&site.path("")), ["nac"]);
}

#[test]
fn a_folder_with_other_things_in_it_is_refused_and_an_empty_one_is_used() {
    let site = Site::new();
    fs::create_dir(site.path("full")).expect("created");
    site.file("full/letter.txt", "dear");
    site.run_bare(&["init", "full", "--yes"])
        .ends(1)
        .says(&["is not empty", "letter.txt"]);
    assert_eq!(entries(&site.path("full")), ["letter.txt"]);
    fs::create_dir(site.path("empty")).expect("created");
    site.run_bare(&["init", "empty", "--yes"]).ends(0);
    assert!(site.path("empty/nac.toml").is_file());
    site.file("plain", "");
    site.run_bare(&["init", "plain", "--yes"])
        .ends(1)
        .says(&["is a file"]);
}

#[test]
fn without_consent_nothing_is_created() {
    let site = Site::new();
    site.run_bare(&["init", "other"])
        .ends(2)
        .says(&["not a terminal", "--yes"]);
    assert_eq!(entries(&site.path("")), ["nac"]);
}

#[test]
fn a_name_that_no_certificate_can_hold_leaves_nothing_behind() {
    let site = Site::new();
    site.run_bare(&["init", "other", "--yes", "--name", "two words"])
        .ends(2)
        .says(&["\"two words\" cannot stand in a certificate"]);
    assert_eq!(entries(&site.path("")), ["nac"]);
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).expect("created");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("opened");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).expect("locked");
    let mut command = nac();
    command.arg("init").arg(locked.join("nac")).arg("--yes");
    if fs::metadata(&locked).expect("it exists").uid() == 0 {
        // Root may write anywhere, so be somebody else.
        command.uid(65_534).gid(65_534);
    }
    Run::of(&mut command, "")
        .ends(3)
        .says(&["cannot create", "permission denied", "fix:"]);
    assert!(entries(&locked).is_empty());
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let site = Site::new();
    let database = rusqlite::Connection::open(site.installed("nac.db")).expect("opened");
    database
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'from the future', 1, x'00', 0)",
            [],
        )
        .expect("inserted");
    drop(database);
    site.run(&["client", "list"])
        .ends(3)
        .says(&["9999", "newer"]);
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let site = Site::new();
    fs::write(
        site.installed("nac.db"),
        "this is no database, whatever its name says",
    )
    .expect("written");
    site.run(&["client", "list"]).ends(3).says(&["nac.db"]);
}

#[test]
fn a_missing_open_or_wrong_sealing_key_is_named_with_the_fix() {
    let site = Site::new();
    let key = site.installed("sealing.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("opened");
    site.run(&["client", "list"])
        .ends(3)
        .says(&["sealing.key", "chmod 600"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("closed");
    let other = Site::new();
    fs::copy(other.installed("sealing.key"), &key).expect("copied");
    site.run(&["client", "list"])
        .ends(3)
        .says(&["nac/sealing.key is not the one", "nac.db"]);
    fs::remove_file(&key).expect("removed");
    site.run(&["client", "list"]).ends(3).says(&["sealing.key"]);
    site.run(&["config", "check"])
        .ends(1)
        .says(&["the sealing key", "does not exist"]);
}

#[test]
fn a_new_database_is_furnished_when_it_is_first_used() {
    let site = Site::new();
    let config = site.installed("nac.toml");
    let text = fs::read_to_string(&config).expect("read");
    fs::write(
        &config,
        text.replace("sqlite://nac.db", "sqlite://second.db"),
    )
    .expect("written");
    site.run(&["segment", "list"]).ends(0).says(&[
        "second.db was new",
        "starter policy",
        "registration",
    ]);
    let run = site.run(&["segment", "list"]).ends(0);
    assert_eq!(run.err, "");
}
