//! Vouchers: made, used, withdrawn, and never readable in the database.

use std::collections::BTreeSet;
use std::sync::Arc;

use nac_store::{
    GuestMethod, GuestStatus, NewGuest, NewVoucherBatch, Redeemer, StartRule, Store, StoreError,
    VoucherBatchFilter, VoucherCode, VoucherFilter, VoucherRefusal, VoucherState, now_us,
};

use crate::guests::{MAC, device};
use crate::world::{World, new_device, on_each_engine};

on_each_engine!(
    a_batch_of_codes_lets_people_in,
    a_code_is_for_so_many_devices_and_comes_back_after_a_log_out,
    every_refusal_has_its_reason,
    codes_are_withdrawn_alone_and_together,
    codes_from_elsewhere_are_taken_over_once,
    who_was_announced_comes_with_their_code,
    the_database_alone_does_not_know_the_codes,
);

fn who(number: u8) -> Redeemer {
    Redeemer {
        mac: format!("02:00:5e:20:00:{number:02x}"),
        site: "hq".to_owned(),
        language: "de".to_owned(),
        ..Redeemer::default()
    }
}

async fn code(store: &Store, new: NewVoucherBatch) -> VoucherCode {
    let (_, vouchers) = store.voucher_batch_add(new).await.unwrap();
    vouchers.into_iter().next().unwrap().code
}

