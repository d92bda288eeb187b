//! Tailwind's order of rules, which decides which of two wins. ironframe 1.0.0 has another: `odd:` after `hover:`, `dark:` before
//! `sm:`, `max-w-96` before `max-w-3xl`. Rules are sorted by variants, then by the properties that they declare, then by name.

use std::cmp::Reverse;

use crate::class;

/// Properties in Tailwind's order: its `property-order.ts`, as version 4.3.5 has it.
const PROPERTIES: &str = include_str!("properties.txt");

/// Variants in Tailwind's order.
const VARIANTS: &[&str] = &[
    "*",
    "**",
    "not",
    "group",
    "peer",
    "first-letter",
    "first-line",
    "marker",
    "selection",
    "file",
    "placeholder",
    "backdrop",
    "details-content",
    "before",
    "after",
    "first",
    "last",
    "only",
    "odd",
    "even",
    "first-of-type",
    "last-of-type",
    "only-of-type",
    "visited",
    "target",
    "open",
    "default",
    "checked",
    "indeterminate",
    "placeholder-shown",
    "autofill",
    "optional",
    "required",
    "valid",
    "invalid",
    "user-valid",
    "user-invalid",
    "in-range",
    "out-of-range",
    "read-only",
    "empty",
    "focus-within",
    "hover",
    "focus",
    "focus-visible",
    "active",
    "enabled",
    "disabled",
    "inert",
    "in",
    "has",
    "aria",
    "data",
    "nth",
    "nth-last",
    "nth-of-type",
    "nth-last-of-type",
    "supports",
    "motion-safe",
    "motion-reduce",
    "contrast-more",
    "contrast-less",
    "max",
    "min",
    "portrait",
    "landscape",
    "ltr",
    "rtl",
    "dark",
    "starting",
    "print",
    "forced-colors",
    "inverted-colors",
    "pointer",
    "any-pointer",
    "noscript",
    "[",
];

/// Tailwind's breakpoints, in rem.
const BREAKPOINTS: [(&str, f64); 5] = [("sm", 40.0), ("md", 48.0), ("lg", 64.0), ("xl", 80.0), ("2xl", 96.0)];

/// A variant's place: in the list, then among its like, then by name.
type Rank = (usize, i64, String);

fn place(name: &str) -> usize {
    VARIANTS.iter().position(|variant| *variant == name).unwrap_or(VARIANTS.len())
}

/// A breakpoint's width in rem.
fn width(name: &str) -> Option<f64> {
    if let Some((_, width)) = BREAKPOINTS.iter().find(|(breakpoint, _)| *breakpoint == name) {
        return Some(*width);
    }
    let value = name.strip_prefix('[')?.strip_suffix(']')?;
    match value.strip_suffix("px") {
        Some(pixels) => pixels.parse::<f64>().ok().map(|pixels| pixels / 16.0),
        None => value.strip_suffix("rem")?.parse().ok(),
    }
}

fn rank(variant: &str) -> Rank {
    #[expect(clippy::cast_possible_truncation, reason = "widths are small")]
    let thousandths = |rem: f64| (rem * 1000.0) as i64;
    let name = variant.split('/').next().unwrap_or(variant);
    if let Some(rem) = name.strip_prefix("max-").and_then(width) {
        return (place("max"), -thousandths(rem), variant.to_owned());
    }
    if let Some(rem) = width(name.strip_prefix("min-").unwrap_or(name)) {
        return (place("min"), thousandths(rem), variant.to_owned());
    }
    if VARIANTS.contains(&name) {
        return (place(name), 0, variant.to_owned());
    }
    for prefix in ["not-", "group-", "peer-", "in-", "has-"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return (place(prefix.trim_end_matches('-')), i64::try_from(rank(rest).0).unwrap_or(0) + 1, variant.to_owned());
        }
    }
    for prefix in ["nth-last-of-type-", "nth-of-type-", "nth-last-", "nth-", "aria-", "data-", "supports-", "any-pointer-", "pointer-"] {
        if name.starts_with(prefix) {
            return (place(prefix.trim_end_matches('-')), i64::from(name.contains('[')), variant.to_owned());
        }
    }
    (place("["), 0, variant.to_owned())
}

/// What Tailwind sorts rules by, the first that differs deciding.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Places of the variants, the last of them first.
    variants: Vec<Rank>,
    /// Places of the properties, in order; a list that goes on comes before one that has ended.
    properties: Vec<usize>,
    declarations: Reverse<usize>,
    /// The name, its numbers compared as such.
    name: Vec<(u32, u64, String)>,
}

