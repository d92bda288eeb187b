//! Writes to the cluster, in a person's name, and what its refusals mean.
//!
//! Objects are written with strict field validation, so that a field that this Kubernetes does not know is refused and never
//! silently dropped. A run's Job is created, not applied: its name is claimed once, and applying over a Job of the same name
//! that somebody made by hand would take it over. A repeated create of the same run is a success, so that a server that died
//! between asking and recording may ask again.

use std::collections::BTreeMap;

use axum::http::Request;
use k8s_openapi::api::{batch::v1::Job, core::v1::Node};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PropagationPolicy},
    core::Status,
};
use slipway_domain::{refusal::Refusal, run::spec::RunName, team::TeamName};

use super::{
    AsPerson, MANAGER,
    manifest::{self, RUN_LABEL, RunObjects},
};

/// Why a write was not done.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// RBAC or an admission rule says no (403).
    #[error("Kubernetes refuses: {0}")]
    Forbidden(String),
    /// The object is not valid (400, 422): what is wrong, by field path.
    #[error("Kubernetes finds it invalid: {message}")]
    Invalid {
        /// The whole message.
        message: String,
        /// Field path → what is wrong there.
        causes: BTreeMap<String, String>,
    },
    /// Something else of that name exists, or it changed meanwhile (409).
    #[error("{0}")]
    Conflict(String),
    /// There is no such object (404).
    #[error("Kubernetes does not have it: {0}")]
    NotFound(String),
    /// The API server cannot be reached, or is not well.
    #[error("The cluster cannot be reached: {0}; nothing was changed, try again in a moment")]
    Unreachable(String),
}

impl From<kube::Error> for WriteError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::from(*status),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

impl From<Status> for WriteError {
    fn from(status: Status) -> Self {
        let message = status.message.clone();
        match status.code {
            400 | 422 => {
                let causes = status.details.iter().flat_map(|details| &details.causes);
                Self::Invalid { causes: causes.map(|cause| (cause.field.clone(), cause.message.clone())).collect(), message }
            }
            401 | 403 => Self::Forbidden(message),
            404 => Self::NotFound(message),
            409 => Self::Conflict(message),
            _ => Self::Unreachable(message),
        }
    }
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        let sentence = error.to_string();
        match error {
            WriteError::Forbidden(_) => Self::Forbidden { sentence },
            WriteError::Invalid { causes, message } => {
                let mut fields: BTreeMap<String, String> = causes
                    .into_iter()
                    .map(|(path, text)| (manifest::form_field(&path).to_owned(), format!("Kubernetes: {text}")))
                    .collect();
                if fields.is_empty() {
                    fields.insert(String::new(), format!("Kubernetes: {message}"));
                }
                Self::Invalid { fields }
            }
            WriteError::Conflict(_) => Self::Conflict { sentence },
            WriteError::NotFound(_) => Self::NotFound { sentence },
            WriteError::Unreachable(_) => Self::Unavailable { sentence },
        }
    }
}

impl AsPerson {
    /// Asks the API server whether it would accept these objects, with all its admission rules, and changes nothing.
    ///
    /// # Errors
    /// What it would refuse.
    pub async fn dry_run(&self, objects: &RunObjects) -> Result<(), WriteError> {
        self.create(&objects.job, true).await
    }

    /// Makes these objects.
    ///
    /// # Errors
    /// What the API server refuses; [`WriteError::Conflict`] where another Job has the name.
    pub async fn apply(&self, objects: &RunObjects) -> Result<(), WriteError> {
        self.create(&objects.job, false).await
    }

    /// Deletes a run's Job and, before it, its Pods, each with its grace period. A Job that is gone already is a success.
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn delete_job(&self, team: &TeamName, name: &RunName) -> Result<(), WriteError> {
        let jobs = self.jobs(team);
        let delete = DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..DeleteParams::default() };
        match jobs.delete(name.as_str(), &delete).await.map_err(WriteError::from) {
            Ok(_) | Err(WriteError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Suspends a run's Job, which deletes its Pods, or lets it go on.
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn set_suspended(&self, team: &TeamName, name: &RunName, suspended: bool) -> Result<(), WriteError> {
        let patch = serde_json::json!({ "spec": { "suspend": suspended } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.jobs(team).patch(name.as_str(), &params, &Patch::Merge(&patch)).await?;
        Ok(())
    }

    /// Keeps new Pods off a node, or lets them come again; the Pods there stay.
    ///
    /// # Errors
    /// What the API server refuses.
    pub async fn set_cordoned(&self, node: &str, cordoned: bool) -> Result<(), WriteError> {
        let patch = serde_json::json!({ "spec": { "unschedulable": cordoned } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        Api::<Node>::all(self.client.clone()).patch(node, &params, &Patch::Merge(&patch)).await?;
        Ok(())
    }

    fn jobs(&self, team: &TeamName) -> Api<Job> {
        Api::namespaced(self.client.clone(), team.as_str())
    }

    async fn create(&self, job: &Job, dry_run: bool) -> Result<(), WriteError> {
        let namespace = job.namespace().unwrap_or_default();
        let dry = if dry_run { "&dryRun=All" } else { "" };
        let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs?fieldManager={MANAGER}&fieldValidation=Strict{dry}");
        let body = serde_json::to_vec(job).map_err(|error| WriteError::Unreachable(error.to_string()))?;
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(body)
            .map_err(|error| WriteError::Unreachable(error.to_string()))?;
        match self.client.request::<Job>(request).await.map_err(WriteError::from) {
            Ok(_) => Ok(()),
            Err(WriteError::Conflict(message)) => self.already_there(job, &namespace, message).await,
            Err(error) => Err(error),
        }
    }

    /// A Job of the name exists: it is this very run's (an earlier try got through), or another's.
    async fn already_there(&self, job: &Job, namespace: &str, message: String) -> Result<(), WriteError> {
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), namespace);
        let there = jobs.get_opt(&job.name_any()).await?;
        let same = there.is_some_and(|there| there.labels().get(RUN_LABEL) == job.labels().get(RUN_LABEL));
        if same { Ok(()) } else { Err(WriteError::Conflict(message)) }
    }
}
