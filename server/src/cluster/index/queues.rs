//! What Kueue says of Jobs that it has taken: its `Workload`s, where the cluster has Kueue at all; and their places in its queues.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;
use slipway_domain::{
    pending::{Place, Queued, Standing},
    run::spec::RunId,
};

use super::{super::watch::Watched, Change, Index, Kind, State, shared::Shared};
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
    creation_timestamp: Option<Timestamp>,
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
    #[serde(default)]
    priority: i32,
    active: Option<bool>,
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

/// A `LocalQueue`, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct LocalQueueObject {
    metadata: WorkloadMeta,
    #[serde(default)]
    spec: LocalQueueSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocalQueueSpec {
    #[serde(default)]
    cluster_queue: Box<str>,
}

/// A `Workload` that waits, as kept; whosever it is.
#[derive(Debug)]
struct Waiting {
    /// `namespace/name` of its local queue.
    queue: Arc<str>,
    priority: i32,
    since: Timestamp,
}

/// Those that wait and where their queues lead.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// By `namespace/name`.
    waiting: HashMap<Box<str>, Waiting>,
    /// Local queue → cluster queue.
    leads_to: HashMap<Box<str>, Box<str>>,
}

impl Queues {
    fn standing<'a>(&'a self, key: &'a str, waiting: &'a Waiting) -> Standing<'a> {
        let Waiting { queue, priority, since } = waiting;
        Standing { key, queue, cluster: self.leads_to.get(&**queue).map(|cluster| &**cluster), priority: *priority, since: *since }
    }
}

impl Index {
    /// What Kueue says of a run, with its place among those that wait: counted anew each time, for one who looks.
    pub fn queued(&self, run: &RunId) -> Option<Queued> {
        let state = self.lock();
        let job = state.runs.get(run)?.job.as_deref()?;
        let queued = state.queued.get(job)?;
        let key = format!("{}/{}", job.split_once('/')?.0, queued.name);
        let queues = &state.queues;
        let own = queues.waiting.get_key_value(key.as_str()).map(|(key, row)| queues.standing(key, row));
        let place = own.map(|own| Place::of(&own, queues.waiting.iter().map(|(key, row)| queues.standing(key, row))));
        Some(Queued { place, ..queued.clone() })
    }
}

impl WorkloadMeta {
    fn key(&self) -> Box<str> {
        format!("{}/{}", self.namespace, self.name).into()
    }
}

impl WorkloadObject {
    /// That it waits; none where it does not, or no more.
    fn waiting(&self, share: &mut Shared) -> Option<Waiting> {
        let is = |kind: &str| self.status.conditions.iter().any(|condition| condition.kind == kind && condition.status == "True");
        let waits = self.spec.active != Some(false) && !is("QuotaReserved") && !is("Finished");
        waits.then(|| Waiting {
            queue: share.text(&format!("{}/{}", self.metadata.namespace, self.spec.queue_name)),
            priority: self.spec.priority,
            since: self.metadata.creation_timestamp.unwrap_or_default(),
        })
    }

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
            place: None,
        };
        Some((format!("{}/{}", self.metadata.namespace, job.name).into(), queued))
    }
}

impl Watched for WorkloadObject {
    const KIND: Kind = Kind::Workloads;
    const PATH: &'static str = "/apis/kueue.x-k8s.io/v1beta2/workloads";
    const OPTIONAL: bool = true;

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let mut state = index.lock();
        let State { queues, shared, .. } = &mut *state;
        queues.waiting = objects.iter().filter_map(|object| Some((object.metadata.key(), object.waiting(shared)?))).collect();
        state.queued = objects.into_iter().filter_map(Self::into_row).collect();
        drop(state);
        index.tell(Change::Synced);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let mut state = index.lock();
        let State { queues, shared, .. } = &mut *state;
        match object.waiting(shared) {
            Some(waiting) => queues.waiting.insert(object.metadata.key(), waiting),
            None => queues.waiting.remove(&object.metadata.key()),
        };
        let Some((job, queued)) = object.into_row() else { return };
        let run = state.jobs.get(&job).and_then(|row| row.run.clone());
        state.queued.insert(job, queued);
        drop(state);
        if let Some(run) = run {
            index.tell(Change::Run(run));
        }
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let mut state = index.lock();
        state.queues.waiting.remove(&object.metadata.key());
        let Some((job, _)) = object.into_row() else { return };
        let run = state.jobs.get(&job).and_then(|row| row.run.clone());
        state.queued.remove(&job);
        drop(state);
        if let Some(run) = run {
            index.tell(Change::Run(run));
        }
    }
}

impl Watched for LocalQueueObject {
    const KIND: Kind = Kind::LocalQueues;
    const PATH: &'static str = "/apis/kueue.x-k8s.io/v1beta2/localqueues";
    const OPTIONAL: bool = true;

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        index.lock().queues.leads_to = objects.into_iter().map(|object| (object.metadata.key(), object.spec.cluster_queue)).collect();
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        index.lock().queues.leads_to.insert(object.metadata.key(), object.spec.cluster_queue);
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        index.lock().queues.leads_to.remove(&object.metadata.key());
    }
}
