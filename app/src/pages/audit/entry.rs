//! An entry of the log: who did what to what, what came of it, and, unfolded, what was changed.

use leptos::prelude::*;
use slipway_domain::audit::{AuditEntry, AuditQuery, Outcome};

use crate::{
    parts::{
        badge::{Shape, Tone},
        diff::Diff,
        number, style,
        time::Ago,
    },
    paths,
};

/// The entries, newest first.
#[component]
pub fn Table(entries: Vec<AuditEntry>) -> impl IntoView {
    let head = style::HEAD;
    view! {
        <div class="overflow-x-auto rounded border border-line bg-surface">
            <table class="w-full border-collapse text-table">
                <thead class="border-b border-line">
                    <tr>
                        <th scope="col" class=format!("{head} max-md:hidden")>"When"</th>
                        <th scope="col" class=head>"Who"</th>
                        <th scope="col" class=head>"Did"</th>
                        <th scope="col" class=format!("{head} max-md:hidden")>"To what"</th>
                        <th scope="col" class=head>"Outcome"</th>
                    </tr>
                </thead>
                {entries.into_iter().map(|entry| view! { <Entry entry/> }).collect_view()}
            </table>
        </div>
    }
}

#[component]
fn Entry(entry: AuditEntry) -> impl IntoView {
    let cell = style::CELL;
    let (tone, word, why) = match entry.outcome {
        Outcome::Done => (Tone::Good, "done", None),
        Outcome::Refused { why } => (Tone::Warn, "refused", Some(why)),
        Outcome::Failed { why } => (Tone::Bad, "failed", Some(why)),
        Outcome::UnderWay => (Tone::Busy, "under way", None),
        Outcome::Unknown => (Tone::Warn, "unknown", Some("No outcome: the server went down in between".to_owned())),
    };
    let by_them = paths::audit(&AuditQuery { who: entry.who.clone(), ..AuditQuery::default() });
    let at = Signal::stored(entry.at);
    let subject = entry.subject.clone();
    view! {
        <tbody class="border-b border-line last:border-b-0" data-entry=entry.seq>
            <tr>
                <td class=format!("{cell} text-ink-soft max-md:hidden")><Ago at/></td>
                <td class=cell>
                    <a class="font-medium text-ink hover:text-accent focus-visible:outline-2 focus-visible:outline-accent" href=by_them>{entry.who}</a>
                    <span class="block text-ink-soft md:hidden"><Ago at/></span>
                </td>
                <td class=format!("{cell} max-md:w-full")>
                    {entry.action}
                    <span class="block break-all text-ink-soft md:hidden">{entry.subject}</span>
                </td>
                <td class=format!("{cell} break-all max-md:hidden")>{subject}</td>
                <td class=cell>
                    <span class=format!("inline-flex items-center gap-1.5 font-medium whitespace-nowrap {}", tone.text())><Shape tone=Signal::stored(tone)/>{word}</span>
                    {why.map(|why| view! { <span class="block break-words text-ink-soft">{why}</span> })}
                </td>
            </tr>
            <tr>
                <td class="max-md:hidden"></td>
                <td class="px-3 pb-1.5 text-table text-ink-soft" colspan="4">
                    <details>
                        <summary class="cursor-pointer focus-visible:outline-2 focus-visible:outline-accent">{if entry.change.is_empty() { "Details" } else { "What was changed" }}</summary>
                        <div class="flex flex-col gap-1.5 py-1.5">
                            {(!entry.change.is_empty()).then(|| view! { <Diff lines=entry.change/> })}
                            <p class="break-all">
                                {format!("Row {}", number::count(entry.seq.cast_unsigned()))}
                                {entry.team.map(|team| format!(", team {team}"))}
                                {(!entry.request.is_empty()).then(|| view! { ", request "<code class="font-mono text-mono">{entry.request}</code> })}
                            </p>
                        </div>
                    </details>
                </td>
            </tr>
        </tbody>
    }
}
