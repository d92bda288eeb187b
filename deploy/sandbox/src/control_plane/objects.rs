//! What the sandbox puts into its cluster: permission for its own two accounts, a default storage class, and, where the GPU
//! operator would put it, the list of the cuts that nodes can be asked for.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{Error, volumes};

/// Users of the cluster, by the name in their certificates.
pub const AGENT: &str = "sandbox-agent";
pub const VOLUMES: &str = "sandbox-volumes";

/// The GPU operator's namespace, and its list of cuts.
const OPERATOR: &str = "gpu-operator";
const MIG_CONFIGS: &str = "default-mig-parted-config";

pub async fn put(client: &Client, mig_configs: &str) -> Result<(), Error> {
    let refuse = |source| Error::Objects { source };
    let params = PatchParams::apply("sandbox").force();
    let roles: Api<ClusterRole> = Api::all(client.clone());
    for role in [agent_role(), volumes_role()] {
        let name = role["metadata"]["name"].as_str().unwrap_or_default();
        roles.patch(name, &params, &Patch::Apply(&role)).await.map_err(refuse)?;
    }
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    for (name, role, user) in [
        // What a kubelet may; Kubernetes itself keeps this role up to date.
        ("sandbox:agent-as-node", "system:node", AGENT),
        ("sandbox:agent", "sandbox:agent", AGENT),
        ("sandbox:volumes", "sandbox:volumes", VOLUMES),
    ] {
        let binding = binding(name, role, user);
        bindings.patch(name, &params, &Patch::Apply(&binding)).await.map_err(refuse)?;
    }
    let operator = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR}});
    Api::<Namespace>::all(client.clone()).patch(OPERATOR, &params, &Patch::Apply(&operator)).await.map_err(refuse)?;
    let list = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MIG_CONFIGS}, "data": {"config.yaml": mig_configs}});
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), OPERATOR);
    maps.patch(MIG_CONFIGS, &params, &Patch::Apply(&list)).await.map_err(refuse)?;
    let classes: Api<StorageClass> = Api::all(client.clone());
    match classes.create(&PostParams::default(), &storage_class()).await {
        // One that is there may have been changed by whoever uses the cluster, and stays as it is.
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        outcome => outcome.map(drop).map_err(refuse),
    }
}

/// What the agent does beyond a kubelet: one account is all nodes, and removes those that left the nodes file.
fn agent_role() -> Value {
    role(
        "sandbox:agent",
        &json!([
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["delete"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list", "create", "update", "patch", "delete"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch", "update"]},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "update"]},
            {"apiGroups": [""], "resources": ["persistentvolumeclaims", "persistentvolumes"], "verbs": ["get", "list", "watch"]},
        ]),
    )
}

fn volumes_role() -> Value {
    role(
        "sandbox:volumes",
        &json!([
            {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
            {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get"]},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
        ]),
    )
}

fn role(name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    })
}

fn binding(name: &str, role: &str, user: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    })
}

fn storage_class() -> StorageClass {
    let mut class = StorageClass {
        provisioner: volumes::PROVISIONER.to_owned(),
        reclaim_policy: Some("Delete".into()),
        // Every node is this computer, so there is nothing to wait for.
        volume_binding_mode: Some("Immediate".into()),
        ..StorageClass::default()
    };
    class.metadata.name = Some("sandbox".into());
    let default = ("storageclass.kubernetes.io/is-default-class".into(), "true".into());
    class.metadata.annotations = Some([default].into());
    class
}
