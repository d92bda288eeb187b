//! What Slipway itself needs in a cluster, and what a team needs: applied, not created, so that doing it again changes nothing.

use std::path::Path;

use k8s_openapi::{NamespaceResourceScope, Resource, api::core::v1::Namespace};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde::{Serialize, de::DeserializeOwned};
use slipway_domain::team::{FIRST_TEAM, TEAM_LABEL, TeamName};

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

/// Why a team's namespace is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum NotPrepared {
    /// There is one of that name that is not Slipway's, and it is never taken over silently: what runs in it is somebody's.
    #[error(
        "The cluster has a namespace {team} that is no team's; choose another name, or, if it is to be this team's, \
         have a cluster admin label it {TEAM_LABEL}={team}"
    )]
    Taken {
        /// Its name.
        team: TeamName,
    },
    /// It is going.
    #[error("The cluster is deleting the namespace {team}; it is made anew when it is gone")]
    Ending {
        /// Its name.
        team: TeamName,
    },
    /// The API server did not do what it takes.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<kube::Error> for NotPrepared {
    fn from(error: kube::Error) -> Self {
        Self::Write(error.into())
    }
}

impl Cluster {
    /// Whether the team may have the namespace of its name: there is none, or it is the team's.
    ///
    /// # Errors
    /// That it is another's or going, or what the API server refuses.
    pub async fn may_have_namespace(&self, team: &TeamName) -> Result<(), NotPrepared> {
        let namespaces: Api<Namespace> = Api::all(self.writer.clone());
        namespaces.get_opt(team.as_str()).await?.map_or(Ok(()), |there| belongs_to(team, &there))
    }

    /// Makes a team's namespace with its roles and its volume, in the server's own name: roles are what people are judged by, so
    /// they are never a person's to write. Doing it again puts right what somebody changed and nothing else.
    ///
    /// # Errors
    /// That the namespace is another's or going, or what the API server refuses.
    pub async fn prepare_team(&self, team: &TeamName, settings: &Settings) -> Result<(), NotPrepared> {
        let objects = manifest::team(team, settings);
        let client = &self.writer;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        if let Some(there) = namespaces.get_opt(team.as_str()).await? {
            belongs_to(team, &there)?;
        } else {
            // Made, not applied: one that somebody makes at this moment is not taken over, either.
            let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
            match namespaces.create(&params, &objects.namespace).await.map_err(WriteError::from) {
                Ok(_) => {}
                // Another server, or another step of this one, may have been first.
                Err(WriteError::Conflict(_)) => belongs_to(team, &namespaces.get(team.as_str()).await?)?,
                Err(error) => return Err(error.into()),
            }
        }
        namespaces.patch(team.as_str(), &params(), &Patch::Apply(&objects.namespace)).await?;
        for role in &objects.roles {
            apply(client, team, role).await?;
        }
        for binding in &objects.bindings {
            apply(client, team, binding).await?;
        }
        Ok(apply(client, team, &objects.claim).await?)
    }
}

fn belongs_to(team: &TeamName, there: &Namespace) -> Result<(), NotPrepared> {
    let label = there.labels().get(TEAM_LABEL).map(String::as_str);
    let is_its_own = label == Some(team.as_str()) || (label.is_none() && team.as_str() == FIRST_TEAM);
    if !is_its_own {
        return Err(NotPrepared::Taken { team: team.clone() });
    }
    if there.metadata.deletion_timestamp.is_some() {
        return Err(NotPrepared::Ending { team: team.clone() });
    }
    Ok(())
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
