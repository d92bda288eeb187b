//! The nodes file: which machines the sandbox says it has.
//!
//! `nodes.yaml` lists nodes in a person's words (product, cards, how each card is cut); from an entry
//! come the labels, the capacity and the taints that the node agent registers, exactly as NVIDIA's
//! device plugin and feature discovery would have set them. Nothing here talks to a cluster.

pub mod configs;
pub mod gpu;
pub mod labels;
mod mig;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use k8s_openapi::api::core::v1::Taint;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Deserialize;

use crate::yaml::{self, FileError};
pub use mig::Apply;
use mig::{Gpus, GpusRow, MigStrategy};

#[derive(Debug, Clone)]
pub struct NodeFile {
    pub nodes: Vec<NodeSpec>,
}

/// One node, checked: every value can be registered as it is.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    pub name: String,
    /// Machine type, for `nvidia.com/gpu.machine` and `node.kubernetes.io/instance-type`.
    pub machine: String,
    cpu: u32,
    memory: String,
    storage: String,
    pods: u16,
    gpus: Option<Gpus>,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
}

/// A whole GPU or a MIG slice, as the device plugin would list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Extended resource that counts it, such as `nvidia.com/mig-1g.5gb`.
    pub resource: String,
    /// Unique in the cluster, the same at each start.
    pub id: String,
    /// Index of the card in its node.
    pub gpu: u8,
    /// What it is of the card and where, when the device is a MIG slice.
    pub slice: Option<gpu::Slice>,
}

impl NodeFile {
    /// Reads and checks a nodes file; the error is a sentence that names file, line or node.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let rows: FileRows = yaml::read(path)?;
        if rows.nodes.is_empty() {
            return Err(FileError::content(path, "it lists no node"));
        }
        let mut names = BTreeSet::new();
        let mut nodes = Vec::with_capacity(rows.nodes.len());
        for row in rows.nodes {
            let name = row.name.clone();
            if !names.insert(name.clone()) {
                return Err(FileError::content(path, format!("two nodes are named \"{name}\"")));
            }
            let node = row.check().map_err(|reason| FileError::content(path, format!("node \"{name}\": {reason}")))?;
            nodes.push(node);
        }
        Ok(Self { nodes })
    }
}

impl NodeSpec {
    pub fn labels(&self) -> BTreeMap<String, String> {
        labels::of(self)
    }

    /// Capacity, which is also what is allocatable: the sandbox reserves nothing for a system.
    pub fn capacity(&self) -> BTreeMap<String, Quantity> {
        let mut capacity: BTreeMap<String, Quantity> = [
            ("cpu", self.cpu.to_string()),
            ("memory", self.memory.clone()),
            ("ephemeral-storage", self.storage.clone()),
            ("pods", self.pods.to_string()),
        ]
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), Quantity(amount)))
        .collect();
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for device in self.devices() {
            *counts.entry(device.resource).or_default() += 1;
        }
        capacity.extend(counts.into_iter().map(|(name, count)| (name, Quantity(count.to_string()))));
        capacity
    }

    pub fn taints(&self) -> Vec<Taint> {
        self.taints.clone()
    }

    /// The product of its cards.
    pub fn product(&self) -> Option<gpu::Product> {
        self.gpus.as_ref().map(|gpus| gpus.product)
    }

    /// Everything that a container can be given, in the order of the cards.
    pub fn devices(&self) -> Vec<Device> {
        let Some(gpus) = &self.gpus else {
            return Vec::new();
        };
        let mut devices = Vec::new();
        for gpu in 0..gpus.count {
            let Some(slices) = gpus.cut.get(&gpu) else {
                devices.push(Device { resource: "nvidia.com/gpu".into(), id: format!("GPU-{}-{gpu}", self.name), gpu, slice: None });
                continue;
            };
            for slice in slices {
                let suffix = slice.profile.resource_suffix();
                devices.push(Device {
                    resource: match gpus.strategy {
                        MigStrategy::Mixed => format!("nvidia.com/mig-{suffix}"),
                        MigStrategy::Single | MigStrategy::None => "nvidia.com/gpu".into(),
                    },
                    id: format!("MIG-{}-{gpu}-{suffix}-{}", self.name, slice.start),
                    gpu,
                    slice: Some(*slice),
                });
            }
        }
        devices
    }
}

// What stands in the file, before it is checked.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRows {
    nodes: Vec<NodeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRow {
    name: String,
    #[serde(default = "default_machine")]
    machine: String,
    cpu: u32,
    memory: String,
    #[serde(default = "default_storage")]
    storage: String,
    #[serde(default = "default_pods")]
    pods: u16,
    gpus: Option<GpusRow>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// When left out, a node with GPUs gets the usual `nvidia.com/gpu=present:NoSchedule`.
    taints: Option<Vec<TaintRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaintRow {
    key: String,
    value: Option<String>,
    effect: TaintEffect,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

fn default_machine() -> String {
    "sandbox".into()
}

fn default_storage() -> String {
    "100Gi".into()
}

fn default_pods() -> u16 {
    110
}

impl NodeRow {
    fn check(self) -> Result<NodeSpec, String> {
        if !is_node_name(&self.name) {
            return Err("a node's name is at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends".into());
        }
        if self.cpu == 0 {
            return Err("cpu is the number of cores, at least 1".into());
        }
        for (field, amount) in [("memory", &self.memory), ("storage", &self.storage)] {
            if !is_amount_of_bytes(amount) {
                return Err(format!("{field} \"{amount}\" is not an amount such as 64Gi or 2Ti"));
            }
        }
        for (key, value) in self.labels.iter().chain([(&"machine".to_owned(), &self.machine)]) {
            if !is_label_value(value) {
                return Err(format!("\"{value}\" cannot be the value of label {key}"));
            }
        }
        let gpus = self.gpus.map(GpusRow::check).transpose()?;
        let taints = match self.taints {
            Some(rows) => rows.into_iter().map(TaintRow::into_taint).collect(),
            None if gpus.is_some() => vec![taint("nvidia.com/gpu", Some("present".into()), TaintEffect::NoSchedule)],
            None => Vec::new(),
        };
        Ok(NodeSpec {
            name: self.name,
            machine: self.machine,
            cpu: self.cpu,
            memory: self.memory,
            storage: self.storage,
            pods: self.pods,
            gpus,
            labels: self.labels,
            taints,
        })
    }
}

impl TaintRow {
    fn into_taint(self) -> Taint {
        taint(&self.key, self.value, self.effect)
    }
}

fn taint(key: &str, value: Option<String>, effect: TaintEffect) -> Taint {
    Taint {
        key: key.to_owned(),
        value,
        effect: match effect {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        }
        .into(),
        time_added: None,
    }
}

fn is_node_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

fn is_label_value(value: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let edge = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    value.len() <= 63 && value.bytes().all(inner) && edge(value.bytes().next()) && edge(value.bytes().last())
}

fn is_amount_of_bytes(amount: &str) -> bool {
    let digits = amount.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let suffix = &amount[digits.len()..];
    digits.parse::<u64>().is_ok_and(|number| number > 0) && ["", "Ki", "Mi", "Gi", "Ti"].contains(&suffix)
}
