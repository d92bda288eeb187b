//! Where a one-time link leads: a name is confirmed and a first password set.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use slipway_domain::session::MIN_PASSWORD;

use super::sign_in::Card;
use crate::{
    parts::{badge::Tone, banner::Banner, style},
    paths,
};

/// The form behind a one-time link.
#[component]
pub fn Welcome() -> impl IntoView {
    let query = use_query_map();
    let read = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    view! {
        <Title text="Welcome"/>
        <Card title="Welcome to Slipway">
            {move || {
                let error = read("error");
                (!error.is_empty()).then(|| view! { <Banner tone=Tone::Bad>{error}</Banner> })
            }}
            {move || {
                if read("token").is_empty() {
                    view! {
                        <p class="text-body">"This address lacks its one-time code. Open the whole link that you were given, or ask an admin for a new one"</p>
                        <a class=style::BUTTON href=paths::SIGN_IN>"Go to sign in"</a>
                    }
                        .into_any()
                } else {
                    view! {
                        <p class="text-body text-ink-soft">"Choose the password you will sign in with. This link works once"</p>
                        <form method="post" action=paths::POST_WELCOME class="flex flex-col gap-4">
                            <input type="hidden" name="token" value=move || read("token")/>
                            <div class="flex flex-col gap-1 text-table">
                                <label class="font-medium" for="name">"Name"</label>
                                <input class=style::INPUT id="name" name="name" value=move || read("name") autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64" aria-describedby="name-hint"/>
                                <span id="name-hint" class="text-ink-soft">"2 to 32 of a–z, 0–9, dot, dash and underscore, as the admin who invited you wrote it"</span>
                            </div>
                            <div class="flex flex-col gap-1 text-table">
                                <label class="font-medium" for="password">"Password"</label>
                                <input class=style::INPUT type="password" id="password" name="password" autocomplete="new-password" required minlength=MIN_PASSWORD.to_string() maxlength="1024" aria-describedby="password-hint"/>
                                <span id="password-hint" class="text-ink-soft">"At least "{MIN_PASSWORD}" characters; long is better than odd"</span>
                            </div>
                            <label class="flex flex-col gap-1 text-table font-medium">
                                "Password again"
                                <input class=style::INPUT type="password" name="password_again" autocomplete="new-password" required maxlength="1024"/>
                            </label>
                            <button type="submit" class=style::PRIMARY><span class="flex-1 text-center">"Set password and sign in"</span></button>
                        </form>
                    }
                        .into_any()
                }
            }}
        </Card>
    }
}
