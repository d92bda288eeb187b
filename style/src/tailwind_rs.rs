//! The declarations that tailwind-rs-core says right, and nothing else of it: its selectors are not escaped, its colours and
//! sizes are not the theme's, and some utilities are silently wrong. So `tailwind_rs.txt` lists the utilities that may be taken
//! from it. `tests/it/conformance.rs` holds that each of them agrees with Tailwind's own program, and that each in use that does
//! is on the list.

use tailwind_rs_core::CssGenerator;

/// The utilities that are taken from tailwind-rs-core, one a line.
const ALLOWED: &str = include_str!("tailwind_rs.txt");

/// tailwind-rs-core, made once: it holds some eighty parsers.
#[derive(Debug)]
pub struct TailwindRs(CssGenerator);

impl Default for TailwindRs {
    fn default() -> Self {
        Self(CssGenerator::new())
    }
}

impl TailwindRs {
    /// The declarations of a utility on the list.
    pub fn declarations(&self, utility: &str) -> Option<String> {
        allowed().any(|allowed| allowed == utility).then(|| self.claims(utility)).flatten()
    }

    /// What tailwind-rs-core says of a utility, right or wrong; none where it does not know it.
    pub fn claims(&self, utility: &str) -> Option<String> {
        let properties = self.0.class_to_properties(utility).ok().filter(|properties| !properties.is_empty())?;
        let declaration = |name: &str, value: &str, important| format!("{name}: {value}{};", if important { " !important" } else { "" });
        let lines: Vec<String> =
            properties.iter().map(|property| declaration(&property.name, &property.value, property.important)).collect();
        Some(lines.join("\n"))
    }
}

/// The list.
pub fn allowed() -> impl Iterator<Item = &'static str> {
    ALLOWED.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_says_nothing_twice() {
        let list: Vec<&str> = allowed().collect();
        assert!(list.is_sorted_by(|a, b| a < b), "{list:?}");
    }

    #[test]
    fn only_what_is_on_the_list_is_taken() {
        let library = TailwindRs::default();
        assert_eq!(library.declarations("flex").as_deref(), Some("display: flex;"));
        // It says a height in the place of a width.
        assert_eq!(library.claims("w-screen").as_deref(), Some("width: 100vh;"));
        assert_eq!(library.declarations("w-screen"), None);
    }
}
