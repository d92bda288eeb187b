//! The audit log as it is read: what was asked for, entry by entry, and what became of the chain that holds it together.
//!
//! What a row is about is written as `KIND NAME`, `KIND TEAM/NAME`, `quota request TEAM/NAME`, or `KIND NAME in TEAM`; from these words [`team_of`] knows
//! whose team a row concerns, so that its admin sees it.

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{diff, refusal::FieldErrors, team::TeamName};

/// Entries on a page.
pub const PAGE_SIZE: u32 = 50;

/// Which entries are asked for. Every text that is empty asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditQuery {
    /// Who acted: the whole name.
    pub who: String,
    /// A part of what they did.
    pub action: String,
    /// A part of what it was done to.
    pub subject: String,
    /// The team it concerns.
    pub team: String,
    /// From this day or minute on, in UTC: `2026-11-24` or `2026-11-24T12:00`.
    pub from: String,
    /// Until this minute, or to the end of this day.
    pub until: String,
    /// What came of it; none asks for all.
    pub outcome: Option<OutcomeKind>,
    /// Only entries with a smaller number: the page after the one that ended there.
    pub before: Option<i64>,
}

impl AuditQuery {
    /// From when, and until before when.
    ///
    /// # Errors
    /// A sentence for each field that is no time, or that the end is before the beginning.
    pub fn span(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), FieldErrors> {
        let (from, until) = (instant(&self.from, false), instant(&self.until, true));
        match (from, until) {
            (Ok(Some(from)), Ok(Some(until))) if until <= from => {
                Err(FieldErrors::from([("until".to_owned(), "The end is before the beginning; exchange the two".to_owned())]))
            }
            (Ok(from), Ok(until)) => Ok((from, until)),
            (from, until) => {
                let named = |name: &str, sentence: Option<String>| sentence.map(|sentence| (name.to_owned(), sentence));
                Err(named("from", from.err()).into_iter().chain(named("until", until.err())).collect())
            }
        }
    }

    /// Whether everything is asked for.
    pub fn is_plain(&self) -> bool {
        *self == Self { before: self.before, ..Self::default() }
    }
}

/// A day or a minute; of an end, a day counts whole.
fn instant(text: &str, is_end: bool) -> Result<Option<Timestamp>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || "A time is written 2026-11-24 or 2026-11-24T12:00, in UTC".to_owned();
    let at: DateTime = text.parse().map_err(|_| wrong())?;
    let day_alone = text.len() <= "2026-11-24".len();
    let at = if is_end && day_alone { at.checked_add(1.day()).map_err(|_| wrong())? } else { at };
    at.to_zoned(TimeZone::UTC).map(|at| Some(at.timestamp())).map_err(|_| wrong())
}

/// What came of an attempt, as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It was done.
    Done,
    /// They were not allowed.
    Refused,
    /// It was tried and not done.
    Failed,
    /// Nobody wrote down what came of it.
    Unknown,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Done, Self::Refused, Self::Failed, Self::Unknown];

    /// The word in the URL and on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// They were not allowed, and nothing was begun.
    Refused {
        /// The sentence that they read.
        why: String,
    },
    /// It was tried and not done.
    Failed {
        /// The sentence that they read.
        why: String,
    },
    /// It was begun a moment ago.
    UnderWay,
    /// It was begun, and the server went down before it could write down what came of it.
    Unknown,
}

/// An attempt: its intent and its outcome as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The number of its first row.
    pub seq: i64,
    /// When.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
    /// Who; a program of Slipway's own stands in brackets.
    pub who: String,
    /// What they did or meant to do.
    pub action: String,
    /// To what.
    pub subject: String,
    /// The team that it concerns, where it concerns one.
    pub team: Option<TeamName>,
    /// The request in which they asked; empty where there was none.
    pub request: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was changed, line by line.
    pub change: Vec<diff::Line>,
}

