//! What the scheduler says of nodes.

use serde_json::{Value, json};
use slipway_domain::pending::{Cause, Rule};

use super::{Case, asking, container, merged, on, on_with};

pub fn cases() -> Vec<Case> {
    room().into_iter().chain(nodes()).chain(rules()).collect()
}

/// How much there is, and who has it.
fn room() -> Vec<Case> {
    let short: fn(&Cause) -> bool = |cause| matches!(cause, Cause::NoRoom(_));
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
            "Needs 4 × B200; p-holder holds 6 of 8 on t-gpus",
            short,
            merged(
                asking(&json!({ "nvidia.com/gpu": "4" })),
                &json!({ "nodeSelector": { "pool": "gpus", "nvidia.com/gpu.product": "NVIDIA-B200" } }),
            ),
        ),
        Case::new(
            "slices",
            "Needs 1 × 1g.23gb; p-holder holds 2 of 2 on t-slices",
            short,
            on("slices", &json!({ "nvidia.com/mig-1g.23gb": "1" })),
        ),
        Case::new(
            "too-wide",
            "Needs 16 × GPU on one node, and the largest, t-gpus, has 8 GPUs in all",
            |cause| matches!(cause, Cause::TooLarge { .. }),
            on("gpus", &json!({ "nvidia.com/gpu": "16" })),
        ),
        Case::new(
            "uncut",
            "Needs 1 × 3g.90gb, and no GPU is cut so; one could be cut on t-gpus",
            |cause| matches!(cause, Cause::ProfileNotCut { could, .. } if could == &["t-gpus"]),
            on("gpus", &json!({ "nvidia.com/mig-3g.90gb": "1" })),
        ),
        Case::new(
            "absent",
            "Needs GB300, and no node has one",
            |cause| matches!(cause, Cause::ProductAbsent { .. }),
            merged(asking(&json!({ "nvidia.com/gpu": "1" })), &json!({ "nodeSelector": { "nvidia.com/gpu.product": "NVIDIA-GB300" } })),
        ),
        Case::new(
            "unknown-resource",
            "Needs 1 × example.com/fpga, and no node that it may have has any",
            |cause| matches!(cause, Cause::TooLarge { .. }),
            on("room", &json!({ "example.com/fpga": "1" })),
        ),
    ]
}

/// Nodes that take no such Pod.
fn nodes() -> Vec<Case> {
    vec![
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
    ]
}

/// Rules about where a Pod may be, and when.
fn rules() -> Vec<Case> {
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
