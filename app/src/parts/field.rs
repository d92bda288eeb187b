//! A question of a form: its label, a hint, the input, and beside it what is wrong. Each input has a name, so that the form posts
//! without a script too.

use leptos::{
    html::{self, ElementType},
    prelude::*,
    web_sys::{Element, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement, wasm_bindgen::JsCast},
};

use super::style;

/// The label, the hint and the error around an input.
#[component]
fn Around(name: &'static str, label: &'static str, hint: &'static str, error: Signal<Option<String>>, children: Children) -> impl IntoView {
    view! {
        <div class="flex min-w-0 flex-col gap-1">
            <label class="text-table font-medium" for=name>{label}</label>
            {children()}
            {move || error.get().map(|error| view! { <p class="flex gap-1.5 text-table text-bad" id=format!("{name}-error")><span aria-hidden="true">"✕"</span><span>{error}</span></p> })}
            {(!hint.is_empty()).then(|| view! { <p class="text-table text-ink-soft" id=format!("{name}-hint")>{hint}</p> })}
        </div>
    }
}

/// Which texts explain an input.
fn described_by(
    name: &'static str,
    hint: &'static str,
    error: Signal<Option<String>>,
) -> impl Fn() -> Option<String> + Send + Sync + 'static {
    move || match (error.with(Option::is_some), hint.is_empty()) {
        (true, true) => Some(format!("{name}-error")),
        (true, false) => Some(format!("{name}-error {name}-hint")),
        (false, false) => Some(format!("{name}-hint")),
        (false, true) => None,
    }
}

/// Keeps an input and its value equal. What somebody typed before the script took the page over is theirs: the input differs from
/// how it was drawn (`drawn`), and whoever listens to it is told now, by the event that was missed. From then on the input follows
/// the value.
fn bind<E>(
    element: NodeRef<E>,
    drawn: fn(&E::Output) -> String,
    shown: fn(&E::Output) -> String,
    show: fn(&E::Output, &str),
    value: Signal<String>,
    missed: &'static str,
) where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + AsRef<Element> + 'static,
{
    Effect::new(move |before: Option<Option<String>>| {
        let element = element.get()?;
        let (text, typed) = (value.get(), shown(&element));
        let before = before.flatten();
        if before.is_none() && typed != drawn(&element) {
            tell(element.as_ref(), missed);
        } else if typed != text && before.as_ref() != Some(&text) {
            show(&element, &text);
        }
        Some(text)
    });
}

/// Tells whoever listens to an input, or to the form around it.
fn tell(element: &Element, missed: &str) {
    if let Ok(event) = document().create_event("Event") {
        event.init_event_with_bubbles(missed, true);
        let _ = element.dispatch_event(&event);
    }
}

/// Keeps a line of text and its value equal, and what was typed before the script came.
pub fn bind_text(input: NodeRef<html::Input>, value: Signal<String>) {
    bind(input, HtmlInputElement::default_value, HtmlInputElement::value, HtmlInputElement::set_value, value, "input");
}

/// Keeps a choice and its value equal, and what was chosen before the script came.
pub fn bind_choice(select: NodeRef<html::Select>, value: Signal<String>) {
    let drawn = |select: &HtmlSelectElement| {
        let first = || select.query_selector("option").ok().flatten();
        let option = select.query_selector("option[selected]").ok().flatten().or_else(first);
        option.and_then(|option| option.get_attribute("value")).unwrap_or_else(|| select.value())
    };
    bind(select, drawn, HtmlSelectElement::value, HtmlSelectElement::set_value, value, "change");
}

/// Keeps a box, or one of several buttons, checked as its value says, and as it was checked before the script came. Such a button
/// tells of that too when another was chosen in its place: it is then not checked.
pub fn bind_check(input: NodeRef<html::Input>, value: impl Fn() -> bool + Send + Sync + 'static) {
    let drawn = |input: &HtmlInputElement| word(input.default_checked());
    let shown = |input: &HtmlInputElement| word(input.checked());
    let show = |input: &HtmlInputElement, text: &str| input.set_checked(!text.is_empty());
    bind(input, drawn, shown, show, Signal::derive(move || word(value())), "change");
}

