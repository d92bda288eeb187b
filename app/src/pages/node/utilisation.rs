//! What is measured of each GPU and slice, by the exporter's own numbers, with who has it as the exporter says.

use leptos::prelude::*;
use slipway_domain::{
    node::NodeDetail,
    utilisation::{Measuring, Permille, Reading},
};

use crate::{
    parts::{activity, gpu_map::Names, number, style},
    paths,
};

/// The table; none where the node has no GPUs.
pub fn table(detail: &NodeDetail) -> Option<AnyView> {
    if detail.row.gpus.is_empty() && detail.row.dra.is_empty() {
        return None;
    }
    let names = Names::new(detail.runs.clone(), detail.colours.clone(), paths::run);
    let Measuring::Good { window, .. } = detail.measuring else { return activity::not_measured(&detail.measuring) };
    let rows: Vec<AnyView> = detail.readings.iter().map(|reading| row(reading, &names)).collect();
    let most = format!("Most in {}", activity::window(window));
    let missing = detail.unmeasured.join(", ");
    // What claims give is drawn by the device, too.
    let dealt = (!detail.row.gpus.is_empty()).then_some("; above, GPUs are drawn in the order in which the Pods came");
    Some(
        view! {
            <section class="rounded border border-line bg-surface" aria-label="Utilisation">
                <h2 class="border-b border-line px-3 py-2 text-table font-semibold">"Utilisation"</h2>
                {(!rows.is_empty())
                    .then(|| {
                        view! {
                            <div class="overflow-x-auto focus-visible:outline-2 focus-visible:outline-accent" tabindex="0" role="region" aria-label="GPUs as they are measured">
                                <table class="w-full border-collapse text-table">
                                    <thead class="border-b border-line">
                                        <tr>
                                            <th scope="col" class=style::HEAD>"Device"</th>
                                            <th scope="col" class=style::HEAD>"Now"</th>
                                            <th scope="col" class=style::HEAD>{most}</th>
                                            <th scope="col" class=style::HEAD>"Memory"</th>
                                            <th scope="col" class=style::HEAD>"Held by"</th>
                                        </tr>
                                    </thead>
                                    <tbody>{rows}</tbody>
                                </table>
                            </div>
                        }
                    })}
                {(!missing.is_empty())
                    .then(|| view! { <p class="px-3 py-2 text-table text-ink-soft">{format!("Not measured: {missing}, of which Prometheus has no DCGM series")}</p> })}
                <p class="border-t border-line px-3 py-2 text-table text-ink-soft">
                    "The numbers are the exporter's, which knows the device that each Pod has"{dealt}
                </p>
            </section>
        }
        .into_any(),
    )
}

fn row(reading: &Reading, names: &Names) -> AnyView {
    let cell = style::CELL;
    let bytes = |mib: u32| number::bytes(u64::from(mib) << 20);
    let memory =
        reading.memory.map_or_else(|| "not measured".to_owned(), |memory| format!("{} of {}", bytes(memory.used), bytes(memory.all)));
    let shared = reading.holders.len() > 1;
    let held: Vec<AnyView> = reading.holders.iter().map(|holder| names.entry(holder)).collect();
    view! {
        <tr class="border-b border-line last:border-b-0">
            <td class=format!("{cell} whitespace-nowrap")>{reading.device()}</td>
            <td class=cell>{activity::of_device(reading.activity)}</td>
            <td class=format!("{cell} tabular-nums")>{reading.most.map_or_else(|| "–".to_owned(), Permille::words)}</td>
            <td class=format!("{cell} whitespace-nowrap tabular-nums")>{memory}</td>
            <td class=cell>{held}{shared.then_some(" shared in turn: each is shown the whole")}</td>
        </tr>
    }
    .into_any()
}
