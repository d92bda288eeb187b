//! What the cases stand on: nodes that nobody else may use, rules of the whole cluster, and Pods that hold what is asked for.

use serde_json::{Map, Value, json};

use super::{
    TAINT, asking, container, devices, merged,
    volumes::{claim, volume},
};
use crate::kubernetes::Kubernetes;

/// A node that nobody's agent keeps; it is well because it says so.
fn node(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let capacity = json!({ "cpu": "8", "memory": "16Gi", "pods": "20", "ephemeral-storage": "10Gi" });
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": format!("t-{name}"), "labels": { "pool": name, "kubernetes.io/hostname": format!("t-{name}") } },
        "spec": { "taints": [{ "key": TAINT, "effect": "NoSchedule" }] },
        "status": {
            "capacity": capacity, "allocatable": capacity,
            "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "as the test says" }],
        },
    });
    change(&mut node);
    node
}

fn give(node: &mut Value, resource: &str, amount: &str) {
    node["status"]["capacity"][resource] = amount.into();
    node["status"]["allocatable"][resource] = amount.into();
}

/// A Pod that holds this of a node, in a namespace.
fn holder(name: &str, namespace: &str, node: &str, amounts: &Value, more: &Value) -> Value {
    let spec = merged(asking(amounts), &json!({ "nodeName": format!("t-{node}"), "terminationGracePeriodSeconds": 300 }));
    json!({
        "apiVersion": "v1", "kind": "Pod", "spec": merged(spec, more),
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": name } },
    })
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "slipway.dev/team": name } } })
}

/// Nodes, rules of the whole cluster, and the Pods that hold what the cases ask for.
pub fn prepare(kubernetes: &Kubernetes) {
    let list = |items: Vec<Value>| json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let for_case = |case: &str| json!({ "matchLabels": { "kubernetes.io/metadata.name": format!("p-{case}") } });
    let pods = json!([{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }]);
    let taint =
        |key: &str, value: &str| json!([{ "key": TAINT, "effect": "NoSchedule" }, { "key": key, "value": value, "effect": "NoSchedule" }]);
    kubernetes.apply(&list(vec![
        namespace("p-holder"),
        namespace("p-spread"),
        namespace("p-once"),
        namespace("p-claim-going"),
        namespace("p-claim-elsewhere"),
        node("room", |_| {}),
        node("gpus", |node| {
            give(node, "nvidia.com/gpu", "8");
            node["metadata"]["labels"]["nvidia.com/gpu.product"] = "NVIDIA-B200".into();
        }),
        node("slices", |node| give(node, "nvidia.com/mig-1g.23gb", "2")),
        node("set-aside", |node| node["spec"]["taints"] = taint("reserved", "speech")),
        node("cordoned", |node| node["spec"]["unschedulable"] = true.into()),
        node("unwell", |node| node["status"]["conditions"][0]["status"] = "False".into()),
        node("crowded", |node| give(node, "pods", "1")),
        node("rack-a", |node| node["metadata"]["labels"].as_object_mut().expect("labels").extend(rack("a"))),
        node("rack-b", |node| {
            node["metadata"]["labels"].as_object_mut().expect("labels").extend(rack("b"));
            node["spec"]["unschedulable"] = true.into();
        }),
        node("way", |_| {}),
        node("devices", |_| {}),
        json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "p-urgent" }, "value": 1000 }),
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "p-late" },
            "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": { "name": "p-digests" },
            "spec": {
                "matchConstraints": { "resourceRules": pods },
                "validations": [{ "expression": "false", "message": "an image has no digest" }],
            },
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": "p-digests" },
            "spec": {
                "policyName": "p-digests", "validationActions": ["Deny"], "matchResources": { "namespaceSelector": for_case("policy") },
            },
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": { "name": "p-away" },
            "webhooks": [{
                "name": "away.example.com", "clientConfig": { "url": "https://127.0.0.1:1/" }, "rules": pods, "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "namespaceSelector": for_case("webhook"), "timeoutSeconds": 1,
            }],
        }),
        kueue("Workload", "workloads"),
        kueue("LocalQueue", "localqueues"),
    ]));
    for plural in ["workloads", "localqueues"] {
        kubernetes.ok(&["wait", "--for=condition=Established", "--timeout=30s", &format!("crd/{plural}.kueue.x-k8s.io")]);
    }
    for team in ["p-holder", "p-spread", "p-once", "p-claim-elsewhere"] {
        kubernetes.ok(&["wait", "--for=create", "--timeout=30s", "serviceaccount/default", "-n", team]);
    }
    devices::prepare(kubernetes);
    let everywhere = json!({ "topologyKey": "kubernetes.io/hostname", "namespaceSelector": {} });
    let shy = merged(everywhere, &json!({ "labelSelector": { "matchLabels": { "case": "shunned" } } }));
    let port = json!([merged(
        container(&json!({ "cpu": "5", "memory": "10Gi", "ephemeral-storage": "8Gi" })),
        &json!({ "ports": [{ "containerPort": 1, "hostPort": 7777 }] })
    )]);
    kubernetes.apply(&list(vec![
        holder(
            "much",
            "p-holder",
            "room",
            &json!({}),
            &json!({ "containers": port, "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [shy] } } }),
        ),
        holder("gpus", "p-holder", "gpus", &json!({ "nvidia.com/gpu": "6" }), &json!({})),
        holder("slices", "p-holder", "slices", &json!({ "nvidia.com/mig-1g.23gb": "2" }), &json!({})),
        holder("crowd", "p-holder", "crowded", &json!({ "cpu": "1" }), &json!({})),
        holder("way", "p-holder", "way", &json!({ "cpu": "7" }), &json!({})),
        holder("spread", "p-spread", "rack-a", &json!({ "cpu": "1" }), &json!({})),
        volume("p-once", "once", "ReadWriteOncePod", None),
        merged(claim("data", "p-none", "ReadWriteOncePod", "p-once"), &json!({ "metadata": { "name": "data", "namespace": "p-once" } })),
        holder(
            "first",
            "p-once",
            "room",
            &json!({ "cpu": "100m" }),
            &json!({ "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }] }),
        ),
    ]));
}

/// A kind of Kueue's, which takes whatever it is given.
fn kueue(kind: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": format!("{plural}.kueue.x-k8s.io") },
        "spec": {
            "group": "kueue.x-k8s.io", "scope": "Namespaced", "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
            "versions": [{
                "name": "v1beta2", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}

fn rack(name: &str) -> Map<String, Value> {
    let labels = json!({ "pool": "racks", "rack": name });
    labels.as_object().cloned().unwrap_or_default()
}
