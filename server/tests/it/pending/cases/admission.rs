//! What the API server refuses.

use serde_json::{Value, json};
use slipway_domain::pending::Cause;

use super::{Case, asking, merged};

fn quota(hard: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" }, "spec": { "hard": hard } })
}

fn limits(item: &Value) -> Value {
    let item = merged(json!({ "type": "Container" }), item);
    json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "small" }, "spec": { "limits": [item] } })
}

pub fn cases() -> Vec<Case> {
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
