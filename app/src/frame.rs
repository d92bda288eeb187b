//! What stands around every page once somebody is signed in: the rail with the nouns, and the bar with team, liveness and person.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use crate::{
    api::sessions::Me,
    live,
    parts::{
        badge::{Shape, Tone},
        icon::{self, Icon},
        style,
    },
    paths,
};

pub mod theme;

/// The frame; the pages before signing in have none.
#[component]
pub fn Frame(
    /// Who is signed in.
    me: Option<Me>,
    /// The page.
    children: Children,
) -> impl IntoView {
    let Some(me) = me else {
        #[cfg(feature = "ssr")]
        send_to_sign_in();
        return view! { <main id="main" class="min-h-screen">{children()}</main> }.into_any();
    };
    provide_context(me.clone());
    view! {
        <a class="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:bg-raised focus:p-2" href="#main">"Skip to the page"</a>
        <div class="flex min-h-screen flex-col md:flex-row">
            <Rail sees_people=me.sees_people()/>
            <div class="flex min-w-0 flex-1 flex-col">
                <Bar me/>
                <main id="main" class="min-w-0 flex-1 p-3 md:p-5">{children()}</main>
            </div>
        </div>
    }
    .into_any()
}

/// Pages but for those before signing in lead there, and back afterwards.
#[cfg(feature = "ssr")]
fn send_to_sign_in() {
    let Some(parts) = use_context::<axum::http::request::Parts>() else { return };
    let path = parts.uri.path();
    if ![paths::SIGN_IN, paths::WELCOME].contains(&path) {
        let wanted = parts.uri.path_and_query().map_or(path, |it| it.as_str());
        let next = if parts.method == axum::http::Method::GET { wanted } else { path };
        leptos_axum::redirect(&paths::sign_in(next));
    }
}

#[component]
fn Rail(sees_people: bool) -> impl IntoView {
    let path = use_location().pathname;
    let item = move |href: &'static str, label: &'static str, path_of_icon: &'static str| {
        let here = Memo::new(move |_| path.read().starts_with(href) || (href == paths::RUNS && path.read().as_str() == "/"));
        view! {
            <li>
                <a
                    href=href
                    class="flex h-8 shrink-0 items-center gap-2 rounded px-2 text-table whitespace-nowrap text-ink-soft hover:bg-canvas hover:text-ink focus-visible:outline-2 focus-visible:outline-accent aria-[current=page]:bg-canvas aria-[current=page]:font-medium aria-[current=page]:text-ink"
                    aria-current=move || here.get().then_some("page")
                >
                    <Icon path=path_of_icon/>
                    {label}
                </a>
            </li>
        }
    };
    view! {
        <nav class="flex shrink-0 items-center gap-3 overflow-x-auto border-line bg-surface px-3 py-2 max-md:border-b md:w-44 md:flex-col md:items-stretch md:border-r md:px-2 md:py-3" aria-label="Main">
            <a href=paths::RUNS class="flex shrink-0 items-center gap-2 rounded px-2 text-body font-semibold focus-visible:outline-2 focus-visible:outline-accent">
                <svg class="size-5 shrink-0" viewBox="0 0 32 32" aria-hidden="true">
                    <rect class="fill-accent" width="32" height="32" rx="7"/>
                    <path class="fill-accent-ink" d="M6 20h20l-4 5H10zM15 6v12H8zM17.500 9v9h6.500z"/>
                </svg>
                "Slipway"
            </a>
            <ul class="flex gap-1 md:flex-col">
                {item(paths::RUNS, "Runs", icon::RUNS)}
                {item(paths::NODES, "Nodes", icon::NODES)}
                {item(paths::QUOTAS, "Quotas", icon::QUOTAS)}
                {item(paths::PRIORITIES, "Priorities", icon::PRIORITIES)}
                {sees_people.then(|| item(paths::PEOPLE, "People", icon::PEOPLE))}
                {sees_people.then(|| item(paths::TEAMS, "Teams", icon::TEAMS))}
                {sees_people.then(|| item(paths::AUDIT, "Audit log", icon::AUDIT))}
            </ul>
        </nav>
    }
}

