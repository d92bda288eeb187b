//! The cases of the table: what is asked of the cluster, and what is made of what it says.

use serde_json::{Map, Value, json};
use slipway_domain::pending::{Cause, Config, Rule, Volume};

use crate::kubernetes::Kubernetes;

/// What keeps everybody else's Pods off the nodes of this test.
const TAINT: &str = "slipway.dev/test-pending";

/// Cases for which it is evidence enough that the cluster says nothing.
pub const SAY_NOTHING: [&str; 1] = ["suspended"];

/// Something that is asked of the cluster, in a namespace of its own.
pub struct Case {
    /// Its name; its namespace is `p-NAME`.
    pub name: &'static str,
    /// The sentence that is made of what the cluster says.
    pub sentence: String,
    /// Whether this is its cause.
    pub cause: fn(&Cause) -> bool,
    /// Labels of its namespace.
    labels: Value,
    /// What else is in its namespace.
    beside: Vec<Value>,
    /// Its Pods' spec.
    pod: Value,
    /// Its Job's spec, beside its Pods'.
    job: Value,
}

impl Case {
    fn new(name: &'static str, sentence: &str, cause: fn(&Cause) -> bool, pod: Value) -> Self {
        Self { name, sentence: sentence.to_owned(), cause, labels: json!({}), beside: Vec::new(), pod, job: json!({}) }
    }

    fn beside(mut self, object: Value) -> Self {
        self.beside.push(object);
        self
    }

    fn namespace(&self) -> String {
        format!("p-{}", self.name)
    }

    /// The id of its run.
    pub fn run(&self) -> String {
        format!("pending-{}", self.name)
    }

    /// Everything that it makes, in order.
    pub fn objects(&self) -> Vec<Value> {
        let namespace = self.namespace();
        let mut labels = self.labels.clone();
        labels["slipway.dev/team"] = namespace.clone().into();
        let mut objects = vec![json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace, "labels": labels } })];
        objects.extend(self.beside.iter().map(|object| {
            let mut object = object.clone();
            if !matches!(object["kind"].as_str(), Some("PersistentVolume")) {
                object["metadata"]["namespace"] = namespace.clone().into();
            }
            object
        }));
        let labels = json!({ "slipway.dev/run": self.run(), "case": self.name });
        let mut spec = merged(json!({ "backoffLimit": 6, "template": { "metadata": { "labels": labels } } }), &self.job);
        let defaults = json!({
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "tolerations": [{ "key": TAINT, "operator": "Exists" }],
        });
        spec["template"]["spec"] = merged(defaults, &self.pod);
        objects.push(json!({
            "apiVersion": "batch/v1", "kind": "Job", "spec": spec,
            "metadata": { "name": self.name, "namespace": namespace, "labels": labels },
        }));
        objects
    }
}

/// One object with the fields of another over it.
fn merged(mut base: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().cloned().unwrap_or_else(Map::new) {
        base[name] = value;
    }
    base
}

/// A container that asks for this, with limits equal to it.
fn container(amounts: &Value) -> Value {
    json!({ "name": "main", "image": "busybox:1", "command": ["sleep", "300"], "resources": { "requests": amounts, "limits": amounts } })
}

fn asking(amounts: &Value) -> Value {
    json!({ "containers": [container(amounts)] })
}

/// A Pod that asks for this on the nodes of a pool.
fn on(pool: &str, amounts: &Value) -> Value {
    merged(asking(amounts), &json!({ "nodeSelector": { "pool": pool } }))
}

/// The same with more in its spec.
fn on_with(pool: &str, more: &Value) -> Value {
    merged(on(pool, &json!({ "cpu": "100m" })), more)
}

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

fn quota(hard: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" }, "spec": { "hard": hard } })
}

fn limits(item: &Value) -> Value {
    let item = merged(json!({ "type": "Container" }), item);
    json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "small" }, "spec": { "limits": [item] } })
}

