//! Quotas of every team that one may see: how full each is, and who waits.

use leptos::prelude::*;
use leptos_meta::Title;
use slipway_domain::quota::view::TeamRow;

use super::{desk::Desk, refused::Refused};
use crate::{
    api::{quotas::list_quotas, wire},
    parts::{
        badge::{Shape, Tone},
        empty::Empty,
        meter::Meter,
        number, style,
    },
    paths,
};

/// The Quotas page.
#[component]
pub fn Quotas() -> impl IntoView {
    let desk = Desk::new();
    desk.keep_fresh(|| false);
    let shares = wire::shown(move || desk.changed.get(), |_| list_quotas());
    view! {
        <Title text="Quotas"/>
        <div class="flex flex-col gap-3">
            <h1 class="text-title font-semibold">"Quotas"</h1>
            <p class="max-w-3xl text-table text-ink-soft">"What each team may have of what all share. A quota stops nothing that runs: it refuses what is new"</p>
            <Transition>
                {move || Suspend::new(async move {
                    match shares.await {
                        Err(failure) => view! { <Refused failure/> }.into_any(),
                        Ok(shares) if shares.teams.is_empty() => view! { <Empty title="No team" hint="You belong to no team yet; ask an admin to add you to one"/> }.into_any(),
                        Ok(shares) => view! { <Table teams=shares.teams/> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
    .into_any()
}

#[component]
fn Table(teams: Vec<TeamRow>) -> impl IntoView {
    let head = style::HEAD;
    view! {
        <div class="overflow-x-auto rounded border border-line bg-surface">
            <table class="w-full border-collapse text-table">
                <thead class="border-b border-line">
                    <tr>
                        <th scope="col" class=head>"Team"</th>
                        <th scope="col" class=head>"Resource"</th>
                        <th scope="col" class=head>"In use"</th>
                        <th scope="col" class=format!("{head} max-md:hidden")>"Quota"</th>
                    </tr>
                </thead>
                {teams.into_iter().map(team).collect_view()}
            </table>
        </div>
    }
    .into_any()
}

/// A team's rows, the first with its name.
fn team(row: TeamRow) -> AnyView {
    let cell = style::CELL;
    let name = row.team.to_string();
    let rows = row.meters.len().max(1);
    let asked = (row.asked > 0)
        .then(|| view! { <span class="block text-warn">"▲ "{number::counted(row.asked.into(), "request waits", "requests wait")}</span> });
    let mut head = Some(view! {
        <th scope="rowgroup" rowspan=rows class=format!("{cell} text-left font-medium")>
            <a class=style::LINK href=paths::quota(&name)>{name.clone()}</a>
            {asked}
        </th>
    });
    let line = "border-b border-line last:border-b-0";
    if row.meters.is_empty() {
        return view! {
            <tbody class="border-b border-line last:border-b-0">
                <tr>{head.take()}<td colspan="3" class=format!("{cell} text-ink-soft")>"No quota limits this team"</td></tr>
            </tbody>
        }
        .into_any();
    }
    let lines = row
        .meters
        .into_iter()
        .map(|meter| {
            let class = meter.class.map(|class| format!(", priority {class}")).unwrap_or_default();
            view! {
                <tr class=line>
                    {head.take()}
                    <td class=cell>{meter.words}</td>
                    <td class=cell>
                        <Meter used=meter.used waiting=meter.waiting hard=meter.hard label=meter.label/>
                        {meter.over.then(over)}
                    </td>
                    <td class=format!("{cell} text-ink-soft max-md:hidden")>{meter.quota}{class}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <tbody class="border-b border-line last:border-b-0">{lines}</tbody> }.into_any()
}

/// That more is used than allowed.
fn over() -> AnyView {
    view! { <span class="flex items-center gap-1.5 text-bad"><Shape tone=Tone::Bad/>"over: nothing new starts"</span> }.into_any()
}
