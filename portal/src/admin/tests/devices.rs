//! Devices: found, added, changed, blocked, lost, imported; and what their page tells.

use nac_store::{DeviceRecord, DeviceState, NewQuarantine, Quarantine};

use super::*;

impl Site {
    async fn send(&self, path: &str, cookie: &str, body: &str) -> (StatusCode, String, String) {
        let (status, headers, page) = self
            .ask(Method::POST, path, cookie, "same-origin", body)
            .await;
        let to = headers
            .get(header::LOCATION)
            .map(|to| to.to_str().unwrap().to_owned())
            .unwrap_or_default();
        (status, to, page)
    }

    pub(super) async fn printer(&self) -> nac_store::Device {
        self.store
            .device_put(DeviceRecord {
                owner: Some("alice".to_owned()),
                labels: vec!["printer".to_owned()],
                macs: vec!["02:00:00:00:00:01".to_owned()],
                ..DeviceRecord::new("printer 7", "admin")
            })
            .await
            .unwrap()
    }

    pub(super) async fn quarantined(&self, device: Uuid) -> Quarantine {
        self.store
            .quarantine_open(NewQuarantine {
                device_id: Some(device),
                reason: "scans ports".to_owned(),
                opened_by: "admin:eve".to_owned(),
                ..NewQuarantine::default()
            })
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_device_is_found_by_mac_name_owner_label_and_address() {
    let site = site().await;
    let cookie = site.signed_in(Role::Viewer).await;
    let (_, _, empty) = site.get("/devices", &cookie).await;
    assert!(empty.contains("No device is known yet"));
    let device = site.printer().await;
    site.store
        .session_put(&nac_store::Session {
            device_id: Some(device.id),
            ..log::session("02:00:00:00:00:01", "corp")
        })
        .await
        .unwrap();
    for (query, found) in [
        ("?q=0200.0000.0001", true),
        ("?q=PRINTER", true),
        ("?q=198.51.100.7", true),
        ("?owner=Alice&label=printer&state=active", true),
        ("?state=blocked", false),
        ("?q=laptop", false),
    ] {
        let (status, _, page) = site.get(&format!("/devices{query}"), &cookie).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        assert_eq!(page.contains(">printer 7</a>"), found, "{query}");
    }
    let (_, _, csv) = site.get("/devices?format=csv", &cookie).await;
    assert!(csv.contains("printer 7,alice,printer"));
}

#[tokio::test]
async fn what_cannot_be_used_stands_at_its_field_with_what_was_written() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    let (status, _, page) = site
        .send("/devices", &cookie, "name=laptop&macs=nonsense")
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("aria-describedby=\"fault\""));
    assert!(page.contains("value=\"laptop\"") && page.contains("value=\"nonsense\""));
    site.printer().await;
    let (status, _, page) = site
        .send("/devices", &cookie, "name=other&macs=02-00-00-00-00-01")
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("belongs to"));
    let body = "name=laptop&macs=0200.0000.0002&owner=bob&labels=staff+byod&expires=30d";
    let (status, to, _) = site.send("/devices", &cookie, body).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, _, page) = site.get(&to, &cookie).await;
    assert!(page.contains("laptop") && page.contains("02:00:00:00:00:02"));
}

