//! Light or dark: as the system says, until a person chooses. The choice is a cookie, so that the server renders the page in
//! it at once and no script must run before the first paint.

use leptos::prelude::*;

use super::BAR_BUTTON;
use crate::parts::icon::{Icon, THEME};

#[cfg(feature = "ssr")]
const COOKIE: &str = "theme";

/// The theme that the request's cookie names, for the document's root.
pub fn chosen() -> Option<&'static str> {
    #[cfg(feature = "ssr")]
    {
        let parts = use_context::<axum::http::request::Parts>()?;
        let cookies = parts.headers.get_all(axum::http::header::COOKIE);
        let mut pairs = cookies.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        pairs.find_map(|pair| match pair.trim().split_once('=')? {
            (COOKIE, "dark") => Some("dark"),
            (COOKIE, "light") => Some("light"),
            _ => None,
        })
    }
    #[cfg(not(feature = "ssr"))]
    None
}

/// Goes from one theme to the other.
#[component]
pub fn Switch() -> impl IntoView {
    let switch = move |_| {
        #[cfg(feature = "hydrate")]
        flip();
    };
    view! {
        <button type="button" class=BAR_BUTTON title="Light or dark" on:click=switch>
            <Icon path=THEME/>
            <span class="sr-only">"Light or dark"</span>
        </button>
    }
}

#[cfg(feature = "hydrate")]
fn flip() {
    use wasm_bindgen::JsValue;
    let Some(root) = document().document_element() else { return };
    let dark = match root.get_attribute("data-theme") {
        Some(theme) => theme == "dark",
        None => window().match_media("(prefers-color-scheme: dark)").ok().flatten().is_some_and(|query| query.matches()),
    };
    let theme = if dark { "light" } else { "dark" };
    let _ = root.set_attribute("data-theme", theme);
    let cookie = format!("theme={theme}; path=/; max-age=31536000; samesite=lax");
    let _ = js_sys::Reflect::set(&document(), &JsValue::from_str("cookie"), &JsValue::from_str(&cookie));
}
