//! A node's page: each GPU large, who is in each slot, what else there is of it, and the Pods there.

use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use slipway_domain::node::{NodeDetail, Pressure};

use super::refused::{Problem, Refused};
use crate::{
    api::{
        self, Failure,
        nodes::{get_node, set_cordoned},
        wire,
    },
    live,
    parts::{
        badge::{HealthBadge, Tone},
        banner::Banner,
        gpu_map::{self, Legend, Names},
        style, time,
    },
    paths,
};

mod facts;
mod pods;
mod utilisation;

use facts::Facts;
use pods::Pods;

/// The Node page.
#[component]
pub fn Node() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.read().get("name").unwrap_or_default());
    let detail = wire::shown(
        move || name.get(),
        |name| {
            live::mark();
            get_node(name)
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match detail.await {
                    Err(failure) => view! { <Title text="Node"/><Refused failure/> }.into_any(),
                    Ok(detail) => view! { <Shown detail/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// A node that is being looked at. Copied into every part of its page.
#[derive(Clone, Copy)]
struct Watched {
    detail: RwSignal<NodeDetail>,
    failure: RwSignal<Option<Failure>>,
}

impl Watched {
    fn name(self) -> String {
        self.detail.with_untracked(|detail| detail.row.name.clone())
    }

    /// Fetches it again.
    async fn fetch(self) {
        // The page may have been left by now.
        let Some(name) = self.detail.try_with_untracked(|detail| detail.row.name.clone()) else { return };
        match get_node(name).await {
            Ok(now) => {
                let same = self.detail.try_with_untracked(|detail| *detail == now);
                if same == Some(false) {
                    self.detail.set(now);
                }
            }
            Err(failure) => {
                self.failure.try_set(Some(failure));
            }
        }
    }
}

#[component]
fn Shown(detail: NodeDetail) -> impl IntoView {
    let refusal = api::posted().and_then(|posted| posted.refusal);
    let watched = Watched { detail: RwSignal::new(detail), failure: RwSignal::new(refusal.map(Failure)) };
    live::follow(live::Watched::Nodes, live::fetching(move || watched.fetch()), move |since| {
        watched.detail.update(|detail| detail.stale_since = since);
    });
    let name = watched.name();
    let detail = watched.detail;
    view! {
        <Title text=name.clone()/>
        <div class="flex flex-col gap-4">
            <header class="flex flex-wrap items-center gap-x-4 gap-y-2">
                <h1 class="min-w-0 text-title font-semibold break-all">{name}</h1>
                <span class="text-body" role="status">{move || view! { <HealthBadge health=detail.with(|detail| detail.row.health)/> }}</span>
                <span class="flex-1"></span>
                {move || detail.with(layout)}
                <Cordon watched/>
            </header>
            <Problem failure=watched.failure/>
            {move || detail.with(notices)}
            {move || detail.with(gpus)}
            {move || detail.with(utilisation::table)}
            {move || detail.with(|detail| view! { <Facts detail=detail.clone()/> })}
            {move || detail.with(|detail| view! { <Pods detail=detail.clone()/> })}
        </div>
    }
}

/// The way to where its GPUs are cut anew; none where nothing manages how they are cut.
fn layout(detail: &NodeDetail) -> Option<AnyView> {
    detail.row.mig.as_ref()?;
    let text = "Cut GPUs anew…";
    Some(match &detail.denied {
        Some(why) => {
            view! { <button type="button" class=style::BUTTON disabled title=why.clone() aria-describedby="why-no-cordon">{text}</button> }
                .into_any()
        }
        None => view! { <a class=style::BUTTON href=paths::layout(&detail.row.name)>{text}</a> }.into_any(),
    })
}

/// What there is to worry about.
fn notices(detail: &NodeDetail) -> Vec<AnyView> {
    let row = &detail.row;
    let mut says: Vec<String> = Vec::new();
    if let Some(since) = detail.stale_since {
        says.push(format!("The cluster cannot be reached since {}; what is shown is as of then", time::absolute(since)));
    }
    if !row.unready.is_empty() {
        says.push(row.unready.clone());
    }
    if !row.pressures.is_empty() {
        says.push(format!("It is {}", row.pressures.iter().copied().map(Pressure::words).collect::<Vec<_>>().join(", ")));
    }
    says.extend(row.contradiction.clone());
    says.into_iter().map(|sentence| view! { <Banner tone=Tone::Warn>{sentence}</Banner> }.into_any()).collect()
}

/// Each GPU, large.
fn gpus(detail: &NodeDetail) -> Option<AnyView> {
    let row = &detail.row;
    let names = Names::new(detail.runs.clone(), detail.colours.clone(), paths::run);
    let cards = gpu_map::cards(&row.gpus, &row.dra, &names);
    let how = match (row.gpus.is_empty(), row.dra.is_empty()) {
        (_, true) => {
            "Kubernetes says which node a Pod is on, and not which GPU or slot of it: they are drawn in the order in which the Pods came"
        }
        (true, false) => "These are given by claims (DRA), which say whose each is",
        (false, false) => {
            "Of GPUs that are given by claims (DRA) it is said whose each is; the others are drawn in the order in which the Pods came"
        }
    };
    (!cards.is_empty()).then(|| {
        view! {
            <section class="flex flex-col gap-3" aria-label="GPUs">
                <ol class="grid grid-cols-1 gap-3 sm:grid-cols-2 lg:grid-cols-4">{cards}</ol>
                <Legend colours=detail.colours.clone()/>
                <p class="text-table text-ink-soft">{how}</p>
            </section>
        }
        .into_any()
    })
}

/// Keeps new Pods off the node, or lets them come again.
#[component]
fn Cordon(watched: Watched) -> impl IntoView {
    let busy = RwSignal::new(false);
    let denied = watched.detail.with_untracked(|detail| detail.denied.clone());
    let cordoned = Memo::new(move |_| watched.detail.with(|detail| detail.cordoned));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let (name, wanted) = (watched.name(), !cordoned.get_untracked());
        leptos::task::spawn_local(async move {
            let answer = set_cordoned(name, wanted).await;
            busy.try_set(false);
            match answer {
                Ok(()) => {
                    watched.failure.try_set(None);
                    watched.fetch().await;
                }
                Err(failure) => {
                    watched.failure.try_set(Some(failure));
                }
            }
        });
    };
    let word = move || if cordoned.get() { "uncordon" } else { "cordon" };
    let text = move || if cordoned.get() { "Uncordon" } else { "Cordon" };
    let title = denied.clone().unwrap_or_else(|| "A cordoned node runs what it has and takes no more".to_owned());
    let may_not = denied.is_some();
    view! {
        <form method="post" action=paths::node(&watched.name()) on:submit=submit class="flex flex-wrap items-center gap-2">
            {denied.map(|why| view! { <span class="text-table text-ink-soft" id="why-no-cordon">{why}</span> })}
            <input type="hidden" name="do" value=word/>
            <button type="submit" class=style::BUTTON disabled=move || may_not || busy.get() title=title aria-describedby=may_not.then_some("why-no-cordon")>{text}</button>
        </form>
    }
    .into_any()
}
