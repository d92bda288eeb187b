//! Reads the files that a person writes (`nodes.yaml`, `images.yaml`): any fault becomes one sentence
//! that names the file, the line and what is wrong there.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why a file could not be used; its text is a sentence to be shown as it is.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not as it should be: {reason}", path.display())]
    Content { path: PathBuf, reason: String },
}

impl FileError {
    /// A fault in what the file says, found after it was parsed.
    pub fn content(path: &Path, reason: impl Into<String>) -> Self {
        Self::Content { path: path.to_path_buf(), reason: reason.into() }
    }
}

pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let text = std::fs::read_to_string(path).map_err(|source| FileError::Read { path: path.to_path_buf(), source })?;
    parse(path, &text)
}

/// Reads a text that stands, or would stand, in the file `path`.
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, FileError> {
    // The snippet that the parser would draw spans several lines; the line number says as much.
    serde_saphyr::from_str(text).map_err(|error| FileError::content(path, error.without_snippet().to_string()))
}
