//! What Kubernetes and Slipway said about the run, newest first.

use leptos::prelude::*;
use slipway_domain::run::view::EventRow;

use super::Watched;
use crate::{
    api::{runs::run_events, wire},
    pages::refused::Problem,
    parts::{
        badge::{Shape, Tone},
        empty::Empty,
        number, style, text,
        time::Ago,
    },
};

/// The Events tab.
#[component]
pub fn Events(watched: Watched) -> impl IntoView {
    let id = watched.id();
    let events = wire::shown(move || watched.changed.get(), move |_| run_events(id.clone()));
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match events.await {
                    Err(failure) => view! { <Problem failure=Signal::stored(Some(failure))/> }.into_any(),
                    Ok(events) if events.is_empty() => view! { <div class=style::CARD><Empty title="No events yet" hint="What Kubernetes and Slipway do with this run is written here"/></div> }.into_any(),
                    Ok(events) => view! { <ul class="rounded border border-line bg-surface text-table">{events.into_iter().map(row).collect_view()}</ul> }.into_any(),
                }
            })}
        </Transition>
    }
}

fn row(event: EventRow) -> AnyView {
    let (tone, word) = if event.warning { (Tone::Warn, "warning") } else { (Tone::Idle, "normal") };
    view! {
        <li class="flex gap-3 border-b border-line px-3 py-1.5 last:border-b-0 max-md:flex-wrap">
            <span class="w-20 shrink-0 text-ink-soft"><Ago at=Signal::stored(event.at)/></span>
            <span class=format!("flex w-48 shrink-0 items-center gap-1.5 self-start font-medium {}", tone.text())>
                <Shape tone=Signal::stored(tone)/>
                <span class="sr-only">{word}": "</span>
                <span class="min-w-0 break-words">{event.reason}</span>
            </span>
            <span class="min-w-0 flex-1 max-md:basis-full">
                <span class="block break-words">{text::plain(&event.message)}</span>
                <span class="block font-mono text-mono break-all text-ink-soft">
                    {event.object}
                    {(event.count > 1).then(|| format!(" · {}", number::counted(u64::from(event.count), "time", "times")))}
                </span>
            </span>
        </li>
    }
    .into_any()
}
