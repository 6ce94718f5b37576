use super::*;

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("short");
    match length < 0x80 {
        true => [&[tag, length], content].concat(),
        false => [&[tag, 0x81, length], content].concat(),
    }
}

fn at(text: &[u8; 15]) -> Vec<u8> {
    wrap(0x18, text)
}

/// A response without a signature, which is not looked at.
fn response(outcome: u8, status: &[u8], next: Option<&[u8; 15]>) -> Vec<u8> {
    let hash = wrap(0x30, &wrap(6, &[0x2b, 0x0e, 3, 2, 0x1a]));
    let hashes = [
        wrap(4, &[1; 20]),
        wrap(4, &[2; 20]),
        wrap(2, &[0, 0x9a, 0xbc]),
    ];
    let id = wrap(0x30, &[hash, hashes.concat()].concat());
    let next = next.map(|next| wrap(0xa0, &at(next))).unwrap_or_default();
    let single = [id, status.to_vec(), at(b"20260601000000Z"), next].concat();
    let data = [
        wrap(0xa2, &wrap(4, &[3; 20])),
        at(b"20260601000000Z"),
        wrap(0x30, &wrap(0x30, &single)),
    ];
    let basic = wrap(0x30, &wrap(0x30, &data.concat()));
    let kind = wrap(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]);
    let octets = wrap(0x30, &[kind, wrap(4, &basic)].concat());
    wrap(
        0x30,
        &[wrap(0x0a, &[outcome]), wrap(0xa0, &octets)].concat(),
    )
}

#[test]
fn section_4_2_1_a_response_says_what_of_which_certificate_and_until_when() {
    for (status, expected) in [
        (&[0x80, 0][..], OcspStatus::Good),
        (
            &[
                0xa1, 17, 0x18, 15, b'2', b'0', b'2', b'6', b'0', b'5', b'0', b'1', b'0', b'0',
                b'0', b'0', b'0', b'0', b'Z',
            ],
            OcspStatus::Revoked,
        ),
        (&[0x82, 0], OcspStatus::Unknown),
    ] {
        let answers = OcspAnswer::read(&response(0, status, Some(b"20260608000000Z")));
        let answers = answers.expect("readable");
        let [answer] = &answers[..] else {
            panic!("{answers:?}")
        };
        assert_eq!((answer.serial.as_str(), answer.status), ("9abc", expected));
        let from = answer.this_update_us;
        let until = answer.next_update_us.expect("it says until when");
        assert_eq!(until - from, 7 * 86_400 * 1_000_000);
        assert!(answer.holds_at(from) && answer.holds_at(until));
        assert!(!answer.holds_at(from - 1) && !answer.holds_at(until + 1));
    }
    let answers = OcspAnswer::read(&response(0, &[0x80, 0], None)).expect("readable");
    assert!(answers[0].holds_at(i64::MAX));
}

#[test]
fn a_failure_and_a_damaged_response_say_nothing() {
    assert!(OcspAnswer::read(&response(6, &[0x80, 0], None)).is_err());
    let good = response(0, &[0x80, 0], None);
    for end in 0..good.len() {
        assert!(OcspAnswer::read(&good[..end]).is_err(), "cut at {end}");
    }
    assert!(OcspAnswer::read(&[&good[..], &[0]].concat()).is_err());
    assert!(OcspAnswer::read(&vec![0x30; MAX_OCSP_RESPONSE_LEN + 1]).is_err());
}
