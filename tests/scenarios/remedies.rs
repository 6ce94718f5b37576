//! Every usual refusal: what `nac why` prints names it and says what to do, and doing that lets the next attempt in.

use std::time::Duration;

use nac_test_support::directory::TestDirectory;
use nac_test_support::exchange::Exchange;
use nac_test_support::pki::TestAuthority;
use nac_test_support::wire::{Packet, Request, attribute, code};
use nac_test_support::{cast, wait};

use crate::enforcement::office;
use crate::site::{SOON, Site};
use crate::supplicant::Supplicant;
use crate::switch::Switch;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0x5a, 0x00, 0x01];

/// What `nac why` prints about somebody, once the code is in it, without the breaks that a terminal's width makes.
fn told(site: &Site, subject: &str, code: &str, sentence: &str) -> String {
    let mut text = String::new();
    let said = wait::until(SOON, || {
        let output = site.try_nac(&["why", subject], "");
        text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.contains(&format!("({code})"))
    });
    assert!(said, "no {code} about {subject}:\n{text}");
    assert!(text.contains(sentence), "no \"{sentence}\" in:\n{text}");
    assert!(text.contains("remedy"), "no remedy in:\n{text}");
    text
}

/// The command that begins with `nac` and these words in a text, as it is printed, with its placeholders filled. A password or a secret
/// comes from standard input, for a story has no terminal.
fn command(text: &str, words: &str, fill: &[(&str, &str)]) -> Vec<String> {
    let begin = format!("nac {words}");
    let at = text.find(&begin);
    let rest = &text[at.unwrap_or_else(|| panic!("no `{begin}` in:\n{text}"))..];
    let end = rest
        .match_indices(['.', ';', ')', '(', '\n', '"'])
        .map(|(at, _)| at)
        .next();
    let printed = rest[..end.unwrap_or(rest.len())].trim();
    let filled = |word: &str| {
        let found = fill.iter().find(|(placeholder, _)| *placeholder == word);
        let word = found.map_or(word, |(_, value)| value);
        word.replace("--password-prompt", "--password-stdin")
    };
    // In a line of the log its fields follow.
    let printed_words = printed.split_whitespace().skip(1);
    let printed_words = printed_words.take_while(|word| !word.contains('='));
    let words: Vec<String> = printed_words.map(filled).collect();
    let left = |word: &&String| word.chars().all(|letter| letter.is_ascii_uppercase());
    assert_eq!(words.iter().find(left), None, "in `{printed}`");
    words
}

/// Does what was printed.
fn do_it(site: &Site, text: &str, words: &str, fill: &[(&str, &str)], input: &str) -> String {
    let arguments = command(text, words, fill);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    site.nac_with_input(&arguments, input)
}

/// What stands behind a label of `nac why`.
fn value<'a>(text: &'a str, label: &str) -> &'a str {
    let mut lines = text.lines().map(str::trim_start);
    let line = lines.find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in:\n{text}"))
        .trim()
}

/// The server learns of a change soon after the command is done.
fn gets_in(what: &str, mut attempt: impl FnMut() -> Packet) {
    let mut last = None;
    let accepted = wait::until(SOON, || {
        let reply = attempt();
        let accepted = reply.code == code::ACCESS_ACCEPT;
        last = Some(reply);
        accepted
    });
    assert!(accepted, "{what}: still {last:?}");
}

fn refused(what: &str, reply: &Packet) {
    assert_eq!(reply.code, code::ACCESS_REJECT, "{what}");
}

