//! The way of a re-layout: a pure function from a state and what is seen to the next state and what is to be done.
//!
//! Whoever carries it out does the deed, tells [`after`] or [`refused`], stores the state, and asks [`step`] again. Where it dies
//! in between, the same deed is done once more: each can be repeated. A state moves on by what the cluster shows, but for
//! deeds whose effect is seen late (labels, uncordoning): there it moves on when the API server has taken them, because a
//! view that lags behind must never make a node look free of its cordon.

mod failure;
mod written;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::layout::difference;
use crate::{node::NodeFacts, refusal::Refusal};

/// The label that asks mig-manager for a cut.
pub const CONFIG: &str = "nvidia.com/mig.config";

/// The label in which mig-manager says how it went.
pub const CONFIG_STATE: &str = "nvidia.com/mig.config.state";

/// A step, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// No new Pod is to come.
    Cordon,
    /// Those with GPUs are to go.
    Drain,
    /// mig-manager is asked.
    Label,
    /// mig-manager works.
    Apply,
    /// What is advertised is compared with what was asked for.
    Check,
    /// Pods may come again.
    Uncordon,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 6] = [Self::Cordon, Self::Drain, Self::Label, Self::Apply, Self::Check, Self::Uncordon];

    /// What a person reads.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cordon => "cordon",
            Self::Drain => "empty",
            Self::Label => "ask mig-manager",
            Self::Apply => "cut",
            Self::Check => "check",
            Self::Uncordon => "uncordon",
        }
    }
}

/// How a node is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drain {
    /// Pods with GPUs are evicted, each with its grace period.
    Evict,
    /// They are waited for until they end by themselves.
    Wait,
}

impl Drain {
    /// The word in a form.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Evict => "evict",
            Self::Wait => "wait",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// A sentence with the words there are.
    pub fn parse(word: &str) -> Result<Self, String> {
        [Self::Evict, Self::Wait].into_iter().find(|it| it.word() == word).ok_or_else(|| "Choose whether to evict or to wait".to_owned())
    }
}

/// Where a re-layout stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", try_from = "written::Fields")]
pub enum State {
    /// The node is being cordoned.
    Cordoning,
    /// Pods with GPUs are on it.
    Draining {
        /// How many.
        left: u32,
        /// Since when it is that many.
        since: Timestamp,
    },
    /// mig-manager is being asked.
    Labelling,
    /// mig-manager works, since it was asked.
    Applying {
        /// When that was.
        since: Timestamp,
    },
    /// mig-manager says that it has succeeded; the device plugin has yet to advertise it.
    Checking {
        /// Since when.
        since: Timestamp,
    },
    /// The cordon is being lifted: at the end, or because it was aborted.
    Uncordoning {
        /// The step at which it was aborted.
        aborted: Option<Step>,
        /// Whether the label still has to be put back first.
        restore: bool,
    },
    /// The cards are cut as they were to be, and Pods may come.
    Done,
    /// It could not go on.
    Failed {
        /// At which step.
        step: Step,
        /// Why.
        why: String,
        /// What to do about it.
        recovery: String,
        /// Whether Slipway's cordon is still on the node.
        cordoned: bool,
    },
    /// Somebody aborted it, and Pods may come.
    Aborted {
        /// At which step.
        at: Step,
    },
}

/// Something to be done to the node. Each may be done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Cordon it.
    Cordon,
    /// Evict the Pods there that hold GPUs and are not going yet.
    Evict,
    /// Remove the label, which says already what it is to say: mig-manager acts upon changes alone.
    ClearLabel,
    /// Set the label, and remove what mig-manager said of an earlier one.
    Label,
    /// Set the label to what it was.
    Restore,
    /// Lift the cordon.
    Uncordon,
}

impl Deed {
    /// What the audit log calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cordon => "cordon node",
            Self::Evict => "evict Pods with GPUs",
            Self::ClearLabel => "clear MIG label",
            Self::Label => "set MIG label",
            Self::Restore => "restore MIG label",
            Self::Uncordon => "uncordon node",
        }
    }
}