async fn a_batch_of_codes_lets_people_in(world: Arc<World>) {
    let store = world.open().await;
    let (batch, vouchers) = store
        .voucher_batch_add(NewVoucherBatch {
            note: "Conference\0".to_owned(),
            size: 70,
            duration_s: 3_600,
            created_by: "operator".to_owned(),
            ..NewVoucherBatch::default()
        })
        .await
        .unwrap();
    assert_eq!(
        (batch.note.as_str(), batch.start_rule),
        ("Conference\u{fffd}", StartRule::FirstUse)
    );
    let codes: BTreeSet<String> = vouchers
        .iter()
        .map(|voucher| voucher.code.shown())
        .collect();
    assert_eq!(codes.len(), 70);

    let guest = store
        .voucher_redeem(&vouchers[0].code, &who(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (guest.method, guest.status, guest.language.as_str()),
        (GuestMethod::Voucher, GuestStatus::Active, "de")
    );
    assert_eq!(
        guest.expires_us.unwrap() - guest.starts_us.unwrap(),
        3_600_000_000
    );
    assert_eq!(device(&store, &who(1).mac).await.labels, ["guest"]);
    let used = store.voucher_fetch(vouchers[0].id).await.unwrap();
    assert_eq!(
        (used.state, used.guest_id),
        (VoucherState::Active, Some(guest.id))
    );
    assert_eq!(used.code, vouchers[0].code);
    assert_eq!(
        store.voucher_by_code(&used.code).await.unwrap().unwrap(),
        used
    );
    let batch = store.voucher_batch_fetch(batch.id).await.unwrap();
    assert_eq!((batch.size, batch.unused, batch.active), (70, 69, 1));
    let listed = store
        .voucher_list(&VoucherFilter {
            batch_id: Some(batch.id),
            state: Some(VoucherState::Unused),
            after: Some(vouchers[9].id),
            limit: 2,
        })
        .await
        .unwrap();
    assert_eq!(listed, vouchers[10..12]);
    let found = store
        .voucher_batch_list(&VoucherBatchFilter {
            search: Some("CONFER".to_owned()),
            ..VoucherBatchFilter::default()
        })
        .await
        .unwrap();
    assert_eq!(found, [batch]);
}

async fn a_code_is_for_so_many_devices_and_comes_back_after_a_log_out(world: Arc<World>) {
    let store = world.open().await;
    let new = NewVoucherBatch {
        devices: 2,
        ..NewVoucherBatch::default()
    };
    let code = code(&store, new).await;
    let first = store.voucher_redeem(&code, &who(1)).await.unwrap().unwrap();
    let second = store.voucher_redeem(&code, &who(2)).await.unwrap().unwrap();
    assert_eq!((second.id, second.expires_us), (first.id, first.expires_us));
    store.voucher_redeem(&code, &who(2)).await.unwrap().unwrap();
    let third = store.voucher_redeem(&code, &who(3)).await.unwrap();
    assert_eq!(third, Err(VoucherRefusal::UsedUp));
    store.guest_leave(first.id, &who(1).mac).await.unwrap();
    store.voucher_redeem(&code, &who(3)).await.unwrap().unwrap();
    let longer = store.guest_extend(first.id, 60).await.unwrap().unwrap();
    let voucher = store.voucher_by_code(&code).await.unwrap().unwrap();
    assert_eq!(voucher.ends_us, longer.expires_us);
}

async fn every_refusal_has_its_reason(world: Arc<World>) {
    let store = world.open().await;
    let unknown = VoucherCode::parse("0123456789").unwrap();
    let refused = async |code: &VoucherCode, who: Redeemer| {
        store.voucher_redeem(code, &who).await.unwrap().unwrap_err()
    };
    assert_eq!(refused(&unknown, who(1)).await, VoucherRefusal::Unknown);

    let soon = now_us() + 300_000;
    let late = code(
        &store,
        NewVoucherBatch {
            expires_us: Some(soon),
            ..NewVoucherBatch::default()
        },
    )
    .await;
    let short = code(
        &store,
        NewVoucherBatch {
            duration_s: 1,
            ..NewVoucherBatch::default()
        },
    )
    .await;
    store
        .voucher_redeem(&short, &who(1))
        .await
        .unwrap()
        .unwrap();
    let elsewhere = code(
        &store,
        NewVoucherBatch {
            site: "paris".to_owned(),
            ..NewVoucherBatch::default()
        },
    )
    .await;
    assert_eq!(refused(&elsewhere, who(2)).await, VoucherRefusal::OtherSite);
    let from_us = now_us() + 3_600_000_000;
    let early = code(
        &store,
        NewVoucherBatch {
            starts_us: Some(from_us),
            ..NewVoucherBatch::default()
        },
    )
    .await;
    assert_eq!(
        refused(&early, who(2)).await,
        VoucherRefusal::NotYet { from_us }
    );
    store
        .device_put(new_device("printer", &who(9).mac))
        .await
        .unwrap();
    let fresh = code(&store, NewVoucherBatch::default()).await;
    assert!(matches!(
        refused(&fresh, who(9)).await,
        VoucherRefusal::Device(_)
    ));
    let voucher = store.voucher_by_code(&fresh).await.unwrap().unwrap();
    assert_eq!(
        voucher.state,
        VoucherState::Unused,
        "a refusal uses nothing up"
    );

    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    assert_eq!(refused(&late, who(2)).await, VoucherRefusal::Expired);
    assert_eq!(refused(&short, who(1)).await, VoucherRefusal::UsedUp);
    let state = async |code| store.voucher_by_code(code).await.unwrap().unwrap().state;
    assert_eq!(state(&late).await, VoucherState::Expired);
    assert_eq!(state(&short).await, VoucherState::Used);

    for new in [
        NewVoucherBatch {
            size: 0,
            ..NewVoucherBatch::default()
        },
        NewVoucherBatch {
            size: 10_001,
            ..NewVoucherBatch::default()
        },
        NewVoucherBatch {
            devices: 0,
            ..NewVoucherBatch::default()
        },
        NewVoucherBatch {
            duration_s: 0,
            ..NewVoucherBatch::default()
        },
        NewVoucherBatch {
            expires_us: Some(1),
            ..NewVoucherBatch::default()
        },
    ] {
        let made = store.voucher_batch_add(new).await;
        assert!(matches!(made, Err(StoreError::Invalid { .. })));
    }
}

async fn codes_are_withdrawn_alone_and_together(world: Arc<World>) {
    let store = world.open().await;
    let new = NewVoucherBatch {
        size: 3,
        ..NewVoucherBatch::default()
    };
    let (batch, vouchers) = store.voucher_batch_add(new).await.unwrap();
    let mut guests = Vec::new();
    for (index, voucher) in (1..).zip(&vouchers[..2]) {
        let here = store.voucher_redeem(&voucher.code, &who(index)).await;
        guests.push(here.unwrap().unwrap());
    }
    let gone = store
        .voucher_revoke(vouchers[0].id, "operator")
        .await
        .unwrap();
    assert_eq!(
        (gone.state, gone.revoked_by.as_deref()),
        (VoucherState::Revoked, Some("operator"))
    );
    assert_eq!(
        device(&store, &who(1).mac).await.labels,
        Vec::<String>::new()
    );
    let again = store
        .voucher_redeem(&vouchers[0].code, &who(1))
        .await
        .unwrap();
    assert_eq!(again, Err(VoucherRefusal::Expired));
    assert!(matches!(
        store.voucher_revoke(vouchers[0].id, "operator").await,
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(device(&store, &who(2).mac).await.labels, ["guest"]);

    store
        .voucher_batch_revoke(batch.id, "operator")
        .await
        .unwrap();
    assert_eq!(
        device(&store, &who(2).mac).await.labels,
        Vec::<String>::new()
    );
    let guest = store.guest_fetch(guests[1].id).await.unwrap();
    assert_eq!(guest.status, GuestStatus::Revoked);
    let unused = store.voucher_fetch(vouchers[2].id).await.unwrap();
    assert_eq!(unused.state, VoucherState::Revoked);
    assert!(matches!(
        store.voucher_batch_revoke(batch.id, "operator").await,
        Err(StoreError::Conflict { .. })
    ));
}

async fn codes_from_elsewhere_are_taken_over_once(world: Arc<World>) {
    let store = world.open().await;
    let codes: Vec<VoucherCode> = ["abcde-fghjk", "ABCDE-FGHJM"]
        .iter()
        .map(|code| VoucherCode::parse(code).unwrap())
        .collect();
    let new = NewVoucherBatch {
        codes: codes.clone(),
        ..NewVoucherBatch::default()
    };
    let (batch, _) = store.voucher_batch_add(new.clone()).await.unwrap();
    assert_eq!(batch.size, 2);
    assert!(
        store
            .voucher_redeem(&codes[0], &who(1))
            .await
            .unwrap()
            .is_ok()
    );
    let twice = store.voucher_batch_add(new).await;
    assert!(
        matches!(twice, Err(StoreError::Conflict { .. })),
        "{twice:?}"
    );
    let batches = store
        .voucher_batch_list(&VoucherBatchFilter::default())
        .await;
    assert_eq!(batches.unwrap().len(), 1);
}

async fn who_was_announced_comes_with_their_code(world: Arc<World>) {
    let store = world.open().await;
    let announced = NewGuest {
        method: GuestMethod::Operator,
        name: "Grace".to_owned(),
        devices_max: 2,
        ..NewGuest::default()
    };
    let guest = store.guest_register(announced).await.unwrap().unwrap();
    assert_eq!(guest.status, GuestStatus::Invited);
    let new = NewVoucherBatch {
        guest_id: Some(guest.id),
        duration_s: 600,
        devices: 2,
        ..NewVoucherBatch::default()
    };
    let code = code(&store, new).await;
    let here = store
        .voucher_redeem(
            &code,
            &Redeemer {
                mac: MAC.to_owned(),
                ..who(1)
            },
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!((here.id, here.name.as_str()), (guest.id, "Grace"));
    assert_eq!(device(&store, MAC).await.name, "Grace");
    store
        .guest_revoke(guest.id, "operator", false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        store.voucher_redeem(&code, &who(2)).await.unwrap(),
        Err(VoucherRefusal::Expired)
    );
}

async fn the_database_alone_does_not_know_the_codes(world: Arc<World>) {
    if !world.is_sqlite() {
        return;
    }
    let store = world.open().await;
    let code = code(&store, NewVoucherBatch::default()).await;
    store.close().await;
    let bytes = std::fs::read(world.directory.path().join("nac.db")).unwrap();
    let contains = |text: &str| {
        bytes
            .windows(text.len())
            .any(|found| found == text.as_bytes())
    };
    assert!(contains("voucher_batch"));
    assert!(!contains(code.plain()) && !contains(&code.shown()));
}
