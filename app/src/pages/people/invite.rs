//! The form for a new person.

use leptos::{ev, prelude::*};
use slipway_domain::{person::Role, session::PersonForm, team::TeamName};

use super::Desk;
use crate::{
    api::people::invite_person,
    parts::{
        field::{Choice, Line, bind_check},
        style,
    },
    paths,
};

/// Asks for a name and a role, and makes a one-time link.
#[component]
pub fn Invite(desk: Desk, teams: Vec<TeamName>, typed: PersonForm, platform_admin: bool) -> impl IntoView {
    let mut typed = typed;
    if typed.team.is_empty()
        && let Some(team) = teams.first()
    {
        typed.team = team.to_string();
    }
    if typed.role.is_empty() {
        Role::Engineer.word().clone_into(&mut typed.role);
    }
    let form = RwSignal::new(typed);
    let teams: Vec<(String, String)> = teams.iter().map(|team| (team.to_string(), team.to_string())).collect();
    let roles = Role::ALL.iter().map(|role| (role.word().to_owned(), what(*role))).collect::<Vec<_>>();
    let error = move |name: &'static str| Signal::derive(move || desk.wrong.with(|wrong| wrong.get(name).cloned()));
    let whole = error("");
    let administers = NodeRef::new();
    bind_check(administers, move || form.with(|form| form.platform_admin == "on"));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        leptos::task::spawn_local(async move {
            let answer = invite_person(form.get_untracked()).await;
            desk.settle_link(answer);
        });
    };
    view! {
        <form method="post" action=paths::PEOPLE on:submit=submit data-form="invite" class="flex max-w-3xl flex-col gap-4 rounded border border-line bg-surface p-4">
            <h2 class="text-body font-semibold">"Invite a person"</h2>
            <input type="hidden" name="do" value="invite"/>
            {move || whole.get().map(|sentence| view! { <p class="text-table text-bad">"✕ "{sentence}</p> })}
            <div class="grid gap-4 sm:grid-cols-3">
                <Line
                    name="name"
                    label="Name"
                    hint="What they sign in with: a–z, 0–9, dot, dash, underscore"
                    value=Signal::derive(move || form.with(|form| form.name.clone()))
                    error=error("name")
                    on_input=move |text| form.update(|form| form.name = text)
                />
                <Choice
                    name="team"
                    label="Team"
                    options=teams
                    value=Signal::derive(move || form.with(|form| form.team.clone()))
                    error=error("team")
                    on_input=move |text| form.update(|form| form.team = text)
                />
                <Choice
                    name="role"
                    label="Role"
                    options=roles
                    value=Signal::derive(move || form.with(|form| form.role.clone()))
                    error=error("role")
                    on_input=move |text| form.update(|form| form.role = text)
                />
            </div>
            {platform_admin
                .then(|| {
                    view! {
                        <label class="flex items-center gap-2 text-table">
                            <input
                                class="accent-accent focus-visible:outline-2 focus-visible:outline-offset-2 focus-visible:outline-accent"
                                type="checkbox"
                                name="platform_admin"
                                value="on"
                                checked=form.with_untracked(|form| form.platform_admin == "on")
                                node_ref=administers
                                on:change=move |event| form.update(|form| form.platform_admin = if event_target_checked(&event) { "on".to_owned() } else { String::new() })
                            />
                            "Administers the whole platform"
                        </label>
                    }
                })}
            <div class="flex flex-wrap items-center gap-3">
                <button type="submit" class=style::PRIMARY>"Make a one-time link"</button>
                <span class="text-table text-ink-soft">"No mail is sent: you pass the link on, and they choose their password with it"</span>
            </div>
        </form>
    }
}

/// A role with what it may do.
fn what(role: Role) -> String {
    match role {
        Role::Engineer => "engineer: launches runs".to_owned(),
        Role::Approver => "approver: judges releases too".to_owned(),
        Role::Admin => "admin: manages the team too".to_owned(),
    }
}
