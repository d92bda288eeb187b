//! Writes to nodes, and to the Pods on them, in a person's name. Each can be repeated.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api,
    api::{EvictParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use slipway_domain::relayout::steps::{CONFIG, CONFIG_STATE};

use super::{AsPerson, MANAGER, WriteError, index::OnNode};

/// The annotation that says for what a node is cordoned, to whoever looks at it with kubectl.
const CORDONED_FOR: &str = "slipway.dev/cordoned-for";

impl AsPerson {
    /// Cordons a node and says there what for.
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn cordon(&self, node: &str, what_for: &str) -> Result<(), WriteError> {
        self.patch_node(node, &json!({ "metadata": { "annotations": { CORDONED_FOR: what_for } }, "spec": { "unschedulable": true } }))
            .await
    }

    /// Lets Pods come to a node again.
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn uncordon(&self, node: &str) -> Result<(), WriteError> {
        self.patch_node(node, &json!({ "metadata": { "annotations": { CORDONED_FOR: null } }, "spec": { "unschedulable": null } })).await
    }

    /// Asks mig-manager for a cut, or removes what was asked. What it said of an earlier one is removed in any case, so that it
    /// is not taken for an answer.
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn set_mig_config(&self, node: &str, config: Option<&str>) -> Result<(), WriteError> {
        self.patch_node(node, &json!({ "metadata": { "labels": { CONFIG: config, CONFIG_STATE: null } } })).await
    }

    /// Evicts a Pod with its grace period; one that is gone already is a success. A disruption budget that does not let it go
    /// now is said as [`WriteError::Conflict`].
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn evict(&self, pod: &OnNode) -> Result<(), WriteError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace);
        match pods.evict(&pod.pod, &EvictParams::default()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 429 => Err(WriteError::Conflict(status.message.clone())),
            Err(error) => Err(error.into()),
        }
    }

    async fn patch_node(&self, node: &str, patch: &Value) -> Result<(), WriteError> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }.validation_strict();
        nodes.patch(node, &params, &Patch::Merge(patch)).await?;
        Ok(())
    }
}
