//! A run's page: where it stands, what it does, and what can be done to it; alive while it runs.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_params_map, params::ParamsMap};
use slipway_domain::run::{spec::RunId, view::RunDetail};

use super::refused::{Problem, Refused};
use crate::{
    api::{self, Failure, runs::get_run, wire},
    live::{self, Message},
    parts::{badge::Tone, banner::Banner, style, time},
    paths::{self, RunTab},
    query::query_of,
};

mod actions;
mod charts;
mod displaced;
mod events;
mod facts;
mod failed;
mod header;
mod logs;
mod overview;
mod pods;
mod why;
mod yaml;

use actions::Confirm;
use header::Header;

/// Seconds between two looks at what the charts' own stream does not tell (new metrics, newest values).
const PAUSE: u64 = 3;

/// A run that is being looked at. Copied into every part of its page.
#[derive(Clone, Copy)]
pub struct Watched {
    /// The run as last heard of.
    pub detail: RwSignal<RunDetail>,
    /// Grows when new points of its metrics are stored.
    pub metrics: RwSignal<u64>,
    /// Lines of its newest log, as the stream tells.
    pub lines: RwSignal<Option<u64>>,
    /// Grows when its events or Pods have changed.
    pub changed: RwSignal<u64>,
    /// Whether it was deleted meanwhile.
    pub gone: RwSignal<bool>,
    /// Why something could not be done or fetched.
    pub failure: RwSignal<Option<Failure>>,
}

impl Watched {
    fn new(detail: RunDetail) -> Self {
        let refusal = api::posted().and_then(|posted| posted.refusal);
        Self {
            detail: RwSignal::new(detail),
            metrics: RwSignal::new(0),
            lines: RwSignal::new(None),
            changed: RwSignal::new(0),
            gone: RwSignal::new(false),
            failure: RwSignal::new(refusal.map(Failure)),
        }
    }

    /// Which run.
    pub fn id(self) -> RunId {
        self.detail.with_untracked(|detail| detail.row.id.clone())
    }

    /// The query of its page.
    pub fn query(self) -> Memo<ParamsMap> {
        let path = paths::run(&self.id());
        query_of(move || path.clone())
    }

    /// Fetches it again.
    pub fn again(self) {
        leptos::task::spawn_local(self.fetch());
    }

    async fn fetch(self) {
        // The page may have been left by now.
        let Some(id) = self.detail.try_with_untracked(|detail| detail.row.id.clone()) else { return };
        let answer = get_run(id).await;
        if self.detail.try_with_untracked(|_| ()).is_none() {
            return;
        }
        match answer {
            Ok(detail) => {
                self.detail.set(detail);
                self.failure.update(|failure| {
                    if failure.as_ref().is_some_and(|Failure(refusal)| refusal.status() == 503) {
                        *failure = None;
                    }
                });
            }
            Err(failure) => self.failure.set(Some(failure)),
        }
    }

    fn hear(self, message: Message, again: &dyn Fn()) {
        match message {
            Message::Run(row) => {
                let (moved, changed) =
                    self.detail.with_untracked(|detail| (detail.row.state.kind() != row.state.kind(), detail.row.state != row.state));
                self.detail.update(|detail| {
                    detail.row = *row;
                    // What was said of the state before says nothing of this one.
                    detail.why.take_if(|_| moved);
                });
                if changed {
                    again();
                }
            }
            Message::RunGone { .. } => self.gone.set(true),
            Message::Metrics { .. } => self.metrics.update(|version| *version += 1),
            Message::Log { lines, .. } => self.lines.set(Some(lines)),
            Message::Detail { .. } => {
                self.changed.update(|version| *version += 1);
                again();
            }
            Message::Cluster { stale_since } => self.detail.update(|detail| detail.stale_since = stale_since),
            Message::Resync => {
                self.metrics.update(|version| *version += 1);
                self.changed.update(|version| *version += 1);
                again();
            }
            Message::Changed { .. } | Message::SignedOut => {}
        }
    }
}

