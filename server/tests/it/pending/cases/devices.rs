//! What is said of resource claims (DRA), and what is not said and waits all the same.

use serde_json::{Value, json};
use slipway_domain::pending::{Cause, Devices};

use super::{Case, TAINT, asking, merged, on_with};
use crate::{
    dra::{advertised, asks, class, gpu},
    kubernetes::Kubernetes,
};

fn claim(name: &str, namespace: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

fn template(spec: &Value) -> Value {
    json!({ "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": { "name": "data" }, "spec": { "spec": spec } })
}

/// A Pod that the scheduler gives a GPU, and whose node's agent is not there.
fn holder(namespace: &str) -> Value {
    let spec = json!({
        "nodeSelector": { "pool": "devices" }, "tolerations": [{ "key": TAINT, "operator": "Exists" }],
        "resourceClaims": [{ "name": "gpu", "resourceClaimName": "data" }], "terminationGracePeriodSeconds": 0,
    });
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "has-a-gpu", "namespace": namespace },
        "spec": merged(asking(&json!({ "cpu": "100m" })), &spec),
    })
}

/// Three GPUs on the node `t-devices`, of which two are taken, and a claim that is going.
pub fn prepare(kubernetes: &Kubernetes) {
    let devices = [gpu(0), gpu(1), gpu(2)];
    let one = asks("gpu.nvidia.com", 1);
    let going = merged(
        claim("data", "p-claim-going", &one),
        &json!({ "metadata": {
        "name": "data", "namespace": "p-claim-going", "finalizers": ["slipway.dev/test"],
    } }),
    );
    let items = [class("gpu"), advertised("t-devices", "a", 1, 1, &devices), going]
        .into_iter()
        .chain(["p-holder", "p-claim-elsewhere"].into_iter().flat_map(|namespace| [claim("data", namespace, &one), holder(namespace)]));
    kubernetes.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": items.collect::<Vec<_>>() }));
    kubernetes.ok(&["delete", "resourceclaim", "data", "-n", "p-claim-going", "--wait=false"]);
    for namespace in ["p-holder", "p-claim-elsewhere"] {
        kubernetes.ok(&["wait", "--for=condition=PodScheduled", "--timeout=60s", "pod/has-a-gpu", "-n", namespace]);
    }
}

/// What uses the claim `data`.
fn uses(pool: &str) -> Value {
    on_with(pool, &json!({ "resourceClaims": [{ "name": "gpu", "resourceClaimName": "data" }] }))
}

/// What uses a claim that is made of the template `data`.
fn makes() -> Value {
    on_with("devices", &json!({ "resourceClaims": [{ "name": "gpu", "resourceClaimTemplateName": "data" }] }))
}

pub fn cases() -> Vec<Case> {
    let own = |case: Case, spec: Value| {
        case.beside(json!({ "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": { "name": "data" }, "spec": spec }))
    };
    vec![
        Case::new(
            "claim-missing",
            "It uses the resource claim data, which does not exist",
            |cause| matches!(cause, Cause::Devices(Devices::ClaimNotFound { .. })),
            uses("devices"),
        ),
        Case::new(
            "claim-going",
            "The resource claim data that it uses is being deleted",
            |cause| matches!(cause, Cause::Devices(Devices::BeingDeleted { .. })),
            uses("devices"),
        ),
        Case::new(
            "no-template",
            "Its resource claim is to be made from the template data, which does not exist",
            |cause| matches!(cause, Cause::Devices(Devices::TemplateNotFound { .. })),
            makes(),
        ),
        Case::new(
            "claim-quota",
            "The team's quota small has no room: it asks for 1 more count/resourceclaims.resource.k8s.io with 0 of 0 in use",
            |cause| matches!(cause, Cause::QuotaExceeded { .. }),
            makes(),
        )
        .beside(json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
            "spec": { "hard": { "count/resourceclaims.resource.k8s.io": "0" } },
        }))
        .beside(template(&asks("gpu.nvidia.com", 1))),
        own(
            Case::new(
                "no-device-class",
                "Its resource claim asks for the device class gold, which the cluster does not have; ask an admin",
                |cause| matches!(cause, Cause::Devices(Devices::ClassNotFound { .. })),
                uses("devices"),
            ),
            asks("gold", 1),
        ),
        own(
            Case::new(
                "claim-short",
                "Its resource claims ask for 2 × gpu.nvidia.com; p-claim-elsewhere holds 1 and p-holder holds 1 of 3 on t-devices, 1 free",
                |cause| matches!(cause, Cause::Devices(Devices::NoneFree(_))),
                uses("devices"),
            ),
            asks("gpu.nvidia.com", 2),
        ),
        Case::new(
            "claim-elsewhere",
            "The devices of its resource claim data are on t-devices, which does not fit it",
            |cause| matches!(cause, Cause::Devices(Devices::Elsewhere { node: Some(node), .. }) if node == "t-devices"),
            uses("room"),
        ),
    ]
}
