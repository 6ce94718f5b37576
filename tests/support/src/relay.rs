//! A way from one supplicant to two servers, one after the other, as a NAS takes that fails over.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::wire::code;

/// How long the first login may take.
const FIRST_LOGIN: Duration = Duration::from_secs(60);
/// How long a server may take for an answer before the supplicant has to ask again.
const ANSWER: Duration = Duration::from_secs(3);

/// Runs `log_in` at an address whose packets go to `first` until that has accepted somebody, and to `second` from then on. `between`
/// happens in between.
///
/// # Panics
///
/// When the first server accepts nobody, or there are no sockets.
pub fn across<T: Send>(
    first: SocketAddr,
    second: SocketAddr,
    log_in: impl FnOnce(SocketAddr) -> T + Send,
    between: impl FnOnce(),
) -> T {
    let outside = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = outside.local_addr().expect("bound");
    let limit = Some(Duration::from_millis(100));
    outside.set_read_timeout(limit).expect("a limit");
    let done = AtomicBool::new(false);
    let (accepted, is_accepted) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let (outside, done) = (&outside, &done);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut inside = connected(first);
            let mut is_first = true;
            let mut buffer = [0; 4096];
            while !done.load(Ordering::Relaxed) {
                let Ok((length, supplicant)) = outside.recv_from(&mut buffer) else {
                    continue;
                };
                let _ = inside.send(&buffer[..length]);
                let Ok(length) = inside.recv(&mut buffer) else {
                    continue;
                };
                let _ = outside.send_to(&buffer[..length], supplicant);
                if is_first && buffer[0] == code::ACCESS_ACCEPT {
                    is_first = false;
                    let _ = accepted.send(());
                    // What the supplicant sends meanwhile waits in the socket.
                    let _ = may_go.recv();
                    inside = connected(second);
                }
            }
        });
        let login = scope.spawn(move || {
            let outcome = log_in(address);
            done.store(true, Ordering::Relaxed);
            outcome
        });
        let is_accepted = is_accepted.recv_timeout(FIRST_LOGIN);
        if is_accepted.is_ok() {
            between();
        }
        let _ = go.send(());
        drop(go);
        let outcome = login.join().expect("the supplicant runs");
        is_accepted.expect("the first server accepts");
        outcome
    })
}

fn connected(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(ANSWER)).expect("a limit");
    socket.connect(server).expect("an address");
    socket
}
