//! The list's table. Rows are patched in place as the stream tells of them, so that nothing jumps or flickers.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use slipway_domain::run::{
    spec::RunId,
    view::{PAGE_SIZE, Page, RunQuery, RunRow, RunSort},
};

use super::{
    keys::{self, Move},
    row::Row,
};
use crate::{
    api::{Failure, runs::list_runs},
    live::{self, Message},
    pages::refused::Problem,
    parts::{
        badge::Tone,
        banner::Banner,
        icon::{DOWN, Icon, UP},
        style, time,
    },
    paths,
};

/// A row that changes by itself. It is made when the stream says so, which nobody owns: it goes when the list lets go of it.
pub type LiveRow = (RunId, ArcRwSignal<RunRow>);

/// The table.
#[component]
pub fn Table(
    /// What the server answered.
    page: Page<RunRow>,
    /// What was asked.
    query: RunQuery,
    /// How many runs there are on all pages.
    total: RwSignal<Option<u64>>,
) -> impl IntoView {
    let rows = RwSignal::new(live_rows(page.rows));
    let stale = RwSignal::new(page.stale_since);
    let failure = RwSignal::new(None::<Failure>);
    let topic = paths::live_runs(&query.team);
    let asked = query.clone();
    let again = live::fetching(move || {
        let asked = asked.clone();
        async move {
            match list_runs(asked).await {
                Ok(page) => {
                    rows.try_set(live_rows(page.rows));
                    total.try_set(Some(page.total));
                    stale.try_set(page.stale_since);
                    failure.try_set(None);
                }
                Err(refused) => {
                    failure.try_set(Some(refused));
                }
            }
        }
    });
    let shown = query.clone();
    live::listen(Signal::stored(topic), move |message| match message {
        Message::Run(row) => patch(rows, total, &shown, *row),
        Message::RunGone { id } => {
            let before = rows.with_untracked(Vec::len);
            rows.update(|rows| rows.retain(|(other, _)| *other != id));
            if rows.with_untracked(Vec::len) < before {
                total.update(|total| *total = total.map(|total| total.saturating_sub(1)));
            }
        }
        Message::Cluster { stale_since } => stale.set(stale_since),
        Message::Resync => again(),
        Message::Metrics { .. } | Message::Log { .. } | Message::Detail { .. } | Message::Changed { .. } | Message::SignedOut => {}
    });

    let chosen = RwSignal::new(None::<usize>);
    let navigate = use_navigate();
    keys::listen(move |asked| {
        let last = rows.with_untracked(|rows| rows.len().checked_sub(1));
        let Some(last) = last else { return };
        match (asked, chosen.get_untracked()) {
            (Move::Down, at) => chosen.set(Some(at.map_or(0, |at| (at + 1).min(last)))),
            (Move::Up, at) => chosen.set(Some(at.map_or(last, |at| at.saturating_sub(1)))),
            (Move::Open, Some(at)) => {
                if let Some(path) = rows.with_untracked(|rows| rows.get(at).map(|(id, _)| paths::run(id))) {
                    navigate(&path, NavigateOptions::default());
                }
            }
            (Move::Open, None) => {}
        }
    });
    let chosen_id = Memo::new(move |_| chosen.get().and_then(|at| rows.with(|rows| rows.get(at).map(|(id, _)| id.clone()))));

    view! {
        <Problem failure/>
        {move || {
            stale.get().map(|since| {
                view! {
                    <Banner tone=Tone::Warn>
                        "The cluster cannot be reached since "{time::absolute(since)}"; what is shown is as of then, and new runs wait until it is back"
                    </Banner>
                }
            })
        }}
        <div class="overflow-x-auto rounded border border-line bg-surface">
            <table class="w-full border-collapse text-table">
                <thead class="border-b border-line">
                    <tr>
                        <Head label="State" sort=RunSort::State query=query.clone() class="w-32 max-md:hidden"/>
                        <Head label="Name" sort=RunSort::Name query=query.clone() class=""/>
                        <Head label="Who" sort=RunSort::Who query=query.clone() class="max-md:hidden"/>
                        <th scope="col" class=format!("{} max-md:hidden", style::HEAD)>"Asks for"</th>
                        <Head label="Launched" sort=RunSort::Launched query=query.clone() class="max-md:hidden"/>
                        <th scope="col" class=format!("{} text-right max-md:hidden", style::HEAD)>"Ran"</th>
                        <Head label="Loss" sort=RunSort::Loss query=query.clone() class="text-right"/>
                        <th scope="col" class=format!("{} w-28 max-lg:hidden", style::HEAD)>"Loss so far"</th>
                    </tr>
                </thead>
                <For each=move || rows.get() key=|(id, _)| id.clone() let:row>
                    <Row row chosen=chosen_id/>
                </For>
            </table>
        </div>
        <p class="text-table text-ink-faint max-md:hidden">
            <kbd class="font-mono">"j"</kbd>" "<kbd class="font-mono">"k"</kbd>" choose a run, "<kbd class="font-mono">"Enter"</kbd>" opens it"
        </p>
    }
}

