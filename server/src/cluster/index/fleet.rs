//! Nodes with the Pods that hold resources of them.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use slipway_domain::{node::NodeFacts, run::spec::RunId};

use super::{Index, rows::NodeRow};

/// A Pod that holds resources of a node.
#[derive(Clone, Debug)]
pub struct Holding {
    /// `namespace/name`.
    pub key: Box<str>,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// Its priority: who makes way for whom.
    pub priority: i32,
    /// When it was made.
    pub created: Timestamp,
    /// What it asks for, by resource name.
    pub requests: Arc<[(Box<str>, Box<str>)]>,
}

impl Index {
    /// Every node, by name, with the Pods there that have not ended.
    pub fn fleet(&self) -> Vec<(NodeFacts, Vec<Holding>)> {
        let state = self.lock();
        let mut held: HashMap<&str, Vec<Holding>> = HashMap::new();
        for (key, pod) in &state.pods {
            if let Some(node) = pod.node.as_deref().filter(|_| !pod.ended) {
                held.entry(node).or_default().push(Holding {
                    key: key.clone(),
                    run: pod.run.as_deref().map(|run| RunId(run.to_owned())),
                    priority: pod.priority,
                    created: pod.created,
                    requests: pod.requests.clone(),
                });
            }
        }
        state.nodes.iter().map(|(name, row)| (facts(name, row), held.remove(&**name).unwrap_or_default())).collect()
    }
}

fn facts(name: &str, row: &NodeRow) -> NodeFacts {
    NodeFacts {
        name: name.to_owned(),
        labels: row.labels.clone(),
        allocatable: row.allocatable.clone(),
        taints: row.taints.iter().map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect)).collect(),
        cordoned: row.unschedulable,
        ready: row.ready,
    }
}
