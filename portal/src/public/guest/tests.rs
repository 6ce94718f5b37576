//! What a guest and a sponsor see, and what the store holds afterwards.

use std::collections::BTreeMap;

use nac_store::{
    AskedField, GuestField, GuestFilter, GuestStatus, IdentifierKind, NewVoucherBatch,
    PortalMethod, PortalSettings, UserRecord, now_us,
};
use zeroize::Zeroizing;

use crate::public::testing::{Answer, Person, TestPortal};

const MAC: &str = "02:00:5e:40:00:01";
const ADDRESS: &str = "10.9.0.1";

/// A portal with all ways open, and somebody at a port of its switch.
async fn portal(change: impl FnOnce(&mut PortalSettings)) -> TestPortal {
    let portal = TestPortal::new().await;
    portal.client("switch-1", "192.0.2.1/32", "hq").await;
    let mut settings = PortalSettings {
        methods: vec![
            PortalMethod::Guest,
            PortalMethod::Voucher,
            PortalMethod::Terms,
        ],
        ..PortalSettings::default()
    };
    settings.terms.version = "2026-11".to_owned();
    settings.terms.text = BTreeMap::from([("en".to_owned(), "Be kind.".to_owned())]);
    change(&mut settings);
    portal.store().portal_site_put("", &settings).await.unwrap();
    portal.session(MAC, "registration", Some(ADDRESS)).await;
    portal
}

async fn user(portal: &TestPortal, name: &str, group: &str) {
    let password = Zeroizing::new("correct horse".to_owned());
    let hash = portal.state.passwords.hash(password).await.unwrap();
    portal
        .store()
        .user_put(UserRecord {
            name: name.to_owned(),
            password: Some(hash),
            cleartext: None,
            enabled: true,
            groups: vec![group.to_owned()],
        })
        .await
        .unwrap();
}

async fn labels(portal: &TestPortal) -> Vec<String> {
    let device = portal
        .store()
        .device_by_identifier(IdentifierKind::Mac, MAC)
        .await
        .unwrap();
    device.map(|device| device.labels).unwrap_or_default()
}

/// The address of the link in the newest message, without the portal's own.
async fn link(portal: &TestPortal) -> String {
    let taken = portal.store().mail_take(now_us() + 1, 10).await.unwrap();
    let (_, body) = taken.last().expect("a message is in the queue");
    let body = String::from_utf8(body.expose().to_vec()).unwrap();
    let start = body.find("https://portal.example.org/").expect("a link");
    let link = body[start..].split_whitespace().next().unwrap();
    link.strip_prefix("https://portal.example.org")
        .unwrap()
        .to_owned()
}

fn sent_to(answer: &Answer, place: &str) {
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("location"), place);
}

fn hidden(body: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let start = body.find(&mark).expect("the field is there") + mark.len();
    body[start..].split('"').next().unwrap().to_owned()
}

async fn register(person: &Person<'_>) -> Answer {
    person
        .post("/guest", "name=Ada&email=ada%40example.org&terms=on")
        .await
}

#[tokio::test]
async fn an_address_is_confirmed_by_a_press_and_not_by_a_look() {
    let portal = portal(|_| {}).await;
    let person = portal.person(ADDRESS);
    let form = person.get("/guest").await;
    assert!(form.body.contains("name=\"email\"") && form.body.contains("Be kind."));
    sent_to(&register(&person).await, "/guest/status");
    assert_eq!(labels(&portal).await, ["guest-activation"]);
    let waiting = person.get("/guest/status").await;
    assert!(waiting.body.contains("http-equiv=\"refresh\""));
    assert!(waiting.body.contains("ada@example.org"));

    // Another device opens the link, and so does a scanner of mail.
    let elsewhere = portal.person("198.51.100.7");
    let link = link(&portal).await;
    for _ in 0..3 {
        let page = elsewhere.get(&link).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains(MAC), "it says which device");
    }
    assert_eq!(labels(&portal).await, ["guest-activation"]);
    let path = link.split('?').next().unwrap();
    let confirmed = elsewhere.post(&link, "").await;
    assert_eq!(confirmed.status, 303);
    assert!(confirmed.header("location").starts_with(path));
    assert_eq!(labels(&portal).await, ["guest"]);
    assert!(elsewhere.get(&link).await.body.contains("Confirmed"));
    let on = person.get("/guest/status").await;
    assert!(on.body.contains("You are connected") && !on.body.contains("refresh"));
    sent_to(&person.get("/guest").await, "/guest/status");

    let guests = portal.store().guest_list(&GuestFilter::default()).await;
    let guest = guests.unwrap().remove(0);
    assert_eq!(guest.site, "hq");
    let accepted = portal.store().guest_acceptances(guest.id).await.unwrap();
    assert_eq!(accepted[0].version, "2026-11");
    assert_eq!(accepted[0].source, ADDRESS);
}

