//! Runs: one row each, from the launch until they are deleted. What happened to them since is [`super::history`]'s.

mod list;

use jiff::Timestamp;
use slipway_domain::{
    person::{PersonId, PersonName},
    run::{
        report::Value,
        spec::{RunId, RunName, RunSpec},
        state::{State, StateKind},
        view::{Progress, RunRow},
    },
    team::TeamName,
};

pub use self::list::{Visible, list, names};
use super::{Error, Store, condition, people::time};
use crate::on_db;

/// A run as the database knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// As it stands in a list.
    pub row: RunRow,
    /// Who launched it.
    pub made_by: PersonId,
    /// What was asked.
    pub spec: RunSpec,
    /// Whether the cluster said that it has taken its Job.
    pub made: bool,
    /// Whether its Job was seen in the cluster.
    pub seen: bool,
    /// The metric that its loss is taken from.
    pub loss_name: Option<String>,
}

/// A run that is to be launched.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its identity.
    pub id: RunId,
    /// What was asked.
    pub spec: RunSpec,
    /// Who asked.
    pub by: (PersonId, PersonName),
    /// When.
    pub launched: Timestamp,
    /// The objects that will be applied, as YAML.
    pub applied: String,
}

/// The columns of a row of the list.
const ROW: &str = "id, team, name, who, launched, asks_for, tags, state, loss_bits, spark, progress_step, progress_of";

#[derive(sqlx::FromRow)]
struct RowColumns {
    id: String,
    team: String,
    name: String,
    who: String,
    launched: i64,
    asks_for: String,
    tags: String,
    state: String,
    loss_bits: Option<i64>,
    spark: Option<Vec<u8>>,
    progress_step: Option<i64>,
    progress_of: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct RunColumns {
    #[sqlx(flatten)]
    row: RowColumns,
    made_by: String,
    spec: String,
    made: bool,
    seen: bool,
    loss_name: Option<String>,
}

impl RowColumns {
    fn read(self) -> Result<RunRow, Error> {
        let value = |bits: i64| Value(f64::from_bits(bits.cast_unsigned()));
        let (doubles, _) = self.spark.as_deref().unwrap_or_default().as_chunks();
        let progress = |of: i64| Progress { step: self.progress_step.unwrap_or(0).cast_unsigned(), of: of.cast_unsigned() };
        Ok(RunRow {
            id: RunId(self.id),
            team: TeamName::parse(&self.team).map_err(Error::unexpected)?,
            name: RunName::parse(&self.name).map_err(Error::unexpected)?,
            who: PersonName::parse(&self.who).map_err(Error::unexpected)?,
            launched: time(self.launched)?,
            state: serde_json::from_str(&self.state).map_err(Error::unexpected)?,
            asks_for: self.asks_for,
            tags: self.tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            loss: self.loss_bits.map(value),
            spark: doubles.iter().map(|bytes| Value(f64::from_le_bytes(*bytes))).collect(),
            progress: self.progress_of.map(progress),
        })
    }
}

impl RunColumns {
    fn read(self) -> Result<Run, Error> {
        Ok(Run {
            row: self.row.read()?,
            made_by: PersonId(self.made_by),
            spec: serde_json::from_str(&self.spec).map_err(Error::unexpected)?,
            made: self.made,
            seen: self.seen,
            loss_name: self.loss_name,
        })
    }
}

/// One run; none where there is no such run, or where it was deleted.
///
/// # Errors
/// What the database refused.
pub async fn get(store: &Store, id: &RunId) -> Result<Option<Run>, Error> {
    const SQL: &str = "SELECT id, team, name, who, launched, asks_for, tags, state, loss_bits, spark, progress_step, progress_of, \
                       made_by, spec, made, seen, loss_name FROM run WHERE id = $1 AND deleted IS NULL";
    let row: Option<RunColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&id.0).fetch_optional(pool).await)?;
    row.map(RunColumns::read).transpose()
}

/// Every run that has not ended; of one team, where one is given.
///
/// # Errors
/// What the database refused.
pub async fn unfinished(store: &Store, team: Option<&TeamName>) -> Result<Vec<Run>, Error> {
    const SQL: &str = "SELECT id, team, name, who, launched, asks_for, tags, state, loss_bits, spark, progress_step, progress_of, \
                       made_by, spec, made, seen, loss_name FROM run \
                       WHERE ended IS NULL AND deleted IS NULL AND ($1 = '' OR team = $1) ORDER BY id";
    let team = team.map_or("", TeamName::as_str);
    let rows: Vec<RunColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(team).fetch_all(pool).await)?;
    rows.into_iter().map(RunColumns::read).collect()
}

