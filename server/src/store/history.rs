//! What happened to a run: its states and phases, its Pods, what was said about it, and the orders to stop it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use slipway_domain::{
    pending::{RESUMED_BY, SUSPENDED_BY},
    person::Caller,
    run::{
        spec::RunId,
        state::{State, StateKind, StopOrder},
        view::{CheckpointRow, EventRow, Phase, PodRow},
    },
};

use super::{Error, Store, people::time};
use crate::on_db;

/// Events kept of a run; the oldest go first.
pub const KEPT_EVENTS: i64 = 1_000;

/// What was seen of a run and is to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Where it stands.
    pub state: State,
    /// Whether its Job was seen, now or before.
    pub job: bool,
    /// Phases that began, oldest first; the one that is open ends with the first of them, or when the run has ended.
    pub began: Vec<(StateKind, Timestamp)>,
    /// Pods that are new or have changed.
    pub pods: Vec<PodRow>,
    /// Who those Pods are to the cluster, as far as it shows them.
    pub identities: Vec<Identity>,
}

/// A Pod as the cluster tells it from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its uid.
    pub uid: String,
    /// Its name.
    pub pod: String,
    /// Its priority.
    pub priority: i32,
}

/// Keeps what was seen. A run that has ended stays as it ended; its Pods may still change.
///
/// # Errors
/// What the database refused.
pub async fn keep(store: &Store, id: &RunId, seen: &Seen) -> Result<(), Error> {
    const RUN: &str = "UPDATE run SET state = $1, state_kind = $2, ended = $3, seen = $4 WHERE id = $5 AND ended IS NULL";
    const CLOSE: &str = "UPDATE run_phase SET until = $1 WHERE run_id = $2 AND until IS NULL";
    const OPEN: &str = "INSERT INTO run_phase (run_id, seq, kind, since) \
                        SELECT $1, COALESCE(MAX(seq), -1) + 1, $2, $3 FROM run_phase WHERE run_id = $1";
    const POD: &str = "INSERT INTO run_pod (run_id, name, node, status, restarts, created, exit_code, message, gone) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                       ON CONFLICT (run_id, name) DO UPDATE SET node = excluded.node, status = excluded.status, \
                       restarts = excluded.restarts, exit_code = excluded.exit_code, message = excluded.message, gone = excluded.gone";
    const IDENTITY: &str = "INSERT INTO pod_identity (uid, run_id, pod, priority) VALUES ($1, $2, $3, $4) ON CONFLICT (uid) DO NOTHING";
    let json = serde_json::to_string(&seen.state).map_err(Error::unexpected)?;
    let ended = seen.state.ended().map(Timestamp::as_millisecond);
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        let changed = sqlx::query(RUN).bind(&json).bind(seen.state.kind().word()).bind(ended).bind(seen.job).bind(&id.0)
            .execute(&mut *transaction).await?.rows_affected();
        if changed > 0 {
            for (kind, since) in &seen.began {
                sqlx::query(CLOSE).bind(since.as_millisecond()).bind(&id.0).execute(&mut *transaction).await?;
                sqlx::query(OPEN).bind(&id.0).bind(kind.word()).bind(since.as_millisecond()).execute(&mut *transaction).await?;
            }
            if ended.is_some() {
                sqlx::query(CLOSE).bind(ended).bind(&id.0).execute(&mut *transaction).await?;
            }
        }
        for pod in &seen.pods {
            sqlx::query(POD)
                .bind(&id.0).bind(&pod.name).bind(&pod.node).bind(&pod.status).bind(i64::from(pod.restarts))
                .bind(pod.created.as_millisecond()).bind(pod.exit_code.map(i64::from)).bind(&pod.message).bind(!pod.exists)
                .execute(&mut *transaction)
                .await?;
        }
        for Identity { uid, pod, priority } in &seen.identities {
            sqlx::query(IDENTITY).bind(uid).bind(&id.0).bind(pod).bind(i64::from(*priority)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    });
    Ok(())
}

/// The phases that a run went through, oldest first.
///
/// # Errors
/// What the database refused.
pub async fn phases(store: &Store, id: &RunId) -> Result<Vec<Phase>, Error> {
    const SQL: &str = "SELECT kind, since, until FROM run_phase WHERE run_id = $1 ORDER BY seq";
    let rows: Vec<(String, i64, Option<i64>)> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&id.0).fetch_all(pool).await)?;
    let phase = |(kind, since, until): (String, i64, Option<i64>)| {
        let kind = StateKind::parse(&kind).ok_or_else(|| Error::unexpected(format!("a phase of the kind {kind}")))?;
        Ok(Phase { kind, from: time(since)?, until: until.map(time).transpose()? })
    };
    rows.into_iter().map(phase).collect()
}