fn word(checked: bool) -> String {
    if checked { "on".to_owned() } else { String::new() }
}

/// A line of text or a number.
#[component]
pub fn Line(
    /// The form's name for it.
    name: &'static str,
    /// The question.
    label: &'static str,
    /// What a good answer is.
    #[prop(optional)]
    hint: &'static str,
    /// The unit, at the right.
    #[prop(optional)]
    unit: &'static str,
    /// What is in it.
    #[prop(into)]
    value: Signal<String>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// What was typed.
    #[prop(into)]
    on_input: Callback<String>,
    /// What is offered, as a `datalist`.
    #[prop(optional)]
    offers: Vec<String>,
) -> impl IntoView {
    let list = (!offers.is_empty()).then(|| format!("{name}-offers"));
    let input = NodeRef::<html::Input>::new();
    bind_text(input, value);
    view! {
        <Around name label hint error>
            <div class="flex items-center gap-2">
                <input
                    node_ref=input
                    class=style::INPUT
                    id=name
                    name=name
                    value=move || value.get()
                    on:input=move |event| on_input.run(event_target_value(&event))
                    aria-invalid=move || error.with(Option::is_some).then_some("true")
                    aria-describedby=described_by(name, hint, error)
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    list=list.clone()
                />
                {(!unit.is_empty()).then(|| view! { <span class="text-table whitespace-nowrap text-ink-soft">{unit}</span> })}
            </div>
            {list.map(|id| view! { <datalist id=id>{offers.into_iter().map(|offer| view! { <option value=offer></option> }).collect_view()}</datalist> })}
        </Around>
    }
}

/// Several lines.
#[component]
pub fn Lines(
    /// The form's name for it.
    name: &'static str,
    /// The question.
    label: &'static str,
    /// What a good answer is.
    #[prop(optional)]
    hint: &'static str,
    /// What is in it.
    #[prop(into)]
    value: Signal<String>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// What was typed.
    #[prop(into)]
    on_input: Callback<String>,
) -> impl IntoView {
    let area = NodeRef::<html::Textarea>::new();
    let drawn = |area: &HtmlTextAreaElement| area.default_value().unwrap_or_else(|_| area.value());
    bind(area, drawn, HtmlTextAreaElement::value, HtmlTextAreaElement::set_value, value, "input");
    view! {
        <Around name label hint error>
            <textarea
                node_ref=area
                class=style::AREA
                id=name
                name=name
                rows="4"
                on:input=move |event| on_input.run(event_target_value(&event))
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described_by(name, hint, error)
                spellcheck="false"
            >
                {value.get_untracked()}
            </textarea>
        </Around>
    }
}

/// One of several.
#[component]
pub fn Choice(
    /// The form's name for it.
    name: &'static str,
    /// The question.
    label: &'static str,
    /// What a good answer is.
    #[prop(optional)]
    hint: &'static str,
    /// Values and what a person reads.
    options: Vec<(String, String)>,
    /// What is chosen.
    #[prop(into)]
    value: Signal<String>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// What was chosen.
    #[prop(into)]
    on_input: Callback<String>,
) -> impl IntoView {
    let now = value.get_untracked();
    let mut options = options;
    // What a clone asks for is kept even where the cluster no longer offers it; the answer beside the form says so.
    if !options.iter().any(|(known, _)| *known == now) {
        options.push((now.clone(), now));
    }
    let select = NodeRef::<html::Select>::new();
    bind_choice(select, value);
    view! {
        <Around name label hint error>
            <select
                node_ref=select
                class=style::INPUT
                id=name
                name=name
                on:change=move |event| on_input.run(event_target_value(&event))
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described_by(name, hint, error)
            >
                {options
                    .into_iter()
                    .map(|(word, label)| {
                        let chosen = value.get_untracked() == word;
                        view! { <option value=word selected=chosen>{label}</option> }
                    })
                    .collect_view()}
            </select>
        </Around>
    }
}
