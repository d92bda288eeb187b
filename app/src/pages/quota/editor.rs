//! A quota's form: a row for each resource, and beside it what the change would do, said while typing.

use leptos::prelude::*;
use slipway_domain::quota::{
    form::{HARD, QuotaForm},
    impact::{Effect, Weight},
    view::{FormRow, Preview},
};

use super::super::desk::Desk;
use crate::{
    api::quotas::{preview_quota, set_quota},
    parts::{
        badge::{Shape, Tone},
        style,
        texts::{Asked, Cell, hidden},
    },
    paths,
};

/// The form's word.
const WORD: &str = "quota";

/// The form of a quota. `form` is what is there now, which stays beside what is typed.
#[component]
pub fn Editor(
    team: String,
    form: QuotaForm,
    rows: Vec<FormRow>,
    is_new: bool,
    classes: Vec<String>,
    preview: Preview,
    desk: Desk,
) -> impl IntoView {
    let name = form.get("name").to_owned();
    let typed = if is_new { desk.typed_new(WORD) } else { desk.typed(WORD, &name) }.map_or_else(|| form.clone(), QuotaForm);
    let shown = RwSignal::new(preview);
    let follow = desk.follow(|texts| preview_quota(QuotaForm(texts)), shown);
    let submit = desk.submit(|texts| async move { set_quota(QuotaForm(texts)).await.map(Some) });
    let error = move |field: String| {
        let sent = desk.error(WORD, field.clone());
        Signal::derive(move || sent.get().or_else(|| shown.with(|preview| preview.errors.get(&field).cloned())))
    };
    let whole = error(String::new());
    let head = style::HEAD;
    // What was typed for a resource that the form has no row for is not lost either.
    let mut rows = rows;
    let more = typed.0.keys().filter_map(|field| field.strip_prefix(HARD)).filter(|name| rows.iter().all(|row| row.resource != *name));
    let more: Vec<FormRow> = more.map(|name| FormRow { resource: name.to_owned(), words: name.to_owned(), used: String::new() }).collect();
    rows.extend(more);
    let body = rows.into_iter().map(|row| self::row(row, &form, &typed, error)).collect_view();
    let classes = std::iter::once((String::new(), "all Pods".to_owned()))
        .chain(classes.into_iter().map(|class| (class.clone(), format!("Pods of priority class {class}"))))
        .collect::<Vec<_>>();
    let title = if is_new { "New quota".to_owned() } else { format!("Change {name}") };
    let named = if is_new {
        view! { <Asked form=WORD name="name" label="Name" hint="In the team's namespace: a–z, 0–9 and dashes" text=typed.get("name").to_owned() error=error("name".to_owned())/> }.into_any()
    } else {
        hidden(&[("name", &name)])
    };
    view! {
        <form id="form" method="post" action=paths::quota(&team) on:submit=submit on:input=follow data-form="quota" class="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_minmax(0,26rem)]">
            <div class="flex min-w-0 flex-col gap-4 rounded border border-line bg-surface p-4">
                <h3 class="text-body font-semibold">{title}</h3>
                {hidden(&[("do", WORD), ("team", &team), ("seen", form.get("seen"))])}
                {move || whole.get().map(|sentence| view! { <p class="text-table text-bad">"✕ "{sentence}</p> })}
                <div class="grid gap-4 sm:grid-cols-2">
                    {named}
                    <Asked form=WORD name="class" label="Counts" text=typed.get("class").to_owned() error=error("class".to_owned()) choices=classes/>
                </div>
                <div class="overflow-x-auto">
                    <table class="w-full border-collapse text-table">
                        <thead class="border-b border-line">
                            <tr>
                                <th scope="col" class=head>"Resource"</th>
                                <th scope="col" class=head>"In use"</th>
                                <th scope="col" class=head>"Now"</th>
                                <th scope="col" class=head>"At most"</th>
                            </tr>
                        </thead>
                        <tbody>{body}</tbody>
                    </table>
                </div>
                <div class="grid gap-4 sm:grid-cols-2">
                    <Asked form=WORD name="other" label="Another resource" hint="Such as configmaps, or a slice that is not cut yet: requests.nvidia.com/mig-2g.20gb" text=typed.get("other").to_owned() error=error("other".to_owned())/>
                    <Asked form=WORD name="other_amount" label="At most" text=typed.get("other_amount").to_owned() error=error("other_amount".to_owned())/>
                </div>
                <div class="flex flex-wrap items-center gap-3">
                    <button type="submit" class=style::PRIMARY>"Set quota"</button>
                    <noscript><button type="submit" class=style::BUTTON name="do" value="preview">"Show what it would do"</button></noscript>
                    <a class=style::BUTTON href=paths::quota(&team)>"Cancel"</a>
                    <span class="min-w-0 flex-1 text-table text-ink-soft">"An empty field limits nothing; 0 allows none at all"</span>
                </div>
            </div>
            <Effects shown/>
        </form>
    }
    .into_any()
}

fn row(row: FormRow, now: &QuotaForm, typed: &QuotaForm, error: impl Fn(String) -> Signal<Option<String>>) -> AnyView {
    let field = format!("{HARD}{}", row.resource);
    let cell = style::CELL;
    view! {
        <tr class="border-b border-line last:border-b-0">
            <th scope="row" class=format!("{cell} text-left font-normal")>
                {row.words.clone()}
                <span class="block font-mono text-mono text-ink-soft">{row.resource}</span>
            </th>
            <td class=format!("{cell} text-ink-soft tabular-nums")>{if row.used.is_empty() { "–".to_owned() } else { row.used }}</td>
            <td class=format!("{cell} text-ink-soft tabular-nums")>{match now.get(&field) { "" => "no limit".to_owned(), text => text.to_owned() }}</td>
            <td class=cell><Cell form=WORD name=field.clone() label=row.words text=typed.get(&field).to_owned() error=error(field)/></td>
        </tr>
    }
    .into_any()
}

/// What the change would do.
#[component]
fn Effects(shown: RwSignal<Preview>) -> impl IntoView {
    view! {
        <section class="flex min-w-0 flex-col rounded border border-line bg-surface lg:sticky lg:top-4" aria-label="What it would do" aria-live="polite">
            <h3 class="border-b border-line px-3 py-2 text-table font-medium">"What it would do"</h3>
            {move || shown.with(|preview| {
                if !preview.errors.is_empty() {
                    return view! { <p class="px-3 py-2 text-table text-ink-soft">"It is said here as soon as nothing is left to mend"</p> }.into_any();
                }
                if preview.effects.is_empty() {
                    return view! { <p class="px-3 py-2 text-table text-ink-soft">"Nothing that runs or waits is touched by what is typed"</p> }.into_any();
                }
                let list = preview.effects.iter().cloned().map(effect).collect_view();
                view! { <ul class="flex flex-col gap-3 px-3 py-2 text-table">{list}</ul> }.into_any()
            })}
        </section>
    }
    .into_any()
}

fn effect(effect: Effect) -> AnyView {
    let (tone, word) = match effect.weight {
        Weight::Refuses => (Tone::Bad, "Refuses"),
        Weight::Trap => (Tone::Warn, "Trap"),
        Weight::Note => (Tone::Idle, "Note"),
    };
    view! {
        <li class="min-w-0 break-words">
            <span class=format!("flex items-center gap-1.5 font-medium {}", tone.text())><Shape tone/>{word}</span>
            {effect.sentence}
        </li>
    }
    .into_any()
}
