//! A folder and a database for one part.

use std::path::PathBuf;

use jiff::Timestamp;
use slipway_domain::{
    person::{PersonId, PersonName},
    run::{form::RunForm, spec::RunId},
};
use slipway_server::store::{
    Store,
    runs::{self, NewRun},
};

use super::said;

/// A folder that goes with what is measured in it.
pub(super) struct Folder(pub PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean up, as everything in its folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    pub fn new(name: &str) -> Result<Self, String> {
        let folder = Self(std::env::temp_dir().join(format!("slipway-bench-{}-{name}", std::process::id())));
        std::fs::create_dir_all(&folder.0).map_err(said)?;
        Ok(folder)
    }

    /// The URL of a database in it.
    pub fn database(&self) -> String {
        format!("sqlite://{}", self.0.join("bench.db").display())
    }
}

/// Stores a run of team `team`.
pub(super) async fn run(store: &Store, id: &RunId, team: &str, name: String, by: &str) -> Result<(), String> {
    let form = RunForm { team: team.into(), name, ..RunForm::default() };
    let spec = form.parse().map_err(|fields| format!("{fields:?}"))?;
    let by = (PersonId("bench".into()), PersonName::parse(by)?);
    let new = NewRun { id: id.clone(), spec, by, launched: Timestamp::UNIX_EPOCH, applied: String::new() };
    runs::insert(store, &new).await.map_err(said)
}
