//! One node and who is on it, for whoever means to empty it; and the cuts that its GPUs can be given by name.

use std::sync::Arc;

use slipway_domain::{node::NodeFacts, relayout::configs::MigConfigs, run::spec::RunId};

use super::{Index, Kind};

/// A Pod on a node that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnNode {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub pod: String,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// What it asks for, by resource name.
    pub requests: Arc<[(Box<str>, Box<str>)]>,
    /// Whether it has been told to go.
    pub going: bool,
}

impl Index {
    /// Whether nodes and Pods have been listed and are shown as they are now: only then does it mean something that one is not
    /// there.
    pub fn is_current(&self) -> bool {
        let state = self.lock();
        state.stale.is_none() && [Kind::Nodes, Kind::Pods].iter().all(|kind| state.heard.contains_key(kind))
    }

    /// A node, and the Pods there that have not ended, in the order in which they came.
    pub fn on_node(&self, name: &str) -> (Option<NodeFacts>, Vec<OnNode>) {
        let state = self.lock();
        let here = state.holdings(name).into_iter().filter_map(|holding| {
            let (namespace, pod) = holding.key.split_once('/')?;
            Some(OnNode {
                namespace: namespace.to_owned(),
                pod: pod.to_owned(),
                run: holding.run.clone(),
                requests: holding.requests.clone(),
                going: state.pods.get(&holding.key).is_some_and(|pod| pod.deleting.is_some()),
            })
        });
        let here = here.collect();
        (state.nodes.get(name).cloned(), here)
    }

    /// The cuts that the cluster knows by name; none where they cannot be read.
    pub fn mig_configs(&self) -> Option<Arc<MigConfigs>> {
        self.lock().mig_configs.clone()
    }

    /// Keeps what the cluster was found to know.
    pub(in crate::cluster) fn set_mig_configs(&self, configs: Option<MigConfigs>) {
        self.lock().mig_configs = configs.map(Arc::new);
    }
}

impl OnNode {
    /// What it has of the node's GPUs.
    pub fn holds(&self) -> Option<String> {
        slipway_domain::relayout::holds(self.requests.iter().map(|(name, amount)| (&**name, &**amount)))
    }
}
