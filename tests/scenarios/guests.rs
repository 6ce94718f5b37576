//! Guests: a phone that may only register, its owner with a browser, a mail server, a sponsor, and a switch that is told to move it.

use nac_test_support::cast;
use nac_test_support::smtp::MailSink;
use nac_test_support::wait;
use serde_json::Value;

use crate::site::{SOON, Site, has_moved_to};
use crate::switch::{Port, Switch};
use crate::visitor::Visitor;

const REGISTRATION: &str = "90";
const GUEST: &str = "80";

/// A site with mail and the given portal settings.
fn hotel(sink: &MailSink, settings: &[&str]) -> Site {
    let site = Site::start_with(&format!(
        "[mail]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"Hotel <noreply@hotel.example>\"\n",
        sink.address().port()
    ));
    let mut set = vec!["portal", "set", "methods", "guest,voucher"];
    set.extend(settings);
    site.nac(&set);
    site
}

/// A phone that nobody knows, with an address by DHCP.
fn arrive<'s>(site: &Site, switch: &'s Switch, number: u32, address: [u8; 4]) -> Port<'s> {
    let last = u8::try_from(number).expect("a small number");
    let port = switch.port(number, [0x02, 0x00, 0x5e, 0x50, 0x00, last]);
    assert_eq!(port.mab().vlan().as_deref(), Some(REGISTRATION));
    port.start();
    port.interim(address);
    // The portal knows who is behind the address, and that it is nobody's guest.
    let person = Visitor::at(site, address);
    assert!(wait::until(SOON, || person.get("/guest/status").status == 303));
    port
}

/// The switch was told to ask again, and does.
fn moves(site: &Site, switch: &Switch, port: &Port<'_>, vlan: &str, segment: &str) {
    switch.coa();
    assert_eq!(port.mab().vlan().as_deref(), Some(vlan));
    site.why_once(&port.mac_text(), |why| has_moved_to(why, segment));
}

/// Where a link in a mail leads, on the portal of the site.
fn path<'m>(site: &Site, link: &'m str) -> &'m str {
    let portal = format!("https://localhost:{}", site.portal.port());
    link.strip_prefix(&portal)
        .unwrap_or_else(|| panic!("{link} leads to another place than {portal}"))
}

fn guests(site: &Site) -> Value {
    let listed = site.nac(&["guest", "list", "--json"]);
    serde_json::from_str(&listed).expect("JSON")
}

#[test]
fn a_guest_registers_confirms_by_mail_is_moved_and_leaves_with_the_time() {
    let sink = MailSink::start();
    let site = hotel(&sink, &["guest.hours", "1"]);
    let switch = Switch::add(&site, "lobby", [127, 0, 1, 1], "cisco-ios");
    let address = [127, 0, 6, 1];
    let phone = arrive(&site, &switch, 1, address);
    let person = Visitor::at(&site, address);

    let waiting = person.send("/guest", "name=Ada&email=ada%40example.org");
    assert!(waiting.body.contains("ada@example.org"), "{waiting:?}");
    moves(&site, &switch, &phone, GUEST, "guest-activation");
    let mail = sink.next(SOON * 4).expect("a mail");
    assert_eq!(mail.to, ["ada@example.org"]);
    assert_eq!(mail.from, "noreply@hotel.example");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    let link = path(&site, mail.link()).to_owned();

    // A laptop elsewhere opens the mail. Looking confirms nothing.
    let laptop = Visitor::at(&site, [127, 0, 6, 99]);
    let asked = laptop.get(&link);
    assert!(asked.body.contains(&phone.mac_text()), "{asked:?}");
    assert!(switch.is_left_alone());
    let confirmed = laptop.send(&link, "");
    assert!(confirmed.body.contains("Confirmed"), "{confirmed:?}");
    moves(&site, &switch, &phone, GUEST, "guest");
    assert!(
        person
            .get("/guest/status")
            .body
            .contains("You are connected")
    );
    assert_eq!(guests(&site)[0]["status"], "active");

    // An operator ends it; a stay that ends by its time takes the same way.
    site.nac(&["guest", "revoke", "Ada"]);
    moves(&site, &switch, &phone, REGISTRATION, "registration");
    assert!(
        person
            .get("/guest/status")
            .body
            .contains("Your time is over")
    );
}

#[test]
fn a_stay_that_is_over_moves_the_device_back() {
    let sink = MailSink::start();
    let site = hotel(&sink, &[]);
    let switch = Switch::add(&site, "lobby", [127, 0, 1, 1], "cisco-ios");
    let phone = arrive(&site, &switch, 1, [127, 0, 6, 1]);
    let mac = phone.mac_text();
    site.nac(&["guest", "add", "Ada", "--mac", &mac, "--duration", "3s"]);
    moves(&site, &switch, &phone, GUEST, "guest");
    moves(&site, &switch, &phone, REGISTRATION, "registration");
    // The session moves at the moment itself; the record follows with the next round of the housekeeping.
    let told = wait::until(SOON * 4, || guests(&site)[0]["status"] == "expired");
    assert!(told, "{}", guests(&site)[0]);
    assert_eq!(guests(&site)[0]["ended_by"], "expiry");
}

