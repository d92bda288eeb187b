//! The caller's own account: who they are, their sessions, their password.

use std::collections::BTreeMap;

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};
use slipway_domain::{
    person::{PersonName, Role},
    session::SessionRow,
    team::TeamName,
};

use super::{
    Failure,
    wire::{self, Json},
};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// Who is signed in, as far as the pages' frame shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// What they are called.
    pub name: PersonName,
    /// Whether they administer the platform.
    pub platform_admin: bool,
    /// Their role in each team.
    pub roles: BTreeMap<TeamName, Role>,
}

impl Me {
    /// Whether they may see the people, the teams and the audit log, of a team or of all.
    pub fn sees_people(&self) -> bool {
        self.platform_admin || self.roles.values().any(|role| *role == Role::Admin)
    }
}

/// Who asks, known at once while the server renders; the browser reads it from the page.
pub fn me() -> Option<Me> {
    wire::known(|| {
        #[cfg(feature = "ssr")]
        return super::caller().map(|caller| Me { name: caller.name, platform_admin: caller.platform_admin, roles: caller.roles });
        #[cfg(not(feature = "ssr"))]
        return None;
    })
}

/// The caller's own sessions.
#[server(endpoint = "sessions/list", input = GetUrl, output = Json)]
pub async fn list_sessions() -> Result<Vec<SessionRow>, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.people.sessions(&caller).await)
}

/// Ends one of the caller's sessions, or all but this one.
#[server(endpoint = "sessions/end", input = Json, output = Json)]
pub async fn end_sessions(handle: Option<String>) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.people.end_sessions(&caller, handle).await)
}

/// Changes the caller's password.
#[server(endpoint = "sessions/password", input = Json, output = Json)]
pub async fn change_password(old: String, new: String) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.people.change_password(&caller, old, new).await)
}
