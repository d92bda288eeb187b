//! What Kueue says of Jobs that it has taken: its `Workload`s, where the cluster has Kueue at all.

use serde::Deserialize;
use slipway_domain::pending::Queued;

use super::{super::watch::Watched, Change, Index, Kind};
use crate::clock::Clock;

/// A `Workload`, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct WorkloadObject {
    metadata: WorkloadMeta,
    #[serde(default)]
    spec: WorkloadSpec,
    #[serde(default)]
    status: WorkloadStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkloadMeta {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    owner_references: Vec<Owner>,
}

#[derive(Debug, Deserialize)]
struct Owner {
    kind: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkloadSpec {
    #[serde(default)]
    queue_name: String,
}

#[derive(Debug, Default, Deserialize)]
struct WorkloadStatus {
    #[serde(default)]
    conditions: Vec<WorkloadCondition>,
}

#[derive(Debug, Deserialize)]
struct WorkloadCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl WorkloadObject {
    /// The key of its Job, and what it says of it; none where it is no Job's.
    fn into_row(self) -> Option<(Box<str>, Queued)> {
        let job = self.metadata.owner_references.into_iter().find(|owner| owner.kind == "Job")?;
        let conditions = &self.status.conditions;
        let is = |kind: &str, status: &str| conditions.iter().find(|condition| condition.kind == kind && condition.status == status);
        // While it is evicted nothing else counts; then, why it has no quota yet.
        let held = is("Evicted", "True").filter(|_| is("QuotaReserved", "True").is_none()).or_else(|| is("QuotaReserved", "False"));
        let queued = Queued {
            admitted: is("Admitted", "True").is_some(),
            held: held.map(|condition| (condition.reason.clone(), condition.message.clone())),
            queue: self.spec.queue_name,
            name: self.metadata.name,
        };
        Some((format!("{}/{}", self.metadata.namespace, job.name).into(), queued))
    }
}

impl Watched for WorkloadObject {
    const KIND: Kind = Kind::Workloads;
    const PATH: &'static str = "/apis/kueue.x-k8s.io/v1beta2/workloads";
    const OPTIONAL: bool = true;

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        index.lock().queued = objects.into_iter().filter_map(Self::into_row).collect();
        index.tell(Change::Synced);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let Some((job, queued)) = object.into_row() else { return };
        let mut state = index.lock();
        let run = state.jobs.get(&job).and_then(|row| row.run.clone());
        state.queued.insert(job, queued);
        drop(state);
        if let Some(run) = run {
            index.tell(Change::Run(run));
        }
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let Some((job, _)) = object.into_row() else { return };
        let mut state = index.lock();
        let run = state.jobs.get(&job).and_then(|row| row.run.clone());
        state.queued.remove(&job);
        drop(state);
        if let Some(run) = run {
            index.tell(Change::Run(run));
        }
    }
}
