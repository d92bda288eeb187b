//! The list of runs: what there is, where each stands, and why what waits, waits.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use slipway_domain::run::view::{PAGE_SIZE, RunQuery};

use super::refused::Refused;
use crate::{
    api::{runs::list_runs, wire},
    live,
    parts::{
        empty::Empty,
        icon::{Icon, PLUS},
        number, style,
    },
    paths,
};

mod filters;
mod keys;
mod row;
mod table;

use filters::Filters;
use table::Table;

/// The Runs page.
#[component]
pub fn Runs() -> impl IntoView {
    let map = use_query_map();
    let query = Memo::new(move |_| map.with(|map| paths::read_runs(|name| map.get_all(name).unwrap_or_default())));
    let page = wire::shown(
        move || query.get(),
        |query| {
            live::mark();
            list_runs(query)
        },
    );
    let total = RwSignal::new(None::<u64>);
    view! {
        <Title text="Runs"/>
        <div class="flex flex-col gap-3">
            <div class="flex items-center gap-3">
                <h1 class="text-title font-semibold">"Runs"</h1>
                <Transition>
                    {move || Suspend::new(async move {
                        total.set(page.await.ok().map(|page| page.total));
                        view! { <span class="text-table text-ink-soft tabular-nums">{move || total.get().map(|total| number::counted(total, "run", "runs"))}</span> }
                    })}
                </Transition>
                <span class="flex-1"></span>
                <a class=style::PRIMARY href=paths::NEW_RUN><Icon path=PLUS/>"New run"</a>
            </div>
            <Filters query/>
            <Transition>
                {move || Suspend::new(async move {
                    match page.await {
                        Err(failure) => view! { <Refused failure/> }.into_any(),
                        Ok(page) => {
                            let shown = query.get_untracked();
                            if page.rows.is_empty() && shown.page == 0 {
                                view! { <Nothing query=shown/> }.into_any()
                            } else {
                                let pages = page.total.div_ceil(PAGE_SIZE.into());
                                view! {
                                    <Table page query=shown.clone() total/>
                                    <Pages query=shown total pages/>
                                }
                                    .into_any()
                            }
                        }
                    }
                })}
            </Transition>
        </div>
    }
}

/// No run at all, or none that fits.
#[component]
fn Nothing(query: RunQuery) -> impl IntoView {
    let plain = RunQuery { sort: query.sort, ascending: query.ascending, page: query.page, ..RunQuery::default() };
    if query == plain {
        view! {
            <Empty title="No runs yet" hint="Launch the shipped example to see one train: a small network on 1,797 handwritten digits, done in a few seconds on one CPU">
                <a class=style::PRIMARY href=paths::NEW_RUN>"New run"</a>
            </Empty>
        }
    } else {
        view! {
            <Empty title="No run fits these filters" hint="Take some of them away">
                <a class=style::BUTTON href=paths::RUNS>"Show all runs"</a>
            </Empty>
        }
    }
}

/// Which part of the list is shown, and the way to the others.
#[component]
fn Pages(query: RunQuery, total: RwSignal<Option<u64>>, pages: u64) -> impl IntoView {
    let page = u64::from(query.page);
    let to = |page: u32| paths::runs(&RunQuery { page, ..query.clone() });
    let previous = query.page.checked_sub(1).map(to);
    let next = (page + 1 < pages).then(|| to(query.page + 1));
    let size = u64::from(PAGE_SIZE);
    (pages > 1).then(|| {
        view! {
            <nav class="flex items-center justify-end gap-2 text-table text-ink-soft" aria-label="Pages">
                <span class="tabular-nums">
                    {move || {
                        let total = total.get().unwrap_or_default();
                        format!("{}–{} of {}", number::count(page * size + 1), number::count(total.min((page + 1) * size)), number::count(total))
                    }}
                </span>
                {step(previous, "Newer", "prev", "This is the first page")}
                {step(next, "Older", "next", "This is the last page")}
            </nav>
        }
    })
}

fn step(href: Option<String>, label: &'static str, rel: &'static str, why_not: &'static str) -> AnyView {
    match href {
        Some(href) => view! { <a class=style::BUTTON href=href rel=rel>{label}</a> }.into_any(),
        None => view! { <button class=style::BUTTON type="button" disabled title=why_not>{label}</button> }.into_any(),
    }
}
