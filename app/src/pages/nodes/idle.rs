//! GPUs that somebody holds and does not use, with whom to ask for them. Few are shown at once, many are folded.

use leptos::prelude::*;
use slipway_domain::{
    node::Fleet,
    utilisation::{IDLE_BELOW, Idle, Measuring},
};

use crate::{
    parts::{activity, gpu_map::Names, number, style, time::Ago},
    paths,
};

/// So many are not folded.
const FEW: u32 = 5;

/// The table; none where no GPU is idle.
pub fn table(fleet: &Fleet, names: &Names) -> Option<AnyView> {
    let Measuring::Good { window, .. } = fleet.measuring else { return None };
    let found = fleet.idle_found;
    let rows: Vec<AnyView> = fleet.idle.iter().map(|idle| row(idle, names)).collect();
    let more = usize::try_from(found).unwrap_or(usize::MAX).saturating_sub(rows.len());
    (found > 0).then(|| {
        view! {
            <details class="rounded border border-line bg-surface" open=found <= FEW>
                <summary class="cursor-pointer px-3 py-2 text-table font-medium focus-visible:outline-2 focus-visible:outline-accent">
                    {number::counted(u64::from(found), "idle GPU", "idle GPUs")}
                    <span class="text-ink-soft">
                        {format!(", held for {} and never {} active", activity::window(window), IDLE_BELOW.words())}
                    </span>
                </summary>
                <div class="overflow-x-auto border-t border-line focus-visible:outline-2 focus-visible:outline-accent" tabindex="0" role="region" aria-label="Who holds idle GPUs">
                    <table class="w-full border-collapse text-table" aria-label="Idle GPUs">
                        <thead class="border-b border-line">
                            <tr>
                                <th scope="col" class=style::HEAD>"GPU"</th>
                                <th scope="col" class=style::HEAD>"Held by"</th>
                                <th scope="col" class=style::HEAD>"Most active"</th>
                                <th scope="col" class=style::HEAD>"Held since"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                {(more > 0).then(|| view! { <p class="px-3 py-2 text-table text-ink-soft">{format!("and {more} more")}</p> })}
            </details>
        }
        .into_any()
    })
}

fn row(idle: &Idle, names: &Names) -> AnyView {
    let cell = style::CELL;
    view! {
        <tr class="border-b border-line last:border-b-0">
            <td class=cell><a class=style::LINK href=paths::node(&idle.node)>{idle.node.clone()}</a>{format!(", {}", idle.device())}</td>
            <td class=cell>{names.entry(&idle.holder)}</td>
            <td class=format!("{cell} tabular-nums")>{idle.most.words()}</td>
            <td class=format!("{cell} text-ink-soft")><Ago at=Signal::stored(idle.since)/></td>
        </tr>
    }
    .into_any()
}
