//! The run's Pods, newest first; they stay here when the cluster has forgotten them.

use leptos::prelude::*;
use slipway_domain::run::view::PodRow;

use super::Watched;
use crate::parts::{
    badge::{Shape, Tone},
    empty::Empty,
    number, style,
    time::Ago,
};

/// The Pods tab.
#[component]
pub fn Pods(watched: Watched) -> impl IntoView {
    let pods = Memo::new(move |_| watched.detail.with(|detail| detail.pods.clone()));
    move || {
        let pods = pods.get();
        if pods.is_empty() {
            return view! { <div class=style::CARD><Empty title="No Pod yet" hint="Kubernetes makes one when quota and queue let it; the head of this page says what it waits for"/></div> }.into_any();
        }
        let (head, cell) = (style::HEAD, style::CELL);
        view! {
            <div class="overflow-x-auto rounded border border-line bg-surface">
                <table class="w-full border-collapse text-table">
                    <thead class="border-b border-line">
                        <tr>
                            <th scope="col" class=head>"Pod"</th>
                            <th scope="col" class=head>"Status"</th>
                            <th scope="col" class=format!("{head} max-md:hidden")>"Node"</th>
                            <th scope="col" class=format!("{head} text-right max-md:hidden")>"Restarts"</th>
                            <th scope="col" class=format!("{head} max-md:hidden")>"Made"</th>
                            <th scope="col" class=format!("{head} max-md:hidden")>"Exit"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {pods
                            .into_iter()
                            .map(|pod| {
                                let tone = tone(&pod);
                                let node = pod.node.clone().unwrap_or_else(|| "–".to_owned());
                                let exit = exit(&pod);
                                view! {
                                    <tr class="border-b border-line last:border-b-0">
                                        <td class=cell>
                                            <span class="font-mono text-mono break-all">{pod.name.clone()}</span>
                                            {(!pod.exists).then(|| view! { <span class="block text-ink-soft">"no longer in the cluster"</span> })}
                                            <span class="block text-ink-soft md:hidden">{node.clone()}" · "{number::counted(u64::from(pod.restarts), "restart", "restarts")}" · "{exit.clone()}</span>
                                        </td>
                                        <td class=cell><span class=format!("inline-flex items-center gap-1.5 font-medium {}", tone.text())><Shape tone=Signal::stored(tone)/>{pod.status.clone()}</span></td>
                                        <td class=format!("{cell} font-mono text-mono max-md:hidden")>{node}</td>
                                        <td class=format!("{cell} text-right tabular-nums max-md:hidden")>{number::count(u64::from(pod.restarts))}</td>
                                        <td class=format!("{cell} text-ink-soft max-md:hidden")><Ago at=Signal::stored(pod.created)/></td>
                                        <td class=format!("{cell} max-w-96 break-words max-md:hidden")>{exit}</td>
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </div>
        }
        .into_any()
    }
}

fn tone(pod: &PodRow) -> Tone {
    match (pod.exit_code, pod.status.as_str()) {
        (Some(0), _) | (_, "Succeeded" | "Completed") => Tone::Good,
        (Some(_), _) | (_, "Failed" | "Error") => Tone::Bad,
        (None, "Running") => Tone::Busy,
        (None, status) if status.contains("Err") || status.contains("BackOff") => Tone::Warn,
        (None, _) => Tone::Idle,
    }
}

fn exit(pod: &PodRow) -> String {
    match (pod.exit_code, pod.message.as_str()) {
        (None, "") => "–".to_owned(),
        (None, message) => message.to_owned(),
        (Some(code), "") => format!("code {code}"),
        (Some(code), message) => format!("code {code}: {message}"),
    }
}
