//! What was asked and what came of it, beside the curves: program, resources, limits, checkpoints.

use leptos::prelude::*;
use slipway_domain::run::{
    spec::{Program, RunSpec},
    state::State,
    view::CheckpointRow,
};

use super::Watched;
use crate::{
    parts::{copy::Copy, number, style, time::Ago},
    paths,
};

/// The column of facts.
#[component]
pub fn Facts(watched: Watched) -> impl IntoView {
    let spec = watched.detail.with_untracked(|detail| detail.spec.clone());
    let node = Memo::new(move |_| {
        watched.detail.with(|detail| match &detail.row.state {
            State::Running { node, .. } | State::Starting { node, .. } => Some(node.clone()),
            State::Waiting { .. }
            | State::Suspended { .. }
            | State::Stopping { .. }
            | State::Succeeded { .. }
            | State::Failed { .. }
            | State::Stopped { .. } => detail.pods.first().and_then(|pod| pod.node.clone()),
        })
    });
    let fields = spec.resources.to_fields();
    let asked = spec.clone();
    let asks_for = watched.detail.with_untracked(|detail| detail.row.asks_for.clone());
    let checkpoints = Memo::new(move |_| watched.detail.with(|detail| detail.checkpoints.clone()));
    view! {
        <aside class="flex min-w-0 flex-col gap-4" aria-label="Facts">
            <Card title="Resources">
                {fact("Asks for", asks_for)}
                {fact("CPU", fields.cpu)}
                {fact("Memory", fields.memory)}
                <Fact name="Node"><span class="font-mono text-mono">{move || node.get().unwrap_or_else(|| "none yet".to_owned())}</span></Fact>
            </Card>
            <Asked spec=asked/>
            <Card title="Limits and priority">
                {fact("Retries", spec.retries.to_string())}
                {fact("Deadline", spec.deadline_minutes.map_or_else(|| "none".to_owned(), |minutes| number::counted(u64::from(minutes.get()), "minute", "minutes")))}
                {fact("Priority class", spec.priority_class.as_ref().map_or_else(|| "the cluster's default".to_owned(), ToString::to_string))}
                {(!spec.tags.is_empty())
                    .then(|| {
                        view! {
                            <Fact name="Tags">
                                {spec.tags.iter().map(|tag| view! { <a class=style::LINK href=paths::with_query(paths::RUNS, [("tag", tag.clone())])>{tag.clone()}</a>" " }).collect_view()}
                            </Fact>
                        }
                    })}
            </Card>
            <Checkpoints checkpoints/>
        </aside>
    }
}

#[component]
fn Card(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="rounded border border-line bg-surface">
            <h2 class="border-b border-line px-3 py-2 text-table font-semibold">{title}</h2>
            <dl class="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 px-3 py-2 text-table">{children()}</dl>
        </section>
    }
}

#[component]
fn Fact(name: &'static str, children: Children) -> impl IntoView {
    view! {
        <dt class="whitespace-nowrap text-ink-soft">{name}</dt>
        <dd class="min-w-0 text-right break-words">{children()}</dd>
    }
}

fn fact(name: &'static str, value: String) -> AnyView {
    view! { <Fact name>{value}</Fact> }.into_any()
}

/// The program and how it was set.
#[component]
fn Asked(spec: RunSpec) -> impl IntoView {
    match spec.program {
        Program::Trainer(training) => view! {
            <Card title="Data and hyperparameters">
                {fact("Data", training.data)}
                {fact("Model", training.model.label().to_owned())}
                {fact("Epochs", number::count(u64::from(training.epochs.get())))}
                {fact("Batch size", number::counted(u64::from(training.batch_size.get()), "sample", "samples"))}
                {fact("Learning rate", training.learning_rate.to_string())}
                {fact("Optimizer", training.optimizer.label().to_owned())}
                {fact("Weight decay", training.weight_decay.to_string())}
                {fact("Schedule", training.schedule.label().to_owned())}
                {fact("Seed", training.seed.to_string())}
                {fact("Checkpoint every", number::counted(u64::from(training.checkpoint_every.get()), "step", "steps"))}
            </Card>
        }
        .into_any(),
        Program::Command { image, command, env } => view! {
            <Card title="Image and command">
                <Fact name="Image"><span class="font-mono text-mono break-all">{image}</span></Fact>
                <Fact name="Command"><span class="font-mono text-mono break-all">{if command.is_empty() { "the image's own".to_owned() } else { command.join(" ") }}</span></Fact>
                {env.into_iter().map(|(name, value)| view! {
                    <dt class="min-w-0 font-mono text-mono break-all text-ink-soft">{name}</dt>
                    <dd class="min-w-0 text-right font-mono text-mono break-all">{value}</dd>
                }).collect_view()}
            </Card>
        }
        .into_any(),
    }
}

/// What it can go on from.
#[component]
fn Checkpoints(checkpoints: Memo<Vec<CheckpointRow>>) -> impl IntoView {
    let row = |checkpoint: CheckpointRow| {
        let path = checkpoint.path.clone();
        let title = format!("SHA-256 of its manifest: {}", checkpoint.sha256);
        view! {
            <li class="flex min-w-0 flex-col border-b border-line px-3 py-1.5 last:border-b-0" title=title>
                <span class="flex items-center gap-2">
                    <span class="flex-1 font-medium">"step "{number::count(checkpoint.step)}</span>
                    <span class="text-ink-soft">{number::bytes(checkpoint.bytes)}</span>
                    <span class="text-ink-soft"><Ago at=Signal::stored(checkpoint.at)/></span>
                </span>
                <span class="flex min-w-0 items-center gap-1">
                    <span class="min-w-0 flex-1 truncate font-mono text-mono text-ink-soft">{checkpoint.path}</span>
                    <Copy text=Signal::stored(path) what="the checkpoint's path"/>
                </span>
            </li>
        }
    };
    view! {
        <section class="rounded border border-line bg-surface">
            <h2 class="border-b border-line px-3 py-2 text-table font-semibold">"Checkpoints"</h2>
            {move || {
                let all = checkpoints.get();
                if all.is_empty() {
                    view! { <p class="px-3 py-2 text-table text-ink-soft">"None reported yet"</p> }.into_any()
                } else {
                    view! { <ul class="max-h-80 overflow-y-auto text-table" tabindex="0" aria-label="Checkpoints">{all.into_iter().map(row).collect_view()}</ul> }.into_any()
                }
            }}
        </section>
    }
}
