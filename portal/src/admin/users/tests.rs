//! The pages of users, by the router.

use axum::http::StatusCode;
use nac_store::Role;

use crate::admin::tests::site;

#[tokio::test]
async fn a_user_is_added_with_argon2id_and_readably_only_where_it_is_wanted() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    let secret = "password=correct+horse&again=correct+horse";
    for (name, mschap) in [("alice", ""), ("bob", "&mschap=true")] {
        let form = format!("name={name}&groups=staff,vpn&{secret}{mschap}");
        let (status, _, _) = site.post("/users/new", &cookie, &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let user = site.store.user_fetch(name).await.unwrap();
        assert!(user.password.unwrap().starts_with("$argon2id$"));
        assert_eq!(user.cleartext.is_some(), !mschap.is_empty());
        assert_eq!(user.groups, ["staff", "vpn"]);
        let (status, _, page) = site.get(&format!("/users/{name}"), &cookie).await;
        assert_eq!(status, StatusCode::OK);
        assert!(!page.contains("correct horse") && !page.contains("$argon2id$"));
    }
    let (_, _, json) = site.get("/users?group=vpn&format=json", &cookie).await;
    assert!(json.contains("alice") && !json.contains("argon2id$"));
}

#[tokio::test]
async fn a_user_that_cannot_be_added_comes_back_without_the_password() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    site.post("/users/new", &cookie, "name=alice").await;
    for (form, said) in [
        ("name=Alice&groups=staff", "already a user alice"),
        ("name=carol&groups=staff&password=one1&again=two2", "differ"),
        ("name=carol&groups=staff&mschap=true", "needs a password"),
        ("name=+&groups=staff", "needs a name"),
    ] {
        let (status, _, page) = site.post("/users/new", &cookie, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.contains(said), "{form}");
        assert!(
            page.contains("value=\"staff\"") && !page.contains("one1"),
            "{form}"
        );
    }
}

#[tokio::test]
async fn disabling_can_be_undone_and_long_lists_have_a_next_page() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    for number in 0..55 {
        site.post(
            "/users/new",
            &cookie,
            &format!("name=user{number:02}&groups=g"),
        )
        .await;
    }
    let (_, _, page) = site.get("/users?group=g", &cookie).await;
    assert!(page.contains("user49") && !page.contains("user50"));
    assert!(page.contains("/users?group=g&#38;after=user49"), "{page}");
    let (_, _, page) = site.get("/users?group=g&after=user49", &cookie).await;
    assert!(page.contains("user54") && !page.contains("user49<"));

    let (status, _, _) = site.post("/users/user01/disable", &cookie, "").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(!site.store.user_fetch("user01").await.unwrap().enabled);
    site.post("/users/user01/enable", &cookie, "").await;
    assert!(site.store.user_fetch("user01").await.unwrap().enabled);
    let viewer = site.signed_in(Role::Viewer).await;
    let (status, _, _) = site.post("/users/user01/disable", &viewer, "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn users_come_from_a_list_all_or_none_and_their_passwords_are_not_shown_again() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    let post = async |csv: &str, confirmed: bool| {
        let form = format!(
            "csv={}{}",
            crate::admin::encode(csv),
            if confirmed { "&confirmed=yes" } else { "" }
        );
        let (status, _, page) = site.post("/users/import", &cookie, &form).await;
        (status, page)
    };
    let bad =
        "name,groups,password,mschap\nalice,staff;vpn,correct horse,yes\nbob,,,yes\nalice,,x,\n";
    let (status, page) = post(bad, true).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("line 3") && page.contains("line 4"));
    assert!(!page.contains("correct horse"));
    assert!(site.store.user_fetch("alice").await.is_err(), "all or none");

    let good = "name,groups,password,mschap\nalice,staff;vpn,correct horse,yes\nbob,staff,,\n";
    let (_, page) = post(good, false).await;
    assert!(page.contains("2 would be added") && page.contains("paste the lines once more"));
    assert!(
        site.store.user_fetch("alice").await.is_err(),
        "only looked at"
    );
    let (status, _) = post(good, true).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let alice = site.store.user_fetch("alice").await.unwrap();
    assert_eq!(alice.groups, ["staff", "vpn"]);
    assert!(alice.password.unwrap().starts_with("$argon2id$") && alice.cleartext.is_some());
    assert!(
        site.store
            .user_fetch("bob")
            .await
            .unwrap()
            .password
            .is_none()
    );

    // A list of groups changes groups and nothing else, and comes back as it was typed.
    let groups = "name,groups\nalice,guests\n";
    let (_, page) = post(groups, false).await;
    assert!(page.contains("1 changed") && page.contains("alice,guests"));
    post(groups, true).await;
    let alice = site.store.user_fetch("alice").await.unwrap();
    assert_eq!(alice.groups, ["guests"]);
    assert!(alice.password.is_some());
}

#[tokio::test]
async fn an_app_is_given_to_a_user_and_its_secret_is_shown_once() {
    let site = site().await;
    let cookie = site.signed_in(Role::Administrator).await;
    site.post("/users/new", &cookie, "name=alice").await;
    let (status, _, first) = site.post("/users/alice/totp", &cookie, "").await;
    assert_eq!(status, StatusCode::OK);
    let secret = site.store.user_fetch("alice").await.unwrap().totp.unwrap();
    let shown = crate::totp::base32(&secret);
    assert!(first.contains(&*shown) && first.contains("data:image/svg+xml"));
    let (_, _, page) = site.get("/users/alice", &cookie).await;
    assert!(page.contains("authenticator app") && !page.contains(&*shown));
    let (_, _, json) = site.get("/users?format=json", &cookie).await;
    let json = json.replace(' ', "");
    assert!(json.contains("\"totp\":true") && !json.contains(&*shown));

    site.post("/users/alice/totp", &cookie, "").await;
    let replaced = site.store.user_fetch("alice").await.unwrap().totp.unwrap();
    assert_ne!(replaced, secret);
    let viewer = site.signed_in(Role::Viewer).await;
    for path in ["/users/alice/totp", "/users/alice/totp/disable"] {
        let (status, _, _) = site.post(path, &viewer, "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let (status, _, _) = site.post("/users/alice/totp/disable", &cookie, "").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(site.store.user_fetch("alice").await.unwrap().totp.is_none());
}
