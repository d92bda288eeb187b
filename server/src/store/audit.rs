//! The audit log: who meant to change what, and what came of it.
//!
//! A change is two rows: the *intent* is committed before anything is changed, so that there is no change without one, and the
//! *outcome* after it. An intent without an outcome says that the server went down in between. An attempt that the policy
//! refused is an outcome alone.
//!
//! Each row's SHA-256 covers its columns and the hash of the row before it, and `audit_head` holds the last one, so that a
//! changed bit, a deleted row or two exchanged rows break the chain, and [`Audit::verify`] says where. Who can write to the
//! database can also compute a whole new chain: that is found by keeping a `SEQ:HASH` that was printed earlier somewhere else.
//!
//! [`entries`] reads the log as people read it: an intent and its outcome as one.

pub mod entries;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use slipway_domain::{audit::team_of, person::Caller, refusal::Refusal, team::TeamName};

use sqlx::AssertSqlSafe;

use super::{Error, Store};
use crate::{clock::Clock, hex, on_db};

/// Rows that [`Audit::verify`] reads at once.
const BATCH: i64 = 1_000;

/// Who is written down as the one who acts.
#[derive(Clone, Debug)]
pub struct Actor {
    name: String,
    request: String,
}

impl Actor {
    /// A command or a background step of Slipway's own. The brackets keep it apart from people's names.
    pub fn program(name: &str) -> Self {
        Self { name: format!("[{name}]"), request: String::new() }
    }

    /// Somebody who is not signed in but has proved to be this person, by a one-time link.
    pub fn named(name: &str, request: &str) -> Self {
        Self { name: name.to_owned(), request: request.to_owned() }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self { name: caller.name.to_string(), request: caller.request.clone() }
    }
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub struct About {
    subject: String,
    team: Option<TeamName>,
}

impl About {
    /// Something that concerns a team, whatever its words say.
    pub fn in_team(subject: &str, team: &TeamName) -> Self {
        Self { subject: subject.to_owned(), team: Some(team.clone()) }
    }
}

/// The team is the one that the words name, if they name one.
impl From<&str> for About {
    fn from(subject: &str) -> Self {
        Self { subject: subject.to_owned(), team: team_of(subject) }
    }
}

impl From<&String> for About {
    fn from(subject: &String) -> Self {
        Self::from(subject.as_str())
    }
}

/// Writes and verifies the log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit {
    store: Store,
    clock: Clock,
}

/// A change that somebody means to make and that is written down. Say what came of it.
#[derive(Debug)]
#[must_use = "an intent without an outcome reads as a crash"]
pub struct Intent {
    audit: Audit,
    entry: Entry,
    seq: i64,
}

/// What a row says, but for its place in the chain.
#[derive(Clone, Debug)]
struct Entry {
    actor: Actor,
    action: String,
    about: About,
    before: Option<String>,
    after: Option<String>,
}

/// A row as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Row {
    seq: i64,
    at: i64,
    request: String,
    person: String,
    action: String,
    subject: String,
    before: Option<String>,
    after: Option<String>,
    phase: String,
    intent_seq: Option<i64>,
    result: Option<String>,
    team: Option<String>,
    previous: String,
    hash: String,
}

/// Every column of a row.
const COLUMNS: &str = "seq, at, request, person, action, subject, before, after, phase, intent_seq, result, team, previous, hash";

/// The log as [`Audit::verify`] found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Rows, which is also the number of the last one.
    pub rows: i64,
    /// The last one's hash, in hexadecimal; empty where there is none.
    pub hash: String,
}

