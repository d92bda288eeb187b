//! How busy GPUs are: as NVIDIA's exporter (DCGM) measures it, and as a Prometheus that scrapes it answers.
//!
//! [`Answers`] is what Prometheus says; [`readings`] makes of it one [`Reading`] for each GPU or slice that is measured, by node. A
//! device is known by its node, its number and, where it is cut, its slice's profile and identity; who holds it is what the
//! exporter says of the Pod. That is firmer than how a node is drawn: Kubernetes says which node a Pod is on, and not which GPU.
//!
//! Only `DCGM_FI_PROF_GR_ENGINE_ACTIVE`, the share of time in which the engine worked, is utilisation. `DCGM_FI_DEV_GPU_UTIL`
//! says that some kernel ran, however small; it stands in for a whole GPU under a name of its own, and says nothing of one that
//! is cut. Whatever is missing, old or no number is not measured, with the reason; nothing is guessed.

mod assemble;
mod node;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::{
    assemble::readings,
    node::{NodeUse, unmeasured},
};
use crate::node::Holder;

/// Seconds after which a value says nothing of now: exporters are scraped at least once a minute.
pub const STALE: f64 = 120.0;

/// A GPU that never works more than this within the window is idle: 5 %.
pub const IDLE_BELOW: Permille = Permille(50);

/// Idle GPUs that a page names.
pub const IDLE_SHOWN: usize = 20;

/// What an exporter may tell beyond the whole, since its two clocks are not one.
const SLACK: f64 = 1.05;

/// A share, in thousandths of the whole: 0 to 1,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permille(u16);

impl Permille {
    /// Of a share from 0 to 1; none where it is no such share.
    pub fn of(share: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1,000")]
        (0.0..=SLACK).contains(&share).then(|| Self((share.min(1.0) * 1000.0).round() as u16))
    }

    /// The thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// In per cent: `37 %`, and below ten with a tenth, such as `4.2 %`.
    pub fn words(self) -> String {
        match (self.0 / 10, self.0 % 10) {
            (whole @ 0..10, tenth @ 1..) => format!("{whole}.{tenth} %"),
            (whole, _) => format!("{whole} %"),
        }
    }
}

/// A slice of a GPU, as the exporter names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceId {
    /// Its profile as in a resource, such as `1g.5gb` or `1g.5gb.me`: `GPU_I_PROFILE`.
    pub profile: String,
    /// Its number on its GPU: `GPU_I_ID`.
    pub id: u32,
}

/// A Pod, as a series names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A value of one GPU or slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The node: `Hostname`, or `hostname` of newer exporters.
    pub node: String,
    /// The number of the GPU on its node.
    pub gpu: u32,
    /// The slice, where the GPU is cut.
    pub slice: Option<SliceId>,
    /// The Pod that has it, where the exporter says so.
    pub pod: Option<PodKey>,
    /// The value, as it came.
    pub value: f64,
}

/// What Prometheus says, all of it at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Whether Pods are named beside the exporter's own; where not, a Pod that is named may be the exporter's.
    pub named: bool,
    /// `DCGM_FI_PROF_GR_ENGINE_ACTIVE`, 0 to 1.
    pub engine: Vec<Series>,
    /// The most of it within the window.
    pub most: Vec<Series>,
    /// What it was when the window began: that it is there says that the whole window was measured.
    pub before: Vec<Series>,
    /// Seconds since it was measured.
    pub age: Vec<Series>,
    /// `DCGM_FI_DEV_GPU_UTIL`, 0 to 100.
    pub busy: Vec<Series>,
    /// `DCGM_FI_DEV_FB_USED`, in MiB.
    pub used: Vec<Series>,
    /// `DCGM_FI_DEV_FB_FREE`, in MiB.
    pub free: Vec<Series>,
}

/// How busy something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// The share of time in which its engine worked.
    Engine(Permille),
    /// The share of time in which some kernel ran on the whole GPU; not how much of it worked.
    Busy(Permille),
    /// It is not known.
    NotMeasured(Why),
}

/// Why something is not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The exporter does not tell of its engine.
    NoEngine,
    /// What it tells is no share of time.
    NoShare,
    /// The last value is so many seconds old.
    Stale(u32),
    /// It tells only what says nothing of a GPU that is cut.
    Cut,
}

impl Activity {
    /// What a person reads.
    pub fn words(self) -> String {
        match self {
            Self::Engine(share) => share.words(),
            Self::Busy(share) => format!("device busy {}, not engine active", share.words()),
            Self::NotMeasured(why) => format!("not measured: {}", why.words()),
        }
    }
}

