//! Priority classes: who goes first, and who makes way.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use slipway_domain::{
    priority::{Plan, form::PriorityForm},
    quota::view::{Priorities as Classes, PriorityPreview, PriorityRow},
};

use super::{
    desk::{Desk, Outcome},
    refused::Refused,
};
use crate::{
    api::{
        priorities::{delete_priority, list_priorities, preview_priority, set_priority},
        wire,
    },
    parts::{
        number, style,
        texts::{Asked, hidden},
    },
    paths,
};

/// The form's word.
const WORD: &str = "priority";

/// The Priorities page.
#[component]
pub fn Priorities() -> impl IntoView {
    let query = use_query_map();
    let edit = Memo::new(move |_| query.read().get("edit"));
    let desk = Desk::new();
    desk.keep_fresh(move || edit.get_untracked().is_some());
    let classes = wire::shown(move || desk.changed.get(), |_| list_priorities());
    view! {
        <Title text="Priorities"/>
        <div class="flex flex-col gap-4" on:input=move |_| desk.touch()>
            <h1 class="text-title font-semibold">"Priorities"</h1>
            <p class="max-w-3xl text-table text-ink-soft">
                "Of what waits, the higher value is placed first. Where nothing is free, a Pod of a class that preempts takes the place of Pods with a lower value; one of a class that does not waits before them in the queue and displaces nobody. A run that names no class has the default's value, or 0 where there is no default"
            </p>
            <Outcome desk/>
            <Transition>
                {move || {
                    let edit = edit.get();
                    Suspend::new(async move {
                        match classes.await {
                            Err(failure) => view! { <Refused failure/> }.into_any(),
                            Ok((classes, preview)) => view! { <Shown classes preview desk edit/> }.into_any(),
                        }
                    })
                }}
            </Transition>
        </div>
    }
    .into_any()
}

#[component]
fn Shown(classes: Classes, preview: PriorityPreview, desk: Desk, edit: Option<String>) -> impl IntoView {
    let Classes { classes, may_not, .. } = classes;
    let head = style::HEAD;
    let open = edit.or_else(|| desk.typed_new(WORD).map(|typed| typed.get("name").cloned().unwrap_or_default()));
    let editor = open.filter(|_| may_not.is_none()).map(|name| {
        let known = classes.iter().find(|row| row.class.name == name && !row.class.is_systems());
        let form = known.map(|row| row.form.clone());
        view! { <Editor form preview desk/> }
    });
    let new = match may_not.clone() {
        None => view! { <a class=style::BUTTON href=paths::edit_priority("")>"New class"</a> }.into_any(),
        Some(why) => view! { <button class=style::BUTTON type="button" disabled title=why>"New class"</button> }.into_any(),
    };
    let rows = classes.into_iter().map(|class| row(class, may_not.clone(), desk)).collect_view();
    view! {
        <div class="flex flex-wrap items-center gap-3">{new}{may_not.map(|why| view! { <span class="text-table text-ink-soft">{why}</span> })}</div>
        <div class="overflow-x-auto rounded border border-line bg-surface">
            <table class="w-full border-collapse text-table">
                <thead class="border-b border-line">
                    <tr>
                        <th scope="col" class=head>"Class"</th>
                        <th scope="col" class=format!("{head} text-right")>"Value"</th>
                        <th scope="col" class=head>"Displaces"</th>
                        <th scope="col" class=format!("{head} max-md:hidden")>"Used by"</th>
                        <th scope="col" class=head><span class="sr-only">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {editor}
    }
    .into_any()
}

fn row(row: PriorityRow, may_not: Option<String>, desk: Desk) -> AnyView {
    let cell = style::CELL;
    let PriorityRow { class, runs, form } = row;
    let name = class.name.clone();
    let may_not = may_not.or_else(|| class.is_systems().then(|| "This class is Kubernetes' own".to_owned()));
    let edit = match may_not.clone() {
        None => view! { <a class=style::QUIET href=paths::edit_priority(&name)>"Change"<span class="sr-only">" "{name.clone()}</span></a> }
            .into_any(),
        Some(why) => view! { <button class=style::QUIET type="button" disabled title=why>"Change"</button> }.into_any(),
    };
    let used = (runs > 0).then(|| "Runs refer to it; their next Pods would be refused".to_owned());
    let why_not = may_not.or(used);
    let delete = desk.submit(|texts| async move { delete_priority(PriorityForm(texts)).await.map(|()| None) });
    view! {
        <tr class="border-b border-line last:border-b-0">
            <th scope="row" class=format!("{cell} text-left font-normal")>
                <span class="font-medium">{name.clone()}</span>
                {class.global_default.then(|| view! { <span class="block text-good">"● the default"</span> })}
                {(!class.description.is_empty()).then(|| view! { <span class="block max-w-md break-words text-ink-soft">{class.description}</span> })}
            </th>
            <td class=format!("{cell} text-right tabular-nums")>{number::signed(class.value)}</td>
            <td class=cell>{if class.preempts { "whoever has a lower value" } else { "nobody" }}</td>
            <td class=format!("{cell} text-ink-soft max-md:hidden")>{if runs == 0 { "–".to_owned() } else { number::counted(runs.into(), "run", "runs") }}</td>
            <td class=format!("{cell} text-right")>
                <span class="inline-flex flex-wrap justify-end gap-1">
                    {edit}
                    <form method="post" action=paths::PRIORITIES on:submit=delete class="contents">
                        {hidden(&[("do", "delete"), ("name", &name), ("seen", form.get("seen"))])}
                        <button type="submit" class=style::QUIET disabled=why_not.is_some() title=why_not.unwrap_or_default()>"Delete"<span class="sr-only">" "{name.clone()}</span></button>
                    </form>
                </span>
            </td>
        </tr>
    }
    .into_any()
}

