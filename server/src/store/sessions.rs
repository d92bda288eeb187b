//! Sessions: who is signed in, from where, and until when.
//!
//! tower-sessions keeps the cookie and makes and exchanges ids; this is its store. Only the SHA-256 of an id is kept, so that
//! nobody who reads the database or a backup of it can take over a session. A session ends when it was not used for [`IDLE`],
//! [`LIFETIME`] after it began, or when it or its person is ended here; all of that holds from the next request on, because each
//! request reads session, person and roles together.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use slipway_domain::{
    person::{PersonId, PersonName, Role},
    session::SessionRow,
    team::TeamName,
};
use tower_sessions::{
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store::{self, SessionStore},
};

use super::{
    Error, Store,
    people::{role, time},
};
use crate::{clock::Clock, hex, on_db};

/// A session that was not used for so long has ended.
pub const IDLE: SignedDuration = SignedDuration::from_hours(12);

/// A session ends so long after it began, however much it is used.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The use of a session is written down at most so often.
const TOUCH: SignedDuration = SignedDuration::from_secs(60);

/// The keys of a session's record, each of which is a column.
const PERSON: &str = "person";
const ADDRESS: &str = "address";
const AGENT: &str = "agent";

/// The longest name of a browser that is kept, in characters.
const AGENT_LENGTH: usize = 200;

/// Characters of the hash that make a session's handle.
const HANDLE_LENGTH: usize = 16;

/// Whose session it is and what they may do, as of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The session's handle.
    pub handle: String,
    /// Whose it is.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// Whether they administer the platform.
    pub platform_admin: bool,
    /// Their role in each team.
    pub roles: BTreeMap<TeamName, Role>,
}

/// tower-sessions' store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
    clock: Clock,
}

#[derive(sqlx::FromRow)]
struct FoundColumns {
    last_seen: i64,
    person_id: String,
    name: String,
    platform_admin: bool,
    team: Option<String>,
    role: Option<String>,
}

#[derive(sqlx::FromRow)]
struct SessionColumns {
    id_hash: String,
    created: i64,
    last_seen: i64,
    expires: i64,
    agent: String,
    address: String,
}

/// What a session begins with, for [`tower_sessions::Session::insert`].
pub fn beginning(person: &PersonId, address: &str, agent: &str) -> [(&'static str, String); 3] {
    let agent = agent.chars().filter(|c| !c.is_control()).take(AGENT_LENGTH).collect();
    [(PERSON, person.0.clone()), (ADDRESS, address.to_owned()), (AGENT, agent)]
}

/// The hash under which a session is kept.
fn hash(id: &Id) -> String {
    hex::encode(&Sha256::digest(id.0.to_le_bytes()))
}

/// The time before which a session was last used that has ended for want of use.
fn idle_since(now: Timestamp) -> i64 {
    now.as_millisecond().saturating_sub(i64::try_from(IDLE.as_millis()).unwrap_or(i64::MAX))
}

impl Sessions {
    /// The sessions in `store`, with times by `clock`.
    pub const fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Whose session this is, if it has not ended and they may still sign in. Does not count as use.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn peek(&self, id: &Id) -> Result<Option<Found>, Error> {
        self.look(id).await.map(|found| found.map(|(found, _)| found))
    }

    /// As [`Self::peek`], and notes that it is in use, once a minute. That this could not be noted hinders nobody.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn find(&self, id: &Id) -> Result<Option<Found>, Error> {
        let Some((found, last_seen)) = self.look(id).await? else { return Ok(None) };
        let now = self.clock.now();
        if now.duration_since(last_seen) >= TOUCH
            && let Err(error) = self.touch(id, &found.person, now).await
        {
            tracing::warn!(error = %error, "the use of a session could not be noted");
        }
        Ok(Some(found))
    }

    async fn look(&self, id: &Id) -> Result<Option<(Found, Timestamp)>, Error> {
        const SQL: &str = "SELECT session.last_seen, session.person_id, person.name, person.platform_admin, membership.team, membership.role \
                           FROM session JOIN person ON person.id = session.person_id \
                           LEFT JOIN membership ON membership.person_id = session.person_id \
                           WHERE session.id_hash = $1 AND session.expires > $2 AND session.last_seen > $3 AND person.active = $4";
        let (id_hash, now) = (hash(id), self.clock.now());
        let rows: Vec<FoundColumns> = on_db!(self.store.reads(), pool => {
            sqlx::query_as(SQL).bind(&id_hash).bind(now.as_millisecond()).bind(idle_since(now)).bind(true).fetch_all(pool).await
        })?;
        let Some(first) = rows.first() else { return Ok(None) };
        let roles = rows.iter().filter_map(|row| row.team.as_ref().zip(row.role.as_ref())).map(|(team, word)| role(team, word));
        let found = Found {
            handle: id_hash[..HANDLE_LENGTH].to_owned(),
            person: PersonId(first.person_id.clone()),
            name: PersonName::parse(&first.name).map_err(Error::unexpected)?,
            platform_admin: first.platform_admin,
            roles: roles.collect::<Result<_, _>>()?,
        };
        Ok(Some((found, time(first.last_seen)?)))
    }

    async fn touch(&self, id: &Id, person: &PersonId, now: Timestamp) -> Result<(), Error> {
        on_db!(self.store.writes(), pool => {
            let mut transaction = pool.begin().await?;
            sqlx::query("UPDATE session SET last_seen = $2 WHERE id_hash = $1").bind(hash(id)).bind(now.as_millisecond()).execute(&mut *transaction).await?;
            sqlx::query("UPDATE person SET last_seen = $2 WHERE id = $1").bind(&person.0).bind(now.as_millisecond()).execute(&mut *transaction).await?;
            transaction.commit().await?;
        });
        Ok(())
    }

    /// A person's sessions that have not ended, the one used last first. `current` is the handle of the one that asks.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn of(&self, person: &PersonId, current: &str) -> Result<Vec<SessionRow>, Error> {
        const SQL: &str = "SELECT id_hash, created, last_seen, expires, agent, address FROM session \
                           WHERE person_id = $1 AND expires > $2 AND last_seen > $3 ORDER BY last_seen DESC, id_hash";
        let now = self.clock.now();
        let rows: Vec<SessionColumns> = on_db!(self.store.reads(), pool => {
            sqlx::query_as(SQL).bind(&person.0).bind(now.as_millisecond()).bind(idle_since(now)).fetch_all(pool).await
        })?;
        rows.into_iter()
            .map(|row| {
                let handle: String = row.id_hash.chars().take(HANDLE_LENGTH).collect();
                Ok(SessionRow {
                    current: handle == current,
                    handle,
                    signed_in: time(row.created)?,
                    last_seen: time(row.last_seen)?,
                    expires: time(row.expires)?,
                    agent: row.agent,
                    address: row.address,
                })
            })
            .collect()
    }

    /// Ends one of a person's sessions; false where there is none with that handle.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn end(&self, person: &PersonId, handle: &str) -> Result<bool, Error> {
        const SQL: &str = "DELETE FROM session WHERE person_id = $1 AND substr(id_hash, 1, 16) = $2";
        let ended = on_db!(self.store.writes(), pool => sqlx::query(SQL).bind(&person.0).bind(handle).execute(pool).await.map(|done| done.rows_affected()))?;
        Ok(ended > 0)
    }

    /// Ends a person's sessions but the one with the handle `keep`.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn end_all_but(&self, person: &PersonId, keep: &str) -> Result<u64, Error> {
        const SQL: &str = "DELETE FROM session WHERE person_id = $1 AND substr(id_hash, 1, 16) <> $2";
        Ok(
            on_db!(self.store.writes(), pool => sqlx::query(SQL).bind(&person.0).bind(keep).execute(pool).await.map(|done| done.rows_affected()))?,
        )
    }

    /// Forgets sessions that have ended.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn forget_expired(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        Ok(on_db!(self.store.writes(), pool => {
            sqlx::query("DELETE FROM session WHERE expires <= $1 OR last_seen <= $2")
                .bind(now.as_millisecond()).bind(idle_since(now)).execute(pool).await.map(|done| done.rows_affected())
        })?)
    }
}

