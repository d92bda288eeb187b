//! Icons as inline SVG: 16 pixels, drawn in the colour of the text, hidden from screen readers (the word stands beside them).

use leptos::prelude::*;

/// A stroke icon by its path.
#[component]
pub fn Icon(
    /// What to draw, one of this module's constants.
    path: &'static str,
) -> impl IntoView {
    view! {
        <svg class="size-4 shrink-0" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d=path/>
        </svg>
    }
}

/// Runs: curves going down.
pub const RUNS: &str = "M2 2v12h12M5 6c2 5 4 5 8 5.500";
/// People.
pub const PEOPLE: &str = "M6 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5M1.500 13.500c.5-3 2-4 4.500-4s4 1 4.500 4M11 8.200a2.200 2.200 0 1 0-1-4.200M12 10c1.500.3 2.300 1.500 2.500 3.500";
/// One person.
pub const PERSON: &str = "M8 8a2.700 2.700 0 1 0 0-5.400A2.700 2.700 0 0 0 8 8M2.800 14c.6-3.200 2.300-4.200 5.200-4.200s4.600 1 5.200 4.200";
/// Plus.
pub const PLUS: &str = "M8 3v10M3 8h10";
/// Search.
pub const SEARCH: &str = "M7 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10M10.700 10.700 14 14";
/// Copy.
pub const COPY: &str = "M6 6h7v8H6zM4 10H3V2h7v2";
/// Sun and moon.
pub const THEME: &str = "M8 2v12a6 6 0 0 0 0-12M8 2a6 6 0 0 0 0 12";
/// Arrow down to a line.
pub const DOWNLOAD: &str = "M8 2v8M4.500 7 8 10.500 11.500 7M3 14h10";
/// Arrow up.
pub const UP: &str = "M8 13V3M4 7l4-4 4 4";
/// Arrow down.
pub const DOWN: &str = "M8 3v10M4 9l4 4 4-4";
/// Chevron down.
pub const MORE: &str = "M4 6l4 4 4-4";
/// Check mark.
pub const CHECK: &str = "M3 8.500 6.500 12 13 4.500";
