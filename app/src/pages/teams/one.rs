//! A team: who is in it with which role, how its namespace stands, and what Kubernetes lets each role do there.

use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use slipway_domain::{
    audit::AuditQuery,
    person::Role,
    refusal::{FieldErrors, Refusal},
    team::{Member, Namespace, Rights, TeamDetail, TeamName},
};

use super::{Away, Standing, left_behind, look_again};
use crate::{
    api::{Failure, people::set_role, teams::get_team, wire},
    pages::refused::{Problem, Refused},
    parts::{
        field::{Choice, Line},
        number, style,
        time::Ago,
    },
    paths,
};

/// The page of a team.
#[component]
pub fn Team() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.read().get("team").unwrap_or_default());
    let (posted, wrong, failure) = left_behind();
    let typed = ["person", "role"].map(|field| posted.typed.get(field).cloned().unwrap_or_default());
    let failure = RwSignal::new(failure);
    let changed = RwSignal::new(0_u32);
    let team = wire::shown(
        move || (name.get(), changed.get()),
        |(name, _)| async move {
            let team =
                TeamName::parse(&name).map_err(|_| Failure(Refusal::not_found("There is no such team; look at the list of teams")))?;
            get_team(team).await
        },
    );
    view! {
        <Problem failure/>
        <Transition>
            {move || {
                let (typed, wrong) = (typed.clone(), wrong.clone());
                Suspend::new(async move {
                    match team.await {
                        Err(failure) => view! { <Title text="Team"/><Refused failure/> }.into_any(),
                        Ok(detail) => {
                            look_again(matches!(detail.row.namespace, Namespace::Preparing { .. }), changed);
                            view! { <Shown detail typed wrong failure changed/> }.into_any()
                        }
                    }
                })
            }}
        </Transition>
    }
}

#[component]
fn Shown(
    detail: TeamDetail,
    typed: [String; 2],
    wrong: FieldErrors,
    failure: RwSignal<Option<Failure>>,
    changed: RwSignal<u32>,
) -> impl IntoView {
    let TeamDetail { row, members, rights, may_not_prepare, stale_since } = detail;
    let name = row.name.clone();
    let runs = paths::with_query(paths::RUNS, [("team", name.to_string())]);
    let log = paths::audit(&AuditQuery { team: name.to_string(), ..AuditQuery::default() });
    let nobody = members.is_empty();
    view! {
        <Title text=name.to_string()/>
        <div class="flex flex-col gap-4">
            <div class="flex flex-col gap-1">
                <h1 class="text-title font-semibold break-all">{name.to_string()}</h1>
                <p class="flex flex-wrap gap-x-4 gap-y-1 text-table text-ink-soft">
                    <a class=style::LINK href=runs>{format!("{} running, {} waiting", number::count(row.running), number::count(row.waiting))}</a>
                    <a class=style::LINK href=paths::quota(name.as_str())>"Quotas and limits"</a>
                    <a class=style::LINK href=log>"Audit log"</a>
                    <span>"made "<Ago at=Signal::stored(row.created)/></span>
                </p>
            </div>
            <Away since=stale_since/>
            <section class="flex flex-col gap-2">
                <h2 class="text-body font-semibold">"Members"</h2>
                {nobody.then(|| view! { <p class="text-table text-ink-soft">"Nobody is in this team yet; give somebody a role below"</p> })}
                <Members team=name.clone() members failure changed/>
            </section>
            <Add team=name.clone() typed wrong/>
            <section class="flex flex-col gap-2">
                <h2 class="text-body font-semibold">"Namespace"</h2>
                <div class="flex flex-wrap items-center gap-3 text-table">
                    <div><Standing namespace=row.namespace/></div>
                    <form method="post" action=paths::team(&name) class="contents">
                        <input type="hidden" name="do" value="prepare"/>
                        <button type="submit" class=style::BUTTON disabled=may_not_prepare.is_some() title=may_not_prepare.clone()>"Prepare again"</button>
                    </form>
                    <span class="text-ink-soft">{may_not_prepare.unwrap_or_else(|| "Slipway looks after it every half minute in any case, and puts back what somebody took away".to_owned())}</span>
                </div>
                <RightsTable rights/>
            </section>
        </div>
    }
}

