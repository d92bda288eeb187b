//! Will it run? The picture of the cluster that a viewer may have, and the answer by it.
//!
//! The picture of the nodes is drawn once a second at most for all who ask, whoever they are; from it each gets their own, in
//! which runs of teams that are not theirs have no name. Rules are read from the index as they are at that moment.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use slipway_domain::{
    fit::{self, Answer, Ask, Outcome, Picture},
    person::Caller,
    policy::{Action, Subject, may},
    refusal::Refusal,
    run::spec::RunSpec,
    team::TeamName,
};
use tokio::time::Instant;

use super::Runs;

/// How old the drawing of the nodes may be.
const FRESH: Duration = Duration::from_secs(1);

/// The drawing that all viewers share.
#[derive(Debug, Default)]
pub(super) struct Drawing(Mutex<Option<(Instant, Arc<Picture>)>>);

impl Runs {
    /// The cluster as this viewer may know it, with the rules of a team; none while it is not known.
    pub(super) fn drawn(&self, viewer: &Caller, team: &TeamName) -> Option<Picture> {
        let index = self.0.cluster.index();
        if !index.is_complete() {
            return None;
        }
        let sees = |team: &str| TeamName::parse(team).is_ok_and(|team| may(viewer, Action::ViewRuns, Subject::Team(&team)).is_ok());
        Some(self.nodes()?.seen_by(sees).under(index.quotas(team), index.limits(team), index.priorities()))
    }

    /// What would become of a run; none while the cluster is not known.
    pub(super) fn judged(&self, viewer: &Caller, spec: &RunSpec) -> Option<Answer> {
        self.drawn(viewer, &spec.team).map(|picture| fit::answer(&picture, &Ask::of(spec)))
    }

    /// Kubernetes takes a Job whose Pods it will refuse: what would look idle for ever is refused here, beside the field.
    pub(super) fn has_a_chance(&self, viewer: &Caller, spec: &RunSpec) -> Result<(), Refusal> {
        match self.judged(viewer, spec).map(|answer| answer.outcome) {
            Some(Outcome::Refused(refused)) => Err(Refusal::field(refused.field, refused.sentence)),
            Some(Outcome::RunsNow { .. } | Outcome::Preempts { .. } | Outcome::Waits(_)) | None => Ok(()),
        }
    }

    fn nodes(&self) -> Option<Arc<Picture>> {
        // One draws while the others wait for it: the drawing is whole in any case.
        let mut drawing = self.0.drawing.0.lock().unwrap_or_else(PoisonError::into_inner);
        match drawing.as_ref() {
            Some((at, picture)) if at.elapsed() < FRESH => Some(picture.clone()),
            Some(_) | None => {
                let picture = Arc::new(self.0.cluster.index().picture()?);
                *drawing = Some((Instant::now(), picture.clone()));
                Some(picture)
            }
        }
    }
}
