//! Server functions, one file a noun: who asks, ask the port, answer. Nothing is decided here.

mod failure;
pub mod people;
pub mod runs;
pub mod sessions;

pub use failure::Failure;

#[cfg(feature = "ssr")]
use crate::ports::Ports;
#[cfg(feature = "ssr")]
use slipway_domain::{person::Caller, refusal::Refusal};

/// Who asks, if somebody is signed in: the server puts them into the context of each request.
#[cfg(feature = "ssr")]
pub(crate) fn caller() -> Option<Caller> {
    use leptos::prelude::use_context;
    use_context::<Caller>().or_else(|| use_context::<Option<Caller>>().flatten())
}

/// The ports and who asks.
#[cfg(feature = "ssr")]
fn asker() -> Result<(Ports, Caller), Failure> {
    let caller = answer(caller().ok_or(Refusal::SignedOut))?;
    let ports = answer(leptos::prelude::use_context::<Ports>().ok_or_else(|| Refusal::unavailable("The server is starting; try again")))?;
    Ok((ports, caller))
}

/// The answer, with the HTTP status that says the same.
#[cfg(feature = "ssr")]
fn answer<T>(result: Result<T, Refusal>) -> Result<T, Failure> {
    result.map_err(|refusal| {
        if let Some(response) = leptos::prelude::use_context::<leptos_axum::ResponseOptions>()
            && let Ok(status) = axum::http::StatusCode::from_u16(refusal.status())
        {
            response.set_status(status);
        }
        Failure(refusal)
    })
}
