//! A log: follows, searches, breaks lines, and stays fluent at a million lines, because only what is in view is drawn and only
//! what is near is fetched. Without a script it is a page of lines with links to the others.

mod reader;
mod window;

use leptos::{ev, prelude::*};
use slipway_domain::run::view::{LogPage, LogQuery};

pub use reader::Load;
use reader::{Reader, Shown};

use super::{number, style, text, time::absolute};

/// Characters of a line that are drawn; the file has them all.
const LONGEST: usize = 4_000;

/// A container's output.
#[component]
pub fn LogView(
    /// Fetches lines.
    load: Load,
    /// Which stream, as every fetch asks for it.
    base: LogQuery,
    /// What the server answered first.
    page: LogPage,
    /// Lines there are, as the stream tells.
    #[prop(into)]
    lines: Signal<Option<u64>>,
    /// Whether more lines may come.
    #[prop(into)]
    grows: Signal<bool>,
    /// Whether long lines are broken at first.
    wrap: bool,
    /// Buttons that belong to the page, at the right of the bar.
    children: Children,
) -> impl IntoView {
    let following = base.from.is_none();
    let reader = Reader::new(load, base, &page, wrap, following);
    Effect::new(move |_| {
        if let Some(lines) = lines.get() {
            reader.grow(lines);
        }
    });
    Effect::new(move |_| {
        // Drawn anew when the elements are there, and when lines are broken or no longer.
        let _ = (reader.scroller.get(), reader.wrap.get());
        reader.draw();
        if reader.following.get_untracked() {
            reader.to_end();
        }
    });
    #[cfg(feature = "hydrate")]
    {
        let handle = window_event_listener(ev::resize, move |_| reader.draw());
        on_cleanup(move || handle.remove());
    }
    let needle = Memo::new(move |_| reader.search.with(|search| search.as_ref().map(|search| search.needle.clone()).unwrap_or_default()));
    view! {
        <div class="flex min-h-0 flex-col rounded border border-line bg-surface">
            <div class="flex flex-wrap items-center gap-2 border-b border-line p-2">
                <Finder reader/>
                <button type="button" class=style::QUIET aria-pressed=move || reader.wrap.get().to_string() on:click=move |_| reader.wrap.update(|wrap| *wrap = !*wrap)>
                    {move || if reader.wrap.get() { "Lines broken" } else { "Break lines" }}
                </button>
                <span class="flex-1"></span>
                <span class="text-table text-ink-soft tabular-nums">{move || number::counted(reader.lines.get(), "line", "lines")}</span>
                {children()}
            </div>
            {move || reader.problem.get().map(|problem| view! { <p class="border-b border-line px-3 py-1.5 text-table text-bad" role="alert">{problem}</p> })}
            <div
                class="relative h-[65vh] overflow-auto focus-visible:outline-2 focus-visible:-outline-offset-2 focus-visible:outline-accent"
                node_ref=reader.scroller
                tabindex="0"
                role="region"
                aria-label="Log lines"
                on:scroll=move |_| reader.scrolled()
                on:keydown=move |event: ev::KeyboardEvent| match event.key().as_str() {
                    "Home" => reader.to_start(),
                    "End" => reader.to_end(),
                    _ => {}
                }
            >
                <div node_ref=reader.spacer></div>
                <div class="top-0 left-0 min-w-full font-mono text-mono" class=("w-full", move || reader.wrap.get()) node_ref=reader.drawn>
                    <For each=move || reader.shown.get() key=|shown| (shown.number, shown.line.is_some()) let:shown>
                        <Line shown reader needle/>
                    </For>
                </div>
            </div>
            <div class="flex items-center gap-2 border-t border-line px-2 py-1 text-table text-ink-soft">
                <button type="button" class=style::QUIET on:click=move |_| reader.to_start()>"First line"</button>
                <button type="button" class=style::QUIET on:click=move |_| reader.to_end()>"Last line"</button>
                <span class="flex-1"></span>
                <span role="status">{move || standing(grows.get(), reader.following.get())}</span>
            </div>
        </div>
    }
}

/// Whether the view moves on with the log, in words.
fn standing(grows: bool, following: bool) -> &'static str {
    match (grows, following) {
        (false, _) => "Complete: no more lines will come",
        (true, true) => "Follows new lines",
        (true, false) => "Stands still; go to the last line to follow",
    }
}

