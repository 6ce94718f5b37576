//! The mail queue: nothing lost, nothing sent twice, nobody flooded.

use std::sync::Arc;

use nac_store::{EventKind, MailBudget, MailRefusal, MailState, NewMail, SecretBytes, now_us};

use crate::world::{World, on_each_engine};

on_each_engine!(
    a_message_waits_until_a_server_takes_it,
    a_message_that_is_given_up_stays_with_its_reason,
    nobody_is_sent_more_than_the_budget,
);

const BUDGET: MailBudget = MailBudget {
    window_s: 3_600,
    per_recipient: 2,
    total: 3,
};

fn to(recipient: &str) -> NewMail {
    NewMail {
        purpose: "guest-verify",
        guest_id: None,
        recipient: recipient.to_owned(),
        subject: "Hello".to_owned(),
        body: SecretBytes::new(*b"https://portal/guest/confirm/secret"),
    }
}

async fn a_message_waits_until_a_server_takes_it(world: Arc<World>) {
    let store = world.open().await;
    let mut events = store.subscribe();
    let id = store
        .mail_add(to("ada@example.org"), BUDGET)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(events.try_recv().unwrap().kind, EventKind::Mail);
    let later = now_us() + 60_000_000;
    let taken = store.mail_take(later, 10).await.unwrap();
    assert_eq!(taken.len(), 1);
    let (mail, body) = &taken[0];
    assert_eq!((mail.id, mail.attempts), (id, 1));
    assert_eq!(body.expose(), b"https://portal/guest/confirm/secret");
    // Whoever took it may have died; until its time it is nobody else's.
    assert!(store.mail_take(later, 10).await.unwrap().is_empty());
    store
        .mail_failed(id, "450 try again", Some(now_us()))
        .await
        .unwrap();
    let taken = store.mail_take(later, 10).await.unwrap();
    assert_eq!(
        (taken[0].0.attempts, taken[0].0.error.as_str()),
        (2, "450 try again")
    );
    store.mail_sent(id).await.unwrap();
    let listed = store
        .mail_list(Some(MailState::Sent), None, 0)
        .await
        .unwrap();
    assert_eq!((listed[0].id, listed[0].error.as_str()), (id, ""));
    assert!(store.mail_take(now_us() + 1, 10).await.unwrap().is_empty());
    assert_eq!(store.mail_prune(now_us() + 1).await.unwrap(), 1);
}

async fn a_message_that_is_given_up_stays_with_its_reason(world: Arc<World>) {
    let store = world.open().await;
    let id = store
        .mail_add(to("nobody@example.org"), BUDGET)
        .await
        .unwrap()
        .unwrap();
    store.mail_take(now_us(), 1).await.unwrap();
    store
        .mail_failed(id, "550 no such user", None)
        .await
        .unwrap();
    let failed = store
        .mail_list(Some(MailState::Failed), None, 0)
        .await
        .unwrap();
    assert_eq!(failed[0].error, "550 no such user");
    assert!(store.mail_take(now_us(), 1).await.unwrap().is_empty());
    assert!(store.mail_list(None, Some(id), 0).await.unwrap().is_empty());
}

async fn nobody_is_sent_more_than_the_budget(world: Arc<World>) {
    let store = world.open().await;
    for _ in 0..2 {
        store
            .mail_add(to("Ada@example.org "), BUDGET)
            .await
            .unwrap()
            .unwrap();
    }
    let third = store.mail_add(to("ada@example.org"), BUDGET).await.unwrap();
    assert_eq!(third, Err(MailRefusal::Recipient));
    store
        .mail_add(to("bob@example.org"), BUDGET)
        .await
        .unwrap()
        .unwrap();
    let fourth = store.mail_add(to("eve@example.org"), BUDGET).await.unwrap();
    assert_eq!(fourth, Err(MailRefusal::Total));
    assert_eq!(store.mail_list(None, None, 0).await.unwrap().len(), 3);
}