#[derive(sqlx::FromRow)]
struct PodColumns {
    name: String,
    node: Option<String>,
    status: String,
    restarts: i64,
    created: i64,
    exit_code: Option<i64>,
    message: String,
    gone: bool,
}

/// A run's Pods, newest first.
///
/// # Errors
/// What the database refused.
pub async fn pods(store: &Store, id: &RunId) -> Result<Vec<PodRow>, Error> {
    const SQL: &str = "SELECT name, node, status, restarts, created, exit_code, message, gone FROM run_pod \
                       WHERE run_id = $1 ORDER BY created DESC, name";
    let rows: Vec<PodColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&id.0).fetch_all(pool).await)?;
    let pod = |row: PodColumns| {
        Ok(PodRow {
            name: row.name,
            node: row.node,
            status: row.status,
            restarts: u32::try_from(row.restarts).unwrap_or(0),
            created: time(row.created)?,
            exit_code: row.exit_code.and_then(|code| i32::try_from(code).ok()),
            message: row.message,
            exists: !row.gone,
        })
    };
    rows.into_iter().map(pod).collect()
}

/// Runs with Pods that the cluster is believed to have.
///
/// # Errors
/// What the database refused.
pub async fn with_pods(store: &Store) -> Result<Vec<RunId>, Error> {
    const SQL: &str = "SELECT DISTINCT run_id FROM run_pod WHERE gone = $1";
    let ids: Vec<String> = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(false).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(RunId).collect())
}

/// An event about a run, with the key that is the same for the same event seen again.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyedEvent {
    /// The run.
    pub run: RunId,
    /// The key.
    pub key: String,
    /// The event.
    pub row: EventRow,
}

/// Keeps events; the same one seen again takes the place of the earlier, and one of a run that is not there is left out. Says
/// of which runs any was new.
///
/// # Errors
/// What the database refused.
pub async fn keep_events(store: &Store, events: &[KeyedEvent]) -> Result<BTreeSet<RunId>, Error> {
    const SQL: &str = "INSERT INTO run_event (run_id, key, at, warning, reason, object, message, count) \
                       SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM run WHERE id = $1 AND deleted IS NULL \
                       ON CONFLICT (run_id, key) DO UPDATE SET at = excluded.at, message = excluded.message, count = excluded.count \
                       WHERE run_event.at <> excluded.at OR run_event.count <> excluded.count";
    let mut new = BTreeSet::new();
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        for KeyedEvent { run, key, row } in events {
            let rows = sqlx::query(SQL)
                .bind(&run.0).bind(key).bind(row.at.as_millisecond()).bind(row.warning).bind(&row.reason).bind(&row.object)
                .bind(&row.message).bind(i64::from(row.count))
                .execute(&mut *transaction).await?.rows_affected();
            if rows > 0 {
                new.insert(run.clone());
            }
        }
        transaction.commit().await?;
    });
    Ok(new)
}

#[derive(sqlx::FromRow)]
struct EventColumns {
    at: i64,
    warning: bool,
    reason: String,
    object: String,
    message: String,
    count: i64,
}

impl EventColumns {
    fn read(self) -> Result<EventRow, Error> {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        Ok(EventRow { at: time(self.at)?, warning: self.warning, reason: self.reason, object: self.object, message: self.message, count })
    }
}

/// What was said about a run, newest first.
///
/// # Errors
/// What the database refused.
pub async fn events(store: &Store, id: &RunId) -> Result<Vec<EventRow>, Error> {
    const SQL: &str =
        "SELECT at, warning, reason, object, message, count FROM run_event WHERE run_id = $1 ORDER BY at DESC, key DESC LIMIT $2";
    let rows: Vec<EventColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&id.0).bind(KEPT_EVENTS).fetch_all(pool).await)?;
    rows.into_iter().map(EventColumns::read).collect()
}

/// What was said about a run's waiting and starting, newest first: refusals, the scheduler's and the nodes' complaints, and who
/// suspended it.
///
/// # Errors
/// What the database refused.
pub async fn complaints(store: &Store, id: &RunId) -> Result<Vec<EventRow>, Error> {
    const SQL: &str = "SELECT at, warning, reason, object, message, count FROM run_event WHERE run_id = $1 AND reason IN \
                       ('FailedCreate', 'FailedScheduling', 'FailedMount', 'FailedAttachVolume', 'Failed', 'Resumed', $2, $3) \
                       ORDER BY at DESC, key DESC LIMIT 50";
    let rows: Vec<EventColumns> =
        on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&id.0).bind(SUSPENDED_BY).bind(RESUMED_BY).fetch_all(pool).await)?;
    rows.into_iter().map(EventColumns::read).collect()
}

