//! Employees and their devices, from the sign-in to the last device removed.

use axum::http::{StatusCode, header};
use nac_store::{
    Device, DeviceFilter, DeviceRecord, DeviceRegistration, DeviceStatus, PortalSettings, PskState,
    UserRecord, now_us,
};
use zeroize::Zeroizing;

use crate::public::testing::{Person, TestPortal};

const PASSWORD: &str = "correct horse";
const ALICE: &str = "10.0.0.7";

async fn office() -> TestPortal {
    let portal = TestPortal::new().await;
    let password = Zeroizing::new(PASSWORD.to_owned());
    let hash = portal.state.passwords.hash(password).await.unwrap();
    for (name, groups) in [("alice", vec![]), ("bob", vec!["facilities".to_owned()])] {
        let user = UserRecord {
            name: name.to_owned(),
            password: Some(hash.clone()),
            cleartext: None,
            enabled: true,
            groups,
        };
        portal.store().user_put(user).await.unwrap();
    }
    let settings = PortalSettings {
        device_limit: 2,
        devices: DeviceRegistration {
            networks: vec!["Devices; home".to_owned()],
            delegates: vec!["facilities".to_owned()],
            ..DeviceRegistration::default()
        },
        ..PortalSettings::default()
    };
    portal.store().portal_site_put("", &settings).await.unwrap();
    portal
}

