//! Section 2.1: who asks for the identity, with a NUL, may be told one; nobody else is.

use nac_test_support::exchange::Exchange;
use nac_test_support::wire::code;
use nac_test_support::{Subject, SubjectKind, cast};

const CHARGEABLE_USER_IDENTITY: u8 = 89;

fn identity_of(
    client: &Exchange,
    identifier: u8,
    user: (&str, &str),
    asks: bool,
) -> Option<Vec<u8>> {
    let request = client
        .access_request(identifier, user.0)
        .with_password(user.1);
    let request = match asks {
        true => request.with(CHARGEABLE_USER_IDENTITY, [0]),
        false => request,
    };
    let reply = client.answer(&request);
    assert_eq!(reply.code, code::ACCESS_ACCEPT);
    let told = reply.all(CHARGEABLE_USER_IDENTITY);
    assert!(told.len() <= 1);
    told.first().map(|identity| identity.to_vec())
}

#[test]
fn who_does_not_ask_is_not_told() {
    let client = Subject::shared().client();
    let told = identity_of(&client, 1, (cast::USER, cast::PASSWORD), false);
    assert_eq!(told, None);
}

#[test]
fn who_asks_is_told_the_same_every_time_and_not_the_name() {
    let subject = Subject::shared();
    let client = subject.client();
    let alice = (cast::USER, cast::PASSWORD);
    let told = identity_of(&client, 2, alice, true);
    assert_eq!(told, identity_of(&client, 3, alice, true));
    // It is optional, and FreeRADIUS leaves it out unless told otherwise.
    assert_eq!(told.is_some(), subject.kind() == SubjectKind::Nac);
    if let Some(told) = told {
        let other = identity_of(&client, 4, (cast::OTHER_USER, cast::OTHER_PASSWORD), true);
        assert_ne!(Some(&told), other.as_ref());
        let name = cast::USER.as_bytes();
        assert!(!told.windows(name.len()).any(|part| part == name));
    }
}
