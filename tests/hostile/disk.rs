//! A full disk, at the start and in the middle of the work. The disk is a small tmpfs that only the program sees.

use std::path::{Path, PathBuf};
use std::process::Command;

use nac_test_support::exchange::Exchange;
use nac_test_support::wire::code;
use nac_test_support::{cast, program, wait};

use crate::ground::{SOON, pap};
use crate::installation::{Ended, Installation, is_root, run};

/// `unshare`'s options for mounts of one's own, as root and as anybody else.
fn apart() -> &'static str {
    if is_root() { "-m" } else { "-rm" }
}

/// Runs a shell line with a tmpfs of `size` at `place`. What lies in `place` afterwards is printed on its last line.
fn on_small_disk(size: &str, place: &Path, line: &str) -> Ended {
    let script = format!(
        "mount -t tmpfs -o size={size} tmpfs '{place}' && {{ {line}; }}; status=$?; \
         echo \"left: $(find '{place}' -mindepth 1 | tr '\\n' ' ')\" >&2; exit $status",
        place = place.display()
    );
    let mut command = Command::new(program::peer("unshare", "util-linux"));
    command.args([apart(), "sh", "-c", &script]);
    run(&mut command, "")
}

fn mount_point(site: &Installation) -> PathBuf {
    let place = site.directory().join("disk");
    std::fs::create_dir(&place).expect("it is ours");
    place
}

#[test]
fn init_on_a_full_disk_leaves_nothing_behind() {
    let site = Installation::new();
    let place = mount_point(&site);
    let nac = program::nac();
    for size in ["4k", "64k", "200k", "300k", "400k", "600k"] {
        let line = format!("'{}' init '{}/new' --yes", nac.display(), place.display());
        let ended = on_small_disk(size, &place, &line);
        ended.cannot(&[&place.display().to_string(), "free some space"]);
        assert!(ended.said.ends_with("left: \n"), "{size}: {}", ended.said);
    }
}

#[test]
fn a_start_on_a_full_disk_says_so_and_changes_nothing() {
    let site = Installation::new();
    let place = mount_point(&site);
    let home = site.home();
    let line = format!(
        "cp -a '{home}/.' '{disk}' && dd if=/dev/zero of='{disk}/filler' bs=4k 2>/dev/null; \
         cksum < '{disk}/nac.db' >'{sum}' && \
         {{ '{nac}' serve --config '{disk}/nac.toml'; status=$?; \
         cksum < '{disk}/nac.db' | cmp - '{sum}' && (exit $status); }}",
        home = home.display(),
        disk = place.display(),
        sum = site.directory().join("sum").display(),
        nac = program::nac().display()
    );
    let ended = on_small_disk("1m", &place, &line);
    ended.cannot(&[&place.display().to_string(), "full", "free some space"]);
}

#[test]
fn a_disk_that_fills_up_stops_accounting_but_not_logins_and_recovers_alone() {
    let site = Installation::with_cast();
    let place = mount_point(&site);
    // The database on the small disk, everything else where it was.
    let (seed, database) = (site.database(), place.join("nac.db"));
    site.set(
        "database",
        "url",
        &format!("sqlite://{}", database.display()),
    );
    let script = format!(
        "mount -t tmpfs -o size=2m tmpfs '{place}' && cp '{seed}'* '{place}' && exec \"$@\"",
        place = place.display(),
        seed = seed.display(),
    );
    let unshare = program::peer("unshare", "util-linux").display().to_string();
    let service = site.serve_under(&[&unshare, apart(), "sh", "-c", &script, "sh"]);
    assert_eq!(site.account("before"), Some(code::ACCOUNTING_RESPONSE));

    // The disk as the server sees it.
    let root = format!("/proc/{}/root", service.pid());
    let seen = Path::new(&root).join(place.strip_prefix("/").expect("it is absolute"));
    let filler = seen.join("filler");
    let fill = || {
        let mut block = vec![0; 1 << 20];
        while !block.is_empty() {
            use std::io::Write as _;
            let file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(&filler);
            let written = file.and_then(|mut file| file.write_all(&block));
            if written.is_err() {
                block.truncate(block.len() / 2);
            }
        }
    };
    fill();
    // Room that the database has in its log already may still take a record or two.
    let client = Exchange::new(site.auth, cast::SECRET);
    let mut unanswered = None;
    let stopped = wait::until(SOON, || {
        fill();
        let name = format!(
            "full-{}",
            std::fs::metadata(&filler).map_or(0, |file| file.len())
        );
        let answered = site.account(&name).is_some();
        if !answered {
            unanswered = Some(name);
        }
        !answered
    });
    assert!(stopped, "accounting is acknowledged without being recorded");
    for identifier in 0..20 {
        let reply = client.answer(&pap(&client, identifier, true));
        assert_eq!(reply.code, code::ACCESS_ACCEPT, "logins go on");
    }
    assert!(service.is_running());
    std::fs::remove_file(&filler).expect("it is there");
    let recovered = wait::until(SOON, || {
        site.account("after") == Some(code::ACCOUNTING_RESPONSE)
    });
    assert!(recovered, "it does not recover:\n{}", service.log());
    // SQLite itself looks at names behind links, so it gets a copy.
    for name in ["nac.db", "nac.db-wal"] {
        std::fs::copy(seen.join(name), site.directory().join(name)).expect("both are ours");
    }
    let copy = rusqlite::Connection::open(site.directory().join("nac.db")).expect("a database");
    let count = |session: &str| -> i64 {
        let sql = "SELECT COUNT(*) FROM accounting WHERE acct_session_id = ?1";
        copy.query_row(sql, [session], |row| row.get(0))
            .expect("a number")
    };
    assert_eq!(count("before"), 1);
    assert!(count("after") >= 1);
    assert_eq!(count(&unanswered.expect("one was not answered")), 0);
    let log = service.log();
    let said = log
        .lines()
        .filter(|line| line.contains("it could not be recorded"))
        .count();
    assert_eq!(said, 1, "it is said once: {log}");
    assert!(!log.contains("panicked"), "{log}");
}