/// The Run page.
#[component]
pub fn Run() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| RunId(params.read().get("id").unwrap_or_default()));
    let detail = wire::shown(
        move || id.get(),
        |id| {
            live::mark();
            get_run(id)
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match detail.await {
                    Err(failure) => view! { <Title text="Run"/><Refused failure/> }.into_any(),
                    Ok(detail) => view! { <Shown detail/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Shown(detail: RunDetail) -> impl IntoView {
    let watched = Watched::new(detail);
    let id = watched.id();
    let again = live::fetching(move || watched.fetch());
    live::listen(Signal::stored(paths::live_run(&id)), move |message| watched.hear(message, &again));
    let mut look_again = throttled(move || watched.again());
    Effect::new(move |before: Option<u64>| {
        let version = watched.metrics.get();
        if before.is_some_and(|before| before != version) {
            look_again();
        }
        version
    });
    let query = watched.query();
    let tab = Memo::new(move |_| RunTab::parse(&query.read().get("tab").unwrap_or_default()));
    let name = watched.detail.with_untracked(|detail| detail.row.name.to_string());
    view! {
        <Title text=name/>
        <div class="flex flex-col gap-4">
            <Header watched/>
            <Problem failure=watched.failure/>
            <Notices watched/>
            <displaced::Displaced watched/>
            <Confirm watched/>
            <Tabs id=id tab/>
            {move || match tab.get() {
                RunTab::Overview => view! { <overview::Overview watched/> }.into_any(),
                RunTab::Logs => view! { <logs::Logs watched/> }.into_any(),
                RunTab::Pods => view! { <pods::Pods watched/> }.into_any(),
                RunTab::Events => view! { <events::Events watched/> }.into_any(),
                RunTab::Yaml => view! { <yaml::Yaml watched/> }.into_any(),
            }}
        </div>
    }
}

/// A function that does its work at most once in [`PAUSE`] seconds, and once more at the end.
fn throttled(work: impl Fn() + Copy + 'static) -> impl FnMut() {
    let waiting = StoredValue::new(false);
    move || {
        if !waiting.get_value() {
            waiting.set_value(true);
            set_timeout(
                move || {
                    if waiting.try_get_value().is_some() {
                        waiting.set_value(false);
                        work();
                    }
                },
                std::time::Duration::from_secs(PAUSE),
            );
        }
    }
}

#[component]
fn Notices(watched: Watched) -> impl IntoView {
    let stale = Memo::new(move |_| watched.detail.with(|detail| detail.stale_since));
    view! {
        <Show when=move || watched.gone.get()>
            <Banner tone=Tone::Warn>
                "This run was deleted; what you see is the last of it. "
                <a class=style::LINK href=paths::RUNS>"Go to the runs"</a>
            </Banner>
        </Show>
        {move || {
            stale.get().map(|since| {
                view! {
                    <Banner tone=Tone::Warn>
                        "The cluster cannot be reached since "{time::absolute(since)}"; state and Pods are as of then. Curves and logs that were stored are all here"
                    </Banner>
                }
            })
        }}
    }
}

#[component]
fn Tabs(id: RunId, tab: Memo<RunTab>) -> impl IntoView {
    let link = move |this: RunTab| {
        let here = Memo::new(move |_| tab.get() == this);
        view! {
            <a
                href=paths::run_tab(&id, this)
                class="-mb-px flex h-9 items-center border-b-2 border-transparent px-3 text-table text-ink-soft hover:text-ink focus-visible:outline-2 focus-visible:outline-accent aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink"
                aria-current=move || here.get().then_some("page")
            >
                {this.label()}
            </a>
        }
    };
    view! { <nav class="flex overflow-x-auto overflow-y-hidden border-b border-line" aria-label="Parts of this run">{RunTab::ALL.into_iter().map(link).collect_view()}</nav> }
}
