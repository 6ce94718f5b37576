//! Twice the input may cost twice the time, not four times: nobody who sends a long message buys more of our time than
//! its octets are worth.
//!
//! Times are the least of many rounds, in the thread's own processor time, so that a busy machine changes little; and
//! one good attempt of five is enough. A reader whose time grows with the square has none.

use std::time::Duration;
use std::{fs, thread};

use nac_radius::{Code, Dictionary, PacketBuilder, Secret};

/// Between 2 (in proportion) and 4 (with the square).
const LIMIT: f64 = 3.0;
/// A single round below this says little about anything but the clock.
const SHORTEST: Duration = Duration::from_micros(300);

/// What this thread has had of a processor.
fn processor_time() -> Duration {
    // The kernel brings the account up to date when the thread gives way.
    thread::yield_now();
    let account = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux keeps accounts");
    let nanoseconds = account
        .split_whitespace()
        .next()
        .expect("the time comes first");
    Duration::from_nanos(nanoseconds.parse().expect("a number"))
}

/// How long `work` takes when it is repeated `times` times.
fn round(times: u32, work: &impl Fn()) -> Duration {
    let before = processor_time();
    (0..times).for_each(|_| work());
    processor_time() - before
}

/// Holds the time that `work` takes for an input of `2 * length` to less than three times that for `length`.
fn check(what: &str, length: usize, make: impl Fn(usize) -> Vec<u8>, work: impl Fn(&[u8])) {
    let (small, large) = (make(length), make(2 * length));
    let (small, large) = (|| work(&small), || work(&large));
    let mut times = 1;
    while round(times, &small) < SHORTEST {
        times *= 2;
    }
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let (mut least_small, mut least_large) = (Duration::MAX, Duration::MAX);
        for _ in 0..10 {
            least_small = least_small.min(round(times, &small));
            least_large = least_large.min(round(times, &large));
        }
        let ratio = least_large.as_secs_f64() / least_small.as_secs_f64();
        if ratio <= LIMIT {
            return;
        }
        ratios.push(ratio);
    }
    panic!("{what}: twice the input took {ratios:.1?} times as long");
}

#[test]
#[should_panic(expected = "twice the input took")]
fn work_that_grows_with_the_square_is_found() {
    let quadratic = |input: &[u8]| {
        let equal = input.iter().flat_map(|a| input.iter().map(move |b| a == b));
        std::hint::black_box(equal.filter(|equal| *equal).count());
    };
    check("a loop in a loop", 400, |length| vec![1; length], quadratic);
}

#[test]
fn reading_a_radius_packet_takes_time_in_proportion_to_its_length() {
    let secret = Secret::new("secret");
    let packet = |attributes: usize| {
        let mut builder = PacketBuilder::request(Code::AccessRequest, 1, [7; 16]);
        for number in 0..attributes {
            builder
                .push(number as u8 % 60 + 100, b"an attribute")
                .expect("room");
        }
        builder.seal(&secret)
    };
    check("radius_packet", 95, packet, nac_fuzz::radius_packet);
    let vendors = |pieces: usize| {
        let pieces: Vec<u8> = (0..pieces).flat_map(|_| *b"\x0a\x01\x0aa=bcdefg").collect();
        [vec![0], pieces].concat()
    };
    check(
        "vendor_attributes",
        90,
        vendors,
        nac_fuzz::vendor_attributes,
    );
}

#[test]
fn reading_a_dictionary_takes_time_in_proportion_to_its_length() {
    let attributes = |lines: usize| {
        let line =
            |number: usize| format!("ATTRIBUTE Name-{number} {} integer\n", number % 250 + 1);
        (0..lines).map(line).collect::<String>().into_bytes()
    };
    let parse = |text: &[u8]| {
        let text = std::str::from_utf8(text).expect("text");
        Dictionary::parse("growth", text).expect("a dictionary");
    };
    check("attributes", 1_000, attributes, parse);
    let values = |lines: usize| {
        let line = |number: usize| format!("VALUE One Value-{number} {number}\n");
        let values: String = (0..lines).map(line).collect();
        format!("ATTRIBUTE One 1 integer\n{values}").into_bytes()
    };
    check("values", 1_000, values, parse);
}

