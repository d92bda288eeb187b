//! People, their roles, and the one-time links by which they set a password.

use std::collections::BTreeMap;

use jiff::Timestamp;
use slipway_domain::{
    person::{PersonId, PersonName, Role},
    session::PersonRow,
    team::TeamName,
};

use super::{Error, Store};
use crate::on_db;

/// A person as the database knows them.
#[derive(Clone, Debug)]
pub struct Person {
    /// As an admin sees them.
    pub row: PersonRow,
    /// Their password's Argon2id hash in PHC form, once they have set one.
    pub password: Option<String>,
}

/// Somebody who is to be added.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Their identity.
    pub id: PersonId,
    /// Their name.
    pub name: PersonName,
    /// Whether they administer the platform.
    pub platform_admin: bool,
    /// The team they join and their role in it.
    pub role: Option<(TeamName, Role)>,
}

/// A one-time link, as it is kept.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// SHA-256 of its token, in hexadecimal.
    pub token_hash: String,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it works.
    pub expires: Timestamp,
}

/// A one-time link that still works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenInvitation {
    /// Whose it is; none on the first admin's.
    pub person: Option<(PersonId, PersonName)>,
    /// Until when it works.
    pub expires: Timestamp,
}

#[derive(sqlx::FromRow)]
struct PersonColumns {
    id: String,
    name: String,
    platform_admin: bool,
    active: bool,
    password: Option<String>,
    last_seen: Option<i64>,
}

impl PersonColumns {
    fn read(self, roles: BTreeMap<TeamName, Role>) -> Result<Person, Error> {
        Ok(Person {
            row: PersonRow {
                id: PersonId(self.id),
                name: PersonName::parse(&self.name).map_err(Error::unexpected)?,
                platform_admin: self.platform_admin,
                roles,
                active: self.active,
                joined: self.password.is_some(),
                last_seen: self.last_seen.map(time).transpose()?,
            },
            password: self.password,
        })
    }
}

/// Reads a role in a team.
///
/// # Errors
/// Where either is no word that this program would have stored.
pub(super) fn role(team: &str, role: &str) -> Result<(TeamName, Role), Error> {
    Ok((TeamName::parse(team).map_err(Error::unexpected)?, Role::parse(role).map_err(Error::unexpected)?))
}

/// Reads a time.
///
/// # Errors
/// Where it is outside the calendar.
pub(super) fn time(milliseconds: i64) -> Result<Timestamp, Error> {
    Timestamp::from_millisecond(milliseconds).map_err(Error::unexpected)
}

/// The person of that identity.
///
/// # Errors
/// What the database refused.
pub async fn by_id(store: &Store, id: &PersonId) -> Result<Option<Person>, Error> {
    one(store, "SELECT id, name, platform_admin, active, password, last_seen FROM person WHERE id = $1", &id.0).await
}

/// The person of that name.
///
/// # Errors
/// What the database refused.
pub async fn by_name(store: &Store, name: &PersonName) -> Result<Option<Person>, Error> {
    one(store, "SELECT id, name, platform_admin, active, password, last_seen FROM person WHERE name = $1", name.as_str()).await
}

async fn one(store: &Store, sql: &'static str, key: &str) -> Result<Option<Person>, Error> {
    let found: Option<PersonColumns> = on_db!(store.reads(), pool => sqlx::query_as(sql).bind(key).fetch_optional(pool).await)?;
    let Some(columns) = found else { return Ok(None) };
    let roles: Vec<(String, String)> = on_db!(store.reads(), pool => {
        sqlx::query_as("SELECT team, role FROM membership WHERE person_id = $1").bind(&columns.id).fetch_all(pool).await
    })?;
    let roles = roles.iter().map(|(team, word)| role(team, word)).collect::<Result<_, _>>()?;
    columns.read(roles).map(Some)
}

/// Everybody, by name.
///
/// # Errors
/// What the database refused.
pub async fn list(store: &Store) -> Result<Vec<PersonRow>, Error> {
    const SQL: &str = "SELECT id, name, platform_admin, active, password, last_seen FROM person ORDER BY name";
    let people: Vec<PersonColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).fetch_all(pool).await)?;
    let memberships: Vec<(String, String, String)> =
        on_db!(store.reads(), pool => sqlx::query_as("SELECT person_id, team, role FROM membership").fetch_all(pool).await)?;
    let mut roles: BTreeMap<String, BTreeMap<TeamName, Role>> = BTreeMap::new();
    for (person, team, word) in &memberships {
        let (team, role) = role(team, word)?;
        roles.entry(person.clone()).or_default().insert(team, role);
    }
    people
        .into_iter()
        .map(|columns| {
            let roles = roles.remove(&columns.id).unwrap_or_default();
            columns.read(roles).map(|person| person.row)
        })
        .collect()
}

