//! What keeps a Pod that has a node, and a Job that has no Pods.

use serde_json::{Value, json};
use slipway_domain::pending::{Cause, Config};

use super::{Case, asking, container, merged};

/// Somebody else's in the queue `gpus`.
fn other_in_queue(name: &str, priority: i32, conditions: &Value) -> Value {
    json!({
        "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload", "metadata": { "name": name },
        "spec": { "queueName": "gpus", "priority": priority }, "status": { "conditions": conditions },
    })
}

pub fn cases() -> Vec<Case> {
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
        "Waits in the queue gpus: 2 more nvidia.com/gpu of a100 must come free; 2nd of 3 in queue gpus (cluster queue all-gpus)",
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
            "spec": { "queueName": "gpus", "priority": 5 },
            "status": { "conditions": [{ "type": "QuotaReserved", "status": "False", "reason": "WaitingForQuota", "message": said }] },
        }))
        .beside(json!({
            "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "LocalQueue", "metadata": { "name": "gpus" }, "spec": { "clusterQueue": "all-gpus" },
        }))
        .beside(other_in_queue("sooner", 9, &json!([])))
        .beside(other_in_queue("later", 1, &json!([])))
        .beside(other_in_queue("runs", 9, &json!([{ "type": "QuotaReserved", "status": "True" }]))),
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
