//! Nodes as Kubernetes sees them: registered with what the nodes file says, their cards as they are cut now, and alive as long as
//! their leases are renewed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::Node,
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{MicroTime, ObjectMeta},
    },
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{
    mig::{CONFIG, STATE, Shown, State},
    now,
    pods::Node as OurNode,
};

/// How often a lease is renewed; the controllers call a node lost after 40 s.
const RENEW: Duration = Duration::from_secs(10);

/// How often a node's status is told although nothing changed, in renewals.
const TELL_EVERY: u32 = 18;

const MANAGER: &str = "sandbox-agent";

/// Registers a node and keeps it alive, for ever.
pub(super) async fn keep(client: Client, node: Arc<OurNode>, port: u16) {
    let mut round = 0;
    let mut changes = node.changes();
    loop {
        let shown = changes.borrow_and_update().clone();
        let told = if round % TELL_EVERY == 0 { register(&client, &shown, port).await } else { Ok(()) };
        let renewed = match told {
            Ok(()) => renew(&client, &node.name).await,
            failed => failed,
        };
        let pause = match renewed {
            Ok(()) => {
                round += 1;
                RENEW
            }
            Err(error) => {
                tracing::warn!(%error, node = node.name, "a node's heartbeat was not taken; trying again");
                round = 0;
                Duration::from_secs(1)
            }
        };
        // The sender lives as long as the node, which is held here.
        if let Ok(Ok(())) = tokio::time::timeout(pause, changes.changed()).await {
            round = 0;
        }
    }
}

async fn register(client: &Client, shown: &Shown, port: u16) -> kube::Result<()> {
    let spec = &shown.spec;
    let nodes: Api<Node> = Api::all(client.clone());
    let mut labels = spec.labels();
    match nodes.get_opt(&spec.name).await? {
        None => {
            // Taints belong to whoever changes them later: they are set once, so that a cordon or an admin's taint stays.
            let fresh = json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": { "name": spec.name, "labels": labels },
                "spec": { "taints": spec.taints() },
            });
            nodes.create(&kube::api::PostParams::default(), &serde_json::from_value(fresh).map_err(kube::Error::SerdeError)?).await?;
        }
        Some(there) => forget_cut(&nodes, &there, &labels).await?,
    }
    // Whoever asks for a cut sets this one: it is not ours to set again.
    labels.remove(CONFIG);
    if spec.has_mig() {
        labels.insert(STATE.to_owned(), shown.state.word().to_owned());
    }
    let own = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": spec.name, "labels": labels } });
    nodes.patch(&spec.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&own)).await?;
    let capacity = spec.capacity();
    let mut allocatable = capacity.clone();
    if shown.state == State::Pending {
        // The device plugin is away while cards are cut.
        for (_, amount) in allocatable.iter_mut().filter(|(resource, _)| resource.starts_with("nvidia.com/")) {
            *amount = Quantity("0".to_owned());
        }
    }
    let time = format!("{:.0}", now());
    let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": time, "lastTransitionTime": time });
    let status = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": spec.name },
        "status": {
            "capacity": capacity,
            "allocatable": allocatable,
            "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }, { "type": "Hostname", "address": spec.name }],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": port } },
            "nodeInfo": {
                "machineID": spec.name, "systemUUID": spec.name, "bootID": spec.name,
                "kernelVersion": "sandbox", "osImage": "sandbox", "containerRuntimeVersion": concat!("sandbox://", env!("CARGO_PKG_VERSION")),
                "kubeletVersion": "v1.34.4", "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": architecture(),
            },
            "conditions": [
                condition("Ready", "True", "KubeletReady", "the sandbox's agent is posting ready status"),
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ],
        },
    });
    nodes.patch_status(&spec.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&status)).await?;
    Ok(())
}

/// Removes labels of slices that are no more: those that a node was made with are not dropped by applying others.
async fn forget_cut(nodes: &Api<Node>, there: &Node, labels: &BTreeMap<String, String>) -> kube::Result<()> {
    let of_slices = ["nvidia.com/mig-", "nvidia.com/gpu.slices.", "nvidia.com/gpu.engines.", "nvidia.com/gpu.multiprocessors"];
    let is_of_slices = |key: &&String| of_slices.iter().any(|prefix| key.starts_with(prefix));
    let gone: serde_json::Map<String, serde_json::Value> = there
        .labels()
        .keys()
        .filter(is_of_slices)
        .filter(|key| !labels.contains_key(*key))
        .map(|key| (key.clone(), serde_json::Value::Null))
        .collect();
    if !gone.is_empty() {
        let patch = json!({ "metadata": { "labels": gone } });
        nodes.patch(&there.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await?;
    }
    Ok(())
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

async fn renew(client: &Client, name: &str) -> kube::Result<()> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), "kube-node-lease");
    let lease = Lease {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        spec: Some(LeaseSpec {
            holder_identity: Some(name.to_owned()),
            lease_duration_seconds: Some(40),
            renew_time: Some(MicroTime(now())),
            ..LeaseSpec::default()
        }),
    };
    leases.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&lease)).await?;
    Ok(())
}
