//! A Pod's volumes, as folders of this computer.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{
        Container, DownwardAPIVolumeFile, KeyToPath, PersistentVolume, PersistentVolumeClaim, Pod, ServiceAccount, Volume, VolumeProjection,
    },
};
use kube::{Api, Client, ResourceExt as _, api::PostParams};

use super::{
    attempt::Mount,
    environment::{self, Place, Values},
};

/// Makes every volume of a Pod under `folder`; the answer is where each is, by name.
///
/// # Errors
/// A sentence that the Pod's event shows; making them again later is safe.
pub(super) async fn make(client: &Client, pod: &Pod, place: &Place, folder: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut made = BTreeMap::new();
    for volume in pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()) {
        let own = folder.join(&volume.name);
        let path = one(client, pod, place, volume, own)
            .await
            .map_err(|error| format!("MountVolume.SetUp failed for volume \"{}\" : {error}", volume.name))?;
        made.insert(volume.name.clone(), path);
    }
    Ok(made)
}

async fn one(client: &Client, pod: &Pod, place: &Place, volume: &Volume, own: PathBuf) -> Result<PathBuf, String> {
    let namespace = pod.namespace().unwrap_or_default();
    if let Some(claim) = &volume.persistent_volume_claim {
        return claimed(client, &namespace, &claim.claim_name).await;
    }
    if let Some(host) = &volume.host_path {
        let path = PathBuf::from(&host.path);
        if host.type_.as_deref() == Some("DirectoryOrCreate") {
            fs::create_dir_all(&path).map_err(text)?;
        }
        return if path.exists() { Ok(path) } else { Err(format!("hostPath {} does not exist", host.path)) };
    }
    fs::create_dir_all(&own).map_err(text)?;
    if volume.empty_dir.is_some() {
        fs::set_permissions(&own, fs::Permissions::from_mode(0o777)).map_err(text)?;
        return Ok(own);
    }
    if let Some(source) = &volume.config_map {
        let values = environment::config_map(client, &namespace, &source.name, source.optional == Some(true)).await?;
        write(&own, values.unwrap_or_default(), source.items.as_deref(), source.default_mode)?;
    } else if let Some(source) = &volume.secret {
        let name = source.secret_name.clone().unwrap_or_default();
        let values = environment::secret(client, &namespace, &name, source.optional == Some(true)).await?;
        write(&own, values.unwrap_or_default(), source.items.as_deref(), source.default_mode)?;
    } else if let Some(source) = &volume.downward_api {
        write(&own, downward(pod, place, source.items.as_deref().unwrap_or_default())?, None, source.default_mode)?;
    } else if let Some(source) = &volume.projected {
        for projection in source.sources.iter().flatten() {
            let (values, items) = projected(client, pod, place, &namespace, projection).await?;
            write(&own, values, items, source.default_mode)?;
        }
    } else {
        return Err("volumes of this kind are not supported by the sandbox's nodes".to_owned());
    }
    Ok(own)
}

/// The folder of the volume that a claim is bound to.
async fn claimed(client: &Client, namespace: &str, name: &str) -> Result<PathBuf, String> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let claim = claims.get_opt(name).await.map_err(text)?.ok_or_else(|| format!("persistentvolumeclaim \"{name}\" not found"))?;
    let bound = claim.spec.and_then(|spec| spec.volume_name).ok_or_else(|| format!("persistentvolumeclaim \"{name}\" is not bound yet"))?;
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let volume = volumes.get(&bound).await.map_err(text)?;
    let spec = volume.spec.unwrap_or_default();
    let path = spec.host_path.map(|host| host.path).or_else(|| spec.local.map(|local| local.path));
    let path = PathBuf::from(path.ok_or_else(|| format!("volume {bound} is no folder of this computer"))?);
    fs::create_dir_all(&path).map_err(text)?;
    Ok(path)
}

