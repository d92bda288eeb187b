//! What the questions come to: what is still wrong, or whether it will run and the YAML of what will be applied.

use leptos::prelude::*;

use super::{
    Draft,
    outlook::{Outlook, outlook, tone_of},
    questions::label,
};
use crate::parts::{
    badge::{Shape, Tone},
    copy::Copy,
    number, style,
};

/// The answer beside the questions.
#[component]
pub fn Answer(draft: Draft) -> impl IntoView {
    let wrong = Memo::new(move |_| {
        let mut wrong = draft.preview.with(|preview| preview.errors.clone());
        draft.refused.with(|refused| wrong.extend(refused.iter().map(|(name, sentence)| (name.clone(), sentence.clone()))));
        wrong
    });
    let yaml = Memo::new(move |_| draft.preview.with(|preview| preview.yaml.clone()));
    let outlook = outlook(draft);
    let tone = Signal::derive(move || match (wrong.with(std::collections::BTreeMap::is_empty), outlook.get()) {
        (false, _) => Tone::Warn,
        (true, None) => Tone::Good,
        (true, Some(answer)) => tone_of(&answer.outcome),
    });
    view! {
        <section class="flex min-w-0 flex-col rounded border border-line bg-surface" aria-label="What will be applied">
            <div class="flex items-center gap-2 border-b border-line px-3 py-2 text-table font-medium" role="status">
                <span class=move || tone.get().text()><Shape tone/></span>
                {move || match wrong.with(std::collections::BTreeMap::len) {
                    0 => outlook.with(|answer| answer.as_ref().map_or_else(|| "Ready to launch".to_owned(), |answer| answer.outcome.to_string())),
                    count => format!("{} to mend", number::counted(count as u64, "thing", "things")),
                }}
            </div>
            {move || {
                let wrong = wrong.get();
                (!wrong.is_empty())
                    .then(|| {
                        view! {
                            <ul class="flex flex-col gap-1.5 border-b border-line px-3 py-2 text-table">
                                {wrong
                                    .into_iter()
                                    .map(|(name, sentence)| {
                                        view! {
                                            <li class="break-words">
                                                {(!name.is_empty()).then(|| view! { <a class=style::LINK rel="external" href=format!("#{name}")>{label(&name)}</a>": " })}
                                                {sentence}
                                            </li>
                                        }
                                    })
                                    .collect_view()}
                            </ul>
                        }
                    })
            }}
            <Outlook draft answer=outlook/>
            <div class="flex items-center gap-2 px-3 py-1">
                <h2 class="flex-1 text-table font-medium">"What will be applied"</h2>
                <Show when=move || yaml.with(Option::is_some)>
                    <Copy text=Signal::derive(move || yaml.get().unwrap_or_default()) what="the YAML"/>
                </Show>
            </div>
            {move || match yaml.get() {
                Some(yaml) => view! { <pre class="max-h-[60vh] overflow-auto border-t border-line p-3 font-mono text-mono focus-visible:outline-2 focus-visible:outline-accent" tabindex="0" role="region" aria-label="YAML">{yaml}</pre> }.into_any(),
                None => view! { <p class="border-t border-line p-3 text-table text-ink-soft">"The Job is shown here as soon as nothing is left to mend"</p> }.into_any(),
            }}
        </section>
    }
}
