//! What stands where there is nothing yet: what to do first, with the button.

use leptos::prelude::*;

/// An empty state.
#[component]
pub fn Empty(
    /// What is not there, in a few words.
    #[prop(into)]
    title: String,
    /// What to do first.
    #[prop(into)]
    hint: String,
    /// The button.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="flex flex-col items-center gap-2 px-4 py-12 text-center">
            <p class="text-body font-medium">{title}</p>
            <p class="max-w-md text-table text-ink-soft">{hint}</p>
            {children.map(|children| view! { <div class="mt-2 flex gap-2">{children()}</div> })}
        </div>
    }
}
