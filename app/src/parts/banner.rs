//! A strip that says what is wrong with what is shown, what it means and what to do.

use leptos::prelude::*;

use super::badge::{Shape, Tone};

/// A sentence across the page.
#[component]
pub fn Banner(
    /// How bad it is.
    tone: Tone,
    /// The sentence, and perhaps a button.
    children: Children,
) -> impl IntoView {
    let urgent = tone == Tone::Bad;
    view! {
        <div class="flex items-start gap-2 rounded border border-line-strong bg-surface px-3 py-2 text-body" role=if urgent { "alert" } else { "status" }>
            <span class=format!("mt-1 {}", tone.text())><Shape tone/></span>
            <div class="min-w-0 flex-1 break-words">{children()}</div>
        </div>
    }
}
