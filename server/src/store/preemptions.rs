//! The preemption ledger: which Pods of runs made way, and for which.
//!
//! A row is written from what is seen, as often as it is seen: by the scheduler's event, by the Pod's condition, or by both in
//! either order. What it cost is reckoned when it is read, so that a checkpoint that was written in the Pod's last seconds, and
//! arrived after it, counts.

use jiff::Timestamp;
use slipway_domain::{
    preemption::{Lost, Rank},
    run::spec::{RunId, RunName, RunSpec},
    team::TeamName,
};

use super::{Error, Store, people::time};
use crate::on_db;

/// Displacements that a run's page shows, on either side.
const SHOWN: i64 = 100;

/// A Pod of a run that makes way, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The run.
    pub run: RunId,
    /// Its Pod.
    pub pod: String,
    /// When.
    pub at: Timestamp,
    /// Where, if that was said.
    pub node: Option<String>,
    /// The uid of the Pod that comes, if that was said.
    pub by_uid: Option<String>,
}

/// A row of the ledger with the run on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was told to go.
    pub at: Timestamp,
    /// Where.
    pub node: Option<String>,
    /// The other run, if it is known and not deleted.
    pub other: Option<(RunId, TeamName, RunName)>,
    /// The priority of the run that came.
    pub came: Rank,
    /// The priority of the run that went.
    pub went: Rank,
    /// What it cost.
    pub lost: Lost,
}

/// Which side of a displacement a run is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It went.
    Went,
    /// It came.
    Came,
}

/// Writes down that Pods made way; says for which runs anything is new, on either side.
///
/// # Errors
/// What the database refused.
pub async fn keep(store: &Store, seen: &[Seen]) -> Result<Vec<RunId>, Error> {
    // The event knows more than the condition, and the first time that was told is the right one.
    const SQL: &str = "INSERT INTO preemption (run_id, pod, at, node, by_uid) \
                       SELECT id, $2, $3, $4, $5 FROM run WHERE id = $1 AND deleted IS NULL \
                       ON CONFLICT (run_id, pod) DO UPDATE SET \
                       node = COALESCE(preemption.node, excluded.node), by_uid = COALESCE(preemption.by_uid, excluded.by_uid) \
                       WHERE (preemption.node IS NULL AND excluded.node IS NOT NULL) \
                       OR (preemption.by_uid IS NULL AND excluded.by_uid IS NOT NULL)";
    const CAME: &str = "SELECT run_id FROM pod_identity WHERE uid = $1";
    let mut new = Vec::new();
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        for row in seen {
            let changed = sqlx::query(SQL)
                .bind(&row.run.0).bind(&row.pod).bind(row.at.as_millisecond()).bind(&row.node).bind(&row.by_uid)
                .execute(&mut *transaction).await?.rows_affected();
            if changed > 0 {
                new.push(row.run.clone());
                let came: Option<String> = sqlx::query_scalar(CAME).bind(&row.by_uid).fetch_optional(&mut *transaction).await?;
                new.extend(came.map(RunId));
            }
        }
        transaction.commit().await?;
    });
    Ok(new)
}

#[derive(sqlx::FromRow)]
struct Columns {
    at: i64,
    node: Option<String>,
    went_spec: String,
    went_priority: Option<i64>,
    came_spec: Option<String>,
    came_priority: Option<i64>,
    other: Option<String>,
    began: Option<i64>,
    saved: Option<i64>,
}

/// The displacements of a run, newest first.
///
/// # Errors
/// What the database refused.
pub async fn of_run(store: &Store, id: &RunId, side: Side) -> Result<Vec<Entry>, Error> {
    // Its work counts from the newest start before it went; a checkpoint counts until the Pod that follows was made, a time that
    // Kubernetes tells in whole seconds.
    const COLUMNS: &str = "SELECT p.at, p.node, went.spec AS went_spec, gone.priority AS went_priority, \
        came.spec AS came_spec, new.priority AS came_priority, OTHER AS other, \
        (SELECT MAX(since) FROM run_phase WHERE run_phase.run_id = p.run_id AND kind = 'running' AND since <= p.at) AS began, \
        (SELECT MAX(c.at) FROM checkpoint c WHERE c.run_id = p.run_id AND c.at < COALESCE(\
            (SELECT MIN(created) FROM run_pod WHERE run_pod.run_id = p.run_id AND name <> p.pod AND created > p.at - 1000), 9223372036854775807)) AS saved \
        FROM preemption p JOIN run went ON went.id = p.run_id \
        LEFT JOIN pod_identity gone ON gone.run_id = p.run_id AND gone.pod = p.pod \
        LEFT JOIN pod_identity new ON new.uid = p.by_uid \
        LEFT JOIN run came ON came.id = new.run_id AND came.deleted IS NULL \
        WHERE ";
    let (other, condition) = match side {
        Side::Went => ("came.id", "p.run_id = $1"),
        Side::Came => ("CASE WHEN went.deleted IS NULL THEN went.id END", "new.run_id = $1"),
    };
    let sql = format!("{}{condition} ORDER BY p.at DESC, p.pod LIMIT $2", COLUMNS.replace("OTHER", other));
    let rows: Vec<Columns> =
        on_db!(store.reads(), pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(&id.0).bind(SHOWN).fetch_all(pool).await)?;
    rows.into_iter().map(|row| row.read(side)).collect()
}

impl Columns {
    fn read(self, side: Side) -> Result<Entry, Error> {
        let spec = |json: &str| serde_json::from_str::<RunSpec>(json).map_err(Error::unexpected);
        let went = spec(&self.went_spec)?;
        let came = self.came_spec.as_deref().map(spec).transpose()?;
        let at = time(self.at)?;
        let (began, saved) = (self.began.map(time).transpose()?, self.saved.map(time).transpose()?);
        let lost = Lost::of(&went.resources.gpu, began, saved, at);
        let rank = |spec: Option<&RunSpec>, priority: Option<i64>| Rank {
            class: spec.and_then(|spec| spec.priority_class.as_ref()).map(ToString::to_string),
            value: priority.and_then(|value| i32::try_from(value).ok()),
        };
        let ranks = (rank(came.as_ref(), self.came_priority), rank(Some(&went), self.went_priority));
        let other = match side {
            Side::Went => came,
            Side::Came => Some(went),
        };
        let other = self.other.zip(other).map(|(id, spec)| (RunId(id), spec.team, spec.name));
        Ok(Entry { at, node: self.node, other, came: ranks.0, went: ranks.1, lost })
    }
}
