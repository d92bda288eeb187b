//! A page of the list of runs: filtered, sorted and cut in SQL, so that a hundred thousand runs cost what fifty do.

use std::collections::{BTreeMap, BTreeSet};

use slipway_domain::{
    node::HeldBy,
    person::PersonName,
    run::{
        spec::{RunId, RunName},
        state::StateKind,
        view::{PAGE_SIZE, RunQuery, RunRow, RunSort},
    },
    team::TeamName,
};
use sqlx::AssertSqlSafe;

use super::{ROW, RowColumns};
use crate::{
    on_db,
    store::{Error, Store, condition::Condition},
};

/// Whose runs may be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    /// Everybody's.
    All,
    /// Those of these teams.
    Teams(Vec<TeamName>),
}

/// A page of runs, and how many there are on all pages.
///
/// # Errors
/// What the database refused.
pub async fn list(store: &Store, visible: &Visible, query: &RunQuery) -> Result<(Vec<RunRow>, u64), Error> {
    let filter = condition(visible, query);
    let count = format!("SELECT COUNT(*) FROM run WHERE {}", filter.sql);
    let page = format!(
        "SELECT {ROW} FROM run WHERE {} ORDER BY {} LIMIT {PAGE_SIZE} OFFSET {}",
        filter.sql,
        order(query.sort, query.ascending),
        u64::from(query.page) * u64::from(PAGE_SIZE),
    );
    let (rows, total): (Vec<RowColumns>, i64) = on_db!(store.reads(), pool => {
        // One snapshot, so that the total is that of the rows.
        let mut transaction = pool.begin().await?;
        let mut counting = sqlx::query_scalar(AssertSqlSafe(count));
        let mut paging = sqlx::query_as(AssertSqlSafe(page));
        for text in &filter.texts {
            counting = counting.bind(text);
            paging = paging.bind(text);
        }
        let total = counting.fetch_one(&mut *transaction).await?;
        let rows = paging.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        (rows, total)
    });
    let rows = rows.into_iter().map(RowColumns::read).collect::<Result<_, _>>()?;
    Ok((rows, total.cast_unsigned()))
}

/// What some runs are called and who launched them, with the team that each is of; those that are gone are left out.
///
/// # Errors
/// What the database refused.
pub async fn names(store: &Store, ids: &BTreeSet<&RunId>) -> Result<BTreeMap<RunId, (String, HeldBy)>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut filter = Condition::new("deleted IS NULL");
    filter.any_of("id", ids.iter().map(|id| id.0.clone()).collect());
    let sql = format!("SELECT id, team, name, who FROM run WHERE {}", filter.sql);
    let rows: Vec<(String, String, String, String)> = on_db!(store.reads(), pool => {
        // Its text is as long as the list, so that it is hardly ever the same: it is not worth keeping.
        let mut query = sqlx::query_as(AssertSqlSafe(sql)).persistent(false);
        for text in &filter.texts {
            query = query.bind(text);
        }
        query.fetch_all(pool).await
    })?;
    let read = |(id, team, name, who): (String, String, String, String)| {
        let held_by =
            HeldBy { name: RunName::parse(&name).map_err(Error::unexpected)?, who: PersonName::parse(&who).map_err(Error::unexpected)? };
        Ok((RunId(id), (team, held_by)))
    };
    rows.into_iter().map(read).collect()
}

/// Which runs a query asks for, of those that may be seen.
fn condition(visible: &Visible, query: &RunQuery) -> Condition {
    let mut filter = Condition::new("deleted IS NULL");
    if let Visible::Teams(teams) = visible {
        filter.any_of("team", teams.iter().map(ToString::to_string).collect());
    }
    if !query.team.is_empty() {
        filter.any_of("team", vec![query.team.clone()]);
    }
    if !query.states.is_empty() {
        filter.any_of("state_kind", query.states.iter().map(|state| state.word().to_owned()).collect());
    }
    if !query.who.is_empty() {
        filter.any_of("who", vec![query.who.clone()]);
    }
    if !query.tag.is_empty() {
        filter.like("tags", &format!(",{},", query.tag));
    }
    if !query.name.is_empty() {
        filter.like("name", &query.name);
    }
    filter
}

fn order(sort: RunSort, ascending: bool) -> String {
    let way = if ascending { "ASC" } else { "DESC" };
    let column = match sort {
        RunSort::Launched => return format!("launched {way}, id {way}"),
        RunSort::Name => "name".to_owned(),
        RunSort::Who => "who".to_owned(),
        RunSort::State => state_order(),
        // Runs without a loss come last, either way.
        RunSort::Loss => return format!("loss IS NULL, loss {way}, launched DESC, id DESC"),
    };
    format!("{column} {way}, launched DESC, id DESC")
}

/// States in the order of a run's life.
fn state_order() -> String {
    let cases: Vec<_> = StateKind::ALL.iter().enumerate().map(|(rank, kind)| format!("WHEN '{}' THEN {rank}", kind.word())).collect();
    format!("CASE state_kind {} END", cases.join(" "))
}