/// The objects as they were applied, as YAML.
///
/// # Errors
/// What the database refused.
pub async fn applied(store: &Store, id: &RunId) -> Result<Option<String>, Error> {
    const SQL: &str = "SELECT applied FROM run WHERE id = $1 AND deleted IS NULL";
    Ok(on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(&id.0).fetch_optional(pool).await)?)
}

/// Writes down a run that is to be launched, waiting.
///
/// # Errors
/// [`Error::Duplicate`] where the team has a run of that name; what the database refused.
pub async fn insert(store: &Store, new: &NewRun) -> Result<(), Error> {
    const RUN: &str = "INSERT INTO run (id, team, name, made_by, who, launched, spec, applied, asks_for, tags, made, seen, state, state_kind) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    const PHASE: &str = "INSERT INTO run_phase (run_id, seq, kind, since) VALUES ($1, 0, $2, $3)";
    let state = State::Waiting { since: new.launched, why: "Kubernetes is being asked to take it".to_owned() };
    let json = serde_json::to_string(&state).map_err(Error::unexpected)?;
    let spec = serde_json::to_string(&new.spec).map_err(Error::unexpected)?;
    let tags = if new.spec.tags.is_empty() { String::new() } else { format!(",{},", new.spec.tags.join(",")) };
    let launched = new.launched.as_millisecond();
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        sqlx::query(RUN)
            .bind(&new.id.0).bind(new.spec.team.as_str()).bind(new.spec.name.as_str()).bind(&new.by.0.0).bind(new.by.1.as_str())
            .bind(launched).bind(&spec).bind(&new.applied).bind(new.spec.resources.to_string()).bind(&tags).bind(false).bind(false)
            .bind(&json).bind(state.kind().word())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(PHASE).bind(&new.id.0).bind(StateKind::Waiting.word()).bind(launched).execute(&mut *transaction).await?;
        transaction.commit().await?;
    });
    Ok(())
}

/// The cluster has taken its Job.
///
/// # Errors
/// What the database refused.
pub async fn set_made(store: &Store, id: &RunId) -> Result<(), Error> {
    const SQL: &str = "UPDATE run SET made = $1 WHERE id = $2";
    on_db!(store.writes(), pool => sqlx::query(SQL).bind(true).bind(&id.0).execute(pool).await.map(|_| ()))?;
    Ok(())
}

/// Takes back a run that the cluster refused: it never was.
///
/// # Errors
/// What the database refused.
pub async fn take_back(store: &Store, id: &RunId) -> Result<(), Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        sqlx::query("DELETE FROM run_phase WHERE run_id = $1").bind(&id.0).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM run WHERE id = $1").bind(&id.0).execute(&mut *transaction).await?;
        transaction.commit().await?;
    });
    Ok(())
}

/// Deletes a run: nobody sees it any more and its name is free. [`purge`] removes what it holds.
///
/// # Errors
/// What the database refused.
pub async fn delete(store: &Store, id: &RunId, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "UPDATE run SET deleted = $1 WHERE id = $2 AND deleted IS NULL";
    on_db!(store.writes(), pool => sqlx::query(SQL).bind(now.as_millisecond()).bind(&id.0).execute(pool).await.map(|_| ()))?;
    Ok(())
}

/// Removes one step's worth of what runs deleted before `until` hold; says whether there is more.
///
/// # Errors
/// What the database refused.
pub async fn purge(store: &Store, until: Timestamp) -> Result<bool, Error> {
    const NEXT: &str = "SELECT id FROM run WHERE deleted <= $1 ORDER BY deleted LIMIT 1";
    const CHUNKS: [&str; 2] = [
        "DELETE FROM log_chunk WHERE run_id = $1 AND (stream, first_line) IN \
         (SELECT stream, first_line FROM log_chunk WHERE run_id = $1 LIMIT 200)",
        "DELETE FROM metric_chunk WHERE run_id = $1 AND (name, seq) IN (SELECT name, seq FROM metric_chunk WHERE run_id = $1 LIMIT 200)",
    ];
    const REST: [&str; 10] = [
        "DELETE FROM preemption WHERE run_id = $1",
        "DELETE FROM pod_identity WHERE run_id = $1",
        "DELETE FROM log_stream WHERE run_id = $1",
        "DELETE FROM metric WHERE run_id = $1",
        "DELETE FROM checkpoint WHERE run_id = $1",
        "DELETE FROM run_event WHERE run_id = $1",
        "DELETE FROM run_pod WHERE run_id = $1",
        "DELETE FROM run_phase WHERE run_id = $1",
        "DELETE FROM stop_order WHERE run_id = $1",
        "DELETE FROM run WHERE id = $1",
    ];
    let until = until.as_millisecond();
    let next: Option<String> = on_db!(store.reads(), pool => sqlx::query_scalar(NEXT).bind(until).fetch_optional(pool).await)?;
    let Some(id) = next else { return Ok(false) };
    for sql in CHUNKS {
        let gone = on_db!(store.writes(), pool => sqlx::query(sql).bind(&id).execute(pool).await.map(|done| done.rows_affected()))?;
        if gone > 0 {
            return Ok(true);
        }
    }
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        for sql in REST {
            sqlx::query(sql).bind(&id).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    });
    Ok(true)
}