#[component]
fn Members(team: TeamName, members: Vec<Member>, failure: RwSignal<Option<Failure>>, changed: RwSignal<u32>) -> impl IntoView {
    let head = style::HEAD;
    let cell = style::CELL;
    let row = move |member: Member| {
        let standing = match (member.active, member.joined) {
            (false, _) => Some("✕ may not sign in"),
            (true, false) => Some("○ has not opened the link yet"),
            (true, true) => None,
        };
        let seen = match member.last_seen {
            Some(at) => view! { <Ago at=Signal::stored(at)/> }.into_any(),
            None => "never".into_any(),
        };
        view! {
            <tr class="border-b border-line last:border-b-0">
                <td class=cell>
                    <span class="font-medium">{member.name.to_string()}</span>
                    {standing.map(|standing| view! { <span class="block text-ink-soft">{standing}</span> })}
                </td>
                <td class=cell><ChangeRole team=team.clone() member failure changed/></td>
                <td class=format!("{cell} text-ink-soft max-md:hidden")>{seen}</td>
            </tr>
        }
    };
    view! {
        <div class="max-w-3xl overflow-x-auto rounded border border-line bg-surface">
            <table class="w-full border-collapse text-table">
                <thead class="border-b border-line">
                    <tr>
                        <th scope="col" class=head>"Name"</th>
                        <th scope="col" class=head>"Role"</th>
                        <th scope="col" class=format!("{head} max-md:hidden")>"Last seen"</th>
                    </tr>
                </thead>
                <tbody>{members.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// A member's role, which can be changed.
#[component]
fn ChangeRole(team: TeamName, member: Member, failure: RwSignal<Option<Failure>>, changed: RwSignal<u32>) -> impl IntoView {
    let (person, of) = (member.id.clone(), team.clone());
    let change = move |event: ev::Event| {
        let (person, of) = (person.clone(), of.clone());
        let wanted = Role::parse(&event_target_value(&event)).ok();
        leptos::task::spawn_local(async move {
            failure.set(set_role(person, of, wanted).await.err());
            changed.update(|changed| *changed += 1);
        });
    };
    view! {
        <form method="post" action=paths::team(&team) class="flex items-center gap-1.5">
            <input type="hidden" name="do" value="role"/>
            <input type="hidden" name="person" value=member.id.0/>
            <select class="h-7 rounded border border-line-strong bg-surface px-1 text-table focus-visible:outline-2 focus-visible:outline-accent" name="role" aria-label=format!("Role of {}", member.name) on:change=change>
                {Role::ALL.map(|it| view! { <option value=it.word() selected=it == member.role>{it.word()}</option> }).into_iter().collect_view()}
                <option value="">"none: take them out"</option>
            </select>
            <noscript><button type="submit" class=style::QUIET>"Set"</button></noscript>
        </form>
    }
}

/// Gives somebody who has an account a role in the team.
#[component]
fn Add(team: TeamName, typed: [String; 2], wrong: FieldErrors) -> impl IntoView {
    let [person, role] = typed;
    let person = RwSignal::new(person);
    let role = RwSignal::new(if role.is_empty() { Role::Engineer.word().to_owned() } else { role });
    let error = |name: &str| Signal::stored(wrong.get(name).cloned());
    let roles = Role::ALL.map(|role| (role.word().to_owned(), role.word().to_owned())).into();
    view! {
        <form method="post" action=paths::team(&team) data-form="member" class="flex max-w-3xl flex-col gap-4 rounded border border-line bg-surface p-4">
            <h2 class="text-body font-semibold">"Add a person"</h2>
            <input type="hidden" name="do" value="add"/>
            <div class="grid gap-4 sm:grid-cols-3">
                <Line name="person" label="Name" hint="Of somebody who has an account" value=person error=error("person") on_input=move |text| person.set(text)/>
                <Choice name="role" label="Role" options=roles value=role error=error("role") on_input=move |text| role.set(text)/>
            </div>
            <div class="flex flex-wrap items-center gap-3">
                <button type="submit" class=style::PRIMARY>"Add to the team"</button>
                <span class="text-table text-ink-soft">"Somebody new is "<a class=style::LINK href=paths::PEOPLE>"invited on the People page"</a></span>
            </div>
        </form>
    }
}

/// What Kubernetes lets each role do in the namespace, as Slipway keeps it there.
#[component]
fn RightsTable(rights: Vec<Rights>) -> impl IntoView {
    let head = style::HEAD;
    let cell = style::CELL;
    let row = move |Rights { role, group, rules }: Rights| {
        view! {
            <tr class="border-b border-line last:border-b-0">
                <td class=cell>
                    <span class="font-medium">{role.word()}</span>
                    <span class="block font-mono text-mono text-ink-soft">{group}</span>
                </td>
                <td class=cell><ul class="flex flex-col gap-1">{rules.into_iter().map(|rule| view! { <li class="break-words">{rule}</li> }).collect_view()}</ul></td>
            </tr>
        }
    };
    view! {
        <div
            tabindex="0"
            role="region"
            aria-label="Rights in the namespace"
            class="overflow-x-auto rounded border border-line bg-surface focus-visible:outline-2 focus-visible:outline-accent"
        >
            <table class="w-full border-collapse text-table">
                <thead class="border-b border-line">
                    <tr>
                        <th scope="col" class=head>"Role, and its group in Kubernetes"</th>
                        <th scope="col" class=head>"What Kubernetes lets it do in the namespace"</th>
                    </tr>
                </thead>
                <tbody>{rights.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
