//! Kubernetes, and the only place that knows it.
//!
//! Reads and writes go separate ways. Reads come from the [`index`]: one [`watch`] a kind keeps it up to date, so that no page
//! costs the API server a request, however many people look. Writes go through [`AsPerson`]: the API server is asked in the
//! name of whoever clicked, so that Kubernetes' own RBAC has the last word and its audit log names a person. [`manifest`] holds
//! the objects that Slipway makes, as pure functions of the domain.

mod client;
mod impersonation;
pub mod index;
mod logs;
pub mod manifest;
mod mig_configs;
mod nodes;
mod setup;
mod shares;
mod watch;
mod write;

use std::{path::PathBuf, sync::Arc};

use slipway_domain::person::Caller;
use tokio::sync::watch::Receiver;

pub use self::{
    client::ConnectError,
    impersonation::AsPerson,
    index::{Change, Index, OnNode, RunFacts},
    logs::{LogError, LogFrom},
    setup::{NotPrepared, setup},
    shares::ShareError,
    write::WriteError,
};
use crate::clock::Clock;

/// The field manager of every write.
const MANAGER: &str = "slipway";

/// Where the cluster is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A kubeconfig file.
    File(PathBuf),
    /// `KUBECONFIG`, the user's kubeconfig, or the service account of the Pod that this is.
    Current,
}

/// The cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    /// Watches and logs, in the server's own name.
    reader: kube::Client,
    /// Writes: another connection, so that a hundred open logs never delay a click.
    writer: kube::Client,
    index: Arc<Index>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    /// Reads the kubeconfig and makes the clients; asks nothing of the API server, which may be away.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the kubeconfig.
    pub async fn connect(source: &Source) -> Result<Self, ConnectError> {
        let config = client::config(source).await?;
        Ok(Self { reader: client::make(config.clone())?, writer: client::make(config)?, index: Arc::new(Index::default()) })
    }

    /// Keeps the index up to date until `shutdown` becomes true.
    pub async fn watch(&self, clock: Clock, shutdown: Receiver<bool>) {
        watch::all(&self.reader, &self.index, &clock, shutdown).await;
    }

    /// What the cluster shows.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The cluster as this person may use it.
    pub fn acting_as(&self, caller: &Caller) -> AsPerson {
        AsPerson::new(self.writer.clone(), caller)
    }
}
