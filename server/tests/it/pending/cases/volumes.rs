//! What the scheduler says of volumes.

use serde_json::{Value, json};
use slipway_domain::pending::{Cause, Volume};

use super::{Case, merged, on_with};

pub(super) fn claim(name: &str, class: &str, modes: &str, volume: &str) -> Value {
    let spec = json!({ "accessModes": [modes], "storageClassName": class, "resources": { "requests": { "storage": "1Gi" } } });
    let spec = if volume.is_empty() { spec } else { merged(spec, &json!({ "volumeName": volume })) };
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": spec })
}

/// A volume for a claim of a case.
pub(super) fn volume(name: &str, case: &str, modes: &str, affinity: Option<(&str, &str)>) -> Value {
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

pub fn cases() -> Vec<Case> {
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