fn backend(error: impl std::fmt::Display) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn text<'a>(record: &'a Record, key: &str) -> Result<&'a str, session_store::Error> {
    record.data.get(key).and_then(|value| value.as_str()).ok_or_else(|| session_store::Error::Encode(format!("a session has no {key}")))
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        const SQL: &str = "INSERT INTO session (id_hash, person_id, address, agent, created, last_seen, expires) \
                           VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT (id_hash) DO NOTHING";
        let (person, address, agent) = (text(record, PERSON)?, text(record, ADDRESS)?, text(record, AGENT)?);
        let now = self.clock.now();
        let expires = now.saturating_add(LIFETIME).map_err(backend)?;
        let mut id = record.id;
        loop {
            let made = on_db!(self.store.writes(), pool => {
                sqlx::query(SQL).bind(hash(&id)).bind(person).bind(address).bind(agent).bind(now.as_millisecond()).bind(expires.as_millisecond())
                    .execute(pool).await.map(|done| done.rows_affected())
            });
            if made.map_err(|error| backend(Error::from(error)))? == 1 {
                break;
            }
            id = Id::default();
        }
        let seen = on_db!(self.store.writes(), pool => {
            sqlx::query("UPDATE person SET last_seen = $2 WHERE id = $1").bind(person).bind(now.as_millisecond()).execute(pool).await.map(|_| ())
        });
        seen.map_err(|error| backend(Error::from(error)))?;
        record.id = id;
        Ok(())
    }

    /// Nothing of a session changes but its use, which [`Sessions::find`] notes; and one that has ended must not come back.
    async fn save(&self, _record: &Record) -> session_store::Result<()> {
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = self.peek(id).await.map_err(backend)?;
        Ok(found.map(|found| Record {
            id: *id,
            data: HashMap::from([(PERSON.to_owned(), found.person.0.into())]),
            expiry_date: OffsetDateTime::from_unix_timestamp(self.clock.now().as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH),
        }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        let done = on_db!(self.store.writes(), pool => sqlx::query("DELETE FROM session WHERE id_hash = $1").bind(hash(id)).execute(pool).await.map(|_| ()));
        done.map_err(|error| backend(Error::from(error)))
    }
}
