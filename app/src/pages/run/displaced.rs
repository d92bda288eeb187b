//! Whom this run displaced, and who displaced it: the preemption ledger, as far as the viewer may know the other run.

use leptos::prelude::*;
use slipway_domain::preemption::{Displacement, Other, Rank};

use super::Watched;
use crate::{
    parts::{
        badge::{Shape, Tone},
        style,
        time::Ago,
    },
    paths,
};

/// Both sides of the ledger; nothing where there is nothing in it.
#[component]
pub fn Displaced(watched: Watched) -> impl IntoView {
    let ledger = Memo::new(move |_| watched.detail.with(|detail| detail.ledger.clone()));
    move || {
        let ledger = ledger.get();
        let by = ledger.by.into_iter().map(|row| line(row, true));
        let lines: Vec<AnyView> = by.chain(ledger.of.into_iter().map(|row| line(row, false))).collect();
        (!lines.is_empty()).then(|| {
            view! {
                <ul class="max-h-60 overflow-y-auto rounded border border-line bg-surface text-table" aria-label="Displacements" tabindex="0">
                    {lines}
                </ul>
            }
        })
    }
}

fn line(row: Displacement, went: bool) -> AnyView {
    let tone = if went { Tone::Warn } else { Tone::Idle };
    let ranks = format!("{} over {}", rank(&row.came), rank(&row.went));
    let place = if row.node.is_empty() { String::new() } else { format!(" on {}", row.node) };
    view! {
        <li class="flex gap-2 border-b border-line px-3 py-1.5 last:border-b-0">
            <span class=format!("mt-1 {}", tone.text())><Shape tone=Signal::stored(tone)/></span>
            <span class="min-w-0 flex-1 break-words">
                {if went { "Displaced by " } else { "Displaced " }}
                {other(row.other, went)}
                {place}" "
                <Ago at=Signal::stored(row.at)/>
                <span class="text-ink-soft">": "{ranks}"; "{row.lost.words()}</span>
            </span>
        </li>
    }
    .into_any()
}

/// The other run, by name where the viewer may know it.
fn other(other: Option<Other>, came: bool) -> AnyView {
    match other {
        None if came => "a Pod of higher priority".into_any(),
        None => "a run that was deleted since".into_any(),
        Some(Other { team, run: None }) => format!("a run of {team}").into_any(),
        Some(Other { team, run: Some((id, name)) }) => {
            view! { <a class=style::LINK href=paths::run(&id)>{name.to_string()}</a>{format!(" of {team}")} }.into_any()
        }
    }
}

fn rank(rank: &Rank) -> String {
    let class = rank.class.as_deref().unwrap_or("the default priority");
    rank.value.map_or_else(|| class.to_owned(), |value| format!("{class} ({value})"))
}
