//! The command lines that scripts depend on, exactly as they stand in the documentation.

use std::process::Command;

use crate::site::{Site, nac};

#[test]
fn the_lines_of_the_contract_work_as_they_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect(name);
    write("FILE", "testing123\n");
    write(
        "users.csv",
        "name,password,groups,mschap\nuser1,one one,staff,yes\nuser2,two,staff;vpn,\n",
    );
    write(
        "devices.csv",
        "mac,owner,labels\n02:00:00:00:00:02,user1,printer\n",
    );
    let program = nac();
    let bin = std::path::Path::new(program.get_program())
        .parent()
        .expect("a folder");
    let script = r#"
set -eu
nac init DIR --yes
nac --config DIR/nac.toml client add lab --address 127.0.0.0/8 --secret-file FILE --allow-weak-secret
nac --config DIR/nac.toml segment set staff --vlan 20
printf %s PASSWORD | nac --config DIR/nac.toml user add user0 --group staff --password-stdin --mschap
nac --config DIR/nac.toml user import users.csv
nac --config DIR/nac.toml device add 02:00:00:00:00:01 --label printer
nac --config DIR/nac.toml device import devices.csv
nac --config DIR/nac.toml certificate issue --user user0 --out certificates
nac --config DIR/nac.toml certificate issue --device laptop --out certificates
nac policy check --config DIR/nac.toml policy.cedar
nac --config DIR/nac.toml policy apply policy.cedar
nac --config DIR/nac.toml posture flagfile
nac --config DIR/nac.toml user list --json
"#;
    write("policy.cedar", nac_policy::STARTER_POLICY);
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", bin.display()))
        .env_remove("NAC_CONFIG")
        .output()
        .expect("a shell");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "out: {out}\nerr: {err}");
    let users: serde_json::Value =
        serde_json::from_str(out.lines().last().expect("a last line")).expect("JSON");
    let names: Vec<&str> = users
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|user| user["name"].as_str())
        .collect();
    assert_eq!(names, ["user0", "user1", "user2"]);
    for file in [
        "user0.crt",
        "user0.key",
        "laptop.crt",
        "laptop.key",
        "ca.crt",
    ] {
        assert!(
            folder.path().join("certificates").join(file).is_file(),
            "{file}"
        );
    }
}

#[test]
fn every_command_explains_itself_and_wrong_usage_is_status_two() {
    let site = Site::new();
    for command in [
        "init",
        "config",
        "client",
        "segment",
        "user",
        "device",
        "quarantine",
        "certificate",
        "policy",
        "posture",
    ] {
        site.run_bare(&[command, "--help"])
            .ends(0)
            .says(&["Usage: nac"]);
    }
    for deep in [
        ["client", "add"],
        ["user", "import"],
        ["certificate", "issue"],
    ] {
        site.run_bare(&[deep[0], deep[1], "--help"]).ends(0);
    }
    site.run_bare(&["client", "add", "--help"])
        .ends(0)
        .says(&["Examples:", "--allow-weak-secret"]);
    site.run_bare(&["clientt"]).ends(2).says(&["client"]);
    site.run_bare(&["client", "add"]).ends(2);
    site.run_bare(&["certificate", "issue", "--out", "x"])
        .ends(2);
    site.run_bare(&["--version"]).ends(0);
}

#[test]
fn with_json_an_error_is_one_line_of_json_on_standard_error() {
    let site = Site::new();
    let run = site.run(&["client", "show", "nobody", "--json"]).ends(1);
    assert_eq!(run.out, "");
    assert_eq!(run.err.lines().count(), 1);
    let error: serde_json::Value = serde_json::from_str(&run.err).expect("JSON");
    assert_eq!(error["error"], "there is no client nobody");
    assert!(error["fix"].is_string());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let site = Site::new();
    let mut child = nac()
        .arg("--config")
        .arg(site.installed("nac.toml"))
        .args(["policy", "show"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    assert!(output.status.success());
}

#[test]
fn whatever_an_administrator_keeps_is_added_set_listed_shown_and_removed_by_the_same_words() {
    for noun in [
        "client",
        "user",
        "device",
        "segment",
        "guest",
        "voucher",
        "exception",
        "quarantine",
    ] {
        for verb in ["add", "set", "list", "show", "remove"] {
            // A voucher's batch is not changed once it is printed.
            if (noun, verb) == ("voucher", "set") {
                continue;
            }
            let output = nac().args([noun, verb, "--help"]).output().expect("nac");
            assert!(output.status.success(), "nac {noun} {verb}");
        }
    }
}
