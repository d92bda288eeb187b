//! The nodes: each GPU as it is cut, who holds what, and what there is in all.

use std::hash::{DefaultHasher, Hash, Hasher};

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use slipway_domain::node::{Fleet, NodeQuery, NodeRow, PAGE_SIZE, Total};

use super::refused::{Problem, Refused};
use crate::{
    api::{Failure, nodes::list_nodes, wire},
    live::{self, Watched},
    parts::{
        activity,
        badge::Tone,
        banner::Banner,
        empty::Empty,
        gpu_map::{Legend, Names},
        number, style, time,
    },
    paths,
};

mod filters;
mod idle;
mod row;

use filters::Filters;
use row::Row;

/// The Nodes page.
#[component]
pub fn Nodes() -> impl IntoView {
    let map = use_query_map();
    let query = Memo::new(move |_| map.with(|map| paths::read_nodes(|name| map.get(name))));
    let fleet = wire::shown(
        move || query.get(),
        |query| {
            live::mark();
            list_nodes(query)
        },
    );
    view! {
        <Title text="Nodes"/>
        <div class="flex flex-col gap-3">
            <h1 class="text-title font-semibold">"Nodes"</h1>
            <Filters query fleet/>
            <Transition>
                {move || Suspend::new(async move {
                    match fleet.await {
                        Err(failure) => view! { <Refused failure/> }.into_any(),
                        Ok(fleet) => view! { <Shown fleet query/> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

#[component]
fn Shown(fleet: Fleet, query: Memo<NodeQuery>) -> impl IntoView {
    let shown = query.get_untracked();
    let named = |fleet: &Fleet| Names::new(fleet.runs.clone(), fleet.colours.clone(), paths::run);
    let names = StoredValue::new(named(&fleet));
    let fleet = RwSignal::new(fleet);
    let failure = RwSignal::new(None::<Failure>);
    let asked = shown.clone();
    let again = live::fetching(move || {
        let asked = asked.clone();
        async move {
            match list_nodes(asked).await {
                Ok(now) => {
                    // Before the rows that are named by them.
                    names.try_set_value(named(&now));
                    fleet.try_set(now);
                    failure.try_set(None);
                }
                Err(refused) => {
                    failure.try_set(Some(refused));
                }
            }
        }
    });
    live::follow(Watched::Nodes, again, move |since| fleet.update(|fleet| fleet.stale_since = since));
    let rows = move || fleet.with(|fleet| fleet.rows.iter().map(|row| (version(row), row.clone())).collect::<Vec<_>>());
    let found = Memo::new(move |_| fleet.with(|fleet| fleet.found));
    let nothing = shown.clone();
    view! {
        <Totals fleet/>
        <Problem failure/>
        {move || fleet.with(|fleet| activity::not_measured(&fleet.measuring))}
        {move || {
            fleet.with(|fleet| fleet.stale_since).map(|since| {
                view! {
                    <Banner tone=Tone::Warn>"The cluster cannot be reached since "{time::absolute(since)}"; what is shown is as of then"</Banner>
                }
            })
        }}
        {move || fleet.with(|fleet| idle::table(fleet, &names.get_value()))}
        <Show when=move || { found.get() > 0 } fallback=move || view! { <Nothing query=nothing.clone()/> }>
            <div class="overflow-x-auto rounded border border-line bg-surface">
                <table class="w-full border-collapse text-table max-md:block">
                    <thead class="border-b border-line max-md:hidden">
                        <tr>
                            <th scope="col" class=style::HEAD>"Node"</th>
                            <th scope="col" class=style::HEAD>"Product"</th>
                            <th scope="col" class=style::HEAD>"GPUs"</th>
                            <th scope="col" class=format!("{} max-lg:hidden", style::HEAD)>"GPU activity"</th>
                            <th scope="col" class=format!("{} max-lg:hidden", style::HEAD)>"CPU"</th>
                            <th scope="col" class=format!("{} max-lg:hidden", style::HEAD)>"Memory"</th>
                        </tr>
                    </thead>
                    <For each=rows key=|(version, _)| *version let((_, row))>
                        <Row row names=names.get_value()/>
                    </For>
                </table>
            </div>
        </Show>
        <div class="flex flex-wrap items-start justify-between gap-3">
            {move || fleet.with(|fleet| (!fleet.rows.is_empty()).then(|| view! { <Legend colours=fleet.colours.clone()/> }))}
            <Pages query=shown found/>
        </div>
    }
}

/// A row is made anew when anything of it has changed, and stays as it is otherwise.
fn version(row: &NodeRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    hasher.finish()
}

/// What there is of each resource on the nodes that are ready.
#[component]
fn Totals(fleet: RwSignal<Fleet>) -> impl IntoView {
    let total = |total: &Total| {
        let gpus = total.in_gpus().map(|gpus| format!(" (≈ {gpus} GPUs)"));
        let title = format!("{} of {} {} are held on the nodes that are ready", total.used, total.all, total.name);
        view! {
            <li class="whitespace-nowrap" title=title>
                <span class="font-medium">{total.name.clone()}</span>
                {format!(" {}/{}", number::count(u64::from(total.used)), number::count(u64::from(total.all)))}
                {gpus.map(|gpus| view! { <span class="text-ink-soft">{gpus}</span> })}
            </li>
        }
        .into_any()
    };
    move || {
        fleet.with(|fleet| {
            (!fleet.totals.is_empty()).then(|| {
                view! {
                    <ul class="flex flex-wrap gap-x-5 gap-y-1 rounded border border-line bg-surface px-3 py-2 text-table tabular-nums" aria-label="Held, of what is ready">
                        {fleet.totals.iter().map(total).collect::<Vec<_>>()}
                    </ul>
                }
            })
        })
    }
}

/// No node at all, or none that fits.
#[component]
fn Nothing(query: NodeQuery) -> impl IntoView {
    if query == NodeQuery::default() {
        view! { <Empty title="No nodes" hint="The cluster has no nodes, or has not been reached since Slipway started; they are shown as soon as they are seen"/> }.into_any()
    } else {
        view! {
            <Empty title="No node fits these filters" hint="Take some of them away">
                <a class=style::BUTTON href=paths::NODES>"Show all nodes"</a>
            </Empty>
        }
        .into_any()
    }
}

/// Which part of the list is shown, and the way to the others.
#[component]
fn Pages(query: NodeQuery, found: Memo<u32>) -> impl IntoView {
    let (page, size) = (query.page, PAGE_SIZE);
    let to = move |page: u32| paths::nodes(&NodeQuery { page, ..query.clone() });
    move || {
        let found = found.get();
        let pages = found.div_ceil(size);
        let to = to.clone();
        (pages > 1).then(move || {
            let range =
                format!("{}–{} of {}", page.saturating_mul(size).saturating_add(1), found.min((page + 1).saturating_mul(size)), found);
            view! {
                <nav class="ml-auto flex items-center gap-2 text-table text-ink-soft" aria-label="Pages">
                    <span class="tabular-nums">{if page < pages { range } else { format!("{pages} pages") }}</span>
                    {step(page.checked_sub(1).map(|before| to(before.min(pages - 1))), "Previous", "prev", "This is the first page")}
                    {step((page + 1 < pages).then(|| to(page + 1)), "Next", "next", "This is the last page")}
                </nav>
            }
        })
    }
}

fn step(href: Option<String>, label: &'static str, rel: &'static str, why_not: &'static str) -> AnyView {
    match href {
        Some(href) => view! { <a class=style::BUTTON href=href rel=rel>{label}</a> }.into_any(),
        None => view! { <button class=style::BUTTON type="button" disabled title=why_not>{label}</button> }.into_any(),
    }
}