#[test]
fn an_unknown_a_mistyped_a_disabled_and_a_groupless_user_get_in_by_the_command_that_why_prints() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    let log_in = |password: &str| port.pap("newcomer", password);

    refused("unknown", &log_in("first-password-1"));
    let text = told(
        &site,
        "newcomer",
        "NAC-2002",
        "there is no user \"newcomer\"",
    );
    let name = value(&text, "who").to_owned();
    let fill = [("NAME", name.as_str()), ("GROUP", "staff")];
    do_it(&site, &text, "user add", &fill, "first-password-1");
    gets_in("added", || log_in("first-password-1"));

    refused("mistyped", &log_in("other-password-2"));
    let text = told(&site, "newcomer", "NAC-2001", "wrong password for user");
    assert!(
        !text.contains("credentials 0 "),
        "hashing takes time: {text}"
    );
    do_it(&site, &text, "user set", &fill, "other-password-2");
    gets_in("with the new password", || log_in("other-password-2"));

    site.nac(&["user", "set", "newcomer", "--disable"]);
    let disabled = || log_in("other-password-2").code == code::ACCESS_REJECT;
    assert!(wait::until(SOON, disabled), "it is disabled");
    let text = told(
        &site,
        "newcomer",
        "NAC-2003",
        "user \"newcomer\" is disabled",
    );
    do_it(&site, &text, "user set", &fill, "");
    gets_in("enabled", || log_in("other-password-2"));

    site.nac(&["user", "set", "newcomer", "--no-groups"]);
    let groupless = || log_in("other-password-2").code == code::ACCESS_REJECT;
    assert!(wait::until(SOON, groupless), "it is in no group");
    let text = told(&site, "newcomer", "NAC-3001", "no policy permits this");
    // The list of policies below says what was missing.
    let (_, group) = text
        .split_once("Group::\"")
        .expect("the group that is asked for");
    let (group, _) = group.split_once('"').expect("its name ends");
    let fill = [("NAME", name.as_str()), ("GROUP", group)];
    do_it(&site, &text, "user set", &fill, "");
    gets_in("in the group", || log_in("other-password-2"));
}

#[test]
fn a_password_that_cannot_do_mschap_is_set_again_as_why_says() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    let add = ["user", "add", "bob", "--group", "staff", "--password-stdin"];
    site.nac_with_input(&add, cast::PASSWORD);
    gets_in("by PAP", || port.pap("bob", cast::PASSWORD));
    let bob = Supplicant::peap("bob", &site.ca());
    refused("MS-CHAPv2", &port.dot1x(&bob).reply);
    let text = told(
        &site,
        &port.mac_text(),
        "NAC-2004",
        "stored as argon2id only",
    );
    do_it(&site, &text, "user set", &[("NAME", "bob")], cast::PASSWORD);
    gets_in("with --mschap", || port.dot1x(&bob).reply);
}

#[test]
fn a_method_that_is_not_offered_is_offered_as_why_says() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let port = switch.port(1, MAC);
    offer(&site, &["EAP-TLS"]);
    let alice = Supplicant::peap("alice", &site.ca());
    refused("not offered", &port.dot1x(&alice).reply);
    let text = told(&site, &port.mac_text(), "EAP-1301", "the supplicant wants ");
    assert!(text.contains("methods in [eap] of nac.toml"), "{text}");
    assert!(text.contains("systemctl reload nac"), "{text}");
    let (_, wanted) = text.split_once("the supplicant wants ").expect("it says");
    let (wanted, _) = wanted.split_once(';').expect("then what is offered");
    offer(&site, &["EAP-TLS", wanted]);
    gets_in("offered", || port.dot1x(&alice).reply);
}

/// `methods` in `nac.toml`, and a reload.
fn offer(site: &Site, methods: &[&str]) {
    let methods: Vec<toml::Value> = methods.iter().map(|method| (*method).into()).collect();
    site.configure(|table| {
        let eap = table["eap"].as_table_mut().expect("[eap] is a section");
        eap.insert("methods".to_owned(), methods.into());
    });
    site.reload("configuration reloaded");
}

#[test]
fn certificates_of_an_unknown_authority_or_another_time_are_replaced_as_why_says() {
    let site = office();
    let switch = Switch::add(&site, "access-1", [127, 0, 1, 1], "generic");
    let directory = TestDirectory::new("partner");
    let mut partner = TestAuthority::new("The partner's CA");
    let (credential, _) = partner.issue_client(&directory, "alice");
    let port = switch.port(1, MAC);
    let alice = Supplicant::tls("alice", &site.ca(), &credential);

    refused("an unknown authority", &port.dot1x(&alice).reply);
    let sentence = "issued by a CA that this server does not trust";
    let text = told(&site, &port.mac_text(), "EAP-1205", sentence);
    assert!(text.contains("client_ca in [eap] of nac.toml"), "{text}");
    assert!(text.contains("systemctl reload nac"), "{text}");
    let file = directory.write("partner.pem", partner.certificate_pem());
    site.configure(|table| {
        let authorities = table["eap"]["client_ca"].as_array_mut().expect("a list");
        authorities.push(file.display().to_string().into());
    });
    site.reload("configuration reloaded");
    gets_in("a trusted authority", || port.dot1x(&alice).reply);

    for (number, validity, code, sentence) in [
        (2, -30..-1, "EAP-1204", "it expired "),
        (3, 2..30, "EAP-1215", "it becomes valid in "),
    ] {
        let validity = time::Duration::days(validity.start)..time::Duration::days(validity.end);
        let credential = partner.issue_client_within(&directory, "alice", validity);
        let port = switch.port(number, [0x00, 0x16, 0x3e, 0x5a, 0x01, number as u8]);
        let alice = Supplicant::tls("alice", &site.ca(), &credential);
        refused(sentence, &port.dot1x(&alice).reply);
        let text = told(&site, &port.mac_text(), code, sentence);
        let name = value(&text, "who").to_owned();
        let out = site.directory().join(format!("issued-{number}"));
        let folder = out.display().to_string();
        let fill = [("NAME", name.as_str()), ("DIR", folder.as_str())];
        do_it(&site, &text, "certificate issue", &fill, "");
        let credential = nac_test_support::pki::Credential {
            certificate: out.join("alice.crt"),
            key: out.join("alice.key"),
        };
        let alice = Supplicant::tls("alice", &site.ca(), &credential);
        gets_in("a new certificate", || port.dot1x(&alice).reply);
    }
}

