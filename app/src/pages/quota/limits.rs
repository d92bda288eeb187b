//! A team's limits: what holds for each container, Pod and claim, as the API server fills it in, and the form for it.

use leptos::prelude::*;
use slipway_domain::{
    limit::form::LimitForm,
    quota::view::{LimitRow, LimitView},
};

use super::super::desk::Desk;
use crate::{
    api::quotas::{delete_limits, set_limits},
    parts::{
        badge::Tone,
        banner::Banner,
        style,
        texts::{Cell, hidden},
    },
    paths,
};

/// The form's word.
const WORD: &str = "limits";

/// The bounds of a container, with what a person reads.
const CONTAINER: [(&str, &str); 5] = [
    ("min", "Least"),
    ("default_request", "Request, if not said"),
    ("default", "Limit, if not said"),
    ("max", "Most"),
    ("ratio", "Limit ÷ request"),
];

/// The section of limits.
#[component]
pub fn Limits(
    team: String,
    limits: Vec<LimitView>,
    new: LimitForm,
    rows: Vec<String>,
    may_not: Option<String>,
    desk: Desk,
) -> impl IntoView {
    let none = limits.is_empty();
    let cards = limits.into_iter().map(|limit| card(&team, limit, &rows, may_not.clone(), desk)).collect_view();
    let first = none.then(|| {
        let form = may_not.is_none().then(|| editor(&team, new, &rows, desk, "Set limits"));
        view! {
            <p class="text-table text-ink-soft">"No limits: a container may ask for as much as the quotas leave, and one that says nothing is given nothing"</p>
            {form}
        }
    });
    view! {
        <section class="flex flex-col gap-3">
            <h2 class="text-body font-semibold">"Limits of one container, Pod or claim"</h2>
            {may_not.map(|why| view! { <p class="text-table text-ink-soft">{why}</p> })}
            {first}
            {cards}
        </section>
    }
    .into_any()
}

fn card(team: &str, limit: LimitView, rows: &[String], may_not: Option<String>, desk: Desk) -> AnyView {
    let head = style::HEAD;
    let seen = limit.form.get("seen").to_owned();
    let delete = desk.submit(|texts| async move { delete_limits(LimitForm(texts)).await.map(|()| None) });
    let traps = limit.traps.into_iter().map(|trap| view! { <Banner tone=Tone::Warn>{trap}</Banner> }).collect_view();
    let form = may_not.is_none().then(|| editor(team, limit.form, rows, desk, "Change"));
    view! {
        {traps}
        <div class=style::CARD>
            <div class="flex flex-wrap items-center gap-3 border-b border-line px-3 py-2">
                <h3 class="flex-1 text-table"><span class="font-semibold">{limit.name.clone()}</span>" · as the API server fills it in"</h3>
                <form method="post" action=paths::quota(team) on:submit=delete class="contents">
                    {hidden(&[("do", "delete_limits"), ("team", team), ("name", &limit.name), ("seen", &seen)])}
                    <button type="submit" class=style::DANGER disabled=may_not.is_some() title=may_not.unwrap_or_else(|| "Nothing bounds a container any more".to_owned())>"Delete"<span class="sr-only">" limits "{limit.name.clone()}</span></button>
                </form>
            </div>
            <div class="overflow-x-auto">
                <table class="w-full border-collapse text-table">
                    <thead class="border-b border-line">
                        <tr>
                            <th scope="col" class=head>"Of each"</th>
                            <th scope="col" class=head>"Resource"</th>
                            {CONTAINER.map(|(_, words)| view! { <th scope="col" class=head>{words}</th> }).into_iter().collect_view()}
                        </tr>
                    </thead>
                    <tbody>{limit.effective.into_iter().map(effective).collect_view()}</tbody>
                </table>
            </div>
        </div>
        {form}
    }
    .into_any()
}

