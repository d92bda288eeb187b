//! A team's quotas: what Kubernetes lets all of its Pods have together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{quantity::Quantity, team::TeamName};

/// A `ResourceQuota` as the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaFacts {
    /// Whose it is.
    pub team: TeamName,
    /// Its name in the namespace.
    pub name: String,
    /// The most of each, by quota name such as `requests.nvidia.com/gpu`.
    pub hard: BTreeMap<String, Quantity>,
    /// What of each is used, as Kubernetes last counted.
    pub used: BTreeMap<String, Quantity>,
    /// Which Pods it counts; none means all.
    pub scopes: Vec<Scope>,
    /// The version that was read (`metadata.resourceVersion`), for a change that must not overwrite another's.
    pub version: String,
}

/// A condition on the Pods that a quota counts (`scopes` and `scopeSelector` alike).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Such as `PriorityClass` or `NotTerminating`.
    pub name: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// What it is compared with.
    pub values: Vec<String>,
}
