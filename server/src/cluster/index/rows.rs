//! The parts of Kubernetes' objects that Slipway reads, and the rows that it keeps of them.
//!
//! `…Object` is what is deserialised: only the fields named here, so that a Pod of many kilobytes never exists in memory.
//! `…Row` is what stays: a Pod's is a few hundred bytes, with namespaces and nodes shared between rows. A node's is the
//! domain's own facts.

mod node;
mod pod;
mod requests;

use jiff::Timestamp;
use serde::Deserialize;
use slipway_domain::run::{spec::RunId, state::JobFacts};

pub use self::pod::PodRow;
pub(in crate::cluster) use self::{
    node::NodeObject,
    pod::{ClaimUse, PodObject},
};

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
    last_heartbeat_time: Option<Timestamp>,
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
