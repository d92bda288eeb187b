//! Why a run failed: the exit code, the reason in words, and the last lines that it printed.

use leptos::prelude::*;
use slipway_domain::run::view::LogQuery;

use super::Watched;
use crate::{
    api::{runs::run_logs, wire},
    parts::{
        badge::{Shape, Tone},
        style, text,
    },
    paths::{self, RunTab},
};

/// Lines shown.
const LAST: u32 = 20;

/// The box above the curves of a failed run.
#[component]
pub fn Failed(watched: Watched, exit_code: Option<i32>, why: String) -> impl IntoView {
    let id = watched.id();
    let logs = paths::run_tab(&id, RunTab::Logs);
    let query = LogQuery { pod: None, restart: None, from: None, count: LAST, search: String::new() };
    let lines = wire::shown(|| (), move |()| run_logs(id.clone(), query.clone()));
    view! {
        <section class="flex min-w-0 flex-col rounded border border-bad bg-surface" aria-label="Why it failed">
            <div class="flex items-start gap-2 p-3 text-body">
                <span class="mt-1 text-bad"><Shape tone=Signal::stored(Tone::Bad)/></span>
                <div class="min-w-0 flex-1">
                    <h2 class="font-semibold">{exit_code.map_or_else(|| "Failed".to_owned(), |code| format!("Failed with exit code {code}"))}</h2>
                    <p class="break-words">{text::sentence_case(&why)}</p>
                </div>
            </div>
            <Transition>
                {move || Suspend::new({
                    let logs = logs.clone();
                    async move {
                        let page = lines.await.ok().filter(|page| !page.lines.is_empty())?;
                        Some(view! {
                            <div class="border-t border-line">
                                <div class="flex items-center px-3 pt-2 text-table">
                                    <h3 class="flex-1 font-medium">"The last lines that it printed"</h3>
                                    <a class=style::LINK href=logs>"Open the log"</a>
                                </div>
                                <pre class="overflow-x-auto p-3 font-mono text-mono focus-visible:outline-2 focus-visible:outline-accent" tabindex="0" role="region" aria-label="The last lines">
                                    {page.lines.iter().map(|line| text::cut(&text::plain(&line.text), 2000).0.to_owned()).collect::<Vec<_>>().join("\n")}
                                </pre>
                            </div>
                        })
                    }
                })}
            </Transition>
        </section>
    }
}