fn claim(name: &str, class: &str, modes: &str, volume: &str) -> Value {
    let spec = json!({ "accessModes": [modes], "storageClassName": class, "resources": { "requests": { "storage": "1Gi" } } });
    let spec = if volume.is_empty() { spec } else { merged(spec, &json!({ "volumeName": volume })) };
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": spec })
}

/// A volume for a claim of a case.
fn volume(name: &str, case: &str, modes: &str, affinity: Option<(&str, &str)>) -> Value {
    let mut spec = json!({
        "accessModes": [modes], "storageClassName": "p-none", "capacity": { "storage": "1Gi" }, "hostPath": { "path": "/tmp" },
        "persistentVolumeReclaimPolicy": "Retain", "claimRef": { "namespace": format!("p-{case}"), "name": "data" },
    });
    if let Some((key, value)) = affinity {
        let terms = json!([{ "matchExpressions": [{ "key": key, "operator": "In", "values": [value] }] }]);
        spec["nodeAffinity"] = json!({ "required": { "nodeSelectorTerms": terms } });
    }
    json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name }, "spec": spec })
}

/// What mounts the claim `data`.
fn with_claim(pool: &str) -> Value {
    on_with(pool, &json!({ "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }] }))
}

/// Nodes, rules of the whole cluster, and the Pods that hold what the cases ask for.
pub fn prepare(kubernetes: &Kubernetes) {
    let list = |items: Vec<Value>| json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let for_case = |case: &str| json!({ "matchLabels": { "kubernetes.io/metadata.name": format!("p-{case}") } });
    let pods = json!([{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }]);
    let taint =
        |key: &str, value: &str| json!([{ "key": TAINT, "effect": "NoSchedule" }, { "key": key, "value": value, "effect": "NoSchedule" }]);
    let workloads = "workloads.kueue.x-k8s.io";
    kubernetes.apply(&list(vec![
        namespace("p-holder"),
        namespace("p-spread"),
        namespace("p-once"),
        node("room", |_| {}),
        node("gpus", |node| {
            give(node, "nvidia.com/gpu", "8");
            node["metadata"]["labels"]["nvidia.com/gpu.product"] = "NVIDIA-A100-SXM4-40GB".into();
        }),
        node("slices", |node| give(node, "nvidia.com/mig-1g.5gb", "2")),
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
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": workloads },
            "spec": {
                "group": "kueue.x-k8s.io", "scope": "Namespaced", "names": { "kind": "Workload", "plural": "workloads", "singular": "workload" },
                "versions": [{
                    "name": "v1beta2", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
                }],
            },
        }),
    ]));
    kubernetes.ok(&["wait", "--for=condition=Established", "--timeout=30s", &format!("crd/{workloads}")]);
    for team in ["p-holder", "p-spread", "p-once"] {
        kubernetes.ok(&["wait", "--for=create", "--timeout=30s", "serviceaccount/default", "-n", team]);
    }
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
        holder("slices", "p-holder", "slices", &json!({ "nvidia.com/mig-1g.5gb": "2" }), &json!({})),
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

fn rack(name: &str) -> Map<String, Value> {
    let labels = json!({ "pool": "racks", "rack": name });
    labels.as_object().cloned().unwrap_or_default()
}

/// Every case.
pub fn all() -> Vec<Case> {
    admission().into_iter().chain(scheduler()).chain(volumes()).chain(nodes()).collect()
}

/// What the API server refuses.
fn admission() -> Vec<Case> {
    let forbids = |what: &str| format!("The team's LimitRange forbids what it asks for: {what}");
    let limited: fn(&Cause) -> bool = |cause| matches!(cause, Cause::LimitRange { .. });
    let cpu = |amount: &str| asking(&json!({ "cpu": amount }));
    vec![
        Case::new(
            "quota",
            "The team's quota small has no room: it asks for 4 more nvidia.com/gpu with 0 of 2 in use",
            |cause| matches!(cause, Cause::QuotaExceeded { quota, over } if quota == "small" && over[0].asks == "4" && over[0].hard == "2"),
            asking(&json!({ "nvidia.com/gpu": "4" })),
        )
        .beside(quota(&json!({ "requests.nvidia.com/gpu": "2" }))),
        Case::new(
            "unstated",
            "The team's quota small wants every container to state limits.cpu for: main; requests.memory for: main; ask an admin for defaults in a LimitRange",
            |cause| matches!(cause, Cause::QuotaNeedsRequests { .. }),
            asking(&json!({})),
        )
        .beside(quota(&json!({ "limits.cpu": "2", "requests.memory": "1Gi" }))),
        Case::new("min", &forbids("a container has at least 500m cpu, and its request 100m is less"), limited, cpu("100m"))
            .beside(limits(&json!({ "min": { "cpu": "500m" } }))),
        Case::new("max", &forbids("a container has at most 2 cpu, and its limit 4 is more"), limited, cpu("4"))
            .beside(limits(&json!({ "max": { "cpu": "2" } }))),
        Case::new(
            "ratio",
            &forbids("a container's cpu limit is at most 2 times its request, and its provided ratio 4.000000 is more"),
            limited,
            json!({ "containers": [{ "name": "main", "image": "busybox:1", "resources": { "requests": { "cpu": "1" }, "limits": { "cpu": "4" } } }] }),
        )
        .beside(limits(&json!({ "maxLimitRequestRatio": { "cpu": "2" } }))),
        Case::new(
            "two-limits",
            &forbids("a container has at most 2 cpu, and its limit 4 is more; a container has at most 1Gi memory, and its limit 2Gi is more"),
            |cause| matches!(cause, Cause::LimitRange { breaches } if breaches.len() == 2),
            asking(&json!({ "cpu": "4", "memory": "2Gi" })),
        )
        .beside(limits(&json!({ "max": { "cpu": "2", "memory": "1Gi" } }))),
        Case {
            labels: json!({ "pod-security.kubernetes.io/enforce": "baseline" }),
            ..Case::new(
                "security",
                "The namespace's security policy baseline:latest forbids this Pod: host namespaces (hostNetwork=true)",
                |cause| matches!(cause, Cause::PodSecurity { .. }),
                merged(cpu("100m"), &json!({ "hostNetwork": true })),
            )
        },
        Case::new(
            "no-class",
            "The cluster has no priority class p-gold; clone the run and choose another",
            |cause| matches!(cause, Cause::NoPriorityClass { .. }),
            merged(cpu("100m"), &json!({ "priorityClassName": "p-gold" })),
        ),
        Case::new(
            "no-account",
            "The namespace has no service account trainer; ask an admin to make it",
            |cause| matches!(cause, Cause::ServiceAccountMissing { .. }),
            merged(cpu("100m"), &json!({ "serviceAccountName": "trainer" })),
        ),
        Case::new(
            "policy",
            "The cluster's rule p-digests refuses its Pod: an image has no digest",
            |cause| matches!(cause, Cause::Webhook { .. }),
            cpu("100m"),
        ),
        Case::new(
            "webhook",
            "The cluster's rule away.example.com must be asked about its Pod and does not answer; tell an admin",
            |cause| matches!(cause, Cause::WebhookAway { .. }),
            cpu("100m"),
        ),
    ]
}

/// What the scheduler says of nodes.
fn scheduler() -> Vec<Case> {
    let short: fn(&Cause) -> bool = |cause| matches!(cause, Cause::NoRoom(_));
    let near = |labels: &Value| json!([{ "topologyKey": "kubernetes.io/hostname", "namespaceSelector": {}, "labelSelector": { "matchLabels": labels } }]);
    let affinity = |kind: &str, terms: &Value| json!({ "affinity": { kind: { "requiredDuringSchedulingIgnoredDuringExecution": terms } } });
    let spread = |key: &str, app: &str| json!({ "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": { "matchLabels": { "app": app } } }] });
    let mut spread_case = Case::new(
        "spread",
        "It would be spread less evenly than it asks for, on the node with room",
        |cause| matches!(cause, Cause::Rule { rule: Rule::Spread, .. }),
        on_with("racks", &spread("rack", "spread")),
    );
    spread_case.job = json!({ "template": { "metadata": { "labels": { "slipway.dev/run": "pending-spread", "app": "spread" } } } });
    vec![
        Case::new("cpu", "Needs 4 CPU; p-holder holds 5 and p-once holds 100m of 8 on t-room", short, on("room", &json!({ "cpu": "4" }))),
        Case::new("memory", "Needs 8Gi memory; p-holder holds 10Gi of 16Gi on t-room", short, on("room", &json!({ "memory": "8Gi" }))),
        Case::new(
            "scratch",
            "Needs 5Gi ephemeral-storage; p-holder holds 8Gi of 10Gi on t-room",
            short,
            on("room", &json!({ "ephemeral-storage": "5Gi" })),
        ),
        Case::new("gpus", "Needs 4 × GPU; p-holder holds 6 of 8 on t-gpus", short, on("gpus", &json!({ "nvidia.com/gpu": "4" }))),
        Case::new(
            "product",
            "Needs 4 × A100-SXM4-40GB; p-holder holds 6 of 8 on t-gpus",
            short,
            merged(
                asking(&json!({ "nvidia.com/gpu": "4" })),
                &json!({ "nodeSelector": { "pool": "gpus", "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB" } }),
            ),
        ),
        Case::new(
            "slices",
            "Needs 1 × 1g.5gb; p-holder holds 2 of 2 on t-slices",
            short,
            on("slices", &json!({ "nvidia.com/mig-1g.5gb": "1" })),
        ),
        Case::new(
            "too-wide",
            "Needs 16 × GPU on one node, and the largest, t-gpus, has 8 GPUs in all",
            |cause| matches!(cause, Cause::TooLarge { .. }),
            on("gpus", &json!({ "nvidia.com/gpu": "16" })),
        ),
        Case::new(
            "uncut",
            "Needs 1 × 3g.20gb, and no GPU is cut so; one could be cut on t-gpus",
            |cause| matches!(cause, Cause::ProfileNotCut { could, .. } if could == &["t-gpus"]),
            on("gpus", &json!({ "nvidia.com/mig-3g.20gb": "1" })),
        ),
        Case::new(
            "absent",
            "Needs B200, and no node has one",
            |cause| matches!(cause, Cause::ProductAbsent { .. }),
            merged(asking(&json!({ "nvidia.com/gpu": "1" })), &json!({ "nodeSelector": { "nvidia.com/gpu.product": "NVIDIA-B200" } })),
        ),
        Case::new(
            "unknown-resource",
            "Needs 1 × example.com/fpga, and no node that it may have has any",
            |cause| matches!(cause, Cause::TooLarge { .. }),
            on("room", &json!({ "example.com/fpga": "1" })),
        ),
        Case::new(
            "taint",
            "The one node that could hold it, t-set-aside, is set aside by the taint reserved=speech:NoSchedule, which it does not bear",
            |cause| matches!(cause, Cause::Taint { .. }),
            on("set-aside", &json!({ "cpu": "1" })),
        ),
        Case::new(
            "cordoned",
            "The one node that could hold it, t-cordoned, is cordoned: no new Pod is to come",
            |cause| matches!(cause, Cause::Cordoned { .. }),
            on("cordoned", &json!({ "cpu": "1" })),
        ),
        Case::new(
            "unwell",
            "The one node that could hold it, t-unwell, is not ready",
            |cause| matches!(cause, Cause::NotReady { .. }),
            on("unwell", &json!({ "cpu": "1" })),
        ),
        Case::new(
            "selector",
            "No node has the labels that it selects",
            |cause| matches!(cause, Cause::Rule { rule: Rule::NodeAffinity, .. }),
            on("nowhere", &json!({ "cpu": "1" })),
        ),
        Case::new(
            "crowded",
            "The one node that could hold it, t-crowded, is full: as many Pods as there may be",
            |cause| matches!(cause, Cause::PodLimit { .. }),
            on("crowded", &json!({ "cpu": "1" })),
        ),
        Case::new(
            "port",
            "The port that it wants of its node is taken on the node",
            |cause| matches!(cause, Cause::Rule { rule: Rule::HostPort, .. }),
            on_with(
                "room",
                &json!({ "containers": [merged(container(&json!({ "cpu": "100m" })), &json!({ "ports": [{ "containerPort": 1, "hostPort": 7777 }] }))] }),
            ),
        ),
        Case::new(
            "affinity",
            "It is to run beside a Pod that is not there, on the node with room",
            |cause| matches!(cause, Cause::Rule { rule: Rule::PodAffinity, .. }),
            on_with("room", &affinity("podAffinity", &near(&json!({ "app": "nobody" })))),
        ),
        Case::new(
            "anti-affinity",
            "It is not to run beside a Pod that is there, on the node with room",
            |cause| matches!(cause, Cause::Rule { rule: Rule::PodAntiAffinity, .. }),
            on_with("room", &affinity("podAntiAffinity", &near(&json!({ "app": "much" })))),
        ),
        Case::new(
            "shunned",
            "A Pod that is there is not to have it beside it, on the node with room",
            |cause| matches!(cause, Cause::Rule { rule: Rule::OthersAntiAffinity, .. }),
            on_with("room", &json!({})),
        ),
        Case::new(
            "spread-label",
            "It is to be spread by a label that nodes lack: the node with room",
            |cause| matches!(cause, Cause::Rule { rule: Rule::SpreadLabel, .. }),
            on_with("room", &spread("aisle", "nobody")),
        ),
        spread_case,
        Case::new(
            "gated",
            "It is not to be scheduled before example.com/budget is taken off",
            |cause| matches!(cause, Cause::Gated { .. }),
            on_with("room", &json!({ "schedulingGates": [{ "name": "example.com/budget" }] })),
        ),
        Case::new(
            "preempting",
            "Pods of lower priority are making way for it on t-way",
            |cause| matches!(cause, Cause::Preempting { .. }),
            merged(on("way", &json!({ "cpu": "7" })), &json!({ "priorityClassName": "p-urgent" })),
        ),
    ]
}

