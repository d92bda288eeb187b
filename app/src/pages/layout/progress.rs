//! A re-layout that is under way, as steps with their times; and those of before.

use jiff::Timestamp;
use leptos::prelude::*;
use slipway_domain::relayout::{
    form::{Displaced, RelayoutRow},
    steps::{State, Step},
};

use super::plan::Moving;
use crate::{
    parts::{
        badge::{Shape, Tone},
        style,
        text::sentence_case,
        time::{Ago, Lasting},
    },
    paths,
};

/// Where it stands, and the button that ends it.
#[component]
pub fn Progress(open: RelayoutRow, held: Vec<Displaced>) -> impl IntoView {
    let steps = Step::ALL.map(|step| line(&open, step)).into_iter().collect::<Vec<_>>();
    let draining = matches!(open.state, State::Draining { left: 1.., .. });
    let (title, text, note) = match &open.state {
        State::Failed { cordoned: true, .. } => {
            ("Re-layout failed", "Uncordon and give it up", "The label is put back to what it was, and Pods may come again")
        }
        State::Uncordoning { .. } => ("Re-layout under way", "", ""),
        State::Cordoning
        | State::Draining { .. }
        | State::Labelling
        | State::Applying { .. }
        | State::Checking { .. }
        | State::Done
        | State::Failed { .. }
        | State::Aborted { .. } => ("Re-layout under way", "Abort", "The label is put back where it was set, and the cordon is lifted"),
    };
    view! {
        <section class=format!("{} flex flex-col gap-3 p-4", style::CARD) aria-label="Progress" data-relayout=open.id.0.clone()>
            <h2 class="text-body font-semibold">{title}</h2>
            <p class="text-table">
                {format!("{} ordered {}: ", open.who, open.config)}
                <span class="text-ink-soft">{open.after.clone()}", before "{open.before.clone()}</span>
                " "<Ago at=Signal::stored(open.ordered)/>
            </p>
            <ol class="flex flex-col gap-1.5 text-table">{steps}</ol>
            {end(&open.state)}
            {draining.then(|| view! { <Moving held/> })}
            {(!text.is_empty())
                .then(|| {
                    view! {
                        <form method="post" action=paths::layout(&open.node) class="flex flex-wrap items-center gap-3">
                            <input type="hidden" name="do" value="abort"/>
                            <button type="submit" class=style::DANGER>{text}</button>
                            <span class="text-table text-ink-soft">{note}</span>
                        </form>
                    }
                })}
        </section>
    }
    .into_any()
}

/// A step: not yet, at work, or done, and how long it took.
fn line(open: &RelayoutRow, step: Step) -> AnyView {
    let began = open.moments.iter().position(|moment| moment.state.step() == Some(step));
    let is_now = open.state.step() == Some(step);
    let failed = matches!(&open.state, State::Failed { step: at, .. } if *at == step);
    let aborted = matches!(&open.state, State::Aborted { at } | State::Uncordoning { aborted: Some(at), .. } if *at == step && step != Step::Uncordon);
    let (tone, what) = match (failed, aborted, is_now, began) {
        (true, ..) => (Tone::Bad, "failed"),
        (_, true, ..) => (Tone::Warn, "aborted"),
        (_, _, true, _) => (Tone::Busy, "under way"),
        (_, _, _, Some(_)) => (Tone::Good, "done"),
        (_, _, _, None) => (Tone::Idle, "to come"),
    };
    let times: Option<(Timestamp, Option<Timestamp>)> =
        began.map(|index| (open.moments[index].at, open.moments.get(index + 1).map(|next| next.at)));
    let says = if is_now { now(&open.state) } else { String::new() };
    view! {
        <li class="flex flex-wrap items-center gap-x-2" aria-current=is_now.then_some("step")>
            <span class=tone.text()><Shape tone=Signal::stored(tone)/></span>
            <span class="font-medium">{sentence_case(step.word())}</span>
            <span class="text-ink-soft">{what}</span>
            {times.map(|(from, until)| view! { <span class="text-ink-soft"><Lasting from=Signal::stored(from) until=Signal::stored(until)/></span> })}
            {(!says.is_empty()).then(|| view! { <span>{says}</span> })}
        </li>
    }
    .into_any()
}

/// What a step waits for.
fn now(state: &State) -> String {
    match state {
        State::Draining { left: 0, .. } => "Nobody holds a GPU there any more".to_owned(),
        State::Draining { left: 1, .. } => "1 Pod still holds GPUs".to_owned(),
        State::Draining { left, .. } => format!("{left} Pods still hold GPUs"),
        State::Applying { .. } => "mig-manager works; the node offers no GPU meanwhile".to_owned(),
        State::Checking { .. } => "The device plugin has yet to advertise the new cut".to_owned(),
        State::Uncordoning { restore: true, .. } => "The label is put back".to_owned(),
        State::Cordoning | State::Labelling | State::Uncordoning { .. } | State::Done | State::Failed { .. } | State::Aborted { .. } => {
            String::new()
        }
    }
}

/// How it ended.
fn end(state: &State) -> Option<AnyView> {
    let (tone, words) = match state {
        State::Done => (Tone::Good, vec!["Done: the GPUs are cut so".to_owned()]),
        State::Aborted { at } => (Tone::Warn, vec![format!("Aborted at the step “{}”", at.word())]),
        State::Failed { why, recovery, .. } => (Tone::Bad, vec![why.clone(), recovery.clone()]),
        State::Cordoning
        | State::Draining { .. }
        | State::Labelling
        | State::Applying { .. }
        | State::Checking { .. }
        | State::Uncordoning { .. } => return None,
    };
    Some(
        view! {
            <div class="flex items-start gap-2 text-table">
                <span class=format!("mt-1 {}", tone.text())><Shape tone=Signal::stored(tone)/></span>
                <div class="flex min-w-0 flex-col gap-1 break-words">{words.into_iter().map(|sentence| view! { <p>{sentence}</p> }).collect::<Vec<_>>()}</div>
            </div>
        }
        .into_any(),
    )
}

/// Those that have ended.
#[component]
pub fn Past(past: Vec<RelayoutRow>) -> impl IntoView {
    if past.is_empty() {
        return ().into_any();
    }
    let cell = style::CELL;
    let row = |row: &RelayoutRow| {
        view! {
            <tr class="border-b border-line last:border-b-0">
                <td class=cell><Ago at=Signal::stored(row.ordered)/></td>
                <td class=cell>{row.who.to_string()}</td>
                <td class=cell><span class="font-mono text-mono">{row.config.clone()}</span><span class="block text-ink-soft">{row.after.clone()}</span></td>
                <td class=cell>{end(&row.state)}</td>
            </tr>
        }
        .into_any()
    };
    view! {
        <section class="flex flex-col gap-2" aria-label="History">
            <h2 class="text-body font-semibold">"Before"</h2>
            <div class="overflow-x-auto rounded border border-line bg-surface">
                <table class="w-full border-collapse text-table">
                    <thead class="border-b border-line">
                        <tr>
                            <th scope="col" class=style::HEAD>"When"</th>
                            <th scope="col" class=style::HEAD>"Who"</th>
                            <th scope="col" class=style::HEAD>"Layout"</th>
                            <th scope="col" class=style::HEAD>"How it ended"</th>
                        </tr>
                    </thead>
                    <tbody>{past.iter().map(row).collect::<Vec<_>>()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}
