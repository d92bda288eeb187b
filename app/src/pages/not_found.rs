//! A URL that names nothing.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    parts::{empty::Empty, style},
    paths,
};

/// There is no such page.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <Title text="Not found"/>
        <h1 class="sr-only">"Not found"</h1>
        <Empty title="There is no page at this address" hint="It may have been typed wrong, or what it showed was deleted">
            <a class=style::BUTTON href=paths::RUNS>"Go to the runs"</a>
        </Empty>
    }
}
