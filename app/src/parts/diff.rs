//! What changed, line by line: a sign, a colour and the line. Screen readers hear what became of it.

use leptos::prelude::*;
use slipway_domain::diff::{Kind, Line};

/// The lines of a comparison.
#[component]
pub fn Diff(
    /// In the order of the text.
    lines: Vec<Line>,
) -> impl IntoView {
    let line = |Line { kind, text }: Line| {
        let (sign, class, said) = match kind {
            Kind::Same => ("  ", "text-ink-soft", ""),
            Kind::Added => ("+ ", "text-good", "added: "),
            Kind::Removed => ("− ", "text-bad", "removed: "),
        };
        view! {
            <span class=class><span aria-hidden="true">{sign}</span><span class="sr-only">{said}</span>{text}"\n"</span>
        }
    };
    view! {
        <pre class="overflow-x-auto rounded border border-line bg-canvas p-2 font-mono text-mono">{lines.into_iter().map(line).collect_view()}</pre>
    }
}
