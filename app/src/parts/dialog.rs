//! A dialog, only for what cannot be undone. It is part of the URL: without a script it is a box in the page, with one it is
//! modal; leaving it is a link back.

use leptos::{ev, html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::style;

/// Asks before something is done.
#[component]
pub fn Dialog(
    /// What will be done, as a question.
    #[prop(into)]
    title: String,
    /// Where leaving it leads.
    #[prop(into)]
    back: String,
    /// What will happen, and the button that does it.
    children: Children,
) -> impl IntoView {
    let element = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(element) = element.get() {
            // A page that is opened by a link is drawn before it is in the document, where alone a dialog can be modal.
            request_animation_frame(move || {
                element.close();
                if element.show_modal().is_err() {
                    element.set_open(true);
                }
            });
        }
    });
    let navigate = use_navigate();
    let leave = back.clone();
    let cancel = move |event: ev::Event| {
        event.prevent_default();
        navigate(&leave, NavigateOptions { scroll: false, ..NavigateOptions::default() });
    };
    view! {
        <dialog node_ref=element open class="w-full max-w-md rounded border border-line-strong bg-raised p-5 text-ink" aria-labelledby="dialog-title" on:cancel=cancel>
            <h2 id="dialog-title" class="text-body font-semibold">{title}</h2>
            <div class="mt-2 flex flex-col gap-4 text-body">
                {children()}
                <a class=style::BUTTON href=back autofocus><span class="flex-1 text-center">"Leave it as it is"</span></a>
            </div>
        </dialog>
    }
}
