//! The Pods on a node: by name as far as the viewer may see them, and how many others there are.

use leptos::prelude::*;
use slipway_domain::node::{NodeDetail, PodThere};

use crate::{
    parts::{number, style, time::Ago},
    paths,
};

/// The Pods.
#[component]
pub fn Pods(detail: NodeDetail) -> impl IntoView {
    let NodeDetail { pods, others, runs, .. } = detail;
    let cell = style::CELL;
    let row = |pod: PodThere| {
        let by = pod.run.and_then(|id| Some((paths::run(&id), runs.get(&id)?)));
        let who = by.as_ref().map(|(_, run)| run.who.to_string());
        let name = match by {
            Some((href, run)) => view! { <a class=style::LINK href=href title=pod.name>{run.name.to_string()}</a> }.into_any(),
            None => view! { <span class="font-mono text-mono break-all">{pod.name}</span> }.into_any(),
        };
        view! {
            <tr class="border-b border-line last:border-b-0">
                <td class=cell>{name}</td>
                <td class=cell>{pod.team}{who.map(|who| view! { <span class="block text-ink-soft">{who}</span> })}</td>
                <td class=format!("{cell} font-mono text-mono max-md:hidden")>{pod.asks}</td>
                <td class=format!("{cell} text-ink-soft")><Ago at=Signal::stored(pod.created)/></td>
            </tr>
        }
        .into_any()
    };
    let rows: Vec<AnyView> = pods.into_iter().map(row).collect();
    let empty = rows.is_empty();
    let others: Vec<String> =
        others.into_iter().map(|(team, count)| format!("{} of {team}", number::counted(u64::from(count), "Pod", "Pods"))).collect();
    view! {
        <section class="rounded border border-line bg-surface">
            <h2 class="border-b border-line px-3 py-2 text-table font-semibold">"Pods there"</h2>
            {(!empty)
                .then(|| {
                    view! {
                        <div class="overflow-x-auto">
                            <table class="w-full border-collapse text-table">
                                <thead class="border-b border-line">
                                    <tr>
                                        <th scope="col" class=style::HEAD>"Run or Pod"</th>
                                        <th scope="col" class=style::HEAD>"Team"</th>
                                        <th scope="col" class=format!("{} max-md:hidden", style::HEAD)>"Asks for"</th>
                                        <th scope="col" class=style::HEAD>"Made"</th>
                                    </tr>
                                </thead>
                                <tbody>{rows}</tbody>
                            </table>
                        </div>
                    }
                })}
            {(!others.is_empty()).then(|| view! { <p class="px-3 py-2 text-table text-ink-soft">"Of other teams: "{others.join(", ")}</p> })}
            {(empty && others.is_empty()).then(|| view! { <p class="px-3 py-2 text-table text-ink-soft">"None"</p> })}
        </section>
    }
    .into_any()
}
