//! Gives each `PersistentVolumeClaim` a folder: a provisioner for the storage class `sandbox`.
//!
//! Kubernetes' own controller names us on a claim that waits for us (an annotation), binds the volume that we
//! make, and releases it when the claim goes; what is left for us is to make the folder and to remove it.
//! A volume is a folder below `DIR/volumes`, named like the volume. Every node is this computer, so any access
//! mode holds, also for many nodes at once. Sizes are recorded, not enforced.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::watcher;
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::json;

use super::say;

pub const PROVISIONER: &str = "sandbox/directory";
/// Holds a volume's object until its folder is gone.
const FINALIZER: &str = "sandbox/directory";
const WANTED_OF: &str = "volume.kubernetes.io/storage-provisioner";
const MADE_BY: &str = "pv.kubernetes.io/provisioned-by";
const AGAIN_AFTER: Duration = Duration::from_secs(5);

struct Volumes {
    client: Client,
    recorder: Recorder,
    folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Cluster(#[from] kube::Error),
    #[error("{}: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
}

/// Serves claims until dropped.
pub async fn provision(client: Client, folder: PathBuf) {
    let volumes = Arc::new(Volumes {
        recorder: Recorder::new(client.clone(), Reporter::from(PROVISIONER.replace('/', "-"))),
        client: client.clone(),
        folder,
    });
    let claims: Api<PersistentVolumeClaim> = Api::all(client.clone());
    let made: Api<PersistentVolume> = Api::all(client);
    let claims = Controller::new(claims, watcher::Config::default())
        .run(provide, |claim, failure, _| try_again("claim", &claim.name_any(), failure), volumes.clone())
        .for_each(async |_| ());
    let releases = Controller::new(made, watcher::Config::default())
        .run(reclaim, |volume, failure, _| try_again("volume", &volume.name_any(), failure), volumes)
        .for_each(async |_| ());
    futures::join!(claims, releases);
}

fn try_again(kind: &str, name: &str, failure: &Failure) -> Action {
    say(format_args!("{kind} {name}: {failure}; trying again"));
    Action::requeue(AGAIN_AFTER)
}

/// Makes the volume that a claim waits for.
async fn provide(claim: Arc<PersistentVolumeClaim>, volumes: Arc<Volumes>) -> Result<Action, Failure> {
    let wanted = claim.annotations().get(WANTED_OF).is_some_and(|by| by == PROVISIONER);
    let Some(spec) = claim.spec.as_ref().filter(|spec| wanted && spec.volume_name.is_none()) else {
        return Ok(Action::await_change());
    };
    let refusal = if spec.selector.is_some() {
        Some("a claim with a selector only takes a volume that is there already")
    } else if spec.volume_mode.as_deref() == Some("Block") {
        Some("volumes here are folders; volumeMode Block cannot be had")
    } else if spec.data_source.is_some() || spec.data_source_ref.is_some() {
        Some("volumes here begin empty; a dataSource cannot be had")
    } else {
        None
    };
    if let Some(refusal) = refusal {
        volumes.tell(&claim, EventType::Warning, "ProvisioningFailed", refusal).await?;
        return Ok(Action::await_change());
    }
    let class = match &spec.storage_class_name {
        Some(name) => Api::<StorageClass>::all(volumes.client.clone()).get(name).await?,
        None => return Ok(Action::await_change()),
    };
    let name = format!("pvc-{}", claim.uid().unwrap_or_default());
    let path = volumes.folder.join(&name);
    std::fs::create_dir_all(&path).map_err(|source| Failure::Folder { path: path.clone(), source })?;
    let volume: PersistentVolume = serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "annotations": {MADE_BY: PROVISIONER},
            "finalizers": [FINALIZER],
        },
        "spec": {
            "capacity": {"storage": spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()?.get("storage"))},
            "accessModes": spec.access_modes,
            "persistentVolumeReclaimPolicy": class.reclaim_policy,
            "storageClassName": class.name_any(),
            "hostPath": {"path": path, "type": "DirectoryOrCreate"},
            "claimRef": claim.object_ref(&()),
        },
    }))
    .map_err(kube::Error::SerdeError)?;
    let made: Api<PersistentVolume> = Api::all(volumes.client.clone());
    match made.create(&PostParams::default(), &volume).await {
        // Made before, and not bound yet.
        Err(kube::Error::Api(status)) if status.is_already_exists() => return Ok(Action::await_change()),
        outcome => outcome?,
    };
    let note = format!("Successfully provisioned volume {name}");
    volumes.tell(&claim, EventType::Normal, "ProvisioningSucceeded", &note).await?;
    Ok(Action::await_change())
}

/// Removes what a released volume holds, when its policy is Delete; a volume to be retained keeps its folder.
async fn reclaim(volume: Arc<PersistentVolume>, volumes: Arc<Volumes>) -> Result<Action, Failure> {
    let ours = volume.annotations().get(MADE_BY).is_some_and(|by| by == PROVISIONER);
    if !ours {
        return Ok(Action::await_change());
    }
    let api: Api<PersistentVolume> = Api::all(volumes.client.clone());
    let name = volume.name_any();
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    let policy = volume.spec.as_ref().and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
    let delete = policy == Some("Delete");
    if volume.meta().deletion_timestamp.is_none() {
        if phase == Some("Released") && delete {
            gone_is_fine(api.delete(&name, &DeleteParams::default()).await.map(drop))?;
        }
        return Ok(Action::await_change());
    }
    // Kubernetes protects a bound volume with a finalizer of its own; ours is the last to go.
    if phase == Some("Bound") || !volume.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Action::await_change());
    }
    if delete {
        let path = volumes.folder.join(&name);
        match tokio::fs::remove_dir_all(&path).await {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(Failure::Folder { path, source }),
            Err(_) | Ok(()) => {}
        }
    }
    let rest: Vec<_> = volume.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    // With the version, so that a finalizer which somebody adds meanwhile is not lost.
    let patch = json!({"metadata": {"finalizers": rest, "resourceVersion": volume.resource_version()}});
    gone_is_fine(api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop))?;
    Ok(Action::await_change())
}

fn gone_is_fine(outcome: kube::Result<()>) -> kube::Result<()> {
    match outcome {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        outcome => outcome,
    }
}

impl Volumes {
    async fn tell(&self, claim: &PersistentVolumeClaim, type_: EventType, reason: &str, note: &str) -> kube::Result<()> {
        let event =
            Event { type_, reason: reason.to_owned(), note: Some(note.to_owned()), action: "Provisioning".to_owned(), secondary: None };
        self.recorder.publish(&event, &claim.object_ref(&())).await
    }
}