/// Why the log is not what was written.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The chain is broken.
    #[error("the audit log is not what was written: row {seq} {what}")]
    Broken {
        /// The first row that is wrong.
        seq: i64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It could not be read.
    #[error("the audit log cannot be read: {0}")]
    Store(#[from] Error),
}

impl Audit {
    /// The log in `store`, with times by `clock`.
    pub const fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The database that holds it.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Writes down that somebody means to change what it is `about`, from `before` to `after` where those say something.
    ///
    /// # Errors
    /// What the database refused. Then the change must not be made.
    pub async fn intent(
        &self,
        actor: impl Into<Actor>,
        action: &str,
        about: impl Into<About>,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<Intent, Error> {
        let text = |value: Option<Value>| value.map(|value| value.to_string());
        let entry = Entry { actor: actor.into(), action: action.to_owned(), about: about.into(), before: text(before), after: text(after) };
        let seq = self.append(&entry, "intent", None, None).await?;
        Ok(Intent { audit: self.clone(), entry, seq })
    }

    /// Writes down an attempt that was refused before anything was meant to change. Where that cannot be written the attempt is
    /// refused all the same, so a failure is logged and goes no further.
    pub async fn denied(&self, actor: impl Into<Actor>, action: &str, about: impl Into<About>, refusal: &Refusal) {
        let entry = Entry { actor: actor.into(), action: action.to_owned(), about: about.into(), before: None, after: None };
        if let Err(error) = self.append(&entry, "outcome", None, Some(&refusal.to_string())).await {
            tracing::error!(error = %error, person = entry.actor.name, action, subject = entry.about.subject, "a refused attempt could not be written to the audit log");
        }
    }

    /// Carries out a change between its intent and its outcome.
    ///
    /// # Errors
    /// That the intent could not be written (then `change` was not begun), or what `change` answers.
    pub async fn around<T>(
        &self,
        actor: impl Into<Actor>,
        action: &str,
        about: impl Into<About>,
        (before, after): (Option<Value>, Option<Value>),
        change: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let intent = self.intent(actor, action, about, before, after).await?;
        let answer = change.await;
        intent.outcome(answer.as_ref().map(|_| ())).await;
        answer
    }

    async fn append(&self, entry: &Entry, phase: &str, intent_seq: Option<i64>, result: Option<&str>) -> Result<i64, Error> {
        let mut row = Row {
            seq: 0,
            at: self.clock.now().as_millisecond(),
            request: entry.actor.request.clone(),
            person: entry.actor.name.clone(),
            action: entry.action.clone(),
            subject: entry.about.subject.clone(),
            before: entry.before.clone(),
            after: entry.after.clone(),
            phase: phase.to_owned(),
            intent_seq,
            result: result.map(str::to_owned),
            team: entry.about.team.as_ref().map(ToString::to_string),
            previous: String::new(),
            hash: String::new(),
        };
        on_db!(self.store.writes(), pool => {
            let mut transaction = pool.begin().await?;
            // A write comes first: it takes the lock under which the chain is read and made longer.
            (row.seq, row.previous) =
                sqlx::query_as("UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash").fetch_one(&mut *transaction).await?;
            row.hash = row.expected_hash();
            sqlx::query(AssertSqlSafe(format!("INSERT INTO audit ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")))
            .bind(row.seq).bind(row.at).bind(&row.request).bind(&row.person).bind(&row.action).bind(&row.subject).bind(&row.before)
            .bind(&row.after).bind(&row.phase).bind(row.intent_seq).bind(&row.result).bind(&row.team).bind(&row.previous).bind(&row.hash)
            .execute(&mut *transaction)
            .await?;
            sqlx::query("UPDATE audit_head SET hash = $1 WHERE id = 1").bind(&row.hash).execute(&mut *transaction).await?;
            transaction.commit().await?;
        });
        Ok(row.seq)
    }

    /// Reads the whole log and recomputes its chain. `known` is a number and hash that an earlier call printed.
    ///
    /// # Errors
    /// The first row that is not what was written.
    pub async fn verify(&self, known: Option<(i64, &str)>) -> Result<Verified, VerifyError> {
        let (head_seq, head_hash): (i64, String) =
            on_db!(self.store.reads(), pool => sqlx::query_as("SELECT seq, hash FROM audit_head WHERE id = 1").fetch_one(pool).await)
                .map_err(Error::from)?;
        let mut last = Verified { rows: 0, hash: String::new() };
        let mut batch = BATCH;
        while last.rows < head_seq {
            let rows = match self.rows(last.rows, head_seq, batch).await {
                // A bit that was flipped can make a text unreadable: find the row.
                Err(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) if batch > 1 => {
                    batch = 1;
                    continue;
                }
                Err(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => return Err(broken(last.rows + 1, "cannot be read")),
                other => other.map_err(Error::from)?,
            };
            if rows.is_empty() {
                return Err(broken(last.rows + 1, "is missing"));
            }
            for row in rows {
                check(&row, &last)?;
                if known.is_some_and(|(seq, hash)| seq == row.seq && hash != row.hash) {
                    return Err(broken(row.seq, "is not the one that was there before"));
                }
                last = Verified { rows: row.seq, hash: row.hash };
            }
        }
        if let Some((seq, _)) = known.filter(|(seq, _)| *seq > last.rows) {
            return Err(broken(seq, "is missing"));
        }
        if last.hash != head_hash {
            return Err(broken(last.rows, "is not the last that was written"));
        }
        if !self.rows(last.rows, i64::MAX, 1).await.map_err(Error::from)?.is_empty() && self.head().await? == head_seq {
            return Err(broken(last.rows + 1, "was added without its place in the chain"));
        }
        Ok(last)
    }

    async fn head(&self) -> Result<i64, Error> {
        Ok(on_db!(self.store.reads(), pool => sqlx::query_scalar("SELECT seq FROM audit_head WHERE id = 1").fetch_one(pool).await)?)
    }

    async fn rows(&self, after: i64, until: i64, limit: i64) -> Result<Vec<Row>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3");
        on_db!(self.store.reads(), pool => sqlx::query_as(AssertSqlSafe(sql)).bind(after).bind(until).bind(limit).fetch_all(pool).await)
    }

    /// Who did what, newest first: actor, action, subject and result (none on an intent).
    ///
    /// # Errors
    /// What the database refused.
    pub async fn newest(&self, count: u32) -> Result<Vec<Line>, Error> {
        const SQL: &str = "SELECT at, person, action, subject, result FROM audit ORDER BY seq DESC LIMIT $1";
        Ok(on_db!(self.store.reads(), pool => sqlx::query_as(SQL).bind(i64::from(count)).fetch_all(pool).await)?)
    }
}

/// A row of the log as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Line {
    /// When, in milliseconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub person: String,
    /// What they did or meant to do.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What came of it; none on an intent.
    pub result: Option<String>,
}

impl Line {
    /// When it was.
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millisecond(self.at).unwrap_or_default()
    }
}

