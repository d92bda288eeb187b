//! Where a run stands: an enum that holds exactly what is true in each state, and the one function that reads it from what the
//! cluster shows.
//!
//! The cluster's Job and Pods are facts; the state is what they mean to a person. [`observe`] never goes back from an ended
//! state: a Job that is deleted after its end, or a clock that jumps, changes nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    pending::{Asks, preparing},
    person::PersonName,
};

mod written;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", try_from = "written::Fields")]
pub enum State {
    /// No Pod runs, and none has a node yet.
    Waiting {
        /// Since when.
        since: Timestamp,
        /// What it waits for, in one sentence.
        why: String,
    },
    /// A Pod has a node; its containers do not run yet.
    Starting {
        /// Since when it has the node.
        since: Timestamp,
        /// The node.
        node: String,
        /// What is being prepared, in one sentence.
        what: String,
    },
    /// It trains.
    Running {
        /// Since when.
        since: Timestamp,
        /// The node.
        node: String,
    },
    /// A person suspended it: no Pods, and the place in the queue is given up.
    Suspended {
        /// Since when.
        since: Timestamp,
    },
    /// Told to end; its Pods are writing their last checkpoint.
    Stopping {
        /// Since when.
        since: Timestamp,
        /// By whom.
        by: PersonName,
    },
    /// Ended well.
    Succeeded {
        /// When it began to train.
        started: Timestamp,
        /// When it ended.
        at: Timestamp,
    },
    /// Ended badly.
    Failed {
        /// When it began to train, if it did.
        started: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// The exit code of the last container, if one ran.
        exit_code: Option<i32>,
        /// Why, in one sentence that does not repeat the exit code.
        why: String,
    },
    /// Ended because a person said so.
    Stopped {
        /// When it began to train, if it did.
        started: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// Who stopped it.
        by: PersonName,
    },
}

/// The state's kind alone, for filters, badges and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateKind {
    /// See [`State::Waiting`].
    Waiting,
    /// See [`State::Starting`].
    Starting,
    /// See [`State::Running`].
    Running,
    /// See [`State::Suspended`].
    Suspended,
    /// See [`State::Stopping`].
    Stopping,
    /// See [`State::Succeeded`].
    Succeeded,
    /// See [`State::Failed`].
    Failed,
    /// See [`State::Stopped`].
    Stopped,
}

impl StateKind {
    /// Every kind, in the order of a run's life.
    pub const ALL: [Self; 8] =
        [Self::Waiting, Self::Starting, Self::Running, Self::Suspended, Self::Stopping, Self::Succeeded, Self::Failed, Self::Stopped];

    /// The word for it, in badges, URLs and the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Stopping => "stopping",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether nothing will happen to it any more.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }
}

impl State {
    /// The kind alone.
    pub const fn kind(&self) -> StateKind {
        match self {
            Self::Waiting { .. } => StateKind::Waiting,
            Self::Starting { .. } => StateKind::Starting,
            Self::Running { .. } => StateKind::Running,
            Self::Suspended { .. } => StateKind::Suspended,
            Self::Stopping { .. } => StateKind::Stopping,
            Self::Succeeded { .. } => StateKind::Succeeded,
            Self::Failed { .. } => StateKind::Failed,
            Self::Stopped { .. } => StateKind::Stopped,
        }
    }

    /// When training began, in the states that know.
    pub const fn started(&self) -> Option<Timestamp> {
        match self {
            Self::Running { since, .. } => Some(*since),
            Self::Succeeded { started, .. } => Some(*started),
            Self::Failed { started, .. } | Self::Stopped { started, .. } => *started,
            Self::Waiting { .. } | Self::Starting { .. } | Self::Suspended { .. } | Self::Stopping { .. } => None,
        }
    }

    /// When it ended.
    pub const fn ended(&self) -> Option<Timestamp> {
        match self {
            Self::Succeeded { at, .. } | Self::Failed { at, .. } | Self::Stopped { at, .. } => Some(*at),
            Self::Waiting { .. } | Self::Starting { .. } | Self::Running { .. } | Self::Suspended { .. } | Self::Stopping { .. } => None,
        }
    }
}

