//! What the forms of a page share: what was typed into the one that was sent last, what is wrong with it, and what was done.

use std::collections::BTreeMap;

use leptos::{ev, prelude::*};
use slipway_domain::refusal::{FieldErrors, Refusal};

use super::refused::Problem;
use crate::{
    api::{self, Failure},
    live::{self, Watched},
    parts::{badge::Tone, banner::Banner, texts::texts},
};

/// How long to wait for the next key before it is asked what a form would do.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(300);

/// The desk at which a page's forms are answered.
#[derive(Clone, Copy)]
pub struct Desk {
    /// Grows when the page has to be fetched again.
    pub changed: RwSignal<u32>,
    failure: RwSignal<Option<Failure>>,
    wrong: RwSignal<FieldErrors>,
    done: RwSignal<Option<String>>,
    typed: RwSignal<BTreeMap<String, String>>,
    /// Whether something was typed since the page was fetched: then it is not fetched again by itself.
    touched: RwSignal<bool>,
}

impl Desk {
    /// The desk of a page, with what was posted to it.
    pub fn new() -> Self {
        let posted = api::posted().unwrap_or_default();
        let (wrong, failure) = match posted.refusal {
            Some(Refusal::Invalid { fields }) => (fields, None),
            other => (FieldErrors::new(), other.map(Failure)),
        };
        Self {
            changed: RwSignal::new(0),
            failure: RwSignal::new(failure),
            wrong: RwSignal::new(wrong),
            done: RwSignal::new(posted.done),
            typed: RwSignal::new(posted.typed),
            touched: RwSignal::new(false),
        }
    }

    /// What was typed into the form of this word and name, if it was the one sent last and not done.
    pub fn typed(self, word: &str, name: &str) -> Option<BTreeMap<String, String>> {
        self.typed_new(word).filter(|typed| typed.get("name").map_or("", String::as_str) == name)
    }

    /// Whether the form of this word was the one sent last, and was not done.
    pub fn sent(self, word: &str) -> bool {
        self.typed.with_untracked(|typed| typed.get("do").is_some_and(|sent| sent == word || sent == "preview"))
    }

    /// What was typed into the form of this word for something new, whatever it is to be called.
    pub fn typed_new(self, word: &str) -> Option<BTreeMap<String, String>> {
        self.sent(word).then(|| self.typed.get_untracked())
    }

    /// What is wrong with a field of the form of this word.
    pub fn error(self, word: &'static str, field: impl Into<String>) -> Signal<Option<String>> {
        let field = field.into();
        Signal::derive(move || {
            let wrong = self.wrong.with(|wrong| wrong.get(&field).cloned());
            wrong.filter(|_| self.sent(word))
        })
    }

    /// Fetches the page again when the cluster's shares change, unless somebody is filling in a form of it. Call it before the page
    /// is fetched first.
    pub fn keep_fresh(self, busy: impl Fn() -> bool + Clone + Send + Sync + 'static) {
        let again = move || {
            if !self.touched.get_untracked() && !busy() {
                self.changed.update(|changed| *changed += 1);
            }
        };
        live::mark();
        live::follow(Watched::Shares, again, |_| ());
    }

    /// Something was typed into a form of the page.
    pub fn touch(self) {
        self.touched.set(true);
    }

    /// Sends a form through `send` instead of posting it.
    pub fn submit<F>(self, send: impl Fn(BTreeMap<String, String>) -> F + Clone + 'static) -> impl Fn(ev::SubmitEvent) + Clone + 'static
    where
        F: Future<Output = Result<Option<String>, Failure>> + 'static,
    {
        move |event: ev::SubmitEvent| {
            event.prevent_default();
            let typed = texts(&event);
            self.failure.set(None);
            self.done.set(None);
            self.wrong.set(FieldErrors::new());
            self.typed.set(typed.clone());
            let answer = send(typed);
            leptos::task::spawn_local(async move { self.settle(answer.await) });
        }
    }

    fn settle(self, answer: Result<Option<String>, Failure>) {
        match answer {
            Ok(done) => {
                self.typed.set(BTreeMap::new());
                self.touched.set(false);
                self.done.set(done);
                self.changed.update(|changed| *changed += 1);
            }
            Err(Failure(Refusal::Invalid { fields })) => self.wrong.set(fields),
            Err(failure) => {
                // What somebody else changed is shown beside what was typed, which is kept.
                let conflict = matches!(failure, Failure(Refusal::Conflict { .. }));
                self.failure.set(Some(failure));
                if conflict {
                    self.changed.update(|changed| *changed += 1);
                }
            }
        }
    }

    /// Asks `ask` what a form would do whenever it has rested for a moment; an answer that was overtaken is dropped.
    pub fn follow<T, F>(self, ask: fn(BTreeMap<String, String>) -> F, into: RwSignal<T>) -> impl FnMut(ev::Event) + 'static
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, Failure>> + 'static,
    {
        let newest = StoredValue::new(0_u64);
        let mut rested = debounce(PAUSE, move |typed: BTreeMap<String, String>| {
            newest.update_value(|newest| *newest += 1);
            let mine = newest.get_value();
            leptos::task::spawn_local(async move {
                let answer = ask(typed).await;
                if newest.try_get_value() == Some(mine) {
                    match answer {
                        Ok(answer) => into.set(answer),
                        Err(failure) => self.failure.set(Some(failure)),
                    }
                }
            });
        });
        move |event: ev::Event| rested(texts(&event))
    }
}

/// Why something was not done, or that it was.
#[component]
pub fn Outcome(desk: Desk) -> impl IntoView {
    view! {
        <Problem failure=desk.failure/>
        {move || desk.done.get().map(|done| view! { <Banner tone=Tone::Good>{done}</Banner> })}
    }
    .into_any()
}
