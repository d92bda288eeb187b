//! Sessions: how long they last, how they are ended, and what is kept of them.

use serde_json::json;
use slipway_server::on_db;

use crate::{
    browser::SESSION,
    fixture::{PASSWORD, Site},
};

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_for_twelve_hours() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    for _ in 0..4 {
        site.hours_pass(11);
        assert!(admin.browser.is_signed_in().await, "a session that is used every 11 hours has ended");
    }
    site.hours_pass(12);
    assert!(!admin.browser.is_signed_in().await, "a session that was not used for 12 hours goes on");
}

#[tokio::test]
async fn a_session_ends_after_seven_days_however_much_it_is_used() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    for day in 0..7 {
        assert!(admin.browser.is_signed_in().await, "it ended on day {day}");
        site.hours_pass(11);
        assert!(admin.browser.is_signed_in().await, "it ended on day {day}");
        site.hours_pass(11);
        assert!(admin.browser.is_signed_in().await, "it ended on day {day}");
        site.hours_pass(2);
    }
    assert!(!admin.browser.is_signed_in().await, "it goes on after 7 days");
}

#[tokio::test]
async fn the_use_of_a_session_is_written_down_once_a_minute() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut last_seen = async |seconds: i64| {
        site.clock.advance(jiff::SignedDuration::from_secs(seconds));
        admin.browser.get("/api/sessions/list").await.expect(200);
        on_db!(site.running.store.reads(), pool => sqlx::query_scalar::<_, i64>("SELECT last_seen FROM session").fetch_one(pool).await)
            .expect("one session")
    };
    let begun = last_seen(0).await;
    assert_eq!(last_seen(59).await, begun);
    assert_eq!(last_seen(1).await, begun + 60_000);
    assert_eq!(last_seen(30).await, begun + 60_000);
}

#[tokio::test]
async fn what_is_kept_of_a_session_signs_nobody_in() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let id = admin.browser.session().expect("signed in");
    let rows: Vec<(String, String, String, String)> =
        on_db!(site.running.store.reads(), pool => sqlx::query_as("SELECT id_hash, person_id, address, agent FROM session").fetch_all(pool).await)
            .expect("the sessions");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let kept = &rows[0].0;
    assert_eq!(kept.len(), 64, "it is no SHA-256 in hexadecimal: {kept}");
    assert!(!format!("{rows:?}").contains(id), "the id itself is kept: {rows:?}");
    for stolen in [kept.as_str(), &kept[..22], &kept[..32]] {
        let mut thief = site.visitor();
        thief.cookies.insert(SESSION.into(), stolen.into());
        assert!(!thief.is_signed_in().await, "{stolen} signs in");
    }
    site.running.store.close().await;
    for file in ["slipway.db", "slipway.db-wal"] {
        let bytes = std::fs::read(site.folder.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(id.len()).any(|window| window == id.as_bytes()), "the id stands in {file}");
    }
}

#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_all_but_this_one() {
    let site = Site::start().await;
    let mut laptop = site.admin().await.browser;
    let mut phone = site.visitor().with("user-agent", "Telephone/1.0\t(quiet)");
    phone.sign_in("root", PASSWORD).await.expect(303);
    let mut tablet = site.visitor();
    tablet.sign_in("root", PASSWORD).await.expect(303);

    let sessions = laptop.get("/api/sessions/list").await.expect(200).json();
    let sessions = sessions.as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1, "{sessions:?}");
    let of_phone = sessions.iter().find(|session| session["agent"] == "Telephone/1.0(quiet)").unwrap_or_else(|| panic!("{sessions:?}"));
    assert_eq!(of_phone["address"], "127.0.0.1");

    laptop.call("sessions/end", json!({ "handle": of_phone["handle"] })).await.expect(200);
    assert!(!phone.is_signed_in().await, "the phone's session goes on");
    assert!(tablet.is_signed_in().await, "the tablet's session was ended with the phone's");
    laptop.call("sessions/end", json!({ "handle": null })).await.expect(200);
    assert!(!tablet.is_signed_in().await, "the tablet's session goes on");
    assert!(laptop.is_signed_in().await, "the session that asked has ended");
}

#[tokio::test]
async fn nobody_ends_the_session_of_another() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut engineer = site.engineer(&mut admin).await;
    let sessions = admin.browser.get("/api/sessions/list").await.expect(200).json();
    engineer.browser.call("sessions/end", json!({ "handle": sessions[0]["handle"] })).await.expect(200);
    assert!(admin.browser.is_signed_in().await, "an engineer ended an admin's session");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_the_old_password() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut other = site.visitor();
    other.sign_in("root", PASSWORD).await.expect(303);
    let new = "a-slip-for-ships";
    for (old, new, field) in
        [("wrong wrong wrong", new, "old"), (PASSWORD, "short", "new"), (PASSWORD, "root-root-root", "new"), (PASSWORD, PASSWORD, "new")]
    {
        let refused = admin.browser.call("sessions/password", json!({ "old": old, "new": new })).await.expect(422);
        assert!(refused.json()["fields"][field].is_string(), "{refused:?}");
    }
    admin.browser.call("sessions/password", json!({ "old": PASSWORD, "new": new })).await.expect(200);
    assert!(admin.browser.is_signed_in().await, "the session that asked has ended");
    assert!(!other.is_signed_in().await, "another session goes on");
    assert!(other.sign_in("root", PASSWORD).await.location().starts_with("/sign-in"), "the old password still works");
    assert_eq!(other.sign_in("root", new).await.location(), "/me");
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_sign_in_and_back() {
    let site = Site::start().await;
    let mut visitor = site.visitor();
    let answer = visitor.get("/runs?team=vision&state=failed").await.expect(303);
    assert_eq!(answer.location(), "/sign-in?next=%2Fruns%3Fteam%3Dvision%26state%3Dfailed");
    let answer = visitor.get("/api/people/list").await.expect(401);
    assert_eq!(answer.json(), json!({ "kind": "signed_out" }));
    visitor.call("people/invite", json!({})).await.expect(401);
    assert_eq!(visitor.get("/live?runs=").await.expect(401).json(), json!({ "kind": "signed_out" }));
    visitor.get("/runs/0190/log").await.expect(303);
}

#[tokio::test]
async fn a_form_whose_session_ended_meanwhile_comes_back_with_all_that_was_typed() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    site.hours_pass(13);
    let fields = [("name", "digits-7"), ("note", "a \"quoted\" <b>note</b>\nin two lines"), ("env", "A=1"), ("password", "secret-secret")];
    let answer = admin.browser.post("/runs/new?from=x", &fields).await.expect(401);
    let page = &answer.body;
    for part in [
        "<form method=\"post\" action=\"/runs/new?from=x\">",
        "<input type=\"hidden\" name=\"name\" value=\"digits-7\">",
        "name=\"note\" value=\"a &quot;quoted&quot; &lt;b&gt;note&lt;/b&gt;\nin two lines\"",
        "name=\"env\" value=\"A=1\"",
        "target=\"_blank\"",
    ] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    assert!(!page.contains("secret-secret"), "a password came back: {page}");
    assert!(!page.contains("<script") && !page.contains("<b>note"), "what was typed is markup: {page}");
}
