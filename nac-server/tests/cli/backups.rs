//! Backups: what is in them, what is not, and that a changed one is refused.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::site::{Run, Site, mode, nac};

/// An installation with a user, a client and some rows of the audit log.
fn furnished() -> Site {
    let site = Site::new();
    site.run_with(
        &["user", "add", "alice", "--password-stdin", "--mschap"],
        "correct horse battery",
    )
    .ends(0);
    site.run(&["client", "add", "sw1", "--address", "192.0.2.1"])
        .ends(0);
    site
}

fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// Backs up and gives the file.
fn backed_up(site: &Site, arguments: &[&str]) -> String {
    let file = text(&site.path("backup.tar.gz"));
    let mut line = vec!["backup", &file];
    line.extend(arguments);
    site.run(&line).ends(0);
    file
}

/// Runs a command on the installation in another folder of the site.
fn run_on(site: &Site, folder: &str, arguments: &[&str]) -> Run {
    let config = site.path(folder).join("nac.toml");
    Run::of(nac().arg("--config").arg(config).args(arguments), "")
}

fn entries(file: &str) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(file).expect("there")));
    let entries = archive.entries().expect("a tar file");
    entries
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a name").display().to_string();
            let mut body = Vec::new();
            entry.read_to_end(&mut body).expect("its body");
            (name, body)
        })
        .collect()
}

/// Writes an archive that others might have made.
fn forge(site: &Site, entries: &[(String, Vec<u8>)]) -> String {
    let path = site.path("forged.tar.gz");
    let file = File::create(&path).expect("ours");
    let mut tar = tar::Builder::new(GzEncoder::new(file, flate2::Compression::fast()));
    for (name, body) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(0o644);
        // As a hostile archiver writes it: `append_data` refuses a name that leads out.
        let field = &mut header.as_gnu_mut().expect("a GNU header").name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, body.as_slice()).expect("written");
    }
    let gz = tar.into_inner().expect("whole");
    gz.finish().expect("whole");
    text(&path)
}

#[test]
fn a_backup_with_its_key_is_restored_whole_and_only_its_owner_may_read_it() {
    let site = furnished();
    let file = backed_up(&site, &["--with-key"]);
    assert_eq!(mode(Path::new(&file)), 0o600);
    let target = text(&site.path("again"));
    site.run_bare(&["restore", &file, &target])
        .ends(0)
        .says(&["its audit log is whole (2 rows)"]);
    run_on(&site, "again", &["config", "check"]).ends(0);
    run_on(&site, "again", &["user", "list"])
        .ends(0)
        .says(&["alice"]);
    run_on(&site, "again", &["audit", "verify"]).ends(0);
    let secret = |run: Run| run.ends(0).out;
    assert_eq!(
        secret(run_on(&site, "again", &["client", "list", "--json"])),
        secret(site.run(&["client", "list", "--json"]))
    );
    for name in ["sealing.key", "nac.db", "nac.toml", "tls/server.key"] {
        assert_eq!(mode(&site.path("again").join(name)), 0o600, "{name}");
    }
    let left: Vec<_> = std::fs::read_dir(site.path(""))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    site.run(&["backup", &file])
        .ends(1)
        .says(&["exists already"]);
    site.run_bare(&["restore", &file, &target])
        .ends(1)
        .says(&["holds an installation already"]);
}

#[test]
fn without_its_key_no_secret_is_in_it_and_it_says_what_that_means() {
    let site = furnished();
    let file = text(&site.path("plain.tar.gz"));
    site.run(&["backup", &file]).ends(0).says(&[
        "the sealing key is not in it",
        "left out:",
        "server.key",
    ]);
    let names: Vec<String> = entries(&file).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "manifest.json",
            "nac.toml",
            "ca.crt",
            "tls/server.crt",
            "nac.db"
        ]
    );
    let key = std::fs::read_to_string(site.installed("sealing.key")).expect("a key");
    for (name, body) in entries(&file) {
        let found = body
            .windows(key.trim().len())
            .any(|piece| piece == key.trim().as_bytes());
        assert!(!found, "{name}");
    }

    let target = text(&site.path("keyless"));
    site.run_bare(&["restore", &file, &target]).ends(0).says(&[
        "put the sealing key at",
        "Only the checksums were verified",
        "server.key is missing",
    ]);
    run_on(&site, "keyless", &["user", "list"]).ends(3);

    let target = text(&site.path("keyed"));
    let key = text(&site.installed("sealing.key"));
    let json = site
        .run_bare(&["restore", &file, &target, "--key", &key, "--json"])
        .ends(0)
        .json();
    assert_eq!(
        (&json["verified"], &json["audit_rows"]),
        (&true.into(), &2.into())
    );
    run_on(&site, "keyed", &["user", "list"])
        .ends(0)
        .says(&["alice"]);
}

#[test]
fn a_backup_that_is_not_as_it_was_written_is_refused_and_nothing_is_left() {
    let site = furnished();
    let file = backed_up(&site, &["--with-key"]);
    let whole = entries(&file);
    let target = text(&site.path("again"));
    let refused = |entries: &[(String, Vec<u8>)], why: &str| {
        let forged = forge(&site, entries);
        site.run_bare(&["restore", &forged, &target])
            .ends(1)
            .says(&[why]);
        assert!(!site.path("again").exists());
    };

    let mut edited = whole.clone();
    edited[1].1.extend_from_slice(b"# mine\n");
    refused(&edited, "nac.toml is not as it was written");

    let mut short = whole.clone();
    short.pop();
    refused(&short, "is missing");

    for name in ["../evil", "tls/../../evil", "/tmp/nac-evil", "more.txt"] {
        let mut more = whole.clone();
        more.push((name.to_owned(), b"x".to_vec()));
        refused(&more, "does not belong into it");
    }
    assert!(!site.path("evil").exists());

    // Whoever puts it together anew, checksums and all, does not have the key.
    let mut anew = whole.clone();
    let mut manifest: serde_json::Value = serde_json::from_slice(&anew[0].1).expect("JSON");
    manifest["made_us"] = 1.into();
    anew[0].1 = manifest.to_string().into_bytes();
    refused(&anew, "seal does not fit");

    refused(&whole[1..], "it has no manifest");
    let bytes = std::fs::read(&file).expect("there");
    let cut = site.path("cut.tar.gz");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    site.run_bare(&["restore", &text(&cut), &target])
        .ends(1)
        .says(&["no whole backup"]);
    let noise = site.file("noise", "this is a letter");
    site.run_bare(&["restore", &noise, &target])
        .ends(1)
        .says(&["no whole backup"]);
    site.run_bare(&["restore", "nowhere", &target])
        .ends(3)
        .says(&["no such file"]);
    assert!(!site.path("again").exists());
}

#[test]
fn the_key_of_another_installation_restores_nothing() {
    let site = furnished();
    let file = backed_up(&site, &[]);
    let other = furnished();
    let foreign = text(&other.installed("sealing.key"));
    let target = text(&site.path("again"));
    site.run_bare(&["restore", &file, &target, "--key", &foreign])
        .ends(1)
        .says(&["seal does not fit the sealing key"]);
    assert!(!site.path("again").exists());
}
