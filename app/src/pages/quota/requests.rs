//! Requests for more until a date: ask, and answer those of others.

use leptos::prelude::*;
use slipway_domain::quota::{
    request::{Answer, AskForm, RequestId, RequestState},
    view::RequestView,
};

use super::super::desk::Desk;
use crate::{
    api::quotas::{answer_request, ask_for_quota},
    parts::{
        badge::{Shape, Tone},
        style,
        texts::{Asked, hidden},
        time::Ago,
    },
    paths,
};

/// The form's word.
const WORD: &str = "ask";

/// The section of requests.
#[component]
pub fn Requests(team: String, askable: Vec<(String, String)>, requests: Vec<RequestView>, desk: Desk) -> impl IntoView {
    let none = requests.is_empty().then(|| view! { <p class="text-table text-ink-soft">"Nobody has asked for more"</p> });
    let list = (!requests.is_empty()).then(|| {
        let rows = requests.into_iter().map(|request| row(&team, request, desk)).collect_view();
        view! { <ul class=style::CARD>{rows}</ul> }
    });
    view! {
        <section class="flex flex-col gap-3">
            <h2 class="text-body font-semibold">"Requests for more"</h2>
            {none}
            {list}
            {ask(&team, askable, desk)}
        </section>
    }
    .into_any()
}

fn ask(team: &str, askable: Vec<(String, String)>, desk: Desk) -> AnyView {
    if askable.is_empty() {
        return view! { <p class="text-table text-ink-soft">"No quota limits this team, so that there is nothing to ask for"</p> }
            .into_any();
    }
    let typed = AskForm(desk.typed(WORD, "").unwrap_or_default());
    let error = move |field: &'static str| desk.error(WORD, field);
    let submit = desk
        .submit(|texts| async move { ask_for_quota(AskForm(texts)).await.map(|_| Some("Your request waits for an answer".to_owned())) });
    let text = |field: &str| typed.get(field).to_owned();
    view! {
        <form method="post" action=paths::quota(team) on:submit=submit data-form="ask" class="flex max-w-3xl flex-col gap-4 rounded border border-line bg-surface p-4">
            <h3 class="text-body font-semibold">"Ask for more until a date"</h3>
            {hidden(&[("do", WORD), ("team", team)])}
            <div class="grid gap-4 sm:grid-cols-3">
                <Asked form=WORD name="of" label="More of" text=text("of") error=error("of") choices=askable/>
                <Asked form=WORD name="amount" label="How much more" hint="Such as 2, or 64Gi" text=text("amount") error=error("amount")/>
                <Asked form=WORD name="until" label="Until the end of" kind="date" text=text("until") error=error("until")/>
            </div>
            <Asked form=WORD name="why" label="What for" text=text("why") error=error("why")/>
            <div class="flex flex-wrap items-center gap-3">
                <button type="submit" class=style::BUTTON>"Ask"</button>
                <span class="min-w-0 flex-1 text-table text-ink-soft">"A platform admin answers. What is granted is taken back by itself when its time is up; what runs then goes on"</span>
            </div>
        </form>
    }
    .into_any()
}

fn row(team: &str, view: RequestView, desk: Desk) -> AnyView {
    let RequestView { request, words, answers } = view;
    let (tone, said) = state(&request.state);
    let buttons = answers.into_iter().map(|(word, why_not)| button(team, &request.id, &word, why_not, desk)).collect_view();
    view! {
        <li class="flex flex-wrap items-start gap-x-4 gap-y-2 border-b border-line px-3 py-2 text-table last:border-b-0">
            <span class="min-w-0 flex-1 basis-64">
                <span class="block font-medium">{words}" · "{request.by.to_string()}", "<Ago at=Signal::stored(request.asked)/></span>
                <span class="block break-words text-ink-soft">{request.why}</span>
                <span class="block text-ink-soft">"of quota "{request.quota}", until "<Ago at=Signal::stored(request.until)/></span>
                {request.trouble.map(|trouble| view! { <span class="flex items-start gap-1.5 text-warn"><Shape tone=Tone::Warn/><span class="min-w-0 break-words">{trouble}</span></span> })}
            </span>
            <span class=format!("flex items-center gap-1.5 {}", tone.text())><Shape tone/>{said}</span>
            <span class="flex flex-wrap items-center gap-1">{buttons}</span>
        </li>
    }
    .into_any()
}

/// Where a request stands, as a shape and in words.
fn state(state: &RequestState) -> (Tone, String) {
    match state {
        RequestState::Asked => (Tone::Idle, "waits for an answer".to_owned()),
        RequestState::Granted { by, .. } => (Tone::Good, format!("granted by {by}")),
        RequestState::Refused { by, why } => (Tone::Bad, format!("refused by {by}: {why}")),
        RequestState::Ended { .. } => (Tone::Idle, "was granted, and is taken back".to_owned()),
        RequestState::Withdrawn => (Tone::Idle, "withdrawn".to_owned()),
    }
}

fn button(team: &str, id: &RequestId, word: &str, why_not: Option<String>, desk: Desk) -> AnyView {
    let label = match word {
        "approve" => "Approve",
        "refuse" => "Refuse",
        "end" => "Take back now",
        _ => "Withdraw",
    };
    let submit = desk.submit(|texts| async move {
        let get = |field: &str| texts.get(field).cloned().unwrap_or_default();
        let answer = Answer::parse(&get("do"), &get("why")).unwrap_or(Answer::Withdraw);
        answer_request(RequestId(get("request")), answer).await.map(|()| None)
    });
    let disabled = why_not.is_some();
    let refuses = word == "refuse" && !disabled;
    let reason = refuses.then(|| {
        let error = desk.error("refuse", "why");
        view! {
            <input class=format!("{} w-44", style::INPUT) name="why" required aria-label="Why it is refused" placeholder="Why not"/>
            {move || error.get().map(|sentence| view! { <span class="text-bad">"✕ "{sentence}</span> })}
        }
    });
    view! {
        <form method="post" action=paths::quota(team) on:submit=submit class="flex items-center gap-1">
            {hidden(&[("do", word), ("team", team), ("request", &id.0)])}
            {reason}
            <button type="submit" class=style::BUTTON disabled=disabled title=why_not.unwrap_or_default()>{label}</button>
        </form>
    }
    .into_any()
}