#[test]
fn reading_eap_takes_time_in_proportion_to_its_length() {
    let packets = |count: usize| {
        let packets: Vec<u8> = (0..count)
            .flat_map(|_| *b"\x00\x08\x02\x01\x00\x08\x03\x19\x15\x0d")
            .collect();
        [vec![6], packets].concat()
    };
    check("eap_packet", 30, packets, nac_fuzz::eap_packet);
    let attributes = |count: usize| {
        let attributes: Vec<u8> = (0..count)
            .flat_map(|_| *b"\x00\x00\x00\x01\x00\x00\x00\x0cabcd")
            .collect();
        [vec![0], attributes].concat()
    };
    check("ttls_avps", 1_000, attributes, nac_fuzz::ttls_avps);
    let tlvs = |count: usize| {
        let tlvs: Vec<u8> = (0..count).flat_map(|_| *b"\x00\x09\x00\x04abcd").collect();
        [vec![33], tlvs].concat()
    };
    check("peap_tlvs", 1_000, tlvs, nac_fuzz::peap_tlvs);
    let tlvs = |count: usize| {
        let tlvs: Vec<u8> = (0..count).flat_map(|_| *b"\x00\x63\x00\x04abcd").collect();
        [vec![1], tlvs].concat()
    };
    check("teap_tlvs", 1_000, tlvs, nac_fuzz::teap_tlvs);
}

#[test]
fn reading_a_policy_takes_time_in_proportion_to_its_length() {
    let policies = |count: usize| {
        let policy = |number: usize| {
            format!(
                "@id(\"p{number}\") @segment(\"staff\")\npermit (principal, action, resource) when {{ context.eap }};\n"
            )
        };
        (0..count).map(policy).collect::<String>().into_bytes()
    };
    check("policy_text", 20, policies, nac_fuzz::policy_text);
}

/// A certificate for so many hosts, in DER.
fn certificate_of(names: usize) -> Vec<u8> {
    let names: Vec<String> = (0..names)
        .map(|number| format!("host-{number}.example.org"))
        .collect();
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(names).expect("names");
    let certificate = params.self_signed(&key).expect("a certificate");
    certificate.der().to_vec()
}

#[test]
fn reading_a_certificate_takes_time_in_proportion_to_its_length() {
    let read = nac_fuzz::certificate_facts;
    // Below the number of names that are read, and above.
    check("certificate_facts", 40, certificate_of, read);
    check("certificate_facts", 400, certificate_of, read);
    let chain = |certificates: usize| {
        use base64::Engine as _;
        let der = base64::engine::general_purpose::STANDARD.encode(certificate_of(2));
        let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
        pem.repeat(certificates).into_bytes()
    };
    check("a file of certificates", 30, chain, read);
}

#[test]
fn reading_what_osquery_posts_takes_time_in_proportion_to_its_length() {
    // The first octet is the endpoint: what was asked, what was logged, and who enrols.
    let rows = |count: usize| {
        let row = |number: usize| {
            format!(
                r#"{{"interface":"eth{number}","mac":"02:00:00:00:00:01","address":"10.0.0.9"}}"#
            )
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        let rows = rows.join(",");
        let queries = format!(r#"{{"nac_d.interfaces.NONCE":[{rows}]}}"#);
        format!("\0{{\"node_key\":\"KEY\",\"queries\":{queries},\"statuses\":{{}}}}").into_bytes()
    };
    check("rows", 200, rows, nac_fuzz::osquery_json);
    let answers = |count: usize| {
        let answer = |number: usize| format!(r#""nac_p.check-{number}.NONCE":[]"#);
        let answers: Vec<String> = (0..count).map(answer).collect();
        let answers = answers.join(",");
        format!("\0{{\"node_key\":\"KEY\",\"queries\":{{{answers}}},\"statuses\":{{}}}}")
            .into_bytes()
    };
    check("answers", 200, answers, nac_fuzz::osquery_json);
    let lines = |count: usize| {
        let line = |number: usize| format!(r#"{{"line":{number},"message":"x"}}"#);
        let lines: Vec<String> = (0..count).map(line).collect();
        let lines = lines.join(",");
        format!("\x02{{\"node_key\":\"KEY\",\"log_type\":\"status\",\"data\":[{lines}]}}")
            .into_bytes()
    };
    check("lines of a log", 200, lines, nac_fuzz::osquery_json);
    let depth = |count: usize| {
        let deep = format!("{}{}", "[".repeat(count), "]".repeat(count));
        format!("\0{{\"node_key\":\"KEY\",\"queries\":{{\"a\":{deep}}}}}").into_bytes()
    };
    check("brackets", 2_000, depth, nac_fuzz::osquery_json);
}
