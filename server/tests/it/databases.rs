//! The same on both databases; and a database that is held by another, or full: changes are refused with a sentence, reads go on.

use serde_json::json;
use slipway_server::store::{Db, Error, Store, audit::Actor};
use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

use crate::{
    browser::Answer,
    fixture::{PASSWORD, Person, Site},
    postgres,
};

async fn everyday(site: Site) {
    let mut admin = site.admin().await;
    let mut engineer = site.engineer(&mut admin).await;
    let sessions = engineer.browser.get("/api/sessions/list").await.expect(200).json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{sessions}");
    admin.browser.call("people/role", json!({ "person": engineer.id, "team": "default", "role": "admin" })).await.expect(200);
    let people = engineer.browser.get("/api/people/list").await.expect(200).json();
    assert_eq!(people[0][0]["name"], "mina", "{people}");
    assert_eq!(people[0][0]["roles"], json!({ "default": "admin" }), "{people}");
    assert_eq!(people[0][0]["last_seen"], "2026-11-24T12:00:00Z", "{people}");
    let twice = json!({ "form": { "name": "mina", "team": "default", "role": "engineer", "platform_admin": "" } });
    admin.browser.call("people/invite", twice).await.expect(422);
    admin.browser.call("people/active", json!({ "person": engineer.id, "active": false })).await.expect(200);
    assert!(!engineer.browser.is_signed_in().await);
    site.hours_pass(13);
    assert!(!admin.browser.is_signed_in().await);
    site.running.sign_in.forget_expired().await.expect("the store answers");
    assert_eq!(site.visitor().sign_in("root", PASSWORD).await.location(), "/me");
    site.audit().verify(None).await.expect("a whole audit log");
    site.running.stop().await;
}

#[tokio::test]
async fn an_everyday_story_on_sqlite() {
    everyday(Site::start().await).await;
}

#[tokio::test]
async fn an_everyday_story_on_postgresql() {
    let Some(url) = postgres::database("everyday").await else { return };
    everyday(Site::start_with(|settings| settings.database = url).await).await;
}

async fn try_to_invite(admin: &mut Person) -> Answer {
    let form = json!({ "form": { "name": "noor", "team": "default", "role": "engineer", "platform_admin": "" } });
    admin.browser.call("people/invite", form).await
}

/// Nothing can be written: what would change something is refused with this sentence, and everything that reads goes on.
async fn only_reads(site: &Site, admin: &mut Person, sentence: &str) {
    let refused = try_to_invite(admin).await.expect(503);
    assert!(refused.json()["sentence"].as_str().is_some_and(|text| text.contains(sentence)), "{refused:?}");
    let people = admin.browser.get("/api/people/list").await.expect(200);
    assert!(!people.body.contains("noor"), "{people:?}");
    assert!(admin.browser.is_signed_in().await);
    // Also where the use of the session would have to be noted.
    site.clock.advance(jiff::SignedDuration::from_mins(2));
    assert!(admin.browser.is_signed_in().await);
    site.visitor().get("/sign-in").await.expect(200);
    let sign_in = site.visitor().sign_in("root", PASSWORD).await.expect(303);
    assert!(sign_in.location().starts_with("/sign-in?"), "somebody was signed in: {sign_in:?}");
    assert_eq!(site.visitor().get("/readyz").await.expect(200).json()["database"], "ok");
}

#[tokio::test]
async fn while_another_program_holds_the_database_changes_are_refused_and_reads_go_on() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let options = SqliteConnectOptions::new().filename(site.folder.path().join("slipway.db"));
    let mut other = options.connect().await.expect("another program");
    other.execute("BEGIN IMMEDIATE").await.expect("it holds the database");
    only_reads(&site, &mut admin, "The database is busy, so nothing was changed").await;
    other.execute("ROLLBACK").await.expect("it lets go");
    try_to_invite(&mut admin).await.expect(200);
    site.audit().verify(None).await.expect("a whole audit log");
}

#[tokio::test]
async fn while_the_disk_is_full_changes_are_refused_and_reads_go_on() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let Db::Sqlite(writes) = site.running.store.writes() else { panic!("this test is about SQLite") };
    // As many pages as there are, and these filled up: the next row that needs a page finds none, as on a full disk.
    writes.execute("PRAGMA max_page_count = 1").await.expect("a limit");
    let refusal = loop {
        match site.audit().intent(Actor::program("test"), "fill", "the disk", None, None).await {
            Ok(intent) => intent.outcome(Ok(())).await,
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, Error::Full(_)), "{refusal}");
    only_reads(&site, &mut admin, "The database's disk is full, so nothing was changed").await;
    writes.execute("PRAGMA max_page_count = 1000000").await.expect("room");
    try_to_invite(&mut admin).await.expect(200);
    site.audit().verify(None).await.expect("a whole audit log");
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    site.person(&mut admin, "mina", "default", "engineer").await;
    let url = format!("sqlite://{}", site.folder.path().join("slipway.db").display());
    let Site { running, folder, .. } = site;
    running.stop().await;
    let again = Site::start_with(|settings| settings.database = url).await;
    admin.browser.address = again.running.address;
    assert!(admin.browser.is_signed_in().await, "the session is gone");
    let people = admin.browser.get("/api/people/list").await.expect(200);
    assert!(people.body.contains("mina"), "{people:?}");
    again.running.stop().await;
    drop(folder);
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_a_sentence() {
    for (url, want) in [
        ("mysql://here", "the database is given as sqlite://PATH or postgres://USER@HOST/NAME"),
        ("sqlite::memory:", "a database in memory is not kept"),
        ("sqlite:///no/such/folder/slipway.db", "the database file /no/such/folder/slipway.db cannot be used"),
        ("postgres://slipway:s3cret@127.0.0.1:1/slipway", "the PostgreSQL server at 127.0.0.1:1 cannot be used"),
    ] {
        let sentence = Store::connect(url).await.map(|_| ()).expect_err("it cannot be used").to_string();
        assert!(sentence.starts_with(want), "{url}: {sentence}");
        assert!(!sentence.contains("s3cret"), "{sentence}");
    }
}

#[tokio::test]
async fn only_the_owner_may_read_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::start().await;
    for file in ["slipway.db", "slipway.db-wal"] {
        let mode = std::fs::metadata(site.folder.path().join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} has mode {mode:o}");
    }
}
