//! Why a run waits, from what the index holds.

use jiff::Timestamp;
use slipway_domain::{
    pending::{self, Waiting},
    run::spec::RunId,
};

use super::Index;

impl Index {
    /// What a run waits for, in one sentence.
    pub fn waiting_why(&self, id: &RunId, _now: Timestamp) -> String {
        let Some(facts) = self.run(id) else { return "Kubernetes has not seen its Job yet".to_owned() };
        let refused = facts.job.and_then(|job| job.refused);
        let unschedulable = facts.pods.into_iter().find_map(|pod| pod.unschedulable);
        pending::explain(Waiting { refused: refused.as_deref(), unschedulable: unschedulable.as_deref(), asks_for: "" })
    }
}
