//! What can be done to a run. Every button is a form or a link, so that it works without a script; one that may not be pressed
//! says why. Only what cannot be undone asks first.

use leptos::{ev, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use slipway_domain::run::view::RunAction;

use super::Watched;
use crate::{
    api::{runs::act_on_run, sessions::Me},
    parts::{dialog::Dialog, style},
    paths,
};

const fn label(action: RunAction) -> &'static str {
    match action {
        RunAction::Stop => "Stop",
        RunAction::Suspend => "Suspend",
        RunAction::Resume => "Resume",
        RunAction::Delete => "Delete…",
    }
}

/// The buttons.
#[component]
pub fn Actions(watched: Watched) -> impl IntoView {
    let id = watched.id();
    let name = watched.detail.with_untracked(|detail| detail.row.who.clone());
    let mine = use_context::<Me>().is_some_and(|me| me.name == name);
    let ask = paths::with_query(&paths::run(&id), [("do", RunAction::Stop.word().to_owned())]);
    let delete = paths::with_query(&paths::run(&id), [("do", RunAction::Delete.word().to_owned())]);
    view! {
        <div class="flex flex-wrap items-center gap-2">
            {if mine {
                view! { <Act watched action=RunAction::Stop class=style::BUTTON/> }.into_any()
            } else {
                view! { <Ask watched action=RunAction::Stop href=ask text="Stop…"/> }.into_any()
            }}
            <Act watched action=RunAction::Suspend class=style::BUTTON/>
            <Act watched action=RunAction::Resume class=style::BUTTON/>
            <a class=style::BUTTON href=paths::clone_run(&id)>"Clone"</a>
            <Ask watched action=RunAction::Delete href=delete text=label(RunAction::Delete)/>
        </div>
    }
}

/// Why an action may not be done now: what the server said, or what the state says.
fn why_not(watched: Watched, action: RunAction) -> Memo<Option<String>> {
    Memo::new(move |_| {
        if watched.gone.get() {
            return Some("It was deleted".to_owned());
        }
        watched.detail.with(|detail| {
            let by_state = action.fits(detail.row.state.kind()).err().map(|refusal| refusal.to_string());
            by_state.or_else(|| detail.denied.get(&action).cloned())
        })
    })
}

/// Whether a button is worth its place: an action that the state rules out is not shown, but for those that every run has.
fn is_shown(watched: Watched, action: RunAction) -> Memo<bool> {
    Memo::new(move |_| {
        let fits = watched.detail.with(|detail| action.fits(detail.row.state.kind()).is_ok());
        match action {
            RunAction::Stop | RunAction::Delete => true,
            RunAction::Suspend | RunAction::Resume => fits,
        }
    })
}

/// A button that does it at once.
#[component]
fn Act(watched: Watched, action: RunAction, class: &'static str) -> impl IntoView {
    let why = why_not(watched, action);
    let shown = is_shown(watched, action);
    let busy = RwSignal::new(false);
    let id = watched.id();
    let path = paths::run(&id);
    let navigate = use_navigate();
    let after = path.clone();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let (id, navigate, after) = (id.clone(), navigate.clone(), after.clone());
        leptos::task::spawn_local(async move {
            let answer = act_on_run(id, action).await;
            busy.try_set(false);
            match answer {
                Ok(()) if action == RunAction::Delete => navigate(paths::RUNS, NavigateOptions::default()),
                Ok(()) => {
                    watched.failure.set(None);
                    watched.again();
                    navigate(&after, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
                }
                Err(failure) => watched.failure.set(Some(failure)),
            }
        });
    };
    let reason = format!("why-not-{}", action.word());
    view! {
        <form method="post" action=path on:submit=submit class="contents">
            <input type="hidden" name="do" value=action.word()/>
            <button
                type="submit"
                class=move || if shown.get() { class } else { "hidden" }
                disabled=move || why.with(Option::is_some) || busy.get()
                title=move || why.get().unwrap_or_default()
                aria-describedby=reason.clone()
            >
                {label(action).trim_end_matches('…')}
            </button>
            <span class="sr-only" id=reason.clone()>{move || why.get().unwrap_or_default()}</span>
        </form>
    }
}

/// A button that asks first.
#[component]
fn Ask(watched: Watched, action: RunAction, href: String, text: &'static str) -> impl IntoView {
    let why = why_not(watched, action);
    let class = if action == RunAction::Delete { style::DANGER } else { style::BUTTON };
    move || match why.get() {
        Some(why) => {
            let id = format!("why-not-ask-{}", action.word());
            view! {
                <button type="button" class=class disabled title=why.clone() aria-describedby=id.clone()>{text}</button>
                <span class="sr-only" id=id.clone()>{why}</span>
            }
            .into_any()
        }
        None => view! { <a class=class href=href.clone()>{text}</a> }.into_any(),
    }
}

/// The question before what cannot be undone; the URL asks it.
#[component]
pub fn Confirm(watched: Watched) -> impl IntoView {
    let query = watched.query();
    let asked = Memo::new(move |_| {
        let word = query.read().get("do").unwrap_or_default();
        [RunAction::Stop, RunAction::Delete].into_iter().find(|action| action.word() == word)
    });
    move || {
        let action = asked.get()?;
        let (name, who) = watched.detail.with_untracked(|detail| (detail.row.name.to_string(), detail.row.who.to_string()));
        let back = paths::run(&watched.id());
        let (title, what) = match action {
            RunAction::Delete => (
                format!("Delete {name}?"),
                "Its curves, logs, events and checkpoints' records are removed from Slipway for good, and its Job from the cluster. Checkpoint files on the team's volume stay".to_owned(),
            ),
            RunAction::Stop | RunAction::Suspend | RunAction::Resume => {
                (format!("Stop {name}?"), format!("{who} launched it. It is told to end, writes a last checkpoint, and does not start again; a clone can go on in its place"))
            }
        };
        Some(view! {
            <Dialog title back>
                <p>{what}</p>
                <Act watched action class="inline-flex h-8 w-full cursor-pointer items-center justify-center rounded bg-bad px-3 text-table font-medium text-surface hover:opacity-90 focus-visible:outline-2 focus-visible:outline-offset-2 focus-visible:outline-accent disabled:cursor-not-allowed disabled:opacity-50"/>
            </Dialog>
        })
    }
}
