//! A mail server that takes messages over SMTP (RFC 5321) and keeps them for a test to read.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Message {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The header fields, unfolded, in lower case and as they came.
    pub headers: Vec<(String, String)>,
    /// The text, decoded.
    pub text: String,
}

impl Message {
    /// A header field; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The first address of a page in the text.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn link(&self) -> &str {
        let start = self.text.find("https://").expect("a link in the text");
        self.text[start..]
            .split_whitespace()
            .next()
            .expect("the link has an end")
    }
}

/// The server. It stops when it is dropped.
#[derive(Debug)]
pub struct MailSink {
    address: SocketAddr,
    messages: Receiver<Message>,
    refusals: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
}

impl MailSink {
    /// Listens on a free loopback port.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, messages) = channel();
        let (refusals, stop) = (
            Arc::new(AtomicU32::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (refusing, stopped) = (Arc::clone(&refusals), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (sender, refusing) = (sender.clone(), Arc::clone(&refusing));
                if let Ok(stream) = stream {
                    std::thread::spawn(move || converse(&stream, &sender, &refusing));
                }
            }
        });
        Self {
            address,
            messages,
            refusals,
            stop,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next so many messages are refused for now, with 451.
    pub fn refuse(&self, times: u32) {
        self.refusals.store(times, Ordering::SeqCst);
    }

    /// How many messages are still to be refused.
    #[must_use]
    pub fn to_refuse(&self) -> u32 {
        self.refusals.load(Ordering::SeqCst)
    }

    /// The next message within `limit`.
    #[must_use]
    pub fn next(&self, limit: Duration) -> Option<Message> {
        self.messages.recv_timeout(limit).ok()
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener, which sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection. A peer that breaks the protocol gets 500 or no more answers.
fn converse(stream: &TcpStream, messages: &Sender<Message>, refusals: &AtomicU32) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    let mut say = |text: &str| writer.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    let (mut from, mut to) = (String::new(), Vec::new());
    if !say("220 sink.example.org ESMTP") {
        return;
    }
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let command = line.trim_end();
        let verb = command
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let said = match verb.as_str() {
            "EHLO" => say("250-sink.example.org\r\n250 8BITMIME"),
            "HELO" | "NOOP" => say("250 sink.example.org"),
            "RSET" => {
                to.clear();
                say("250 OK")
            }
            "MAIL" => {
                from = within(command);
                to.clear();
                say("250 OK")
            }
            "RCPT" => {
                to.push(within(command));
                say("250 OK")
            }
            "DATA" => {
                if !say("354 go on") {
                    return;
                }
                let Some(data) = read_data(&mut reader) else {
                    return;
                };
                let refused = refusals
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok();
                if refused {
                    say("451 4.3.0 try again later")
                } else {
                    let _ = messages.send(parse(&from, &to, &data));
                    say("250 2.0.0 taken")
                }
            }
            "QUIT" => {
                say("221 goodbye");
                return;
            }
            _ => say("500 not understood"),
        };
        if !said {
            return;
        }
    }
}

/// Until the line with a single dot (RFC 5321 section 4.5.2).
fn read_data(reader: &mut impl std::io::BufRead) -> Option<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

fn within(command: &str) -> String {
    let inner = command.split_once('<').map_or("", |(_, rest)| rest);
    inner.split('>').next().unwrap_or_default().to_owned()
}

fn parse(from: &str, to: &[String], data: &str) -> Message {
    let (head, body) = data.split_once("\r\n\r\n").unwrap_or((data, ""));
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers: Vec<(String, String)> = unfolded
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let coded = headers
        .iter()
        .any(|(name, value)| name == "content-transfer-encoding" && value == "quoted-printable");
    Message {
        from: from.to_owned(),
        to: to.to_vec(),
        headers,
        text: if coded {
            unquoted(body)
        } else {
            body.to_owned()
        },
    }
}

/// Quoted-printable (RFC 2045 section 6.7).
fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut octets = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let code = (first == b'=')
            .then(|| tail.get(..2).and_then(|pair| hex::decode(pair).ok()))
            .flatten();
        match code {
            Some(decoded) => {
                octets.extend(decoded);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => octets.push(first),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_apart_as_it_was_written() {
        let data = "Subject: a\r\n b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                    f=C3=BCr https://x/=\r\ny?lang=3Dde end\r\n";
        let message = parse("a@x", &["b@y".to_owned()], data);
        assert_eq!(message.header("subject"), "a b");
        assert_eq!(message.link(), "https://x/y?lang=de");
        assert!(message.text.starts_with("für "));
    }
}
