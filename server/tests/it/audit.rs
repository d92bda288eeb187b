//! The audit log notices whatever is done to it behind its back, on both databases.

mod bits;
mod read;

use slipway_server::{
    on_db,
    store::{
        Store,
        audit::{Actor, VerifyError},
    },
};
use sqlx::AssertSqlSafe;

use crate::{fixture::Site, postgres};

/// Every column, with a value that differs from what the rows hold.
const COLUMNS: [(&str, &str); 12] = [
    ("at", "at + 1"),
    ("request", "request || 'x'"),
    ("person", "'Root'"),
    ("action", "'delete'"),
    ("subject", "''"),
    ("before", "'null'"),
    ("after", "NULL"),
    ("phase", "CASE phase WHEN 'intent' THEN 'outcome' ELSE 'intent' END"),
    ("intent_seq", "7"),
    ("team", "'vision'"),
    ("previous", "'00'"),
    ("hash", "substr(hash, 1, 63) || CASE substr(hash, 64, 1) WHEN '0' THEN '1' ELSE '0' END"),
];

async fn execute(store: &Store, sql: String) {
    let done = on_db!(store.writes(), pool => sqlx::query(AssertSqlSafe(sql.clone())).execute(pool).await.map(|_| ()));
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A log of eight rows: four changes, each an intent and an outcome.
async fn filled(site: &Site) {
    let audit = site.audit();
    for number in 0..4 {
        let after = Some(serde_json::json!({ "number": number }));
        audit
            .intent(Actor::program("test"), "count", &format!("number {number}"), None, after)
            .await
            .expect("an intent")
            .outcome(Ok(()))
            .await;
    }
}

/// The row that the log says is wrong.
async fn first_wrong(site: &Site) -> Option<i64> {
    match site.audit().verify(None).await {
        Ok(_) => None,
        Err(VerifyError::Broken { seq, .. }) => Some(seq),
        Err(VerifyError::Store(error)) => panic!("the log was not read: {error}"),
    }
}

async fn notices_everything(site: &Site) {
    filled(site).await;
    let store = &site.running.store;
    let whole = site.audit().verify(None).await.expect("an untouched log is whole");
    assert_eq!(whole.rows, 8);

    execute(store, "CREATE TABLE safe AS SELECT * FROM audit".into()).await;
    let restore = async || {
        execute(store, "DELETE FROM audit".into()).await;
        execute(store, "INSERT INTO audit SELECT * FROM safe".into()).await;
        assert_eq!(first_wrong(site).await, None, "restoring did not restore");
    };
    for (column, value) in COLUMNS {
        execute(store, format!("UPDATE audit SET {column} = {value} WHERE seq = 3")).await;
        assert_eq!(first_wrong(site).await, Some(3), "a change of {column} was not noticed");
        restore().await;
    }
    execute(store, "UPDATE audit SET result = 'no' WHERE seq = 4".into()).await;
    assert_eq!(first_wrong(site).await, Some(4), "a change of result was not noticed");
    restore().await;

    for (deleted, wrong) in [(1, 1), (5, 5), (8, 8)] {
        execute(store, format!("DELETE FROM audit WHERE seq = {deleted}")).await;
        assert_eq!(first_wrong(site).await, Some(wrong), "the deletion of row {deleted} was not noticed");
        restore().await;
    }

    for (from, to) in [(5, -1), (6, 5), (-1, 6)] {
        execute(store, format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
    }
    assert_eq!(first_wrong(site).await, Some(5), "two exchanged rows were not noticed");
    restore().await;

    execute(store, "INSERT INTO audit (seq, at, request, person, action, subject, before, after, phase, intent_seq, result, previous, hash) SELECT 9, at, request, person, action, subject, before, after, phase, intent_seq, result, hash, hash FROM safe WHERE seq = 8".into()).await;
    assert_eq!(first_wrong(site).await, Some(9), "a row that was put at the end was not noticed");
    restore().await;

    // Who can write can also shorten the log and its head; what was printed earlier shows it.
    let known = (whole.rows, whole.hash.as_str());
    assert_eq!(site.audit().verify(Some(known)).await.expect("what was printed is there"), whole);
    execute(store, "DELETE FROM audit WHERE seq > 6".into()).await;
    execute(store, "UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)".into()).await;
    assert_eq!(first_wrong(site).await, None);
    let shortened = site.audit().verify(Some(known)).await;
    assert!(matches!(shortened, Err(VerifyError::Broken { seq: 8, .. })), "{shortened:?}");
    execute(store, "DROP TABLE safe".into()).await;
}

#[tokio::test]
async fn a_changed_deleted_exchanged_or_added_row_is_noticed_on_sqlite() {
    let site = Site::start().await;
    notices_everything(&site).await;
}

#[tokio::test]
async fn a_changed_deleted_exchanged_or_added_row_is_noticed_on_postgresql() {
    let Some(url) = postgres::database("audit").await else { return };
    let site = Site::start_with(|settings| settings.database = url).await;
    notices_everything(&site).await;
    site.running.stop().await;
}

#[tokio::test]
async fn a_bit_that_makes_a_text_unreadable_is_noticed_where_it_is() {
    let site = Site::start().await;
    filled(&site).await;
    execute(&site.running.store, "UPDATE audit SET subject = CAST(x'ee756d' AS TEXT) WHERE seq = 6".into()).await;
    assert_eq!(first_wrong(&site).await, Some(6));
}

#[tokio::test]
async fn writers_at_the_same_time_make_one_chain() {
    let site = Site::start().await;
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let audit = site.audit();
        writers.spawn(async move {
            audit.intent(Actor::program("test"), "count", &number.to_string(), None, None).await.expect("an intent").outcome(Ok(())).await;
        });
    }
    writers.join_all().await;
    assert_eq!(site.audit().verify(None).await.expect("a whole log").rows, 40);
}
