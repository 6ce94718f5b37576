//! The machine is lost, the backup is not.

use nac_test_support::cast::PASSWORD;

use crate::enforcement::office;
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x58, 0x00, 0x01];

#[test]
fn a_server_that_was_backed_up_while_it_ran_is_restored_and_answers_the_same_user() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(1, MAC);
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let before = site.why_once(&port.mac_text(), |why| why["session"]["id"].is_string());

    let file = site.directory().join("nac.tar.gz").display().to_string();
    site.nac(&["backup", &file, "--with-key"]);
    // What comes after the backup is lost with the machine.
    site.staff("late");
    site.kill();
    std::fs::remove_dir_all(site.home()).expect("the story's own folder");

    let home = site.home().display().to_string();
    let said = site.nac(&["restore", &file, &home]);
    assert!(said.contains(&home), "{said}");
    site.serve();
    // The switch's shared secret is sealed in the database, and so is nothing else that would help without the key.
    assert_eq!(port.pap("alice", PASSWORD).vlan().as_deref(), Some("10"));
    let whole = site.nac(&["audit", "verify"]);
    assert!(whole.contains("is whole"), "{whole}");
    let id = before["id"].as_str().expect("a decision");
    assert_eq!(site.why(id)["segment"], "staff", "the history is there");
}
