//! How a node's GPUs are cut, and cutting them anew: pick a layout, see who would have to move, confirm, and watch it be done.
//!
//! What is picked is in the URL, and everything that is done is done by plain forms: the order outlives the page, the browser
//! and the server, so the page is found again by its URL at any point of it.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use slipway_domain::{
    refusal::Refusal,
    relayout::form::{LayoutForm, LayoutPage},
};

use super::refused::{Problem, Refused};
use crate::{
    api::{self, Failure, relayouts::get_layout, wire},
    live::{self, Watched},
    parts::{
        badge::{HealthBadge, Tone},
        banner::Banner,
        gpu_map::{self, Names},
        style, time,
    },
    paths,
    query::query_of,
};

mod choice;
mod plan;
mod progress;

use choice::Pick;
use plan::Confirm;
use progress::{Past, Progress};

/// The Layout page.
#[component]
pub fn Layout() -> impl IntoView {
    let params = use_params_map();
    let node = move || params.read().get("name").unwrap_or_default();
    let query = query_of(move || paths::layout(&node()));
    let posted = api::posted().unwrap_or_default();
    let typed = posted.typed;
    // A form that was refused comes back as it was typed; else the URL says what is picked.
    let asked = Memo::new(move |_| {
        let query = query.read();
        let of = |name: &str| typed.get(name).cloned().or_else(|| query.get(name)).unwrap_or_default();
        let form = LayoutForm { config: of("config"), layout: of("layout"), drain: of("drain") };
        (node(), form)
    });
    let page = wire::shown(
        move || asked.get(),
        |(node, form)| {
            live::mark();
            get_layout(node, form)
        },
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let (node, form) = asked.get_untracked();
                match page.await {
                    Err(failure) => view! { <Title text="Layout"/><Refused failure/> }.into_any(),
                    Ok(page) => view! { <Shown node form page/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Shown(node: String, form: LayoutForm, page: LayoutPage) -> impl IntoView {
    let refusal = api::posted().and_then(|posted| posted.refusal);
    let mut wrong = page.wrong.clone();
    let failure = match refusal {
        Some(Refusal::Invalid { fields }) => {
            wrong.extend(fields);
            None
        }
        other => other.map(Failure),
    };
    let failure = RwSignal::new(failure);
    let first = page.clone();
    let page = RwSignal::new(page);
    let asked = (node.clone(), form.clone());
    let again = live::fetching(move || {
        let (node, form) = asked.clone();
        async move {
            if let Ok(now) = get_layout(node, form).await
                && page.try_with_untracked(|page| *page != now) == Some(true)
            {
                page.set(now);
            }
        }
    });
    live::follow(Watched::Nodes, again.clone(), move |_| again());
    let is_open = Memo::new(move |_| page.with(|page| page.open.as_ref().is_some_and(|open| !open.state.has_ended())));
    let picks = move || {
        let (first, form, wrong) = (first.clone(), form.clone(), wrong.clone());
        (!is_open.get()).then(|| match first.why_not.clone() {
            Some(why) => view! { <Banner tone=Tone::Idle>{why}</Banner> }.into_any(),
            None => view! { <Pick page=first.clone() form=form.clone() wrong/><Confirm page=first form/> }.into_any(),
        })
    };
    view! {
        <Title text=format!("Layout of {node}")/>
        <div class="flex flex-col gap-4">
            <header class="flex flex-wrap items-center gap-x-4 gap-y-2">
                <h1 class="min-w-0 text-title font-semibold break-all">{format!("Layout of {node}")}</h1>
                <span class="text-body" role="status">{move || view! { <HealthBadge health=page.with(|page| page.node.health)/> }}</span>
                <a class=style::LINK href=paths::node(&node)>"Go to the node"</a>
            </header>
            <Problem failure/>
            {move || page.with(notices)}
            {move || page.with(|page| page.open.clone().map(|open| view! { <Progress open held=page.held.clone()/> }))}
            {move || page.with(now)}
            {picks}
            {move || page.with(|page| view! { <Past past=page.past.clone()/> })}
        </div>
    }
}

fn notices(page: &LayoutPage) -> Vec<AnyView> {
    let stale =
        page.stale_since.map(|since| format!("The cluster cannot be reached since {}; what is shown is as of then", time::absolute(since)));
    stale
        .into_iter()
        .chain(page.node.contradiction.clone())
        .map(|sentence| view! { <Banner tone=Tone::Warn>{sentence}</Banner> }.into_any())
        .collect()
}

/// How the GPUs are cut now.
fn now(page: &LayoutPage) -> AnyView {
    let runs = page.held.iter().filter_map(|displaced| displaced.run.clone()).collect();
    let names = Names::new(runs, std::collections::BTreeMap::new(), paths::run);
    let product = page.node.product.clone().unwrap_or_default();
    let label = page.config.clone().map(|config| format!(", its label says {config}")).unwrap_or_default();
    view! {
        <section class=format!("{} flex flex-col gap-2 p-4", style::CARD) aria-label="Now">
            <h2 class="text-body font-semibold">"Now"</h2>
            {gpu_map::strip(&page.node.gpus, &[], &names)}
            <p class="text-table text-ink-soft">{format!("{} × {product}{label}", page.node.gpus.len())}</p>
        </section>
    }
    .into_any()
}
