//! Starts that must fail: one message that says what, where and what to do, exit status 3, nothing half-written.

use std::fs::set_permissions;
use std::net::{TcpListener, UdpSocket};

use nac_test_support::program;

use crate::installation::{Installation, files, mode, run};

#[test]
fn a_missing_folder_for_the_database_is_not_made_up() {
    let site = Installation::new();
    site.set("database", "url", "sqlite:///nonexistent/folder/nac.db");
    let before = site.content();
    site.start()
        .cannot(&["/nonexistent/folder does not exist", "create it"]);
    assert_eq!(site.content(), before);
}

#[test]
fn a_read_only_folder_stops_the_start_in_words() {
    let site = Installation::new();
    site.give_away();
    let database = site.database();
    set_permissions(&database, mode(0o444)).expect("it is ours");
    set_permissions(site.home(), mode(0o555)).expect("it is ours");
    let before = site.content();
    let ended = site.start_as_nobody();
    set_permissions(site.home(), mode(0o755)).expect("it is ours");
    ended.cannot(&[
        &database.display().to_string(),
        "cannot be written",
        "write access",
    ]);
    assert_eq!(site.content(), before);
}

#[test]
fn a_read_only_database_stops_the_start_in_words() {
    let site = Installation::new();
    site.give_away();
    set_permissions(site.database(), mode(0o444)).expect("it is ours");
    let before = site.content();
    let ended = site.start_as_nobody();
    ended.cannot(&[
        &site.database().display().to_string(),
        "cannot be written",
        "write access",
    ]);
    assert_eq!(site.content(), before);
}

#[test]
fn a_writable_database_in_a_read_only_folder_stops_the_start_too() {
    let site = Installation::new();
    site.give_away();
    set_permissions(site.home(), mode(0o555)).expect("it is ours");
    let before = site.content();
    let ended = site.start_as_nobody();
    set_permissions(site.home(), mode(0o755)).expect("it is ours");
    ended.cannot(&["cannot be written", "-wal and -shm"]);
    assert_eq!(site.content(), before);
}

#[test]
fn a_configuration_that_may_not_be_read_is_told_apart_from_a_missing_one() {
    let site = Installation::new();
    set_permissions(site.config(), mode(0o000)).expect("it is ours");
    let before = site.content();
    let ended = site.start_as_nobody();
    ended.cannot(&["nac.toml", "may not be read by this user"]);
    assert_eq!(site.content(), before);
}

#[test]
fn init_leaves_nothing_behind_where_it_may_not_write() {
    let site = Installation::new();
    let closed = site.directory().join("closed");
    std::fs::create_dir(&closed).expect("it is ours");
    set_permissions(&closed, mode(0o555)).expect("it is ours");
    let mut command = site.as_nobody();
    command.arg("init").arg(closed.join("new")).arg("--yes");
    let ended = run(&mut command, "");
    ended.cannot(&[&closed.display().to_string(), "permission denied", "fix:"]);
    assert!(files(&closed).is_empty());
}

#[test]
fn init_overwrites_no_installation() {
    let site = Installation::new();
    let before = site.content();
    let mut command = std::process::Command::new(program::nac());
    command.arg("init").arg(site.home()).arg("--yes");
    let ended = run(&mut command, "");
    assert_ne!(ended.status, Some(0));
    assert!(
        ended.said.contains(&site.home().display().to_string()),
        "{}",
        ended.said
    );
    assert_eq!(site.content(), before);
}

#[test]
fn every_taken_port_is_named_at_once() {
    let site = Installation::new();
    let taken_udp = [site.auth, site.acct].map(|address| UdpSocket::bind(address).expect("free"));
    let taken_tcp = [site.portal, site.admin, site.metrics]
        .map(|address| TcpListener::bind(address).expect("free"));
    let ended = site.start();
    ended.cannot(&["another program uses this port"]);
    for (address, key) in [
        (site.auth, "[radius] listen_auth"),
        (site.acct, "[radius] listen_acct"),
        (site.portal, "[portal] listen"),
        (site.admin, "[admin] listen"),
        (site.metrics, "[metrics] listen"),
    ] {
        let named = ended
            .said
            .lines()
            .filter(|line| line.contains(&address.to_string()) && line.contains(key));
        assert_eq!(named.count(), 1, "{key}: {}", ended.said);
    }
    drop((taken_udp, taken_tcp));
}