/// What was ordered, and how the node was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The node.
    pub node: String,
    /// The named cut.
    pub config: String,
    /// What it is to advertise afterwards, by resource name.
    pub resources: BTreeMap<String, u32>,
    /// How it is emptied.
    pub drain: Drain,
    /// Whether somebody else had cordoned it: then it stays so.
    pub was_cordoned: bool,
    /// What its label said.
    pub was_config: Option<String>,
}

/// What is seen now.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The node; none where the cluster does not have it any more.
    pub node: Option<&'a NodeFacts>,
    /// Pods on it that hold GPUs and have not ended.
    pub left: u32,
}

/// How long is waited for what others do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For mig-manager to say anything.
    pub answer: SignedDuration,
    /// For mig-manager to end, a reboot included.
    pub apply: SignedDuration,
    /// For the device plugin to advertise the new cut.
    pub advertise: SignedDuration,
    /// How long no Pod with GPUs must have been seen: one that was bound at the last moment is seen a little later.
    pub settle: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: SignedDuration::from_mins(2),
            apply: SignedDuration::from_mins(15),
            advertise: SignedDuration::from_mins(3),
            settle: SignedDuration::from_secs(2),
        }
    }
}

impl State {
    /// The step that it is at; none at the end.
    pub const fn step(&self) -> Option<Step> {
        match self {
            Self::Cordoning => Some(Step::Cordon),
            Self::Draining { .. } => Some(Step::Drain),
            Self::Labelling => Some(Step::Label),
            Self::Applying { .. } => Some(Step::Apply),
            Self::Checking { .. } => Some(Step::Check),
            Self::Uncordoning { .. } => Some(Step::Uncordon),
            Self::Done | Self::Failed { .. } | Self::Aborted { .. } => None,
        }
    }

    /// Whether nothing more happens by itself.
    pub const fn has_ended(&self) -> bool {
        self.step().is_none()
    }

    /// Whether it has failed and left the node cordoned, which somebody has to see to.
    pub const fn left_cordoned(&self) -> bool {
        matches!(self, Self::Failed { cordoned: true, .. })
    }

    /// Aborts it: puts the label back where it was set, and lifts the cordon. What failed and left the node cordoned can be
    /// given up so, too.
    ///
    /// # Errors
    /// A sentence where it has ended, or ends at this moment.
    pub fn abort(&self) -> Result<Self, Refusal> {
        let from = |step: Step| Self::Uncordoning { aborted: Some(step), restore: step >= Step::Label };
        match self {
            Self::Failed { step, cordoned: true, .. } => Ok(from(*step)),
            Self::Done | Self::Failed { .. } | Self::Aborted { .. } => {
                Err(Refusal::conflict("It has ended already; there is nothing left to abort"))
            }
            Self::Uncordoning { .. } => Err(Refusal::conflict("It is about to end: only the cordon is left to be lifted")),
            Self::Cordoning => Ok(from(Step::Cordon)),
            Self::Draining { .. } => Ok(from(Step::Drain)),
            Self::Labelling => Ok(from(Step::Label)),
            Self::Applying { .. } => Ok(from(Step::Apply)),
            Self::Checking { .. } => Ok(from(Step::Check)),
        }
    }
}