/// Whether anybody who administers the platform can sign in.
///
/// # Errors
/// What the database refused.
pub async fn has_platform_admin(store: &Store) -> Result<bool, Error> {
    const SQL: &str = "SELECT COUNT(*) FROM person WHERE platform_admin = $1 AND active = $1 AND password IS NOT NULL";
    let count: i64 = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(true).fetch_one(pool).await)?;
    Ok(count > 0)
}

/// Whether somebody else administers the platform and can sign in.
///
/// # Errors
/// What the database refused.
pub async fn has_other_platform_admin(store: &Store, than: &PersonId) -> Result<bool, Error> {
    const SQL: &str = "SELECT COUNT(*) FROM person WHERE platform_admin = $1 AND active = $1 AND password IS NOT NULL AND id <> $2";
    let count: i64 = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(true).bind(&than.0).fetch_one(pool).await)?;
    Ok(count > 0)
}

/// Who administers the platform and can sign in, by name.
///
/// # Errors
/// What the database refused.
pub async fn platform_admins(store: &Store) -> Result<Vec<PersonName>, Error> {
    const SQL: &str = "SELECT name FROM person WHERE platform_admin = $1 AND active = $1 AND password IS NOT NULL ORDER BY name";
    let names: Vec<String> = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(true).fetch_all(pool).await)?;
    names.iter().map(|name| PersonName::parse(name).map_err(Error::unexpected)).collect()
}

/// Adds somebody with the link by which they set a password.
///
/// # Errors
/// [`Error::Duplicate`] where the name is taken.
pub async fn add(store: &Store, person: &NewPerson, invitation: &NewInvitation) -> Result<(), Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        sqlx::query("INSERT INTO person (id, name, platform_admin, active, created) VALUES ($1, $2, $3, $4, $5)")
            .bind(&person.id.0).bind(person.name.as_str()).bind(person.platform_admin).bind(true).bind(invitation.created.as_millisecond())
            .execute(&mut *transaction).await?;
        if let Some((team, role)) = &person.role {
            sqlx::query(SET_ROLE).bind(&person.id.0).bind(team.as_str()).bind(role.word()).execute(&mut *transaction).await?;
        }
        sqlx::query(INVITE)
            .bind(&invitation.token_hash).bind(Some(&person.id.0))
            .bind(invitation.created.as_millisecond()).bind(invitation.expires.as_millisecond())
            .execute(&mut *transaction).await?;
        transaction.commit().await?;
    });
    Ok(())
}

const SET_ROLE: &str = "INSERT INTO membership (person_id, team, role) VALUES ($1, $2, $3) \
                        ON CONFLICT (person_id, team) DO UPDATE SET role = excluded.role";
const INVITE: &str = "INSERT INTO invitation (token_hash, person_id, created, expires) VALUES ($1, $2, $3, $4)";

/// Gives a role in a team, or takes it away.
///
/// # Errors
/// What the database refused.
pub async fn set_role(store: &Store, person: &PersonId, team: &TeamName, role: Option<Role>) -> Result<(), Error> {
    match role {
        Some(role) => on_db!(store.writes(), pool => {
            sqlx::query(SET_ROLE).bind(&person.0).bind(team.as_str()).bind(role.word()).execute(pool).await.map(|_| ())
        })?,
        None => on_db!(store.writes(), pool => {
            sqlx::query("DELETE FROM membership WHERE person_id = $1 AND team = $2").bind(&person.0).bind(team.as_str()).execute(pool).await.map(|_| ())
        })?,
    }
    Ok(())
}

/// Lets a person sign in, or no longer; the latter ends their sessions and links.
///
/// # Errors
/// What the database refused.
pub async fn set_active(store: &Store, person: &PersonId, active: bool) -> Result<(), Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        sqlx::query("UPDATE person SET active = $2 WHERE id = $1").bind(&person.0).bind(active).execute(&mut *transaction).await?;
        if !active {
            sqlx::query("DELETE FROM session WHERE person_id = $1").bind(&person.0).execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM invitation WHERE person_id = $1").bind(&person.0).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    });
    Ok(())
}

/// Replaces a person's password, and ends their sessions but the one with the handle `keep`.
///
/// # Errors
/// What the database refused.
pub async fn set_password(store: &Store, person: &PersonId, hash: &str, keep: &str) -> Result<(), Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        sqlx::query("UPDATE person SET password = $2 WHERE id = $1").bind(&person.0).bind(hash).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM session WHERE person_id = $1 AND substr(id_hash, 1, 16) <> $2")
            .bind(&person.0).bind(keep).execute(&mut *transaction).await?;
        transaction.commit().await?;
    });
    Ok(())
}

