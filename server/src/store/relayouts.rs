//! Nodes whose GPUs are cut anew: what was ordered, where it stands, and what it went through.

use jiff::Timestamp;
use slipway_domain::{
    person::{Caller, PersonName},
    relayout::{
        form::{Moment, RelayoutId, RelayoutRow},
        steps::{Order, State},
    },
};

use super::{Error, Store, people::time};
use crate::on_db;

/// Re-layouts of a node that its page shows.
const SHOWN: i64 = 20;

/// A re-layout, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Relayout {
    /// Which.
    pub id: RelayoutId,
    /// In whose name the cluster is asked.
    pub caller: Caller,
    /// What was ordered.
    pub order: Order,
    /// Where it stands.
    pub state: State,
    /// How often that has changed.
    pub version: i64,
}

/// A re-layout that is ordered now.
#[derive(Clone, Debug)]
pub struct NewRelayout {
    /// Its identity.
    pub id: RelayoutId,
    /// Who orders it.
    pub caller: Caller,
    /// What.
    pub order: Order,
    /// How the node is cut now, in words.
    pub was: String,
    /// How it is to be, in words.
    pub wanted: String,
}

#[derive(sqlx::FromRow)]
struct Columns {
    id: String,
    who: String,
    ordered: i64,
    ended: Option<i64>,
    caller: String,
    spec: String,
    was: String,
    wanted: String,
    state: String,
    version: i64,
}

const SELECT: &str = "SELECT id, who, ordered, ended, caller, spec, was, wanted, state, version FROM relayout";

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(Error::unexpected)
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::unexpected)
}

impl Columns {
    fn relayout(&self) -> Result<Relayout, Error> {
        Ok(Relayout {
            id: RelayoutId(self.id.clone()),
            caller: read(&self.caller)?,
            order: read(&self.spec)?,
            state: read(&self.state)?,
            version: self.version,
        })
    }

    fn row(self, moments: Vec<Moment>) -> Result<RelayoutRow, Error> {
        let order: Order = read(&self.spec)?;
        Ok(RelayoutRow {
            id: RelayoutId(self.id),
            node: order.node,
            who: PersonName::parse(&self.who).map_err(Error::unexpected)?,
            ordered: time(self.ordered)?,
            ended: self.ended.map(time).transpose()?,
            config: order.config,
            before: self.was,
            after: self.wanted,
            drain: order.drain,
            state: read(&self.state)?,
            moments,
        })
    }
}

/// Writes down what was ordered.
///
/// # Errors
/// [`Error::Duplicate`] where one is under way on that node.
pub async fn add(store: &Store, new: &NewRelayout, now: Timestamp) -> Result<(), Error> {
    const ADD: &str = "INSERT INTO relayout (id, node, who, ordered, caller, spec, was, wanted, state, version) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)";
    let (caller, order, state) = (text(&new.caller)?, text(&new.order)?, text(&State::Cordoning)?);
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        sqlx::query(ADD)
            .bind(&new.id.0).bind(&new.order.node).bind(new.caller.name.as_str()).bind(now.as_millisecond()).bind(&caller).bind(&order)
            .bind(&new.was).bind(&new.wanted).bind(&state)
            .execute(&mut *transaction).await?;
        sqlx::query(MOMENT).bind(&new.id.0).bind(0_i64).bind(now.as_millisecond()).bind(&state).execute(&mut *transaction).await?;
        transaction.commit().await?;
    });
    Ok(())
}

const MOMENT: &str = "INSERT INTO relayout_moment (relayout_id, seq, at, state) VALUES ($1, $2, $3, $4)";

/// Those that are under way, oldest first.
///
/// # Errors
/// What the database refused.
pub async fn open(store: &Store) -> Result<Vec<Relayout>, Error> {
    let sql = format!("{SELECT} WHERE ended IS NULL ORDER BY ordered, id");
    let rows: Vec<Columns> = on_db!(store.reads(), pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await)?;
    rows.iter().map(Columns::relayout).collect()
}

/// The newest of a node, whether it has ended or not.
///
/// # Errors
/// What the database refused.
pub async fn newest(store: &Store, node: &str) -> Result<Option<Relayout>, Error> {
    let sql = format!("{SELECT} WHERE node = $1 ORDER BY ordered DESC, id DESC LIMIT 1");
    let row: Option<Columns> =
        on_db!(store.reads(), pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(node).fetch_optional(pool).await)?;
    row.as_ref().map(Columns::relayout).transpose()
}

/// Those of a node, newest first, with what each went through.
///
/// # Errors
/// What the database refused.
pub async fn of_node(store: &Store, node: &str) -> Result<Vec<RelayoutRow>, Error> {
    const MOMENTS: &str = "SELECT relayout_id, at, relayout_moment.state FROM relayout_moment JOIN relayout ON relayout.id = relayout_id \
                           WHERE node = $1 ORDER BY relayout_id, seq";
    let sql = format!("{SELECT} WHERE node = $1 ORDER BY ordered DESC, id DESC LIMIT $2");
    let rows: Vec<Columns> =
        on_db!(store.reads(), pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(node).bind(SHOWN).fetch_all(pool).await)?;
    let moments: Vec<(String, i64, String)> = on_db!(store.reads(), pool => sqlx::query_as(MOMENTS).bind(node).fetch_all(pool).await)?;
    rows.into_iter()
        .map(|row| {
            let own = moments.iter().filter(|(id, _, _)| *id == row.id);
            let moments = own.map(|(_, at, state)| Ok(Moment { at: time(*at)?, state: read(state)? })).collect::<Result<_, Error>>()?;
            row.row(moments)
        })
        .collect()
}

/// Moves one on from the version that was read; says whether it still was that. Within a step it counts as the same moment.
/// `caller` is whoever it is carried out for from now on, where that changes.
///
/// # Errors
/// What the database refused; [`Error::Duplicate`] where one that had ended is taken up again and another is under way.
pub async fn advance(store: &Store, from: &Relayout, state: &State, caller: Option<&Caller>, now: Timestamp) -> Result<bool, Error> {
    const MOVE: &str = "UPDATE relayout SET state = $1, ended = $2, caller = $3, version = version + 1 WHERE id = $4 AND version = $5";
    const LAST: &str = "SELECT MAX(seq) FROM relayout_moment WHERE relayout_id = $1";
    const SAME: &str = "UPDATE relayout_moment SET state = $1 WHERE relayout_id = $2 AND seq = $3";
    let ended = state.has_ended().then(|| now.as_millisecond());
    let same_moment = state.step().is_some() && state.step() == from.state.step();
    let (caller, state) = (text(caller.unwrap_or(&from.caller))?, text(state)?);
    let moved = on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        let moved = sqlx::query(MOVE)
            .bind(&state).bind(ended).bind(&caller).bind(&from.id.0).bind(from.version)
            .execute(&mut *transaction).await?.rows_affected() == 1;
        if moved {
            let last: i64 = sqlx::query_scalar(LAST).bind(&from.id.0).fetch_one(&mut *transaction).await?;
            if same_moment {
                sqlx::query(SAME).bind(&state).bind(&from.id.0).bind(last).execute(&mut *transaction).await?;
            } else {
                sqlx::query(MOMENT).bind(&from.id.0).bind(last + 1).bind(now.as_millisecond()).bind(&state).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        moved
    });
    Ok(moved)
}
