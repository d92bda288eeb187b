//! The audit log: who did what, newest first; whether it is what was written; and the way to take it elsewhere. Everything on it
//! is a link or a plain form, so that it costs the browser nothing.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use slipway_domain::audit::{AuditPage, AuditQuery, Chain, ExportFormat};

use super::refused::{Problem, Refused};
use crate::{
    api::{self, Failure, audit::list_audit, wire},
    parts::{
        badge::{Shape, Tone},
        banner::Banner,
        empty::Empty,
        number, style,
        time::Ago,
    },
    paths,
};

mod entry;
mod filters;

use entry::Table;
use filters::Filters;

/// The Audit page.
#[component]
pub fn Audit() -> impl IntoView {
    let map = use_query_map();
    let query = Memo::new(move |_| map.with(|map| paths::read_audit(|name| map.get_all(name).unwrap_or_default())));
    let failure = RwSignal::new(api::posted().and_then(|posted| posted.refusal).map(Failure));
    let page = wire::shown(move || query.get(), list_audit);
    view! {
        <Title text="Audit log"/>
        <div class="flex flex-col gap-3">
            <h1 class="text-title font-semibold">"Audit log"</h1>
            <Problem failure/>
            {move || view! { <Filters query=query.get()/> }}
            <Transition>
                {move || Suspend::new(async move {
                    match page.await {
                        Err(failure) => view! { <Refused failure/> }.into_any(),
                        Ok(page) => view! { <Shown page query=query.get_untracked()/> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

#[component]
fn Shown(page: AuditPage, query: AuditQuery) -> impl IntoView {
    let AuditPage { entries, older, teams, chain, may_not_verify } = page;
    let about = teams.map(|teams| {
        let names: Vec<String> = teams.iter().map(ToString::to_string).collect();
        view! { <p class="text-table text-ink-soft">"Shown is what concerns "{names.join(", ")}"; what was written before Slipway kept whose team an entry concerns, a platform admin sees alone"</p> }
    });
    let nothing = entries.is_empty();
    let pages = (query.clone(), older);
    view! {
        <Whole chain may_not_verify query=query.clone()/>
        {about}
        {if nothing {
            view! { <Nothing query/> }.into_any()
        } else {
            view! { <Table entries/> }.into_any()
        }}
        <Pages query=pages.0 older=pages.1/>
    }
}

/// Whether the log is what was written, the button that finds out, and the links that take it elsewhere.
#[component]
fn Whole(chain: Option<Chain>, may_not_verify: Option<String>, query: AuditQuery) -> impl IntoView {
    let said = match chain {
        None => view! { <span class="text-ink-soft">"The chain was not verified since the server started"</span> }.into_any(),
        Some(Chain { broken: Some(sentence), at, .. }) => {
            view! {
                <Banner tone=Tone::Bad>
                    {crate::parts::text::sentence_case(&sentence)}", as was found "<Ago at=Signal::stored(at)/>"; keep the database as it is and compare it with a backup or an export"
                </Banner>
            }
                .into_any()
        }
        Some(Chain { broken: None, rows: 0, .. }) => {
            view! { <span class="text-ink-soft">"Nothing was in the log when it was last verified"</span> }.into_any()
        }
        Some(Chain { broken: None, at, rows, hash }) => {
            view! {
                <span class="inline-flex flex-wrap items-center gap-x-1.5">
                    <span class="text-good"><Shape tone=Signal::stored(Tone::Good)/></span>
                    {format!("Chain verified up to row {}", number::count(rows.cast_unsigned()))}
                    <span class="text-ink-soft"><Ago at=Signal::stored(at)/></span>
                    <code class="font-mono text-mono text-ink-soft" title=format!("Keep this elsewhere to notice a chain that was computed anew: {rows}:{hash}")>{format!("{rows}:{}…", hash.get(..12).unwrap_or_default())}</code>
                </span>
            }
                .into_any()
        }
    };
    let export = move |format: ExportFormat, label: &'static str| {
        view! { <a class=style::BUTTON rel="external" href=paths::audit_export(&query, format)>{label}</a> }
    };
    view! {
        <div class="flex flex-wrap items-center gap-2 text-table">
            {said}
            <form method="post" action=paths::AUDIT class="contents">
                <input type="hidden" name="do" value="verify"/>
                <button type="submit" class=style::BUTTON disabled=may_not_verify.is_some() title=may_not_verify.clone()>"Verify now"</button>
            </form>
            {may_not_verify.map(|why| view! { <span class="text-ink-soft">{why}</span> })}
            <span class="flex-1"></span>
            {export(ExportFormat::Csv, "Export CSV")}
            {export(ExportFormat::Jsonl, "Export JSON lines")}
        </div>
    }
}

/// No entry fits.
#[component]
fn Nothing(query: AuditQuery) -> impl IntoView {
    let hint = if query.is_plain() { "Nobody has changed anything yet" } else { "Take some of the filters away" };
    view! {
        <Empty title="No entry fits" hint=hint>
            <a class=style::BUTTON href=paths::AUDIT>"Show everything"</a>
        </Empty>
    }
}

/// The way to older entries, and back to the newest.
#[component]
fn Pages(query: AuditQuery, older: Option<i64>) -> impl IntoView {
    let to = |before: Option<i64>| paths::audit(&AuditQuery { before, ..query.clone() });
    let newest = query.before.is_some().then(|| to(None));
    let older = older.map(|seq| to(Some(seq)));
    (newest.is_some() || older.is_some()).then(|| {
        view! {
            <nav class="flex items-center justify-end gap-2 text-table text-ink-soft" aria-label="Pages">
                {newest.map(|href| view! { <a class=style::BUTTON href=href>"Newest"</a> })}
                {match older {
                    Some(href) => view! { <a class=style::BUTTON href=href rel="next">"Older"</a> }.into_any(),
                    None => view! { <button class=style::BUTTON type="button" disabled title="These are the oldest">"Older"</button> }.into_any(),
                }}
            </nav>
        }
    })
}