/// Makes a new link for somebody who lost their password: the old password, their sessions and earlier links end.
///
/// # Errors
/// What the database refused.
pub async fn reset(store: &Store, person: &PersonId, invitation: &NewInvitation) -> Result<(), Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        for sql in [
            "UPDATE person SET password = NULL WHERE id = $1",
            "DELETE FROM session WHERE person_id = $1",
            "DELETE FROM invitation WHERE person_id = $1",
        ] {
            sqlx::query(sql).bind(&person.0).execute(&mut *transaction).await?;
        }
        sqlx::query(INVITE)
            .bind(&invitation.token_hash).bind(Some(&person.0))
            .bind(invitation.created.as_millisecond()).bind(invitation.expires.as_millisecond())
            .execute(&mut *transaction).await?;
        transaction.commit().await?;
    });
    Ok(())
}

/// Makes the link with which the first admin makes their account, in place of any earlier one.
///
/// # Errors
/// What the database refused.
pub async fn invite_first_admin(store: &Store, invitation: &NewInvitation) -> Result<(), Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        sqlx::query("DELETE FROM invitation WHERE person_id IS NULL").execute(&mut *transaction).await?;
        sqlx::query(INVITE)
            .bind(&invitation.token_hash).bind(None::<String>)
            .bind(invitation.created.as_millisecond()).bind(invitation.expires.as_millisecond())
            .execute(&mut *transaction).await?;
        transaction.commit().await?;
    });
    Ok(())
}

/// The link with that hash, if it still works.
///
/// # Errors
/// What the database refused.
pub async fn invitation(store: &Store, token_hash: &str, now: Timestamp) -> Result<Option<OpenInvitation>, Error> {
    const SQL: &str = "SELECT invitation.person_id, person.name, invitation.expires FROM invitation \
                       LEFT JOIN person ON person.id = invitation.person_id WHERE token_hash = $1 AND invitation.expires > $2";
    let found: Option<(Option<String>, Option<String>, i64)> =
        on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(token_hash).bind(now.as_millisecond()).fetch_optional(pool).await)?;
    let Some((id, name, expires)) = found else { return Ok(None) };
    let name = name.map(|name| PersonName::parse(&name).map_err(Error::unexpected)).transpose()?;
    Ok(Some(OpenInvitation { person: id.map(PersonId).zip(name), expires: time(expires)? }))
}

/// Uses up a person's link: sets their password. `None` where the link does not work, or no longer.
///
/// # Errors
/// What the database refused; then the link still works.
pub async fn accept(store: &Store, token_hash: &str, hash: &str, now: Timestamp) -> Result<Option<PersonId>, Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        let person: Option<String> =
            sqlx::query_scalar("DELETE FROM invitation WHERE token_hash = $1 AND expires > $2 AND person_id IS NOT NULL RETURNING person_id")
                .bind(token_hash).bind(now.as_millisecond()).fetch_optional(&mut *transaction).await?;
        let Some(person) = person else { return Ok(None) };
        sqlx::query("UPDATE person SET password = $2 WHERE id = $1").bind(&person).bind(hash).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM session WHERE person_id = $1").bind(&person).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Some(PersonId(person)))
    })
}

/// Uses up the first admin's link: makes their account. False where the link does not work, or no longer.
///
/// # Errors
/// [`Error::Duplicate`] where the name is taken; then the link still works.
pub async fn accept_first_admin(store: &Store, token_hash: &str, person: &NewPerson, hash: &str, now: Timestamp) -> Result<bool, Error> {
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        let used = sqlx::query("DELETE FROM invitation WHERE token_hash = $1 AND expires > $2 AND person_id IS NULL")
            .bind(token_hash).bind(now.as_millisecond()).execute(&mut *transaction).await?.rows_affected();
        if used == 0 {
            return Ok(false);
        }
        sqlx::query("INSERT INTO person (id, name, platform_admin, active, password, created) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(&person.id.0).bind(person.name.as_str()).bind(person.platform_admin).bind(true).bind(hash).bind(now.as_millisecond())
            .execute(&mut *transaction).await?;
        if let Some((team, role)) = &person.role {
            sqlx::query(SET_ROLE).bind(&person.id.0).bind(team.as_str()).bind(role.word()).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(true)
    })
}

/// Forgets links that no longer work.
///
/// # Errors
/// What the database refused.
pub async fn forget_expired_invitations(store: &Store, now: Timestamp) -> Result<(), Error> {
    on_db!(store.writes(), pool => {
        sqlx::query("DELETE FROM invitation WHERE expires <= $1").bind(now.as_millisecond()).execute(pool).await.map(|_| ())
    })?;
    Ok(())
}
