//! Nodes, each GPU as it is cut, and who holds what.
//!
//! [`NodeFacts`] is what Kubernetes says; [`row`] draws it, made of labels, of what the node advertises as allocatable and of
//! what the Pods there ask for, and of nothing else; GPUs that are given by claims are drawn beside them ([`dra`]). A slice is never counted as a GPU. Where labels and resources contradict
//! each other, the row says so and guesses nothing.
//!
//! Kubernetes says how many slices a Pod has on a node, and not which: slices are given to holders in the order in which they
//! came, which is one way in which it can be.

mod cards;
pub mod dra;
mod fleet;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::dra::{Advertised, DraGpu};
pub use self::{
    fleet::{Drawn, Fleet, NodeQuery, PAGE_SIZE, Total},
    view::{Group, NodeDetail, PodThere},
};
use crate::{
    gpu::product_name,
    person::PersonName,
    quantity::Quantity,
    run::spec::{RunId, RunName},
    utilisation::NodeUse,
};

/// The resource of whole GPUs, and under the `single` strategy of slices.
pub const GPU: &str = "nvidia.com/gpu";

/// The resource of places on GPUs that are shared in time, where the device plugin is told to rename it.
pub const SHARED: &str = "nvidia.com/gpu.shared";

/// What precedes a profile in the resource of its slices.
pub const MIG: &str = "nvidia.com/mig-";

/// What Kubernetes says of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What Pods may ask of it, by resource name.
    pub allocatable: BTreeMap<String, String>,
    /// Its taints as `key=value:effect`.
    pub taints: Vec<String>,
    /// Whether no new Pod is to come.
    pub cordoned: bool,
    /// Whether its agent says that it is well.
    pub ready: bool,
    /// Why it is not ready, in Kubernetes' words; empty while it is.
    pub unready: String,
    /// Since when it is ready, or is not.
    pub since: Option<Timestamp>,
    /// When its agent last said how it is: at least every few minutes.
    pub heard: Option<Timestamp>,
    /// When it joined the cluster.
    pub created: Option<Timestamp>,
    /// What its agent says that it is short of.
    pub pressures: Vec<Pressure>,
}

/// What a node can be short of, as its agent says in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pressure {
    /// Memory: Pods may be evicted.
    Memory,
    /// Disk space: Pods may be evicted, and images are removed.
    Disk,
    /// Process ids.
    Pids,
    /// Its network is not set up.
    Network,
}

impl Pressure {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Memory, Self::Disk, Self::Pids, Self::Network];

    /// The type of the condition that says so.
    pub const fn condition(self) -> &'static str {
        match self {
            Self::Memory => "MemoryPressure",
            Self::Disk => "DiskPressure",
            Self::Pids => "PIDPressure",
            Self::Network => "NetworkUnavailable",
        }
    }

    /// What a person reads.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Memory => "short of memory",
            Self::Disk => "short of disk space",
            Self::Pids => "short of process ids",
            Self::Network => "network not set up",
        }
    }
}

/// A Pod that holds resources of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held<'a> {
    /// Whose it is.
    pub holder: Holder,
    /// What it asks for, by resource name.
    pub requests: &'a [(Box<str>, Box<str>)],
}

/// Who holds a GPU or a slice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// The namespace, which for a team's is its name.
    pub team: String,
    /// The run; none where it is no run of Slipway's, or not for the viewer to know.
    pub run: Option<RunId>,
}

/// A run that holds something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// Its name.
    pub name: RunName,
    /// Who launched it.
    pub who: PersonName,
}

/// Whether a node takes Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does.
    Ready,
    /// It runs what it has and takes no more.
    Cordoned,
    /// Its agent is silent or unwell.
    NotReady,
}

impl Health {
    /// Every one, best first.
    pub const ALL: [Self; 3] = [Self::Ready, Self::Cordoned, Self::NotReady];

    /// The word beside its shape.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Cordoned => "cordoned",
            Self::NotReady => "not ready",
        }
    }
}

/// How much of something is asked for, of how much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Share {
    /// Asked for by the Pods there.
    pub used: Quantity,
    /// Allocatable.
    pub all: Quantity,
}

/// A GPU of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gpu {
    /// Given as a whole.
    Whole {
        /// Who holds it; none means free.
        holder: Option<Holder>,
    },
    /// Cut into slices.
    Cut {
        /// By their place, from the left.
        slices: Vec<Slice>,
        /// What no slice takes, from the left.
        holes: Vec<Hole>,
    },
    /// Given to several in turn, each with all of it for a while: none has it for itself.
    Shared {
        /// Places on it.
        seats: u32,
        /// Who has one, at most as many as there are.
        holders: Vec<Holder>,
    },
    /// Slices of which Slipway does not know how they lie on which card.
    Unplaced {
        /// By profile.
        slices: Vec<Slice>,
    },
}

/// A slice of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// Its profile, such as `1g.5gb`.
    pub profile: String,
    /// Its first memory slice, of eight.
    pub start: u8,
    /// How many memory slices it takes, of eight; 0 where that is not known.
    pub memory: u8,
    /// Who holds it; none means free.
    pub holder: Option<Holder>,
}

