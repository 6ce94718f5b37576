use super::*;

impl Key for u32 {
    fn spread(&self) -> usize {
        *self as usize
    }
}

const BOUNDS: Bounds = Bounds {
    hold: Duration::from_secs(30),
    answers: 64 * SHARDS,
    octets: 1_000 * SHARDS,
};
const ASKED: [u8; 16] = [1; 16];

fn ask(answers: &Arc<Answers<u32>>, key: u32, asked: [u8; 16], now: Instant) -> Seen<u32> {
    answers.claim(key, &asked, |then| *then == asked, now)
}

fn claimed(answers: &Arc<Answers<u32>>, key: u32, now: Instant) -> Claim<u32> {
    match ask(answers, key, ASKED, now) {
        Seen::New(claim) => claim,
        other => panic!("{key} is {other:?}"),
    }
}

fn answer(answers: &Arc<Answers<u32>>, key: u32, octets: usize, now: Instant) {
    let reply = vec![b'x'; octets].into();
    claimed(answers, key, now).answered(&reply, now);
}

fn kept(answers: &Answers<u32>) -> (usize, usize, usize) {
    let shards = answers.shards.iter().map(|shard| {
        let shard = shard.lock().unwrap();
        (shard.entries.len(), shard.order.len(), shard.octets)
    });
    shards.fold((0, 0, 0), |sum, one| {
        (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2)
    })
}

#[test]
fn whoever_asks_again_gets_the_same_octets_for_thirty_seconds_from_the_answer_on() {
    let (answers, asked) = (Answers::new(BOUNDS), Instant::now());
    let claim = claimed(&answers, 1, asked);
    // The check took its time.
    let answered = asked + Duration::from_secs(20);
    claim.answered(&Arc::from(&b"reply"[..]), answered);
    for later in [0, 1, 5, 6, 10, 25, 29] {
        let now = answered + Duration::from_secs(later);
        let Seen::Answered(again) = ask(&answers, 1, ASKED, now) else {
            panic!("not answered after {later} s")
        };
        assert_eq!((&*again.reply, again.authenticator), (&b"reply"[..], ASKED));
    }
    let over = answered + BOUNDS.hold;
    assert!(matches!(ask(&answers, 1, ASKED, over), Seen::New(_)));
}

#[test]
fn what_is_being_processed_is_not_forgotten_however_long_it_takes() {
    let (answers, asked) = (Answers::new(BOUNDS), Instant::now());
    let claim = claimed(&answers, 0, asked);
    for number in 1..1_000 {
        answer(&answers, number * SHARDS as u32, 100, asked);
    }
    let later = asked + Duration::from_secs(3_600);
    assert!(matches!(ask(&answers, 0, ASKED, later), Seen::InFlight));
    claim.answered(&Arc::from(&b"reply"[..]), later);
    assert!(matches!(ask(&answers, 0, ASKED, later), Seen::Answered(_)));
}

#[test]
fn a_claim_that_ends_without_an_answer_leaves_nothing() {
    let (answers, now) = (Answers::new(BOUNDS), Instant::now());
    drop(claimed(&answers, 1, now));
    assert_eq!(kept(&answers), (0, 0, 0));
    drop(claimed(&answers, 1, now));
}

#[test]
fn a_new_request_takes_the_place_of_the_old_one_and_the_late_answer_is_not_its() {
    let (answers, now) = (Answers::new(BOUNDS), Instant::now());
    let old = claimed(&answers, 1, now);
    let Seen::New(new) = ask(&answers, 1, [2; 16], now) else {
        panic!("another authenticator is another request")
    };
    old.answered(&Arc::from(&b"old"[..]), now);
    assert!(matches!(ask(&answers, 1, [2; 16], now), Seen::InFlight));
    new.answered(&Arc::from(&b"new"[..]), now);
    let Seen::Answered(answered) = ask(&answers, 1, [2; 16], now) else {
        panic!("it was answered")
    };
    assert_eq!(&*answered.reply, b"new");
    assert!(matches!(ask(&answers, 1, ASKED, now), Seen::New(_)));
    assert_eq!(kept(&answers).2, 0, "replaced answers hold no octets");
}

#[test]
fn answers_are_bounded_in_number_and_the_oldest_gives_way() {
    let (answers, now) = (Answers::new(BOUNDS), Instant::now());
    for number in 0..10_000 {
        answer(&answers, number, 1, now);
    }
    let (entries, order, octets) = kept(&answers);
    assert_eq!((entries, octets), (BOUNDS.answers, BOUNDS.answers));
    assert_eq!(order, BOUNDS.answers);
    assert!(matches!(
        ask(&answers, 9_999, ASKED, now),
        Seen::Answered(_)
    ));
    assert!(matches!(ask(&answers, 1, ASKED, now), Seen::New(_)));
}

#[test]
fn answers_are_bounded_in_octets() {
    let (answers, now) = (Answers::new(BOUNDS), Instant::now());
    for number in 0..1_000 {
        answer(&answers, number, 300, now);
    }
    let (entries, _, octets) = kept(&answers);
    assert_eq!((entries, octets), (3 * SHARDS, 900 * SHARDS));
    assert!(matches!(ask(&answers, 999, ASKED, now), Seen::Answered(_)));
}

#[test]
fn a_slot_that_is_used_over_and_over_does_not_grow() {
    let (answers, began) = (Answers::new(BOUNDS), Instant::now());
    for number in 0..10_000_u64 {
        // One slot is not answered twice in the same moment.
        let now = began + Duration::from_micros(number);
        let asked = u128::from(number).to_be_bytes();
        let Seen::New(claim) = ask(&answers, 7, asked, now) else {
            panic!("another authenticator is another request")
        };
        claim.answered(&Arc::from(&b"reply"[..]), now);
    }
    let (entries, order, octets) = kept(&answers);
    assert_eq!((entries, octets), (1, 5));
    assert!(order <= BOUNDS.answers / SHARDS);
}

#[test]
fn an_answer_can_be_dropped_before_its_time_and_a_claim_cannot() {
    let (answers, now) = (Answers::new(BOUNDS), Instant::now());
    answer(&answers, 1, 10, now);
    answers.drop_answer(&1);
    let claim = claimed(&answers, 1, now);
    answers.drop_answer(&1);
    assert!(matches!(ask(&answers, 1, ASKED, now), Seen::InFlight));
    drop(claim);
    assert_eq!(kept(&answers).0, 0);
}