/// The form of a class; `form` is what is there now, none for a new one.
#[component]
fn Editor(form: Option<PriorityForm>, preview: PriorityPreview, desk: Desk) -> impl IntoView {
    let is_new = form.is_none();
    let now = form.unwrap_or_default();
    let name = now.get("name").to_owned();
    let typed = if is_new { desk.typed_new(WORD) } else { desk.typed(WORD, &name) }.map_or_else(|| now.clone(), PriorityForm);
    let shown = RwSignal::new(preview);
    let follow = desk.follow(|texts| preview_priority(PriorityForm(texts)), shown);
    let submit = desk.submit(|texts| async move { set_priority(PriorityForm(texts)).await.map(Some) });
    let error = move |field: &'static str| {
        let sent = desk.error(WORD, field);
        Signal::derive(move || sent.get().or_else(|| shown.with(|preview| preview.errors.get(field).cloned())))
    };
    let text = |field: &str| typed.get(field).to_owned();
    let choices = |of: [(&str, &str); 2]| of.map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec();
    let named = if is_new {
        view! { <Asked form=WORD name="name" label="Name" hint="The same in the whole cluster; it never changes" text=text("name") error=error("name")/> }.into_any()
    } else {
        hidden(&[("name", &name)])
    };
    let agree = (!is_new).then(|| {
        let choices = choices([("no", "no, leave it as it is"), ("yes", "yes, delete it and make it anew")]);
        view! { <Asked form=WORD name="replace" label="Replace it where it cannot be changed" text=text("replace") error=error("replace") choices/> }
    });
    let global = choices([("no", "only runs that name it"), ("yes", "every run that names no class (the default)")]);
    let preempts = choices([("lower", "whoever has a lower value"), ("never", "nobody")]);
    let title = if is_new { "New class".to_owned() } else { format!("Change {name}") };
    view! {
        <form id="form" method="post" action=paths::PRIORITIES on:submit=submit on:input=follow data-form="priority" class="flex max-w-3xl flex-col gap-4 rounded border border-line bg-surface p-4">
            <h2 class="text-body font-semibold">{title}</h2>
            {hidden(&[("do", WORD), ("seen", now.get("seen"))])}
            <div class="grid gap-4 sm:grid-cols-2">
                {named}
                <Asked form=WORD name="value" label="Value" hint="Higher goes first; at most 1,000,000,000" text=text("value") error=error("value")/>
                <Asked form=WORD name="preempts" label="Displaces" text=text("preempts") error=error("preempts") choices=preempts/>
                <Asked form=WORD name="global_default" label="Is for" text=text("global_default") error=error("global_default") choices=global/>
                <Asked form=WORD name="description" label="What it is for" text=text("description") error=error("description")/>
                {agree}
            </div>
            {move || shown.with(|preview| preview.plan.as_ref().map(plan))}
            <div class="flex flex-wrap items-center gap-3">
                <button type="submit" class=style::PRIMARY>"Set class"</button>
                <noscript><button type="submit" class=style::BUTTON name="do" value="preview">"Show what it takes"</button></noscript>
                <a class=style::BUTTON href=paths::PRIORITIES>"Cancel"</a>
            </div>
        </form>
    }
    .into_any()
}

fn plan(plan: &Plan) -> AnyView {
    match plan {
        Plan::Nothing => view! { <p class="text-table text-ink-soft">"Nothing changes"</p> }.into_any(),
        Plan::Make => view! { <p class="text-table text-ink-soft">"A class is made; nothing that exists is touched"</p> }.into_any(),
        Plan::Change => {
            view! { <p class="text-table text-ink-soft">"It is changed in place; Pods that exist stay as they are"</p> }.into_any()
        }
        Plan::Replace { steps } => {
            let steps = steps.iter().cloned().map(|step| view! { <li class="break-words">{step}</li> }).collect_view();
            view! {
                <div class="flex flex-col gap-1 text-table">
                    <p class="font-medium text-warn">"▲ This takes a replacement"</p>
                    <ul class="flex list-disc flex-col gap-1 pl-4">{steps}</ul>
                </div>
            }
            .into_any()
        }
    }
}
