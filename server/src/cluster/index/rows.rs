//! The parts of Kubernetes' objects that Slipway reads, and the rows that it keeps of them.
//!
//! `…Object` is what is deserialised: only the fields named here, so that a Pod of many kilobytes never exists in memory.
//! `…Row` is what stays: a Pod's is a few hundred bytes, with namespaces and nodes shared between rows.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;
use slipway_domain::run::{
    spec::RunId,
    state::{ContainerFacts, JobFacts, PodFacts},
};

use super::super::manifest::CONTAINER;

/// The metadata that is read of every object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct Meta {
    pub name: Box<str>,
    #[serde(default)]
    pub namespace: Box<str>,
    #[serde(default)]
    pub uid: Box<str>,
    pub creation_timestamp: Option<Timestamp>,
    pub deletion_timestamp: Option<Timestamp>,
    #[serde(default)]
    pub labels: Labels,
}

/// The one label by which a run's objects are known.
#[derive(Debug, Default, Deserialize)]
pub(in crate::cluster) struct Labels {
    #[serde(rename = "slipway.dev/run")]
    pub run: Option<String>,
}

impl Meta {
    /// `namespace/name`.
    pub fn key(&self) -> Box<str> {
        format!("{}/{}", self.namespace, self.name).into()
    }

    fn created(&self) -> Timestamp {
        self.creation_timestamp.unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: Box<str>,
    status: Box<str>,
    #[serde(default)]
    reason: Box<str>,
    #[serde(default)]
    message: Box<str>,
    last_transition_time: Option<Timestamp>,
}

impl Condition {
    fn is_true(&self, kind: &str) -> bool {
        &*self.kind == kind && &*self.status == "True"
    }
}

/// A Job, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct JobObject {
    pub metadata: Meta,
    #[serde(default)]
    spec: JobSpec,
    #[serde(default)]
    status: JobStatus,
}

#[derive(Debug, Default, Deserialize)]
struct JobSpec {
    #[serde(default)]
    suspend: bool,
}

#[derive(Debug, Default, Deserialize)]
struct JobStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
}

/// A Job, as kept.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// Its facts; `refused` comes from events.
    pub facts: JobFacts,
}

impl JobObject {
    pub fn into_row(self) -> JobRow {
        let at = |condition: &Condition, meta: &Meta| condition.last_transition_time.unwrap_or(meta.created());
        let complete = self.status.conditions.iter().find(|c| c.is_true("Complete")).map(|c| at(c, &self.metadata));
        let failed = self.status.conditions.iter().find(|c| c.is_true("Failed"));
        let facts = JobFacts {
            created: self.metadata.created(),
            suspended: self.spec.suspend,
            deleting: self.metadata.deletion_timestamp,
            complete,
            failed: failed.map(|c| (at(c, &self.metadata), c.reason.to_string(), c.message.to_string())),
            refused: None,
        };
        JobRow { run: self.metadata.labels.run.map(RunId), facts }
    }
}

/// A Pod, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct PodObject {
    pub metadata: Meta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<Box<str>>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    containers: Vec<ContainerSpec>,
}

#[derive(Debug, Deserialize)]
struct ContainerSpec {
    #[serde(default)]
    resources: ContainerResources,
}

#[derive(Debug, Default, Deserialize)]
struct ContainerResources {
    #[serde(default)]
    requests: BTreeMap<Box<str>, Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    #[serde(default)]
    phase: Box<str>,
    #[serde(default)]
    reason: Box<str>,
    #[serde(default)]
    message: Box<str>,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: Box<str>,
    #[serde(default)]
    restart_count: u32,
    #[serde(default)]
    state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
struct ContainerState {
    waiting: Option<Waiting>,
    running: Option<Running>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    started_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

/// A Pod, as kept. Its name is in the index's key.
#[derive(Clone, Debug)]
pub struct PodRow {
    /// The run it belongs to.
    pub run: Option<Box<str>>,
    /// The node it is bound to, shared with every Pod there.
    pub node: Option<Arc<str>>,
    /// Its priority: who makes way for whom.
    pub priority: i32,
    /// When it was made.
    pub created: Timestamp,
    /// When it was bound.
    pub scheduled: Option<Timestamp>,
    /// When it was told to go.
    pub deleting: Option<Timestamp>,
    /// Restarts of its main container.
    pub restarts: u32,
    /// Whether it holds resources no more.
    pub ended: bool,
    /// What it asks for, by resource name, over its containers; shared by Pods that ask for the same.
    pub requests: Arc<[(Box<str>, Box<str>)]>,
    /// What only some Pods have.
    pub told: Option<Box<Told>>,
}

/// The parts of a Pod's row that most Pods of a large cluster do not have.
#[derive(Clone, Debug)]
pub struct Told {
    /// What the scheduler said last, while it is not bound.
    pub unschedulable: Option<String>,
    /// Where its main container stands; none means not begun, nothing said.
    pub container: Option<ContainerFacts>,
    /// Why it failed as a whole.
    pub disrupted: Option<(String, String)>,
}

impl PodObject {
    pub fn into_row(mut self, share: &mut super::shared::Shared) -> PodRow {
        let scheduled = self.status.conditions.iter().find(|c| &*c.kind == "PodScheduled");
        let unschedulable = scheduled.filter(|c| &*c.status == "False" && self.spec.node_name.is_none()).map(|c| c.message.to_string());
        let bound = scheduled.filter(|c| &*c.status == "True").and_then(|c| c.last_transition_time);
        let ended = matches!(&*self.status.phase, "Succeeded" | "Failed");
        let disrupted = (&*self.status.phase == "Failed" && !self.status.reason.is_empty())
            .then(|| (self.status.reason.to_string(), self.status.message.to_string()));
        let (restarts, container) = self.main_container();
        let run = self.metadata.labels.run.take().map(Into::into);
        // Of Pods that are not runs', only what they hold is of interest.
        let told = (run.is_some() && (unschedulable.is_some() || container.is_some() || disrupted.is_some()))
            .then(|| Box::new(Told { unschedulable, container, disrupted }));
        let requests = self.spec.containers.iter().flat_map(|c| c.resources.requests.iter());
        PodRow {
            run,
            node: self.spec.node_name.as_deref().map(|node| share.text(node)),
            priority: self.spec.priority,
            created: self.metadata.created(),
            scheduled: bound,
            deleting: self.metadata.deletion_timestamp,
            restarts,
            ended,
            requests: share.requests(&requests.map(|(name, amount)| (name.clone(), amount.clone())).collect::<Vec<_>>()),
            told,
        }
    }

