//! A run as it is shown: rows, pages, charts and logs. What the ports answer and the pages draw.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    report::Value,
    spec::{RunId, RunName, RunSpec},
    state::{State, StateKind},
};
use crate::{
    fit::Answer,
    pending::Why,
    person::{PersonId, PersonName},
    preemption::Ledger,
    refusal::Refusal,
    team::TeamName,
};

/// Which runs a list shows. All of it is in the page's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunQuery {
    /// Of this team only; empty means all that the caller may see.
    pub team: String,
    /// In these states; empty means all.
    pub states: Vec<StateKind>,
    /// Launched by this person.
    pub who: String,
    /// With this tag.
    pub tag: String,
    /// Whose name contains this.
    pub name: String,
    /// The column that orders them.
    pub sort: RunSort,
    /// Smallest or oldest first.
    pub ascending: bool,
    /// The page, from 0.
    pub page: u32,
}

/// Runs on one page of the list.
pub const PAGE_SIZE: u32 = 50;

/// The column that orders a list of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunSort {
    /// When it was launched.
    #[default]
    Launched,
    /// Its name.
    Name,
    /// Who launched it.
    Who,
    /// Its state.
    State,
    /// Its last loss.
    Loss,
}

/// One run in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its identity.
    pub id: RunId,
    /// Its team.
    pub team: TeamName,
    /// Its name.
    pub name: RunName,
    /// Who launched it.
    pub who: PersonName,
    /// When.
    #[serde(deserialize_with = "crate::instant::read")]
    pub launched: Timestamp,
    /// Where it stands.
    pub state: State,
    /// What it asks for, such as `2 × A100-80GB` or `1 CPU, 1 GiB`.
    pub asks_for: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The newest training loss.
    pub loss: Option<Value>,
    /// Up to 32 values of the training loss, evenly over its steps, oldest first.
    pub spark: Vec<Value>,
    /// Steps done and steps in all, where the program said.
    pub progress: Option<Progress>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Optimizer steps done.
    pub step: u64,
    /// Optimizer steps in all.
    pub of: u64,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// What the cluster shows may be older than this, when it is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}

/// Everything about one run but its curves and logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDetail {
    /// As in the list.
    pub row: RunRow,
    /// Who launched it, for policy.
    pub made_by: PersonId,
    /// What was asked.
    pub spec: RunSpec,
    /// The phases it went through.
    pub phases: Vec<Phase>,
    /// Its Pods, newest first; they stay when the cluster forgets them.
    pub pods: Vec<PodRow>,
    /// Names of the metrics it has reported.
    pub metrics: Vec<MetricSummary>,
    /// Its checkpoints, newest first.
    pub checkpoints: Vec<CheckpointRow>,
    /// Why it waits, or does not start yet.
    pub why: Option<Why>,
    /// Whom it displaced, and who displaced it.
    pub ledger: Ledger,
    /// What may not be done and why, by action.
    pub denied: BTreeMap<RunAction, String>,
    /// What the cluster shows may be older than this, when it is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}

/// A stretch of a run's life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What it was doing.
    pub kind: StateKind,
    /// From when.
    #[serde(deserialize_with = "crate::instant::read")]
    pub from: Timestamp,
    /// Until when; none means still.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub until: Option<Timestamp>,
}

/// One Pod of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodRow {
    /// Its name.
    pub name: String,
    /// Its node, once bound.
    pub node: Option<String>,
    /// Kubernetes' word for its phase or its container's reason.
    pub status: String,
    /// How often its containers were restarted.
    pub restarts: u32,
    /// When it was made.
    #[serde(deserialize_with = "crate::instant::read")]
    pub created: Timestamp,
    /// The exit code, once ended.
    pub exit_code: Option<i32>,
    /// What the exit code means, or the termination message.
    pub message: String,
    /// Whether the cluster still has it.
    pub exists: bool,
}

/// A metric that a run has reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Its name, a path such as `train/loss`.
    pub name: String,
    /// Points stored.
    pub points: u64,
    /// The newest value.
    pub last: Value,
    /// The newest step.
    pub step: u64,
    /// The smallest finite value.
    pub min: Option<f64>,
    /// The largest finite value.
    pub max: Option<f64>,
}

/// A checkpoint of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointRow {
    /// Optimizer steps that it holds.
    pub step: u64,
    /// Where it lies, as the trainer sees it.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its manifest, hexadecimal.
    pub sha256: String,
    /// When it was reported.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
}

/// Something that Kubernetes or Slipway said about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// When it was last seen.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
    /// Whether it warns.
    pub warning: bool,
    /// One word, such as `FailedCreate`.
    pub reason: String,
    /// The object it is about, such as `Pod/digits-1-x7k2b`.
    pub object: String,
    /// The message as it was said.
    pub message: String,
    /// How often it was seen.
    pub count: u32,
}

