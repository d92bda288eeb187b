//! The curves: one chart a metric, with one crosshair and one zoom for all. How they are looked at is in the URL.

use std::time::Duration;

use leptos::{ev, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use slipway_domain::run::{spec::RunId, view::ChartQuery};

use super::Watched;
use crate::{
    api::{runs::run_chart, wire},
    parts::{
        chart::{Chart, Curve, View},
        empty::Empty,
        number, style,
    },
    paths::{self, RunTab},
};

/// Columns of a chart, and so the most buckets that are asked for.
const COLUMNS: u32 = 320;

/// Charts drawn at first.
const FIRST: usize = 12;

/// The least time between two fetches of a curve.
const PAUSE: Duration = Duration::from_secs(1);

/// What a person has chosen to see, as the URL says it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Chosen {
    view: View,
    all: bool,
}

impl Chosen {
    fn read(get: impl Fn(&str) -> String) -> Self {
        let smooth = get("smooth").parse::<f64>().ok().filter(|weight| weight.is_finite()).unwrap_or(0.0).clamp(0.0, 0.99);
        let view = View { from: get("from").parse().ok(), to: get("to").parse().ok(), log: get("log") == "1", smooth };
        Self { view, all: get("all") == "1" }
    }

    fn path(&self, id: &RunId) -> String {
        let step = |step: Option<u64>| step.map(|step| step.to_string()).unwrap_or_default();
        let flag = |on: bool| if on { "1".to_owned() } else { String::new() };
        let smooth = if self.view.smooth > 0.0 { self.view.smooth.to_string() } else { String::new() };
        paths::with_query(
            &paths::run_tab(id, RunTab::Overview),
            [
                ("from", step(self.view.from)),
                ("to", step(self.view.to)),
                ("log", flag(self.view.log)),
                ("smooth", smooth),
                ("all", flag(self.all)),
            ],
        )
    }
}

/// The grid of charts.
#[component]
pub fn Charts(watched: Watched) -> impl IntoView {
    let query = watched.query();
    let chosen = Memo::new(move |_| query.with(|query| Chosen::read(|name| query.get(name).unwrap_or_default())));
    let view = Memo::new(move |_| chosen.get().view);
    let hover = RwSignal::new(None::<f64>);
    let names = Memo::new(move |_| {
        watched.detail.with(|detail| {
            let mut names: Vec<String> = detail.metrics.iter().map(|metric| metric.name.clone()).collect();
            names.sort_by_key(|name| (rank(name), name.clone()));
            names
        })
    });
    let id = watched.id();
    let navigate = use_navigate();
    let zoom_id = id.clone();
    let zoom = Callback::new(move |(from, to): (u64, u64)| {
        let mut wanted = chosen.get_untracked();
        wanted.view.from = Some(from);
        wanted.view.to = Some(to);
        navigate(&wanted.path(&zoom_id), NavigateOptions { scroll: false, ..NavigateOptions::default() });
    });
    let shown = Memo::new(move |_| {
        let most = if chosen.get().all { usize::MAX } else { FIRST };
        names.with(|names| names.iter().take(most).cloned().collect::<Vec<_>>())
    });
    let more_id = id.clone();
    let ended = Memo::new(move |_| watched.detail.with(|detail| detail.row.state.kind().has_ended()));
    view! {
        <Show
            when=move || names.with(|names| !names.is_empty())
            fallback=move || {
                let (title, hint) = if ended.get() {
                    ("No metrics", "It printed none. Slipway's trainer does; any other program prints lines such as {\"slipway\":\"metric\",\"step\":1,\"time\":1700000000000,\"values\":{\"train/loss\":0.5}}")
                } else {
                    ("No metrics yet", "Curves appear here with the first values that it prints")
                };
                view! { <div class=style::CARD><Empty title hint/></div> }
            }
        >
            <Toolbar id=id.clone() chosen/>
            <div class="grid gap-3 xl:grid-cols-2">
                <For each=move || shown.get() key=Clone::clone let:name>
                    <Metric watched name view hover zoom/>
                </For>
            </div>
            {
                let id = more_id.clone();
                move || {
                    let hidden = names.with(Vec::len) - shown.with(Vec::len);
                    (hidden > 0).then(|| {
                        let all = Chosen { all: true, ..chosen.get() };
                        view! { <a class=style::LINK href=all.path(&id)>"Show "{number::counted(hidden as u64, "more metric", "more metrics")}</a> }
                    })
                }
            }
        </Show>
    }
}

