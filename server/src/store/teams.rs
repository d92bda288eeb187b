//! Teams, as the database knows them: a team is there also while the cluster is away, and so is what was last found of its
//! namespace.

use std::collections::BTreeMap;

use jiff::Timestamp;
use slipway_domain::{
    person::{PersonId, PersonName, Role},
    run::state::StateKind,
    team::{Member, Namespace, TeamName, TeamRow},
};
use sqlx::AssertSqlSafe;

use super::{
    Error, Store,
    people::{role, time},
};
use crate::on_db;

/// Makes sure that there is a team; says whether it was made now.
///
/// # Errors
/// What the database refused.
pub async fn ensure(store: &Store, team: &TeamName, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "INSERT INTO team (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    let rows = on_db!(store.writes(), pool => {
        sqlx::query(SQL).bind(team.as_str()).bind(now.as_millisecond()).execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Every team, by name.
///
/// # Errors
/// What the database refused.
pub async fn list(store: &Store) -> Result<Vec<TeamName>, Error> {
    let names: Vec<String> =
        on_db!(store.reads(), pool => sqlx::query_scalar("SELECT name FROM team ORDER BY name").fetch_all(pool).await)?;
    names.iter().map(|name| TeamName::parse(name).map_err(Error::unexpected)).collect()
}

#[derive(sqlx::FromRow)]
struct TeamColumns {
    name: String,
    created: i64,
    namespace: String,
    namespace_why: String,
    namespace_since: i64,
}

impl TeamColumns {
    fn read(self) -> Result<TeamRow, Error> {
        Ok(TeamRow {
            name: TeamName::parse(&self.name).map_err(Error::unexpected)?,
            members: BTreeMap::new(),
            running: 0,
            waiting: 0,
            namespace: match self.namespace.as_str() {
                "prepared" => Namespace::Prepared { since: time(self.namespace_since)? },
                "refused" => Namespace::Refused { why: self.namespace_why },
                _ => Namespace::Preparing { why: self.namespace_why },
            },
            created: time(self.created)?,
        })
    }
}

/// Every team with its numbers, by name.
///
/// # Errors
/// What the database refused.
pub async fn rows(store: &Store) -> Result<Vec<TeamRow>, Error> {
    const TEAMS: &str = "SELECT name, created, namespace, namespace_why, namespace_since FROM team ORDER BY name";
    const MEMBERS: &str = "SELECT team, role, COUNT(*) FROM membership GROUP BY team, role";
    let runs = format!(
        "SELECT team, state_kind, COUNT(*) FROM run WHERE deleted IS NULL AND ended IS NULL AND state_kind IN ({}) GROUP BY team, state_kind",
        RUNNING.iter().chain(&[StateKind::Waiting]).map(|kind| format!("'{}'", kind.word())).collect::<Vec<_>>().join(", "),
    );
    let teams: Vec<TeamColumns> = on_db!(store.reads(), pool => sqlx::query_as(TEAMS).fetch_all(pool).await)?;
    let members: Vec<(String, String, i64)> = on_db!(store.reads(), pool => sqlx::query_as(MEMBERS).fetch_all(pool).await)?;
    let runs: Vec<(String, String, i64)> = on_db!(store.reads(), pool => sqlx::query_as(AssertSqlSafe(runs)).fetch_all(pool).await)?;
    let mut rows = teams.into_iter().map(|team| team.read().map(|row| (row.name.clone(), row))).collect::<Result<BTreeMap<_, _>, _>>()?;
    for (team, word, count) in &members {
        let (team, role) = role(team, word)?;
        if let Some(row) = rows.get_mut(&team) {
            row.members.insert(role, count.cast_unsigned());
        }
    }
    for (team, state, count) in runs {
        let row = TeamName::parse(&team).ok().and_then(|team| rows.get_mut(&team));
        match row {
            Some(row) if state == StateKind::Waiting.word() => row.waiting += count.cast_unsigned(),
            Some(row) => row.running += count.cast_unsigned(),
            None => {}
        }
    }
    Ok(rows.into_values().collect())
}

/// States in which a run holds something in the cluster.
const RUNNING: [StateKind; 3] = [StateKind::Starting, StateKind::Running, StateKind::Stopping];

/// How a team's namespace stands; none where there is no such team.
///
/// # Errors
/// What the database refused.
pub async fn namespace(store: &Store, team: &TeamName) -> Result<Option<Namespace>, Error> {
    const SQL: &str = "SELECT name, created, namespace, namespace_why, namespace_since FROM team WHERE name = $1";
    let row: Option<TeamColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(team.as_str()).fetch_optional(pool).await)?;
    row.map(|row| row.read().map(|row| row.namespace)).transpose()
}

/// Keeps how a team's namespace stands.
///
/// # Errors
/// What the database refused.
pub async fn set_namespace(store: &Store, team: &TeamName, namespace: &Namespace, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "UPDATE team SET namespace = $2, namespace_why = $3, namespace_since = $4 WHERE name = $1";
    let (word, why, since) = match namespace {
        Namespace::Preparing { why } => ("preparing", why.as_str(), now),
        Namespace::Prepared { since } => ("prepared", "", *since),
        Namespace::Refused { why } => ("refused", why.as_str(), now),
    };
    on_db!(store.writes(), pool => {
        sqlx::query(SQL).bind(team.as_str()).bind(word).bind(why).bind(since.as_millisecond()).execute(pool).await.map(|_| ())
    })?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct MemberColumns {
    id: String,
    name: String,
    role: String,
    active: bool,
    joined: bool,
    last_seen: Option<i64>,
}

/// Who is in a team: its admins first, each role by name.
///
/// # Errors
/// What the database refused.
pub async fn members(store: &Store, team: &TeamName) -> Result<Vec<Member>, Error> {
    const SQL: &str = "SELECT id, name, role, active, password IS NOT NULL AS joined, last_seen FROM membership \
                       JOIN person ON person.id = membership.person_id WHERE team = $1 ORDER BY name";
    let rows: Vec<MemberColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(team.as_str()).fetch_all(pool).await)?;
    let mut members = rows
        .into_iter()
        .map(|row| {
            Ok(Member {
                id: PersonId(row.id),
                name: PersonName::parse(&row.name).map_err(Error::unexpected)?,
                role: Role::parse(&row.role).map_err(Error::unexpected)?,
                active: row.active,
                joined: row.joined,
                last_seen: row.last_seen.map(time).transpose()?,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    members.sort_by(|a, b| b.role.cmp(&a.role).then_with(|| a.name.cmp(&b.name)));
    Ok(members)
}

/// Who can give what a member of the team may not do: its admins who can sign in, by name.
///
/// # Errors
/// What the database refused.
pub async fn admins(store: &Store, team: &TeamName) -> Result<Vec<PersonName>, Error> {
    const SQL: &str = "SELECT name FROM membership JOIN person ON person.id = membership.person_id \
                       WHERE team = $1 AND role = 'admin' AND active = $2 AND password IS NOT NULL ORDER BY name";
    let names: Vec<String> = on_db!(store.reads(), pool => sqlx::query_scalar(SQL).bind(team.as_str()).bind(true).fetch_all(pool).await)?;
    names.iter().map(|name| PersonName::parse(name).map_err(Error::unexpected)).collect()
}
