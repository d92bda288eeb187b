//! Nodes as Kubernetes sees them: registered with what the nodes file says, and alive as long as their leases are renewed.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::Node,
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::now;
use crate::nodes::NodeSpec;

/// How often a lease is renewed; the controllers call a node lost after 40 s.
const RENEW: Duration = Duration::from_secs(10);

/// How often a node's status is told although nothing changed, in renewals.
const TELL_EVERY: u32 = 18;

const MANAGER: &str = "sandbox-agent";

/// Registers a node and keeps it alive, for ever.
pub(super) async fn keep(client: Client, spec: NodeSpec, port: u16) {
    let mut round = 0;
    loop {
        let told = if round % TELL_EVERY == 0 { register(&client, &spec, port).await } else { Ok(()) };
        let renewed = match told {
            Ok(()) => renew(&client, &spec.name).await,
            failed => failed,
        };
        match renewed {
            Ok(()) => {
                round += 1;
                tokio::time::sleep(RENEW).await;
            }
            Err(error) => {
                tracing::warn!(%error, node = spec.name, "a node's heartbeat was not taken; trying again");
                round = 0;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn register(client: &Client, spec: &NodeSpec, port: u16) -> kube::Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let hostname = BTreeMap::from([("kubernetes.io/hostname".to_owned(), spec.name.clone())]);
    let labels: BTreeMap<_, _> = spec.labels().into_iter().chain(hostname).collect();
    if nodes.get_opt(&spec.name).await?.is_none() {
        // Taints belong to whoever changes them later: they are set once, so that a cordon or an admin's taint stays.
        let fresh = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": spec.name, "labels": labels },
            "spec": { "taints": spec.taints() },
        });
        nodes.create(&kube::api::PostParams::default(), &serde_json::from_value(fresh).map_err(kube::Error::SerdeError)?).await?;
    }
    let own = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": spec.name, "labels": labels } });
    nodes.patch(&spec.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&own)).await?;
    let time = format!("{:.0}", now());
    let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": time, "lastTransitionTime": time });
    let status = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": spec.name },
        "status": {
            "capacity": spec.capacity(),
            "allocatable": spec.capacity(),
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
