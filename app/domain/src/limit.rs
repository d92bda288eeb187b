//! A team's limits: what Kubernetes lets one container, Pod or claim have, and what it gives those that say nothing.
//!
//! [`effective`] is what the API server writes into the object; [`defaulted`] and [`violations`] are what it then does to a Pod;
//! [`form`] is how a person writes limits.

mod admission;
pub mod form;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::admission::{Amounts, defaulted, violations};
use crate::{quantity::Quantity, team::TeamName};

/// The kind that bounds each container.
pub const CONTAINER: &str = "Container";

/// The kind that bounds a Pod's containers together.
pub const POD: &str = "Pod";

/// The kind that bounds each claim of a volume.
pub const CLAIM: &str = "PersistentVolumeClaim";

/// A `LimitRange` as the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitFacts {
    /// Whose it is.
    pub team: TeamName,
    /// Its name in the namespace.
    pub name: String,
    /// One for each kind of thing that it bounds.
    pub items: Vec<LimitItem>,
    /// The version that was read (`metadata.resourceVersion`), for a change that must not overwrite another's.
    pub version: String,
}

/// Bounds of one kind of thing, by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitItem {
    /// `Container`, `Pod` or `PersistentVolumeClaim`.
    pub kind: String,
    /// The most that a limit may be.
    pub max: BTreeMap<String, Quantity>,
    /// The least that a request may be.
    pub min: BTreeMap<String, Quantity>,
    /// The limit of a container that states none. The API server fills it in from `max` where it is missing.
    pub default: BTreeMap<String, Quantity>,
    /// The request of a container that states none. The API server fills it in from `default`, or `min`, where it is missing.
    pub default_request: BTreeMap<String, Quantity>,
    /// How many times its request a limit may be.
    pub max_ratio: BTreeMap<String, Quantity>,
}

impl LimitItem {
    /// Whether it bounds nothing.
    pub fn is_empty(&self) -> bool {
        [&self.max, &self.min, &self.default, &self.default_request, &self.max_ratio].iter().all(|amounts| amounts.is_empty())
    }
}

impl LimitFacts {
    /// What it limits, as one text: two that say the same limit the same. A form carries it, so that a change made meanwhile is
    /// noticed.
    pub fn seen(&self) -> String {
        let texts = form::texts_of(&self.items.iter().map(effective).collect::<Vec<_>>());
        texts.iter().map(|(field, text)| format!("{field}={text}")).collect::<Vec<_>>().join(",")
    }
}

/// Bounds as the API server fills them in: for containers, a limit that is not said is the most there may be; a request that is not
/// said is the limit, or else the least.
pub fn effective(item: &LimitItem) -> LimitItem {
    let mut item = item.clone();
    if item.kind == CONTAINER {
        let fill = |into: &mut Amounts, from: &Amounts| {
            for (resource, amount) in from {
                into.entry(resource.clone()).or_insert(*amount);
            }
        };
        fill(&mut item.default, &item.max);
        fill(&mut item.default_request, &item.default);
        fill(&mut item.default_request, &item.min);
    }
    item
}