/// Where it stands next, by what is seen, and what is to be done now.
pub fn step(now: Timestamp, limits: &Limits, order: &Order, state: State, seen: Seen<'_>) -> (State, Option<Deed>) {
    let Some(at) = state.step() else { return (state, None) };
    let Some(node) = seen.node else { return (failure::vanished(order, &state, at), None) };
    let late = |since: Timestamp, limit: SignedDuration| now.duration_since(since) > limit;
    let label = node.labels.get(CONFIG).map(String::as_str);
    match state {
        State::Cordoning if node.cordoned => (State::Draining { left: seen.left, since: now }, None),
        State::Cordoning => (state, Some(Deed::Cordon)),
        State::Draining { .. } | State::Labelling if !node.cordoned => (failure::uncordoned(order, at), None),
        State::Draining { left, since } => {
            let since = if left == seen.left { since } else { now };
            let evict = (order.drain == Drain::Evict && seen.left > 0).then_some(Deed::Evict);
            if seen.left == 0 && now.duration_since(since) >= limits.settle {
                (State::Labelling, None)
            } else {
                (State::Draining { left: seen.left, since }, evict)
            }
        }
        State::Labelling if seen.left > 0 => (State::Draining { left: seen.left, since: now }, None),
        State::Labelling if label == Some(&order.config) => (state, Some(Deed::ClearLabel)),
        State::Labelling => (state, Some(Deed::Label)),
        State::Applying { since } if label != Some(&order.config) => {
            // What the label says is seen a little later than it was set.
            if late(since, limits.answer) { (failure::relabelled(order, label), None) } else { (state, None) }
        }
        State::Applying { since } => match node.labels.get(CONFIG_STATE).map(String::as_str) {
            Some("success") => (State::Checking { since: now }, None),
            Some("failed") => (failure::not_cut(order), None),
            Some(word) if late(since, limits.apply) => (failure::wedged(order, limits, word), None),
            None if late(since, limits.answer) => (failure::no_answer(order, limits), None),
            Some(_) | None => (state, None),
        },
        State::Checking { since } => match difference(&order.resources, &node.allocatable) {
            None => (State::Uncordoning { aborted: None, restore: false }, None),
            Some(difference) if late(since, limits.advertise) => (failure::mismatched(order, limits, &difference), None),
            Some(_) => (state, None),
        },
        // A label that somebody else has set in the meantime is theirs.
        State::Uncordoning { aborted, restore: true }
            if label.is_some_and(|label| label != order.config && Some(label) != order.was_config.as_deref()) =>
        {
            (State::Uncordoning { aborted, restore: false }, None)
        }
        State::Uncordoning { restore: true, .. } => (state, Some(Deed::Restore)),
        State::Uncordoning { aborted, restore: false } if order.was_cordoned => (ended(aborted), None),
        State::Uncordoning { restore: false, .. } => (state, Some(Deed::Uncordon)),
        State::Done | State::Failed { .. } | State::Aborted { .. } => (state, None),
    }
}

/// Where it stands once the API server has taken a deed.
pub fn after(now: Timestamp, state: State, deed: Deed) -> State {
    match (state, deed) {
        (State::Labelling, Deed::Label) => State::Applying { since: now },
        (State::Uncordoning { aborted, .. }, Deed::Restore) => State::Uncordoning { aborted, restore: false },
        (State::Uncordoning { aborted, .. }, Deed::Uncordon) => ended(aborted),
        (state, Deed::Cordon | Deed::Evict | Deed::ClearLabel | Deed::Label | Deed::Restore | Deed::Uncordon) => state,
    }
}

/// Where it stands once the API server has refused a deed for good, with its reason.
pub fn refused(order: &Order, state: &State, deed: Deed, why: &str) -> State {
    let Some(step) = state.step() else { return state.clone() };
    let node = &order.node;
    let cordoned = step > Step::Cordon && !order.was_cordoned;
    let stays = if cordoned { "the node stays cordoned until then" } else { "the node is as it was" };
    State::Failed {
        step,
        why: format!("{} was refused: {why}", capital(deed.words())),
        recovery: match deed {
            Deed::Cordon | Deed::Evict | Deed::ClearLabel | Deed::Label => {
                format!("A platform admin whom Kubernetes lets change nodes can order it again; {stays}")
            }
            Deed::Restore | Deed::Uncordon => format!(
                "A platform admin whom Kubernetes lets change nodes can uncordon it here, or by hand with kubectl uncordon {node}; {stays}"
            ),
        },
        cordoned,
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

const fn ended(aborted: Option<Step>) -> State {
    match aborted {
        None => State::Done,
        Some(at) => State::Aborted { at },
    }
}
