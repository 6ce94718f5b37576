//! A session in octets, for another server of the same installation.
//!
//! Who reads it has unsealed it, so it is what one of these servers wrote; one of another version wrote something else, and that is then
//! no session.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::{MachineProof, SessionRecord};
use crate::method::method_names;
use crate::settings::Method;

/// Of the form of what follows. A new form is a new number.
const VERSION: u8 = 1;
/// More certificates than TLS takes from a client (RFC 8446 section 4.4.2 has no limit, ours is lower).
const CERTIFICATES: usize = 64;
const METHODS: [Method; 4] = [Method::Tls, Method::Peap, Method::Ttls, Method::Teap];

pub(super) fn write(method: Method, secret: &[u8], record: &SessionRecord) -> Zeroizing<Vec<u8>> {
    let certificates = |chain: &[CertificateDer<'_>]| -> usize {
        chain.iter().map(|each| each.len().saturating_add(4)).sum()
    };
    let machine = record.machine.as_deref();
    // Reserved up front, so that growing leaves no copies of the secret behind.
    let size = [
        64,
        secret.len(),
        record.method.len(),
        record.identity.len(),
        certificates(&record.certificates),
        machine.map_or(0, |machine| {
            machine
                .identity
                .len()
                .saturating_add(certificates(&machine.certificates))
        }),
    ];
    let mut to = Zeroizing::new(Vec::with_capacity(size.iter().sum()));
    to.extend([VERSION, method.type_number()]);
    to.extend([u8::from(record.second_factor), u8::from(machine.is_some())]);
    to.extend(record.created_s.to_be_bytes());
    put(&mut to, record.method.as_bytes());
    put(&mut to, record.identity.as_bytes());
    put(&mut to, secret);
    put_chain(&mut to, &record.certificates);
    if let Some(machine) = machine {
        put(&mut to, machine.identity.as_bytes());
        put_chain(&mut to, &machine.certificates);
    }
    to
}

/// The method under which it is kept, the secret, and what was proven.
pub(crate) fn read(octets: &[u8]) -> Option<(Method, Zeroizing<Vec<u8>>, SessionRecord)> {
    let (head, mut rest) = octets.split_first_chunk::<4>()?;
    let [VERSION, number, second_factor, has_machine] = *head else {
        return None;
    };
    let method = METHODS
        .into_iter()
        .find(|method| method.type_number() == number)?;
    let (created_s, after) = rest.split_first_chunk()?;
    rest = after;
    let name = text(&mut rest)?;
    let record = SessionRecord {
        created_s: u64::from_be_bytes(*created_s),
        method: method_names().iter().find(|known| **known == name)?,
        second_factor: second_factor == 1,
        identity: text(&mut rest)?,
        certificates: Arc::default(),
        machine: None,
    };
    let secret = Zeroizing::new(take(&mut rest)?.to_vec());
    let certificates = chain(&mut rest)?.into();
    let machine = match has_machine {
        0 => None,
        _ => Some(Arc::new(MachineProof {
            identity: text(&mut rest)?,
            certificates: chain(&mut rest)?,
        })),
    };
    let record = SessionRecord {
        certificates,
        machine,
        ..record
    };
    rest.is_empty().then_some((method, secret, record))
}

fn put(to: &mut Vec<u8>, octets: &[u8]) {
    // Nothing of a session has four gigabytes; it would only be no session for whoever reads it.
    to.extend(
        u32::try_from(octets.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    to.extend(octets);
}

fn put_chain(to: &mut Vec<u8>, chain: &[CertificateDer<'_>]) {
    to.push(u8::try_from(chain.len()).unwrap_or(u8::MAX));
    for certificate in chain {
        put(to, certificate);
    }
}

fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (octets, rest) = rest.split_at_checked(length)?;
    *from = rest;
    Some(octets)
}

fn text(from: &mut &[u8]) -> Option<String> {
    String::from_utf8(take(from)?.to_vec()).ok()
}

fn chain(from: &mut &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let (count, rest) = from.split_first()?;
    *from = rest;
    let count = usize::from(*count);
    if count > CERTIFICATES {
        return None;
    }
    (0..count)
        .map(|_| Some(CertificateDer::from(take(from)?.to_vec())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(machine: bool) -> SessionRecord {
        let certificate = |octets: &[u8]| CertificateDer::from(octets.to_vec());
        SessionRecord {
            identity: "älice@example.org".into(),
            method: "TEAP-TLS",
            second_factor: true,
            certificates: vec![certificate(b"leaf"), certificate(b"")].into(),
            machine: machine.then(|| {
                Arc::new(MachineProof {
                    identity: "host/laptop".into(),
                    certificates: vec![certificate(b"machine")],
                })
            }),
            created_s: 1_700_000_000,
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_shorter_or_longer() {
        for machine in [false, true] {
            let written = write(Method::Teap, b"secret", &record(machine));
            let (method, secret, read_back) = read(&written).unwrap();
            assert_eq!((method, &secret[..]), (Method::Teap, &b"secret"[..]));
            assert_eq!(read_back, record(machine));
            for length in 0..written.len() {
                assert_eq!(read(&written[..length]), None, "{length}");
            }
            assert_eq!(read(&[&written[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn what_another_version_or_method_wrote_is_no_session() {
        let written = write(Method::Peap, b"secret", &record(false));
        for (place, octet) in [(0, 2), (1, 99)] {
            let mut other = written.to_vec();
            other[place] = octet;
            assert_eq!(read(&other), None);
        }
        // Lengths that lie.
        for place in 12..written.len() {
            let mut other = written.to_vec();
            other[place] = 0xff;
            let _ = read(&other);
        }
    }
}
