//! Nodes, each GPU as it is cut, and who holds what.
//!
//! [`row`] is what the Nodes page draws, made of what Kubernetes says and of nothing else: labels, what the node advertises as
//! allocatable, and what the Pods there ask for. A slice is never counted as a GPU. Where labels and resources contradict each
//! other, the row says so and guesses nothing.

mod cards;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    gpu::{COMPUTE_SLICES, Model, product_name},
    person::PersonName,
    quantity::Quantity,
    run::spec::{RunId, RunName},
};

/// The resource of whole GPUs, and under the `single` strategy of slices.
pub const GPU: &str = "nvidia.com/gpu";

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
}

/// A Pod that holds resources of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose it is.
    pub holder: Holder,
    /// What it asks for, by resource name.
    pub requests: Vec<(String, String)>,
}

/// Who holds a GPU or a slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The namespace, which for a team's is its name.
    pub team: String,
    /// The run; none where it is no run of Slipway's, or not for the viewer to know.
    pub run: Option<HeldBy>,
}

/// A run that holds something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// Its identity.
    pub id: RunId,
    /// Its name.
    pub name: RunName,
    /// Who launched it.
    pub who: PersonName,
}

/// Whether a node takes Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Asked for by the Pods there.
    pub used: Quantity,
    /// Allocatable.
    pub all: Quantity,
}

/// A GPU of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
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
        /// Profiles that can still be cut off it.
        fits: Vec<String>,
    },
    /// Slices of which Slipway does not know how they lie on which card.
    Unplaced {
        /// By profile.
        slices: Vec<Slice>,
    },
}

/// A slice of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Its profile, such as `1g.5gb`.
    pub profile: String,
    /// Its first memory slice, of eight.
    pub start: u8,
    /// How many memory slices it takes, of eight.
    pub memory: u8,
    /// Who holds it; none means free.
    pub holder: Option<Holder>,
}

/// A node as the Nodes page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Whether it takes Pods.
    pub health: Health,
    /// Its taints as `key=value:effect`.
    pub taints: Vec<String>,
    /// Its GPUs' product, such as `A100-SXM4-80GB`; none without GPUs.
    pub product: Option<String>,
    /// NVIDIA's driver.
    pub driver: Option<String>,
    /// How slices are advertised: `mixed` or `single`; none without MIG.
    pub strategy: Option<String>,
    /// CPU cores.
    pub cpu: Share,
    /// Memory in bytes.
    pub memory: Share,
    /// Its GPUs.
    pub gpus: Vec<Gpu>,
    /// What its labels and its resources contradict each other in.
    pub contradiction: Option<String>,
}

/// How much there is of one resource on the nodes that are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// A product for whole GPUs, or a profile.
    pub name: String,
    /// Held.
    pub used: u32,
    /// In all.
    pub all: u32,
    /// Compute slices, of seven a GPU, that one is.
    pub sevenths: u32,
}

impl Total {
    /// What all of them are in GPUs, to a tenth; none for whole GPUs, which are GPUs.
    pub fn in_gpus(&self) -> Option<String> {
        let tenths = (self.all * self.sevenths * 10 + 3) / u32::from(COMPUTE_SLICES);
        (self.sevenths < u32::from(COMPUTE_SLICES)).then(|| format!("{}.{}", tenths / 10, tenths % 10))
    }
}

/// Which nodes are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeQuery {
    /// Only those whose name contains this.
    pub name: String,
    /// Only those of this product; empty means all.
    pub product: String,
    /// Only those with a GPU or a slice that nobody holds.
    pub free: bool,
    /// The page, from 0.
    pub page: u32,
}

/// Nodes on one page of the list.
pub const PAGE_SIZE: u32 = 100;

/// The nodes as a page shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// One page of the nodes that were asked for, by name.
    pub rows: Vec<NodeRow>,
    /// How many there are on all pages.
    pub found: u32,
    /// What there is on all nodes that are ready, most first.
    pub totals: Vec<Total>,
    /// Products there are.
    pub products: Vec<String>,
    /// The rows may be older than this, when the cluster is away.
    pub stale_since: Option<Timestamp>,
}