/// Losses first, then accuracies, then the rest.
fn rank(name: &str) -> u8 {
    match name {
        "train/loss" => 0,
        name if name.contains("loss") => 1,
        name if name.contains("acc") => 2,
        _ => 3,
    }
}

/// How the curves are looked at: links and a form, all of it URL.
#[component]
fn Toolbar(id: RunId, chosen: Memo<Chosen>) -> impl IntoView {
    let link = {
        let id = id.clone();
        move |change: fn(&mut Chosen)| {
            let mut wanted = chosen.get();
            change(&mut wanted);
            wanted.path(&id)
        }
    };
    let toggle = "flex h-7 items-center rounded border border-line px-2 text-table text-ink-soft hover:border-line-strong hover:text-ink focus-visible:outline-2 focus-visible:outline-accent aria-[current=true]:border-accent aria-[current=true]:font-medium aria-[current=true]:text-ink";
    let smooth = {
        let link = link.clone();
        move |label: &'static str, is: fn(f64) -> bool, change: fn(&mut Chosen)| {
            let link = link.clone();
            view! { <a class=toggle href=move || link(change) aria-current=move || is(chosen.get().view.smooth).then_some("true")>{label}</a> }
        }
    };
    let log = link.clone();
    let all = link;
    let navigate = use_navigate();
    let (from, to) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let submit = {
        let id = id.clone();
        move |event: ev::SubmitEvent| {
            event.prevent_default();
            let mut wanted = chosen.get_untracked();
            let read = |typed: RwSignal<String>, before: Option<u64>| {
                let typed = typed.get_untracked();
                if typed.is_empty() { before } else { typed.trim().parse().ok() }
            };
            wanted.view.from = read(from, wanted.view.from);
            wanted.view.to = read(to, wanted.view.to);
            navigate(&wanted.path(&id), NavigateOptions { scroll: false, ..NavigateOptions::default() });
        }
    };
    let zoomed = move || chosen.with(|chosen| chosen.view.from.is_some() || chosen.view.to.is_some());
    let shown = |step: Option<u64>| step.map(|step| step.to_string()).unwrap_or_default();
    let input =
        "h-7 w-24 rounded border border-line-strong bg-surface px-2 text-table focus-visible:outline-2 focus-visible:outline-accent";
    view! {
        <div class="flex flex-wrap items-center gap-x-4 gap-y-2 text-table">
            <span class="flex items-center gap-1.5">
                <span class="text-ink-soft">"Scale"</span>
                {
                    let link = log.clone();
                    view! { <a class=toggle href=move || link(|chosen| chosen.view.log = false) aria-current=move || (!chosen.get().view.log).then_some("true")>"linear"</a> }
                }
                <a class=toggle href=move || log(|chosen| chosen.view.log = true) aria-current=move || chosen.get().view.log.then_some("true")>"log"</a>
            </span>
            <span class="flex items-center gap-1.5">
                <span class="text-ink-soft">"Smoothing"</span>
                {smooth("none", |weight| weight <= 0.0, |chosen| chosen.view.smooth = 0.0)}
                {smooth("some", |weight| weight > 0.0 && weight <= 0.8, |chosen| chosen.view.smooth = 0.6)}
                {smooth("strong", |weight| weight > 0.8, |chosen| chosen.view.smooth = 0.9)}
            </span>
            <form method="get" action=paths::run(&id) class="flex items-center gap-1.5" on:submit=submit>
                <label class="flex items-center gap-1.5 text-ink-soft">"Steps" <input class=input name="from" inputmode="numeric" aria-label="From step" placeholder="first" prop:value=move || shown(chosen.get().view.from) value=move || shown(chosen.get().view.from) on:input=move |event| from.set(event_target_value(&event))/></label>
                <label class="flex items-center gap-1.5 text-ink-soft">"to" <input class=input name="to" inputmode="numeric" aria-label="To step" placeholder="last" prop:value=move || shown(chosen.get().view.to) value=move || shown(chosen.get().view.to) on:input=move |event| to.set(event_target_value(&event))/></label>
                {move || chosen.get().view.log.then(|| view! { <input type="hidden" name="log" value="1"/> })}
                <button type="submit" class=style::QUIET title="Or drag across a chart">"Zoom"</button>
                <Show when=zoomed>
                    {
                        let all = all.clone();
                        view! { <a class=style::LINK href=move || all(|chosen| { chosen.view.from = None; chosen.view.to = None; })>"Show all steps"</a> }
                    }
                </Show>
            </form>
        </div>
    }
}