/// Whether a run of the team has this name.
///
/// # Errors
/// What the database refused.
pub async fn is_taken(store: &Store, team: &TeamName, name: &RunName) -> Result<bool, Error> {
    const SQL: &str = "SELECT COUNT(*) FROM run WHERE team = $1 AND name = $2 AND deleted IS NULL";
    let count: i64 = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(team.as_str()).bind(name.as_str()).fetch_one(pool).await)?;
    Ok(count > 0)
}

/// A name that no run of the team has: the stem, a dash and a number.
///
/// # Errors
/// What the database refused.
pub async fn free_name(store: &Store, team: &TeamName, stem: &str) -> Result<String, Error> {
    const SQL: &str = "SELECT name FROM run WHERE team = $1 AND deleted IS NULL AND name LIKE $2 ESCAPE '\\'";
    // A dash and the largest number of a list that anyone would make.
    let stem = stem.get(..RunName::MAX - 8).unwrap_or(stem).trim_end_matches('-');
    let like = format!("{}-%", condition::escape(stem));
    let taken: Vec<String> = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(team.as_str()).bind(like).fetch_all(pool).await)?;
    let number = |name: &String| name.strip_prefix(stem)?.strip_prefix('-')?.parse::<u32>().ok().filter(|number| *number < 999_999);
    Ok(format!("{stem}-{}", taken.iter().filter_map(number).max().unwrap_or(0) + 1))
}

/// Runs that have not ended.
///
/// # Errors
/// What the database refused.
pub async fn living(store: &Store) -> Result<Vec<RunId>, Error> {
    const SQL: &str = "SELECT id FROM run WHERE ended IS NULL AND deleted IS NULL ORDER BY id";
    let ids: Vec<String> = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(RunId).collect())
}

/// What is needed to tell when a run that runs is likely to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Horizon {
    /// The run.
    pub id: RunId,
    /// When it was launched.
    pub launched: Timestamp,
    /// When it began to run.
    pub since: Timestamp,
    /// How far it is, where it says so.
    pub progress: Option<Progress>,
    /// Its deadline in minutes, where it has one.
    pub deadline_minutes: Option<u32>,
}

/// Runs that run, with what tells of their end.
///
/// # Errors
/// What the database refused.
pub async fn horizons(store: &Store) -> Result<Vec<Horizon>, Error> {
    const SQL: &str =
        "SELECT id, launched, spec, state, progress_step, progress_of FROM run WHERE ended IS NULL AND state_kind = $1 AND deleted IS NULL";
    #[derive(serde::Deserialize)]
    struct Deadline {
        deadline_minutes: Option<u32>,
    }
    type Columns = (String, i64, String, String, Option<i64>, Option<i64>);
    let word = StateKind::Running.word();
    let rows: Vec<Columns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(word).fetch_all(pool).await)?;
    let horizon = |(id, launched, spec, state, step, of): Columns| {
        let state: State = serde_json::from_str(&state).map_err(Error::unexpected)?;
        let deadline: Deadline = serde_json::from_str(&spec).map_err(Error::unexpected)?;
        let launched = time(launched)?;
        Ok(Horizon {
            id: RunId(id),
            launched,
            since: state.started().unwrap_or(launched),
            progress: of.map(|of| Progress { step: step.unwrap_or(0).cast_unsigned(), of: of.cast_unsigned() }),
            deadline_minutes: deadline.deadline_minutes,
        })
    };
    rows.into_iter().map(horizon).collect()
}

/// Keeps the sparklines of some runs.
///
/// # Errors
/// What the database refused.
pub async fn set_sparks(store: &Store, sparks: &[(RunId, Vec<Value>)]) -> Result<(), Error> {
    const SQL: &str = "UPDATE run SET spark = $1 WHERE id = $2";
    if sparks.is_empty() {
        return Ok(());
    }
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        for (id, values) in sparks {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.0.to_le_bytes()).collect();
            sqlx::query(SQL).bind(bytes).bind(&id.0).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    });
    Ok(())
}
