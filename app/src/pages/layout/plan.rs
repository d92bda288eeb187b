//! What would happen, in words, and the button that makes it happen.

use std::collections::BTreeMap;

use leptos::prelude::*;
use slipway_domain::relayout::{
    form::{Displaced, LayoutForm, LayoutPage, Plan},
    steps::Drain,
};

use crate::{
    parts::{
        gpu_map::{self, Names},
        style,
    },
    paths,
};

/// Asks before GPUs are cut anew.
#[component]
pub fn Confirm(page: LayoutPage, form: LayoutForm) -> impl IntoView {
    let Some(plan) = page.plan else { return ().into_any() };
    let name = page.node.name.clone();
    let names = Names::new(BTreeMap::new(), BTreeMap::new(), paths::run);
    let sentences = sentences(&name, &plan, &page.held);
    view! {
        <section class=format!("{} flex flex-col gap-3 p-4", style::CARD) aria-label="What would happen" id="plan">
            <h2 class="text-body font-semibold">"What would happen"</h2>
            <div class="flex flex-col gap-1.5">
                <div class="flex flex-wrap items-center gap-2"><span class="text-table text-ink-soft">"before"</span>{gpu_map::strip(&page.node.gpus, &[], &names)}</div>
                <div class="flex flex-wrap items-center gap-2"><span class="text-table text-ink-soft">"after"</span>{gpu_map::strip(&plan.after, &[], &names)}</div>
                <p class="text-table text-ink-soft">{plan.words.clone()}</p>
            </div>
            <ol class="flex list-inside list-decimal flex-col gap-1 text-body">{sentences.into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect::<Vec<_>>()}</ol>
            <Moving held=page.held/>
            <form method="post" action=paths::layout(&name)>
                <input type="hidden" name="do" value="order"/>
                <input type="hidden" name="config" value=form.config/>
                <input type="hidden" name="layout" value=form.layout/>
                <input type="hidden" name="drain" value=plan.drain.word()/>
                <button type="submit" class=style::DANGER>{format!("Cut the GPUs of {name}")}</button>
            </form>
        </section>
    }
    .into_any()
}

fn pods(count: usize) -> String {
    if count == 1 { "1 Pod".to_owned() } else { format!("{count} Pods") }
}

fn sentences(name: &str, plan: &Plan, held: &[Displaced]) -> Vec<String> {
    let emptied = match (held.len(), plan.drain) {
        (0, _) => "Nobody holds a GPU there now, so nobody has to move".to_owned(),
        (count, Drain::Evict) => format!(
            "{} named below: evicted, each with its grace period. A run writes a last checkpoint and goes on where there is room for it, or waits",
            pods(count)
        ),
        (count, Drain::Wait) => format!("{} named below: waited for until they end by themselves, however long that takes", pods(count)),
    };
    vec![
        format!("{name} is cordoned: no new Pod comes to it"),
        emptied,
        format!("mig-manager there is asked for {}; until it has ended, the node offers no GPU at all", plan.config),
        "What the node then advertises is compared with this layout, and the cordon is lifted".to_owned(),
    ]
}

/// Who would have to move.
#[component]
pub fn Moving(held: Vec<Displaced>) -> impl IntoView {
    if held.is_empty() {
        return ().into_any();
    }
    let row = |displaced: &Displaced| {
        let who = match &displaced.run {
            Some((id, run)) => {
                view! { <a class=style::LINK href=paths::run(id)>{run.name.to_string()}</a>{format!(" of {} ({})", run.who, displaced.team)} }.into_any()
            }
            None => format!("{} in {}, no run of Slipway's", displaced.pod, displaced.team).into_any(),
        };
        view! {
            <tr class="border-b border-line last:border-b-0">
                <td class=style::CELL>{who}</td>
                <td class=style::CELL>{displaced.holds.clone()}</td>
            </tr>
        }
        .into_any()
    };
    view! {
        <div class="overflow-x-auto rounded border border-line bg-surface">
            <table class="w-full border-collapse text-table" aria-label="Who holds GPUs there">
                <thead class="border-b border-line">
                    <tr>
                        <th scope="col" class=style::HEAD>"Who holds GPUs there"</th>
                        <th scope="col" class=style::HEAD>"What"</th>
                    </tr>
                </thead>
                <tbody>{held.iter().map(row).collect::<Vec<_>>()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
