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

/// The sentence, of a reason of Kueue's condition `QuotaReserved` or of an eviction.
pub(super) fn sentence(queue: &str, reason: &str, said: &str) -> String {
    let queue = if queue.is_empty() { "its queue".to_owned() } else { format!("the queue {queue}") };
    let said = said.trim_end_matches('.');
    if let Some((resource, flavor, more)) = unused(said) {
        return format!("Waits in {queue}: {more} more {resource} of {flavor} must come free");
    }
    let begins = match reason {
        "WaitingForQuota" => format!("Waits in {queue} for quota"),
        "NoMatchingFlavor" => format!("No flavor of {queue} fits it"),
        "ExceedsMaxQuota" => format!("Asks for more than {queue} can ever give"),
        "TopologyPlacementFailed" => format!("Waits in {queue} for nodes that lie close enough together"),
        "WaitingForPreemptedWorkloads" => format!("Others are making way for it in {queue}"),
        "Misconfigured" => format!("The configuration of {queue} is wrong; tell an admin"),
        "Suspended" | "ClusterQueueStopped" | "LocalQueueStopped" => format!("An admin has stopped {queue}"),
        "PendingEvaluation" | "" => format!("Waits in {queue} to be looked at"),
        "WaitingForPodsReady" | "PodsReadyTimeout" => format!("Waits in {queue} until the Pods of others run"),
        "Preempted" => format!("Another of higher priority took its place in {queue}"),
        "AdmissionCheck" => format!("A check of {queue} holds it back"),
        "NodeFailures" => format!("Waits in {queue} anew, because its node failed"),
        "Deactivated" => format!("Was taken out of {queue}"),
        other => format!("Waits in {queue} ({other})"),
    };
    if said.is_empty() { begins } else { format!("{begins}: {said}") }
}

/// `… insufficient unused quota for RESOURCE in flavor FLAVOR, N more needed`
fn unused(said: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = said.split_once("insufficient unused quota for ")?;
    let (resource, rest) = rest.split_once(" in flavor ")?;
    let (flavor, rest) = rest.split_once(", ")?;
    let (more, _) = rest.split_once(" more needed")?;
    Some((resource, flavor, more))
}
