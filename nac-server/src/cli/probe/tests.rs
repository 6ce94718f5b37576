use clap::{CommandFactory, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    probe: ProbeArguments,
}

fn accepts(line: &str) -> bool {
    Line::try_parse_from(line.split(' ')).is_ok()
}

#[test]
fn the_command_line_is_consistent() {
    Line::command().debug_assert();
}

#[test]
fn every_method_is_asked_for_as_the_manual_says() {
    for line in [
        "probe pap --secret-file F --user alice --password-stdin",
        "probe chap --server localhost --secret-file F --user alice --password-prompt",
        "probe mschapv2 --secret-stdin --user alice --password-file P",
        "probe mab --secret-file F --mac 0200.0000.0001 --format dots --ssid office",
        "probe tls --secret-file F --cert C --key K --ca A --resume --tls 1.3 --key-name",
        "probe peap --server 127.0.0.1:1812 --secret-file F --user alice --password-stdin --ca ca.crt",
        "probe ttls-pap --secret-file F --user a --password-stdin --ca A --anonymous x --fragment 500",
        "probe ttls-mschapv2 --secret-file F --user a --password-stdin --ca A --server-name radius.example.org",
        "probe peap-gtc --secret-file F --user a --password-stdin --ca A",
        "probe peap-tls --secret-file F --cert C --key K --ca A --anonymous x",
        "probe ttls-chap --secret-file F --user a --password-stdin --ca A --resume",
        "probe ttls-mschap --secret-file F --user a --password-stdin --ca A",
        "probe ttls-eap-mschapv2 --secret-file F --user a --password-stdin --ca A",
        "probe ttls-eap-gtc --secret-file F --user a --password-stdin --ca A --tls 1.2",
        "probe ttls-eap-tls --secret-file F --cert C --key K --ca A",
        "probe teap-mschapv2 --secret-file F --user a --password-stdin --ca A",
        "probe teap-tls --secret-file F --cert C --key K --ca A --machine-cert M --machine-key N",
        "probe teap-mschapv2 --secret-file F --user a --password-stdin --ca A --machine-cert M --machine-key N --machine-only",
        "probe teap-pap --secret-file F --user a --password-stdin --ca A --resume",
        "probe status --secret-file F --acct-server 127.0.0.1:1813",
        "probe acct stop --secret-file F --session-id 1 --framed-ip 192.0.2.7 --class 0x0102",
        "probe pap --secret-file F --user a --password-stdin --attribute Connect-Info=a=b --nas-ip 192.0.2.1",
    ] {
        assert!(accepts(line), "{line}");
    }
}

#[test]
fn standard_input_holds_one_secret_at_most_and_none_is_an_argument() {
    for line in [
        "probe pap --secret-stdin --user alice --password-stdin",
        "probe pap --user alice --password-stdin",
        "probe pap --secret-file F --user alice",
        "probe pap --secret-file F --secret-stdin --user alice --password-prompt",
        "probe peap --secret-file F --user alice --password-stdin",
        "probe acct --secret-file F",
        "probe teap-mschapv2 --secret-file F --user a --password-stdin --ca A --machine-cert M",
        "probe peap --secret-file F --user a --password-stdin --ca A --machine-cert M --machine-key N",
        "probe mab --secret-file F --mac nonsense",
    ] {
        assert!(!accepts(line), "{line}");
    }
}

#[tokio::test]
async fn a_server_may_be_given_with_and_without_port() {
    for (text, expected) in [
        ("127.0.0.1", "127.0.0.1:1812"),
        ("127.0.0.1:18120", "127.0.0.1:18120"),
        ("::1", "[::1]:1812"),
        ("[::1]", "[::1]:1812"),
        ("[::1]:7", "[::1]:7"),
    ] {
        let found = arguments::resolve(text, AUTHENTICATION).await.expect(text);
        assert_eq!(found.to_string(), expected);
    }
    assert!(
        arguments::resolve("127.0.0.1:port", AUTHENTICATION)
            .await
            .is_err()
    );
}

#[test]
fn silence_comes_with_a_list_of_what_to_look_at() {
    let server = SocketAddr::from(([127, 0, 0, 1], 1812));
    let fault = ProbeFault::NoAnswer {
        server,
        sent: 3,
        waited: Duration::from_secs(14),
    };
    let text = format!("{:?}", failure(fault));
    for word in ["unknown NAS", "wrong secret", "firewall"] {
        assert!(text.contains(word), "{word}");
    }
}
