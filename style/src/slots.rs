//! Rules whose declarations are not ironframe's. It still writes the rule around them, with its selectors and conditions: in the
//! place of `md:hover:flex` it is asked for `md:hover:[--slot-7:0]`, an arbitrary property, and what it writes is renamed and filled.

use std::collections::BTreeMap;

use crate::{class, mend, tailwind_rs::TailwindRs};

/// Utilities that are filled in after ironframe, each with its number and its declarations.
#[derive(Debug, Default)]
pub struct Slots {
    library: TailwindRs,
    filled: BTreeMap<String, (usize, String)>,
}

impl Slots {
    /// What ironframe is asked for, for a class.
    pub fn ask(&mut self, class: &str) -> String {
        let utility = class::utility(class);
        let Some(declarations) = mend::declarations(utility).map(str::to_owned).or_else(|| self.library.declarations(utility)) else {
            return class.to_owned();
        };
        let next = self.filled.len();
        let (number, _) = self.filled.entry(utility.to_owned()).or_insert((next, declarations));
        format!("{}[--slot-{number}:0]", class.strip_suffix(utility).unwrap_or_default())
    }

    /// Gives the rules their names and declarations.
    pub fn fill(&self, css: &str) -> String {
        let mut css = css.to_owned();
        for (utility, (number, declarations)) in &self.filled {
            css = css.replace(&format!("\\[--slot-{number}\\:0\\]"), &class::escape(utility));
            css = css.replace(&format!("--slot-{number}: 0;"), declarations);
        }
        css
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_its_variants_and_gets_its_name_back() {
        let mut slots = Slots::default();
        assert_eq!(slots.ask("p-[3px]"), "p-[3px]", "that is ironframe's");
        let asked = slots.ask("md:touch-pan-y");
        assert_eq!(asked, "md:[--slot-0:0]");
        let css = slots.fill(".md\\:\\[--slot-0\\:0\\] {\n  @media (width >= 48rem) {\n    --slot-0: 0;\n  }\n}");
        assert!(css.starts_with(".md\\:touch-pan-y {") && css.contains("touch-action: ") && !css.contains("slot"), "{css}");
    }
}
