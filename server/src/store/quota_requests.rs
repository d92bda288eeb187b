//! Requests for more of a quota until a date, from asking to taking back.

use jiff::Timestamp;
use slipway_domain::{
    person::{Caller, PersonId, PersonName},
    quantity::Quantity,
    quota::request::{Request, RequestId, RequestState},
    team::TeamName,
};

use super::{Error, Store, people::time};
use crate::on_db;

/// A request that was granted, with the order to carry it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// The request.
    pub request: Request,
    /// Who granted it, as they were then.
    pub by: Caller,
    /// When.
    pub at: Timestamp,
    /// Whether the cluster has taken it.
    pub carried_out: bool,
    /// When carrying out what was ordered last failed.
    pub tried: Option<Timestamp>,
}

const COLUMNS: &str = "id, team, quota, resource, amount, until, why, made_by, who, asked, state, trouble";

#[derive(sqlx::FromRow)]
struct Columns {
    id: String,
    team: String,
    quota: String,
    resource: String,
    amount: String,
    until: i64,
    why: String,
    made_by: String,
    who: String,
    asked: i64,
    state: String,
    trouble: Option<String>,
}

#[derive(sqlx::FromRow)]
struct GrantedColumns {
    #[sqlx(flatten)]
    request: Columns,
    granted_by: String,
    granted_at: i64,
    carried_out: bool,
    tried: Option<i64>,
}

impl Columns {
    fn read(self) -> Result<Request, Error> {
        Ok(Request {
            id: RequestId(self.id),
            team: TeamName::parse(&self.team).map_err(Error::unexpected)?,
            quota: self.quota,
            resource: self.resource,
            amount: Quantity::parse(&self.amount).map_err(Error::unexpected)?,
            until: time(self.until)?,
            why: self.why,
            by: PersonName::parse(&self.who).map_err(Error::unexpected)?,
            made_by: PersonId(self.made_by),
            asked: time(self.asked)?,
            state: serde_json::from_str(&self.state).map_err(Error::unexpected)?,
            trouble: self.trouble,
        })
    }
}

/// Writes down a request that nobody has answered.
///
/// # Errors
/// What the database refused.
pub async fn insert(store: &Store, request: &Request) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO quota_request (id, team, quota, resource, amount, until, why, made_by, who, asked, state, state_word, \
                       carried_out) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, FALSE)";
    let state = serde_json::to_string(&request.state).map_err(Error::unexpected)?;
    on_db!(store.writes(), pool => {
        sqlx::query(SQL)
            .bind(&request.id.0).bind(request.team.as_str()).bind(&request.quota).bind(&request.resource).bind(request.amount.to_string())
            .bind(request.until.as_millisecond()).bind(&request.why).bind(&request.made_by.0).bind(request.by.as_str())
            .bind(request.asked.as_millisecond()).bind(&state).bind(request.state.word())
            .execute(pool).await.map(|_| ())
    })?;
    Ok(())
}

/// One request; none where there is no such one.
///
/// # Errors
/// What the database refused.
pub async fn get(store: &Store, id: &RequestId) -> Result<Option<Request>, Error> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM quota_request WHERE id = $1"));
    let row: Option<Columns> = on_db!(store.reads(), pool => sqlx::query_as(sql).bind(&id.0).fetch_optional(pool).await)?;
    row.map(Columns::read).transpose()
}

/// A team's requests, newest first, at most a hundred.
///
/// # Errors
/// What the database refused.
pub async fn of_team(store: &Store, team: &TeamName) -> Result<Vec<Request>, Error> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM quota_request WHERE team = $1 ORDER BY asked DESC, id DESC LIMIT 100"));
    let rows: Vec<Columns> = on_db!(store.reads(), pool => sqlx::query_as(sql).bind(team.as_str()).fetch_all(pool).await)?;
    rows.into_iter().map(Columns::read).collect()
}

/// How many requests of each team wait for an answer.
///
/// # Errors
/// What the database refused.
pub async fn waiting(store: &Store) -> Result<Vec<(String, i64)>, Error> {
    const SQL: &str = "SELECT team, COUNT(*) FROM quota_request WHERE state_word = 'asked' GROUP BY team";
    Ok(on_db!(store.reads(), pool => sqlx::query_as(SQL).fetch_all(pool).await)?)
}

/// Puts a request into another state, where it is still in the one that was read; says whether it was. Whoever grants it gives
/// the order to carry it out with it.
///
/// # Errors
/// What the database refused.
pub async fn set_state(store: &Store, read: &Request, state: &RequestState, by: Option<(&Caller, Timestamp)>) -> Result<bool, Error> {
    const SQL: &str = "UPDATE quota_request SET state = $1, state_word = $2, granted_by = COALESCE($3, granted_by), \
                       granted_at = COALESCE($4, granted_at), tried = NULL, trouble = NULL WHERE id = $5 AND state = $6";
    let (was, is) = (serde_json::to_string(&read.state), serde_json::to_string(state));
    let (was, is) = (was.map_err(Error::unexpected)?, is.map_err(Error::unexpected)?);
    let caller = by.map(|(caller, _)| serde_json::to_string(caller)).transpose().map_err(Error::unexpected)?;
    let at = by.map(|(_, at)| at.as_millisecond());
    let rows = on_db!(store.writes(), pool => {
        sqlx::query(SQL).bind(&is).bind(state.word()).bind(&caller).bind(at).bind(&read.id.0).bind(&was)
            .execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(rows == 1)
}

/// The cluster has taken a grant.
///
/// # Errors
/// What the database refused.
pub async fn set_carried_out(store: &Store, id: &RequestId) -> Result<(), Error> {
    const SQL: &str = "UPDATE quota_request SET carried_out = TRUE, tried = NULL, trouble = NULL WHERE id = $1";
    on_db!(store.writes(), pool => sqlx::query(SQL).bind(&id.0).execute(pool).await.map(|_| ()))?;
    Ok(())
}

/// What was ordered could not be carried out.
///
/// # Errors
/// What the database refused.
pub async fn set_trouble(store: &Store, id: &RequestId, trouble: &str, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "UPDATE quota_request SET tried = $1, trouble = $2 WHERE id = $3";
    let now = now.as_millisecond();
    on_db!(store.writes(), pool => sqlx::query(SQL).bind(now).bind(trouble).bind(&id.0).execute(pool).await.map(|_| ()))?;
    Ok(())
}

/// Every request that is granted, with its order.
///
/// # Errors
/// What the database refused.
pub async fn granted(store: &Store) -> Result<Vec<Granted>, Error> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS}, granted_by, granted_at, carried_out, tried FROM quota_request WHERE state_word = 'granted' ORDER BY id"
    ));
    let rows: Vec<GrantedColumns> = on_db!(store.reads(), pool => sqlx::query_as(sql).fetch_all(pool).await)?;
    let read = |row: GrantedColumns| {
        Ok(Granted {
            request: row.request.read()?,
            by: serde_json::from_str(&row.granted_by).map_err(Error::unexpected)?,
            at: time(row.granted_at)?,
            carried_out: row.carried_out,
            tried: row.tried.map(time).transpose()?,
        })
    };
    rows.into_iter().map(read).collect()
}
