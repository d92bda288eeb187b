//! The phases of a run's life, in order, each with how long it took; the last one ticks.

use leptos::prelude::*;
use slipway_domain::run::view::Phase;

use super::{
    badge::{Shape, Tone},
    time::Lasting,
};

/// The phases as a line of stations.
#[component]
pub fn Phases(
    /// In order.
    #[prop(into)]
    phases: Signal<Vec<Phase>>,
) -> impl IntoView {
    view! {
        <ol class="flex flex-wrap items-center gap-y-1 text-table" aria-label="Phases">
            {move || {
                phases
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(index, phase)| {
                        let tone = Tone::of(phase.kind);
                        let ended = phase.kind.has_ended();
                        view! {
                            <li class="flex items-center">
                                {(index > 0).then(|| view! { <span class="mx-2 h-px w-5 bg-line-strong" aria-hidden="true"></span> })}
                                <span class=format!("mr-1.5 {}", tone.text())><Shape tone=Signal::stored(tone)/></span>
                                <span class="font-medium">{phase.kind.word()}</span>
                                {(!ended).then(|| view! { <span class="ml-1.5 text-ink-soft"><Lasting from=Signal::stored(phase.from) until=Signal::stored(phase.until)/></span> })}
                            </li>
                        }
                    })
                    .collect_view()
            }}
        </ol>
    }
}