/// Drops the oldest events of runs that have more than are kept.
///
/// # Errors
/// What the database refused.
pub async fn trim_events(store: &Store) -> Result<(), Error> {
    const MANY: &str = "SELECT run_id FROM run_event GROUP BY run_id HAVING COUNT(*) > $1 LIMIT 100";
    const TRIM: &str = "DELETE FROM run_event WHERE run_id = $1 AND key NOT IN \
                        (SELECT key FROM run_event WHERE run_id = $1 ORDER BY at DESC, key DESC LIMIT $2)";
    let ids: Vec<String> = on_db!(store.reads(), pool => sqlx::query_scalar(MANY).bind(KEPT_EVENTS).fetch_all(pool).await)?;
    for id in ids {
        on_db!(store.writes(), pool => sqlx::query(TRIM).bind(&id).bind(KEPT_EVENTS).execute(pool).await.map(|_| ()))?;
    }
    Ok(())
}

/// A run's checkpoints, newest first.
///
/// # Errors
/// What the database refused.
pub async fn checkpoints(store: &Store, id: &RunId) -> Result<Vec<CheckpointRow>, Error> {
    const SQL: &str = "SELECT step, path, bytes, sha256, at FROM checkpoint WHERE run_id = $1 ORDER BY step DESC LIMIT 1000";
    let rows: Vec<(i64, String, i64, String, i64)> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&id.0).fetch_all(pool).await)?;
    let checkpoint = |(step, path, bytes, sha256, at): (i64, String, i64, String, i64)| {
        Ok(CheckpointRow { step: step.cast_unsigned(), path, bytes: bytes.cast_unsigned(), sha256, at: time(at)? })
    };
    rows.into_iter().map(checkpoint).collect()
}

/// An order to stop a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Who gave it, as they were then.
    pub caller: Caller,
    /// When.
    pub at: Timestamp,
    /// Whether the cluster refused it, or could not be reached.
    pub refused: bool,
}

impl Order {
    /// What the run's state says of it.
    pub fn to_stop(&self) -> StopOrder {
        StopOrder { by: self.caller.name.clone(), at: self.at }
    }
}

/// Writes down an order to stop a run.
///
/// # Errors
/// What the database refused.
pub async fn order_stop(store: &Store, id: &RunId, caller: &Caller, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO stop_order (run_id, at, caller) VALUES ($1, $2, $3) \
                       ON CONFLICT (run_id) DO UPDATE SET at = excluded.at, caller = excluded.caller, refused = NULL";
    let json = serde_json::to_string(caller).map_err(Error::unexpected)?;
    on_db!(store.writes(), pool => sqlx::query(SQL).bind(&id.0).bind(now.as_millisecond()).bind(&json).execute(pool).await.map(|_| ()))?;
    Ok(())
}

/// Writes down that an order was not carried out.
///
/// # Errors
/// What the database refused.
pub async fn refuse_stop(store: &Store, id: &RunId, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "UPDATE stop_order SET refused = $1 WHERE run_id = $2";
    on_db!(store.writes(), pool => sqlx::query(SQL).bind(now.as_millisecond()).bind(&id.0).execute(pool).await.map(|_| ()))?;
    Ok(())
}

/// The order to stop a run, if there is one.
///
/// # Errors
/// What the database refused.
pub async fn stop_order(store: &Store, id: &RunId) -> Result<Option<Order>, Error> {
    const SQL: &str = "SELECT at, caller, refused FROM stop_order WHERE run_id = $1";
    let row: Option<(i64, String, Option<i64>)> =
        on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&id.0).fetch_optional(pool).await)?;
    let order = |(at, caller, refused): (i64, String, Option<i64>)| {
        Ok(Order { caller: serde_json::from_str(&caller).map_err(Error::unexpected)?, at: time(at)?, refused: refused.is_some() })
    };
    row.map(order).transpose()
}

/// Runs that have not ended although somebody ordered them to, and whose order was not refused.
///
/// # Errors
/// What the database refused.
pub async fn to_stop(store: &Store) -> Result<Vec<RunId>, Error> {
    const SQL: &str =
        "SELECT run_id FROM stop_order JOIN run ON run.id = run_id WHERE refused IS NULL AND ended IS NULL AND deleted IS NULL";
    let ids: Vec<String> = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(RunId).collect())
}
