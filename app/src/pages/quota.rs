//! A team's shares: how full its quotas are, what one container may have, and who asks for more.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use slipway_domain::{
    quota::view::{Preview, QuotaView, TeamShares},
    team::TeamName,
};

use super::{
    desk::{Desk, Outcome},
    refused::Refused,
};
use crate::{
    api::{
        Failure,
        quotas::{delete_quota, get_shares},
        wire,
    },
    parts::{
        badge::{Shape, Tone},
        banner::Banner,
        empty::Empty,
        meter::Meter,
        style,
        texts::hidden,
    },
    paths,
    query::query_of,
};

mod editor;
mod limits;
mod requests;

use editor::Editor;
use limits::Limits;
use requests::Requests;

/// The page of a team's quotas.
#[component]
pub fn Quota() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.read().get("team").unwrap_or_default());
    let query = query_of(move || paths::quota(&name.get()));
    let edit = Memo::new(move |_| query.read().get("edit"));
    let desk = Desk::new();
    desk.keep_fresh(move || edit.get_untracked().is_some());
    let shares = wire::shown(
        move || (name.get(), desk.changed.get()),
        |(name, _)| async move {
            match TeamName::parse(&name) {
                Ok(team) => get_shares(team).await,
                Err(error) => Err(Failure(slipway_domain::refusal::Refusal::not_found(error.to_string()))),
            }
        },
    );
    view! {
        <div class="flex flex-col gap-5" on:input=move |_| desk.touch()>
            <div>
                <a class=style::LINK href=paths::QUOTAS>"Quotas"</a>
                <h1 class="text-title font-semibold">{move || name.get()}</h1>
            </div>
            <Outcome desk/>
            <Transition>
                {move || {
                    let edit = edit.get();
                    Suspend::new(async move {
                        match shares.await {
                            Err(failure) => view! { <Title text="Quotas"/><Refused failure/> }.into_any(),
                            Ok((shares, preview)) => view! { <Shown shares preview desk edit/> }.into_any(),
                        }
                    })
                }}
            </Transition>
        </div>
    }
    .into_any()
}

#[component]
fn Shown(shares: TeamShares, preview: Preview, desk: Desk, edit: Option<String>) -> impl IntoView {
    let team = shares.team.to_string();
    let may_not = shares.may_not_set.clone();
    // A form that was sent and refused stays open, also where the page's URL does not name it.
    let open = edit.or_else(|| posted_name(desk, &shares));
    let editor = open.filter(|_| may_not.is_none()).and_then(|name| {
        let view = shares.quotas.iter().find(|quota| quota.name == name && quota.editable);
        let (form, rows, is_new) = match view {
            Some(view) => (view.form.clone(), view.rows.clone(), false),
            None if shares.quotas.iter().any(|quota| quota.name == name) => return None,
            None => (shares.new_quota.0.clone(), shares.new_quota.1.clone(), true),
        };
        let classes = shares.classes.clone();
        Some(view! { <Editor team=team.clone() form rows is_new classes preview desk/> })
    });
    let new = match may_not.clone() {
        None => view! { <a class=style::BUTTON href=paths::edit_quota(&team, "")>"New quota"</a> }.into_any(),
        Some(why) => view! { <button class=style::BUTTON type="button" disabled title=why>"New quota"</button> }.into_any(),
    };
    let stale = shares.stale_since.map(|since| {
        view! { <Banner tone=Tone::Warn>"The cluster cannot be reached; this is as it was at "{crate::parts::time::absolute(since)}</Banner> }
    });
    let quotas = shares.quotas.iter().map(|quota| card(&team, quota.clone(), may_not.clone(), desk)).collect_view();
    let empty = shares.quotas.is_empty().then(|| {
        view! { <div class=style::CARD><Empty title="No quota limits this team" hint="Its runs may take all that is free. Slipway may also still be preparing its namespace: then there is nothing to see in the cluster yet"/></div> }
    });
    view! {
        <Title text=format!("Quotas of {team}")/>
        {stale}
        <section class="flex flex-col gap-3">
            <div class="flex flex-wrap items-center gap-3">
                <h2 class="flex-1 text-body font-semibold">"Quotas"</h2>
                {new}
            </div>
            {may_not.map(|why| view! { <p class="text-table text-ink-soft">{why}"; below you can ask for more"</p> })}
            {empty}
            {quotas}
            {editor}
        </section>
        <Limits team=team.clone() limits=shares.limits new=shares.new_limits rows=shares.limit_rows may_not=shares.may_not_limit desk/>
        <Requests team askable=shares.askable requests=shares.requests desk/>
    }
    .into_any()
}

/// The name of the quota whose form was sent and not done.
fn posted_name(desk: Desk, shares: &TeamShares) -> Option<String> {
    let known = shares.quotas.iter().map(|quota| quota.name.as_str()).find(|name| desk.typed("quota", name).is_some());
    known.map(str::to_owned).or_else(|| desk.sent("quota").then(String::new))
}

/// A quota with its meters.
fn card(team: &str, quota: QuotaView, may_not: Option<String>, desk: Desk) -> AnyView {
    let seen = quota.form.get("seen").to_owned();
    let name = quota.name.clone();
    let elsewhere = (!quota.editable).then(|| "Its scope is none that this form can hold; change it where it was made".to_owned());
    let edit = match may_not.clone().or(elsewhere) {
        None => {
            view! { <a class=style::BUTTON href=paths::edit_quota(team, &name)>"Change"<span class="sr-only">" "{name.clone()}</span></a> }
                .into_any()
        }
        Some(why) => view! { <button class=style::BUTTON type="button" disabled title=why>"Change"</button> }.into_any(),
    };
    let delete = desk.submit(|texts| async move { delete_quota(slipway_domain::quota::form::QuotaForm(texts)).await.map(|()| None) });
    let meters = quota
        .meters
        .into_iter()
        .map(|meter| {
            view! {
                <tr class="border-b border-line last:border-b-0">
                    <th scope="row" class=format!("{} text-left font-normal", style::CELL)>{meter.words}</th>
                    <td class=style::CELL>
                        <Meter used=meter.used waiting=meter.waiting hard=meter.hard label=meter.label/>
                        {meter.over.then(|| view! { <span class="flex items-center gap-1.5 text-bad"><Shape tone=Tone::Bad/>"over: nothing new starts"</span> })}
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class=style::CARD>
            <div class="flex flex-wrap items-center gap-3 border-b border-line px-3 py-2">
                <h3 class="flex-1 text-table"><span class="font-semibold">{name.clone()}</span>" · counts "{quota.scope}</h3>
                {edit}
                <form method="post" action=paths::quota(team) on:submit=delete class="contents">
                    {hidden(&[("do", "delete_quota"), ("team", team), ("name", &name), ("seen", &seen)])}
                    <button type="submit" class=style::DANGER disabled=may_not.is_some() title=may_not.unwrap_or_else(|| "Nothing limits what it limits any more".to_owned())>
                        "Delete"<span class="sr-only">" "{name.clone()}</span>
                    </button>
                </form>
            </div>
            <table class="w-full border-collapse text-table"><tbody>{meters}</tbody></table>
        </div>
    }
    .into_any()
}
