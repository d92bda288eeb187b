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
/// Nodes: two machines, one above the other.
pub const NODES: &str = "M2 2.500h12v4.500H2zM2 9h12v4.500H2zM4.500 4.750h2M4.500 11.250h2";
/// People.
pub const PEOPLE: &str = "M6 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5M1.500 13.500c.5-3 2-4 4.500-4s4 1 4.500 4M11 8.200a2.200 2.200 0 1 0-1-4.200M12 10c1.500.3 2.300 1.500 2.500 3.500";
/// Quotas: bars, one of them full.
pub const QUOTAS: &str = "M2 4h12M2 8h7M2 12h10M14 7v2M14 11v2";
/// Priorities: who goes first is on top.
pub const PRIORITIES: &str = "M8 2v12M4.500 5.500 8 2l3.500 3.500M3 10h2M3 13h2M11 10h2M11 13h2";
/// Teams: three houses of one street.
pub const TEAMS: &str = "M2 13.500V7l2-2 2 2v6.500M6 13.500v-10l2-2 2 2v10M10 13.500V7l2-2 2 2v6.500M1 13.500h14";
/// The audit log: a page with lines.
pub const AUDIT: &str = "M4 2h6l3 3v9H4zM6.500 7h4M6.500 9.500h4M6.500 12h2";
/// Plus.
pub const PLUS: &str = "M8 3v10M3 8h10";
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
