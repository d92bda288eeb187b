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
    /// Nothing is given out while the cards are cut anew.
    closed: bool,
    /// Device → Pod uid.
    taken: BTreeMap<String, String>,
}

impl Devices {
    pub fn of(node: &NodeSpec) -> Self {
        Self { all: node.devices(), closed: false, taken: BTreeMap::new() }
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
                .filter(|device| !self.closed && device.resource == *resource && !self.taken.contains_key(&device.id))
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

    /// Gives nothing out until told otherwise.
    pub fn close(&mut self, closed: bool) {
        self.closed = closed;
    }

    /// The cards are cut anew, as this node's are. What Pods have on cards that stay as they are stays theirs.
    ///
    /// # Errors
    /// Which card that changes is in use; then nothing is changed.
    pub fn recut(&mut self, node: &NodeSpec) -> Result<(), String> {
        let next = node.devices();
        let on = |devices: &[Device], gpu: u8| -> Vec<String> {
            devices.iter().filter(|device| device.gpu == gpu).map(|device| device.id.clone()).collect()
        };
        for device in &self.all {
            if let Some(pod) = self.taken.get(&device.id)
                && on(&self.all, device.gpu) != on(&next, device.gpu)
            {
                return Err(format!("GPU {} is in use by another client: Pod {pod} has {}", device.gpu, device.id));
            }
        }
        self.all = next;
        Ok(())
    }

    /// Every device, with the uid of the Pod that has it.
    pub fn held(&self) -> impl Iterator<Item = (&Device, Option<&str>)> {
        self.all.iter().map(|device| (device, self.taken.get(&device.id).map(String::as_str)))
    }

    /// Takes back what a Pod had.
    pub fn free(&mut self, pod: &str) {
        self.taken.retain(|_, holder| holder != pod);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::nodes::{NodeFile, configs::MigConfigs};

    #[test]
    fn a_card_that_is_in_use_stays_as_it_is_and_one_that_does_not_change_keeps_its_pods() {
        let file = NodeFile::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes.yaml")).unwrap();
        let node = file.nodes.into_iter().find(|node| node.name == "gpu-b").unwrap();
        let configs = MigConfigs::load(None).unwrap();
        let into = |config: &str| node.recut(config, &configs.cut(config, &node).unwrap()).unwrap();
        let mut devices = Devices::of(&node);
        devices.note("pod", "MIG-gpu-b-1-7g.40gb-0");
        devices.recut(&into("all-7g.40gb")).unwrap();
        let refusal = devices.recut(&into("all-1g.5gb")).unwrap_err();
        assert!(refusal.starts_with("GPU 1 is in use"), "{refusal}");
        devices.free("pod");
        devices.recut(&into("all-1g.5gb")).unwrap();
        assert_eq!(devices.all.len(), 28);
    }
}