#[test]
fn one_taken_port_stops_the_start_before_anything_is_answered() {
    let site = Installation::with_cast();
    let running = site.serve();
    // A second server on the same ports, with a database of its own.
    let second = Installation::new();
    for (section, key, address) in [
        ("radius", "listen_auth", site.auth),
        ("radius", "listen_acct", site.acct),
    ] {
        second.set(section, key, &address.to_string());
    }
    second
        .start()
        .cannot(&[&site.auth.to_string(), &site.acct.to_string()]);
    assert!(running.is_running());
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let site = Installation::new();
    site.tamper(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', 1, x'00', 1)",
    );
    let before = site.content();
    site.start().cannot(&[
        "migration 9999",
        "a newer nac has used it",
        "Run that version",
    ]);
    assert_eq!(site.content(), before);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let site = Installation::new();
    let garbage = crate::ground::Noise::new(3).octets(100_000);
    std::fs::write(site.database(), &garbage).expect("it is ours");
    let before = site.content();
    site.start()
        .cannot(&[&site.database().display().to_string(), "not a database"]);
    assert_eq!(site.content(), before);
}

#[test]
fn a_damaged_database_is_named_with_the_way_out() {
    let site = Installation::new();
    let whole = std::fs::read(site.database()).expect("it is ours");
    std::fs::write(site.database(), &whole[..5000]).expect("it is ours");
    let ended = site.start();
    ended.cannot(&[&site.database().display().to_string(), "restore"]);
}

#[test]
fn a_stored_policy_that_does_not_load_any_more_stops_the_start() {
    let site = Installation::new();
    site.tamper("DELETE FROM segment WHERE name = 'staff'");
    let ended = site.start();
    ended.cannot(&[
        "policy version 1",
        "`staff`",
        "nac segment set",
        "nac policy apply",
    ]);
}

#[test]
fn a_missing_sealing_key_is_never_replaced() {
    let site = Installation::new();
    std::fs::remove_file(site.key()).expect("it is there");
    let before = site.content();
    site.start().cannot(&[
        &site.key().display().to_string(),
        "does not exist",
        "restore",
    ]);
    assert_eq!(site.content(), before);
}

#[test]
fn the_sealing_key_of_another_database_is_refused() {
    let site = Installation::new();
    let other = Installation::new();
    std::fs::copy(other.key(), site.key()).expect("both are ours");
    let before = site.content();
    site.start().cannot(&[
        "is not the one that sealed the secrets",
        "restore the key file",
    ]);
    assert_eq!(site.content(), before);
}

#[test]
fn a_sealing_key_file_that_holds_no_key_is_refused() {
    let site = Installation::new();
    for text in ["", "hello", "AAAA", &"A".repeat(100_000)] {
        std::fs::write(site.key(), text).expect("it is ours");
        site.start()
            .cannot(&[&site.key().display().to_string(), "32 bytes"]);
    }
}

#[test]
fn a_sealing_key_that_others_may_read_is_refused() {
    let site = Installation::new();
    for bits in [0o640, 0o604, 0o666] {
        set_permissions(site.key(), mode(bits)).expect("it is ours");
        let fix = format!("chmod 600 {}", site.key().display());
        site.start().cannot(&[&format!("mode {bits:o}"), &fix]);
    }
}

#[test]
fn a_configuration_with_several_faults_names_all_of_them() {
    let site = Installation::new();
    let text = "[radius]\nlisten_auth = \"nowhere\"\nlisten_act = \"127.0.0.1:1813\"\n[ports]\nx = 1\n\
                [eap]\nmethods = [\"MD5\"]\n";
    std::fs::write(site.config(), text).expect("it is ours");
    let ended = site.start();
    let words = ["nowhere", "listen_act", "ports", "MD5", "nac.toml"];
    ended.cannot(&words);
}
