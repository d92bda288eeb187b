//! The head of a run's page: its name, where it stands, its phases, and what it waits for.

use leptos::prelude::*;
use slipway_domain::run::state::{State, StateKind};

use super::{Watched, actions::Actions, why::Why};
use crate::parts::{
    badge::Badge,
    number,
    phases::Phases,
    time::{Ago, Lasting, duration, seconds_between},
};

/// The head.
#[component]
pub fn Header(watched: Watched) -> impl IntoView {
    let detail = watched.detail;
    let (name, who, team) =
        detail.with_untracked(|detail| (detail.row.name.to_string(), detail.row.who.to_string(), detail.row.team.to_string()));
    let state = Memo::new(move |_| detail.with(|detail| detail.row.state.clone()));
    let kind = Memo::new(move |_| state.with(State::kind));
    let since = Memo::new(move |_| state.with(began));
    let until = Memo::new(move |_| state.with(State::ended));
    let launched = Signal::derive(move || detail.with(|detail| detail.row.launched));
    let phases = Signal::derive(move || detail.with(|detail| detail.phases.clone()));
    let said = Memo::new(move |_| {
        detail.with(|detail| match (&detail.row.state, &detail.why) {
            (State::Starting { .. } | State::Suspended { .. }, Some(why)) => Some(why.sentence.clone()),
            (state, _) => sentence(state),
        })
    });
    let note = detail.with_untracked(|detail| detail.spec.note.clone());
    view! {
        <header class="flex flex-col gap-2">
            <div class="flex flex-wrap items-center gap-x-4 gap-y-2">
                <h1 class="min-w-0 text-title font-semibold break-all">{name}</h1>
                <span class="flex items-center gap-2 text-body" role="status" data-testid="state">
                    <Badge kind/>
                    {move || since.get().map(|from| view! { <span class="text-ink-soft"><Lasting from=Signal::stored(from) until/></span> })}
                </span>
                <span class="flex-1"></span>
                <Actions watched/>
            </div>
            <p class="text-table text-ink-soft">
                "Launched by "{who}" in "{team}" "<Ago at=launched/>
                {(!note.is_empty()).then(|| view! { " · "{note} })}
            </p>
            <div class="flex flex-wrap items-center gap-x-4 gap-y-1">
                <Phases phases/>
                <Progress watched/>
            </div>
            {move || said.get().map(|said| view! { <p class="text-body break-words" data-testid="why">{said}</p> })}
            <Why watched/>
        </header>
    }
}

/// From when the shown duration counts: the training of a run that trains or has trained, the wait of one that waits.
fn began(state: &State) -> Option<jiff::Timestamp> {
    match state {
        State::Waiting { since, .. } | State::Starting { since, .. } | State::Suspended { since } | State::Stopping { since, .. } => {
            Some(*since)
        }
        State::Running { .. } | State::Succeeded { .. } | State::Failed { .. } | State::Stopped { .. } => state.started(),
    }
}

/// What there is to say of a state beyond its word.
fn sentence(state: &State) -> Option<String> {
    let sentence = match state {
        State::Waiting { why, .. } => why.clone(),
        State::Starting { what, node, .. } => format!("{what}, on {node}"),
        State::Suspended { .. } => "It holds no resources; resume it to go on from its newest checkpoint".to_owned(),
        State::Stopping { by, .. } => format!("Stopped by {by}; it has until its grace period ends to write a last checkpoint"),
        State::Stopped { by, .. } => format!("Stopped by {by}"),
        State::Running { .. } | State::Succeeded { .. } | State::Failed { .. } => return None,
    };
    Some(sentence).filter(|sentence| !sentence.is_empty())
}

/// How far it is, and about how long it still takes at the pace so far.
#[component]
fn Progress(watched: Watched) -> impl IntoView {
    let now = crate::clock::ticking();
    let progress = Memo::new(move |_| {
        watched.detail.with(|detail| {
            let progress = detail.row.progress.filter(|progress| progress.of > 0)?;
            let running = detail.row.state.kind() == StateKind::Running;
            Some((progress, running.then(|| detail.row.state.started()).flatten()))
        })
    });
    let left = Memo::new(move |_| {
        let (progress, Some(started)) = progress.get()? else { return None };
        let ran = seconds_between(started, now.get());
        (progress.step > 0 && progress.step < progress.of && ran >= 5).then(|| {
            let seconds = u128::from(ran) * u128::from(progress.of - progress.step) / u128::from(progress.step);
            duration(u64::try_from(seconds).unwrap_or(u64::MAX))
        })
    });
    move || {
        progress.get().map(|(progress, _)| {
            let share = u128::from(progress.step.min(progress.of)) * 100 / u128::from(progress.of);
            let words = format!("step {} of {}", number::count(progress.step), number::count(progress.of));
            view! {
                <span class="flex items-center gap-2 text-table text-ink-soft tabular-nums">
                    <svg class="h-1.5 w-32" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=format!("{share} %")>
                        <rect class="fill-line" width="100" height="6" rx="3"/>
                        <rect class="fill-accent" width=share.to_string() height="6" rx="3"/>
                    </svg>
                    {words}
                    {move || left.get().map(|left| format!("· about {left} left"))}
                </span>
            }
        })
    }
}
