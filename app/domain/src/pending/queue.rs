//! What Kueue says of a run that it has taken: the conditions of its `Workload` (`kueue.x-k8s.io/v1beta2`).

use super::{Cause, Evidence};

/// A run in a queue of Kueue's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// The `Workload`'s name.
    pub name: String,
    /// The local queue.
    pub queue: String,
    /// Whether it may begin (`Admitted`).
    pub admitted: bool,
    /// The reason and the message of the condition that holds it back: what evicted it, or why no quota is reserved.
    pub held: Option<(String, String)>,
}

impl Queued {
    pub(super) fn cause(&self) -> Cause {
        let (reason, said) = self.held.clone().unwrap_or_default();
        Cause::Queue { queue: self.queue.clone(), reason, said }
    }

    pub(super) fn evidence(&self) -> Evidence {
        let said = self.held.as_ref().map_or("Kueue has said nothing of it yet", |(_, said)| said);
        Evidence::said(&format!("Workload/{}", self.name), said)
    }
}