impl Why {
    /// The reason, as it stands after a colon.
    pub fn words(self) -> String {
        match self {
            Self::NoEngine => "the exporter tells no DCGM_FI_PROF_GR_ENGINE_ACTIVE of it".to_owned(),
            Self::NoShare => "what the exporter tells of it is no share of time".to_owned(),
            Self::Stale(seconds) => format!("its last value is {seconds} s old"),
            Self::Cut => "DCGM_FI_DEV_GPU_UTIL says nothing of GPUs that are cut, as GPUs of this node are".to_owned(),
        }
    }
}

/// Memory of a GPU or slice, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Memory {
    /// In use.
    pub used: u32,
    /// In all.
    pub all: u32,
}

/// What is measured of one GPU or slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The number of the GPU on its node.
    pub gpu: u32,
    /// The slice, where the GPU is cut.
    pub slice: Option<SliceId>,
    /// How busy it is.
    pub activity: Activity,
    /// The most that its engine worked within the window; none unless the same Pod had it, and it was measured, all the time.
    pub most: Option<Permille>,
    /// Its memory.
    pub memory: Option<Memory>,
    /// Who has it; several where it is shared in turn, each of whom is shown the whole GPU's numbers.
    pub holders: Vec<Holder>,
}

impl Reading {
    /// What it is, such as `GPU 3` or `GPU 0, 1g.5gb (instance 7)`.
    pub fn device(&self) -> String {
        device(self.gpu, self.slice.as_ref())
    }
}

fn device(gpu: u32, slice: Option<&SliceId>) -> String {
    match slice {
        Some(SliceId { profile, id }) => format!("GPU {gpu}, {profile} (instance {id})"),
        None => format!("GPU {gpu}"),
    }
}

/// A reading before it is known who is who, with the Pods that have the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is measured; it has no holders yet.
    pub reading: Reading,
    /// The Pods.
    pub pods: Vec<PodKey>,
}

/// A GPU or slice that somebody holds and does not use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// Its node.
    pub node: String,
    /// The number of the GPU.
    pub gpu: u32,
    /// The slice, where the GPU is cut.
    pub slice: Option<SliceId>,
    /// Who holds it.
    pub holder: Holder,
    /// The most that its engine worked within the window.
    pub most: Permille,
    /// When the Pod that holds it was bound to the node.
    #[serde(deserialize_with = "crate::instant::read")]
    pub since: Timestamp,
}

impl Idle {
    /// Those of a node's devices that are idle; `held_since` is by holder, in the order of the reading's.
    pub fn of(node: &str, reading: &Reading, held_since: &[Timestamp], now: Timestamp, window: SignedDuration) -> Vec<Self> {
        let (Activity::Engine(_), Some(most)) = (reading.activity, reading.most) else { return Vec::new() };
        if most >= IDLE_BELOW {
            return Vec::new();
        }
        let long = |since: Timestamp| now.duration_since(since) >= window;
        let idle = |(holder, since): (&Holder, &Timestamp)| Self {
            node: node.to_owned(),
            gpu: reading.gpu,
            slice: reading.slice.clone(),
            holder: holder.clone(),
            most,
            since: *since,
        };
        reading.holders.iter().zip(held_since).filter(|(_, since)| long(**since)).map(idle).collect()
    }

    /// What it is, such as `GPU 3` or `GPU 0, 1g.5gb (instance 7)`.
    pub fn device(&self) -> String {
        device(self.gpu, self.slice.as_ref())
    }
}

/// Whether anything is measured at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measuring {
    /// Nobody has said where Prometheus is.
    #[default]
    NotConfigured,
    /// It has not been asked yet.
    Waiting,
    /// It answered.
    Good {
        /// When.
        #[serde(deserialize_with = "crate::instant::read")]
        at: Timestamp,
        /// The window in which a GPU must have done nothing to be idle, in seconds.
        window: u32,
    },
    /// It did not answer, or what it answered could not be used.
    Failed {
        /// Why, as it stands after a colon.
        why: String,
        /// When it answered last.
        #[serde(deserialize_with = "crate::instant::read_option")]
        last: Option<Timestamp>,
    },
}

impl Measuring {
    /// Why nothing is measured, as it stands after `not measured: `; none while it is.
    pub fn why_not(&self) -> Option<String> {
        match self {
            Self::NotConfigured => Some("no Prometheus is configured".to_owned()),
            Self::Waiting => Some("Prometheus has not been asked yet".to_owned()),
            Self::Good { .. } => None,
            Self::Failed { why, .. } => Some(why.clone()),
        }
    }
}
