//! Why training cannot go on: an exit code and one sentence.

use slipway_domain::run::exit::ExitReason;

/// The end of a run that was not reached.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// Decides the exit code.
    pub reason: ExitReason,
    /// What is wrong, where, and what to do.
    pub sentence: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(reason: ExitReason, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: sentence.into() }
    }

    /// A flag is out of range or does not fit the others.
    pub fn flags(sentence: impl Into<String>) -> Self {
        Self::new(ExitReason::BadFlags, sentence)
    }

    /// The data cannot be read as what the flags say.
    pub fn data(sentence: impl Into<String>) -> Self {
        Self::new(ExitReason::BadData, sentence)
    }

    /// The data is not there.
    pub fn missing(sentence: impl Into<String>) -> Self {
        Self::new(ExitReason::MissingData, sentence)
    }

    /// A checkpoint cannot be written.
    pub fn write(sentence: impl Into<String>) -> Self {
        Self::new(ExitReason::CannotWrite, sentence)
    }
}
