//! One's own account: the password, and where one is signed in.

use leptos::{ev, prelude::*};
use leptos_meta::Title;
use slipway_domain::{
    refusal::{FieldErrors, Refusal},
    session::{MIN_PASSWORD, SessionRow},
};

use super::refused::{Problem, Refused};
use crate::{
    api::{
        self, Failure,
        sessions::{Me as Signed, change_password, end_sessions, list_sessions},
        wire,
    },
    parts::{badge::Tone, banner::Banner, field::bind_text, style, time::Ago},
    paths,
};

/// The page of one's own account.
#[component]
pub fn Me() -> impl IntoView {
    let me = use_context::<Signed>();
    let posted = api::posted().unwrap_or_default();
    let failure = RwSignal::new(posted.refusal.clone().filter(|refusal| !matches!(refusal, Refusal::Invalid { .. })).map(Failure));
    let done = RwSignal::new(posted.done);
    let wrong = RwSignal::new(match posted.refusal {
        Some(Refusal::Invalid { fields }) => fields,
        _ => FieldErrors::new(),
    });
    let changed = RwSignal::new(0_u32);
    let sessions = wire::shown(move || changed.get(), |_| list_sessions());
    view! {
        <Title text="Your account"/>
        <div class="mx-auto flex max-w-4xl flex-col gap-5">
            <div>
                <h1 class="text-title font-semibold">{me.as_ref().map(|me| me.name.to_string())}</h1>
                <p class="text-table text-ink-soft">{me.as_ref().map(roles)}</p>
            </div>
            <Problem failure/>
            {move || done.get().map(|done| view! { <Banner tone=Tone::Good>{done}</Banner> })}
            <Password wrong failure done/>
            <section class="flex flex-col gap-2">
                <div class="flex items-center gap-3">
                    <h2 class="flex-1 text-body font-semibold">"Sessions"</h2>
                    <End handle=None text="End all others" failure changed/>
                </div>
                <Transition>
                    {move || Suspend::new(async move {
                        match sessions.await {
                            Err(failure) => view! { <Refused failure/> }.into_any(),
                            Ok(sessions) => view! { <ul class="rounded border border-line bg-surface text-table">{sessions.into_iter().map(|session| view! { <Session session failure changed/> }).collect_view()}</ul> }.into_any(),
                        }
                    })}
                </Transition>
            </section>
        </div>
    }
}

fn roles(me: &Signed) -> String {
    let mut words: Vec<String> = me.roles.iter().map(|(team, role)| format!("{role} in {team}")).collect();
    if me.platform_admin {
        words.insert(0, "platform admin".to_owned());
    }
    if words.is_empty() { "In no team yet; ask an admin to add you to one".to_owned() } else { words.join(", ") }
}

