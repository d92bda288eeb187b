//! Whether the parts that Slipway stands on are there.

use jiff::Timestamp;

use crate::{clock::Clock, cluster::Cluster, store::Store};

/// Asks them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Health {
    store: Store,
    cluster: Cluster,
    clock: Clock,
}

/// How the cluster is doing, as its index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterHealth {
    /// The first lists have not all arrived.
    Starting,
    /// Every change arrives.
    Synced,
    /// It has been away since then; what is shown is as of then.
    Away(Timestamp),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the database refused, if it did.
    pub database: Result<(), String>,
    /// How the cluster is doing.
    pub cluster: ClusterHealth,
    /// When this was found.
    pub at: Timestamp,
}

impl Health {
    /// Of these parts.
    pub const fn new(store: Store, cluster: Cluster, clock: Clock) -> Self {
        Self { store, cluster, clock }
    }

    /// Asks the database, and the index of the cluster; costs the API server nothing.
    pub async fn check(&self) -> Report {
        let index = self.cluster.index();
        let cluster = match index.stale_since() {
            Some(since) => ClusterHealth::Away(since),
            None if index.is_synced() => ClusterHealth::Synced,
            None => ClusterHealth::Starting,
        };
        Report { database: self.store.ping().await.map_err(|error| error.to_string()), cluster, at: self.clock.now() }
    }
}
