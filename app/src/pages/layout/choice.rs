//! The layouts that can be picked, each drawn, and one of one's own.

use std::collections::BTreeMap;

use leptos::prelude::*;
use slipway_domain::{
    refusal::FieldErrors,
    relayout::{
        configs::Offer,
        form::{LayoutForm, LayoutPage, OWN},
        steps::Drain,
    },
};

use crate::{
    parts::{
        gpu_map::{self, Names},
        style,
    },
    paths,
};

const RADIO: &str = "mt-1 accent-accent focus-visible:outline-2 focus-visible:outline-offset-2 focus-visible:outline-accent";

/// Picks a layout; the answer is the same page with what it would do.
#[component]
pub fn Pick(page: LayoutPage, form: LayoutForm, wrong: FieldErrors) -> impl IntoView {
    let names = Names::new(BTreeMap::new(), BTreeMap::new(), paths::run);
    let says = |field: &str| {
        wrong
            .get(field)
            .cloned()
            .map(|sentence| view! { <p class="text-table break-words whitespace-pre-wrap text-bad">"✕ "{sentence}</p> })
    };
    let offer = |offer: &Offer| {
        view! {
            <label class="flex min-w-0 items-start gap-2 border-b border-line px-3 py-2 last:border-b-0 hover:bg-canvas">
                <input class=RADIO type="radio" name="config" value=offer.name.clone() checked=form.config == offer.name/>
                <span class="flex min-w-0 flex-1 flex-col gap-1">
                    <span class="font-mono text-mono break-words">{offer.name.clone()}</span>
                    {gpu_map::strip(&offer.gpus, &[], &names)}
                    <span class="text-table text-ink-soft">{offer.layout.words()}</span>
                </span>
            </label>
        }
        .into_any()
    };
    let rows = page.offers.iter().map(offer).collect::<Vec<_>>();
    let own = if form.layout.is_empty() { vec!["whole"; page.node.gpus.len()].join("\n") } else { form.layout.clone() };
    let drain = |drain: Drain, text: &'static str| {
        let chosen = form.drain == drain.word() || (form.drain.is_empty() && drain == Drain::Evict);
        view! {
            <label class="flex items-start gap-2 text-table">
                <input class=RADIO type="radio" name="drain" value=drain.word() checked=chosen/>
                <span>{text}</span>
            </label>
        }
        .into_any()
    };
    view! {
        <form method="get" action=paths::layout(&page.node.name) data-form="layout" class="flex flex-col gap-3">
            <h2 class="text-body font-semibold">"Cut them anew"</h2>
            {says("config")}
            <fieldset class=format!("{} flex flex-col", style::CARD)>
                <legend class="sr-only">"Layout"</legend>
                {rows}
                <label class="flex min-w-0 items-start gap-2 px-3 py-2">
                    <input class=RADIO type="radio" name="config" value=OWN checked=form.config == OWN/>
                    <span class="flex min-w-0 flex-1 flex-col gap-1">
                        <span class="text-table font-medium">"As written here, a line for each GPU"</span>
                        <textarea class=style::AREA name="layout" rows="4" aria-label="Layout, a line for each GPU" spellcheck="false">{own}</textarea>
                        {says("layout")}
                        <span class="text-table text-ink-soft">"whole, or slices such as 2 x 1g.5gb + 3g.20gb"</span>
                    </span>
                </label>
            </fieldset>
            <p class="text-table text-ink-soft">{page.source}</p>
            <fieldset class="flex flex-col gap-1.5">
                <legend class="text-table font-medium">"Pods that hold GPUs there"</legend>
                {drain(Drain::Evict, "are evicted, each with its grace period")}
                {drain(Drain::Wait, "are waited for until they end by themselves")}
                {says("drain")}
            </fieldset>
            <div><button type="submit" class=style::BUTTON>"Show what would happen"</button></div>
        </form>
    }
    .into_any()
}
