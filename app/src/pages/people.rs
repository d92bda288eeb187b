//! People: who there is, what they may do, and the one-time links by which they come in.

use leptos::prelude::*;
use leptos_meta::Title;
use slipway_domain::{
    refusal::{FieldErrors, Refusal},
    session::{Invitation, PersonForm, PersonRow},
};

use super::refused::{Problem, Refused};
use crate::{
    api::{self, Failure, people::list_people, sessions::Me, wire},
    parts::{badge::Tone, banner::Banner, copy::Copy, style, time::Ago},
};

mod invite;
mod row;

use invite::Invite;
use row::Row;

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub struct Desk {
    /// Grows when somebody was changed.
    pub changed: RwSignal<u32>,
    /// Why something was not done.
    pub failure: RwSignal<Option<Failure>>,
    /// What is wrong with the form.
    pub wrong: RwSignal<FieldErrors>,
    /// A link that was just made; it is shown this once.
    pub link: RwSignal<Option<Invitation>>,
}

impl Desk {
    /// Something was answered.
    pub fn settle(self, answer: Result<(), Failure>) {
        match answer {
            Ok(()) => {
                self.failure.set(None);
                self.changed.update(|changed| *changed += 1);
            }
            Err(Failure(Refusal::Invalid { fields })) => self.wrong.set(fields),
            Err(failure) => self.failure.set(Some(failure)),
        }
    }

    /// A link was made, or not.
    pub fn settle_link(self, answer: Result<Invitation, Failure>) {
        self.wrong.set(FieldErrors::new());
        self.settle(answer.map(|invitation| self.link.set(Some(invitation))));
    }
}

/// The People page.
#[component]
pub fn People() -> impl IntoView {
    let posted = api::posted().unwrap_or_default();
    let typed = PersonForm {
        name: posted.typed.get("name").cloned().unwrap_or_default(),
        team: posted.typed.get("team").cloned().unwrap_or_default(),
        role: posted.typed.get("role").cloned().unwrap_or_default(),
        platform_admin: posted.typed.get("platform_admin").cloned().unwrap_or_default(),
    };
    let (fields, refusal) = match posted.refusal {
        Some(Refusal::Invalid { fields }) => (fields, None),
        other => (FieldErrors::new(), other),
    };
    let desk = Desk {
        changed: RwSignal::new(0),
        failure: RwSignal::new(refusal.map(Failure)),
        wrong: RwSignal::new(fields),
        link: RwSignal::new(posted.invitation),
    };
    let platform_admin = use_context::<Me>().is_some_and(|me| me.platform_admin);
    let people = wire::shown(move || desk.changed.get(), |_| list_people());
    view! {
        <Title text="People"/>
        <div class="flex flex-col gap-4">
            <h1 class="text-title font-semibold">"People"</h1>
            <Problem failure=desk.failure/>
            <Link desk/>
            <Transition>
                {move || {
                    let typed = typed.clone();
                    Suspend::new(async move {
                        match people.await {
                            Err(failure) => view! { <Refused failure/> }.into_any(),
                            Ok((people, teams)) => {
                                view! {
                                    <Table people desk platform_admin/>
                                    <Invite desk teams typed platform_admin/>
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

#[component]
fn Table(people: Vec<PersonRow>, desk: Desk, platform_admin: bool) -> impl IntoView {
    let head = style::HEAD;
    view! {
        <div class="overflow-x-auto rounded border border-line bg-surface">
            <table class="w-full border-collapse text-table">
                <thead class="border-b border-line">
                    <tr>
                        <th scope="col" class=head>"Name"</th>
                        <th scope="col" class=head>"Roles"</th>
                        <th scope="col" class=format!("{head} max-md:hidden")>"Last seen"</th>
                        <th scope="col" class=head><span class="sr-only">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{people.into_iter().map(|person| view! { <Row person desk platform_admin/> }).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// The one-time link, shown once: nobody can read it from Slipway again.
#[component]
fn Link(desk: Desk) -> impl IntoView {
    move || {
        desk.link.get().map(|invitation| {
            let link = invitation.link.clone();
            // The server knows its path; the browser knows the address that it was reached by.
            let whole = Signal::derive(move || if link.starts_with('/') { format!("{}{link}", origin()) } else { link.clone() });
            view! {
                <Banner tone=Tone::Good>
                    <div class="flex flex-col gap-1.5">
                        <p>"Give this link to "<span class="font-semibold">{invitation.person.name.to_string()}</span>". It works once, ends "<Ago at=Signal::stored(invitation.expires)/>", and is not shown again"</p>
                        <div class="flex min-w-0 items-center gap-2">
                            <input class=format!("{} font-mono", style::INPUT) readonly aria-label="One-time link" prop:value=move || whole.get() value=move || whole.get()/>
                            <Copy text=whole what="the link"/>
                        </div>
                    </div>
                </Banner>
            }
        })
    }
}

/// The address under which the browser reached the server; nothing while the server renders.
fn origin() -> String {
    #[cfg(feature = "hydrate")]
    return window().location().origin().unwrap_or_default();
    #[cfg(not(feature = "hydrate"))]
    return String::new();
}