/// A part of a GPU that is not cut into anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hole {
    /// Its first memory slice, of eight.
    pub start: u8,
    /// How many memory slices it has, of eight.
    pub memory: u8,
    /// Profiles that can be cut there, smallest first; each alone.
    pub fits: Vec<String>,
}

/// The layout that the GPU operator was told to cut, by the node's labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MigConfig {
    /// Its name: `nvidia.com/mig.config`.
    pub name: String,
    /// What came of it: `nvidia.com/mig.config.state`, such as `pending` or `success`; empty where nothing was said.
    pub state: String,
}

/// A node as the Nodes page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Whether it takes Pods.
    pub health: Health,
    /// Why it is not ready, in Kubernetes' words; empty while it is.
    pub unready: String,
    /// Since when it is ready, or is not.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub since: Option<Timestamp>,
    /// What it is short of.
    pub pressures: Vec<Pressure>,
    /// Its taints as `key=value:effect`, without a value as `key:effect`.
    pub taints: Vec<String>,
    /// Its GPUs' product, such as `A100-SXM4-80GB`; none without GPUs.
    pub product: Option<String>,
    /// NVIDIA's driver.
    pub driver: Option<String>,
    /// The newest CUDA that the driver runs.
    pub cuda: Option<String>,
    /// How slices are advertised: `mixed` or `single`; none without MIG.
    pub strategy: Option<String>,
    /// The layout that was asked for; none where nothing manages it.
    pub mig: Option<MigConfig>,
    /// CPU cores.
    pub cpu: Share,
    /// Memory in bytes.
    pub memory: Share,
    /// Pods.
    pub pods: Share,
    /// Its GPUs that are given as resources.
    pub gpus: Vec<Gpu>,
    /// Its GPUs that are given by claims (DRA).
    pub dra: Vec<DraGpu>,
    /// What its labels and its resources contradict each other in.
    pub contradiction: Option<String>,
    /// How busy its GPUs are; none where it has none, and as it is drawn, before what is measured is added.
    pub utilisation: Option<NodeUse>,
}

/// Draws a node that has no GPUs for claims; `held` is in the order in which the Pods came.
pub fn row(facts: &NodeFacts, held: &[Held<'_>]) -> NodeRow {
    row_with(facts, held, &Advertised::default())
}

/// Draws a node with what is advertised of it for claims; `held` is in the order in which the Pods came.
pub fn row_with(facts: &NodeFacts, held: &[Held<'_>], advertised: &Advertised<'_>) -> NodeRow {
    let label = |name: &str| facts.labels.get(name).filter(|value| !value.is_empty()).cloned();
    let product = label("nvidia.com/gpu.product");
    let strategy = label("nvidia.com/mig.strategy").filter(|word| word != "none");
    let (dra, wrong) = dra::draw(advertised);
    let (gpus, contradiction) = cards::draw(facts, product.as_deref(), strategy.as_deref(), held, dra.len());
    let all = |resource: &str| facts.allocatable.get(resource).and_then(|amount| Quantity::parse(amount).ok()).unwrap_or_default();
    let share = |resource: &str| {
        let asked = held.iter().flat_map(|pod| pod.requests).filter(|(name, _)| **name == *resource);
        let used = asked.fold(Quantity::default(), |sum, (_, amount)| sum.plus(Quantity::parse(amount).unwrap_or_default()));
        Share { used, all: all(resource) }
    };
    // The short names are deprecated; feature discovery of before 2024 writes no others.
    let joined = |names: &[&str]| names.iter().map(|name| label(name)).collect::<Option<Vec<_>>>().map(|parts| parts.join("."));
    let driver = ["nvidia.com/cuda.driver.major", "nvidia.com/cuda.driver.minor", "nvidia.com/cuda.driver.rev"];
    NodeRow {
        name: facts.name.clone(),
        health: match (facts.ready, facts.cordoned) {
            (false, _) => Health::NotReady,
            (true, true) => Health::Cordoned,
            (true, false) => Health::Ready,
        },
        unready: facts.unready.clone(),
        since: facts.since,
        pressures: facts.pressures.clone(),
        taints: facts.taints.iter().map(|taint| taint.replacen("=:", ":", 1)).collect(),
        product: product.as_deref().map(product_name).or(dra.first().map(|gpu| gpu.product.as_str())).map(str::to_owned),
        driver: label("nvidia.com/cuda.driver-version.full")
            .or_else(|| joined(&driver))
            .or_else(|| advertised.devices.iter().find_map(|device| device.driver.as_deref()).map(str::to_owned)),
        cuda: label("nvidia.com/cuda.runtime-version.full")
            .or_else(|| joined(&["nvidia.com/cuda.runtime.major", "nvidia.com/cuda.runtime.minor"])),
        strategy,
        mig: label("nvidia.com/mig.config").map(|name| MigConfig { name, state: label("nvidia.com/mig.config.state").unwrap_or_default() }),
        cpu: share("cpu"),
        memory: share("memory"),
        pods: Share { used: Quantity::units(held.len() as u64), all: all("pods") },
        gpus,
        dra,
        contradiction: wrong.or(contradiction),
        utilisation: None,
    }
}
