//! Forms whose fields depend on the cluster: what stands in them by the names of their fields, as a browser would post it, and
//! their inputs. The browser holds what is typed; whoever makes the form gives what it begins with.

use std::collections::BTreeMap;

use leptos::{ev, prelude::*};

use super::style;

/// What stands in the form that an event is from; nothing while the server renders.
#[cfg(not(feature = "hydrate"))]
pub fn texts(_event: &ev::Event) -> BTreeMap<String, String> {
    BTreeMap::new()
}

/// What stands in the form that an event is from.
#[cfg(feature = "hydrate")]
pub fn texts(event: &ev::Event) -> BTreeMap<String, String> {
    use wasm_bindgen::JsCast;
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let form = element.and_then(|element| element.closest("form").ok().flatten()).and_then(|form| form.dyn_into().ok());
    let data = form.and_then(|form| web_sys::FormData::new_with_form(&form).ok());
    let pairs = data.and_then(|data| js_sys::try_iter(&data).ok().flatten());
    let read = |pair: wasm_bindgen::JsValue| {
        let pair = js_sys::Array::from(&pair);
        Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
    };
    pairs.into_iter().flatten().filter_map(|pair| read(pair.ok()?)).collect()
}

/// What a form carries without showing it.
pub fn hidden(fields: &[(&'static str, &str)]) -> AnyView {
    let input = |(name, text): &(&'static str, &str)| view! { <input type="hidden" name=*name value=(*text).to_owned()/> };
    fields.iter().map(input).collect_view().into_any()
}

/// One line of text in a cell of a table, with what is wrong below it.
#[component]
pub fn Cell(
    /// The form's word, which keeps ids apart.
    form: &'static str,
    /// The field.
    name: String,
    /// What it is, for screen readers.
    label: String,
    /// What it begins with.
    text: String,
    /// What is wrong with it.
    error: Signal<Option<String>>,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let described = format!("{id}-error");
    let below = described.clone();
    view! {
        <input
            class=style::INPUT
            id=id
            name=name
            value=text
            aria-label=label
            aria-invalid=move || error.with(Option::is_some).then_some("true")
            aria-describedby=move || error.with(Option::is_some).then(|| described.clone())
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
        />
        {move || error.get().map(|error| view! { <p class="flex gap-1.5 text-table text-bad" id=below.clone()><span aria-hidden="true">"✕"</span><span>{error}</span></p> })}
    }
    .into_any()
}

/// A question with its label, a hint, and what is wrong below it.
#[component]
pub fn Asked(
    /// The form's word, which keeps ids apart.
    form: &'static str,
    /// The field.
    name: &'static str,
    /// The question.
    label: &'static str,
    /// What a good answer is.
    #[prop(optional)]
    hint: &'static str,
    /// What it begins with.
    text: String,
    /// What is wrong with it.
    error: Signal<Option<String>>,
    /// What there is to choose from: values and what a person reads. With none it is a line of text.
    #[prop(optional)]
    choices: Vec<(String, String)>,
    /// The kind of input, such as `date`.
    #[prop(optional)]
    kind: &'static str,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let (error_id, hint_id) = (format!("{id}-error"), format!("{id}-hint"));
    let described = {
        let hint_id = (!hint.is_empty()).then(|| hint_id.clone());
        let error_id = error_id.clone();
        move || {
            let ids = error.with(Option::is_some).then(|| error_id.clone()).into_iter().chain(hint_id.clone());
            Some(ids.collect::<Vec<_>>().join(" ")).filter(|ids| !ids.is_empty())
        }
    };
    let invalid = move || error.with(Option::is_some).then_some("true");
    let input = if choices.is_empty() {
        let kind = if kind.is_empty() { "text" } else { kind };
        view! { <input class=style::INPUT id=id.clone() name=name type=kind value=text aria-invalid=invalid aria-describedby=described autocomplete="off" spellcheck="false"/> }.into_any()
    } else {
        let option = |(value, words): (String, String)| view! { <option selected=value == text value=value>{words}</option> };
        let options = choices.into_iter().map(option).collect_view();
        view! { <select class=style::INPUT id=id.clone() name=name aria-invalid=invalid aria-describedby=described>{options}</select> }
            .into_any()
    };
    view! {
        <div class="flex min-w-0 flex-col gap-1">
            <label class="text-table font-medium" for=id>{label}</label>
            {input}
            {move || error.get().map(|error| view! { <p class="flex gap-1.5 text-table text-bad" id=error_id.clone()><span aria-hidden="true">"✕"</span><span>{error}</span></p> })}
            {(!hint.is_empty()).then(|| view! { <p class="text-table text-ink-soft" id=hint_id>{hint}</p> })}
        </div>
    }
    .into_any()
}
