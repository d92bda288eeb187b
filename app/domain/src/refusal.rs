//! Why something that was asked for is not done, in words for the person who asked.
//!
//! One type for every layer above the store and the cluster: services make it, server functions carry it to the browser, pages
//! show it. A form's errors name its fields, so that the form can come back filled in with each sentence beside its field.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

mod written;

/// Field name → what is wrong with it, a sentence without a full stop.
pub type FieldErrors = BTreeMap<String, String>;

/// A request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "written::Fields")]
pub enum Refusal {
    /// Nobody is signed in, or the session has ended.
    #[error("Sign in to go on; your session has ended")]
    SignedOut,
    /// They may not. Says why and whom to ask.
    #[error("{sentence}")]
    Forbidden {
        /// The sentence shown.
        sentence: String,
    },
    /// There is no such thing, or none that they may know of.
    #[error("{sentence}")]
    NotFound {
        /// The sentence shown.
        sentence: String,
    },
    /// What was sent cannot be accepted as it is.
    #[error("{}", Fields(.fields))]
    Invalid {
        /// What is wrong with each field; the empty name is for the form as a whole.
        fields: FieldErrors,
    },
    /// It changed meanwhile, or is in a state in which this cannot be done.
    #[error("{sentence}")]
    Conflict {
        /// The sentence shown.
        sentence: String,
    },
    /// Too often; try again later.
    #[error("Too many tries; wait {seconds} s and try again")]
    TooOften {
        /// How long to wait, in seconds.
        seconds: u64,
    },
    /// The database or the cluster cannot be reached or refuses to work. What they were told may be shown.
    #[error("{sentence}")]
    Unavailable {
        /// The sentence shown.
        sentence: String,
    },
}

impl Refusal {
    /// They may not: why, and whom to ask.
    pub fn forbidden(sentence: impl Into<String>) -> Self {
        Self::Forbidden { sentence: sentence.into() }
    }

    /// There is no such thing.
    pub fn not_found(sentence: impl Into<String>) -> Self {
        Self::NotFound { sentence: sentence.into() }
    }

    /// It is in a state in which this cannot be done.
    pub fn conflict(sentence: impl Into<String>) -> Self {
        Self::Conflict { sentence: sentence.into() }
    }

    /// A part of the system is away.
    pub fn unavailable(sentence: impl Into<String>) -> Self {
        Self::Unavailable { sentence: sentence.into() }
    }

    /// One field is wrong.
    pub fn field(name: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::Invalid { fields: BTreeMap::from([(name.into(), sentence.into())]) }
    }

    /// The HTTP status that says the same.
    pub const fn status(&self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::Forbidden { .. } => 403,
            Self::NotFound { .. } => 404,
            Self::Conflict { .. } => 409,
            Self::Invalid { .. } => 422,
            Self::TooOften { .. } => 429,
            Self::Unavailable { .. } => 503,
        }
    }
}

struct Fields<'a>(&'a FieldErrors);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, sentence)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            if name.is_empty() {
                write!(f, "{separator}{sentence}")?;
            } else {
                write!(f, "{separator}{name}: {sentence}")?;
            }
        }
        Ok(())
    }
}