fn effective(row: LimitRow) -> AnyView {
    let cell = style::CELL;
    let kind = match row.kind.as_str() {
        "Container" => "container",
        "Pod" => "Pod",
        _ => "claim",
    };
    let bound =
        |text: String| view! { <td class=format!("{cell} tabular-nums")>{if text.is_empty() { "–".to_owned() } else { text }}</td> };
    view! {
        <tr class="border-b border-line last:border-b-0">
            <td class=cell>{kind}</td>
            <th scope="row" class=format!("{cell} text-left font-mono text-mono font-normal")>{row.resource}</th>
            {row.bounds.map(bound).into_iter().collect_view()}
        </tr>
    }
    .into_any()
}

/// The form, folded until it is wanted or was refused.
fn editor(team: &str, form: LimitForm, rows: &[String], desk: Desk, summary: &'static str) -> AnyView {
    let name = form.get("name").to_owned();
    let sent = desk.typed(WORD, &name);
    let open = sent.is_some();
    let typed = sent.map_or_else(|| form.clone(), LimitForm);
    let error = move |field: &str| desk.error(WORD, field.to_owned());
    let whole = error("");
    let submit = desk.submit(|texts| async move { set_limits(LimitForm(texts)).await.map(Some) });
    let head = style::HEAD;
    let cell = |field: String, label: String| {
        let text = typed.get(&field).to_owned();
        view! { <td class=style::CELL><Cell form=WORD error=error(&field) name=field label text/></td> }
    };
    let line = |what: &'static str, resource: &str, bounds: &[(&'static str, &'static str)]| {
        let cells = bounds
            .iter()
            .map(|(bound, words)| match *bound {
                "" => view! { <td class=style::CELL></td> }.into_any(),
                bound => cell(format!("{bound}:{resource}"), format!("{words} {resource} of a {what}")).into_any(),
            })
            .collect_view();
        view! {
            <tr class="border-b border-line last:border-b-0">
                <th scope="row" class=format!("{} text-left font-normal", style::CELL)>{what}<span class="block font-mono text-mono text-ink-soft">{resource.to_owned()}</span></th>
                {cells}
            </tr>
        }
    };
    let pod = [("pod_min", "Least"), ("", ""), ("", ""), ("pod_max", "Most"), ("pod_ratio", "Limit ÷ request")];
    let claim = [("claim_min", "Least"), ("", ""), ("", ""), ("claim_max", "Most"), ("", "")];
    let lines =
        rows.iter().map(|row| line("container", row, &CONTAINER)).chain(rows.iter().map(|row| line("Pod", row, &pod))).collect_view();
    let last = line("claim", "storage", &claim);
    view! {
        <details open=open class=style::CARD>
            <summary class="cursor-pointer px-3 py-2 text-table font-medium focus-visible:outline-2 focus-visible:outline-accent">{summary}</summary>
            <form method="post" action=paths::quota(team) on:submit=submit data-form="limits" class="flex flex-col gap-3 border-t border-line p-3">
                {hidden(&[("do", WORD), ("team", team), ("name", &name), ("seen", form.get("seen"))])}
                {move || whole.get().map(|sentence| view! { <p class="text-table text-bad">"✕ "{sentence}</p> })}
                <p class="text-table text-ink-soft">"A most without a limit is also the limit of who says nothing. For GPUs that means that every container is given some: set the limit to 0"</p>
                <div class="overflow-x-auto">
                    <table class="w-full border-collapse text-table">
                        <thead class="border-b border-line">
                            <tr>
                                <th scope="col" class=head>"Of each"</th>
                                {CONTAINER.map(|(_, words)| view! { <th scope="col" class=head>{words}</th> }).into_iter().collect_view()}
                            </tr>
                        </thead>
                        <tbody>{lines}{last}</tbody>
                    </table>
                </div>
                <div><button type="submit" class=style::PRIMARY>"Set limits"</button></div>
            </form>
        </details>
    }
    .into_any()
}
