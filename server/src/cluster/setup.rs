//! What Slipway itself needs in a cluster, and what a team needs: applied, not created, so that doing it again changes nothing.

use std::path::Path;

use k8s_openapi::{NamespaceResourceScope, Resource};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use serde::{Serialize, de::DeserializeOwned};
use slipway_domain::team::TeamName;

use super::{
    Cluster, MANAGER, Source, WriteError, client,
    manifest::{self, Settings},
};

/// The server's own rights, as they are installed with `kubectl apply`, too.
const RBAC: &str = include_str!("../../../deploy/kubernetes/rbac.yaml");

/// Gives the server's account its rights, in the name of the admin whose kubeconfig this is.
///
/// # Errors
/// A sentence that says what could not be applied.
pub async fn setup(admin: &Path) -> Result<(), String> {
    let source = Source::File(admin.to_owned());
    let config = client::config(&source).await.map_err(|error| error.to_string())?;
    let client = client::make(config).map_err(|error| error.to_string())?;
    let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(RBAC).map_err(|error| format!("rbac.yaml cannot be read: {error}"))?;
    for object in objects {
        let types = object.types.clone().ok_or("an object of rbac.yaml has no kind")?;
        let name = object.metadata.name.clone().ok_or("an object of rbac.yaml has no name")?;
        let kind = GroupVersionKind::try_from(&types).map_err(|error| error.to_string())?;
        let resource = kube::core::ApiResource::from_gvk(&kind);
        let api: Api<DynamicObject> = match object.metadata.namespace.as_deref() {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        api.patch(&name, &params(), &Patch::Apply(&object)).await.map_err(|error| format!("{} {name}: {error}", types.kind))?;
    }
    Ok(())
}

impl Cluster {
    /// Makes a team's namespace with its roles and its volume, in the server's own name: roles are what people are judged by, so
    /// they are never a person's to write.
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn prepare_team(&self, team: &TeamName, settings: &Settings) -> Result<(), WriteError> {
        let objects = manifest::team(team, settings);
        let client = &self.writer;
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
        namespaces.patch(team.as_str(), &params(), &Patch::Apply(&objects.namespace)).await?;
        for role in &objects.roles {
            apply(client, team, role).await?;
        }
        for binding in &objects.bindings {
            apply(client, team, binding).await?;
        }
        apply(client, team, &objects.claim).await
    }
}

fn params() -> PatchParams {
    PatchParams::apply(MANAGER).force().validation_strict()
}

async fn apply<K>(client: &Client, team: &TeamName, object: &K) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope>
        + k8s_openapi::Metadata<Ty = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), team.as_str());
    let name = object.metadata().name.clone().unwrap_or_default();
    api.patch(&name, &params(), &Patch::Apply(object)).await?;
    Ok(())
}