/// One chart, with its curve fetched and kept fresh.
#[component]
fn Metric(watched: Watched, name: String, view: Memo<View>, hover: RwSignal<Option<f64>>, zoom: Callback<(u64, u64)>) -> impl IntoView {
    let id = watched.id();
    let ask = {
        let (id, name) = (id.clone(), name.clone());
        move |view: &View| run_chart(id.clone(), ChartQuery { metric: name.clone(), from: view.from, to: view.to, width: COLUMNS })
    };
    let first = {
        let ask = ask.clone();
        wire::shown(|| (), move |()| ask(&view.get_untracked()))
    };
    let curve = RwSignal::new(Curve::default());
    let problem = RwSignal::new(None::<String>);
    let busy = StoredValue::new(false);
    let stretch = Memo::new(move |_| view.with(|view| (view.from, view.to)));
    let wanted = RwSignal::new(0_u64);
    Effect::new(move |before: Option<_>| {
        let now = (stretch.get(), watched.metrics.get() + wanted.get());
        if before.is_some_and(|before| before != now) && !busy.get_value() {
            busy.set_value(true);
            let answer = ask(&view.get_untracked());
            leptos::task::spawn_local(async move {
                let answer = answer.await;
                if busy.try_get_value().is_none() {
                    return;
                }
                match answer {
                    Ok(fresh) => {
                        curve.set(fresh);
                        problem.set(None);
                    }
                    Err(failure) => problem.set(Some(failure.0.to_string())),
                }
                let asked = now;
                set_timeout(
                    move || {
                        if busy.try_get_value().is_some() {
                            busy.set_value(false);
                            // What came meanwhile is fetched now.
                            if (stretch.get_untracked(), watched.metrics.get_untracked() + wanted.get_untracked()) != asked {
                                wanted.update(|wanted| *wanted += 1);
                            }
                        }
                    },
                    PAUSE,
                );
            });
        }
        now
    });
    view! {
        <Transition>
            {
                let name = name.clone();
                move || Suspend::new({
                    let name = name.clone();
                    async move {
                        match first.await {
                            Ok(fetched) => curve.set(fetched),
                            Err(failure) => problem.set(Some(failure.0.to_string())),
                        }
                        view! {
                            <div class="flex min-w-0 flex-col gap-1">
                                <Chart name curve view hover on_zoom=zoom/>
                                {move || problem.get().map(|problem| view! { <p class="text-table text-bad">{problem}</p> })}
                            </div>
                        }
                    }
                })
            }
        </Transition>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_curves_are_looked_at_survives_the_url() {
        let chosen = Chosen { view: View { from: Some(3), to: Some(900), log: true, smooth: 0.6 }, all: true };
        let path = chosen.path(&RunId("abc".into()));
        assert_eq!(path, "/runs/abc?from=3&to=900&log=1&smooth=0.6&all=1");
        let read = Chosen::read(|name| {
            let pair = path.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            pair.unwrap_or_default().to_owned()
        });
        assert_eq!(read, chosen);
    }

    #[test]
    fn nonsense_in_the_url_shows_the_whole_curve() {
        let read = Chosen::read(|name| match name {
            "from" => "-1".to_owned(),
            "smooth" => "NaN".to_owned(),
            _ => "x".to_owned(),
        });
        assert_eq!(read, Chosen::default());
    }
}
