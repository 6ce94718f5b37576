//! The page of a device's owner, who signs in from anywhere.

use super::*;

/// Somewhere else than the laptop.
const AWAY: &str = "10.0.0.40";

impl Desk {
    /// The laptop is this person's.
    async fn owned_by(&self, name: &str) {
        let store = self.portal.store();
        let device = store.device_fetch(self.device).await.unwrap();
        let record = DeviceRecord {
            owner: Some(name.to_owned()),
            ..DeviceRecord::change(device, "admin")
        };
        store.device_put(record).await.unwrap();
    }

    fn mine(&self, below: &str) -> String {
        format!("/remedy/mine/{}{below}", self.device)
    }
}

#[tokio::test]
async fn the_owner_signs_in_elsewhere_and_has_the_whole_page() {
    let desk = Desk::failing(&[DISK, FIREWALL]).await;
    desk.owned_by("Alice").await;
    let store = desk.portal.store();
    let unknown = desk.portal.person(AWAY).get("/remedy?lang=de").await.body;
    assert!(
        unknown.contains("href=\"/remedy/mine?lang=de\"") && unknown.contains("Anmelden"),
        "{unknown}"
    );
    let asked = desk.portal.person(AWAY).get("/remedy/mine?lang=de").await;
    assert_eq!(
        asked.header(header::LOCATION),
        "/sign-in?next=/remedy/mine&lang=de"
    );

    let alice = desk.portal.employee("alice", AWAY).await;
    // One device alone needs no list.
    let one = alice.get("/remedy/mine").await;
    assert_eq!(one.header(header::LOCATION), desk.mine(""));
    let page = alice.get(&desk.mine("")).await.body;
    assert!(
        page.contains("Your device LAPTOP-12 is limited because 2 of"),
        "{page}"
    );
    assert!(page.contains("sudo ufw enable") && page.contains(&desk.mine("/exception")));
    assert!(!page.contains("action=\"/remedy/check\""), "{page}");

    let before = alice.get(&desk.mine("/status")).await.body;
    let again = alice.post(&desk.mine("/check"), "").await;
    assert_eq!(again.header(header::LOCATION), desk.mine(""));
    let recheck = store.recheck_find(desk.node).await.unwrap().unwrap();
    assert_eq!(recheck.requested_by, "alice");
    assert_ne!(alice.get(&desk.mine("/status")).await.body, before);

    let form = alice.get(&desk.mine("/exception")).await.body;
    let action = format!("action=\"{}\"", desk.mine("/exception"));
    assert!(form.contains(&action), "{form}");
    let asked = alice
        .post(
            &desk.mine("/exception"),
            "rule=linux-disk-encryption&reason=new+disk&hours=24",
        )
        .await;
    assert_eq!(asked.header(header::LOCATION), desk.mine(""));
    let listed = store
        .exception_list(&ExceptionFilter::default())
        .await
        .unwrap();
    assert_eq!(
        (listed[0].requested_by.as_str(), listed[0].device_id),
        ("alice", Some(desk.device))
    );
    alice
        .post(&desk.mine("/report"), "check=linux-firewall&text=it+is+on")
        .await;
    let reports = store.check_report_list(true).await.unwrap();
    assert_eq!(reports[0].said_by, "alice");
}

