//! What changed between two texts, line by line: the fewest lines taken out and put in.

use serde::{Deserialize, Serialize};

/// More lines than this on either side are not compared: all of the old are shown as taken out and all of the new as put in.
const MOST: usize = 400;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is in both.
    Same,
    /// It is in the new text alone.
    Added,
    /// It is in the old text alone.
    Removed,
}

/// A line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What became of it.
    pub kind: Kind,
    /// The line.
    pub text: String,
}

/// Compares two texts; nothing is the empty text. JSON is laid out first, a value a line, so that a change in one field is a
/// change of one line.
pub fn compare(before: Option<&str>, after: Option<&str>) -> Vec<Line> {
    let (before, after) = (lines(before), lines(after));
    if before.len() > MOST || after.len() > MOST {
        let removed = before.into_iter().map(|text| Line { kind: Kind::Removed, text });
        return removed.chain(after.into_iter().map(|text| Line { kind: Kind::Added, text })).collect();
    }
    shortest(&before, &after)
}

fn lines(text: Option<&str>) -> Vec<String> {
    let Some(text) = text else { return Vec::new() };
    let laid_out = serde_json::from_str::<serde_json::Value>(text).and_then(|value| match value {
        serde_json::Value::Null => Ok(String::new()),
        value => serde_json::to_string_pretty(&value),
    });
    laid_out.unwrap_or_else(|_| text.to_owned()).lines().map(str::to_owned).collect()
}

/// By the longest common subsequence: `common[i][j]` is its length for what is left from line i and line j on.
fn shortest(before: &[String], after: &[String]) -> Vec<Line> {
    let mut common = vec![vec![0_u16; after.len() + 1]; before.len() + 1];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            common[i][j] = if before[i] == after[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::with_capacity(before.len().max(after.len()));
    while i < before.len() || j < after.len() {
        let kind = if i < before.len() && j < after.len() && before[i] == after[j] {
            Kind::Same
        } else if j == after.len() || (i < before.len() && common[i + 1][j] >= common[i][j + 1]) {
            Kind::Removed
        } else {
            Kind::Added
        };
        let text = if kind == Kind::Added { after[j].clone() } else { before[i].clone() };
        i += usize::from(kind != Kind::Added);
        j += usize::from(kind != Kind::Removed);
        out.push(Line { kind, text });
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(before: Option<&str>, after: Option<&str>) -> Vec<String> {
        let sign = |kind| match kind {
            Kind::Same => ' ',
            Kind::Added => '+',
            Kind::Removed => '-',
        };
        compare(before, after).into_iter().map(|line| format!("{}{}", sign(line.kind), line.text)).collect()
    }

    #[test]
    fn a_changed_field_is_one_line_out_and_one_in() {
        let lines = drawn(Some(r#"{"cpu":"4","gpu":"1"}"#), Some(r#"{"cpu":"4","gpu":"2"}"#));
        assert_eq!(lines, [" {", "   \"cpu\": \"4\",", "-  \"gpu\": \"1\"", "+  \"gpu\": \"2\"", " }"]);
    }

    #[test]
    fn what_was_nothing_is_all_new_and_what_becomes_nothing_is_all_gone() {
        assert_eq!(drawn(None, Some("\"admin\"")), ["+\"admin\""]);
        assert_eq!(drawn(Some("\"admin\""), Some("null")), ["-\"admin\""]);
        assert_eq!(drawn(None, None), Vec::<String>::new());
        assert_eq!(drawn(Some("no JSON"), Some("no JSON")), [" no JSON"]);
    }

    #[test]
    fn texts_too_long_to_compare_are_shown_one_after_the_other() {
        let long = "line\n".repeat(MOST + 1);
        let lines = compare(Some(&long), Some("line"));
        assert_eq!(lines.iter().filter(|line| line.kind == Kind::Removed).count(), MOST + 1);
        assert_eq!(lines.last().map(|line| line.kind), Some(Kind::Added));
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_the_comparison(before in "[ab\n]{0,24}", after in "[ab\n]{0,24}") {
            let lines = compare(Some(&before), Some(&after));
            let without = |kind| lines.iter().filter(|line| line.kind != kind).map(|line| line.text.as_str()).collect::<Vec<_>>();
            prop_assert_eq!(without(Kind::Added), before.lines().collect::<Vec<_>>());
            prop_assert_eq!(without(Kind::Removed), after.lines().collect::<Vec<_>>());
        }
    }
}