#[component]
fn Bar(me: Me) -> impl IntoView {
    let query = use_query_map();
    let path = use_location().pathname;
    let team = Memo::new(move |_| query.read().get("team").unwrap_or_default());
    let on_runs = Memo::new(move |_| ["/", paths::RUNS].contains(&path.read().as_str()));
    let teams: Vec<String> = me.roles.keys().map(ToString::to_string).collect();
    let name = me.name.to_string();
    view! {
        <header class="flex h-11 shrink-0 items-center gap-3 border-b border-line bg-surface px-3 md:px-5">
            <Menu label="Team" text=Signal::derive(move || match team.get() {
                chosen if on_runs.get() && !chosen.is_empty() => chosen,
                _ => "All teams".to_owned(),
            })>
                <MenuLink href=paths::RUNS.to_owned() text="All teams".to_owned()/>
                {teams
                    .into_iter()
                    .map(|team| {
                        let href = paths::with_query(paths::RUNS, [("team", team.clone())]);
                        view! { <MenuLink href text=team/> }
                    })
                    .collect_view()}
            </Menu>
            <span class="flex-1"></span>
            <Liveness/>
            <theme::Switch/>
            <Menu label="Account" text=Signal::derive(move || name.clone()) right=true>
                <MenuLink href=paths::ME.to_owned() text="Your account".to_owned()/>
                <form method="post" action=paths::POST_SIGN_OUT>
                    <button type="submit" class="flex h-8 w-full cursor-pointer items-center rounded px-2 text-left text-table hover:bg-canvas focus-visible:outline-2 focus-visible:outline-accent">"Sign out"</button>
                </form>
            </Menu>
        </header>
    }
}

/// A menu that opens without a script.
#[component]
fn Menu(
    /// What it is for, before its text for screen readers.
    label: &'static str,
    /// What is chosen.
    text: Signal<String>,
    /// Whether it opens to the left of its right edge.
    #[prop(optional)]
    right: bool,
    children: Children,
) -> impl IntoView {
    let place = if right { "right-0" } else { "left-0" };
    let element = NodeRef::<leptos::html::Details>::new();
    let close = move |()| {
        if let Some(element) = element.get_untracked() {
            element.set_open(false);
        }
    };
    view! {
        <details class="relative" node_ref=element on:keydown=move |event| if event.key() == "Escape" { close(()) }>
            <summary class="flex h-8 cursor-pointer list-none items-center gap-1.5 rounded px-2 text-table font-medium hover:bg-canvas focus-visible:outline-2 focus-visible:outline-accent">
                <span class="sr-only">{label}": "</span>
                <span class="max-w-40 truncate">{move || text.get()}</span>
                <Icon path=icon::MORE/>
            </summary>
            <div
                class=format!("absolute top-9 z-10 flex max-h-96 min-w-44 flex-col overflow-y-auto rounded border border-line-strong bg-raised p-1 {place}")
                on:click=move |_| close(())
            >
                {children()}
            </div>
        </details>
    }
}

#[component]
fn MenuLink(href: String, text: String) -> impl IntoView {
    view! {
        <a href=href class="flex h-8 items-center rounded px-2 text-table hover:bg-canvas focus-visible:outline-2 focus-visible:outline-accent">
            <span class="truncate">{text}</span>
        </a>
    }
}

/// Whether what is shown is as it is now.
#[component]
fn Liveness() -> impl IntoView {
    let state = live::state();
    let tone = Signal::derive(move || match state.get() {
        live::State::Still => Tone::Idle,
        live::State::Live => Tone::Good,
        live::State::Stale(_) | live::State::SignedOut => Tone::Warn,
    });
    let words = move || match state.get() {
        live::State::Still => String::new(),
        live::State::Live => "live".to_owned(),
        live::State::Stale(at) => format!("as of {at}"),
        live::State::SignedOut => "signed out".to_owned(),
    };
    view! {
        <span class="flex items-center gap-1.5 text-table text-ink-soft" role="status" title="Whether this page changes by itself">
            <Show when=move || state.get() != live::State::Still>
                <span class=move || tone.get().text()><Shape tone/></span>
            </Show>
            {words}
        </span>
    }
}

/// Classes of the buttons in the bar.
const BAR_BUTTON: &str = style::QUIET;
