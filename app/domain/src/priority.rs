//! Priority classes: who goes first, and who makes way.

use serde::{Deserialize, Serialize};

/// A `PriorityClass` as the cluster has it. Its value and whether it preempts can never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityFacts {
    /// Its name, the same in the whole cluster.
    pub name: String,
    /// Higher goes first; at most 1,000,000,000 for anybody's but the system's.
    pub value: i32,
    /// Whether Pods that name no class get it.
    pub global_default: bool,
    /// Whether its Pods displace others of lower priority (`preemptionPolicy` is not `Never`).
    pub preempts: bool,
    /// What it is for, in words.
    pub description: String,
}
