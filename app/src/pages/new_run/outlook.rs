//! Will it run: said anew with each key, by the browser itself once it has a picture of the cluster. Until then, and where no
//! script runs, it is the server's answer, by the same function.

use leptos::prelude::*;
use slipway_domain::{
    fit::{self, Answer, Ask, Outcome, Victim},
    resources::{GpuRequest, Resources},
    team::TeamName,
};

use super::Draft;
use crate::{
    api::runs::run_picture,
    live::{self, Watched},
    parts::{badge::Tone, style},
    paths,
};

/// What the form would come to; none while a field is wrong or the cluster is not known.
pub fn outlook(draft: Draft) -> Memo<Option<Answer>> {
    Memo::new(move |_| {
        let form = draft.form.read();
        draft.picture.with(|picture| match picture {
            Some((team, picture)) if team.as_str() == form.team.trim() => {
                form.parse().ok().map(|spec| fit::answer(picture, &Ask::of(&spec)))
            }
            Some(_) | None => draft.preview.with(|preview| preview.answer.clone()),
        })
    })
}

/// Keeps the picture as the cluster is, for the team that is chosen.
pub fn look(draft: Draft) {
    let team = Memo::new(move |_| draft.form.with(|form| TeamName::parse(form.team.trim()).ok()));
    let version = RwSignal::new(0_u64);
    live::follow(Watched::Room, move || version.update(|version| *version += 1), |_| ());
    Effect::new(move |_| {
        let wanted = (team.get(), version.get());
        let (Some(name), _) = wanted.clone() else { return };
        leptos::task::spawn_local(async move {
            // One that cannot be had leaves the last one, or the server's answer, which says as much.
            if let Ok(seen) = run_picture(name.clone()).await
                && (team.try_get_untracked(), version.try_get_untracked()) == (Some(wanted.0), Some(wanted.1))
            {
                draft.picture.set(seen.map(|picture| (name, picture)));
            }
        });
    });
}

/// The tone of an answer.
pub const fn tone_of(outcome: &Outcome) -> Tone {
    match outcome {
        Outcome::RunsNow { .. } => Tone::Good,
        Outcome::Preempts { .. } => Tone::Warn,
        Outcome::Waits(_) => Tone::Idle,
        Outcome::Refused(_) => Tone::Bad,
    }
}

/// Whom it displaces, what would run now instead, and what the team has left.
#[component]
pub fn Outlook(draft: Draft, answer: Memo<Option<Answer>>) -> impl IntoView {
    move || {
        let Answer { outcome, nearest, left } = answer.get()?;
        let victims = match outcome {
            Outcome::Preempts { victims, .. } => victims,
            Outcome::RunsNow { .. } | Outcome::Waits(_) | Outcome::Refused(_) => Vec::new(),
        };
        if victims.is_empty() && nearest.is_none() && left.is_empty() {
            return None;
        }
        let left: Vec<String> = left.iter().map(ToString::to_string).collect();
        let view = view! {
            <div class="flex flex-col gap-1.5 border-b border-line px-3 py-2 text-table" data-part="outlook">
                {victims.into_iter().map(|victim| view! { <p class="break-words">"Displaces "{displaced(victim)}</p> }).collect_view()}
                {nearest.map(|shape| view! { <Nearest draft shape/> })}
                {left.into_iter().map(|left| view! { <p class="text-ink-soft">{left}</p> }).collect_view()}
            </div>
        };
        Some(view.into_any())
    }
}

fn displaced(victim: Victim) -> AnyView {
    let words = victim.to_string();
    match victim.run {
        Some((id, _)) => view! { <a class=style::LINK href=paths::run(&id)>{words}</a> }.into_any(),
        None => words.into_any(),
    }
}

/// The nearest shape that would run now, as a button that fills it in.
#[component]
fn Nearest(draft: Draft, shape: Resources) -> impl IntoView {
    let fields = shape.to_fields();
    let words = match &shape.gpu {
        GpuRequest::None => shape.to_string(),
        GpuRequest::Whole { .. } | GpuRequest::Mig { .. } => format!("{shape}, {} CPU, {}", shape.cpu, shape.memory),
    };
    let fill = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        let fields = fields.clone();
        draft.set("gpu", move |form| {
            (form.cpu, form.memory) = (fields.cpu, fields.memory);
            (form.gpu, form.gpu_count, form.gpu_product) = (fields.gpu, fields.gpu_count, fields.gpu_product);
        });
    };
    view! {
        <p class="flex flex-wrap items-center gap-2">
            <span>"Runs now: "{words}</span>
            <button type="submit" class=style::BUTTON name="do" value="nearest" on:click=fill>"Ask for that"</button>
        </p>
    }
}
