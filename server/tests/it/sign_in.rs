//! Signing in.

use crate::{
    browser::{Browser, SESSION},
    fixture::{PASSWORD, Site},
};

#[tokio::test]
async fn the_first_admin_comes_in_by_a_link_that_works_once() {
    let site = Site::start().await;
    let link = site.first_link().await;
    let page = site.visitor().get(&link).await.expect(200);
    assert!(page.body.contains("Welcome to Slipway"), "{page:?}");
    let mut admin = site.accept(&link, "root").await;
    assert!(admin.is_signed_in().await);

    let again = site.visitor().get(&link).await.expect(303);
    assert!(again.location().starts_with("/sign-in?error=This%20link%20does%20not%20work"), "{again:?}");
    let token = link.split_once("token=").unwrap().1;
    let fields = [("token", token), ("name", "eve"), ("password", PASSWORD), ("password_again", PASSWORD)];
    let mut eve = site.visitor();
    let refused = eve.post("/auth/welcome", &fields).await.expect(303);
    assert!(refused.location().starts_with("/sign-in?error="), "{refused:?}");
    assert_eq!(eve.session(), None);
    let none = slipway_server::services::links::for_first_admin(&site.running.store, &site.clock).await;
    assert!(none.is_err(), "a second first admin could be made: {none:?}");
}

#[tokio::test]
async fn a_first_password_that_cannot_be_taken_comes_back_with_the_name_and_the_reason() {
    let site = Site::start().await;
    let link = site.first_link().await;
    let token = link.split_once("token=").unwrap().1;
    for (name, password, again, reason) in [
        ("root", "short", "short", "at%20least%2010%20characters"),
        ("root", "long enough", "long enough!", "differ"),
        ("Root", PASSWORD, PASSWORD, "begins%20with%20a%20letter"),
        ("", PASSWORD, PASSWORD, "missing"),
    ] {
        let fields = [("token", token), ("name", name), ("password", password), ("password_again", again)];
        let answer = site.visitor().post("/auth/welcome", &fields).await.expect(303);
        let location = answer.location();
        assert!(location.starts_with(&format!("/welcome?token={token}")) && location.contains(reason), "{location}");
        assert!(!location.contains(password) || password == "short", "the password is in the URL: {location}");
        let page = site.visitor().get(location).await.expect(200);
        assert!(page.body.contains("role=\"alert\"") || page.body.contains("error"), "{page:?}");
    }
    site.accept(&link, "root").await;
}

#[tokio::test]
async fn a_wrong_password_comes_back_with_the_name_and_never_the_password() {
    let site = Site::start().await;
    site.admin().await;
    let mut visitor = site.visitor();
    let fields = [("name", "root"), ("password", "not this one"), ("next", "/people")];
    let answer = visitor.post("/auth/sign-in", &fields).await.expect(303);
    assert!(answer.location().starts_with("/sign-in?next=%2Fpeople&name=root&error="), "{answer:?}");
    assert!(!answer.location().contains("not"), "{answer:?}");
    assert_eq!(visitor.session(), None);
    let page = visitor.get(answer.location()).await.expect(200);
    assert!(page.body.contains("The name or the password is wrong"), "{page:?}");
    assert!(page.body.contains("value=\"root\""), "the name is not filled in: {page:?}");

    let unknown = visitor.sign_in("nobody", PASSWORD).await.expect(303);
    let error = |location: &str| location.split("error=").nth(1).and_then(|rest| rest.split('&').next()).map(str::to_owned);
    assert_eq!(error(unknown.location()), error(answer.location()), "an unknown name is answered differently");
}

#[tokio::test]
async fn whoever_tries_too_often_waits_and_only_so_long() {
    let site = Site::start().await;
    site.admin().await;
    let mut visitor = site.visitor();
    for _ in 0..10 {
        visitor.sign_in("root", "wrong wrong wrong").await.expect(303);
    }
    let answer = visitor.sign_in("root", PASSWORD).await.expect(429);
    assert_eq!(answer.header("retry-after"), "30");
    assert!(answer.body.contains("Too many tries; wait 30 s and try again"), "{answer:?}");
    site.clock.advance(jiff::SignedDuration::from_secs(30));
    let answer = visitor.sign_in("root", PASSWORD).await.expect(303);
    assert_eq!(answer.location(), "/me");
}