/// What the scheduler says of volumes.
fn volumes() -> Vec<Case> {
    vec![
        Case::new(
            "no-claim",
            "It mounts the claim data, which does not exist",
            |cause| matches!(cause, Cause::Volume(Volume::ClaimNotFound { .. })),
            with_claim("room"),
        ),
        Case::new(
            "unbound",
            "A claim that it mounts is not bound to a volume yet",
            |cause| *cause == Cause::Volume(Volume::Unbound),
            with_claim("room"),
        )
        .beside(claim("data", "p-none", "ReadWriteOnce", "")),
        Case::new(
            "nothing-to-bind",
            "No volume fits a claim that it mounts on any node",
            |cause| *cause == Cause::Volume(Volume::NothingToBind),
            with_claim("room"),
        )
        .beside(claim("data", "p-late", "ReadWriteOnce", "")),
        Case::new(
            "other-rack",
            "The volume that it mounts can be reached from no node that has room",
            |cause| *cause == Cause::Volume(Volume::OtherNode),
            with_claim("room"),
        )
        .beside(volume("p-other-rack", "other-rack", "ReadWriteOnce", Some(("rack", "z"))))
        .beside(claim("data", "p-none", "ReadWriteOnce", "p-other-rack")),
        Case::new(
            "other-host",
            "The volume that it mounts can be reached from no node that has room",
            |cause| *cause == Cause::Volume(Volume::OtherNode),
            with_claim("room"),
        )
        .beside(volume("p-other-host", "other-host", "ReadWriteOnce", Some(("kubernetes.io/hostname", "elsewhere"))))
        .beside(claim("data", "p-none", "ReadWriteOnce", "p-other-host")),
        Case::new(
            "lost",
            "The volume of the claim data is gone",
            |cause| matches!(cause, Cause::Volume(Volume::Lost { claim: Some(_) })),
            with_claim("room"),
        )
        .beside(merged(
            claim("data", "p-none", "ReadWriteOnce", "p-nowhere"),
            &json!({ "metadata": { "name": "data", "annotations": { "pv.kubernetes.io/bind-completed": "yes" } } }),
        )),
        Case::new(
            "once",
            "Only one Pod may mount its volume, and another does",
            |cause| *cause == Cause::Volume(Volume::InUse),
            with_claim("room"),
        ),
    ]
}