async fn projected<'a>(
    client: &Client,
    pod: &Pod,
    place: &Place,
    namespace: &str,
    projection: &'a VolumeProjection,
) -> Result<(Values, Option<&'a [KeyToPath]>), String> {
    if let Some(source) = &projection.config_map {
        let values = environment::config_map(client, namespace, &source.name, source.optional == Some(true)).await?;
        return Ok((values.unwrap_or_default(), source.items.as_deref()));
    }
    if let Some(source) = &projection.secret {
        let values = environment::secret(client, namespace, &source.name, source.optional == Some(true)).await?;
        return Ok((values.unwrap_or_default(), source.items.as_deref()));
    }
    if let Some(source) = &projection.downward_api {
        return Ok((downward(pod, place, source.items.as_deref().unwrap_or_default())?, None));
    }
    let Some(source) = &projection.service_account_token else { return Ok((Values::new(), None)) };
    let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone()).unwrap_or_else(|| "default".to_owned());
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: source.audience.iter().cloned().collect(),
            expiration_seconds: source.expiration_seconds,
            bound_object_ref: None,
        },
        ..TokenRequest::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let token = accounts.create_token_request(&account, &PostParams::default(), &request).await.map_err(text)?;
    let token = token.status.map(|status| status.token).unwrap_or_default();
    Ok((Values::from([(source.path.clone(), token.into_bytes())]), None))
}

fn downward(pod: &Pod, place: &Place, files: &[DownwardAPIVolumeFile]) -> Result<Values, String> {
    let mut values = Values::new();
    for file in files {
        let value = if let Some(selector) = &file.field_ref {
            environment::field(pod, place, selector)?
        } else if let Some(selector) = &file.resource_field_ref {
            environment::resource(pod, &Container::default(), selector)?
        } else {
            continue;
        };
        values.insert(file.path.clone(), value.into_bytes());
    }
    Ok(values)
}

fn write(folder: &Path, values: Values, items: Option<&[KeyToPath]>, mode: Option<i32>) -> Result<(), String> {
    let chosen: Vec<(String, Vec<u8>, Option<i32>)> = match items {
        None => values.into_iter().map(|(key, value)| (key, value, None)).collect(),
        Some(items) => items
            .iter()
            .map(|item| {
                let value = values.get(&item.key).cloned().ok_or_else(|| format!("references non-existent key: {}", item.key))?;
                Ok((item.path.clone(), value, item.mode))
            })
            .collect::<Result<_, String>>()?,
    };
    for (path, value, own_mode) in chosen {
        if path.split('/').any(|part| part == ".." || part.is_empty()) {
            return Err(format!("path {path:?} leaves the volume"));
        }
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(text)?;
        // Written aside, because an earlier file may be read-only, or be read at this moment.
        let aside = file.with_extension("sandbox-new");
        fs::write(&aside, value).map_err(text)?;
        let mode = own_mode.or(mode).and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0o644);
        fs::set_permissions(&aside, fs::Permissions::from_mode(mode)).map_err(text)?;
        fs::rename(aside, file).map_err(text)?;
    }
    Ok(())
}

/// Where a container sees the volumes, from its `volumeMounts`.
///
/// # Errors
/// A sentence where a `subPath` leaves its volume or cannot be made.
pub(super) fn mounts(
    container: &Container,
    volumes: &BTreeMap<String, PathBuf>,
    variables: &[(String, String)],
) -> Result<Vec<Mount>, String> {
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        let Some(volume) = volumes.get(&mount.name) else { continue };
        let inner = mount.sub_path_expr.as_deref().map(|path| environment::expand(path, variables)).or_else(|| mount.sub_path.clone());
        let source = match inner.filter(|inner| !inner.is_empty()) {
            None => volume.clone(),
            Some(inner) if inner.split('/').any(|part| part == "..") || inner.starts_with('/') => {
                return Err(format!("subPath {inner:?} leaves volume {}", mount.name));
            }
            Some(inner) => {
                let source = volume.join(inner);
                if !source.exists() {
                    fs::create_dir_all(&source).map_err(text)?;
                }
                source
            }
        };
        mounts.push(Mount { source, target: PathBuf::from(&mount.mount_path), read_only: mount.read_only == Some(true) });
    }
    Ok(mounts)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Removes a Pod's folder, its volumes and logs included.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