/// What the cluster shows of a run's Job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobFacts {
    /// When it was created.
    #[serde(deserialize_with = "crate::instant::read")]
    pub created: Timestamp,
    /// `spec.suspend`.
    pub suspended: bool,
    /// When it was told to be deleted.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub deleting: Option<Timestamp>,
    /// When the condition `Complete` became true.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub complete: Option<Timestamp>,
    /// When the condition `Failed` became true, its reason and message.
    pub failed: Option<(Timestamp, String, String)>,
    /// The newest refusal to make a Pod (a Warning event `FailedCreate`), if no Pod was made after it.
    pub refused: Option<String>,
}

/// What the cluster shows of one of a run's Pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// When it was created.
    #[serde(deserialize_with = "crate::instant::read")]
    pub created: Timestamp,
    /// The node it is bound to.
    pub node: Option<String>,
    /// When it was bound.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub scheduled: Option<Timestamp>,
    /// What the scheduler last said, while it is not bound.
    pub unschedulable: Option<String>,
    /// Where its main container stands.
    pub container: ContainerFacts,
    /// How often containers were restarted in it.
    pub restarts: u32,
    /// When it was told to be deleted.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub deleting: Option<Timestamp>,
    /// Its identity in the cluster; no two Pods ever have the same.
    pub uid: String,
    /// Its priority: who makes way for whom.
    pub priority: i32,
    /// What it asks for, as it was admitted, while it has no node.
    pub asks: Option<Asks>,
    /// What keeps the scheduler from looking at it.
    pub gates: Vec<String>,
    /// The node on which others make way for it.
    pub nominated: Option<String>,
    /// Since when it makes way for a Pod of higher priority (the condition `DisruptionTarget`, reason `PreemptionByScheduler`).
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub displaced: Option<Timestamp>,
    /// Why the Pod as a whole failed (`Evicted`, `Preempted`, `NodeShutdown`), with its message.
    pub disrupted: Option<(String, String)>,
}

/// Where a Pod's main container stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerFacts {
    /// Not begun: reason and message, both possibly empty.
    Waiting {
        /// Such as `ContainerCreating` or `ErrImagePull`.
        reason: String,
        /// The kubelet's words.
        message: String,
    },
    /// Running since then.
    Running {
        /// Since when.
        #[serde(deserialize_with = "crate::instant::read")]
        since: Timestamp,
    },
    /// Ended.
    Terminated {
        /// When it began, if it did.
        #[serde(deserialize_with = "crate::instant::read_option")]
        started: Option<Timestamp>,
        /// When it ended.
        #[serde(deserialize_with = "crate::instant::read")]
        at: Timestamp,
        /// Its exit code.
        exit_code: i32,
        /// Such as `Error`, `OOMKilled`, `Completed`.
        reason: String,
        /// The termination message.
        message: String,
    },
}

/// What a person has asked of a run that the cluster may not show yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopOrder {
    /// Who asked.
    pub by: PersonName,
    /// When.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
}

/// How long after a Pod's bad end its Job is given to say whether another Pod follows; a controller says so within a second.
const VERDICT: SignedDuration = SignedDuration::from_secs(3);

