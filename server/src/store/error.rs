//! What a database can refuse, sorted by what a person can do about it.

use slipway_domain::refusal::Refusal;

/// Why the database cannot be used at all. Each is a sentence for whoever starts the server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL names neither database.
    #[error("the database is given as sqlite://PATH or postgres://USER@HOST/NAME; correct --database")]
    Scheme,
    /// A database in memory would forget everything, and each connection would have its own.
    #[error("a database in memory is not kept; give a file with --database sqlite://PATH")]
    Memory,
    /// The URL cannot be read.
    #[error("the database's URL cannot be read: {0}; correct --database")]
    Url(String),
    /// The file cannot be used.
    #[error("the database file {path} cannot be used: {reason}; check that its folder exists and may be written to")]
    File {
        /// The file.
        path: String,
        /// What SQLite or the system said.
        reason: String,
    },
    /// The server cannot be used.
    #[error("the PostgreSQL server at {at} cannot be used: {reason}; check --database and that the server runs")]
    Server {
        /// Host and port.
        at: String,
        /// What it said.
        reason: String,
    },
    /// The tables are of a later version.
    #[error("the database was last used by a newer Slipway (migration {version} is unknown here); start that version or a later one")]
    Newer {
        /// The migration that is not known here.
        version: i64,
    },
    /// A migration failed.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migration(String),
}

/// Why a statement was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program holds the database, or every connection is in use.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// There is no room left.
    #[error("the database's disk is full: {0}")]
    Full(String),
    /// It may be read but not written.
    #[error("the database is read-only: {0}")]
    ReadOnly(String),
    /// It cannot be reached, or its file cannot be read.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// A row with the same key is there already.
    #[error("there is a row of that key already: {0}")]
    Duplicate(String),
    /// What it holds or was asked makes no sense: a fault in Slipway, or in the data.
    #[error("the database answered something unexpected: {0}")]
    Unexpected(String),
}

impl Error {
    /// Something is stored that this program would never have stored.
    pub fn unexpected(what: impl std::fmt::Display) -> Self {
        Self::Unexpected(what.to_string())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy(text),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Unreachable(text),
            sqlx::Error::Database(database) if database.is_unique_violation() => Self::Duplicate(text),
            sqlx::Error::Database(database) => from_code(&database.code().unwrap_or_default(), text),
            _ => Self::Unexpected(text),
        }
    }
}

/// SQLite's result codes are numbers whose low byte is the kind; PostgreSQL's SQLSTATE has five characters.
/// Sources: <https://www.sqlite.org/rescode.html> and PostgreSQL's appendix A, "PostgreSQL Error Codes".
fn from_code(code: &str, text: String) -> Error {
    if code.len() < 5
        && let Ok(number) = code.parse::<u32>()
    {
        return match number & 0xff {
            5 | 6 => Error::Busy(text),
            8 => Error::ReadOnly(text),
            13 => Error::Full(text),
            10 | 14 => Error::Unreachable(text),
            _ => Error::Unexpected(text),
        };
    }
    match code {
        "53100" => Error::Full(text),
        "25006" => Error::ReadOnly(text),
        "53300" | "55P03" | "40001" | "40P01" | "57014" => Error::Busy(text),
        "57P01" | "57P02" | "57P03" => Error::Unreachable(text),
        _ if code.starts_with("08") => Error::Unreachable(text),
        _ => Error::Unexpected(text),
    }
}

/// Logs what the database said, which is for whoever runs Slipway, and answers with a sentence for the person who asked.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        tracing::error!(error = %error, "the database did not carry out a statement");
        Self::unavailable(match error {
            Error::Busy(_) => "The database is busy, so nothing was changed; try again in a moment",
            Error::Full(_) => "The database's disk is full, so nothing was changed; tell whoever runs Slipway",
            Error::ReadOnly(_) => "The database cannot be written to, so nothing was changed; tell whoever runs Slipway",
            Error::Unreachable(_) => "The database cannot be reached, so nothing was changed; try again, or tell whoever runs Slipway",
            Error::Duplicate(_) => "The same was done by somebody else at this moment; look at the page again",
            Error::Unexpected(_) => "The database refused, so nothing was changed; whoever runs Slipway finds the reason in its log",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_becomes_what_a_person_can_do_about_it() {
        for (code, want) in [
            ("5", "busy"),
            ("517", "busy"),
            ("13", "disk is full"),
            ("1032", "read-only"),
            ("778", "cannot be reached"),
            ("11", "unexpected"),
            ("53100", "disk is full"),
            ("25006", "read-only"),
            ("57P01", "cannot be reached"),
            ("08006", "cannot be reached"),
            ("40001", "busy"),
            ("42601", "unexpected"),
        ] {
            let error = from_code(code, String::new()).to_string();
            assert!(error.contains(want), "code {code} gave: {error}");
        }
    }
}
