//! Node labels as NVIDIA's GPU feature discovery, node feature discovery and the GPU operator set them.
//!
//! Followed label by label: `internal/lm` of NVIDIA/k8s-device-plugin. Under strategy `mixed`,
//! `gpu.count` counts every card, cut or not, and each profile has labels of its own; under `single`
//! the slices take the name of the GPU.

use std::collections::BTreeMap;

use super::gpu::{Product, Profile};
use super::{Gpus, MigStrategy, NodeSpec};

/// The driver that the sandbox's GPU nodes say they run.
pub const DRIVER: [&str; 3] = ["580", "95", "05"];
const CUDA: [&str; 2] = ["13", "0"];

pub fn of(node: &NodeSpec) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut set = |key: &str, value: String| {
        labels.insert(key.to_owned(), value);
    };
    set("kubernetes.io/hostname", node.name.clone());
    set("kubernetes.io/os", "linux".into());
    set("kubernetes.io/arch", architecture().into());
    set("node.kubernetes.io/instance-type", node.machine.clone());
    if let Some(gpus) = &node.gpus {
        set("feature.node.kubernetes.io/pci-10de.present", "true".into());
        set("nvidia.com/gpu.present", "true".into());
        let mut nvidia = |key: &str, value: String| set(&format!("nvidia.com/{key}"), value);
        machine(&mut nvidia, node, gpus);
        driver(&mut nvidia);
        card(&mut nvidia, gpus);
        mig(&mut nvidia, gpus);
    }
    labels.extend(node.labels.clone());
    labels
}

/// The word Kubernetes uses, for the machine this program was built for.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn machine(set: &mut impl FnMut(&str, String), node: &NodeSpec, gpus: &Gpus) {
    set("gpu.machine", node.machine.clone());
    set("gpu.mode", "compute".into());
    set("mps.capable", "false".into());
    set("mig.capable", (!gpus.product.profiles.is_empty()).to_string());
    set("vgpu.present", "false".into());
}

fn driver(set: &mut impl FnMut(&str, String)) {
    let [major, minor, revision] = DRIVER;
    set("cuda.driver-version.major", major.into());
    set("cuda.driver-version.minor", minor.into());
    set("cuda.driver-version.revision", revision.into());
    set("cuda.driver-version.full", DRIVER.join("."));
    // The short names are deprecated, and still written beside the new ones.
    set("cuda.driver.major", major.into());
    set("cuda.driver.minor", minor.into());
    set("cuda.driver.rev", revision.into());
    let [major, minor] = CUDA;
    set("cuda.runtime-version.major", major.into());
    set("cuda.runtime-version.minor", minor.into());
    set("cuda.runtime-version.full", CUDA.join("."));
    set("cuda.runtime.major", major.into());
    set("cuda.runtime.minor", minor.into());
}

fn card(set: &mut impl FnMut(&str, String), gpus: &Gpus) {
    let Product { name, memory_mib, family, compute, .. } = gpus.product;
    set("gpu.product", format!("NVIDIA-{name}"));
    set("gpu.count", gpus.count.to_string());
    // Feature discovery writes 0 when every card is cut, since none of them can then be shared.
    let all_cut = gpus.cut.len() == usize::from(gpus.count);
    set("gpu.replicas", if all_cut { "0" } else { "1" }.into());
    set("gpu.sharing-strategy", "none".into());
    set("gpu.memory", memory_mib.to_string());
    set("gpu.family", family.into());
    set("gpu.compute.major", compute.0.to_string());
    set("gpu.compute.minor", compute.1.to_string());
}

fn mig(set: &mut impl FnMut(&str, String), gpus: &Gpus) {
    if gpus.product.profiles.is_empty() {
        return;
    }
    set("mig.config", gpus.mig_config.clone());
    set("mig.config.state", "success".into());
    if gpus.strategy == MigStrategy::None {
        return;
    }
    set("mig.strategy", gpus.strategy.word().into());
    let mut slices: BTreeMap<&str, (Profile, usize)> = BTreeMap::new();
    for slice in gpus.cut.values().flatten() {
        slices.entry(slice.profile.name).or_insert((slice.profile, 0)).1 += 1;
    }
    for (profile, count) in slices.into_values() {
        let resource = match gpus.strategy {
            MigStrategy::Mixed => format!("mig-{}", profile.resource_suffix()),
            MigStrategy::Single | MigStrategy::None => "gpu".into(),
        };
        let mut of_slice = |key: &str, value: String| set(&format!("{resource}.{key}"), value);
        let product = format!("NVIDIA-{}-MIG-{}", gpus.product.name, profile.resource_suffix());
        of_slice("product", product);
        of_slice("count", count.to_string());
        of_slice("replicas", "1".into());
        of_slice("sharing-strategy", "none".into());
        of_slice("memory", profile.memory_mib.to_string());
        of_slice("multiprocessors", profile.multiprocessors.to_string());
        of_slice("slices.gi", profile.compute_slices.to_string());
        of_slice("slices.ci", profile.compute_slices.to_string());
        of_slice("engines.copy", profile.compute_slices.to_string());
        of_slice("engines.decoder", profile.decoders.to_string());
        of_slice("engines.encoder", "0".into());
        of_slice("engines.jpeg", profile.jpeg_and_ofa.to_string());
        of_slice("engines.ofa", profile.jpeg_and_ofa.to_string());
    }
}