/// Somebody whose browser has the cookie of a sign-in.
async fn signed_in<'p>(portal: &'p TestPortal, name: &str, source: &str) -> Person<'p> {
    let form = format!("name={name}&password=correct+horse");
    let answer = portal.person(source).post("/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let cookie = answer.header(header::SET_COOKIE).to_owned();
    for part in [
        "__Host-nac-portal=",
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Lax",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let word = cookie.split(';').next().unwrap();
    portal.person(source).with("cookie", word)
}

async fn devices(portal: &TestPortal) -> Vec<Device> {
    portal
        .store()
        .device_list(&DeviceFilter::default())
        .await
        .unwrap()
}

async fn add(
    person: &Person<'_>,
    mac: &str,
    name: &str,
    more: &str,
) -> crate::public::testing::Answer {
    let form = format!("mac={mac}&name={name}&type=phone&days=30{more}");
    person.post("/devices/add", &form).await
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_sign_in_and_comes_back() {
    let portal = office().await;
    let person = portal.person(ALICE);
    let answer = person.get("/devices/add?lang=de").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(
        answer.header(header::LOCATION),
        "/sign-in?next=/devices/add&lang=de"
    );
    let page = person.get("/sign-in?next=/devices/add&lang=de").await;
    assert!(page.body.contains("value=\"/devices/add\"") && page.body.contains("Benutzername"));
    let form = "name=ALICE&password=correct+horse&next=/devices/add";
    let answer = person.post("/sign-in", form).await;
    assert_eq!(answer.header(header::LOCATION), "/devices/add");
    // It leads to no other site, whatever it is told.
    for next in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "evil",
        "/a?b",
        "/%2f",
    ] {
        let form = format!("name=alice&password=correct+horse&next={next}");
        let answer = portal.person("10.9.0.1").post("/sign-in", &form).await;
        if answer.status == StatusCode::SEE_OTHER {
            assert_eq!(answer.header(header::LOCATION), "/devices", "{next}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_an_unknown_name_and_a_disabled_account_look_alike() {
    let portal = office().await;
    portal.store().user_set_enabled("bob", false).await.unwrap();
    let mut bodies = Vec::new();
    for form in [
        "name=alice&password=wrong",
        "name=nobody&password=correct+horse",
        "name=bob&password=correct+horse",
    ] {
        let answer = portal.person(ALICE).post("/sign-in", form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.headers.get(header::SET_COOKIE).is_none());
        let (before, _) = answer.body.split_once("<footer>").unwrap();
        bodies.push(
            before
                .replace("alice", "?")
                .replace("nobody", "?")
                .replace("bob", "?"),
        );
        assert!(!answer.body.contains("correct horse"));
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0], bodies[2]);
}

#[tokio::test]
async fn a_stranger_who_guesses_keeps_only_that_stranger_waiting() {
    let portal = office().await;
    let stranger = portal.person("203.0.113.9");
    let mut refused = 0;
    for _ in 0..12 {
        let answer = stranger.post("/sign-in", "name=alice&password=guess").await;
        refused += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused >= 6, "{refused}");
    let right = stranger
        .post("/sign-in", "name=alice&password=correct+horse")
        .await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    signed_in(&portal, "alice", ALICE).await;
}

#[tokio::test]
async fn a_sign_in_ends_with_the_account_and_at_the_sign_out() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    assert_eq!(alice.get("/devices").await.status, StatusCode::OK);
    portal
        .store()
        .user_set_enabled("alice", false)
        .await
        .unwrap();
    assert_eq!(alice.get("/devices").await.status, StatusCode::SEE_OTHER);
    portal
        .store()
        .user_set_enabled("alice", true)
        .await
        .unwrap();
    assert_eq!(
        alice.get("/devices").await.status,
        StatusCode::SEE_OTHER,
        "it is over"
    );
    let alice = signed_in(&portal, "alice", ALICE).await;
    alice.post("/sign-out", "").await;
    assert_eq!(alice.get("/devices").await.status, StatusCode::SEE_OTHER);
    // A word that somebody planted is not taken over by a sign-in.
    let planted = "__Host-nac-portal=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let victim = portal.person(ALICE).with("cookie", planted);
    let answer = victim
        .post("/sign-in", "name=alice&password=correct+horse")
        .await;
    assert!(!answer.header(header::SET_COOKIE).contains("AAAAAAAA"));
    assert_eq!(victim.get("/devices").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_device_is_added_by_any_spelling_of_its_address() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    let empty = alice.get("/devices").await;
    assert!(empty.body.contains("No devices yet"));
    let answer = add(&alice, "001B.21AA.BBCC", "Phone", "").await;
    assert_eq!(
        answer.header(header::LOCATION),
        "/devices?done=added",
        "{}",
        answer.body
    );
    let device = devices(&portal).await.pop().unwrap();
    assert_eq!(device.macs, ["00:1b:21:aa:bb:cc"]);
    assert_eq!(device.labels, ["registered"]);
    assert_eq!(device.owner.as_deref(), Some("alice"));
    assert_eq!(device.device_type.as_deref(), Some("phone"));
    let month = device.expires_us.unwrap() - now_us() - 30 * 86_400_000_000;
    assert!(month.abs() < 60_000_000);
    let list = alice.get("/devices?done=added").await.body;
    assert!(list.contains("Phone") && list.contains("The device was added"));
    // A random address is taken, and pointed out.
    let answer = add(&alice, "02-1B-21-AA-BB-CC", "Tablet", "").await;
    assert_eq!(answer.header(header::LOCATION), "/devices?done=random");
    let records = portal
        .store()
        .audit_list(&nac_store::AuditFilter::default())
        .await
        .unwrap();
    assert!(records.iter().any(|record| record.action == "device.put"
        && record.actor == "alice"
        && record.source == ALICE));
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    let form = "mac=00:1b:21&name=&type=spaceship&days=99999&replace=&here=";
    let answer = alice.post("/devices/add", form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "no hardware address",
        "1 to 60 characters",
        "types of the list",
        "times of the list",
        "value=\"00:1b:21\"",
        "4 entries",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    for (mac, told) in [
        ("ff:ff:ff:ff:ff:ff", "no single device"),
        ("01:00:5e:00:00:01", "no single device"),
        ("<script>alert(1)</script>", "no hardware address"),
    ] {
        let answer = add(
            &alice,
            &mac.replace('<', "%3C").replace('>', "%3E"),
            "x",
            "",
        )
        .await;
        assert!(answer.body.contains(told), "{mac}");
        assert!(!answer.body.contains("<script>alert"));
    }
    // Nothing that the form does not have.
    let answer = add(&alice, "00:1b:21:00:00:01", "x", "&owner=bob").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(devices(&portal).await.len(), 0);
}

#[tokio::test]
async fn this_device_is_the_one_of_the_live_session_whatever_the_form_says() {
    let portal = office().await;
    let mac = "00:1b:21:00:00:77";
    portal.session(mac, "registration", Some(ALICE)).await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    let page = alice.get("/devices/add").await.body;
    assert!(page.contains("Add this device") && page.contains(mac));
    let form = "mac=00:1b:21:00:00:99&name=Mine&type=phone&days=30&here=yes";
    let answer = alice.post("/devices/add", form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(devices(&portal).await[0].macs, [mac]);
    // Elsewhere there is no such device.
    let elsewhere = signed_in(&portal, "alice", "10.0.0.8").await;
    assert_eq!(
        elsewhere.post("/devices/add", form).await.status,
        StatusCode::FORBIDDEN
    );
    assert!(
        !elsewhere
            .get("/devices/add")
            .await
            .body
            .contains("Add this device")
    );
}

#[tokio::test]
async fn a_device_of_somebody_else_does_not_exist() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    add(&alice, "00:1b:21:00:00:01", "Phone", "").await;
    let id = devices(&portal).await[0].id;
    let bob = signed_in(&portal, "bob", "10.0.0.8").await;
    let nobodys = uuid::Uuid::now_v7().to_string();
    for id in [id.to_string(), nobodys, "nonsense".to_owned()] {
        for below in ["", "/key"] {
            let answer = bob.get(&format!("/devices/{id}{below}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
            assert!(answer.body.contains("You have no device like this"));
        }
        for (below, form) in [
            ("", "name=x&type=phone"),
            ("/renew", ""),
            ("/lost", ""),
            ("/found", ""),
            ("/remove", ""),
            ("/key", "network=0"),
            ("/key/revoke", ""),
        ] {
            let answer = bob.post(&format!("/devices/{id}{below}"), form).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{below}");
        }
    }
    let device = &devices(&portal).await[0];
    assert_eq!((device.name.as_str(), device.lost_us), ("Phone", None));
    // Her address is not given away to be taken over either.
    let answer = add(&bob, "00:1b:21:00:00:01", "x", "").await;
    assert!(answer.body.contains("registered already") && !answer.body.contains("alice"));
    assert!(
        add(&alice, "00:1b:21:00:00:01", "x", "")
            .await
            .body
            .contains("added this address already")
    );
}

#[tokio::test]
async fn a_lost_device_is_blocked_keeps_its_record_and_is_not_removed() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    add(&alice, "00:1b:21:00:00:01", "Phone", "").await;
    let id = devices(&portal).await[0].id;
    let path = format!("/devices/{id}");
    alice.post(&format!("{path}/lost"), "").await;
    let device = portal.store().device_fetch(id).await.unwrap();
    assert!(
        device.lost_us.is_some() && device.macs.len() == 1,
        "lost is not unregistered"
    );
    assert!(
        alice
            .get(&path)
            .await
            .body
            .contains("Reported lost or stolen")
    );
    assert!(
        alice
            .get("/devices")
            .await
            .body
            .contains("Reported lost or stolen")
    );
    // Its address does not become a stranger's that could be registered again.
    assert_eq!(
        alice.post(&format!("{path}/remove"), "").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        alice.post(&format!("{path}/key"), "network=0").await.status,
        StatusCode::FORBIDDEN
    );
    // Whoever has the device cannot take the report back.
    portal
        .session("00:1b:21:00:00:01", "guest", Some("10.0.0.66"))
        .await;
    let thief = signed_in(&portal, "alice", "10.0.0.66").await;
    assert_eq!(
        thief.post(&format!("{path}/found"), "").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        alice.post(&format!("{path}/found"), "").await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(portal.store().device_fetch(id).await.unwrap().lost_us, None);
    // What an administrator reported or blocked, an administrator takes back.
    portal.store().device_lost(id, "cli:root").await.unwrap();
    assert_eq!(
        alice.post(&format!("{path}/found"), "").await.status,
        StatusCode::FORBIDDEN
    );
    portal.store().device_found(id).await.unwrap();
    portal
        .store()
        .device_set_status(id, DeviceStatus::Blocked)
        .await
        .unwrap();
    assert_eq!(
        alice.post(&format!("{path}/remove"), "").await.status,
        StatusCode::FORBIDDEN
    );
    portal
        .store()
        .device_set_status(id, DeviceStatus::Active)
        .await
        .unwrap();
    assert_eq!(
        alice.post(&format!("{path}/remove"), "").await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(devices(&portal).await.len(), 0);
}

#[tokio::test]
async fn a_device_is_renamed_and_renewed() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    add(&alice, "00:1b:21:00:00:01", "Phone", "").await;
    let device = devices(&portal).await.pop().unwrap();
    let path = format!("/devices/{}", device.id);
    let answer = alice.post(&path, "name=%3Cb%3ENew%3C/b%3E&type=tv").await;
    assert_eq!(answer.header(header::LOCATION), "/devices?done=changed");
    let changed = portal.store().device_fetch(device.id).await.unwrap();
    assert_eq!(changed.name, "<b>New</b>");
    assert_eq!(changed.device_type.as_deref(), Some("tv"));
    assert!(!alice.get("/devices").await.body.contains("<b>New"));
    assert_eq!(
        alice.post(&path, "name=&type=tv").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    alice.post(&format!("{path}/renew"), "").await;
    let renewed = portal.store().device_fetch(device.id).await.unwrap();
    assert!(renewed.expires_us.unwrap() > now_us() + 364 * 86_400_000_000);
    // A GET changes nothing.
    for below in ["/renew", "/lost", "/remove", "/key/revoke"] {
        let answer = alice.get(&format!("{path}{below}")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn at_the_limit_a_new_device_replaces_one() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    add(&alice, "00:1b:21:00:00:01", "First", "").await;
    add(&alice, "00:1b:21:00:00:02", "Second", "").await;
    let answer = add(&alice, "00:1b:21:00:00:03", "Third", "").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("You have 2 devices") && answer.body.contains("name=\"replace\""));
    let first = devices(&portal)
        .await
        .into_iter()
        .find(|one| one.name == "First")
        .unwrap();
    let bobs = portal
        .store()
        .device_put(DeviceRecord {
            owner: Some("bob".to_owned()),
            ..DeviceRecord::new("His", "admin")
        })
        .await
        .unwrap();
    let answer = add(
        &alice,
        "00:1b:21:00:00:03",
        "Third",
        &format!("&replace={}", bobs.id),
    )
    .await;
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "somebody else's is not replaced"
    );
    let answer = add(
        &alice,
        "00:1b:21:00:00:03",
        "Third",
        &format!("&replace={}", first.id),
    )
    .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let mut names: Vec<String> = devices(&portal)
        .await
        .into_iter()
        .map(|one| one.name)
        .collect();
    names.sort();
    assert_eq!(names, ["His", "Second", "Third"]);
    // A lost one takes no place: its owner needs another.
    let third = devices(&portal)
        .await
        .into_iter()
        .find(|one| one.name == "Third")
        .unwrap();
    portal.store().device_lost(third.id, "alice").await.unwrap();
    let answer = add(&alice, "00:1b:21:00:00:04", "Fourth", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_key_is_shown_to_its_maker_for_a_while_and_never_to_others() {
    let portal = office().await;
    let alice = signed_in(&portal, "alice", ALICE).await;
    add(&alice, "00:1b:21:00:00:01", "TV", "").await;
    let id = devices(&portal).await[0].id;
    let path = format!("/devices/{id}/key");
    assert!(alice.get(&path).await.body.contains("No key"));
    let answer = alice.post(&path, "network=0").await;
    assert_eq!(answer.header(header::LOCATION), path);
    let key = |psks: &[nac_store::DevicePsk]| {
        let secret = psks[0].passphrase.as_ref().unwrap();
        String::from_utf8(secret.expose().to_vec()).unwrap()
    };
    let first = key(&portal.store().device_psk_list(id).await.unwrap());
    let page = alice.get(&path).await;
    assert!(page.body.contains(&first) && page.body.contains("data:image/svg+xml;base64,"));
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    // Another sign-in of the same person does not see it: who did not see it makes a new one.
    let again = signed_in(&portal, "alice", ALICE).await;
    assert!(!again.get(&path).await.body.contains(&first));
    again.post(&path, "network=0").await;
    let psks = portal.store().device_psk_list(id).await.unwrap();
    let states: Vec<PskState> = psks.iter().map(|psk| psk.state(now_us())).collect();
    assert_eq!(states, [PskState::Current, PskState::Overlap]);
    let page = again.get(&path).await.body;
    assert!(page.contains(&key(&psks)) && !page.contains(&first));
    assert!(page.contains("The former key is good until"));
    again.post(&format!("{path}/revoke"), "").await;
    let psks = portal.store().device_psk_list(id).await.unwrap();
    assert!(
        psks.iter()
            .all(|psk| psk.state(now_us()) == PskState::Revoked)
    );
    assert_eq!(
        again.post(&path, "network=7").await.status,
        StatusCode::NOT_FOUND
    );
}

/// A list as a browser sends it.
async fn many(person: Person<'_>, list: &str, action: &str) -> crate::public::testing::Answer {
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n";
    let body = format!(
        "{}{file}{}--x--\r\n",
        part("list", list),
        part("action", action)
    );
    person
        .post_as("/devices/many", "multipart/form-data; boundary=x", &body)
        .await
}

#[tokio::test]
async fn a_list_is_checked_line_by_line_and_stored_whole_or_not_at_all() {
    let portal = office().await;
    let bob = async || signed_in(&portal, "bob", "10.0.0.8").await;
    let bad = "mac,name,type\n00:1b:21:00:00:01,Printer 1,printer\nnonsense,x,tv\n\
               001b21000001,again,printer\n00:1b:21:00:00:02,y,spaceship\na,b,c,d\n";
    for action in ["check", "add"] {
        let answer = many(bob().await, bad, action).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        for part in ["Line 3:", "Line 4:", "Line 5:", "Line 6:", "Printer 1"] {
            assert!(answer.body.contains(part), "{part}: {}", answer.body);
        }
        assert_eq!(devices(&portal).await.len(), 0);
    }
    let good =
        "00:1b:21:00:00:01;Printer 1;printer\n001b.2100.0002\n00:1b:21:00:00:03,\"TV, left\",TV\n";
    let answer = many(bob().await, good, "check").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("3 devices are right"));
    assert_eq!(devices(&portal).await.len(), 0, "a check stores nothing");
    let answer = many(bob().await, good, "add").await;
    assert_eq!(
        answer.header(header::LOCATION),
        "/devices?done=many",
        "{}",
        answer.body
    );
    let stored = devices(&portal).await;
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|one| one.owner.as_deref() == Some("bob")));
    assert!(stored.iter().any(|one| one.name == "TV, left"));
    // Who is no delegate has the usual limit.
    let alice = signed_in(&portal, "alice", ALICE).await;
    let list = "00:1b:21:00:01:01\n00:1b:21:00:01:02\n00:1b:21:00:01:03\n";
    let answer = many(alice, list, "add").await;
    assert!(answer.body.contains("room for 2 more"), "{}", answer.body);
}