#[tokio::test]
async fn nobody_registers_without_being_there() {
    let portal = portal(|_| {}).await;
    let stranger = portal
        .person("198.51.100.7")
        .with("x-forwarded-for", ADDRESS);
    for (path, form) in [
        ("/guest", "name=Ada&email=ada%40example.org&terms=on"),
        ("/terms", "terms=on"),
        ("/voucher", "code=ABCDE-FGHJK&terms=on"),
        ("/guest/extend", ""),
        ("/guest/leave", ""),
        ("/guest/resend", ""),
    ] {
        assert_eq!(stranger.post(path, form).await.status, 403, "{path}");
    }
    assert!(
        portal
            .store()
            .guest_list(&GuestFilter::default())
            .await
            .unwrap()
            .is_empty()
    );
    // What the form does not have is refused, not ignored: nobody chooses another device.
    let person = portal.person(ADDRESS);
    let foreign = person
        .post(
            "/guest",
            "name=Ada&email=ada%40example.org&terms=on&mac=020000000009",
        )
        .await;
    assert_eq!(foreign.status, 422);
}

#[tokio::test]
async fn what_is_missing_is_said_beside_its_field() {
    let portal = portal(|_| {}).await;
    let person = portal.person(ADDRESS);
    let answer = person.post("/guest", "name=+&email=nobody").await;
    assert_eq!(answer.status, 200);
    for id in ["e-name", "e-email", "e-terms"] {
        assert!(answer.body.contains(&format!("id=\"{id}\"")), "{id}");
    }
    // The summary stands away from the fields: it names each, and leads to it.
    let (_, summary) = answer.body.split_once("class=\"summary\"").unwrap();
    let (summary, _) = summary.split_once("</ul>").unwrap();
    for named in ["<a href=\"#f-name\">Name: ", "<a href=\"#f-terms\">"] {
        assert!(summary.contains(named), "{named}: {summary}");
    }
    assert!(
        answer.body.contains("value=\"nobody\""),
        "nothing is typed twice"
    );
    assert_eq!(labels(&portal).await, Vec::<String>::new());
    let answer = person.post("/terms", "").await;
    assert!(answer.body.contains("id=\"e-terms\""));
    sent_to(&person.post("/terms", "terms=on").await, "/guest/status");
    assert_eq!(labels(&portal).await, ["guest"]);
    sent_to(&person.post("/guest/leave", "").await, "/");
    assert_eq!(labels(&portal).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_link_that_a_mail_scanner_opens_approves_nothing() {
    let portal = portal(|settings| {
        settings.guest.verify_email = false;
        settings.guest.approval = true;
        settings.guest.sponsor_domains = vec!["corp.example".to_owned()];
        settings.guest.sponsor_groups = vec!["hosts".to_owned()];
        for (field, required) in [(GuestField::Sponsor, true), (GuestField::Reason, false)] {
            settings.guest.fields.push(AskedField { field, required });
        }
    })
    .await;
    user(&portal, "carol", "hosts").await;
    user(&portal, "dave", "staff").await;
    let person = portal.person(ADDRESS);
    let wrong = person
        .post(
            "/guest",
            "name=Ada&email=a%40b.org&sponsor=eve%40evil.example&terms=on",
        )
        .await;
    assert!(wrong.body.contains("id=\"e-sponsor\""));
    let form = "name=%3Cb%3EAda&email=a%40b.org&sponsor=Carol%40CORP.example&reason=Audit&terms=on";
    sent_to(&person.post("/guest", form).await, "/guest/status");
    let link = link(&portal).await;
    let path = link.split('?').next().unwrap().to_owned();

    let sponsor = portal.person("198.51.100.8");
    let opened = sponsor.get(&link).await;
    assert!(opened.body.contains("type=\"password\""));
    assert!(
        !opened.body.contains("Audit"),
        "the request is for those who signed in"
    );
    let decide = format!("{path}/decide");
    let unsigned = sponsor.post(&decide, "decision=approve&signed_in=x").await;
    assert!(unsigned.body.contains("type=\"password\""));
    assert_eq!(labels(&portal).await, ["guest-activation"]);

    for (name, password) in [
        ("carol", "wrong"),
        ("nobody", "correct+horse"),
        ("dave", "correct+horse"),
    ] {
        let refused = sponsor
            .post(&path, &format!("user={name}&password={password}"))
            .await;
        assert_eq!(refused.status, 200, "{name}");
        assert!(refused.body.contains("id=\"e-user\""), "{name}");
    }
    let signed = sponsor
        .post(&path, "user=carol&password=correct+horse")
        .await;
    assert_eq!(signed.status, 303);
    let place = signed.header("location").to_owned();
    let request = sponsor.get(&place).await;
    assert!(request.body.contains("Audit") && !request.body.contains("<b>Ada"));
    let signed_in = hidden(&request.body, "signed_in");
    // The sign-in is good at this address only.
    let thief = portal.person("198.51.100.9");
    assert!(thief.get(&place).await.body.contains("type=\"password\""));
    for hours in ["9", "0", "many"] {
        let refused = sponsor
            .post(
                &decide,
                &format!("signed_in={signed_in}&decision=approve&hours={hours}"),
            )
            .await;
        assert!(refused.body.contains("id=\"e-hours\""), "{hours}");
    }
    let refused = sponsor
        .post(&decide, &format!("signed_in={signed_in}&decision=deny"))
        .await;
    assert!(refused.body.contains("id=\"e-reason\""));
    let approve = format!("signed_in={signed_in}&decision=approve&hours=2&reason=");
    assert_eq!(sponsor.post(&decide, &approve).await.status, 303);
    assert_eq!(labels(&portal).await, ["guest"]);
    let guest = portal
        .store()
        .guest_list(&GuestFilter::default())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (guest.duration_s, guest.decided_by.as_deref()),
        (7_200, Some("carol"))
    );

    // Who is too late reads who was quicker.
    let late = format!("signed_in={signed_in}&decision=deny&reason=no");
    assert_eq!(sponsor.post(&decide, &late).await.status, 303);
    let page = sponsor.get(&place).await;
    assert!(
        page.body.contains("carol let this guest in"),
        "{}",
        page.body
    );
    assert_eq!(labels(&portal).await, ["guest"]);
}

#[tokio::test]
async fn a_voucher_says_what_is_wrong_with_it_and_lets_in() {
    let portal = portal(|_| {}).await;
    let person = portal.person(ADDRESS);
    let new = |site: &str| NewVoucherBatch {
        site: site.to_owned(),
        ..NewVoucherBatch::default()
    };
    let (_, elsewhere) = portal
        .store()
        .voucher_batch_add(new("paris"))
        .await
        .unwrap();
    let (_, here) = portal.store().voucher_batch_add(new("hq")).await.unwrap();
    let post = async |code: &str| {
        person
            .post("/voucher", &format!("code={code}&terms=on"))
            .await
    };
    assert!(post("short").await.body.contains("ten letters and digits"));
    assert!(
        post("0000000000")
            .await
            .body
            .contains("There is no such code")
    );
    assert!(
        post(elsewhere[0].code.plain())
            .await
            .body
            .contains("another site")
    );
    let code = here[0].code.plain();
    let scanned = person.get(&format!("/v/{code}")).await;
    assert!(scanned.body.contains(&here[0].code.shown()));
    assert_eq!(labels(&portal).await, Vec::<String>::new());
    let typed = here[0].code.shown().to_lowercase();
    sent_to(&post(&typed).await, "/guest/status");
    assert_eq!(labels(&portal).await, ["guest"]);
    let on = person.get("/guest/status").await;
    assert!(
        !on.body.contains("/guest/extend"),
        "a voucher has its own time"
    );
}

#[tokio::test]
async fn codes_cannot_be_tried_out() {
    let portal = portal(|_| {}).await;
    let person = portal.person(ADDRESS);
    let mut refused = 0;
    for number in 0..12 {
        let answer = person
            .post("/voucher", &format!("code=00000000{number:02}&terms=on"))
            .await;
        refused += usize::from(answer.status == 429);
    }
    assert_eq!(refused, 2, "ten tries, then no more");
    // Another header, another address of the same device: the device counts.
    let session = portal.session(MAC, "registration", Some("10.9.0.2")).await;
    assert_eq!(session.mac.as_deref(), Some(MAC));
    let moved = portal
        .person("10.9.0.2")
        .with("x-forwarded-for", "203.0.113.1");
    assert_eq!(
        moved
            .post("/voucher", "code=0000000099&terms=on")
            .await
            .status,
        429
    );
}

#[tokio::test]
async fn a_guest_extends_once_and_asks_again_for_the_mail_by_the_minute() {
    let portal = portal(|settings| settings.guest.verify_email = false).await;
    let person = portal.person(ADDRESS);
    sent_to(&register(&person).await, "/guest/status");
    sent_to(&person.post("/guest/extend", "").await, "/guest/status");
    assert_eq!(person.post("/guest/extend", "").await.status, 409);
    assert!(
        !person
            .get("/guest/status")
            .await
            .body
            .contains("/guest/extend")
    );
    sent_to(&person.post("/guest/leave", "").await, "/");

    let mut settings = portal.store().portal_site("").await.unwrap().settings;
    settings.guest.verify_email = true;
    portal.store().portal_site_put("", &settings).await.unwrap();
    sent_to(&register(&person).await, "/guest/status");
    let first = link(&portal).await;
    sent_to(&person.post("/guest/resend", "").await, "/guest/status");
    assert_eq!(person.post("/guest/resend", "").await.status, 429);
    assert_eq!(
        person.get(&first).await.status,
        404,
        "the newer link replaced it"
    );
    let guest = portal.store().guest_by_mac(MAC).await.unwrap().unwrap();
    assert_eq!(guest.status, GuestStatus::Unverified);
}

#[tokio::test]
async fn a_person_with_enough_devices_chooses_one_to_replace() {
    let portal = portal(|settings| settings.guest.devices = 1).await;
    let person = portal.person(ADDRESS);
    sent_to(&register(&person).await, "/guest/status");
    let first = link(&portal).await;
    assert_eq!(person.post(&first, "").await.status, 303);
    let other = "02:00:5e:40:00:02";
    portal
        .session(other, "registration", Some("10.9.0.3"))
        .await;
    let phone = portal.person("10.9.0.3");
    sent_to(&register(&phone).await, "/guest/status");
    let second = link(&portal).await;
    let page = phone.get(&second).await;
    assert!(page.body.contains("name=\"replace\"") && page.body.contains(MAC));
    assert_eq!(phone.post(&second, "").await.status, 200);
    assert_eq!(
        phone
            .post(&second, "replace=02%3A00%3A5e%3Aff%3A00%3A01")
            .await
            .status,
        200
    );
    assert_eq!(labels(&portal).await, ["guest"]);
    let chosen = phone
        .post(&second, &format!("replace={}", MAC.replace(':', "%3A")))
        .await;
    assert_eq!(chosen.status, 303);
    assert_eq!(labels(&portal).await, Vec::<String>::new());
    let moved = portal.store().guest_by_mac(other).await.unwrap().unwrap();
    assert_eq!(moved.status, GuestStatus::Active);
}

#[tokio::test]
async fn links_in_mail_begin_with_the_configured_address_in_every_language() {
    let portal = portal(|_| {}).await;
    for (index, language) in ["en", "de", "fr", "es", "ar"].into_iter().enumerate() {
        let address = format!("10.9.1.{index}");
        let mac = format!("02:00:5e:41:00:{index:02x}");
        portal.session(&mac, "registration", Some(&address)).await;
        let person = portal
            .person(&address)
            .with("x-forwarded-host", "evil.example");
        let form = format!("name=Ada&email=ada{index}%40example.org&terms=on");
        let answer = person.post(&format!("/guest?lang={language}"), &form).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let link = link(&portal).await;
        assert!(link.starts_with("/guest/confirm/"), "{link}");
        assert!(link.ends_with(&format!("?lang={language}")), "{link:?}");
        assert!(person.get(&link).await.body.contains(&mac));
    }
}
