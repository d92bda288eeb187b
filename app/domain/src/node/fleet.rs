//! All nodes at once: what there is of each resource, and the page of the list that was asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Gpu, Health, Held, HeldBy, NodeFacts, NodeRow,
    dra::{Advertised, compute_of},
    row_with,
};
use crate::{
    gpu::COMPUTE_SLICES,
    run::spec::RunId,
    utilisation::{Idle, Measuring},
};

/// Nodes on one page of the list.
pub const PAGE_SIZE: u32 = 100;

/// How much there is of one resource on the nodes that are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// A product for whole GPUs, or a profile.
    pub name: String,
    /// Held.
    pub used: u32,
    /// In all.
    pub all: u32,
    /// What one of them is of a GPU: so many of so many parts; one of one for whole GPUs alone.
    pub part: (u32, u32),
}

impl Total {
    /// How many GPUs those that are held and all of them come to, to a tenth, such as `1.3 of 2.0`; none for whole GPUs, which
    /// are GPUs.
    pub fn in_gpus(&self) -> Option<String> {
        let (of, parts) = self.part;
        let tenths = |count: u32| (u64::from(count) * u64::from(of) * 10 + u64::from(parts) / 2) / u64::from(parts.max(1));
        let text = |tenths: u64| format!("{}.{}", tenths / 10, tenths % 10);
        (self.part != (1, 1)).then(|| format!("{} of {}", text(tenths(self.used)), text(tenths(self.all))))
    }

    /// What they weigh against others: all of them in GPUs, of 840 to a GPU, which every number of parts up to 8 divides.
    fn weight(&self) -> u64 {
        u64::from(self.all) * u64::from(self.part.0) * 840 / u64::from(self.part.1.max(1))
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
    /// Only those of this health; none means all.
    pub health: Option<Health>,
    /// Only those with a GPU or a slice that nobody holds.
    pub free: bool,
    /// The page, from 0.
    pub page: u32,
}

/// The nodes as a page shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// One page of the nodes that were asked for, by name.
    pub rows: Vec<NodeRow>,
    /// The runs that hold something on this page, as far as the viewer may know of them.
    pub runs: BTreeMap<RunId, HeldBy>,
    /// The number of each team's colour, from 1, for those that hold something on this page.
    pub colours: BTreeMap<String, u8>,
    /// How many nodes there are on all pages.
    pub found: u32,
    /// What there is on all nodes that are ready, most first.
    pub totals: Vec<Total>,
    /// Products there are.
    pub products: Vec<String>,
    /// The rows may be older than this, when the cluster is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
    /// Whether utilisation is measured.
    pub measuring: Measuring,
    /// GPUs of all nodes that somebody holds and does not use, at most [`IDLE_SHOWN`](crate::utilisation::IDLE_SHOWN).
    pub idle: Vec<Idle>,
    /// How many there are in all.
    pub idle_found: u32,
}

/// A node that was drawn, with what it adds to the totals: worked out when it changes, and not for each who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// As it is shown to somebody who may see everything.
    pub row: NodeRow,
    free: u32,
    totals: Vec<Total>,
}

impl Drawn {
    /// Draws a node that has no GPUs for claims; `held` is in the order in which the Pods came.
    pub fn of(facts: &NodeFacts, held: &[Held<'_>]) -> Self {
        Self::with(facts, held, &Advertised::default())
    }

    /// Draws a node with what is advertised of it for claims; `held` is in the order in which the Pods came.
    pub fn with(facts: &NodeFacts, held: &[Held<'_>], advertised: &Advertised<'_>) -> Self {
        let row = row_with(facts, held, advertised);
        Self { free: row.free(), totals: totals(&row), row }
    }

    /// Whether it is among those asked for; `name` is the query's as nodes are named.
    fn is_asked_for(&self, query: &NodeQuery, name: &str) -> bool {
        let row = &self.row;
        row.name.contains(name)
            && (query.product.is_empty() || row.product.as_deref() == Some(query.product.as_str()))
            && query.health.is_none_or(|health| row.health == health)
            && (!query.free || self.free > 0)
    }
}

impl Fleet {
    /// The page of `nodes`, given by name, that a query asks for, with the totals of all of them. Names of runs and colours are
    /// added by whoever knows them.
    pub fn of(nodes: &[Arc<Drawn>], query: &NodeQuery, stale_since: Option<Timestamp>) -> Self {
        let mut totals: BTreeMap<&str, Total> = BTreeMap::new();
        let mut products = BTreeSet::new();
        let mut rows = Vec::new();
        let from = query.page.saturating_mul(PAGE_SIZE);
        let mut found = 0_u32;
        let name = query.name.trim().to_lowercase();
        for node in nodes {
            for total in &node.totals {
                match totals.get_mut(total.name.as_str()) {
                    Some(sum) => {
                        sum.used += total.used;
                        sum.all += total.all;
                    }
                    None => {
                        totals.insert(&total.name, total.clone());
                    }
                }
            }
            products.extend(node.row.product.as_deref());
            if node.is_asked_for(query, &name) {
                if (from..from.saturating_add(PAGE_SIZE)).contains(&found) {
                    rows.push(node.row.clone());
                }
                found += 1;
            }
        }
        let mut totals: Vec<Total> = totals.into_values().collect();
        totals.sort_by(|a, b| b.weight().cmp(&a.weight()).then_with(|| a.name.cmp(&b.name)));
        Self { rows, found, totals, products: products.into_iter().map(str::to_owned).collect(), stale_since, ..Self::default() }
    }
}

/// What a node adds: nothing unless it is ready.
fn totals(row: &NodeRow) -> Vec<Total> {
    let mut sums: Vec<Total> = Vec::new();
    let mut add = |name: &str, part: (u32, u32), used: u32, all: u32| match sums.iter_mut().find(|total| total.name == name) {
        Some(total) => {
            total.used += used;
            total.all += all;
        }
        None => sums.push(Total { name: name.to_owned(), used, all, part }),
    };
    let of_gpu = |profile: &str| (u32::from(compute_of(profile)), u32::from(COMPUTE_SLICES));
    let product = row.product.as_deref().unwrap_or("GPU");
    for gpu in row.gpus.iter().filter(|_| row.health == Health::Ready) {
        match gpu {
            Gpu::Whole { holder } => add(product, (1, 1), u32::from(holder.is_some()), 1),
            Gpu::Cut { slices, .. } | Gpu::Unplaced { slices } => {
                for slice in slices {
                    add(&slice.profile, of_gpu(&slice.profile), u32::from(slice.holder.is_some()), 1);
                }
            }
            Gpu::Shared { seats, holders } => {
                add(&format!("{product} shared"), (1, (*seats).max(2)), u32::try_from(holders.len()).unwrap_or(u32::MAX), *seats);
            }
        }
    }
    // What a claim gives cannot be asked for as a resource, and the other way about: neither stands for the other.
    for gpu in row.dra.iter().filter(|_| row.health == Health::Ready) {
        for part in &gpu.parts {
            let (name, of) = part.profile.as_deref().map_or((gpu.product.as_str(), (1, 1)), |profile| (profile, of_gpu(profile)));
            add(&format!("{name} by claim"), of, u32::from(!part.holders.is_empty()), 1);
        }
    }
    sums
}
