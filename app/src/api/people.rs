//! People: what the People page asks.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use slipway_domain::{
    person::{PersonId, Role},
    session::{Invitation, PersonForm, PersonRow},
    team::TeamName,
};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// Everybody whom the caller may see, and the teams that they may be put into.
#[server(endpoint = "people/list", input = GetUrl, output = Json)]
pub async fn list_people() -> Result<(Vec<PersonRow>, Vec<TeamName>), Failure> {
    let (ports, caller) = asker()?;
    let people = answer(ports.people.list(&caller).await)?;
    let teams = answer(ports.people.teams(&caller).await)?;
    Ok((people, teams))
}

/// Makes an account and its one-time link.
#[server(endpoint = "people/invite", input = Json, output = Json)]
pub async fn invite_person(form: PersonForm) -> Result<Invitation, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.people.invite(&caller, form).await)
}

/// A new one-time link for somebody who lost their password.
#[server(endpoint = "people/reset", input = Json, output = Json)]
pub async fn reset_person(person: PersonId) -> Result<Invitation, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.people.reset(&caller, &person).await)
}

/// Gives a role in a team, or takes it away.
#[server(endpoint = "people/role", input = Json, output = Json)]
pub async fn set_role(person: PersonId, team: TeamName, role: Option<Role>) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.people.set_role(&caller, &person, &team, role).await)
}

/// Lets a person sign in, or no longer.
#[server(endpoint = "people/active", input = Json, output = Json)]
pub async fn set_active(person: PersonId, active: bool) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.people.set_active(&caller, &person, active).await)
}
