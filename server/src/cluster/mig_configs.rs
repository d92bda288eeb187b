//! The cuts of GPUs that the cluster's mig-manager knows by name: a config map of the GPU operator.
//!
//! Read now and then rather than watched: it changes when the operator is upgraded. The server may read config maps of this one
//! name and no others (`deploy/kubernetes/rbac.yaml`), in whatever namespace the operator is.

use axum::http::Request;
use k8s_openapi::{List, api::core::v1::ConfigMap};
use slipway_domain::relayout::configs::MigConfigs;

use super::Cluster;

/// Every config map of the name that the GPU operator gives it.
const PATH: &str = "/api/v1/configmaps?fieldSelector=metadata.name%3Ddefault-mig-parted-config";

impl Cluster {
    /// Reads them into the index. Where the cluster has none, or the server may not read them, nothing is known; where it cannot
    /// be reached, what was known stays.
    pub async fn learn_mig_configs(&self) {
        let Ok(request) = Request::get(PATH).body(Vec::new()) else { return };
        match self.reader.request::<List<ConfigMap>>(request).await {
            Ok(maps) => {
                let mut texts = maps.items.iter().filter_map(|map| map.data.as_ref()?.get("config.yaml"));
                let read = |text: &String| {
                    serde_saphyr::from_str(text)
                        .inspect_err(|error| tracing::warn!(%error, "the config map default-mig-parted-config cannot be read"))
                        .ok()
                };
                self.index.set_mig_configs(texts.find_map(read));
            }
            Err(kube::Error::Api(status)) => {
                tracing::debug!(%status, "the config map default-mig-parted-config was refused");
                self.index.set_mig_configs(None::<MigConfigs>);
            }
            Err(error) => tracing::debug!(%error, "the config map default-mig-parted-config cannot be asked for"),
        }
    }
}
