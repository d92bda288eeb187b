//! A node in the list. On a phone its cells stand below each other.

use leptos::prelude::*;
use slipway_domain::node::{Gpu, Group, NodeRow, Pressure};

use crate::{
    parts::{
        activity,
        badge::{HealthBadge, Shape, Tone},
        gpu_map::{self, Names},
        share::{ShareMeter, Unit},
        style,
        time::Ago,
    },
    paths,
};

/// Holders that a row names; the node's own page names all.
const NAMED: usize = 8;

/// A node.
#[component]
pub fn Row(row: NodeRow, names: Names) -> impl IntoView {
    let cell = style::CELL;
    let meter = format!("{cell} hidden whitespace-nowrap max-md:block lg:table-cell");
    let activity = if row.utilisation.is_some() { meter.clone() } else { format!("{cell} hidden lg:table-cell") };
    let cut = row.gpus.iter().any(|gpu| matches!(gpu, Gpu::Cut { .. } | Gpu::Unplaced { .. }));
    let product = row.product.as_ref().map(|product| format!("{product} × {}", row.gpus.len() + row.dra.len()));
    let by_claim =
        (!row.dra.is_empty()).then(|| if row.gpus.is_empty() { "by claim".to_owned() } else { format!("{} by claim", row.dra.len()) });
    let strategy = row.strategy.as_ref().filter(|_| cut).map(|strategy| format!("MIG {strategy}")).or(by_claim);
    let says = said(&row);
    view! {
        <tbody class="border-b border-line last:border-b-0 hover:bg-canvas max-md:block">
            <tr class="max-md:block">
                <td class=format!("{cell} max-md:block")>
                    <a class="font-medium text-ink hover:text-accent focus-visible:outline-2 focus-visible:outline-accent" href=paths::node(&row.name)>{row.name.clone()}</a>
                    <div class="mt-0.5 flex flex-wrap items-center gap-x-2 text-ink-soft">
                        <HealthBadge health=row.health/>
                        {row.since.filter(|_| !row.unready.is_empty()).map(|since| view! { <Ago at=Signal::stored(since)/> })}
                    </div>
                    {(!row.taints.is_empty()).then(|| view! { <p class="mt-0.5 max-w-80 text-mono break-words text-ink-soft" title="Taints: only Pods that tolerate them come here">{row.taints.iter().map(|taint| taint_in_parts(taint)).collect::<Vec<_>>()}</p> })}
                </td>
                <td class=format!("{cell} whitespace-nowrap max-md:block")>
                    {product.unwrap_or_else(|| "no GPUs".to_owned())}
                    {strategy.map(|strategy| view! { <p class="text-ink-soft">{strategy}</p> })}
                </td>
                <td class=format!("{cell} max-md:block")>
                    <div class="flex min-w-0 flex-col gap-1">
                        {gpu_map::strip(&row.gpus, &row.dra, &names)}
                        {held(&row.groups(), &names)}
                    </div>
                </td>
                <td class=activity>{row.utilisation.as_ref().map(activity::of_node)}</td>
                <td class=meter.clone()><ShareMeter share=row.cpu unit=Unit::Cores/></td>
                <td class=meter><ShareMeter share=row.memory unit=Unit::Bytes/></td>
            </tr>
            {(!says.is_empty())
                .then(|| {
                    view! {
                        <tr class="max-md:block">
                            <td class="px-3 pb-1.5 max-md:block" colspan="6">
                                <ul class="flex flex-col gap-0.5 text-table">{says.into_iter().map(warning).collect::<Vec<_>>()}</ul>
                            </td>
                        </tr>
                    }
                })}
        </tbody>
    }
    .into_any()
}

/// A taint, which may be broken before its value.
fn taint_in_parts(taint: &str) -> AnyView {
    let (key, rest) = taint.split_at(taint.find(['=', ':']).unwrap_or(taint.len()));
    view! { {key.to_owned()}<wbr/>{rest.to_owned()}" " }.into_any()
}

/// What there is to worry about, a sentence each.
fn said(row: &NodeRow) -> Vec<String> {
    let mut says = Vec::new();
    if !row.unready.is_empty() {
        says.push(row.unready.clone());
    }
    if !row.pressures.is_empty() {
        says.push(format!("It is {}", row.pressures.iter().copied().map(Pressure::words).collect::<Vec<_>>().join(", ")));
    }
    if let Some(mig) = row.mig.as_ref().filter(|mig| !["", "success"].contains(&mig.state.as_str())) {
        says.push(format!("Its GPUs are to be cut as {}: {}", mig.name, mig.state));
    }
    says.extend(row.contradiction.clone());
    says
}

fn warning(sentence: String) -> AnyView {
    view! {
        <li class="flex items-start gap-1.5">
            <span class="mt-1 text-warn"><Shape tone=Tone::Warn/></span>
            <span class="min-w-0 break-words">{sentence}</span>
        </li>
    }
    .into_any()
}

/// Who holds what, in a line.
fn held(groups: &[Group<'_>], names: &Names) -> AnyView {
    let more = groups.len().saturating_sub(NAMED + 1);
    let shown = if more > 0 { NAMED } else { groups.len() };
    let entry = |group: &Group<'_>| {
        let who = match group.holder {
            None => view! { <span class="text-ink-soft">"free"</span> }.into_any(),
            Some(holder) => match names.link(holder) {
                Some(href) => view! { <a class=style::LINK href=href title=names.whose(holder)>{names.of(holder)}</a> }.into_any(),
                None => view! { <span>{names.of(holder)}</span> }.into_any(),
            },
        };
        let class = if group.holder.is_some() { "whitespace-nowrap" } else { "min-w-0" };
        view! { <li class=class>{who}" "<span class="text-ink-soft">{group.what.clone()}</span></li> }.into_any()
    };
    view! {
        <ul class="flex flex-wrap gap-x-3">
            {groups.iter().take(shown).map(entry).collect::<Vec<_>>()}
            {(more > 0).then(|| view! { <li class="text-ink-soft">{format!("and {} more", groups.len() - shown)}</li> })}
        </ul>
    }
    .into_any()
}
