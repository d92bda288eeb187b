//! Teams: which there are, who is in them, what they run, and whether the cluster has their namespaces.

use leptos::prelude::*;
use leptos_meta::Title;
use slipway_domain::{
    person::Role,
    refusal::{FieldErrors, Refusal},
    team::{Namespace, TeamList, TeamRow},
};

use super::refused::{Problem, Refused};
use crate::{
    api::{self, Failure, teams::list_teams, wire},
    parts::{
        badge::{Shape, Tone},
        banner::Banner,
        field::Line,
        number, style,
        time::{self, Ago},
    },
    paths,
};

pub mod one;

/// How long to wait before a namespace that is being prepared is looked at again.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// What a plain form left behind: what is wrong with each field, or why nothing was done at all.
fn left_behind() -> (api::Posted, FieldErrors, Option<Failure>) {
    let mut posted = api::posted().unwrap_or_default();
    match posted.refusal.take() {
        Some(Refusal::Invalid { fields }) => (posted, fields, None),
        other => (posted, FieldErrors::new(), other.map(Failure)),
    }
}

/// Looks again after a while, where something is still being prepared.
fn look_again(is_preparing: bool, changed: RwSignal<u32>) {
    if cfg!(feature = "hydrate") && is_preparing {
        set_timeout(
            move || {
                changed.try_update(|changed| *changed += 1);
            },
            PAUSE,
        );
    }
}

/// The Teams page.
#[component]
pub fn Teams() -> impl IntoView {
    let (posted, wrong, failure) = left_behind();
    let typed = posted.typed.get("name").cloned().unwrap_or_default();
    let failure = RwSignal::new(failure);
    let changed = RwSignal::new(0_u32);
    let list = wire::shown(move || changed.get(), |_| list_teams());
    view! {
        <Title text="Teams"/>
        <div class="flex flex-col gap-4">
            <h1 class="text-title font-semibold">"Teams"</h1>
            <Problem failure/>
            <Transition>
                {move || {
                    let (typed, wrong) = (typed.clone(), wrong.clone());
                    Suspend::new(async move {
                        match list.await {
                            Err(failure) => view! { <Refused failure/> }.into_any(),
                            Ok(TeamList { teams, may_not_create, stale_since }) => {
                                look_again(teams.iter().any(|team| matches!(team.namespace, Namespace::Preparing { .. })), changed);
                                view! {
                                    <Away since=stale_since/>
                                    <Table teams/>
                                    <NewTeam typed wrong why_not=may_not_create/>
                                }
                                    .into_any()
                            }
                        }
                    })
                }}
            </Transition>
        </div>
    }
}

/// That the cluster is away, and what it means here.
#[component]
fn Away(since: Option<jiff::Timestamp>) -> impl IntoView {
    since.map(|since| {
        view! {
            <Banner tone=Tone::Warn>
                "The cluster cannot be reached since "{time::absolute(since)}"; namespaces are as they were then, and those that are not prepared yet follow when it is back"
            </Banner>
        }
    })
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
                        <th scope="col" class=format!("{head} max-md:hidden")>"Members"</th>
                        <th scope="col" class=head>"Runs"</th>
                        <th scope="col" class=head>"Namespace"</th>
                        <th scope="col" class=format!("{head} max-md:hidden")>"Created"</th>
                    </tr>
                </thead>
                <tbody>{teams.into_iter().map(|team| view! { <Row team/> }).collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(team: TeamRow) -> impl IntoView {
    let cell = style::CELL;
    let members = members(&team);
    let runs = paths::with_query(paths::RUNS, [("team", team.name.to_string())]);
    view! {
        <tr class="border-b border-line last:border-b-0 hover:bg-canvas">
            <td class=cell>
                <a class="font-medium text-ink hover:text-accent focus-visible:outline-2 focus-visible:outline-accent" href=paths::team(&team.name)>{team.name.to_string()}</a>
                <span class="block text-ink-soft md:hidden">{members.clone()}</span>
            </td>
            <td class=format!("{cell} max-md:hidden")>{members}</td>
            <td class=cell><a class=style::LINK href=runs>{format!("{} running, {} waiting", number::count(team.running), number::count(team.waiting))}</a></td>
            <td class=cell><Standing namespace=team.namespace/></td>
            <td class=format!("{cell} text-ink-soft max-md:hidden")><Ago at=Signal::stored(team.created)/></td>
        </tr>
    }
}

/// `2 admins, 1 approver, 12 engineers`.
fn members(team: &TeamRow) -> String {
    let words: Vec<String> = Role::ALL
        .into_iter()
        .rev()
        .filter_map(|role| {
            let count = *team.members.get(&role)?;
            Some(number::counted(count, role.word(), &format!("{}s", role.word())))
        })
        .collect();
    if words.is_empty() { "nobody yet".to_owned() } else { words.join(", ") }
}

/// How a namespace stands, as shape and words.
#[component]
fn Standing(namespace: Namespace) -> impl IntoView {
    let (tone, words, why) = match namespace {
        Namespace::Prepared { since } => (Tone::Good, "prepared", format!("since {}", time::absolute(since))),
        Namespace::Preparing { why } => (Tone::Busy, "being prepared", why),
        Namespace::Refused { why } => (Tone::Bad, "refused", why),
    };
    view! {
        <span class=format!("inline-flex items-center gap-1.5 font-medium whitespace-nowrap {}", tone.text())><Shape tone=Signal::stored(tone)/>{words}</span>
        {(!why.is_empty()).then(|| view! { <span class="block text-ink-soft">{why}</span> })}
    }
}

/// Asks for a name and makes a team.
#[component]
fn NewTeam(typed: String, wrong: FieldErrors, why_not: Option<String>) -> impl IntoView {
    let name = RwSignal::new(typed);
    let error = wrong.get("name").cloned();
    let whole = wrong.get("").cloned();
    let denied = why_not.is_some();
    let title = why_not.clone();
    view! {
        <form method="post" action=paths::TEAMS data-form="team" class="flex max-w-3xl flex-col gap-4 rounded border border-line bg-surface p-4">
            <h2 class="text-body font-semibold">"New team"</h2>
            <input type="hidden" name="do" value="create"/>
            {whole.map(|sentence| view! { <p class="text-table text-bad">"✕ "{sentence}</p> })}
            <Line
                name="name"
                label="Name"
                hint="It becomes the namespace's name: a–z, 0–9 and dashes. Roles, their bindings and a volume are made with it"
                value=name
                error=Signal::stored(error)
                on_input=move |text| name.set(text)
            />
            <div class="flex flex-wrap items-center gap-3">
                <button type="submit" class=style::PRIMARY disabled=denied title=title>"Make the team"</button>
                <span class="text-table text-ink-soft">{why_not.unwrap_or_else(|| "You then give people roles in it, and set its quotas".to_owned())}</span>
            </div>
        </form>
    }
}
