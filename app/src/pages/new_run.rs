//! The New run form: one column of questions, and beside it what they come to. A plain form that posts to this page; with a
//! script the answer follows the typing.

use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use slipway_domain::{
    fit::Picture,
    refusal::{FieldErrors, Refusal},
    run::{form::RunForm, spec::RunId, view::Preview},
    team::TeamName,
};

use super::refused::{Problem, Refused};
use crate::{
    api::{
        Failure,
        runs::{Start, launch_run, preview_run, start_form},
        wire,
    },
    parts::style,
    paths,
};

mod answer;
mod outlook;
mod questions;

use answer::Answer;
use questions::Questions;

/// How long to wait for the next key before the answer is asked for.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(300);

/// A form that is being filled in.
#[derive(Clone, Copy)]
pub struct Draft {
    /// What is typed.
    pub form: RwSignal<RunForm>,
    /// What it comes to.
    pub preview: RwSignal<Preview>,
    /// What the launch was refused for, field by field.
    pub refused: RwSignal<FieldErrors>,
    /// Fields that were touched; the others are not called wrong before the launch.
    pub touched: RwSignal<Vec<&'static str>>,
    /// Whether a launch was tried, which touches every field.
    pub tried: RwSignal<bool>,
    /// The cluster with the rules of a team, once the browser has it.
    pub picture: RwSignal<Option<(TeamName, Picture)>>,
}

impl Draft {
    fn new(start: &Start) -> Self {
        let refused = match &start.refusal {
            Some(Refusal::Invalid { fields }) => fields.clone(),
            _ => FieldErrors::new(),
        };
        Self {
            form: RwSignal::new(start.form.clone()),
            preview: RwSignal::new(start.preview.clone()),
            tried: RwSignal::new(start.refusal.is_some()),
            refused: RwSignal::new(refused),
            touched: RwSignal::new(Vec::new()),
            picture: RwSignal::new(None),
        }
    }

    /// What is wrong with a field, once it was touched.
    pub fn error(self, name: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || {
            let refused = self.refused.with(|fields| fields.get(name).cloned());
            let shown = self.tried.get() || self.touched.with(|touched| touched.contains(&name));
            refused.or_else(|| shown.then(|| self.preview.with(|preview| preview.errors.get(name).cloned())).flatten())
        })
    }

    /// A field was typed in.
    pub fn set(self, name: &'static str, change: impl FnOnce(&mut RunForm)) {
        self.form.update(change);
        self.refused.update(|fields| {
            fields.remove(name);
            fields.remove("");
        });
        if !self.touched.with_untracked(|touched| touched.contains(&name)) {
            self.touched.update(|touched| touched.push(name));
        }
    }
}

/// The New run page.
#[component]
pub fn NewRun() -> impl IntoView {
    let query = use_query_map();
    let from = Memo::new(move |_| query.read().get("from").filter(|id| !id.is_empty()).map(RunId));
    let change = Memo::new(move |_| query.read().get("change"));
    let start = wire::shown(move || (from.get(), change.get()), |(from, change)| start_form(from, change));
    view! {
        <Title text="New run"/>
        <Suspense>
            {move || Suspend::new(async move {
                match start.await {
                    Err(failure) => view! { <Refused failure/> }.into_any(),
                    Ok(start) => view! { <Form start is_copy=from.get_untracked().is_some()/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Form(start: Start, is_copy: bool) -> impl IntoView {
    let draft = Draft::new(&start);
    let failure = RwSignal::new(start.refusal.clone().filter(|refusal| !matches!(refusal, Refusal::Invalid { .. })).map(Failure));
    let launching = RwSignal::new(false);
    let navigate = use_navigate();
    follow(draft, failure);
    outlook::look(draft);
    let launch = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if launching.get_untracked() {
            return;
        }
        launching.set(true);
        failure.set(None);
        draft.tried.set(true);
        let navigate = navigate.clone();
        leptos::task::spawn_local(async move {
            let answer = launch_run(draft.form.get_untracked()).await;
            launching.set(false);
            match answer {
                Ok(id) => navigate(&paths::run(&id), NavigateOptions::default()),
                Err(Failure(Refusal::Invalid { fields })) => {
                    let first = fields.keys().next().cloned().unwrap_or_default();
                    draft.refused.set(fields);
                    focus(&first);
                }
                Err(refused) => failure.set(Some(refused)),
            }
        });
    };
    let no_team = start.choices.teams.is_empty();
    view! {
        <form method="post" action=paths::NEW_RUN on:submit=launch novalidate data-form="run" class="mx-auto flex max-w-6xl flex-col gap-4">
            <div class="flex flex-wrap items-center gap-3">
                <h1 class="text-title font-semibold">{if is_copy { "New run from a copy" } else { "New run" }}</h1>
            </div>
            <Problem failure/>
            <div class="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_minmax(0,26rem)]">
                <Questions draft choices=start.choices/>
                <div class="flex min-w-0 flex-col gap-3 lg:sticky lg:top-4">
                    <Answer draft/>
                    <div class="flex flex-wrap items-center gap-3">
                        <button type="submit" class=style::PRIMARY disabled=no_team aria-describedby="launch-hint">
                            {move || if launching.get() { "Launching…" } else { "Launch" }}
                        </button>
                        <noscript><button type="submit" class=style::BUTTON name="do" value="preview">"Show what will be applied"</button></noscript>
                        <span id="launch-hint" class="min-w-0 flex-1 text-table text-ink-soft">
                            {if no_team {
                                "You belong to no team yet; ask an admin to add you to one"
                            } else {
                                "The cluster is asked first whether it would accept it; nothing is made if it would not"
                            }}
                        </span>
                    </div>
                </div>
            </div>
        </form>
    }
}

/// Asks for the answer whenever the form has rested for a moment; an answer that was overtaken is dropped.
fn follow(draft: Draft, failure: RwSignal<Option<Failure>>) {
    let newest = StoredValue::new(0_u64);
    let mut ask = debounce(PAUSE, move |form: RunForm| {
        newest.update_value(|newest| *newest += 1);
        let mine = newest.get_value();
        leptos::task::spawn_local(async move {
            let answer = preview_run(form).await;
            if newest.try_get_value() != Some(mine) {
                return;
            }
            match answer {
                Ok(preview) => draft.preview.set(preview),
                Err(refused) => failure.set(Some(refused)),
            }
        });
    });
    Effect::new(move |asked_before: Option<()>| {
        let form = draft.form.get();
        if asked_before.is_some() {
            ask(form);
        }
    });
}

/// Brings a field into view for whoever has to mend it.
fn focus(name: &str) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        if let Some(element) = document().get_element_by_id(name).and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = element.focus();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = name;
}
