//! Sign in. A plain form: it works before any script has arrived.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    parts::{badge::Tone, banner::Banner, style},
    paths,
};

/// The form to sign in; a refusal brings it back with the name filled in.
#[component]
pub fn SignIn() -> impl IntoView {
    let query = use_query_map();
    let read = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    view! {
        <Title text="Sign in"/>
        <Card title="Sign in">
            {move || {
                let error = read("error");
                (!error.is_empty()).then(|| view! { <Banner tone=Tone::Bad>{error}</Banner> })
            }}
            <form method="post" action=paths::POST_SIGN_IN class="flex flex-col gap-4">
                <input type="hidden" name="next" value=move || read("next")/>
                <label class="flex flex-col gap-1 text-table font-medium">
                    "Name"
                    <input class=style::INPUT name="name" value=move || read("name") autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64"/>
                </label>
                <label class="flex flex-col gap-1 text-table font-medium">
                    "Password"
                    <input class=style::INPUT type="password" name="password" autocomplete="current-password" required maxlength="1024"/>
                </label>
                <button type="submit" class=style::PRIMARY><span class="flex-1 text-center">"Sign in"</span></button>
            </form>
            <p class="text-table text-ink-soft">"No account, or no password any more? An admin gives you a one-time link on the People page"</p>
        </Card>
    }
}

/// A narrow card in the middle, for the pages before signing in.
#[component]
pub fn Card(
    /// The page's title.
    title: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="flex min-h-screen items-start justify-center px-4 pt-[12vh]">
            <section class="flex w-full max-w-sm flex-col gap-5 rounded border border-line bg-surface p-6">
                <div class="flex items-center gap-2 text-body font-semibold">
                    <svg class="size-5 shrink-0" viewBox="0 0 32 32" aria-hidden="true">
                        <rect class="fill-accent" width="32" height="32" rx="7"/>
                        <path class="fill-accent-ink" d="M6 20h20l-4 5H10zM15 6v12H8zM17.500 9v9h6.500z"/>
                    </svg>
                    "Slipway"
                </div>
                <h1 class="text-title font-semibold">{title}</h1>
                {children()}
            </section>
        </div>
    }
}
