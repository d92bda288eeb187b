//! Teams: what their pages ask. What is changed there is changed by plain forms (see `posted`).

use leptos::{prelude::*, server_fn::codec::GetUrl};
use slipway_domain::team::{TeamDetail, TeamList, TeamName};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// The teams whose people the caller may see.
#[server(endpoint = "teams/list", input = GetUrl, output = Json)]
pub async fn list_teams() -> Result<TeamList, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.teams.list(&caller).await)
}

/// One team.
#[server(endpoint = "teams/get", input = GetUrl, output = Json)]
pub async fn get_team(team: TeamName) -> Result<TeamDetail, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.teams.get(&caller, &team).await)
}
