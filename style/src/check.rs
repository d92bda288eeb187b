//! Every class must have a rule, and every colour that a rule reads must be in the theme.

use crate::{class, scan::Classes};

/// Fails with a line for each class in a `class=` that no rule was made for.
pub fn every_class_has_a_rule(css: &str, classes: &Classes) -> Result<(), String> {
    let mut wrong: Vec<String> =
        classes.certain().filter(|(class, _)| !has_rule(css, class)).map(|(class, at)| format!("{at}: unknown class `{class}`")).collect();
    for (at, _) in css.match_indices("var(--color-") {
        let name: String = css[at + 4..].chars().take_while(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        if !css.contains(&format!("{name}:")) {
            let colour = name.trim_start_matches("--color-");
            let user = classes
                .certain()
                .find(|(class, _)| class.contains(colour))
                .map_or_else(String::new, |(class, at)| format!("{at}: `{class}`: "));
            wrong.push(format!("{user}the theme has no colour `{colour}`"));
        }
    }
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Whether a style sheet has a rule for a class.
pub fn has_rule(css: &str, class: &str) -> bool {
    let selector = format!(".{}", class::escape(class));
    let continues = |c: char| c.is_alphanumeric() || "-_\\".contains(c);
    css.match_indices(&selector).any(|(at, _)| !css[at + selector.len()..].starts_with(continues))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_by_its_whole_escaped_name() {
        let css = r".p-1\.5{padding:6px}.md\:w-\[37px\]{width:37px}.\32 xl\:p-2{padding:8px}";
        for class in ["p-1.5", "md:w-[37px]", "2xl:p-2"] {
            assert!(has_rule(css, class), "{class}");
        }
        assert!(!has_rule(css, "p-1") && !has_rule(css, "md:w"));
    }
}