/// A line: its number, its time on hover, its text with what was searched for marked.
#[component]
fn Line(shown: Shown, reader: Reader, needle: Memo<String>) -> impl IntoView {
    let number = shown.number;
    let (title, text, cut) = match &shown.line {
        Some(line) => {
            let plain = text::plain(&line.text);
            let (kept, cut) = text::cut(&plain, LONGEST);
            (absolute(line.at), kept.to_owned(), cut)
        }
        None => (String::new(), "…".to_owned(), 0),
    };
    view! {
        <div
            class="flex min-h-[18px] gap-3 pr-4"
            class=("bg-canvas", move || reader.marked() == Some(number))
            class=("whitespace-pre", move || !reader.wrap.get())
            class=("whitespace-pre-wrap", move || reader.wrap.get())
        >
            <span class="w-16 shrink-0 text-right text-ink-faint select-none" title=title>{number::count(number + 1)}</span>
            <span class="min-w-0">
                {move || marked(&text, &needle.get())}
                {(cut > 0).then(|| view! { <span class="text-ink-soft">{format!(" … {}; download the log to see them", number::counted(cut as u64, "more character", "more characters"))}</span> })}
            </span>
        </div>
    }
}

/// The text with every place marked that holds the needle, without regard to ASCII case, as the server searches.
fn marked(text: &str, needle: &str) -> AnyView {
    if needle.is_empty() {
        return text.to_owned().into_any();
    }
    parts(text, needle)
        .into_iter()
        .map(|(part, hit)| if hit { view! { <mark class="bg-accent text-accent-ink">{part}</mark> }.into_any() } else { part.into_any() })
        .collect_view()
        .into_any()
}

fn parts(text: &str, needle: &str) -> Vec<(String, bool)> {
    let (lower, needle) = (text.to_ascii_lowercase(), needle.to_ascii_lowercase());
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(found) = lower[from..].find(&needle) {
        let (start, end) = (from + found, from + found + needle.len());
        if start > from {
            out.push((text[from..start].to_owned(), false));
        }
        out.push((text[start..end].to_owned(), true));
        from = end;
    }
    if from < text.len() {
        out.push((text[from..].to_owned(), false));
    }
    out
}

/// Looks for a text in the whole log.
#[component]
fn Finder(reader: Reader) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let wanted = typed.get_untracked();
        let again = reader.search.with_untracked(|search| search.as_ref().is_some_and(|search| search.needle == wanted));
        if again { reader.next(true) } else { reader.look_for(wanted) }
    };
    let found = move || {
        reader.search.with(|search| {
            search.as_ref().map(|search| match search.hits.len() {
                0 => "no line has it".to_owned(),
                _ if search.matches >= 10_000 => format!("{} of 10,000 or more", number::count(search.at as u64 + 1)),
                _ => format!("{} of {}", number::count(search.at as u64 + 1), number::count(search.matches)),
            })
        })
    };
    let nothing = move || reader.search.with(|search| search.as_ref().is_none_or(|search| search.hits.is_empty()));
    view! {
        <form class="flex items-center gap-1.5" on:submit=submit role="search" aria-label="Log">
            <input
                class=format!("{} max-w-52", style::INPUT)
                type="search"
                aria-label="Find in the log"
                placeholder="Find…"
                on:input=move |event| {
                    let text = event_target_value(&event);
                    if text.is_empty() {
                        reader.look_for(String::new());
                    }
                    typed.set(text);
                }
            />
            <button type="button" class=style::QUIET disabled=nothing title="The match before" on:click=move |_| reader.next(false)>"↑"<span class="sr-only">"The match before"</span></button>
            <button type="button" class=style::QUIET disabled=nothing title="The match after" on:click=move |_| reader.next(true)>"↓"<span class="sr-only">"The match after"</span></button>
            <span class="text-table text-ink-soft tabular-nums" role="status">{found}</span>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::{parts, standing};

    #[test]
    fn a_log_that_has_ended_follows_nothing() {
        assert_eq!(standing(false, true), standing(false, false));
        assert!(!standing(false, true).contains("ollow"), "{}", standing(false, true));
    }

    #[test]
    fn every_place_is_marked_whatever_its_case() {
        let marked: Vec<String> = parts("Error: no error", "ERROR").into_iter().filter(|(_, hit)| *hit).map(|(part, _)| part).collect();
        assert_eq!(marked, ["Error", "error"]);
    }

    #[test]
    fn text_that_is_not_ascii_stays_whole() {
        let parts = parts("für Ärger", "r");
        assert_eq!(parts.iter().map(|(part, _)| part.as_str()).collect::<String>(), "für Ärger");
    }
}