/// Reads a run's state from what the cluster shows.
///
/// `job` is `None` when the Job is gone. `before` is the last state known; `stop` is a person's order to stop; `waiting_why`
/// explains a wait (see [`crate::pending`]), called only where the run waits.
pub fn observe(
    before: &State,
    job: Option<&JobFacts>,
    pods: &[PodFacts],
    stop: Option<&StopOrder>,
    now: Timestamp,
    waiting_why: impl FnOnce() -> String,
) -> State {
    if before.kind().has_ended() {
        return before.clone();
    }
    let newest = newest(pods);
    let started = before.started().into_iter().chain(pods.iter().filter_map(PodFacts::started)).min();
    let Some(job) = job else {
        return match stop {
            Some(order) => State::Stopped { started, at: now, by: order.by.clone() },
            None => State::Failed {
                started,
                at: now,
                exit_code: None,
                why: "Its Job was deleted in the cluster by something other than Slipway".to_owned(),
            },
        };
    };
    if let Some(at) = job.complete {
        return State::Succeeded { started: started.unwrap_or(job.created), at };
    }
    if let Some((at, reason, message)) = &job.failed {
        let (exit_code, why) = why_failed(pods, reason, message);
        return State::Failed { started, at: *at, exit_code, why };
    }
    if let Some(order) = stop {
        return State::Stopping { since: order.at, by: order.by.clone() };
    }
    if job.suspended {
        return State::Suspended { since: since(before, StateKind::Suspended).unwrap_or(now) };
    }
    match newest.filter(|pod| pod.deleting.is_none()) {
        Some(PodFacts { container: ContainerFacts::Running { since }, node, .. }) => {
            State::Running { since: started.unwrap_or(*since), node: node.clone().unwrap_or_default() }
        }
        Some(PodFacts { container: ContainerFacts::Waiting { reason, message }, node: Some(node), scheduled, created, .. }) => {
            State::Starting { since: scheduled.unwrap_or(*created), node: node.clone(), what: preparing(reason, message) }
        }
        // The Job controller has yet to say what follows.
        Some(PodFacts { container: ContainerFacts::Terminated { exit_code, started: began, at, .. }, node, .. })
            if *exit_code == 0 || now.duration_since(*at).abs() < VERDICT =>
        {
            State::Running { since: started.or(*began).unwrap_or(*at), node: node.clone().unwrap_or_default() }
        }
        _ => State::Waiting { since: since(before, StateKind::Waiting).unwrap_or(job.created), why: waiting_why() },
    }
}

/// The Pod that was made last.
pub fn newest(pods: &[PodFacts]) -> Option<&PodFacts> {
    pods.iter().max_by(|a, b| a.created.cmp(&b.created).then_with(|| a.name.cmp(&b.name)))
}

impl PodFacts {
    /// A Pod that was just made: of no node, and nobody has said anything of it.
    pub fn new(name: impl Into<String>, created: Timestamp) -> Self {
        Self {
            name: name.into(),
            created,
            node: None,
            scheduled: None,
            unschedulable: None,
            container: ContainerFacts::Waiting { reason: String::new(), message: String::new() },
            restarts: 0,
            deleting: None,
            uid: String::new(),
            priority: 0,
            asks: None,
            gates: Vec::new(),
            nominated: None,
            displaced: None,
            disrupted: None,
        }
    }

    fn started(&self) -> Option<Timestamp> {
        match &self.container {
            ContainerFacts::Running { since } => Some(*since),
            ContainerFacts::Terminated { started, .. } => *started,
            ContainerFacts::Waiting { .. } => None,
        }
    }
}

fn since(before: &State, kind: StateKind) -> Option<Timestamp> {
    match before {
        State::Waiting { since, .. } | State::Suspended { since } if before.kind() == kind => Some(*since),
        _ => None,
    }
}

/// The exit code of the container that ended last, and a sentence for the whole.
fn why_failed(pods: &[PodFacts], reason: &str, message: &str) -> (Option<i32>, String) {
    let last = pods
        .iter()
        .filter_map(|pod| match &pod.container {
            ContainerFacts::Terminated { at, exit_code, reason, message, .. } if *exit_code != 0 => {
                Some((at, *exit_code, reason.as_str(), message.as_str(), pod))
            }
            ContainerFacts::Terminated { .. } | ContainerFacts::Waiting { .. } | ContainerFacts::Running { .. } => None,
        })
        .max_by_key(|(at, ..)| **at);
    match (reason, last) {
        ("DeadlineExceeded", last) => (last.map(|(_, code, ..)| code), "It ran longer than its deadline and was ended".to_owned()),
        (_, Some((_, code, "OOMKilled", ..))) => (Some(code), "It used more memory than it asked for and was killed".to_owned()),
        (_, Some((_, code, ..))) => (Some(code), super::exit::explain(code)),
        (_, None) => {
            let disrupted = pods.iter().find_map(|pod| pod.disrupted.as_ref());
            (None, disrupted.map_or_else(|| message.to_owned(), |(_, text)| text.clone()))
        }
    }
}

#[cfg(test)]
mod tests;
