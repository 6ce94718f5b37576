//! Faults of `nac.toml`, as the person who wrote it sees them.

use std::fs;

use crate::site::Site;

/// Changes the configuration file of an installation.
fn edit(site: &Site, from: &str, to: &str) {
    let file = site.installed("nac.toml");
    let text = fs::read_to_string(&file).expect("read");
    assert!(text.contains(from), "{text}");
    fs::write(&file, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn all_faults_are_shown_at_once_each_underlined_with_its_fix() {
    let site = Site::new();
    edit(
        &site,
        "listen_auth = \"0.0.0.0:1812\"",
        "listen_auht = \"0.0.0.0:1812\"",
    );
    edit(
        &site,
        "listen = \"127.0.0.1:9812\"",
        "listen = \"127.0.0.1:9443\"",
    );
    edit(&site, "tls/server.key", "tls/gone.key");
    let run = site.run(&["config", "check"]).ends(1).says(&[
        "the configuration has 3 faults",
        "there is no key in [radius] called listen_auht",
        "help: did you mean listen_auth?",
        "[admin] listen and [metrics] listen would both listen on port 9443",
        "tls/gone.key does not exist",
    ]);
    let underlined = run.err.lines().filter(|line| line.contains("────")).count();
    assert!(underlined >= 3, "{}", run.err);
}

#[test]
fn commands_that_need_the_database_stop_at_a_fault_but_not_at_an_absent_certificate() {
    let site = Site::new();
    fs::remove_file(site.installed("tls/server.crt")).expect("removed");
    site.run(&["client", "list"]).ends(0);
    site.run(&["config", "check"])
        .ends(1)
        .says(&["server.crt does not exist"]);
    edit(&site, "[metrics]", "[metrix]");
    site.run(&["client", "list"])
        .ends(3)
        .says(&["did you mean metrics?"]);
}

#[test]
fn a_missing_configuration_says_where_to_get_one() {
    let site = Site::new();
    site.run_bare(&["--config", "nowhere.toml", "client", "list"])
        .ends(3)
        .says(&["nowhere.toml does not exist", "nac init DIR"]);
}

#[test]
fn the_configuration_is_found_by_environment_and_by_working_directory() {
    use crate::site::{Run, nac};
    let site = Site::new();
    let config = site.installed("nac.toml");
    Run::of(
        nac().env("NAC_CONFIG", &config).args(["client", "list"]),
        "",
    )
    .ends(0);
    Run::of(
        nac().current_dir(site.path("nac")).args(["client", "list"]),
        "",
    )
    .ends(0);
}

#[test]
fn without_any_configuration_both_usual_places_are_named() {
    if std::path::Path::new("/etc/nac/nac.toml").exists() {
        // This machine has an installation of its own, which would be found.
        return;
    }
    let site = Site::new();
    for command in [["client", "list"], ["config", "check"]] {
        site.run_bare(&command)
            .ends(3)
            .says(&["./nac.toml", "/etc/nac/nac.toml", "nac init DIR"]);
    }
}

#[test]
fn what_the_server_could_not_start_with_is_not_good() {
    let site = Site::new();
    site.run(&["config", "check"]).ends(0).says(&["is good"]);
    let key = fs::read(site.installed("sealing.key")).expect("read");
    let other = Site::new();
    fs::copy(
        other.installed("sealing.key"),
        site.installed("sealing.key"),
    )
    .expect("copied");
    site.run(&["config", "check"]).ends(1).says(&[
        "the server could not start",
        "nac/sealing.key is not the one",
    ]);
    fs::write(site.installed("sealing.key"), key).expect("written");
    fs::create_dir(site.installed("checks")).expect("created");
    fs::write(site.installed("checks/mine.toml"), "nonsense").expect("written");
    edit(&site, "# checks_dir", "checks_dir");
    site.run(&["config", "check"]).ends(1).says(&["mine.toml"]);
}

#[test]
fn a_check_makes_no_database() {
    let site = Site::new();
    edit(&site, "sqlite://nac.db", "sqlite://second.db");
    site.run(&["config", "check"])
        .ends(0)
        .says(&["the database does not exist yet"]);
    assert!(!site.installed("second.db").exists());
}

#[test]
fn faults_are_json_for_scripts() {
    let site = Site::new();
    edit(&site, "[metrics]", "[metrix]");
    let run = site.run(&["config", "check", "--json"]).ends(1);
    let error: serde_json::Value = serde_json::from_str(&run.err).expect("JSON");
    assert_eq!(
        error["faults"][0]["message"],
        "there is no section called metrix"
    );
    assert!(error["faults"][0]["line"].is_u64());
}
