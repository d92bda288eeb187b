//! Whatever is done to a small log is noticed: every bit of every cell, every row, every pair of rows, every tail.

use slipway_domain::team::TeamName;
use slipway_server::{
    on_db,
    store::{
        Db, Store,
        audit::{About, Actor, Audit, Verified},
    },
};
use sqlx::{AssertSqlSafe, Executor, Row, SqlitePool, sqlite::SqliteRow};

use super::{execute, first_wrong};
use crate::{fixture::Site, postgres};

const TEXTS: [&str; 11] = ["request", "person", "action", "subject", "before", "after", "phase", "result", "team", "previous", "hash"];
const NUMBERS: [&str; 3] = ["seq", "at", "intent_seq"];

/// A log with each kind of row: an intent with what was and what is to be, its outcome, an attempt that was refused, and an
/// intent whose outcome was never written.
async fn filled(audit: &Audit) -> Verified {
    let team = TeamName::parse("vision").expect("a name");
    let values = (Some(serde_json::json!("engineer")), Some(serde_json::json!({ "role": "admin" })));
    let mina = || Actor::named("mina", "0192-request");
    let intent = audit.intent(mina(), "give a role", "person noor in vision", values.0, values.1).await.expect("an intent");
    intent.outcome(Ok(())).await;
    let refusal = slipway_domain::refusal::Refusal::forbidden("Nø");
    audit.denied(mina(), "see run", About::in_team("run", &team), &refusal).await;
    let _crashed = audit.intent(Actor::program("test"), "crash", "platform", None, None).await.expect("an intent");
    audit.verify(None).await.expect("an untouched log is whole")
}

/// Every bit of a cell turned around, as SQLite would find it on a disk that did so: a text as its bytes, whatever they mean.
async fn turn_every_bit_of_a_text(pool: &SqlitePool, audit: &Audit, table: &str, column: &str, key: i64) -> u32 {
    let id = if table == "audit" { "seq" } else { "id" };
    let cell: Option<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT CAST({column} AS BLOB) FROM {table} WHERE {id} = $1")))
        .bind(key)
        .fetch_one(pool)
        .await
        .expect("a cell");
    let Some(cell) = cell else { return 0 };
    let write = format!("UPDATE {table} SET {column} = CAST($1 AS TEXT) WHERE {id} = $2");
    let mut turned = 0;
    for (byte, bit) in (0..cell.len()).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
        let mut changed = cell.clone();
        changed[byte] ^= 1 << bit;
        sqlx::query(AssertSqlSafe(write.clone())).bind(&changed).bind(key).execute(pool).await.expect("it is written");
        assert!(audit.verify(None).await.is_err(), "bit {bit} of byte {byte} of {table}.{column} in row {key} was not noticed");
        turned += 1;
    }
    sqlx::query(AssertSqlSafe(write)).bind(&cell).bind(key).execute(pool).await.expect("it is written back");
    turned
}

async fn turn_every_bit_of_a_number(pool: &SqlitePool, audit: &Audit, table: &str, column: &str, key: i64) -> u32 {
    let id = if table == "audit" { "rowid" } else { "id" };
    let found: SqliteRow = sqlx::query(AssertSqlSafe(format!("SELECT {id}, {column} FROM {table} WHERE {id} = $1")))
        .bind(key)
        .fetch_one(pool)
        .await
        .expect("a cell");
    let Some(cell) = found.get::<Option<i64>, _>(1) else { return 0 };
    let write = format!("UPDATE {table} SET {column} = $1 WHERE {id} = $2");
    let mut turned = 0;
    for bit in 0..64 {
        let done = sqlx::query(AssertSqlSafe(write.clone())).bind(cell ^ (1 << bit)).bind(key).execute(pool).await;
        // A number that another row has is refused by the database itself.
        if done.is_ok() {
            assert!(audit.verify(None).await.is_err(), "bit {bit} of {table}.{column} in row {key} was not noticed");
            turned += 1;
        }
    }
    sqlx::query(AssertSqlSafe(write)).bind(cell).bind(key).execute(pool).await.expect("it is written back");
    turned
}

#[tokio::test]
async fn every_single_bit_that_is_turned_around_is_noticed() {
    let site = Site::start().await;
    let audit = site.audit();
    let whole = filled(&audit).await;
    let Db::Sqlite(pool) = site.running.store.writes() else { panic!("this test is about SQLite") };
    // A disk knows no rules; and it need not be waited for here.
    for sql in ["PRAGMA ignore_check_constraints = ON", "PRAGMA synchronous = OFF"] {
        pool.execute(sql).await.expect("a setting");
    }
    let mut turned = 0;
    for row in 1..=whole.rows {
        for column in TEXTS {
            turned += turn_every_bit_of_a_text(pool, &audit, "audit", column, row).await;
        }
        for column in NUMBERS {
            turned += turn_every_bit_of_a_number(pool, &audit, "audit", column, row).await;
        }
    }
    turned += turn_every_bit_of_a_text(pool, &audit, "audit_head", "hash", 1).await;
    turned += turn_every_bit_of_a_number(pool, &audit, "audit_head", "seq", 1).await;
    assert!(turned > 5_000, "only {turned} bits were turned around");
    assert_eq!(audit.verify(None).await.expect("everything was put back"), whole);
}