#[test]
fn a_voucher_lets_a_phone_in_and_goes_with_its_batch() {
    let sink = MailSink::start();
    let site = hotel(&sink, &[]);
    let switch = Switch::add(&site, "lobby", [127, 0, 1, 1], "cisco-ios");
    let address = [127, 0, 6, 1];
    let phone = arrive(&site, &switch, 1, address);
    let person = Visitor::at(&site, address);
    let made: Value =
        serde_json::from_str(&site.nac(&["voucher", "create", "--json"])).expect("JSON");
    let code = made["vouchers"][0]["code"].as_str().expect("a code");
    let wrong = person.post("/voucher", "code=00000-00000");
    assert!(wrong.body.contains("There is no such code"), "{wrong:?}");
    let on = person.send("/voucher", &format!("code={}", code.to_lowercase()));
    assert!(on.body.contains("You are connected"), "{on:?}");
    moves(&site, &switch, &phone, GUEST, "guest");

    // The second phone comes too late.
    let other_address = [127, 0, 6, 2];
    let other = arrive(&site, &switch, 2, other_address);
    let used = Visitor::at(&site, other_address).post("/voucher", &format!("code={code}"));
    assert!(used.body.contains("used up"), "{used:?}");
    let batch = made["batch"]["id"].as_str().expect("an id");
    site.nac(&["voucher", "revoke", batch]);
    moves(&site, &switch, &phone, REGISTRATION, "registration");
    other.stop();
}

#[test]
fn a_sponsor_signs_in_and_lets_the_guest_in_for_less() {
    let sink = MailSink::start();
    // The first try is refused for now; the message comes all the same.
    sink.refuse(1);
    let site = hotel(
        &sink,
        &[
            "guest.fields",
            "name:required,email:required,sponsor:required",
            "guest.approval",
            "true",
            "guest.verify_email",
            "false",
            "guest.sponsor_domains",
            "hotel.example",
            "guest.sponsor_groups",
            "staff",
        ],
    );
    site.staff("carol");
    let switch = Switch::add(&site, "lobby", [127, 0, 1, 1], "cisco-ios");
    let address = [127, 0, 6, 1];
    let phone = arrive(&site, &switch, 1, address);
    let person = Visitor::at(&site, address);
    let form = "name=Ada&email=ada%40example.org&sponsor=carol%40hotel.example";
    let waiting = person.send("/guest", form);
    assert!(waiting.body.contains("carol@hotel.example"), "{waiting:?}");
    moves(&site, &switch, &phone, GUEST, "guest-activation");
    let mail = sink.next(SOON * 6).expect("a mail, at the second try");
    assert_eq!(sink.to_refuse(), 0);
    assert_eq!(mail.to, ["carol@hotel.example"]);
    assert!(mail.text.contains("Ada"));
    let link = path(&site, mail.link());
    let plain = link.split('?').next().expect("a path").to_owned();

    let carol = Visitor::at(&site, [127, 0, 6, 50]);
    assert!(carol.get(link).body.contains("type=\"password\""));
    assert_eq!(
        guests(&site)[0]["status"],
        "awaiting",
        "a look decides nothing"
    );
    let password = cast::PASSWORD;
    let signed = carol.post(&plain, &format!("user=carol&password={password}"));
    assert_eq!(signed.status, 303, "{signed:?}");
    let request = carol.get(&signed.location);
    let mark = "name=\"signed_in\" value=\"";
    let start = request.body.find(mark).expect("the sign-in goes on") + mark.len();
    let signed_in = request.body[start..].split('"').next().expect("a value");
    let decided = carol.send(
        &format!("{plain}/decide"),
        &format!("signed_in={signed_in}&decision=approve&hours=1&reason="),
    );
    assert!(
        decided.body.contains("carol let this guest in"),
        "{decided:?}"
    );
    moves(&site, &switch, &phone, GUEST, "guest");
    let guest = &guests(&site)[0];
    assert_eq!(guest["duration_s"], 3_600);
    assert_eq!(guest["decided_by"], "carol");
}

#[test]
fn who_tries_codes_is_stopped_and_others_are_not() {
    let sink = MailSink::start();
    let site = hotel(&sink, &[]);
    let switch = Switch::add(&site, "lobby", [127, 0, 1, 1], "cisco-ios");
    let (bad, good) = ([127, 0, 6, 1], [127, 0, 6, 2]);
    arrive(&site, &switch, 1, bad);
    arrive(&site, &switch, 2, good);
    let statuses: Vec<u16> = (0..12)
        .map(|number| {
            let form = format!("code=00000000{number:02}");
            Visitor::at(&site, bad).post("/voucher", &form).status
        })
        .collect();
    assert_eq!(statuses[..10], [200; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    let made = site.nac(&["voucher", "create"]);
    let person = Visitor::at(&site, good);
    let on = person.send("/voucher", &format!("code={}", made.trim()));
    assert!(on.body.contains("You are connected"), "{on:?}");
}