/// What keeps a Pod that has a node, and a Job that has no Pods.
fn nodes() -> Vec<Case> {
    let bound = |node: &str| merged(asking(&json!({ "cpu": "100m" })), &json!({ "nodeName": node }));
    let missing: fn(&Cause) -> bool = |cause| matches!(cause, Cause::ConfigMissing { .. });
    let env = json!([{ "name": "EPOCHS", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "epochs" } } }]);
    let configured = |name: &str, sentence: &str, more: &Value| {
        let pod = merged(bound("cpu-a"), &json!({ "containers": [merged(container(&json!({ "cpu": "100m" })), more)] }));
        Case { name: name.to_owned().leak(), ..Case::new("", sentence, missing, pod) }
    };
    let mut suspended = Case::new(
        "suspended",
        "Suspended by something other than Slipway; it holds no resources until it is resumed",
        |cause| *cause == Cause::Suspended { by: None },
        asking(&json!({ "cpu": "100m" })),
    );
    suspended.job = json!({ "suspend": true });
    let mut queued = Case::new(
        "queued",
        "Waits in the queue gpus: 2 more nvidia.com/gpu of a100 must come free",
        |cause| matches!(cause, Cause::Queue { reason, .. } if reason == "WaitingForQuota"),
        asking(&json!({ "nvidia.com/gpu": "4" })),
    );
    queued.job = json!({ "suspend": true });
    let said = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, 2 more needed";
    vec![
        suspended,
        queued.beside(json!({
            "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload",
            "metadata": {
                "name": "job-queued-4f2ab", "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "Job", "name": "queued", "uid": "4f2ab" }],
            },
            "spec": { "queueName": "gpus" },
            "status": { "conditions": [{ "type": "QuotaReserved", "status": "False", "reason": "WaitingForQuota", "message": said }] },
        })),
        Case::new(
            "image",
            "The image nowhere/at-all:2 cannot be pulled, on cpu-a",
            |cause| matches!(cause, Cause::Image { .. }),
            merged(bound("cpu-a"), &json!({ "containers": [{ "name": "main", "image": "nowhere/at-all:2" }] })),
        ),
        configured(
            "no-config",
            "Kept from starting by the ConfigMap settings, which is missing, on cpu-a",
            &json!({ "env": env }),
        ),
        configured(
            "no-key",
            "Kept from starting by the ConfigMap settings, which has no epochs, on cpu-a",
            &json!({ "env": env }),
        )
        .beside(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" }, "data": { "steps": "9" } })),
        configured(
            "no-secret",
            "Kept from starting by the Secret token, which is missing, on cpu-a",
            &json!({ "envFrom": [{ "secretRef": { "name": "token" } }] }),
        ),
        Case::new(
            "no-mount",
            "Kept from starting by the Secret token, which is missing, on cpu-a",
            |cause| matches!(cause, Cause::ConfigMissing { kind: Config::Secret, .. }),
            merged(bound("cpu-a"), &json!({ "volumes": [{ "name": "token", "secret": { "secretName": "token" } }] })),
        ),
        Case::new(
            "no-program",
            "Kept from starting: exec: \"trian\": executable file not found in $PATH, on cpu-a",
            |cause| matches!(cause, Cause::Start { .. }),
            merged(bound("cpu-a"), &json!({ "containers": [merged(container(&json!({ "cpu": "100m" })), &json!({ "command": ["trian"] }))] })),
        ),
        Case::new(
            "node-ill",
            "Its node t-unwell does not answer; Kubernetes gives it another when it is sure",
            |cause| matches!(cause, Cause::NodeGone { exists: true, .. }),
            bound("t-unwell"),
        ),
        Case::new(
            "node-gone",
            "Its node t-nowhere is gone; Kubernetes gives it another when it is sure",
            |cause| matches!(cause, Cause::NodeGone { exists: false, .. }),
            bound("t-nowhere"),
        ),
    ]
}
