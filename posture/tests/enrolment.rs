//! Who may enrol, as whom, and what an enrolment must never do to somebody else's.

mod support;

use std::time::Duration;

use nac_posture::{PostureSettings, Subject};
use nac_store::{DeviceRecord, IdentifierKind, NodeStatus, OsqueryNode};
use serde_json::json;
use support::{SECRET, Site, enroll_request, eventually, now_us, sha256_hex};
use uuid::Uuid;

const UUID: &str = "4C4C4544-0034-5A10-8050-B7C04F4A3233";

async fn nodes(site: &Site) -> Vec<OsqueryNode> {
    site.store.node_list().await.expect("nodes")
}

async fn valid(site: &Site, key: &str) -> bool {
    let answer = site.post_json("config", &json!({ "node_key": key })).await;
    answer.get("node_invalid").is_none()
}

async fn device(site: &Site, name: &str, mac: Option<&str>) -> Uuid {
    let record = DeviceRecord {
        macs: mac.map(str::to_owned).into_iter().collect(),
        ..DeviceRecord::new(name, "admin")
    };
    site.store.device_put(record).await.expect("a device").id
}

async fn secret_for(site: &Site, name: &str, device: Uuid) {
    let hash = sha256_hex(name);
    site.store
        .enroll_secret_add(name, &hash, Some(device), None)
        .await
        .expect("a secret");
}

#[tokio::test]
async fn a_new_host_gets_a_device_of_its_own_with_its_marks() {
    let site = Site::start().await;
    let host = site.host("linux");
    host.enroll().await.expect("enrolled");
    host.poll_once().await.expect("polled");
    let node = nodes(&site).await.remove(0);
    let device = site
        .store
        .device_fetch(node.device_id.expect("a device"))
        .await
        .expect("it");
    assert_eq!(device.name, host.settings().hostname);
    let kinds: Vec<_> = device
        .identifiers
        .iter()
        .map(|mark| (mark.kind, &*mark.source))
        .collect();
    for kind in [
        IdentifierKind::Mac,
        IdentifierKind::HardwareUuid,
        IdentifierKind::HardwareSerial,
    ] {
        assert!(kinds.contains(&(kind, "osquery")), "{kinds:?}");
    }
    assert_eq!(device.macs, host.settings().macs);
    assert_eq!(site.gate.nodes_of(device.id).len(), 1);
}

#[tokio::test]
async fn the_same_host_enrolling_again_replaces_only_its_key() {
    let site = Site::start().await;
    let first = site.key(UUID, "i1").await;
    let before = nodes(&site).await.remove(0);
    let second = site.key(&UUID.to_lowercase(), "i1").await;
    let after = nodes(&site).await;
    assert_eq!(after.len(), 1);
    assert_eq!(
        (after[0].id, after[0].device_id),
        (before.id, before.device_id)
    );
    assert!(!valid(&site, &first).await && valid(&site, &second).await);
}

#[tokio::test]
async fn a_clone_of_a_host_that_still_checks_in_waits_for_approval() {
    let site = Site::start().await;
    let host = site.host_with("linux", |settings| settings.hardware_uuid = UUID.to_owned());
    host.enroll().await.expect("enrolled");
    host.poll_once().await.expect("polled");
    let original = nodes(&site).await.remove(0);

    let clone = site.host_with("linux", |settings| {
        settings.hardware_uuid = UUID.to_owned();
        settings.macs = vec!["00:16:3e:99:99:99".to_owned()];
    });
    clone.enroll().await.expect("it may poll while it waits");
    clone.poll_once().await.expect("polled");
    let all = nodes(&site).await;
    assert_eq!(all.len(), 2);
    let original_now = all
        .iter()
        .find(|node| node.id == original.id)
        .expect("still there");
    assert_eq!(
        original_now.node_key_sha256, original.node_key_sha256,
        "never overwritten"
    );
    assert_eq!(original_now.status, NodeStatus::Active);
    let clone_node = all
        .into_iter()
        .find(|node| node.id != original.id)
        .expect("its own");
    assert_eq!(
        (clone_node.status, clone_node.device_id),
        (NodeStatus::Pending, None)
    );

    let subject = Subject {
        mac: Some("00:16:3e:99:99:99"),
        ..Subject::default()
    };
    let posture = site.gate.posture(&subject, now_us());
    assert_eq!(
        (posture.verdict, posture.binding),
        (nac_policy::Verdict::Unknown, 0)
    );
    assert!(
        !posture.enrolled && posture.binding_reason.contains("approval"),
        "{posture:?}"
    );

    // Enrolling again keeps it waiting, and makes no third node.
    clone.set_node_key(None);
    clone.enroll().await.expect("enrolled");
    assert_eq!(nodes(&site).await.len(), 2);

    // An administrator approves it.
    let mut approved = site.store.node_fetch(clone_node.id).await.expect("it");
    approved.status = NodeStatus::Active;
    site.store.node_put(&approved).await.expect("approved");
    eventually("the gate follows", || {
        site.gate.posture(&subject, now_us()).enrolled
    })
    .await;
    site.gate.ask_now(clone_node.id);
    clone.poll_once().await.expect("polled");
    let adopted = site.store.node_fetch(clone_node.id).await.expect("it");
    assert_eq!(adopted.status, NodeStatus::Active, "the approval stays");
    assert!(adopted.device_id.is_some() && adopted.device_id != original.device_id);
}