impl Key {
    fn of(rule: &str) -> Self {
        let name = class::first_of(rule);
        let (variants, utility) = class::split(&name);
        let mut variants: Vec<Rank> = variants.into_iter().map(rank).collect();
        variants.sort_unstable_by(|a, b| b.cmp(a));
        let declared: Vec<&str> = declared(rule).collect();
        let names = stands_for(utility).map_or_else(|| declared.clone(), |name| vec![name]);
        let mut properties: Vec<usize> =
            names.into_iter().filter_map(|name| PROPERTIES.lines().position(|property| property == name)).collect();
        properties.sort_unstable();
        properties.dedup();
        properties.push(usize::MAX);
        Self { variants, properties, declarations: Reverse(declared.len()), name: natural(&name) }
    }
}

/// The properties that a rule declares, those in nested rules included.
fn declared(rule: &str) -> impl Iterator<Item = &str> {
    let lines = rule.lines().map(str::trim).filter(|line| line.ends_with(';'));
    lines.filter_map(|line| line.split_once(':')).map(|(property, _)| property.trim())
}

/// The property that some utilities are sorted as, whatever they declare.
fn stands_for(utility: &str) -> Option<&'static str> {
    let starts = [
        ("space-x-", "row-gap"),
        ("space-y-", "column-gap"),
        ("divide-x", "divide-x-width"),
        ("divide-y", "divide-y-width"),
        ("divide-", "divide-color"),
    ];
    if utility == "container" {
        return Some("--tw-container-component");
    }
    starts.into_iter().find(|(start, _)| utility.starts_with(start)).map(|(_, property)| property)
}

/// A name such that `w-5` is before `w-14`.
fn natural(name: &str) -> Vec<(u32, u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (part, after) = rest.split_at(digits.max(c.len_utf8()));
        let number = if digits > 0 { part.parse().unwrap_or(u64::MAX) } else { 0 };
        parts.push((if digits > 0 { u32::from('0') } else { u32::from(c) }, number, part.to_owned()));
        rest = after;
    }
    parts
}

/// Brings the rules of the layer `utilities` into order.
pub fn reorder(css: &str) -> String {
    const HEAD: &str = "\n@layer utilities {\n";
    let Some(head) = css.find(HEAD) else { return css.to_owned() };
    let body = head + HEAD.len();
    let (rules, end) = rules(css, body);
    let mut rules: Vec<&str> = rules.into_iter().map(|rule| rule.trim_start_matches('\n')).collect();
    rules.sort_by_cached_key(|rule| Key::of(rule));
    format!("{}{}\n{}", &css[..body], rules.join("\n"), &css[end..])
}

/// The top-level rules from `body` on, and where the layer that holds them ends.
fn rules(css: &str, body: usize) -> (Vec<&str>, usize) {
    let (mut depth, mut from, mut found, mut quote) = (0_i32, body, Vec::new(), None);
    for (index, c) in css[body..].char_indices() {
        let index = body + index;
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') if depth > 0 => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth < 0 {
                    return (found, index);
                }
                if depth == 0 {
                    found.push(&css[from..=index]);
                    from = index + 1;
                }
            }
            (Some(_) | None, _) => {}
        }
    }
    (found, css.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(rules: &[&str]) -> Vec<String> {
        let css = format!("\n@layer utilities {{\n{}\n}}\n", rules.join("\n"));
        reorder(&css).lines().filter(|line| line.starts_with('.')).map(class::first_of).collect()
    }

    #[test]
    fn variants_are_in_tailwinds_order() {
        let rule = |class: &str| format!(".{} {{\na: b;\n}}", class::escape(class));
        let rules = ["md:p-1", "hover:p-1", "p-1", "sm:p-1", "odd:p-1", "max-md:p-1"].map(rule);
        let order = sorted(&rules.each_ref().map(String::as_str));
        assert_eq!(order, ["p-1", "odd:p-1", "hover:p-1", "max-md:p-1", "sm:p-1", "md:p-1"]);
    }

    #[test]
    fn properties_decide_then_how_many_then_the_name() {
        let rules = [
            ".w-14 {\nwidth: 56px;\n}",
            ".size-3 {\nwidth: 12px;\nheight: 12px;\n}",
            ".w-5 {\nwidth: 20px;\n}",
            ".p-2 {\npadding: 8px;\n}",
            ".px-2 {\npadding-inline: 8px;\n}",
            ".truncate {\noverflow: hidden;\ntext-overflow: ellipsis;\nwhite-space: nowrap;\n}",
            ".overflow-auto {\noverflow: auto;\n}",
        ];
        assert_eq!(sorted(&rules), ["size-3", "w-5", "w-14", "truncate", "overflow-auto", "p-2", "px-2"]);
    }
}