    /// The main container's restarts and state; while an init container waits with something to say, that.
    fn main_container(&mut self) -> (u32, Option<ContainerFacts>) {
        let statuses = &mut self.status.container_statuses;
        let position = statuses.iter().position(|status| &*status.name == CONTAINER).unwrap_or(0);
        let main = (position < statuses.len()).then(|| statuses.swap_remove(position));
        let restarts = main.as_ref().map_or(0, |status| status.restart_count);
        let facts = main.and_then(|status| facts(status.state, self.metadata.created()));
        let stuck = self.status.init_container_statuses.drain(..).find_map(|status| match status.state.waiting {
            Some(Waiting { reason, message }) if !message.is_empty() => Some(ContainerFacts::Waiting { reason, message }),
            _ => None,
        });
        match (&facts, stuck) {
            (Some(ContainerFacts::Waiting { .. }) | None, Some(stuck)) => (restarts, Some(stuck)),
            _ => (restarts, facts),
        }
    }
}

fn facts(state: ContainerState, created: Timestamp) -> Option<ContainerFacts> {
    if let Some(ended) = state.terminated {
        return Some(ContainerFacts::Terminated {
            started: ended.started_at,
            at: ended.finished_at.unwrap_or(created),
            exit_code: ended.exit_code,
            reason: ended.reason,
            message: ended.message,
        });
    }
    if let Some(running) = state.running {
        return Some(ContainerFacts::Running { since: running.started_at.unwrap_or(created) });
    }
    state.waiting.map(|Waiting { reason, message }| ContainerFacts::Waiting { reason, message })
}

impl PodRow {
    /// The facts that a run's state is read from.
    pub fn facts(&self, name: &str) -> PodFacts {
        let told = self.told.as_deref();
        let nothing = || ContainerFacts::Waiting { reason: String::new(), message: String::new() };
        PodFacts {
            name: name.to_owned(),
            created: self.created,
            node: self.node.as_deref().map(str::to_owned),
            scheduled: self.scheduled,
            unschedulable: told.and_then(|told| told.unschedulable.clone()),
            container: told.and_then(|told| told.container.clone()).unwrap_or_else(nothing),
            restarts: self.restarts,
            deleting: self.deleting,
            disrupted: told.and_then(|told| told.disrupted.clone()),
        }
    }
}

/// An event, as read (`v1`, which is what every version serves).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct EventObject {
    pub metadata: Meta,
    #[serde(rename = "involvedObject")]
    pub about: About,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub message: String,
    #[serde(default, rename = "type")]
    pub kind: String,
    pub count: Option<u32>,
    pub series: Option<Series>,
    pub last_timestamp: Option<Timestamp>,
    pub event_time: Option<Timestamp>,
}

/// How often an event of the newer kind was seen.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct Series {
    #[serde(default)]
    pub count: u32,
    pub last_observed_time: Option<Timestamp>,
}

/// What an event is about.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct About {
    #[serde(default)]
    pub kind: Box<str>,
    #[serde(default)]
    pub name: Box<str>,
    #[serde(default)]
    pub namespace: Box<str>,
}

/// A node, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct NodeObject {
    pub metadata: NodeMeta,
    #[serde(default)]
    pub spec: NodeSpec,
    #[serde(default)]
    pub status: NodeStatus,
}

#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct NodeMeta {
    pub name: Box<str>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
pub(in crate::cluster) struct NodeSpec {
    #[serde(default)]
    pub unschedulable: bool,
    #[serde(default)]
    pub taints: Vec<Taint>,
}

/// A node's taint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, possibly empty.
    #[serde(default)]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

#[derive(Debug, Default, Deserialize)]
pub(in crate::cluster) struct NodeStatus {
    #[serde(default)]
    pub allocatable: BTreeMap<String, String>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

/// A node, as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What Pods may ask of it, by resource name.
    pub allocatable: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Cordoned.
    pub unschedulable: bool,
    /// Whether its agent says that it is well.
    pub ready: bool,
}

impl NodeObject {
    pub fn into_row(self) -> (Box<str>, NodeRow) {
        let ready = self.status.conditions.iter().any(|c| c.is_true("Ready"));
        let row = NodeRow {
            labels: self.metadata.labels,
            allocatable: self.status.allocatable,
            taints: self.spec.taints,
            unschedulable: self.spec.unschedulable,
            ready,
        };
        (self.metadata.name, row)
    }
}
