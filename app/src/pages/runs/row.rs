//! A run in the list: one row, and under it a second line where there is something to say. On a phone the row is two lines.

use leptos::prelude::*;
use slipway_domain::run::{
    report::Value,
    spec::RunId,
    state::{State, StateKind},
    view::RunRow,
};

use super::table::LiveRow;
use crate::{
    parts::{
        badge::Badge,
        number,
        sparkline::Sparkline,
        style,
        time::{Ago, Lasting},
    },
    paths,
};

/// A run, alive.
#[component]
pub fn Row(row: LiveRow, chosen: Memo<Option<RunId>>) -> impl IntoView {
    let (id, row) = row;
    let row = RwSignal::from(row);
    let href = paths::run(&id);
    let is_chosen = Memo::new(move |_| chosen.get().as_ref() == Some(&id));
    let kind = Memo::new(move |_| row.with(|row| row.state.kind()));
    let name = row.with_untracked(|row| row.name.to_string());
    let title = name.clone();
    let who = row.with_untracked(|row| row.who.to_string());
    let launched = Signal::derive(move || row.with(|row| row.launched));
    let asks_for = move || row.with(|row| row.asks_for.clone());
    let said = Memo::new(move |_| row.with(|row| what_to_say(&row.state)));
    let cell = style::CELL;
    view! {
        <tbody
            class="border-b border-line last:border-b-0 hover:bg-canvas data-[chosen=true]:bg-canvas data-[chosen=true]:outline-2 data-[chosen=true]:-outline-offset-2 data-[chosen=true]:outline-accent"
            data-chosen=move || is_chosen.get().to_string()
        >
            <tr>
                <td class=format!("{cell} max-md:hidden")><Badge kind/></td>
                <td class=format!("{cell} max-w-0 min-w-36 w-full md:w-auto md:max-w-80")>
                    <a class="block truncate font-medium text-ink hover:text-accent focus-visible:outline-2 focus-visible:outline-accent" href=href title=title>{name}</a>
                    <div class="mt-0.5 flex flex-wrap items-center gap-x-2 text-ink-soft md:hidden">
                        <Badge kind/>
                        <span>{who.clone()}</span>
                        <span>{asks_for}</span>
                        <Ran row/>
                    </div>
                    <Tags row/>
                </td>
                <td class=format!("{cell} max-md:hidden")>{who.clone()}</td>
                <td class=format!("{cell} whitespace-nowrap max-md:hidden")>{asks_for}</td>
                <td class=format!("{cell} text-ink-soft max-md:hidden")><Ago at=launched/></td>
                <td class=format!("{cell} text-right tabular-nums max-md:hidden")><Ran row/></td>
                <td class=format!("{cell} text-right tabular-nums")><Loss row/></td>
                <td class=format!("{cell} max-lg:hidden")>
                    {move || row.with(|row| view! { <Sparkline values=row.spark.clone() label=format!("Loss of {} so far", row.name)/> })}
                </td>
            </tr>
            {move || {
                said.get().map(|said| {
                    view! {
                        <tr>
                            <td class="max-md:hidden"></td>
                            <td class="px-3 pb-1.5 text-table text-ink-soft" colspan="7"><span class="line-clamp-2 break-words">{said}</span></td>
                        </tr>
                    }
                })
            }}
        </tbody>
    }
}

/// The sentence under a row: what it waits for, what is being prepared, why it failed.
fn what_to_say(state: &State) -> Option<String> {
    match state {
        State::Starting { what, node, .. } => Some(format!("{what}, on {node}")),
        State::Failed { why, exit_code: Some(code), .. } => Some(format!("Exit code {code}: {why}")),
        State::Waiting { why, .. } | State::Failed { why, exit_code: None, .. } => Some(why.clone()),
        State::Stopping { by, .. } => Some(format!("Stopped by {by}; writing its last checkpoint")),
        State::Stopped { by, .. } => Some(format!("Stopped by {by}")),
        State::Running { .. } | State::Suspended { .. } | State::Succeeded { .. } => None,
    }
    .filter(|sentence| !sentence.is_empty())
}

#[component]
fn Tags(row: RwSignal<RunRow>) -> impl IntoView {
    let tags = row.with_untracked(|row| row.tags.clone());
    (!tags.is_empty()).then(|| {
        view! {
            <ul class="mt-0.5 flex flex-wrap gap-1" aria-label="Tags">
                {tags.into_iter().map(|tag| view! { <li class="rounded border border-line px-1 text-mono text-ink-soft">{tag}</li> }).collect_view()}
            </ul>
        }
    })
}

/// How long it has trained.
#[component]
fn Ran(row: RwSignal<RunRow>) -> impl IntoView {
    let started = Memo::new(move |_| row.with(|row| row.state.started()));
    let ended = Memo::new(move |_| row.with(|row| row.state.ended()));
    let progress =
        Memo::new(move |_| row.with(|row| row.progress.filter(|progress| progress.of > 0 && row.state.kind() == StateKind::Running)));
    move || {
        started.get().map(|from| {
            view! {
                <span class="inline-flex items-center gap-1.5">
                    {move || progress.get().map(|progress| view! { <span class="text-ink-faint" title=format!("step {} of {}", number::count(progress.step), number::count(progress.of))>{percent(progress.step, progress.of)}</span> })}
                    <Lasting from=Signal::stored(from) until=ended/>
                </span>
            }
        })
    }
}

fn percent(done: u64, of: u64) -> String {
    format!("{} %", u128::from(done.min(of)) * 100 / u128::from(of.max(1)))
}

#[component]
fn Loss(row: RwSignal<RunRow>) -> impl IntoView {
    let loss = Memo::new(move |_| row.with(|row| row.loss.map(|Value(loss)| (number::measured(loss), loss.is_finite()))));
    move || match loss.get() {
        None => view! { <span class="text-ink-faint" title="It has reported no loss">"–"</span> }.into_any(),
        Some((text, true)) => view! { <span>{text}</span> }.into_any(),
        Some((text, false)) => view! { <span class="font-medium text-bad">"✕ "{text}</span> }.into_any(),
    }
}