#[component]
fn Password(wrong: RwSignal<FieldErrors>, failure: RwSignal<Option<Failure>>, done: RwSignal<Option<String>>) -> impl IntoView {
    let (old, new, again) = (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        done.set(None);
        failure.set(None);
        wrong.set(FieldErrors::new());
        if new.get_untracked() != again.get_untracked() {
            wrong.update(|wrong| {
                wrong.insert("again".to_owned(), "The two new passwords differ; type the same twice".to_owned());
            });
            return;
        }
        leptos::task::spawn_local(async move {
            match change_password(old.get_untracked(), new.get_untracked()).await {
                Ok(()) => {
                    for typed in [old, new, again] {
                        typed.set(String::new());
                    }
                    done.set(Some("Password changed; your other sessions have ended".to_owned()));
                }
                Err(Failure(Refusal::Invalid { fields })) => wrong.set(fields),
                Err(refused) => failure.set(Some(refused)),
            }
        });
    };
    let field = move |name: &'static str, label: &'static str, complete: &'static str, typed: RwSignal<String>, hint: Option<String>| {
        let error = Memo::new(move |_| wrong.with(|wrong| wrong.get(name).cloned()));
        let hinted = hint.is_some();
        let input = NodeRef::new();
        bind_text(input, typed.into());
        view! {
            <div class="flex flex-col gap-1">
                <label class="text-table font-medium" for=name>{label}</label>
                <input
                    class=style::INPUT
                    id=name
                    name=name
                    type="password"
                    autocomplete=complete
                    required
                    maxlength="1024"
                    node_ref=input
                    on:input=move |event| typed.set(event_target_value(&event))
                    aria-invalid=move || error.with(Option::is_some).then_some("true")
                    aria-describedby=move || if error.with(Option::is_some) { Some(format!("{name}-error")) } else { hinted.then(|| format!("{name}-hint")) }
                />
                {move || error.get().map(|error| view! { <p class="text-table text-bad" id=format!("{name}-error")>"✕ "{error}</p> })}
                {hint.map(|hint| view! { <p class="text-table text-ink-soft" id=format!("{name}-hint")>{hint}</p> })}
            </div>
        }
    };
    let whole = move || wrong.with(|wrong| wrong.get("").cloned());
    view! {
        <form method="post" action=paths::ME on:submit=submit class="flex max-w-md flex-col gap-3 rounded border border-line bg-surface p-4">
            <h2 class="text-body font-semibold">"Change password"</h2>
            <input type="hidden" name="do" value="password"/>
            {move || whole().map(|sentence| view! { <p class="text-table text-bad">"✕ "{sentence}</p> })}
            {field("old", "Password now", "current-password", old, None)}
            {field("new", "New password", "new-password", new, Some(format!("At least {MIN_PASSWORD} characters; long is better than odd")))}
            {field("again", "New password again", "new-password", again, None)}
            <div><button type="submit" class=style::BUTTON>"Change password"</button></div>
        </form>
    }
}

#[component]
fn Session(session: SessionRow, failure: RwSignal<Option<Failure>>, changed: RwSignal<u32>) -> impl IntoView {
    view! {
        <li class="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-3 py-2 last:border-b-0">
            <span class="min-w-0 flex-1 basis-64">
                <span class="block truncate font-medium" title=session.agent.clone()>{browser(&session.agent)}</span>
                <span class="block text-ink-soft">"from "{session.address}", signed in "<Ago at=Signal::stored(session.signed_in)/></span>
            </span>
            <span class="text-ink-soft">"used "<Ago at=Signal::stored(session.last_seen)/></span>
            <span class="text-ink-soft">"ends "<Ago at=Signal::stored(session.expires)/></span>
            {if session.current {
                view! { <span class="font-medium text-good">"● this one"</span> }.into_any()
            } else {
                view! { <End handle=Some(session.handle) text="End" failure changed/> }.into_any()
            }}
        </li>
    }
}

/// The browser and system that an agent string names, as people call them.
fn browser(agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = find(&[("Firefox/", "Firefox"), ("Edg/", "Edge"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")]);
    let system = find(&[("Android", "Android"), ("iPhone", "iPhone"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux")]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) if agent.is_empty() => "An unnamed browser".to_owned(),
        (None, _) => agent.to_owned(),
    }
}

/// Ends a session, or all but this one.
#[component]
fn End(handle: Option<String>, text: &'static str, failure: RwSignal<Option<Failure>>, changed: RwSignal<u32>) -> impl IntoView {
    let ended = handle.clone();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let ended = ended.clone();
        leptos::task::spawn_local(async move {
            match end_sessions(ended).await {
                Ok(()) => changed.update(|changed| *changed += 1),
                Err(refused) => failure.set(Some(refused)),
            }
        });
    };
    view! {
        <form method="post" action=paths::ME on:submit=submit class="contents">
            <input type="hidden" name="do" value="end"/>
            <input type="hidden" name="handle" value=handle.unwrap_or_default()/>
            <button type="submit" class=style::BUTTON>{text}</button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_called_by_its_name() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/17.0 Safari/605.1.15"), "Safari on macOS");
        assert_eq!(browser(""), "An unnamed browser");
        assert_eq!(browser("kubectl"), "kubectl");
    }
}
