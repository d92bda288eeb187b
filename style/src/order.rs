//! Tailwind's cascade order of variants. ironframe 1.0.0 writes them in another (`odd:` after `hover:`, `dark:` before `sm:`),
//! which changes which rule wins. Utilities within one set of variants keep the order that ironframe gave them.

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

/// A variant's place: in the list, then among its like.
type Rank = (usize, i64);

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
        return (place("max"), -thousandths(rem));
    }
    if let Some(rem) = width(name.strip_prefix("min-").unwrap_or(name)) {
        return (place("min"), thousandths(rem));
    }
    if VARIANTS.contains(&name) {
        return (place(name), 0);
    }
    for prefix in ["not-", "group-", "peer-", "in-", "has-"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return (place(prefix.trim_end_matches('-')), i64::try_from(rank(rest).0).unwrap_or(0) + 1);
        }
    }
    for prefix in ["nth-last-of-type-", "nth-of-type-", "nth-last-", "nth-", "aria-", "data-", "supports-", "any-pointer-", "pointer-"] {
        if name.starts_with(prefix) {
            return (place(prefix.trim_end_matches('-')), i64::from(name.contains('[')));
        }
    }
    (place("["), 0)
}

/// The variants of a class: what stands before colons outside brackets.
fn variants(class: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0_i32, 0, Vec::new());
    for (index, c) in class.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ':' if depth == 0 => {
                found.push(&class[from..index]);
                from = index + 1;
            }
            _ => {}
        }
    }
    found
}

fn key(class: &str) -> Vec<Rank> {
    let mut key: Vec<Rank> = variants(class).into_iter().map(rank).collect();
    key.sort_unstable_by(|a, b| b.cmp(a));
    key
}

/// The first class of a selector, without its escapes.
fn class_of(selector: &str) -> String {
    let mut class = String::new();
    let mut rest = selector.trim_start().strip_prefix('.').unwrap_or("").chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            if !(c.is_alphanumeric() || "-_".contains(c)) {
                break;
            }
            class.push(c);
            continue;
        }
        let mut hex = String::new();
        while let Some(digit) = rest.peek().filter(|c| c.is_ascii_hexdigit() && (!hex.is_empty() || c.is_ascii_digit())) {
            hex.push(*digit);
            rest.next();
        }
        if hex.is_empty() {
            class.extend(rest.next());
        } else {
            rest.next_if_eq(&' ');
            class.extend(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32));
        }
    }
    class
}

/// Brings the rules of the layer `utilities` into order.
pub fn reorder(css: &str) -> String {
    const HEAD: &str = "\n@layer utilities {\n";
    let Some(head) = css.find(HEAD) else { return css.to_owned() };
    let body = head + HEAD.len();
    let (rules, end) = rules(css, body);
    let mut keyed: Vec<(Vec<Rank>, &str)> = rules.into_iter().map(|rule| (key(&class_of(rule)), rule)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let sorted: Vec<&str> = keyed.into_iter().map(|(_, rule)| rule.trim_start_matches('\n')).collect();
    format!("{}{}\n{}", &css[..body], sorted.join("\n"), &css[end..])
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

    #[test]
    fn variants_are_in_tailwinds_order() {
        let css =
            "\n@layer utilities {\n.md\\:p-1{a:b}\n.hover\\:p-1{a:b}\n.p-1{a:b}\n.sm\\:p-1{a:b}\n.odd\\:p-1{a:b}\n.max-md\\:p-1{a:b}\n}\n";
        let order: Vec<String> = reorder(css).lines().filter(|line| line.starts_with('.')).map(class_of).collect();
        assert_eq!(order, ["p-1", "odd:p-1", "hover:p-1", "max-md:p-1", "sm:p-1", "md:p-1"]);
    }
}
