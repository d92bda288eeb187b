//! The log as people read it: an intent and its outcome are one entry, newest first, page by page; and the bare rows of those
//! entries, oldest first, for whoever takes the log elsewhere.
//!
//! Pages are cut by the number of their last entry, not by an offset, so that the hundredth costs what the first does and new
//! entries move nothing.

use jiff::Timestamp;
use serde::Serialize;
use slipway_domain::{
    audit::{AuditEntry, AuditQuery, Outcome, OutcomeKind, PAGE_SIZE},
    diff,
    refusal::FieldErrors,
    team::TeamName,
};
use sqlx::AssertSqlSafe;

use crate::{
    on_db,
    store::{Error, Store, condition::Condition, people::time},
};

/// Rows that are taken elsewhere at once.
const BATCH: u32 = 1_000;

/// How long an intent without an outcome is taken for one that is still under way, in milliseconds: longer than a request lasts.
const UNDER_WAY: i64 = 60_000;

/// Which entries: `a` is an entry's first row, `o` the row with its outcome where that is another.
#[derive(Clone, Debug)]
pub struct Filter(Condition);

impl Filter {
    /// The entries that are asked for, of these teams alone where there are some.
    ///
    /// # Errors
    /// What is wrong with each field.
    pub fn new(query: &AuditQuery, teams: Option<&[TeamName]>) -> Result<Self, FieldErrors> {
        let mut filter = Condition::new("a.intent_seq IS NULL");
        let (from, until) = query.span()?;
        if let Some(teams) = teams {
            filter.any_of("a.team", teams.iter().map(ToString::to_string).collect());
        }
        if !query.who.is_empty() {
            filter.any_of("a.person", vec![query.who.clone()]);
        }
        if !query.action.is_empty() {
            filter.like("a.action", &query.action);
        }
        if !query.subject.is_empty() {
            filter.like("a.subject", &query.subject);
        }
        if let Some(from) = from {
            filter.sql += &format!(" AND a.at >= {}", from.as_millisecond());
        }
        if let Some(until) = until {
            filter.sql += &format!(" AND a.at < {}", until.as_millisecond());
        }
        if let Some(before) = query.before {
            filter.sql += &format!(" AND a.seq < {before}");
        }
        if let Some(outcome) = query.outcome {
            filter.sql += match outcome {
                OutcomeKind::Done => " AND o.result = 'ok'",
                OutcomeKind::Refused => " AND a.phase = 'outcome'",
                OutcomeKind::Failed => " AND o.result <> 'ok'",
                OutcomeKind::Unknown => " AND a.phase = 'intent' AND o.seq IS NULL",
            };
        }
        Ok(Self(filter))
    }
}

#[derive(sqlx::FromRow)]
struct EntryColumns {
    seq: i64,
    at: i64,
    request: String,
    person: String,
    action: String,
    subject: String,
    team: Option<String>,
    before: Option<String>,
    after: Option<String>,
    phase: String,
    denied: Option<String>,
    outcome: Option<String>,
}

impl EntryColumns {
    fn read(self, now: Timestamp) -> Result<AuditEntry, Error> {
        let outcome = match (self.phase.as_str(), self.outcome) {
            ("outcome", _) => Outcome::Refused { why: self.denied.unwrap_or_default() },
            (_, Some(ok)) if ok == "ok" => Outcome::Done,
            (_, Some(why)) => Outcome::Failed { why },
            (_, None) if now.as_millisecond() - self.at < UNDER_WAY => Outcome::UnderWay,
            (_, None) => Outcome::Unknown,
        };
        Ok(AuditEntry {
            seq: self.seq,
            at: time(self.at)?,
            who: self.person,
            action: self.action,
            subject: self.subject,
            team: self.team.and_then(|team| TeamName::parse(&team).ok()),
            request: self.request,
            outcome,
            change: diff::compare(self.before.as_deref(), self.after.as_deref()),
        })
    }
}

/// A page of entries, and where the next begins; none on the last.
///
/// # Errors
/// What the database refused.
pub async fn list(store: &Store, filter: &Filter, now: Timestamp) -> Result<(Vec<AuditEntry>, Option<i64>), Error> {
    let sql = format!(
        "SELECT a.seq, a.at, a.request, a.person, a.action, a.subject, a.team, a.before, a.after, a.phase, a.result AS denied, \
         o.result AS outcome FROM audit a LEFT JOIN audit o ON o.intent_seq = a.seq WHERE {} ORDER BY a.seq DESC LIMIT {}",
        filter.0.sql,
        PAGE_SIZE + 1,
    );
    let mut rows: Vec<EntryColumns> = on_db!(store.reads(), pool => {
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for text in &filter.0.texts {
            query = query.bind(text);
        }
        query.fetch_all(pool).await
    })?;
    let is_last = rows.len() <= PAGE_SIZE as usize;
    rows.truncate(PAGE_SIZE as usize);
    let older = rows.last().map(|row| row.seq).filter(|_| !is_last);
    let entries = rows.into_iter().map(|row| row.read(now)).collect::<Result<_, _>>()?;
    Ok((entries, older))
}

/// A row as it is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct BareRow {
    /// Its number.
    pub seq: i64,
    /// When, in milliseconds since 1970 UTC.
    pub at: i64,
    /// The request in which they asked; empty where there was none.
    pub request: String,
    /// Who.
    pub person: String,
    /// What they did or meant to do.
    pub action: String,
    /// To what.
    pub subject: String,
    /// As it was, as JSON.
    pub before: Option<String>,
    /// As it was to be, as JSON.
    pub after: Option<String>,
    /// `intent` or `outcome`.
    pub phase: String,
    /// The intent whose outcome it is.
    pub intent_seq: Option<i64>,
    /// `ok` or the refusal's sentence.
    pub result: Option<String>,
    /// The team that it concerns.
    pub team: Option<String>,
    /// The hash of the row before.
    pub previous: String,
    /// Its own.
    pub hash: String,
}

/// Some rows of the entries asked for, after one number and up to another, oldest first; none where there are no more.
///
/// # Errors
/// What the database refused.
pub async fn rows(store: &Store, filter: &Filter, after: i64, until: i64) -> Result<Vec<BareRow>, Error> {
    let sql = format!(
        "SELECT r.seq, r.at, r.request, r.person, r.action, r.subject, r.before, r.after, r.phase, r.intent_seq, r.result, r.team, \
         r.previous, r.hash FROM audit r JOIN audit a ON a.seq = COALESCE(r.intent_seq, r.seq) \
         LEFT JOIN audit o ON o.intent_seq = a.seq WHERE {} AND r.seq > {after} AND r.seq <= {until} ORDER BY r.seq LIMIT {BATCH}",
        filter.0.sql,
    );
    Ok(on_db!(store.reads(), pool => {
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for text in &filter.0.texts {
            query = query.bind(text);
        }
        query.fetch_all(pool).await
    })?)
}

/// The number of the newest row; 0 where there is none.
///
/// # Errors
/// What the database refused.
pub async fn newest(store: &Store) -> Result<i64, Error> {
    Ok(on_db!(store.reads(), pool => sqlx::query_scalar("SELECT seq FROM audit_head WHERE id = 1").fetch_one(pool).await)?)
}
