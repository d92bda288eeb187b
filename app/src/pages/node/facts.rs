//! What is asked for of a node, what it says of itself, and its labels, folded.

use leptos::prelude::*;
use slipway_domain::node::NodeDetail;

use crate::parts::{
    share::{ShareMeter, Unit},
    time::Ago,
};

/// The facts.
#[component]
pub fn Facts(detail: NodeDetail) -> impl IntoView {
    let row = detail.row;
    let text = |name: &'static str, value: Option<String>| value.map(|value| fact(name, value.into_any()));
    let at = |name: &'static str, at: Option<jiff::Timestamp>| at.map(|at| fact(name, view! { <Ago at=Signal::stored(at)/> }.into_any()));
    let mig = row.mig.map(|mig| if mig.state.is_empty() { mig.name } else { format!("{}: {}", mig.name, mig.state) });
    let taints: Vec<AnyView> =
        row.taints.into_iter().map(|taint| view! { <span class="block font-mono text-mono">{taint}</span> }.into_any()).collect();
    let labels: Vec<AnyView> = detail
        .labels
        .into_iter()
        .map(|(name, value)| {
            view! {
                <dt class="min-w-0 break-all text-ink-soft">{name}</dt>
                <dd class="min-w-0 break-all">{value}</dd>
            }
            .into_any()
        })
        .collect();
    let count = labels.len();
    view! {
        <section class="rounded border border-line bg-surface" aria-label="Facts">
            <div class="flex flex-wrap gap-x-6 gap-y-1 border-b border-line px-3 py-2">
                <ShareMeter share=row.cpu unit=Unit::Cores/>
                <ShareMeter share=row.memory unit=Unit::Bytes/>
                <ShareMeter share=row.pods unit=Unit::Pods/>
            </div>
            <dl class="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 px-3 py-2 text-table">
                {text("GPUs", row.product)}
                {text("Driver", row.driver)}
                {text("CUDA", row.cuda)}
                {text("MIG strategy", row.strategy)}
                {text("MIG layout", mig)}
                {(!taints.is_empty()).then(|| fact("Taints", taints.into_any()))}
                {at("As it is since", row.since)}
                {at("Its agent last told", detail.heard)}
                {at("In the cluster since", detail.created)}
            </dl>
            <details class="border-t border-line px-3 py-2">
                <summary class="cursor-pointer text-table font-medium focus-visible:outline-2 focus-visible:outline-accent">{format!("Labels ({count})")}</summary>
                <dl class="mt-2 grid grid-cols-1 gap-x-4 gap-y-1 font-mono text-mono md:grid-cols-2">{labels}</dl>
            </details>
        </section>
    }
    .into_any()
}

fn fact(name: &'static str, value: AnyView) -> AnyView {
    view! {
        <dt class="whitespace-nowrap text-ink-soft">{name}</dt>
        <dd class="min-w-0 break-words">{value}</dd>
    }
    .into_any()
}
