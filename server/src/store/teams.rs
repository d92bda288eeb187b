//! Teams, as the database knows them: a team is there also while the cluster is away.

use jiff::Timestamp;
use slipway_domain::team::TeamName;

use super::{Error, Store};
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