/// Who is answered with silence is in no decision: `nac why` leads to the log, and that has the command.
#[test]
fn a_nas_that_gets_silence_is_answered_after_the_command_in_the_log() {
    let site = office();
    let stranger = Exchange::from("127.0.9.9:0", site.auth, cast::SECRET);
    let ask = |client: &Exchange, signed: bool| {
        let request = client.request(code::ACCESS_REQUEST, 7);
        let request = if signed {
            request.with_message_authenticator()
        } else {
            request
        };
        request
            .with(attribute::USER_NAME, "alice")
            .with_password(cast::PASSWORD)
    };
    assert!(stranger.is_ignored(&ask(&stranger, true).bytes()));
    let output = site.try_nac(&["why", "alice"], "");
    assert!(!output.status.success(), "nothing was decided");
    let hint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(hint.contains("the server's log says so"), "{hint}");

    let line = line(&site, "ignored a packet from an unknown NAS");
    let source = field(&line, "source=");
    let (address, _) = source.rsplit_once(':').expect("an address and a port");
    let fill = [("NAME", "found-in-the-log"), ("ADDRESS", address)];
    let arguments = command(&line, "client add", &fill);
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--json");
    let added: serde_json::Value = serde_json::from_str(&site.nac(&arguments)).expect("JSON");
    let secret = added["secret"]
        .as_str()
        .expect("a secret was made")
        .to_owned();
    let known = Exchange::from("127.0.9.9:0", site.auth, &secret);
    answers("added", &known, |client| ask(client, true));

    // The NAS has another secret.
    let wrong = Exchange::from("127.0.9.9:0", site.auth, cast::SECRET);
    assert!(wrong.is_ignored(&ask(&wrong, true).bytes()));
    let said = self::line(&site, "wrong secret");
    let name = field(&said, "client=");
    let file = site.secret_file().display().to_string();
    let fill = [("NAME", name), ("FILE", file.as_str())];
    do_it(&site, &said, "client set", &fill, "");
    answers("with the same secret", &wrong, |client| ask(client, true));

    // It does not sign.
    assert!(wrong.is_ignored(&ask(&wrong, false).bytes()));
    let said = self::line(&site, "missing Message-Authenticator");
    let fill = [("NAME", field(&said, "client="))];
    do_it(&site, &said, "client set", &fill, "");
    answers("borne with", &wrong, |client| ask(client, false));
}

/// The line of the log with these words.
fn line(site: &Site, words: &str) -> String {
    let mut found = None;
    let said = wait::until(SOON, || {
        let log = site.log();
        found = log
            .lines()
            .find(|line| line.contains(words))
            .map(str::to_owned);
        found.is_some()
    });
    assert!(said, "no `{words}` in the log:\n{}", site.log());
    found.unwrap_or_default()
}

/// The value of a field in a line of the log.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line
        .split_once(name)
        .unwrap_or_else(|| panic!("no {name} in {line}"));
    let end = rest.find([' ', ',']).unwrap_or(rest.len());
    rest[..end].trim_matches('"')
}

fn answers(what: &str, client: &Exchange, request: impl Fn(&Exchange) -> Request) {
    let answered = wait::until(SOON, || {
        client.send(&request(client).bytes());
        client.receive(Duration::from_millis(300)).is_some()
    });
    assert!(answered, "{what}: no answer");
}
