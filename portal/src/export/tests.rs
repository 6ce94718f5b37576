//! Exports, with names and addresses that mean no good.

use nac_store::{Segment, now_us};
use uuid::Uuid;

use super::*;

struct Site {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("nac.db").display());
        let store = Store::open(&url, None).await.unwrap();
        let segment = Segment {
            name: "staff".to_owned(),
            ..Segment::default()
        };
        store.segment_put(segment).await.unwrap();
        Self {
            store,
            _folder: folder,
        }
    }

    /// Somebody is on the network; `heard` orders who was heard of last.
    async fn host(&self, address: &str, segment: &str, heard: i64) -> Session {
        let session = Session {
            id: Uuid::now_v7(),
            class: String::new(),
            client: "switch".to_owned(),
            nas_address: [192, 0, 2, 1].into(),
            nas_source: ([192, 0, 2, 1], 1812).into(),
            mac: Some("02:00:00:00:00:01".to_owned()),
            user_name: "alice".to_owned(),
            identity: "=cmd()".to_owned(),
            device_id: None,
            attributes: Vec::new(),
            acct_session_id: None,
            framed_ip: Some(address.to_owned()),
            method: "PAP".to_owned(),
            segment: segment.to_owned(),
            decision_id: Uuid::now_v7(),
            policy_version: 1,
            started_us: 1,
            updated_us: heard,
            stopped_us: None,
            terminate_cause: None,
        };
        self.store.session_put(&session).await.unwrap();
        session
    }

    async fn text(&self, format: ExportFormat, segments: &[&str]) -> String {
        let segments: Vec<String> = segments.iter().map(ToString::to_string).collect();
        let exported = collect(&self.store, &segments).await.unwrap();
        render(format, &exported, None).unwrap()
    }
}

#[tokio::test]
async fn each_format_has_the_addresses_of_each_segment() {
    let site = Site::new().await;
    site.host("192.0.2.10", "staff", 1).await;
    site.host("192.0.2.9", "staff", 1).await;
    site.host("2001:db8::1", "staff", 1).await;
    let edl = site.text(ExportFormat::Edl, &["staff"]).await;
    assert_eq!(edl, "192.0.2.9\n192.0.2.10\n2001:db8::1\n");
    assert_eq!(
        site.text(ExportFormat::Nft, &["staff"]).await,
        "table inet nac {\n\t# segment staff\n\
         \tset seg_staff_v4 {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t}\n\
         \tset seg_staff_v6 {\n\t\ttype ipv6_addr\n\t\tflags timeout\n\t}\n}\n\
         flush set inet nac seg_staff_v4\n\
         add element inet nac seg_staff_v4 { 192.0.2.9, 192.0.2.10 }\n\
         flush set inet nac seg_staff_v6\n\
         add element inet nac seg_staff_v6 { 2001:db8::1 }\n"
    );
    assert_eq!(
        site.text(ExportFormat::Calico, &["staff"]).await,
        "---\n# segment staff\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata:\n  name: \"nac-staff\"\n  \
         labels:\n    nac-segment: \"staff\"\nspec:\n  nets:\n    - \"192.0.2.9/32\"\n    - \"192.0.2.10/32\"\n    \
         - \"2001:db8::1/128\"\n"
    );
    let cilium = site.text(ExportFormat::Cilium, &[]).await;
    assert!(cilium.contains("kind: CiliumCIDRGroup\nmetadata:\n  name: \"nac-staff\""));
    assert!(cilium.contains("  externalCIDRs:\n    - \"192.0.2.9/32\"\n"));
    assert!(cilium.contains("name: \"nac-quarantine\"") && cilium.contains("externalCIDRs: []"));
    let csv = site.text(ExportFormat::Csv, &["staff"]).await;
    assert_eq!(csv.lines().count(), 4);
    assert!(
        csv.contains("192.0.2.9,staff,02:00:00:00:00:01,'=cmd(),switch,,"),
        "{csv}"
    );

    let exported = collect(&site.store, &["staff".to_owned()]).await.unwrap();
    let nft = render(ExportFormat::Nft, &exported, Some(Duration::from_secs(600))).unwrap();
    assert!(nft.contains("{ 192.0.2.9 timeout 600s, 192.0.2.10 timeout 600s }"));
}

