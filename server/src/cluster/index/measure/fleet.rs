//! A cluster as large as Slipway is meant for: 5,000 nodes, 150,000 Pods, 50,000 Jobs.

use std::fs;

use serde_json::{Value, json};

use super::{
    super::{
        super::watch::{Watched, parse_page},
        Index,
        rows::{JobObject, NodeObject, PodObject},
    },
    PAGE, cpu_ms, page, resident,
};
use crate::clock::Clock;

/// Nodes with GPUs, of which each page of Pods fills one group.
const GROUPS: usize = 16;

/// Nodes with GPUs in a group, as [`super::pod`] spreads them.
const IN_GROUP: usize = 300;

/// Nodes without GPUs.
const PLAIN: usize = 200;

/// What a large cluster costs.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// The most memory that was resident while it was listed, in MB.
    pub peak_mb: f64,
    /// Seconds of CPU from the texts of the lists until every node is drawn.
    pub seconds: f64,
}

/// Lists a large cluster and draws its nodes.
pub fn fleet() -> Fleet {
    let index = Index::default();
    // From here on the most that was resident is of what follows. Source: proc(5), `/proc/PID/clear_refs`.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = resident();
    let mut ms = fill(&index, 150_000);
    let cpu = cpu_ms();
    index.drawn();
    ms += cpu_ms() - cpu;
    Fleet { peak_mb: (peak() - before) / 1e6, seconds: ms / 1e3 }
}

/// Lets ten Pods come to as many nodes, and at the next odd turn go again.
pub fn come_and_go(index: &Index, turn: usize) {
    let clock = Clock::machine();
    for pod in 0..10 {
        let text = small(turn / 2 * 10 + pod, if turn.is_multiple_of(2) { "Running" } else { "Succeeded" });
        if let Ok(object) = serde_json::from_value(text) {
            PodObject::apply(index, object, &clock);
        }
    }
}

/// Lists nodes, so many Pods on them, and a Job for each third Pod; the milliseconds of CPU that reading the lists took.
pub fn fill(index: &Index, pods: usize) -> f64 {
    let clock = Clock::machine();
    let template = page(0);
    let mut ms = 0.0;
    let mut timed = |work: &mut dyn FnMut()| {
        let cpu = cpu_ms();
        work();
        ms += cpu_ms() - cpu;
    };
    let list = |items: Vec<Value>| json!({ "metadata": { "resourceVersion": "1" }, "items": items }).to_string();
    let cut = (0..GROUPS).flat_map(|group| (0..IN_GROUP).map(move |number| machine(&format!("gpu{group}-{number}"), true)));
    let nodes = list(cut.chain((0..PLAIN).map(|number| machine(&format!("cpu-{number}"), false))).collect());
    timed(&mut || NodeObject::reset(index, parse_page(&nodes).map(|page| page.items).unwrap_or_default(), &clock));
    drop(nodes);
    for number in 0..pods / PAGE {
        // Of every page the Pods are other runs', on the nodes of the next group; the first of a node hold its GPUs.
        let text = template
            .replace("run-", &format!("run{number}-"))
            .replace("-7c1e-", &format!("-{number:04x}-"))
            .replace("\"gpu-", &format!("\"gpu{}-", number % GROUPS));
        let text = if number / GROUPS < 4 { text } else { text.replace("nvidia.com/gpu\":\"1\"", "example.com/other\":\"1\"") };
        timed(&mut || {
            for object in parse_page::<PodObject>(&text).map(|page| page.items).unwrap_or_default() {
                PodObject::apply(index, object, &clock);
            }
        });
        let jobs = list((0..PAGE / 3).map(|at| job(number, at)).collect());
        timed(&mut || {
            for object in parse_page::<JobObject>(&jobs).map(|page| page.items).unwrap_or_default() {
                JobObject::apply(index, object, &clock);
            }
        });
    }
    ms
}

/// A node with the labels that node and GPU feature discovery leave on it.
fn machine(name: &str, gpus: bool) -> Value {
    let mut labels: serde_json::Map<String, Value> =
        (0..40).map(|n| (format!("feature.node.kubernetes.io/cpu-cpuid.FEATURE{n}"), json!("true"))).collect();
    let mut allocatable = json!({ "cpu": "128", "memory": "1Ti", "pods": "110", "ephemeral-storage": "800Gi" });
    if gpus {
        labels.insert("nvidia.com/gpu.product".into(), json!("NVIDIA-A100-SXM4-80GB"));
        labels.insert("nvidia.com/gpu.count".into(), json!("8"));
        labels.extend((0..20).map(|n| (format!("nvidia.com/gpu.label{n}"), json!("value"))));
        allocatable["nvidia.com/gpu"] = json!("8");
    }
    json!({
        "metadata": { "name": name, "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "taints": [{ "key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule" }] },
        "status": { "allocatable": allocatable, "conditions": [{ "type": "Ready", "status": "True", "message": "posts ready status" }] },
    })
}

fn job(page: usize, at: usize) -> Value {
    let run = format!("0193f3c2-{page:04x}-7000-8000-{at:012}");
    json!({
        "metadata": { "name": format!("run{page}-{at}"), "namespace": "vision", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": { "slipway.dev/run": run } },
        "spec": { "suspend": false },
        "status": {},
    })
}

/// A Pod that comes or goes on one of the nodes.
fn small(number: usize, phase: &str) -> Value {
    let node = format!("gpu{}-{}", number % GROUPS, number % IN_GROUP);
    json!({
        "metadata": { "name": format!("small-{}", number % 50), "namespace": "vision", "creationTimestamp": "2026-01-02T00:00:00Z" },
        "spec": { "nodeName": node, "containers": [{ "resources": { "requests": { "cpu": "1" } } }] },
        "status": { "phase": phase },
    })
}

/// The most memory of this process that was resident since it was last asked to forget, in bytes.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
    kilobytes as f64 * 1024.0
}
