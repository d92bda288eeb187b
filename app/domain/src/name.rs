//! Names that Kubernetes accepts: RFC 1123 labels.
//!
//! Parsed once at the door; a [`DnsLabel`] that exists can stand in any object's name. A refusal names the character by its code
//! point and never echoes it, because a right-to-left or control character in a message would garble the sentence around it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 1 to 63 of `a-z 0-9 -`, beginning and ending with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsLabel(String);

/// Why a text is no name. Displays as a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("A name is missing; write one such as digits-1")]
    Empty,
    /// Too many characters.
    #[error("A name has at most {most} characters; this one has {has}")]
    TooLong {
        /// The most there may be.
        most: usize,
        /// How many there are.
        has: usize,
    },
    /// A character that may not stand where it stands.
    #[error("A name has only a–z, 0–9 and dashes; character {position} is {character}")]
    Character {
        /// From 1.
        position: usize,
        /// The character in words.
        character: String,
    },
    /// A dash at an end.
    #[error("A name begins and ends with a letter or digit, not a dash")]
    DashAtEnd,
}

impl DnsLabel {
    /// The longest label, in characters.
    pub const MAX: usize = 63;

    /// Reads a label.
    ///
    /// # Errors
    /// What Kubernetes would refuse about it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::parse_within(text, Self::MAX)
    }

    /// Reads a label of at most `most` characters.
    ///
    /// # Errors
    /// What Kubernetes would refuse about it, or its length.
    pub fn parse_within(text: &str, most: usize) -> Result<Self, NameError> {
        let has = text.chars().count();
        if has == 0 {
            return Err(NameError::Empty);
        }
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some((index, c)) = text.chars().enumerate().find(|(_, c)| !legal(*c)) {
            return Err(NameError::Character { position: index + 1, character: describe(c) });
        }
        if has > most {
            return Err(NameError::TooLong { most, has });
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(NameError::DashAtEnd);
        }
        Ok(Self(text.to_owned()))
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest label to a text that is none: lower case, with dashes for what may not stand.
    pub fn suggest(text: &str) -> Option<Self> {
        let mut near = String::new();
        for c in text.chars().take(4 * Self::MAX) {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_lowercase() || c.is_ascii_digit() => near.push(c),
                _ if near.ends_with('-') => {}
                _ => near.push('-'),
            }
        }
        let near: String = near.trim_matches('-').chars().take(Self::MAX).collect();
        Self::parse(near.trim_end_matches('-')).ok()
    }
}

fn describe(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '_' => "an underscore".to_owned(),
        c if c.is_ascii_uppercase() => format!("{c}, a capital letter"),
        c if c.is_ascii_graphic() => format!("`{c}`"),
        c => format!("U+{:04X}", u32::from(c)),
    }
}

impl fmt::Display for DnsLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DnsLabel {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<DnsLabel> for String {
    fn from(label: DnsLabel) -> Self {
        label.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_names_are_accepted_and_others_are_refused_in_words() {
        for good in ["a", "a-1", "0", &"x".repeat(63)] {
            assert!(DnsLabel::parse(good).is_ok(), "{good}");
        }
        for (bad, word) in
            [("", "missing"), ("A", "capital"), ("a_b", "underscore"), ("-a", "dash"), ("a-", "dash"), ("\u{202e}a", "U+202E")]
        {
            let sentence = DnsLabel::parse(bad).expect_err(bad).to_string();
            assert!(sentence.contains(word), "{bad:?}: {sentence}");
        }
        assert_eq!(DnsLabel::parse(&"x".repeat(253)), Err(NameError::TooLong { most: 63, has: 253 }));
    }

    #[test]
    fn a_suggestion_is_always_a_name() {
        assert_eq!(DnsLabel::suggest("My Run #1").map(String::from).as_deref(), Some("my-run-1"));
        assert_eq!(DnsLabel::suggest("ابت"), None);
    }
}