#[tokio::test]
async fn one_address_cannot_try_many_names() {
    let site = Site::start().await;
    let mut visitor = site.visitor();
    for number in 0..20 {
        visitor.sign_in(&format!("name{number}"), PASSWORD).await.expect(303);
    }
    visitor.sign_in("another", PASSWORD).await.expect(429);
    // The header is anybody's to write, so it opens no other bucket.
    visitor.with("x-forwarded-for", "203.0.113.9").sign_in("another", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn signing_in_changes_the_sessions_id_whatever_the_browser_came_with() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let planted = "AAAAAAAAAAAAAAAAAAAAAA";
    let mut victim = site.visitor();
    victim.cookies.insert(SESSION.into(), planted.into());
    victim.sign_in("root", PASSWORD).await.expect(303);
    let mine = victim.session().expect("signed in").to_owned();
    assert_ne!(mine, planted);
    assert_ne!(Some(mine.as_str()), admin.browser.session());
    let mut attacker = site.visitor();
    attacker.cookies.insert(SESSION.into(), planted.into());
    assert!(!attacker.is_signed_in().await, "the planted id is signed in");

    victim.sign_in("root", PASSWORD).await.expect(303);
    assert_ne!(victim.session(), Some(mine.as_str()), "signing in again kept the id");
    let mut old = site.visitor();
    old.cookies.insert(SESSION.into(), mine);
    assert!(!old.is_signed_in().await, "the old id is still signed in");
}

#[tokio::test]
async fn the_cookie_is_for_this_host_alone_and_for_no_script() {
    let site = Site::start().await;
    site.admin().await;
    let answer = site.visitor().sign_in("root", PASSWORD).await.expect(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-slipway="), "{cookie}");
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(attribute), "{attribute} is missing: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn signing_in_leads_to_a_page_of_slipway_and_nowhere_else() {
    let site = Site::start().await;
    site.admin().await;
    for (next, want) in [
        ("/runs/0190?tab=logs", "/runs/0190?tab=logs"),
        ("https://evil.example/", "/runs"),
        ("//evil.example/", "/runs"),
        ("/\\evil.example/", "/runs"),
        ("/\t/evil.example/", "/runs"),
        ("javascript:alert(1)", "/runs"),
        ("", "/runs"),
    ] {
        let fields = [("name", "root"), ("password", PASSWORD), ("next", next)];
        assert_eq!(site.visitor().post("/auth/sign-in", &fields).await.expect(303).location(), want, "{next:?}");
    }
    let mut signed_in = site.visitor();
    signed_in.sign_in("root", PASSWORD).await.expect(303);
    let answer = signed_in.get("/sign-in?next=%2F%2Fevil.example").await.expect(303);
    assert_eq!(answer.location(), "/runs", "the page of somebody who is signed in leads elsewhere");
}

#[tokio::test]
async fn a_link_cannot_make_the_sign_in_page_say_what_its_author_likes() {
    let site = Site::start().await;
    let answer = site.visitor().get("/sign-in?error=Call%200900-1234&name=root&seal=9999999999.00").await.expect(303);
    assert_eq!(answer.location(), "/sign-in?name=root");
}

#[tokio::test]
async fn a_post_from_another_site_is_refused() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let refuses = |answer: crate::browser::Answer| {
        let answer = answer.expect(403);
        assert!(answer.body.contains("Another site asked your browser to do this"), "{answer:?}");
    };
    let elsewhere: [Browser; 2] =
        [admin.browser.with("sec-fetch-site", "cross-site"), admin.browser.with("origin", "https://evil.example")];
    for mut browser in elsewhere {
        refuses(browser.post("/auth/sign-out", &[]).await);
        refuses(browser.post("/me", &[("do", "end")]).await);
        refuses(browser.call("sessions/end", serde_json::json!({ "handle": null })).await);
        refuses(browser.sign_in("root", PASSWORD).await);
    }
    assert!(admin.browser.is_signed_in().await, "a refused post has signed the admin out");
    // Behind a proxy that names another host, a browser's own post has the public address as its origin.
    let end_others = serde_json::json!({ "handle": null });
    admin.browser.with("origin", "http://127.0.0.1").call("sessions/end", end_others).await.expect(200);
    admin.browser.with("sec-fetch-site", "same-origin").post("/auth/sign-out", &[]).await.expect(303);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_cookie() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut before = admin.browser.clone();
    let answer = admin.browser.post("/auth/sign-out", &[]).await.expect(303);
    assert_eq!(answer.location(), "/sign-in");
    assert_eq!(admin.browser.session(), None, "the cookie stays");
    assert!(!before.is_signed_in().await, "the session goes on without its cookie");
}

#[tokio::test]
async fn what_goes_wrong_at_signing_in_is_in_the_audit_log_but_for_names_that_nobody_has() {
    let site = Site::start().await;
    site.admin().await;
    site.visitor().sign_in("root", "wrong wrong wrong").await.expect(303);
    site.visitor().sign_in("hunter2", "hunter2hunter2").await.expect(303);
    site.visitor().sign_in("root", PASSWORD).await.expect(303);
    let refusal = "The name or the password is wrong, or the account is closed";
    assert_eq!(
        site.audit_lines(4).await,
        [
            format!("root: sign in from 127.0.0.1 → {refusal}"),
            format!("[nobody]: sign in from 127.0.0.1 → {refusal}"),
            "root: sign in from 127.0.0.1 → ?".to_owned(),
            "root: sign in from 127.0.0.1 → ok".to_owned(),
        ]
    );
}