/// What a person can do to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunAction {
    /// End it, keeping what it has made.
    Stop,
    /// Free its Pods' resources; it can be resumed.
    Suspend,
    /// Let a suspended run go on from its newest checkpoint.
    Resume,
    /// Remove it with its history.
    Delete,
}

impl RunAction {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Stop, Self::Suspend, Self::Resume, Self::Delete];

    /// The word on the button and in the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Delete => "delete",
        }
    }

    /// Whether a run in this state can be so acted upon.
    ///
    /// # Errors
    /// The sentence that a disabled button shows.
    pub fn fits(self, state: StateKind) -> Result<(), Refusal> {
        let refuse = |sentence: &str| Err(Refusal::conflict(sentence));
        match (self, state.has_ended()) {
            (Self::Delete, false) => refuse("It has not ended; stop it first"),
            (Self::Stop | Self::Suspend | Self::Resume, true) => refuse("It has ended"),
            (Self::Stop, false) if state == StateKind::Stopping => refuse("It is stopping already"),
            (Self::Suspend, false) if state == StateKind::Suspended => refuse("It is suspended already"),
            (Self::Suspend, false) if state == StateKind::Stopping => refuse("It is stopping"),
            (Self::Resume, false) if state != StateKind::Suspended => refuse("It is not suspended"),
            (Self::Delete, true) | (Self::Stop | Self::Suspend | Self::Resume, false) => Ok(()),
        }
    }
}

/// Which part of a curve is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartQuery {
    /// The metric.
    pub metric: String,
    /// From this step on.
    pub from: Option<u64>,
    /// Up to this step.
    pub to: Option<u64>,
    /// Columns of the chart: at most that many buckets are answered (1 to 1,000).
    pub width: u32,
}

/// A curve, no wider than the chart: each bucket keeps its extremes, so that no spike is lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Points that the buckets stand for.
    pub points: u64,
    /// By step, ascending.
    pub buckets: Vec<Bucket>,
}

/// Neighbouring points of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The step of its first point.
    pub step: u64,
    /// The smallest finite value; none where no value is finite.
    pub min: Option<f64>,
    /// The largest finite value.
    pub max: Option<f64>,
    /// The mean of the finite values.
    pub mean: Option<f64>,
    /// How many values were NaN or infinite.
    pub not_finite: u32,
    /// When its last point was measured.
    #[serde(deserialize_with = "crate::instant::read")]
    pub time: Timestamp,
}

/// A container's output, one of a run's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStream {
    /// The Pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Restarts before this one.
    pub restart: u32,
    /// Lines kept.
    pub lines: u64,
    /// Bytes kept, uncompressed.
    pub bytes: u64,
    /// Bytes dropped because the cap was reached.
    pub dropped: u64,
}

/// Which lines of a log are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// The Pod; none means the newest stream.
    pub pod: Option<String>,
    /// Restarts before the one meant.
    pub restart: Option<u32>,
    /// From this line on (from 0); none means the tail.
    pub from: Option<u64>,
    /// At most so many lines (1 to 2,000).
    pub count: u32,
    /// Only lines that contain this, without regard to ASCII case.
    pub search: String,
}

/// Some lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Every stream there is, oldest first.
    pub streams: Vec<LogStream>,
    /// Which of them these lines are from.
    pub stream: Option<usize>,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Lines that match the search, when there is one (counting stops at 10,000).
    pub matches: Option<u64>,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number, from 0.
    pub number: u64,
    /// When the node wrote it down.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
    /// Its text: any byte that is not UTF-8 is U+FFFD, and more than 64 KiB is cut.
    pub text: String,
}

/// What the New run page shows beside the form while typing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The objects that will be applied, as YAML; none while a field is wrong.
    pub yaml: Option<String>,
    /// What is wrong, field by field.
    pub errors: BTreeMap<String, String>,
    /// Whether it will run; none while a field is wrong or the cluster is not known.
    pub answer: Option<Answer>,
}

/// What the New run page needs to offer choices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchChoices {
    /// Teams in which the caller may launch.
    pub teams: Vec<TeamName>,
    /// GPU products in the cluster with how many GPUs each has in all.
    pub gpu_products: Vec<(String, u32)>,
    /// MIG profiles in the cluster with how many slices each has in all.
    pub mig_profiles: Vec<(String, u32)>,
    /// Names of the cluster's priority classes with their values, highest first.
    pub priority_classes: Vec<(String, i32)>,
    /// A free name for the next run.
    pub suggested_name: String,
}
