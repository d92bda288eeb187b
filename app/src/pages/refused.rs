//! What a page shows when what it is about cannot be shown: what happened, what it means, what to do.

use leptos::prelude::*;
use slipway_domain::refusal::Refusal;

use crate::{
    api::Failure,
    parts::{badge::Tone, banner::Banner, empty::Empty, style},
    paths,
};

/// A page that could not be loaded.
#[component]
pub fn Refused(
    /// Why.
    failure: Failure,
) -> impl IntoView {
    let Failure(refusal) = failure;
    let (title, hint) = match &refusal {
        Refusal::SignedOut => ("Your session has ended", "Sign in again; you come back to this page".to_owned()),
        Refusal::Forbidden { sentence } => ("You may not see this", sentence.clone()),
        Refusal::NotFound { sentence } => ("Not found", sentence.clone()),
        Refusal::Invalid { .. } | Refusal::Conflict { .. } => ("This cannot be shown", refusal.to_string()),
        Refusal::TooOften { .. } => ("Too many requests", refusal.to_string()),
        Refusal::Unavailable { sentence } => ("A part of Slipway is away", sentence.clone()),
    };
    let signed_out = refusal == Refusal::SignedOut;
    let again = leptos_router::hooks::use_location();
    let here = move || format!("{}{}", again.pathname.get(), search(&again.search.get()));
    view! {
        <h1 class="sr-only">{title}</h1>
        <Empty title hint>
            {if signed_out {
                view! { <a class=style::PRIMARY rel="external" href=move || paths::sign_in(&here())>"Sign in"</a> }.into_any()
            } else {
                view! {
                    <a class=style::BUTTON rel="external" href=here>"Try again"</a>
                    <a class=style::BUTTON href=paths::RUNS>"Go to the runs"</a>
                }
                    .into_any()
            }}
        </Empty>
    }
}

fn search(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("?{}", query.trim_start_matches('?')) }
}

/// An action that was refused, above what is still shown.
#[component]
pub fn Problem(
    /// Why, if it was.
    #[prop(into)]
    failure: Signal<Option<Failure>>,
) -> impl IntoView {
    move || {
        failure.get().map(|Failure(refusal)| {
            let signed_out = refusal == Refusal::SignedOut;
            view! {
                <Banner tone=Tone::Bad>
                    {refusal.to_string()}
                    {signed_out
                        .then(|| {
                            view! {
                                " "
                                <a class=style::LINK href=paths::SIGN_IN target="_blank" rel="external">"Sign in in a new tab"</a>
                                ", then press the button again; nothing you typed is lost"
                            }
                        })}
                </Banner>
            }
        })
    }
}
