//! The filters of the list: a plain GET form, so that the URL holds them and no script is needed; with one, the list follows.

use std::time::Duration;

use leptos::{ev, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use slipway_domain::node::{Fleet, Health, NodeQuery};

use crate::{
    api::{Failure, wire},
    parts::{
        field::{bind_check, bind_choice, bind_text},
        style,
    },
    paths,
};

/// How long to wait for the next key before the list is asked for.
const PAUSE: Duration = Duration::from_millis(250);

/// The row of filters.
#[component]
pub fn Filters(query: Memo<NodeQuery>, fleet: wire::Shown<Result<Fleet, Failure>>) -> impl IntoView {
    let navigate = use_navigate();
    // What is wanted by two filters at once is in the URL only when the second has been heard.
    let asked = StoredValue::new(query.get_untracked());
    Effect::new(move |_| asked.set_value(query.get()));
    let go = move |change: &dyn Fn(&mut NodeQuery)| {
        let mut wanted = asked.get_value();
        change(&mut wanted);
        wanted.page = 0;
        asked.set_value(wanted.clone());
        if wanted != query.get_untracked() {
            navigate(&paths::nodes(&wanted), NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
        }
    };
    let (by_name, by_product, by_health, by_free) = (go.clone(), go.clone(), go.clone(), go);
    let mut typed = debounce(PAUSE, move |text: String| by_name(&|query| text.trim().clone_into(&mut query.name)));
    let option = move |value: String, text: String, is: fn(&NodeQuery, &str) -> bool| {
        let word = value.clone();
        let chosen = Memo::new(move |_| query.with(|query| is(query, &word)));
        view! { <option value=value selected=move || chosen.get()>{text}</option> }.into_any()
    };
    let products = move || {
        Suspend::new(async move {
            let products = fleet.await.map(|fleet| fleet.products).unwrap_or_default();
            products.into_iter().map(|product| option(product.clone(), product, |query, word| query.product == word)).collect::<Vec<_>>()
        })
    };
    let healths = Health::ALL.into_iter().map(|health| {
        let is = |query: &NodeQuery, word: &str| query.health.is_some_and(|health| paths::health_word(health) == word);
        option(paths::health_word(health).to_owned(), health.word().to_owned(), is)
    });
    let (name, product, health, free) = (NodeRef::new(), NodeRef::new(), NodeRef::new(), NodeRef::new());
    bind_text(name, Signal::derive(move || query.with(|query| query.name.clone())));
    bind_choice(product, Signal::derive(move || query.with(|query| query.product.clone())));
    let word = move || query.with(|query| query.health.map(paths::health_word).unwrap_or_default().to_owned());
    bind_choice(health, Signal::derive(word));
    bind_check(free, move || query.with(|query| query.free));
    let filtered = move || query.with(|query| *query != NodeQuery { page: query.page, ..NodeQuery::default() });
    view! {
        <form
            class="flex flex-wrap items-center gap-2"
            method="get"
            action=paths::NODES
            on:submit=move |event: ev::SubmitEvent| event.prevent_default()
            role="search"
            aria-label="Nodes"
        >
            <label class="flex min-w-40 flex-1 items-center md:max-w-52">
                <span class="sr-only">"Name contains…"</span>
                <input
                    class=style::INPUT
                    type="search"
                    name="name"
                    placeholder="Name contains…"
                    value=move || query.with(|query| query.name.clone())
                    node_ref=name
                    on:input=move |event| typed(event_target_value(&event))
                />
            </label>
            <label class="flex min-w-40 flex-1 items-center md:max-w-52">
                <span class="sr-only">"Product"</span>
                <select class=style::INPUT name="product" node_ref=product on:change=move |event| by_product(&|query| query.product = event_target_value(&event))>
                    {option(String::new(), "Every product".to_owned(), |query, _| query.product.is_empty())}
                    <Transition>{products}</Transition>
                </select>
            </label>
            <label class="flex min-w-40 flex-1 items-center md:max-w-52">
                <span class="sr-only">"Health"</span>
                <select
                    class=style::INPUT
                    name="health"
                    node_ref=health
                    on:change=move |event| {
                        let word = event_target_value(&event);
                        by_health(&|query| query.health = Health::ALL.into_iter().find(|health| paths::health_word(*health) == word));
                    }
                >
                    {option(String::new(), "Ready or not".to_owned(), |query, _| query.health.is_none())}
                    {healths.collect::<Vec<_>>()}
                </select>
            </label>
            <label class="flex items-center gap-1.5 text-table">
                <input
                    type="checkbox"
                    name="free"
                    value="yes"
                    checked=move || query.with(|query| query.free)
                    node_ref=free
                    on:change=move |event| by_free(&|query| query.free = event_target_checked(&event))
                />
                "Something free"
            </label>
            <noscript><button type="submit" class=style::BUTTON>"Filter"</button></noscript>
            <Show when=filtered>
                <a class="px-1 text-table text-accent hover:underline focus-visible:outline-2 focus-visible:outline-accent" href=paths::NODES>"Clear filters"</a>
            </Show>
        </form>
    }
    .into_any()
}
