//! The filters of the log: a plain GET form, so that the URL holds them.

use leptos::prelude::*;
use slipway_domain::audit::{AuditQuery, OutcomeKind};

use crate::{parts::style, paths};

/// A field with its label above it; on a phone two stand beside each other.
const FIELD: &str = "flex min-w-0 flex-1 flex-col gap-1 text-table text-ink-soft max-md:min-w-44 md:max-w-52";

/// The row of filters, as they are set.
#[component]
pub fn Filters(query: AuditQuery) -> impl IntoView {
    let text = |name: &'static str, label: &'static str, value: String, kind: &'static str| {
        view! {
            <label class=FIELD>
                {label}
                <input class=style::INPUT type=kind name=name value=value autocomplete="off"/>
            </label>
        }
    };
    let filtered = !query.is_plain();
    let outcome = query.outcome;
    let (from, until) = (kind_of(&query.from), kind_of(&query.until));
    view! {
        <form class="flex flex-wrap items-end gap-2" method="get" action=paths::AUDIT role="search" aria-label="Audit log">
            {text("who", "Who", query.who, "search")}
            {text("action", "Did", query.action, "search")}
            {text("subject", "To what", query.subject, "search")}
            {text("team", "Team", query.team, "search")}
            {text("from", "From (UTC)", query.from, from)}
            {text("until", "Until (UTC)", query.until, until)}
            <label class=FIELD>
                "Outcome"
                <select class=style::INPUT name="outcome">
                    <option value="">"any"</option>
                    {OutcomeKind::ALL.map(|kind| view! { <option value=kind.word() selected=outcome == Some(kind)>{kind.word()}</option> }).into_iter().collect_view()}
                </select>
            </label>
            <button type="submit" class=style::BUTTON>"Filter"</button>
            {filtered.then(|| view! { <a class=style::QUIET href=paths::AUDIT>"Clear filters"</a> })}
        </form>
    }
}

/// A calendar for what is a day; text for what is more, or is no time, so that it comes back as it was typed.
fn kind_of(value: &str) -> &'static str {
    let is_day = value.len() == 10 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if value.is_empty() || is_day { "date" } else { "text" }
}
