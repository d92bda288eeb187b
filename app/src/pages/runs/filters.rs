//! The filters of the list: a plain GET form, so that the URL holds them and no script is needed; with one, the list follows
//! the typing.

use std::time::Duration;

use leptos::{ev, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use slipway_domain::run::{state::StateKind, view::RunQuery};

use crate::{
    parts::{
        badge::{Shape, Tone},
        field::bind_text,
        style,
    },
    paths,
};

/// How long to wait for the next key before the list is asked for.
const PAUSE: Duration = Duration::from_millis(250);

/// The row of filters.
#[component]
pub fn Filters(query: Memo<RunQuery>) -> impl IntoView {
    let navigate = use_navigate();
    let form = NodeRef::<leptos::html::Form>::new();
    // What is wanted by two filters at once is in the URL only when the second has been heard.
    let asked = StoredValue::new(query.get_untracked());
    Effect::new(move |_| asked.set_value(query.get()));
    let go = {
        let navigate = navigate.clone();
        move |change: fn(&mut RunQuery, String), value: String| {
            let mut wanted = asked.get_value();
            change(&mut wanted, value.trim().to_owned());
            wanted.page = 0;
            asked.set_value(wanted.clone());
            if wanted != query.get_untracked() {
                navigate(&paths::runs(&wanted), NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
            }
        }
    };
    let field = move |name: &'static str, label: &'static str, value: fn(&RunQuery) -> String, change: fn(&mut RunQuery, String)| {
        let go = go.clone();
        let input = NodeRef::new();
        bind_text(input, Signal::derive(move || query.with(value)));
        let mut waiting = debounce(PAUSE, move |text: String| go(change, text));
        view! {
            <label class="flex min-w-0 flex-1 items-center gap-1.5 text-table text-ink-soft md:max-w-52">
                <span class="sr-only">{label}</span>
                <input
                    class=style::INPUT
                    type="search"
                    name=name
                    placeholder=label
                    value=move || query.with(value)
                    node_ref=input
                    on:input=move |event| waiting(event_target_value(&event))
                />
            </label>
        }
    };
    let submit = move |event: ev::SubmitEvent| event.prevent_default();
    view! {
        <form class="flex flex-col gap-2" method="get" action=paths::RUNS node_ref=form on:submit=submit role="search" aria-label="Runs">
            <div class="flex flex-wrap gap-2">
                {field("name", "Name contains…", |query| query.name.clone(), |query, text| query.name = text)}
                {field("who", "Launched by…", |query| query.who.clone(), |query, text| query.who = text)}
                {field("tag", "Tagged…", |query| query.tag.clone(), |query, text| query.tag = text)}
                {move || query.with(|query| (!query.team.is_empty()).then(|| view! { <input type="hidden" name="team" value=query.team.clone()/> }))}
                {move || query.with(|query| query.states.iter().map(|state| view! { <input type="hidden" name="state" value=state.word()/> }).collect_view())}
                <noscript><button type="submit" class=style::BUTTON>"Filter"</button></noscript>
            </div>
            <Chips query/>
        </form>
    }
}

/// One chip a state; a link turns it on or off.
#[component]
fn Chips(query: Memo<RunQuery>) -> impl IntoView {
    let chip = move |kind: StateKind| {
        let on = Memo::new(move |_| query.with(|query| query.states.contains(&kind)));
        let href = move || {
            let mut wanted = query.get();
            if on.get() {
                wanted.states.retain(|state| *state != kind);
            } else {
                wanted.states.push(kind);
                wanted.states.sort();
            }
            wanted.page = 0;
            paths::runs(&wanted)
        };
        let tone = Tone::of(kind);
        view! {
            <li>
                <a
                    href=href
                    class="flex h-6 items-center gap-1.5 rounded border border-line px-2 text-table text-ink-soft hover:border-line-strong hover:text-ink focus-visible:outline-2 focus-visible:outline-accent aria-[current=true]:border-accent aria-[current=true]:bg-surface aria-[current=true]:font-medium aria-[current=true]:text-ink"
                    aria-current=move || on.get().then_some("true")
                    title=move || if on.get() { "Shown; press to leave it out" } else { "Press to show these only" }
                >
                    <span class=tone.text()><Shape tone=Signal::stored(tone)/></span>
                    {kind.word()}
                </a>
            </li>
        }
    };
    let filtered = move || {
        query.with(|query| {
            !(query.states.is_empty() && query.team.is_empty() && query.who.is_empty() && query.tag.is_empty() && query.name.is_empty())
        })
    };
    view! {
        <div class="flex flex-wrap items-center gap-1.5">
            <ul class="flex flex-wrap gap-1.5" aria-label="States">{StateKind::ALL.into_iter().map(chip).collect_view()}</ul>
            <Show when=filtered>
                <a class="px-1 text-table text-accent hover:underline focus-visible:outline-2 focus-visible:outline-accent" href=paths::RUNS>"Clear filters"</a>
            </Show>
        </div>
    }
}