#[tokio::test]
async fn the_queue_of_hosts_with_one_uuid_is_bounded() {
    let site = Site::start().await;
    site.key(UUID, "i0").await;
    let mut refused = 0;
    for instance in 1..=12 {
        let request = enroll_request(SECRET, UUID, &format!("i{instance}"));
        let answer = site.post_json("enroll", &request).await;
        refused += usize::from(answer["error"].is_string());
    }
    assert_eq!((refused, nodes(&site).await.len()), (4, 9));
}

#[tokio::test]
async fn the_same_board_with_a_new_system_is_a_new_node_once_the_old_one_is_silent() {
    let settings = PostureSettings {
        conflict_window: Duration::from_millis(50),
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let old = site.key(UUID, "i1").await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    site.key(UUID, "i2").await;
    let all = nodes(&site).await;
    assert!(all.iter().all(|node| node.status == NodeStatus::Active));
    assert_ne!(
        all[0].device_id, all[1].device_id,
        "a claimed UUID leads to nobody's device"
    );
    assert!(valid(&site, &old).await);
}

#[tokio::test]
async fn hosts_with_placeholder_uuids_are_different_hosts() {
    let site = Site::start().await;
    let zero = "00000000-0000-0000-0000-000000000000";
    let first = site.key(zero, "i1").await;
    let second = site.key(zero, "i2").await;
    let third = site.key(zero, "").await;
    let fourth = site.key(zero, "").await;
    for key in [&first, &second, &third, &fourth] {
        assert!(valid(&site, key).await);
    }
    let all = nodes(&site).await;
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|node| node.status == NodeStatus::Active));
    let device = site
        .store
        .device_fetch(all[0].device_id.expect("one"))
        .await
        .expect("it");
    assert!(
        device.identifiers.is_empty(),
        "a placeholder is no mark: {device:?}"
    );
}

#[tokio::test]
async fn a_secret_for_one_device_is_bound_to_the_first_host_that_uses_it() {
    let site = Site::start().await;
    let laptop = device(&site, "laptop", None).await;
    secret_for(&site, "once", laptop).await;
    let enroll = |uuid: &'static str, instance: &'static str| {
        let site = &site;
        async move {
            site.post_json("enroll", &enroll_request("once", uuid, instance))
                .await
        }
    };
    let first = enroll(UUID, "i1").await;
    assert!(first["node_key"].is_string(), "{first}");
    let node = nodes(&site).await.remove(0);
    assert_eq!(
        (node.device_id, node.enroll_device_bound),
        (Some(laptop), true)
    );

    let thief = enroll("4C4C4544-0034-5A10-8050-B7C04F4A0000", "i9").await;
    assert!(
        thief["error"]
            .as_str()
            .is_some_and(|words| words.contains("another host")),
        "{thief}"
    );
    let twin = enroll(UUID, "i9").await;
    assert!(
        twin["error"].is_string(),
        "the same board with another instance id is another host"
    );
    let again = enroll(UUID, "i1").await;
    assert!(
        again["node_key"].is_string(),
        "the host itself may come again: {again}"
    );
    assert_eq!(nodes(&site).await.len(), 1);
}

