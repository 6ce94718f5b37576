//! Orders (RFC 5176) go from the server to switches and never the other way: there is no port for them here.

use std::collections::HashSet;
use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use nac_test_support::cast;
use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Request, attribute, code};

use crate::ground::Ground;

/// Where a NAS takes orders.
const ORDERS: u16 = 3799;

/// The UDP ports that a process takes datagrams of anybody on.
fn open_to_all(pid: u32) -> HashSet<u16> {
    let sockets: HashSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("a running process has files")
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .filter_map(|link| {
            let link = link.to_string_lossy().into_owned();
            let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let mut ports = HashSet::new();
    for table in ["udp", "udp6"] {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, remote, inode) = (fields[1], fields[2], fields[9]);
            // A socket that is connected hears its other end only.
            if sockets.contains(inode) && remote.ends_with(":0000") {
                let (_, port) = local.rsplit_once(':').expect("address and port");
                ports.insert(u16::from_str_radix(port, 16).expect("a port"));
            }
        }
    }
    ports
}

#[test]
fn the_server_hears_on_the_ports_of_authentication_and_accounting_alone() {
    let ground = Ground::shared();
    let open = open_to_all(ground.nac.service.pid());
    let expected = [ground.auth(), ground.nac.acct].map(|address| address.port());
    assert_eq!(open, HashSet::from(expected));
    // Whoever sends orders to the usual port finds that there is none, unless something else of this machine has it.
    if UdpSocket::bind(("127.0.0.1", ORDERS)).is_ok() {
        let port = (ground.auth().ip(), ORDERS).into();
        let client = Exchange::from("127.34.0.1:0", port, cast::SECRET);
        for order in [code::COA_REQUEST, code::DISCONNECT_REQUEST] {
            let request = Request::new(order, 1, [0; 16], cast::SECRET)
                .with_message_authenticator()
                .with(attribute::USER_NAME, cast::USER);
            client.send(&request.bytes());
            assert!(client.receive(Duration::from_millis(200)).is_none());
        }
    }
    ground.survived();
}
