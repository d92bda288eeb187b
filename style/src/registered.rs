//! `@property` for the variables by which utilities work together (`--tw-…`), so that no element inherits them. ironframe writes
//! every one that it knows and misses some in use; here are those in use, as Tailwind has it.

use std::collections::{BTreeMap, BTreeSet};

/// Writes the registrations anew. They are at the style sheet's end.
pub fn only_used(css: &str) -> String {
    let Some(end) = css.find("\n@property ") else { return css.to_owned() };
    let (rules, tail) = css.split_at(end);
    let known: BTreeMap<&str, &str> = tail.split("\n@property ").filter_map(|block| block.split_once('}')?.0.split_once(" {")).collect();
    let fallback = tail.find("\n@layer properties").map_or("", |at| &tail[at..]);
    let mut out = rules.to_owned();
    let mut initial = String::new();
    for name in variables(rules) {
        let body = known.get(name).copied().unwrap_or("\n  syntax: \"*\";\n  inherits: false;\n");
        out.push_str(&format!("\n@property {name} {{{body}}}"));
        let value = body.lines().find_map(|line| line.trim().strip_prefix("initial-value: ")).unwrap_or("initial;");
        initial.push_str(&format!("{name}: {value}\n"));
    }
    // For browsers that do not know `@property`; what stands around the declarations says which those are.
    let kept: Vec<&str> = fallback.lines().filter(|line| !line.trim().starts_with("--tw-")).collect();
    let at = kept.iter().position(|line| line.contains("::backdrop")).map_or(0, |at| at + 1);
    let (head, foot) = kept.split_at(at);
    format!("{out}\n{}\n{initial}{}\n", head.join("\n"), foot.join("\n"))
}

/// The `--tw-…` variables that rules set or read.
fn variables(rules: &str) -> BTreeSet<&str> {
    let name = |(at, _)| {
        let rest = &rules[at..];
        &rest[..rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len())]
    };
    rules.match_indices("--tw-").map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_registered_and_nothing_else() {
        let css = ".a {\n  --tw-x: var(--tw-y,);\n}\n@property --tw-x {\n  syntax: \"*\";\n  inherits: false;\n  initial-value: 0;\n}\n\
                   @property --tw-z {\n  syntax: \"*\";\n  inherits: false;\n}\n@layer properties {\n  @supports (a: b) {\n    \
                   *, ::backdrop {\n      --tw-x: 0;\n      --tw-z: initial;\n    }\n  }\n}\n";
        let made = only_used(css);
        assert_eq!(made.matches("@property").count(), 2, "{made}");
        assert!(made.contains("@property --tw-y {\n  syntax: \"*\";") && !made.contains("--tw-z"), "{made}");
        assert!(made.contains("*, ::backdrop {\n--tw-x: 0;\n--tw-y: initial;\n"), "{made}");
        assert_eq!(made.matches('{').count(), made.matches('}').count(), "{made}");
    }
}