impl Fleet {
    /// The page of `rows`, given by name, that a query asks for, with the totals of all of them.
    pub fn of(rows: Vec<NodeRow>, query: &NodeQuery, stale_since: Option<Timestamp>) -> Self {
        let totals = totals(&rows);
        let mut products: Vec<String> = rows.iter().filter_map(|row| row.product.clone()).collect();
        products.sort_unstable();
        products.dedup();
        let name = query.name.trim();
        let wanted = |row: &NodeRow| {
            row.name.contains(name)
                && (query.product.is_empty() || row.product.as_deref() == Some(query.product.as_str()))
                && (!query.free || row.free() > 0)
        };
        let found: Vec<NodeRow> = rows.into_iter().filter(wanted).collect();
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let from = query.page.saturating_mul(PAGE_SIZE);
        let rows = found.into_iter().skip(from as usize).take(PAGE_SIZE as usize).collect();
        Self { rows, found: count, totals, products, stale_since }
    }
}

impl NodeRow {
    /// GPUs and slices that nobody holds.
    pub fn free(&self) -> usize {
        self.gpus
            .iter()
            .map(|gpu| match gpu {
                Gpu::Whole { holder } => usize::from(holder.is_none()),
                Gpu::Cut { slices, .. } | Gpu::Unplaced { slices } => slices.iter().filter(|slice| slice.holder.is_none()).count(),
            })
            .sum()
    }
}

/// Draws a node.
pub fn row(facts: &NodeFacts, held: &[Held]) -> NodeRow {
    let label = |name: &str| facts.labels.get(name).filter(|value| !value.is_empty()).cloned();
    let product = label("nvidia.com/gpu.product");
    let strategy = label("nvidia.com/mig.strategy").filter(|word| word != "none");
    let (gpus, contradiction) = cards::draw(facts, product.as_deref(), strategy.as_deref(), held);
    let share = |resource: &str| {
        let asked = held.iter().flat_map(|pod| &pod.requests).filter(|(name, _)| name == resource);
        let used = asked.fold(Quantity::default(), |sum, (_, amount)| sum.plus(Quantity::parse(amount).unwrap_or_default()));
        let all = facts.allocatable.get(resource).and_then(|amount| Quantity::parse(amount).ok()).unwrap_or_default();
        Share { used, all }
    };
    NodeRow {
        name: facts.name.clone(),
        health: match (facts.ready, facts.cordoned) {
            (false, _) => Health::NotReady,
            (true, true) => Health::Cordoned,
            (true, false) => Health::Ready,
        },
        taints: facts.taints.clone(),
        product: product.as_deref().map(|label| product_name(label).to_owned()),
        driver: label("nvidia.com/cuda.driver-version.full"),
        strategy,
        cpu: share("cpu"),
        memory: share("memory"),
        gpus,
        contradiction,
    }
}

/// What there is on nodes that are ready, most first.
fn totals(rows: &[NodeRow]) -> Vec<Total> {
    let mut sums: BTreeMap<String, Total> = BTreeMap::new();
    let mut add = |name: String, sevenths: u32, held: bool| {
        let total = sums.entry(name.clone()).or_insert(Total { name, used: 0, all: 0, sevenths });
        total.all += 1;
        total.used += u32::from(held);
    };
    for row in rows.iter().filter(|row| row.health == Health::Ready) {
        for gpu in &row.gpus {
            match gpu {
                Gpu::Whole { holder } => {
                    add(row.product.clone().unwrap_or_else(|| "GPU".to_owned()), u32::from(COMPUTE_SLICES), holder.is_some());
                }
                Gpu::Cut { slices, .. } | Gpu::Unplaced { slices } => {
                    for slice in slices {
                        let compute = slice.profile.split_once('g').and_then(|(compute, _)| compute.parse().ok()).unwrap_or(1);
                        add(slice.profile.clone(), compute, slice.holder.is_some());
                    }
                }
            }
        }
    }
    let mut totals: Vec<Total> = sums.into_values().collect();
    totals.sort_by(|a, b| (b.all * b.sevenths).cmp(&(a.all * a.sevenths)).then_with(|| a.name.cmp(&b.name)));
    totals
}

/// The model of a node's product, where slices can be drawn on it.
fn model(product: Option<&str>) -> Option<&'static Model> {
    product.and_then(Model::of)
}
