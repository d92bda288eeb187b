//! A button that copies a text. Without a script there is no clipboard, so the text itself always stands beside it.

use leptos::prelude::*;

use super::{
    icon::{COPY, Icon},
    style,
};

/// Copies a text to the clipboard and says so.
#[component]
pub fn Copy(
    /// What is copied.
    #[prop(into)]
    text: Signal<String>,
    /// What it is, as in "Copy the link".
    what: &'static str,
) -> impl IntoView {
    let said = RwSignal::new("Copy");
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        write(&text.get_untracked(), said);
        #[cfg(not(feature = "hydrate"))]
        let _ = (text, said);
    };
    view! {
        <button type="button" class=style::QUIET on:click=copy title=format!("Copy {what}")>
            <Icon path=COPY/>
            <span aria-live="polite">{move || said.get()}</span>
            <span class="sr-only">{what}</span>
        </button>
    }
}

/// Writes to the clipboard, which a browser offers only over HTTPS and on localhost.
#[cfg(feature = "hydrate")]
fn write(text: &str, said: RwSignal<&'static str>) {
    use wasm_bindgen::{JsValue, closure::Closure};
    let navigator = window().navigator();
    if js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard")).is_ok_and(|clipboard| clipboard.is_undefined()) {
        said.set("Select it and copy by hand");
        return;
    }
    let done = Closure::once_into_js(move |_: JsValue| {
        said.set("Copied");
        set_timeout(move || said.set("Copy"), std::time::Duration::from_secs(2));
    });
    let promise = navigator.clipboard().write_text(text);
    if let Ok(then) = js_sys::Reflect::get(&promise, &JsValue::from_str("then")) {
        let _ = js_sys::Function::from(then).call1(&promise, &done);
    }
}
