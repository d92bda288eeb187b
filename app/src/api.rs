//! Server functions, one file a noun: who asks, ask the port, answer. Nothing is decided here.

pub mod audit;
mod failure;
pub mod nodes;
pub mod people;
pub mod priorities;
pub mod quotas;
pub mod relayouts;
pub mod runs;
pub mod sessions;
pub mod teams;
pub mod wire;

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
#[cfg(feature = "ssr")]
use slipway_domain::person::Caller;
use slipway_domain::{refusal::Refusal, session::Invitation};

#[cfg(feature = "ssr")]
use crate::ports::Ports;

pub use failure::Failure;

/// What became of a plain form that did not send the browser elsewhere. The server puts it into the context of the page that it
/// renders in answer (see `posted`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Posted {
    /// Why it was not done.
    pub refusal: Option<Refusal>,
    /// What was typed, by field; never a password.
    pub typed: BTreeMap<String, String>,
    /// The one-time link that it made.
    pub invitation: Option<Invitation>,
    /// What was done, in a sentence.
    pub done: Option<String>,
}

/// What became of the form posted to this page, if one was: known at once while the server renders; the browser reads it from the
/// page.
pub fn posted() -> Option<Posted> {
    wire::known(use_context::<Posted>)
}

/// Who asks, if somebody is signed in: the server puts them into the context of each request.
#[cfg(feature = "ssr")]
pub(crate) fn caller() -> Option<Caller> {
    use_context::<Caller>().or_else(|| use_context::<Option<Caller>>().flatten())
}

/// The ports and who asks.
#[cfg(feature = "ssr")]
fn asker() -> Result<(Ports, Caller), Failure> {
    let caller = answer(caller().ok_or(Refusal::SignedOut))?;
    let ports = answer(use_context::<Ports>().ok_or_else(|| Refusal::unavailable("The server is starting; try again")))?;
    Ok((ports, caller))
}

/// The answer, with the HTTP status that says the same.
#[cfg(feature = "ssr")]
fn answer<T>(result: Result<T, Refusal>) -> Result<T, Failure> {
    result.map_err(|refusal| {
        if let Some(response) = use_context::<leptos_axum::ResponseOptions>()
            && let Ok(status) = axum::http::StatusCode::from_u16(refusal.status())
        {
            response.set_status(status);
        }
        Failure(refusal)
    })
}