#[tokio::test]
async fn a_stolen_common_secret_does_not_open_a_node_that_came_with_its_own() {
    let site = Site::start().await;
    let laptop = device(&site, "laptop", None).await;
    secret_for(&site, "once", laptop).await;
    let own = site
        .post_json("enroll", &enroll_request("once", UUID, "i1"))
        .await;
    let own = own["node_key"].as_str().expect("a key");
    // The thief knows everything the host says of itself.
    let stolen = site.key(UUID, "i1").await;
    let all = nodes(&site).await;
    assert_eq!(all.len(), 2);
    assert!(valid(&site, own).await && valid(&site, &stolen).await);
    let thief = all
        .iter()
        .find(|node| !node.enroll_device_bound)
        .expect("the thief");
    assert_eq!((thief.status, thief.device_id), (NodeStatus::Pending, None));
}

#[tokio::test]
async fn expired_and_removed_secrets_open_nothing() {
    let site = Site::start().await;
    let hash = sha256_hex("old");
    site.store
        .enroll_secret_add("old", &hash, None, Some(now_us() - 1))
        .await
        .expect("added");
    let answer = site
        .post_json("enroll", &enroll_request("old", UUID, "i1"))
        .await;
    assert!(answer["error"].is_string());
    site.key(UUID, "i1").await;
    site.store
        .enroll_secret_remove("all")
        .await
        .expect("removed");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = site
        .post_json("enroll", &enroll_request(SECRET, UUID, "i1"))
        .await;
    assert!(
        answer["error"].is_string(),
        "the gate forgets a removed secret: {answer}"
    );
}

#[tokio::test]
async fn marks_that_a_host_claims_never_leave_the_device_that_has_them() {
    let site = Site::start().await;
    let mac = "00:16:3e:12:34:56";
    let printer = device(&site, "printer", Some(mac)).await;
    let host = site.host_with("linux", |settings| settings.macs = vec![mac.to_owned()]);
    host.enroll().await.expect("enrolled");
    host.poll_once().await.expect("polled");
    let node = nodes(&site).await.remove(0);
    assert_eq!(node.macs, [mac]);
    assert_ne!(node.device_id, Some(printer));
    let owner = site
        .store
        .device_by_identifier(IdentifierKind::Mac, mac)
        .await
        .expect("a look");
    assert_eq!(owner.map(|device| device.id), Some(printer));
}

#[tokio::test]
async fn random_mac_addresses_are_nobodys_marks() {
    let site = Site::start().await;
    let host = site.host_with("linux", |settings| {
        settings.macs = vec!["02:16:3e:12:34:56".to_owned()]
    });
    host.enroll().await.expect("enrolled");
    host.poll_once().await.expect("polled");
    let node = nodes(&site).await.remove(0);
    let device = site
        .store
        .device_fetch(node.device_id.expect("one"))
        .await
        .expect("it");
    assert!(device.macs.is_empty());
    assert_eq!(node.macs.len(), 1, "the session can still be found by it");
}

#[tokio::test]
async fn a_node_that_was_removed_enrols_again_by_itself() {
    let site = Site::start().await;
    let host = site.host("darwin");
    host.poll_once().await.expect("enrols on the way");
    assert_eq!(host.enrolments(), 1);
    let node = nodes(&site).await.remove(0);
    site.store.node_remove(node.id).await.expect("removed");
    eventually("the gate forgets it", || site.gate.node_count() == 0).await;
    host.poll_once().await.expect("the same retry loop enrols");
    assert_eq!(host.enrolments(), 2);
    assert_eq!(nodes(&site).await.len(), 1);
}

#[tokio::test]
async fn a_node_key_that_answers_from_another_machine_loses_its_credit() {
    let settings = PostureSettings {
        details_interval: Duration::ZERO,
        ..PostureSettings::default()
    };
    let site = Site::start_with(settings).await;
    let host = site.host("linux");
    host.poll_once().await.expect("polled");
    assert_eq!(nodes(&site).await[0].status, NodeStatus::Active);
    let thief = site.host("linux");
    thief.set_node_key(host.node_key());
    thief.poll_once().await.expect("polled");
    let all = nodes(&site).await;
    assert_eq!((all.len(), all[0].status), (1, NodeStatus::Pending));
}

#[tokio::test]
async fn texts_from_hosts_are_cut_and_cleaned() {
    let site = Site::start().await;
    let host = site.host_with("windows", |settings| {
        settings.hostname = format!("evil\u{1b}[31m\n{}", "x".repeat(10_000));
        settings.host_identifier = "\u{7}".repeat(1_000);
    });
    host.poll_once().await.expect("polled");
    let node = nodes(&site).await.remove(0);
    assert!(node.hostname.starts_with("evil[31mxxx"));
    assert_eq!(node.hostname.chars().count(), 128);
    assert_eq!(node.host_identifier, "");
}
