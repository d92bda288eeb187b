//! Priority classes: what the Priorities page asks.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use slipway_domain::{
    priority::form::PriorityForm,
    quota::view::{Priorities, PriorityPreview},
};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// Every class; and what a posted form would take, where a page without a script asks that.
#[server(endpoint = "priorities/list", input = GetUrl, output = Json)]
pub async fn list_priorities() -> Result<(Priorities, PriorityPreview), Failure> {
    let (ports, caller) = asker()?;
    let classes = answer(ports.shares.priorities(&caller).await)?;
    let asked = use_context::<super::Posted>().filter(|posted| posted.typed.get("do").is_some_and(|word| word == "preview"));
    let preview = match asked {
        Some(posted) => answer(ports.shares.preview_priority(&caller, PriorityForm(posted.typed)).await)?,
        None => PriorityPreview::default(),
    };
    Ok((classes, preview))
}

/// What is wrong with a class's form, and what it takes.
#[server(endpoint = "priorities/preview", input = Json, output = Json)]
pub async fn preview_priority(form: PriorityForm) -> Result<PriorityPreview, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.preview_priority(&caller, form).await)
}

/// Makes, changes or replaces a class.
#[server(endpoint = "priorities/set", input = Json, output = Json)]
pub async fn set_priority(form: PriorityForm) -> Result<String, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.set_priority(&caller, form).await)
}

/// Deletes a class.
#[server(endpoint = "priorities/delete", input = Json, output = Json)]
pub async fn delete_priority(form: PriorityForm) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.delete_priority(&caller, form).await)
}
