//! A person in the list: their roles, and what an admin can do.

use leptos::{ev, prelude::*};
use slipway_domain::{
    person::{PersonId, Role},
    session::PersonRow,
    team::TeamName,
};

use super::Desk;
use crate::{
    api::{
        people::{reset_person, set_active, set_role},
        sessions::Me,
    },
    parts::{style, time::Ago},
    paths,
};

/// A person.
#[component]
pub fn Row(person: PersonRow, desk: Desk, platform_admin: bool) -> impl IntoView {
    let is_me = use_context::<Me>().is_some_and(|me| me.name == person.name);
    let cell = style::CELL;
    let id = person.id.clone();
    let name = person.name.to_string();
    let standing = match (person.active, person.joined) {
        (false, _) => Some("✕ may not sign in"),
        (true, false) => Some("○ has not opened the link yet"),
        (true, true) => None,
    };
    view! {
        <tr class="border-b border-line last:border-b-0">
            <td class=cell>
                <span class="font-medium">{name.clone()}</span>
                {is_me.then_some(" (you)")}
                {person.platform_admin.then(|| view! { <span class="block text-ink-soft">"platform admin"</span> })}
                {standing.map(|standing| view! { <span class="block text-ink-soft">{standing}</span> })}
            </td>
            <td class=cell>
                <ul class="flex flex-col gap-1">
                    {person.roles.iter().map(|(team, role)| view! { <li><InTeam id=id.clone() name=name.clone() team=team.clone() role=*role desk/></li> }).collect_view()}
                    {person.roles.is_empty().then(|| view! { <li class="text-ink-soft">"in no team"</li> })}
                </ul>
            </td>
            <td class=format!("{cell} text-ink-soft max-md:hidden")>{match person.last_seen {
                Some(at) => view! { <Ago at=Signal::stored(at)/> }.into_any(),
                None => "never".into_any(),
            }}</td>
            <td class=format!("{cell} text-right")>
                {platform_admin
                    .then(|| {
                        let why = is_me.then_some("You cannot lock yourself out; ask another admin");
                        view! {
                            <span class="inline-flex flex-wrap justify-end gap-1">
                                <Reset id=id.clone() name=name.clone() desk why/>
                                <Active id=id.clone() name=name.clone() active=person.active desk why/>
                            </span>
                        }
                    })}
            </td>
        </tr>
    }
}

/// A role in a team, which can be changed.
#[component]
fn InTeam(id: PersonId, name: String, team: TeamName, role: Role, desk: Desk) -> impl IntoView {
    let may = use_context::<Me>().is_some_and(|me| me.platform_admin || me.roles.get(&team) == Some(&Role::Admin));
    if !may {
        return view! { <span>{role.word()}" in "{team.to_string()}</span> }.into_any();
    }
    let (person, of) = (id.clone(), team.clone());
    let change = move |event: ev::Event| {
        let (person, of) = (person.clone(), of.clone());
        let wanted = Role::parse(&event_target_value(&event)).ok();
        leptos::task::spawn_local(async move { desk.settle(set_role(person, of, wanted).await) });
    };
    let submit = |event: ev::SubmitEvent| event.prevent_default();
    let label = format!("Role of {name} in {team}");
    view! {
        <form method="post" action=paths::PEOPLE on:submit=submit class="flex items-center gap-1.5">
            <input type="hidden" name="do" value="role"/>
            <input type="hidden" name="person" value=id.0/>
            <input type="hidden" name="team" value=team.to_string()/>
            <select class="h-7 rounded border border-line-strong bg-surface px-1 text-table focus-visible:outline-2 focus-visible:outline-accent" name="role" aria-label=label on:change=change>
                {Role::ALL.map(|it| view! { <option value=it.word() selected=it == role>{it.word()}</option> }).into_iter().collect_view()}
                <option value="">"none: take them out"</option>
            </select>
            <span>"in "{team.to_string()}</span>
            <noscript><button type="submit" class=style::QUIET>"Set"</button></noscript>
        </form>
    }
    .into_any()
}

/// Makes a new one-time link for somebody who lost their password.
#[component]
fn Reset(id: PersonId, name: String, desk: Desk, why: Option<&'static str>) -> impl IntoView {
    let person = id.clone();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let person = person.clone();
        leptos::task::spawn_local(async move { desk.settle_link(reset_person(person).await) });
    };
    let title = why.unwrap_or("A new one-time link; their password and sessions end");
    view! {
        <form method="post" action=paths::PEOPLE on:submit=submit class="contents">
            <input type="hidden" name="do" value="reset"/>
            <input type="hidden" name="person" value=id.0/>
            <button type="submit" class=style::QUIET disabled=why.is_some() title=title>"New link"<span class="sr-only">" for "{name}</span></button>
        </form>
    }
}

/// Lets somebody sign in, or no longer.
#[component]
fn Active(id: PersonId, name: String, active: bool, desk: Desk, why: Option<&'static str>) -> impl IntoView {
    let person = id.clone();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let person = person.clone();
        leptos::task::spawn_local(async move { desk.settle(set_active(person, !active).await) });
    };
    let (word, text, title) = if active {
        ("deactivate", "Deactivate", "They can no longer sign in, and their sessions end; their runs stay")
    } else {
        ("activate", "Activate", "They can sign in again")
    };
    view! {
        <form method="post" action=paths::PEOPLE on:submit=submit class="contents">
            <input type="hidden" name="do" value=word/>
            <input type="hidden" name="person" value=id.0/>
            <button type="submit" class=style::QUIET disabled=why.is_some() title=why.unwrap_or(title)>{text}<span class="sr-only">" "{name}</span></button>
        </form>
    }
}