/// Rows deleted, exchanged and cut off, each in every way there is, and a row's team given to it later or taken from it.
async fn notices_every_row(site: &Site) {
    let audit = site.audit();
    let whole = filled(&audit).await;
    let store = &site.running.store;
    execute(store, "CREATE TABLE safe AS SELECT * FROM audit".into()).await;
    let restore = async || {
        execute(store, "DELETE FROM audit".into()).await;
        execute(store, "INSERT INTO audit SELECT * FROM safe".into()).await;
        assert_eq!(first_wrong(site).await, None, "restoring did not restore");
    };
    for row in 1..=whole.rows {
        execute(store, format!("DELETE FROM audit WHERE seq = {row}")).await;
        assert_eq!(first_wrong(site).await, Some(row), "the deletion of row {row} was not noticed");
        restore().await;
    }
    for (one, other) in (1..=whole.rows).flat_map(|one| (one + 1..=whole.rows).map(move |other| (one, other))) {
        for (from, to) in [(one, -1), (other, one), (-1, other)] {
            execute(store, format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
        }
        assert_eq!(first_wrong(site).await, Some(one), "the exchange of {one} and {other} was not noticed");
        restore().await;
    }
    for (team, row) in [("'vision'", 4), ("NULL", 1), ("NULL", 3), ("'visiom'", 2)] {
        execute(store, format!("UPDATE audit SET team = {team} WHERE seq = {row}")).await;
        assert_eq!(first_wrong(site).await, Some(row), "another team of row {row} was not noticed");
        restore().await;
    }
    let known = (whole.rows, whole.hash.clone());
    for kept in 1..whole.rows {
        execute(store, format!("DELETE FROM audit WHERE seq > {kept}")).await;
        assert_eq!(first_wrong(site).await, Some(kept + 1), "the tail cut after row {kept} was not noticed");
        execute(store, format!("UPDATE audit_head SET seq = {kept}, hash = (SELECT hash FROM audit WHERE seq = {kept})")).await;
        let shortened = audit.verify(Some((known.0, &known.1))).await;
        assert!(shortened.is_err(), "the tail cut after row {kept}, with its head, was not noticed");
        execute(store, format!("UPDATE audit_head SET seq = {}, hash = '{}'", known.0, known.1)).await;
        restore().await;
    }
    execute(store, "DROP TABLE safe".into()).await;
}

#[tokio::test]
async fn every_row_that_is_deleted_exchanged_or_cut_off_is_noticed_on_sqlite() {
    notices_every_row(&Site::start().await).await;
}

#[tokio::test]
async fn every_row_that_is_deleted_exchanged_or_cut_off_is_noticed_on_postgresql() {
    let Some(url) = postgres::database("audit_rows").await else { return };
    let site = Site::start_with(|settings| settings.database = url).await;
    notices_every_row(&site).await;
    every_bit_that_leaves_a_text_is_noticed(&site.running.store, &site.audit()).await;
    site.running.stop().await;
}

/// PostgreSQL takes no text that is none, so only the bits that leave one can be turned around with its help.
async fn every_bit_that_leaves_a_text_is_noticed(store: &Store, audit: &Audit) {
    let mut turned = 0;
    for (column, row) in TEXTS.into_iter().filter(|column| *column != "phase").flat_map(|column| [(column, 1), (column, 3)]) {
        let read = format!("SELECT {column} FROM audit WHERE seq = {row}");
        let cell: Option<String> =
            on_db!(store.reads(), pool => sqlx::query_scalar(AssertSqlSafe(read)).fetch_one(pool).await).expect("a cell");
        let Some(cell) = cell else { continue };
        let write = async |text: &str| {
            let sql = format!("UPDATE audit SET {column} = $1 WHERE seq = {row}");
            on_db!(store.writes(), pool => sqlx::query(AssertSqlSafe(sql)).bind(text).execute(pool).await.map(|_| ()))
                .expect("it is written");
        };
        for (byte, bit) in (0..cell.len().min(12)).flat_map(|byte| (0..7).map(move |bit| (byte, bit))) {
            let mut changed = cell.clone().into_bytes();
            changed[byte] ^= 1 << bit;
            let Some(changed) = String::from_utf8(changed).ok().filter(|text| !text.contains('\0')) else { continue };
            write(&changed).await;
            assert!(audit.verify(None).await.is_err(), "bit {bit} of byte {byte} of {column} in row {row} was not noticed");
            turned += 1;
        }
        write(&cell).await;
    }
    assert!(turned > 300, "only {turned} bits were turned around");
    audit.verify(None).await.expect("everything was put back");
}
