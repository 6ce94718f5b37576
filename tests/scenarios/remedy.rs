//! Remediation: the page names what is wrong, the person mends it, the network lets them in again.

use nac_test_support::wait;

use crate::browser::{ADDRESS, Browser};
use crate::laptop::{DISK_ENCRYPTION, Laptop, arrive, moves};
use crate::site::{SOON, Site};
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x5c, 0x00, 0x01];
const FIREWALL: &str = "linux-firewall";

fn office() -> Site {
    let site = Site::start();
    site.staff("alice");
    site
}

/// The laptop goes on polling until the question is answered.
fn answers(browser: &Browser<'_>, laptop: &Laptop) {
    let answered = wait::until(SOON, || {
        laptop.poll();
        !browser
            .page("/remedy")
            .contains("Your device is being checked.")
    });
    assert!(answered, "the page goes on saying that it is checked");
}

#[test]
fn who_mends_what_the_page_names_and_checks_again_is_let_in_and_told_so() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let (laptop, alice) = arrive(&site, &port);
    let browser = Browser::new(&site);
    browser.page_saying("/remedy", "All checks pass.");

    laptop.decrypt_disk();
    laptop.stop_firewall();
    laptop.report();
    moves(&site, &switch, &port, &alice, "quarantine");
    let page = browser.page_saying("/remedy", "is limited because 2 of");
    assert!(
        page.contains(&format!("id=\"c-{DISK_ENCRYPTION}\"")),
        "{page}"
    );
    assert!(page.contains(&format!("id=\"c-{FIREWALL}\"")), "{page}");
    // The administrator sees the same, and that the person was told.
    let listed = site.nac(&["quarantine", "list", "--json", "--check", FIREWALL]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["kind"], "posture", "{listed:#}");
    assert!(listed[0]["told_us"].is_i64(), "{listed:#}");

    // One of two is mended: still limited, by what is left.
    laptop.start_firewall();
    browser.send("/remedy/check", "");
    answers(&browser, &laptop);
    let page = browser.page_saying("/remedy", "is limited because 1 of");
    assert!(!page.contains(FIREWALL), "{page}");
    assert!(switch.is_left_alone());

    laptop.encrypt_disk();
    browser.send("/remedy/check", "");
    browser.page_saying("/remedy", "Your device is being checked.");
    answers(&browser, &laptop);
    moves(&site, &switch, &port, &alice, "staff");
    browser.page_saying("/remedy", "Access restored at ");
    let over = site.nac(&["quarantine", "list"]);
    assert!(over.contains("nobody is in quarantine"), "{over}");
    assert!(switch.is_left_alone());
}

#[test]
fn an_exception_that_was_asked_for_and_granted_lets_in_until_its_time_is_over() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let (laptop, alice) = arrive(&site, &port);
    let browser = Browser::new(&site);
    laptop.decrypt_disk();
    laptop.report();
    moves(&site, &switch, &port, &alice, "quarantine");
    browser.page_saying("/remedy", "is limited because 1 of");
    let form = format!("rule={DISK_ENCRYPTION}&reason=the+new+disk+comes+on+Monday&hours=24");
    browser.send("/remedy/exception", &form);
    browser.page_saying("/remedy", "You asked for an exception on");
    assert!(switch.is_left_alone(), "asking grants nothing");

    let asked = site.nac(&["exception", "list", "--state", "requested", "--json"]);
    let asked: serde_json::Value = serde_json::from_str(&asked).expect("JSON");
    assert_eq!(asked[0]["requested_by"], "alice", "{asked:#}");
    let id = asked[0]["id"].as_str().expect("an id");
    site.nac(&["exception", "approve", id, "--expires", "4s"]);
    moves(&site, &switch, &port, &alice, "staff");
    let told = site.nac(&["why", &port.mac_text()]);
    assert!(told.contains("excepted"), "{told}");
    assert!(told.contains("the new disk comes on Monday"), "{told}");

    // Nobody does anything: its time is over.
    moves(&site, &switch, &port, &alice, "quarantine");
    browser.page_saying("/remedy", "is limited because 1 of");
    let over = site.nac(&["exception", "show", id, "--json"]);
    let over: serde_json::Value = serde_json::from_str(&over).expect("JSON");
    assert_eq!(over["state"], "expired", "{over:#}");
}

#[test]
fn an_exception_to_a_quarantine_ends_it_for_a_time() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let (_laptop, alice) = arrive(&site, &port);
    let browser = Browser::new(&site);
    site.nac(&[
        "quarantine",
        "add",
        &port.mac_text(),
        "--reason",
        "seen scanning",
    ]);
    moves(&site, &switch, &port, &alice, "quarantine");
    browser.page_saying("/remedy", "seen scanning");
    let listed = site.nac(&["quarantine", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let id = listed[0]["id"].as_str().expect("an id");
    let add = [
        "exception",
        "add",
        "--quarantine",
        id,
        "--reason",
        "exam",
        "--expires",
        "1h",
        "--json",
    ];
    let added: serde_json::Value = serde_json::from_str(&site.nac(&add)).expect("JSON");
    moves(&site, &switch, &port, &alice, "staff");
    let exception = added["id"].as_str().expect("an id");
    site.nac(&["exception", "revoke", exception, "--reason", "over"]);
    moves(&site, &switch, &port, &alice, "quarantine");
}

#[test]
fn an_agent_that_is_silent_is_called_silent_and_not_failing() {
    let site = Site::start_with("[posture]\nmax_age_seconds = 10\n");
    site.staff("alice");
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let (laptop, alice) = arrive(&site, &port);
    let coa = switch.nas.next(SOON * 4);
    assert!(coa.is_some(), "a CoA-Request when the answers are too old");
    assert_eq!(port.dot1x(&alice).vlan().as_deref(), Some("99"));
    port.interim(ADDRESS);
    let browser = Browser::new(&site);
    let page = browser.page_saying("/remedy", "We have not heard from the security agent since");
    assert!(!page.contains("checks failed"), "{page}");
    // Asking a host that is away is honest too.
    browser.send("/remedy/check", "");
    browser.page_saying("/remedy", "Your device is being checked.");
    laptop.report();
    moves(&site, &switch, &port, &alice, "staff");
}

#[test]
fn an_answer_under_another_hosts_key_releases_nobody() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "cisco-ios");
    let port = switch.port(3, MAC);
    let (laptop, alice) = arrive(&site, &port);
    laptop.decrypt_disk();
    laptop.report();
    moves(&site, &switch, &port, &alice, "quarantine");
    let browser = Browser::new(&site);
    browser.page_saying("/remedy", "is limited because 1 of");
    // A healthy machine of somebody else, which claims the same address, answers all that it is asked.
    let other = Laptop::healthy(&site, "00:16:3e:5c:00:02", None, [127, 0, 1, 77]);
    browser.send("/remedy/check", "");
    other.poll();
    other.poll();
    let page = browser.page("/remedy");
    assert!(page.contains("Your device is being checked."), "{page}");
    assert!(switch.is_left_alone());
    answers(&browser, &laptop);
    browser.page_saying("/remedy", "is limited because 1 of");
    assert!(switch.is_left_alone());
}
