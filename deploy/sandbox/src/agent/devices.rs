//! Which GPU or MIG slice of a node each container has.
//!
//! Kept in memory and derived again from the attempts' environment after a restart, so that no slice is given out twice.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Container;

use crate::nodes::{Device, NodeSpec};

/// The variable that names a container's devices, as NVIDIA's device plugin sets it.
pub(super) const VISIBLE: &str = "NVIDIA_VISIBLE_DEVICES";

/// The devices of one node.
#[derive(Debug)]
pub(super) struct Devices {
    all: Vec<Device>,
    /// Device → Pod uid.
    taken: BTreeMap<String, String>,
}

impl Devices {
    pub fn of(node: &NodeSpec) -> Self {
        Self { all: node.devices(), taken: BTreeMap::new() }
    }

    /// Gives a container what it asks for; the answer is the variable's value, or none where it asks for no device.
    ///
    /// # Errors
    /// A sentence as the kubelet's: the scheduler counts, so this happens only where devices are still held by a Pod that ends.
    pub fn give(&mut self, pod: &str, container: &Container) -> Result<Option<String>, String> {
        let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        let mut given = Vec::new();
        for (resource, amount) in limits.into_iter().flatten().filter(|(name, _)| name.starts_with("nvidia.com/")) {
            let wanted: usize = amount.0.parse().unwrap_or(0);
            let free: Vec<_> = self
                .all
                .iter()
                .filter(|device| device.resource == *resource && !self.taken.contains_key(&device.id))
                .take(wanted)
                .collect();
            if free.len() < wanted {
                return Err(format!(
                    "Allocate failed due to requested number of devices unavailable for {resource}. Requested: {wanted}, Available: {}, which is unexpected",
                    free.len()
                ));
            }
            given.extend(free.into_iter().map(|device| device.id.clone()));
        }
        for id in &given {
            self.taken.insert(id.clone(), pod.to_owned());
        }
        Ok((!given.is_empty()).then(|| given.join(",")))
    }

    /// Notes what a container of before the agent's restart has.
    pub fn note(&mut self, pod: &str, visible: &str) {
        let known: BTreeSet<_> = self.all.iter().map(|device| device.id.as_str()).collect();
        let held: Vec<String> = visible.split(',').filter(|id| known.contains(id)).map(str::to_owned).collect();
        for id in held {
            self.taken.insert(id, pod.to_owned());
        }
    }

    /// Takes back what a Pod had.
    pub fn free(&mut self, pod: &str) {
        self.taken.retain(|_, holder| holder != pod);
    }
}
