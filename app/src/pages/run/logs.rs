//! What the run's containers printed: one stream a Pod and restart, chosen in the URL.

use std::sync::Arc;

use leptos::{ev, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use slipway_domain::run::{
    spec::RunId,
    view::{LogPage, LogQuery, LogStream},
};

use super::Watched;
use crate::{
    api::{runs::run_logs, wire},
    pages::refused::Problem,
    parts::{
        empty::Empty,
        icon::{DOWNLOAD, Icon},
        log_view::{Load, LogView},
        number, style,
    },
    paths::{self, RunTab},
};

/// Lines that the page comes with.
const FIRST: u32 = 500;

/// The Logs tab.
#[component]
pub fn Logs(watched: Watched) -> impl IntoView {
    let id = watched.id();
    let query = watched.query();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let get = |name: &str| query.get(name).filter(|value| !value.is_empty());
            // A Pod and its restart are chosen by one value, `POD.RESTART`; a Pod's name may hold dots, its restart none.
            let (pod, restart) = match get("stream").as_deref().and_then(|stream| stream.rsplit_once('.')) {
                Some((pod, restart)) => (Some(pod.to_owned()), restart.parse().ok()),
                None => (None, None),
            };
            let from = get("line").and_then(|line| line.parse::<u64>().ok()).map(|line| line.saturating_sub(1));
            LogQuery { pod, restart, from, count: FIRST, search: String::new() }
        })
    });
    let wrap = Memo::new(move |_| query.with(|query| query.get("wrap").as_deref() == Some("1")));
    // A log that does not exist yet is asked for again when there is one.
    let exists = RwSignal::new(false);
    let appeared = Memo::new(move |_| exists.get() || watched.lines.get().is_some());
    let fetched = {
        let id = id.clone();
        wire::shown(move || (asked.get(), appeared.get()), move |(query, _)| run_logs(id.clone(), query))
    };
    view! {
        <Transition>
            {move || {
                let id = id.clone();
                Suspend::new(async move {
                    match fetched.await {
                        Err(failure) => view! { <Problem failure=Signal::stored(Some(failure))/> }.into_any(),
                        Ok(page) if page.streams.is_empty() => {
                            view! { <div class=style::CARD><Empty title="No log yet" hint="Lines appear here as soon as a container of this run prints one"/></div> }.into_any()
                        }
                        Ok(page) => {
                            exists.set(true);
                            view! { <Stream watched id page asked=asked.get_untracked() wrap=wrap.get_untracked()/> }.into_any()
                        }
                    }
                })
            }}
        </Transition>
    }
}

#[component]
fn Stream(watched: Watched, id: RunId, page: LogPage, asked: LogQuery, wrap: bool) -> impl IntoView {
    let newest = page.streams.len().saturating_sub(1);
    let index = page.stream.unwrap_or(newest);
    let Some(stream) = page.streams.get(index).cloned() else { return ().into_any() };
    let is_newest = index == newest;
    let base = LogQuery { pod: Some(stream.pod.clone()), restart: Some(stream.restart), ..asked };
    let load: Load = {
        let id = id.clone();
        Arc::new(move |query| {
            let answer = run_logs(id.clone(), query);
            Box::pin(async move { answer.await.map_err(|failure| failure.0.to_string()) })
        })
    };
    let lines = Signal::derive(move || watched.lines.get().filter(|_| is_newest));
    let grows =
        Signal::derive(move || is_newest && !watched.gone.get() && watched.detail.with(|detail| !detail.row.state.kind().has_ended()));
    let others = Others {
        id: id.clone(),
        stream: stream.clone(),
        lines: stream.lines,
        from: page.lines.first().map_or(0, |line| line.number),
        wrap,
    };
    let dropped = stream.dropped;
    let download = paths::download_log(&id, &stream.pod, stream.restart);
    view! {
        <div class="flex flex-col gap-2">
            {(dropped > 0).then(|| view! { <p class="text-table text-warn">"▲ "{number::bytes(dropped)}" more were printed and not kept: a log is capped"</p> })}
            <LogView load base page=page.clone() lines grows wrap>
                <Streams id streams=page.streams.clone() index/>
                <a class=style::QUIET href=download download="" rel="external"><Icon path=DOWNLOAD/>"Download"</a>
            </LogView>
            <noscript>{others.links()}</noscript>
        </div>
    }
    .into_any()
}

fn stream_word(stream: &LogStream) -> String {
    format!("{}.{}", stream.pod, stream.restart)
}

/// Which stream is shown, where there are several.
#[component]
fn Streams(id: RunId, streams: Vec<LogStream>, index: usize) -> impl IntoView {
    let navigate = use_navigate();
    let path = paths::run(&id);
    let choose = move |event: ev::Event| {
        let path = paths::with_query(&paths::run(&id), [("tab", RunTab::Logs.word().to_owned()), ("stream", event_target_value(&event))]);
        navigate(&path, NavigateOptions { scroll: false, ..NavigateOptions::default() });
    };
    (streams.len() > 1).then(|| {
        view! {
            <form method="get" action=path class="flex min-w-0 items-center gap-1.5">
                <input type="hidden" name="tab" value=RunTab::Logs.word()/>
                <select class=format!("{} max-w-56", style::INPUT) name="stream" aria-label="Pod and restart" on:change=choose>
                    {streams
                        .iter()
                        .enumerate()
                        .rev()
                        .map(|(at, stream)| {
                            let restart = if stream.restart == 0 { String::new() } else { format!(", restart {}", stream.restart) };
                            view! { <option value=stream_word(stream) selected=at == index>{format!("{}{restart}", stream.pod)}</option> }
                        })
                        .collect_view()}
                </select>
                <noscript><button type="submit" class=style::QUIET>"Show"</button></noscript>
            </form>
        }
    })
}

/// The way to the other lines for whoever has no script.
struct Others {
    id: RunId,
    stream: LogStream,
    lines: u64,
    from: u64,
    wrap: bool,
}

impl Others {
    fn path(&self, line: Option<u64>, wrap: bool) -> String {
        let line = line.map(|line| (line + 1).to_string()).unwrap_or_default();
        let wrap = if wrap { "1".to_owned() } else { String::new() };
        paths::with_query(
            &paths::run(&self.id),
            [("tab", RunTab::Logs.word().to_owned()), ("stream", stream_word(&self.stream)), ("line", line), ("wrap", wrap)],
        )
    }

    fn links(&self) -> AnyView {
        let size = u64::from(FIRST);
        let later = (self.from + size < self.lines).then(|| self.path(Some(self.from + size), self.wrap));
        let earlier = (self.from > 0).then(|| self.path(Some(self.from.saturating_sub(size)), self.wrap));
        view! {
            <p class="flex gap-3 text-table">
                <a class=style::LINK href=self.path(Some(0), self.wrap)>"First lines"</a>
                {earlier.map(|href| view! { <a class=style::LINK href=href>"Earlier lines"</a> })}
                {later.map(|href| view! { <a class=style::LINK href=href>"Later lines"</a> })}
                <a class=style::LINK href=self.path(None, self.wrap)>"Last lines"</a>
                <a class=style::LINK href=self.path(Some(self.from), !self.wrap)>{if self.wrap { "Do not break lines" } else { "Break lines" }}</a>
            </p>
        }
        .into_any()
    }
}