/// What was found when the whole chain was last recomputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// When.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
    /// Rows that are what was written, which is also the number of the last one.
    pub rows: i64,
    /// The last one's hash, in hexadecimal; empty where there is none.
    pub hash: String,
    /// What is wrong after them, a sentence; none where nothing is.
    pub broken: Option<String>,
}

/// A page of the log, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; none on the last.
    pub older: Option<i64>,
    /// The teams that the page is about; none where it is about everything.
    pub teams: Option<Vec<TeamName>>,
    /// The chain as it was last found; none where it was not looked at since the server started.
    pub chain: Option<Chain>,
    /// Why the caller may not have it verified, and whom to ask; none where they may.
    pub may_not_verify: Option<String>,
}

/// A form in which the log is taken elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A table for spreadsheets. A text that a spreadsheet would take for a formula has an apostrophe before it.
    Csv,
    /// One JSON object a line, each row as it is hashed.
    Jsonl,
}

impl ExportFormat {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Jsonl];

    /// The word in the URL, on the command line and after a file's name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// A sentence with the words there are.
    pub fn parse(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.word() == word).ok_or_else(|| "The log is exported as csv or jsonl".to_owned())
    }
}

/// The team that a subject's words name.
pub fn team_of(subject: &str) -> Option<TeamName> {
    let words: Vec<&str> = subject.split(' ').collect();
    let named = match words.as_slice() {
        ["team", team, ..] | [.., "in", team] => *team,
        ["quota", "request", path, ..] | [_, path, ..] => path.split_once('/')?.0,
        [] | [_] => return None,
    };
    TeamName::parse(named).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, until: &str) -> Result<(Option<String>, Option<String>), FieldErrors> {
        let query = AuditQuery { from: from.into(), until: until.into(), ..AuditQuery::default() };
        query.span().map(|(from, until)| (from.map(|at| at.to_string()), until.map(|at| at.to_string())))
    }

    #[test]
    fn a_day_counts_from_its_beginning_to_its_end() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(span("2026-11-24", "2026-11-24"), Ok((text("2026-11-24T00:00:00Z"), text("2026-11-25T00:00:00Z"))));
        assert_eq!(span("2026-11-24T12:30", "2026-11-24T13:00"), Ok((text("2026-11-24T12:30:00Z"), text("2026-11-24T13:00:00Z"))));
        assert_eq!(span(" ", ""), Ok((None, None)));
    }

    #[test]
    fn a_time_that_is_none_is_named_with_its_field() {
        let fields = span("yesterday", "2026-13-01").expect_err("both are wrong");
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["from", "until"]);
        assert!(span("2026-11-25", "2026-11-24").expect_err("the end is before the beginning")["until"].contains("before the beginning"));
        assert!(span("", "9999-12-31").is_err(), "there is no day after it");
    }

    #[test]
    fn the_words_of_a_subject_say_whose_team_it_concerns() {
        for (subject, team) in [
            ("run vision/digits-1 (0192)", Some("vision")),
            ("run vision/x in", Some("vision")),
            ("person mina in speech", Some("speech")),
            ("team vision", Some("vision")),
            ("quota vision/compute", Some("vision")),
            ("quota request vision/compute 4 GPUs of mina (0192)", Some("vision")),
            ("person mina", None),
            ("person \"x in vision\"", None),
            ("platform", None),
            ("from 10.0.0.1", None),
            ("node gpu-a", None),
            ("", None),
        ] {
            assert_eq!(team_of(subject).as_ref().map(TeamName::as_str), team, "{subject}");
        }
    }

    #[test]
    fn words_of_outcomes_and_forms_are_read_as_they_are_written() {
        for kind in OutcomeKind::ALL {
            assert_eq!(OutcomeKind::parse(kind.word()), Some(kind));
        }
        for format in ExportFormat::ALL {
            assert_eq!(ExportFormat::parse(format.word()), Ok(format));
        }
        assert!(ExportFormat::parse("xlsx").is_err());
    }
}