#[tokio::test]
async fn block_lost_and_remove_do_what_they_say_and_stand_on_the_timeline() {
    let site = site().await;
    let owner = site.signed_in(Role::Owner).await;
    let device = site.printer().await;
    site.quarantined(device.id).await;
    let path = format!("/devices/{}", device.id);
    for (action, state) in [
        ("block", DeviceState::Blocked),
        ("unblock", DeviceState::Active),
        ("lost", DeviceState::Lost),
        ("found", DeviceState::Active),
    ] {
        let (status, to, _) = site.send(&format!("{path}/{action}"), &owner, "").await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, path.clone()));
        let now = site.store.device_fetch(device.id).await.unwrap();
        assert_eq!(now.state(now_us()), state, "{action}");
    }
    let (_, _, page) = site.get(&path, &owner).await;
    for part in ["device.block", "device.lost", "scans ports"] {
        assert!(page.contains(part), "{part}");
    }
    let viewer = site.signed_in(Role::Viewer).await;
    let (_, _, page) = site.get(&path, &viewer).await;
    assert!(!page.contains("device.block") && !page.contains("<button class=\"danger\""));
    let (_, to, _) = site.send(&format!("{path}/remove"), &owner, "").await;
    assert_eq!(to, "/devices");
    let (status, _, _) = site.get(&path, &owner).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_device_that_did_802_1x_is_allowed_without_it_by_a_button_that_others_do_not_have() {
    let site = site().await;
    let owner = site.signed_in(Role::Owner).await;
    let device = site.printer().await;
    let path = format!("/devices/{}", device.id);
    let button = format!("{path}/allow-mab");
    let (_, _, page) = site.get(&path, &owner).await;
    assert!(!page.contains(&button), "it never did 802.1X");

    let seen = [("02:00:00:00:00:01".to_owned(), "EAP-TLS")];
    site.store.supplicant_put(&seen).await.unwrap();
    let viewer = site.signed_in(Role::Viewer).await;
    let (_, _, page) = site.get(&path, &viewer).await;
    assert!(page.contains("was let in by EAP-TLS") && !page.contains(&button));
    let (_, _, page) = site.get(&path, &owner).await;
    assert!(page.contains(&button));

    let (status, to, _) = site.send(&button, &owner, "").await;
    assert_eq!((status, to), (StatusCode::SEE_OTHER, path.clone()));
    assert!(site.store.supplicants_of(&device).await.unwrap().is_empty());
    let (_, _, page) = site.get(&path, &owner).await;
    assert!(!page.contains(&button), "there is nothing left to allow");
    assert!(
        page.contains("supplicant.forget"),
        "who did it stands there"
    );
}

#[tokio::test]
async fn an_import_stores_nothing_before_somebody_saw_what_it_would_do() {
    let site = site().await;
    let cookie = site.signed_in(Role::HelpDesk).await;
    site.printer().await;
    let lines = "csv=mac%2Cname%0A0200.0000.0001%2Cprinter+8%0A02%3A00%3A00%3A00%3A00%3A02%2Cnew";
    let (status, _, page) = site.send("/devices/import", &cookie, lines).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("1 would be added and 1 changed"));
    let names = async || -> Vec<String> {
        let all = site.store.device_list_all(None, 10).await.unwrap();
        all.into_iter().map(|device| device.name).collect()
    };
    assert_eq!(names().await, ["printer 7"]);
    let (status, _, page) = site
        .send(
            "/devices/import",
            &cookie,
            &format!("{lines}%0Ax%2Cy&confirmed=yes"),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("line 4") && page.contains("Nothing was stored"));
    assert_eq!(names().await, ["printer 7"]);
    let (status, _, _) = site
        .send(
            "/devices/import",
            &cookie,
            &format!("{lines}&confirmed=yes"),
        )
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(names().await, ["printer 8", "new"]);
}

#[tokio::test]
async fn a_wifi_key_is_shown_once_made_anew_with_an_overlap_and_ended() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    let television = DeviceRecord::new("television", "test");
    let id = site.store.device_put(television).await.unwrap().id;
    let path = format!("/devices/{id}");
    let key = |page: &str| {
        let (_, rest) = page.split_once("<code class=\"secret\">").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let form = "ssid=devices";
    let (status, _, first) = site.post(&format!("{path}/psk"), &cookie, form).await;
    assert_eq!(status, StatusCode::OK);
    let (_, _, page) = site.get(&path, &cookie).await;
    assert!(page.contains("current") && !page.contains(&key(&first)));
    let (_, _, second) = site.post(&format!("{path}/psk"), &cookie, form).await;
    assert_ne!(key(&first), key(&second));
    let (_, _, page) = site.get(&path, &cookie).await;
    assert!(page.contains("current") && page.contains("overlap"));
    let (status, _, _) = site
        .post(&format!("{path}/psk/revoke"), &cookie, form)
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, _, page) = site.get(&path, &cookie).await;
    assert!(page.contains("revoked") && !page.contains("overlap</span>"));
    let viewer = site.signed_in(Role::Viewer).await;
    let (status, _, _) = site.post(&format!("{path}/psk"), &viewer, form).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}
