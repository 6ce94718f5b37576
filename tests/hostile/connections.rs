//! Connections that are opened and not used, or used for something else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nac_test_support::exchange::Exchange;
use nac_test_support::wire::code;
use nac_test_support::{cast, wait};

use crate::ground::{Ground, SOON, pap};
use crate::https::Web;
use crate::installation::Installation;

#[test]
fn what_is_no_tls_is_turned_away_on_the_https_port() {
    let ground = Ground::shared();
    let openings: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\xff\xff",
        b"\x80\x2e\x01\x00\x02",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ];
    for opening in openings {
        let mut socket = TcpStream::connect(ground.nac.portal).expect("it listens");
        socket.set_read_timeout(Some(SOON)).expect("above zero");
        socket.write_all(opening).expect("it reads");
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        // An alert or a reset, but an end.
        let _ = socket.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{opening:?}");
    }
    let web = Web::new(ground.nac.portal, &ground.nac.ca);
    assert_eq!(web.ask("GET", "/", &[], b"").status, 200);
    ground.survived();
}

#[test]
fn hundreds_of_half_open_connections_hold_up_nobody() {
    let ground = Ground::shared();
    let web = Web::new(ground.nac.portal, &ground.nac.ca);
    let open = || TcpStream::connect(web.server()).expect("it listens");
    let silent: Vec<TcpStream> = (0..200).map(|_| open()).collect();
    // Some stop in the middle of the handshake, some after it.
    let stuck: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut socket = open();
            socket
                .write_all(b"\x16\x03\x01\x02\x00\x01")
                .expect("it reads");
            socket
        })
        .collect();
    let idle: Vec<_> = (0..50).map(|_| web.connect()).collect();
    let began = Instant::now();
    assert_eq!(web.ask("GET", "/", &[], b"").status, 200);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "others wait: {:?}",
        began.elapsed()
    );
    ground.survived();
    // Who says nothing is shown out, so that the places come back.
    let mut first = silent.into_iter().next().expect("there are 200");
    first.set_read_timeout(Some(SOON)).expect("above zero");
    assert_eq!(first.read(&mut [0]).unwrap_or_default(), 0);
    drop((stuck, idle));
}

#[test]
fn without_file_descriptors_radius_and_accounting_go_on() {
    let site = Installation::with_cast();
    let service = site.serve_under(&["sh", "-c", "ulimit -n 120; exec \"$@\"", "sh"]);
    let web = Web::new(site.portal, &site.home().join("ca.crt"));
    assert_eq!(web.ask("GET", "/", &[], b"").status, 200);
    let crowd: Vec<TcpStream> = (0..400)
        .filter_map(|_| TcpStream::connect_timeout(&site.portal, Duration::from_secs(1)).ok())
        .collect();
    let client = Exchange::new(site.auth, cast::SECRET);
    assert_eq!(
        client.answer(&pap(&client, 1, true)).code,
        code::ACCESS_ACCEPT
    );
    assert_eq!(
        site.account("while-crowded"),
        Some(code::ACCOUNTING_RESPONSE)
    );
    assert_eq!(site.records("while-crowded"), 1);
    drop(crowd);
    let recovered = wait::until(SOON, || {
        TcpStream::connect(site.portal).is_ok() && service.is_running()
    });
    assert!(recovered);
    assert_eq!(web.ask("GET", "/", &[], b"").status, 200);
    let log = service.log();
    let said = log
        .lines()
        .filter(|line| line.contains("HTTPS connection"))
        .count();
    assert!(
        (1..=3).contains(&said),
        "it is said, and not 400 times: {log}"
    );
    assert!(!log.contains("panicked"), "{log}");
}