fn live_rows(rows: Vec<RunRow>) -> Vec<LiveRow> {
    rows.into_iter().map(|row| (row.id.clone(), ArcRwSignal::new(row))).collect()
}

/// Puts a changed run where it belongs: into its row, or, on the first page of the newest, at the top.
fn patch(rows: RwSignal<Vec<LiveRow>>, total: RwSignal<Option<u64>>, query: &RunQuery, row: RunRow) {
    let known = rows.with_untracked(|rows| rows.iter().find(|(id, _)| *id == row.id).map(|(_, signal)| signal.clone()));
    if let Some(signal) = known {
        signal.set(row);
    } else if query.page == 0 && query.sort == RunSort::Launched && !query.ascending && fits(query, &row) {
        let newest = rows.with_untracked(|rows| rows.first().map(|(_, first)| first.with_untracked(|first| first.launched)));
        if newest.is_none_or(|newest| row.launched >= newest) {
            rows.update(|rows| {
                rows.insert(0, (row.id.clone(), ArcRwSignal::new(row)));
                rows.truncate(PAGE_SIZE as usize);
            });
            total.update(|total| *total = total.map(|total| total + 1));
        }
    }
}

/// Whether a run is among those asked for, by the rules of the server's own query.
fn fits(query: &RunQuery, row: &RunRow) -> bool {
    (query.team.is_empty() || query.team == row.team.as_str())
        && (query.states.is_empty() || query.states.contains(&row.state.kind()))
        && (query.who.is_empty() || query.who == row.who.as_str())
        && (query.tag.is_empty() || row.tags.contains(&query.tag))
        && (query.name.is_empty() || row.name.as_str().contains(&query.name.to_ascii_lowercase()))
}

/// The head of a column that orders the list; pressing it again turns the order around.
#[component]
fn Head(label: &'static str, sort: RunSort, query: RunQuery, class: &'static str) -> impl IntoView {
    let here = query.sort == sort;
    // The newest come first, names begin with a; what is most useful comes first.
    let natural = !matches!(sort, RunSort::Launched);
    let ascending = if here { !query.ascending } else { natural };
    let href = paths::runs(&RunQuery { sort, ascending, page: 0, ..query.clone() });
    let order = if !here {
        "none"
    } else if query.ascending {
        "ascending"
    } else {
        "descending"
    };
    view! {
        <th scope="col" class=format!("{} {class}", style::HEAD) aria-sort=order>
            <a class="inline-flex items-center gap-1 hover:text-ink focus-visible:outline-2 focus-visible:outline-accent" href=href>
                {label}
                {here.then(|| view! { <Icon path=if query.ascending { UP } else { DOWN }/> })}
            </a>
        </th>
    }
}
