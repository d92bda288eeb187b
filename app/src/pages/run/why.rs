//! Under the sentence that says why a run waits: what can be done about it, and, folded, what it was read from.

use leptos::prelude::*;
use slipway_domain::pending::{Evidence, Fix, NodesWhy};

use super::Watched;
use crate::{
    parts::{number, style, text, time::Ago},
    paths,
};

/// The button and the evidence.
#[component]
pub fn Why(watched: Watched) -> impl IntoView {
    let why = Memo::new(move |_| watched.detail.with(|detail| detail.why.clone()));
    move || {
        let why = why.get()?;
        let said = why.evidence.into_iter().filter(|evidence| !evidence.said.is_empty() || !evidence.nodes.is_empty()).map(evidence);
        let said: Vec<AnyView> = said.collect();
        let fix = why.fix.and_then(|fix| button(watched, fix));
        (fix.is_some() || !said.is_empty()).then(|| {
            let folded = (!said.is_empty()).then(|| {
                view! {
                    <details class="min-w-0 max-w-full text-table">
                        <summary class="cursor-pointer text-ink-soft hover:text-ink focus-visible:outline-2 focus-visible:outline-accent">"What Kubernetes says"</summary>
                        <ul class="mt-2 flex flex-col gap-3 rounded border border-line bg-surface p-3">{said}</ul>
                    </details>
                }
            });
            view! { <div class="flex flex-col items-start gap-2" data-testid="evidence">{fix} {folded}</div> }
        })
    }
}

/// What can be done, as a link; a run is resumed where it is suspended, with the buttons above.
fn button(watched: Watched, fix: Fix) -> Option<AnyView> {
    let id = watched.id();
    let (href, text) = match fix {
        Fix::Resume => return None,
        Fix::Clone { with, fields } => (paths::clone_run_with(&id, &fields), format!("Clone with {with}")),
        Fix::ChangeImage => (format!("{}#image", paths::clone_run(&id)), "Clone with another image".to_owned()),
        Fix::Quotas { team } => (format!("/quotas/{}", paths::escape(&team)), format!("Ask for more in the quotas of {team}")),
        Fix::Stop { id, name } => (paths::with_query(&paths::run(&id), [("do", "stop".to_owned())]), format!("Stop my run {name}…")),
        Fix::OpenNode { name } => (paths::node(&name), format!("Look at {name}")),
    };
    Some(view! { <a class=style::BUTTON href=href data-testid="fix">{text}</a> }.into_any())
}

fn evidence(evidence: Evidence) -> AnyView {
    let Evidence { from, said, at, nodes } = evidence;
    view! {
        <li class="flex min-w-0 flex-col gap-1">
            <span class="text-ink-soft">
                <span class="font-mono text-mono break-all">{from}</span>
                {at.map(|at| view! { " · "<Ago at=Signal::stored(at)/> })}
            </span>
            {(!said.is_empty()).then(|| view! { <span class="font-mono text-mono break-words">{text::plain(&said)}</span> })}
            {(!nodes.is_empty()).then(|| view! { <ul class="flex flex-col gap-1">{nodes.into_iter().map(nodes_why).collect_view()}</ul> })}
        </li>
    }
    .into_any()
}

fn nodes_why(nodes: NodesWhy) -> AnyView {
    let rest = nodes.count as usize - nodes.names.len().min(nodes.count as usize);
    let more = if rest == 0 { String::new() } else { format!(" and {}", number::counted(rest as u64, "more", "more")) };
    view! {
        <li class="flex min-w-0 gap-3 max-md:flex-wrap">
            <span class="w-48 shrink-0 break-words">{nodes.why}</span>
            <span class="min-w-0 flex-1 font-mono text-mono break-words text-ink-soft">{nodes.names.join(", ")}{more}</span>
        </li>
    }
    .into_any()
}
