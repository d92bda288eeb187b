//! What has changed since the open pages were last told, by run: what says so never waits, and what is said ten times before
//! anybody looks is said once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use slipway_domain::{run::spec::RunId, team::TeamName};
use tokio::sync::Notify;

/// What changed of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Its row in the list.
    pub row: bool,
    /// It has new points, up to this step.
    pub step: Option<u64>,
    /// Its newest log has this many lines.
    pub lines: Option<u64>,
    /// Its events, Pods or checkpoints.
    pub detail: bool,
    /// It was deleted from this team.
    pub gone: Option<TeamName>,
}

impl Changed {
    /// Everything that its page shows but for curves and logs.
    pub const STATE: Self = Self { row: true, step: None, lines: None, detail: true, gone: None };

    /// Takes in what changed later.
    pub fn add(&mut self, later: Self) {
        self.row |= later.row;
        self.step = later.step.or(self.step);
        self.lines = later.lines.or(self.lines);
        self.detail |= later.detail;
        self.gone = later.gone.or(self.gone.take());
    }
}

/// The changes that nobody has been told of. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    runs: Mutex<BTreeMap<RunId, Changed>>,
    some: Notify,
}

impl Changes {
    /// Something of a run changed.
    pub fn note(&self, run: &RunId, changed: Changed) {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner).entry(run.clone()).or_default().add(changed);
        self.0.some.notify_one();
    }

    /// Waits until there are some, and takes them.
    pub async fn take(&self) -> BTreeMap<RunId, Changed> {
        loop {
            let some = self.0.some.notified();
            let taken = std::mem::take(&mut *self.0.runs.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            some.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_often_is_taken_once() {
        let changes = Changes::default();
        let run = RunId("r".into());
        for step in 0..10 {
            changes.note(&run, Changed { step: Some(step), ..Changed::default() });
        }
        changes.note(&run, Changed { row: true, ..Changed::default() });
        let taken = changes.take().await;
        assert_eq!(taken, BTreeMap::from([(run, Changed { row: true, step: Some(9), ..Changed::default() })]));
    }
}
