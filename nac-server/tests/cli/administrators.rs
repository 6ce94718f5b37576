//! `nac admin` and `nac token`: links that work once, tokens that are shown once.

use crate::site::Site;

#[test]
fn the_first_administrators_link_is_printed_once_and_kept_nowhere() {
    let site = Site::new();
    let link = site
        .run(&["admin", "invite", "--role", "owner"])
        .ends(0)
        .out;
    let token = link
        .trim()
        .strip_prefix("https://localhost:9443/welcome/")
        .expect("a link to the admin pages");
    assert_eq!(token.len(), 32);
    let database = std::fs::read(site.installed("nac.db")).expect("a database");
    let written = database
        .windows(token.len())
        .any(|window| window == token.as_bytes());
    assert!(!written, "the database holds the token itself");
    site.run(&["admin", "list"])
        .ends(0)
        .says(&["there is no administrator", "an invitation as owner"]);
    site.run(&["admin", "invite", "--role", "king"])
        .ends(2)
        .says(&["write one of viewer"]);
    site.run(&["admin", "invite", "--name", "nobody"]).ends(1);
    site.run(&["admin", "remove", "nobody"])
        .ends(1)
        .says(&["there is no administrator nobody"]);
}

#[test]
fn a_token_is_printed_once_and_revoked_by_name() {
    let site = Site::new();
    let line = [
        "token",
        "create",
        "--name",
        "lab",
        "--role",
        "administrator",
        "--expires",
        "1d",
        "--json",
    ];
    let made = site.run(&line).ends(0).json();
    assert!(
        made["token"]
            .as_str()
            .is_some_and(|token| token.starts_with("nac_"))
    );
    assert_eq!(made["role"], "administrator");
    site.run(&line)
        .ends(1)
        .says(&["there is already a token lab"]);
    let listed = site
        .run(&["token", "list"])
        .ends(0)
        .says(&["lab", "active"]);
    assert!(!listed.out.contains("nac_"));
    site.run(&["token", "revoke", "lab"]).ends(0);
    site.run(&["token", "revoke", "lab"])
        .ends(1)
        .says(&["nac token list"]);
    site.run(&["token", "list"]).ends(0).says(&["revoked"]);
}