#[tokio::test]
async fn an_address_is_where_it_was_heard_of_last_and_who_left_is_gone() {
    let site = Site::new().await;
    let mut one = site.host("192.0.2.9", "staff", 1).await;
    site.host("192.0.2.9", "quarantine", 2).await;
    assert_eq!(site.text(ExportFormat::Edl, &["staff"]).await, "");
    let quarantine = site.text(ExportFormat::Edl, &["quarantine"]).await;
    assert_eq!(quarantine, "192.0.2.9\n");
    one.updated_us = 3;
    one.stopped_us = Some(now_us());
    site.store.session_put(&one).await.unwrap();
    assert_eq!(site.text(ExportFormat::Edl, &["staff"]).await, "");
}

#[tokio::test]
async fn what_is_no_address_of_an_endpoint_is_left_out() {
    let site = Site::new().await;
    for address in [
        "0.0.0.0",
        "255.255.255.255",
        "255.255.255.254",
        "127.0.0.1",
        "224.0.0.1",
        "::",
        "0.0.0.0/0",
        "192.0.2.9 }\nflush ruleset",
        "",
    ] {
        site.host(address, "staff", 1).await;
    }
    assert_eq!(site.text(ExportFormat::Edl, &["staff"]).await, "");
    site.host("::ffff:192.0.2.7", "staff", 1).await;
    let edl = site.text(ExportFormat::Edl, &["staff"]).await;
    assert_eq!(edl, "192.0.2.7\n");
}

#[tokio::test]
async fn hostile_names_become_plain_ones_and_stay_apart() {
    let site = Site::new().await;
    let hostile = "x_v4 {} }\nflush ruleset\n# \" : - \u{202e}";
    for (number, name) in [
        hostile,
        "a-b",
        "a.b",
        "a_b",
        "A-b",
        "ä",
        "",
        "-a-",
        &"n".repeat(300),
    ]
    .into_iter()
    .enumerate()
    {
        site.host(&format!("192.0.2.{}", number + 1), name, 1).await;
    }
    let nft = site.text(ExportFormat::Nft, &[]).await;
    for line in nft
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_. \t{},:".contains(c);
        assert!(line.chars().all(plain), "{line:?}");
        assert!(line.len() < 120, "{line:?}");
    }
    assert!(!nft.lines().any(|line| line.starts_with("flush ruleset")));
    assert!(nft.is_ascii());
    for format in [ExportFormat::Calico, ExportFormat::Cilium] {
        let yaml = site.text(format, &[]).await;
        let names: Vec<&str> = yaml
            .lines()
            .filter_map(|line| line.strip_prefix("  name: "))
            .collect();
        let mut different = names.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(names.len(), different.len());
        for name in names {
            let name = name.trim_matches('"');
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(plain) && name.len() <= 63, "{name}");
            assert!(!name.ends_with('-'), "{name}");
        }
        assert!(yaml.is_ascii());
        assert!(!yaml.lines().any(|line| line.starts_with("flush")));
    }
    // Whoever gives a segment the name that another gets is told, and nothing is mixed up.
    let taken = name::nft("a-b");
    site.host("192.0.2.99", taken.strip_prefix("seg_").unwrap(), 1)
        .await;
    let exported = collect(&site.store, &[]).await.unwrap();
    let error = render(ExportFormat::Nft, &exported, None).unwrap_err();
    assert!(error.to_string().contains("\"a-b\""), "{error}");
}

#[tokio::test]
async fn an_external_list_is_of_one_segment_that_exists() {
    let site = Site::new().await;
    let all = collect(&site.store, &[]).await.unwrap();
    let error = render(ExportFormat::Edl, &all, None);
    assert!(matches!(error, Err(ExportError::OneSegment)));
    let missing = collect(&site.store, &["nowhere".to_owned()]).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
}
