//! Figures of the index, for `cargo xtask bench`: what a watched Pod costs, beside what kube's own reflector keeps of it.

mod fleet;

use std::fs;

use k8s_openapi::{List, api::core::v1::Pod};
use kube::runtime::{reflector, watcher::Event};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

pub use self::fleet::{Fleet, come_and_go, fill, fleet};
use super::{
    super::watch::{Watched, parse_page},
    Index,
    rows::PodObject,
};
use crate::clock::Clock;

/// Pods in one page of a list.
const PAGE: usize = 500;

/// What watched Pods cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Resident bytes a Pod, in the index.
    pub bytes: f64,
    /// Milliseconds of CPU a Pod, from the text of a list to its row.
    pub cpu_ms: f64,
    /// Resident bytes a Pod, in the store of kube's own reflector.
    pub reflector_bytes: f64,
}

/// Lists so many Pods, as a real API server writes them, into an index and into a reflector's store.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn pods(count: usize) -> Cost {
    // Another thread makes the texts, in memory of its own: what is freed there could hide what is taken here.
    let pages = std::thread::spawn(move || (0..count / PAGE).map(page).collect::<Vec<String>>()).join().unwrap_or_default();
    let (index, clock) = (Index::default(), Clock::machine());
    // What parsing needs in passing is there before the measuring begins.
    drop(pages.first().map(|page| parse_page::<PodObject>(page)));
    let (memory, cpu) = (resident(), cpu_ms());
    for page in &pages {
        for object in parse_page::<PodObject>(page).map(|page| page.items).unwrap_or_default() {
            PodObject::apply(&index, object, &clock);
        }
    }
    let (bytes, cpu_ms) = ((resident() - memory) / count as f64, (cpu_ms() - cpu) / count as f64);
    let memory = resident();
    let (store, mut writer) = reflector::store::<Pod>();
    writer.apply_watcher_event(&Event::Init);
    for page in &pages {
        for pod in serde_json::from_str::<List<Pod>>(page).map(|list| list.items).unwrap_or_default() {
            writer.apply_watcher_event(&Event::InitApply(pod));
        }
    }
    writer.apply_watcher_event(&Event::InitDone);
    let reflector_bytes = (resident() - memory) / store.len().max(1) as f64;
    drop(index);
    Cost { bytes, cpu_ms, reflector_bytes }
}

fn page(number: usize) -> String {
    let items: Vec<Value> = (0..PAGE).map(|index| pod(number * PAGE + index)).collect();
    json!({ "kind": "PodList", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": items }).to_string()
}

/// A Pod with what the API server, the scheduler and a kubelet leave in it.
fn pod(number: usize) -> Value {
    let labels = json!({
        "slipway.dev/run": format!("0193f3c2-7c1e-7000-8000-{number:012}"), "slipway.dev/team": "vision",
        "batch.kubernetes.io/job-name": format!("run-{number}"), "batch.kubernetes.io/controller-uid": format!("5f0e8a94-0000-4000-8000-{number:012}"),
        "job-name": format!("run-{number}"), "controller-uid": format!("5f0e8a94-0000-4000-8000-{number:012}"),
    });
    let env: Vec<Value> =
        (0..24).map(|n| json!({ "name": format!("VARIABLE_{n}"), "value": format!("a value of some length {number}") })).collect();
    let managed: Vec<Value> = ["kube-controller-manager", "kube-scheduler", "kubelet"]
        .iter()
        .map(|manager| {
            let fields: serde_json::Map<String, Value> =
                (0..40).map(|n| (format!("f:field{n}"), json!({ "f:name": {}, "f:value": {}, "f:mountPath": {} }))).collect();
            json!({ "manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields })
        })
        .collect();
    let condition =
        |kind: &str| json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:00:05Z" });
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition);
    json!({
        "metadata": {
            "name": format!("run-{number}-x7k2b"), "namespace": "vision", "uid": format!("a92a8afd-0000-4000-8000-{number:012}"),
            "resourceVersion": number.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels, "managedFields": managed,
            "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "Job", "name": format!("run-{number}"), "uid": "u", "controller": true, "blockOwnerDeletion": true }],
        },
        "spec": {
            "nodeName": format!("gpu-{}", number % 300), "restartPolicy": "Never", "schedulerName": "default-scheduler", "priority": 0,
            "volumes": (0..6).map(|n| json!({ "name": format!("volume-{n}"), "configMap": { "name": format!("config-{n}"), "defaultMode": 420 } })).collect::<Vec<_>>(),
            "containers": [{
                "name": "main", "image": "registry.example/team/trainer:1.2.3", "args": ["train", "--model=resnet50", "--epochs=90"], "env": env,
                "resources": { "requests": { "cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "1" }, "limits": { "cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "1" } },
                "volumeMounts": (0..6).map(|n| json!({ "name": format!("volume-{n}"), "mountPath": format!("/etc/config-{n}") })).collect::<Vec<_>>(),
            }],
            "tolerations": [{ "key": "nvidia.com/gpu", "operator": "Exists" }],
        },
        "status": {
            "phase": "Running", "hostIP": "10.0.0.1", "podIP": "10.1.0.1", "qosClass": "Guaranteed", "startTime": "2026-01-01T00:00:05Z",
            "conditions": conditions,
            "containerStatuses": [{
                "name": "main", "ready": true, "started": true, "restartCount": 0, "image": "registry.example/team/trainer:1.2.3",
                "imageID": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "containerID": "containerd://0000000000000000",
                "state": { "running": { "startedAt": "2026-01-01T00:00:07Z" } }, "lastState": {},
            }],
        },
    })
}

/// Resident memory of this process in bytes.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn resident() -> f64 {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    pages as f64 * 4096.0
}

/// What this process has computed so far, all its threads together, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
