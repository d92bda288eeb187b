//! Where ironframe 1.0.0 differs from Tailwind, put right.

/// Utilities that ironframe says otherwise than Tailwind does, with Tailwind's declarations.
const DECLARATIONS: &[(&str, &str)] = &[
    // It undoes `clip`, but `sr-only` sets `clip-path`: what came into focus stayed hidden.
    (
        "not-sr-only",
        "position: static;\nwidth: auto;\nheight: auto;\npadding: 0;\nmargin: 0;\noverflow: visible;\nclip-path: none;\nwhite-space: normal;",
    ),
    // These two are parts of one property, which others of their kind are added to.
    (
        "tabular-nums",
        "--tw-numeric-spacing: tabular-nums;\nfont-variant-numeric: var(--tw-ordinal,) var(--tw-slashed-zero,) var(--tw-numeric-figure,) \
         var(--tw-numeric-spacing,) var(--tw-numeric-fraction,);",
    ),
    ("touch-pan-y", "--tw-pan-y: pan-y;\ntouch-action: var(--tw-pan-x,) var(--tw-pan-y,) var(--tw-pinch-zoom,);"),
];

/// Tailwind's declarations of a utility that ironframe gets wrong.
pub fn declarations(utility: &str) -> Option<&'static str> {
    DECLARATIONS.iter().find(|(name, _)| *name == utility).map(|(_, declarations)| *declarations)
}

/// Mends the selectors of a whole style sheet.
pub fn selectors(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    for line in css.lines() {
        let rule = line.trim_start();
        let indent = &line[..line.len() - rule.len()];
        out.push_str(indent);
        out.push_str(&true_states(&escaped_digit(rule)));
        out.push('\n');
    }
    out
}

/// A leading digit is left as it is (`.2xl\:p-4`), which is no selector.
fn escaped_digit(rule: &str) -> String {
    let digit = rule.strip_prefix('.').and_then(|rest| rest.chars().next()).filter(char::is_ascii_digit);
    match digit {
        Some(digit) if rule.ends_with('{') => format!(".\\{:x} {}", u32::from(digit), &rule[2..]),
        Some(_) | None => rule.to_owned(),
    }
}

/// `aria-invalid:` is said of every element that has the attribute, also where it is `false`.
fn true_states(rule: &str) -> String {
    let state = rule.strip_prefix("&[aria-").and_then(|rest| rest.strip_suffix("] {")).filter(|name| !name.contains('='));
    state.map_or_else(|| rule.to_owned(), |name| format!("&[aria-{name}=\"true\"] {{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_as_tailwind_has_them() {
        let mended = selectors(".2xl\\:p-4 {\n  &[aria-invalid] {\n  &[aria-current=page] {\n");
        assert_eq!(mended, ".\\32 xl\\:p-4 {\n  &[aria-invalid=\"true\"] {\n  &[aria-current=page] {\n");
    }
}