impl Intent {
    /// Writes down what came of it. The change is made or not by now, so a failure to write is logged and goes no further.
    pub async fn outcome(self, result: Result<(), &Refusal>) {
        let sentence = result.err().map_or_else(|| "ok".to_owned(), ToString::to_string);
        if let Err(error) = self.audit.append(&self.entry, "outcome", Some(self.seq), Some(&sentence)).await {
            tracing::error!(error = %error, intent = self.seq, outcome = sentence, "an outcome could not be written to the audit log");
        }
    }
}

fn check(row: &Row, last: &Verified) -> Result<(), VerifyError> {
    if row.seq != last.rows + 1 {
        return Err(broken(last.rows + 1, "is missing"));
    }
    if row.previous != last.hash {
        return Err(broken(row.seq, "does not follow the one before it"));
    }
    if row.hash != row.expected_hash() {
        return Err(broken(row.seq, "was changed"));
    }
    Ok(())
}

const fn broken(seq: i64, what: &'static str) -> VerifyError {
    VerifyError::Broken { seq, what }
}

impl Row {
    /// SHA-256 over the previous hash and every column, each with its length before it, so that no two rows read the same. Only
    /// the last of them, the team, may be left out, so that its being there is never read as something else.
    fn expected_hash(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: Option<&[u8]>| match part {
            None => hash.update([0]),
            Some(bytes) => {
                hash.update([1]);
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
        };
        add(Some(self.previous.as_bytes()));
        add(Some(&self.seq.to_be_bytes()));
        add(Some(&self.at.to_be_bytes()));
        for text in [&self.request, &self.person, &self.action, &self.subject, &self.phase] {
            add(Some(text.as_bytes()));
        }
        for text in [&self.before, &self.after, &self.result] {
            add(text.as_deref().map(str::as_bytes));
        }
        add(self.intent_seq.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        // Rows from before there was this column end here, and so does what concerns no team.
        if let Some(team) = &self.team {
            add(Some(team.as_bytes()));
        }
        hex::encode(&hash.finalize())
    }
}