#[tokio::test]
async fn a_device_of_somebody_else_is_not_there() {
    let desk = Desk::failing(&[DISK]).await;
    desk.owned_by("alice").await;
    let bob = desk.portal.employee("bob", AWAY).await;
    let list = bob.get("/remedy/mine").await;
    assert_eq!(list.status, StatusCode::OK);
    assert!(
        list.body
            .contains("None of your devices has a security agent"),
        "{}",
        list.body
    );
    let strange = [
        desk.device.to_string(),
        desk.node.to_string(),
        Uuid::now_v7().to_string(),
        MAC.to_owned(),
        "%2e%2e".to_owned(),
        "alice".to_owned(),
    ];
    for id in strange {
        for below in ["", "/status", "/exception", "/report?check=linux-firewall"] {
            let path = format!("/remedy/mine/{id}{below}");
            let answer = bob.get(&path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(!answer.body.contains("LAPTOP-12"), "{path}");
        }
        for (below, form) in [
            ("/check", ""),
            ("/exception", "rule=linux-disk-encryption&reason=x&hours=4"),
            ("/report", "check=linux-disk-encryption&text=x"),
        ] {
            let path = format!("/remedy/mine/{id}{below}");
            let answer = bob.post(&path, form).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    let stranger = desk.portal.person(AWAY).get(&desk.mine("")).await;
    assert_eq!(stranger.status, StatusCode::SEE_OTHER, "to the sign-in");
    // Sitting at a laptop does not make somebody its owner: what they may see there is at /remedy.
    let sitting = desk.get(&desk.mine("")).await;
    assert_eq!(sitting.status, StatusCode::SEE_OTHER);
    let store = desk.portal.store();
    assert!(store.recheck_find(desk.node).await.unwrap().is_none());
    let exceptions = store.exception_list(&ExceptionFilter::default()).await;
    assert!(exceptions.unwrap().is_empty());
    assert!(store.check_report_list(true).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_registers_a_colleagues_address_reads_nothing_of_the_colleagues_host() {
    let desk = Desk::failing(&[DISK]).await;
    let store = desk.portal.store();
    // The laptop's record knows no MAC address, so that the portal lets mallory register it.
    store.device_remove(desk.device).await.unwrap();
    let mallory = desk.portal.employee("mallory", AWAY).await;
    let added = mallory
        .post(
            "/devices/add",
            &format!("mac={MAC}&name=x&type=laptop&days=30"),
        )
        .await;
    assert_eq!(added.header(header::LOCATION), "/devices?done=random");
    store
        .quarantine_open(NewQuarantine {
            mac: Some(MAC.to_owned()),
            reason: "seen scanning".to_owned(),
            opened_by: "bob".to_owned(),
            ..NewQuarantine::default()
        })
        .await
        .unwrap();
    let list = mallory.get("/remedy/mine").await;
    let devices = store.device_list(&nac_store::DeviceFilter::default()).await;
    let registered = devices.unwrap().pop().unwrap();
    let page = mallory
        .get(&format!("/remedy/mine/{}", registered.id))
        .await;
    assert_eq!(page.status, StatusCode::OK);
    for body in [list.body, page.body] {
        assert!(
            !body.contains("c-linux") && !body.contains("seen scanning"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn several_devices_are_a_list_with_what_needs_its_owner_first() {
    let desk = Desk::failing(&[DISK]).await;
    desk.owned_by("alice").await;
    let store = desk.portal.store();
    let tablet = store
        .device_put(DeviceRecord {
            owner: Some("alice".to_owned()),
            ..DeviceRecord::new("A tablet", "admin")
        })
        .await
        .unwrap();
    let node = store.node_fetch(desk.node).await.unwrap();
    let second = OsqueryNode {
        id: Uuid::now_v7(),
        node_key_sha256: "k2".to_owned(),
        host_identifier: "h2".to_owned(),
        device_id: Some(tablet.id),
        ..node
    };
    store.node_put(&second).await.unwrap();
    let known = async || !desk.portal.state.gate.nodes_of(tablet.id).is_empty();
    while !known().await {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let alice = desk.portal.employee("alice", AWAY).await;
    let list = alice.get("/remedy/mine").await.body;
    let place = |words: &str| {
        list.find(words)
            .unwrap_or_else(|| panic!("{words}: {list}"))
    };
    assert!(place("LAPTOP-12") < place("A tablet"));
    assert!(place("Kept apart from the network at this moment") < place("A tablet"));
    assert!(place("has not answered every question") > place("A tablet"));
}
