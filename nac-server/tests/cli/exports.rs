//! `nac export` where nobody is on the network, and what it refuses.

use crate::site::Site;

#[test]
fn every_segment_is_there_while_nobody_is_in_it() {
    let site = Site::new();
    let nft = site.run(&["export", "nft"]).ends(0).out;
    for set in ["seg_staff_v4", "seg_quarantine_v6"] {
        assert!(
            nft.contains(&format!("flush set inet nac {set}\n")),
            "{nft}"
        );
    }
    assert!(!nft.contains("add element"), "{nft}");
    let list = site
        .run(&["export", "edl", "--segment", "staff"])
        .ends(0)
        .out;
    assert_eq!(list, "");
    let calico = site.run(&["export", "calico"]).ends(0).out;
    assert!(calico.contains("  nets: []\n"), "{calico}");
    let json = site.json(&["export", "csv", "--segment", "staff"]);
    assert_eq!(json[0]["segment"], "staff");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    let site = Site::new();
    site.run(&["export", "edl"])
        .ends(2)
        .says(&["of one segment", "--segment NAME"]);
    site.run(&["export", "nft", "--segment", "nowhere"])
        .ends(1)
        .says(&["segment nowhere", "nac segment list"]);
    site.run(&["export", "csv", "--timeout", "10m"])
        .ends(2)
        .says(&["only sets of nft"]);
    site.run(&["export", "iptables"])
        .ends(2)
        .says(&["use nft, edl, csv, calico or cilium"]);
}
