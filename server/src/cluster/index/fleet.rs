//! Nodes with the Pods that hold resources of them, drawn.
//!
//! A page of nodes is asked for far more often than a node changes, and a large cluster has thousands of nodes: which Pods are
//! on which node is kept as Pods come and go, and a node is drawn anew only when it or its Pods have changed since.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, MutexGuard},
};

use jiff::Timestamp;
use slipway_domain::{
    node::{Drawn, Held, Holder, NodeFacts},
    pending::{Hold, NodeView},
    run::spec::RunId,
    utilisation::PodKey,
};

use super::{Index, PodRow, State};

/// Nodes drawn under one lock, so that the watches are not kept waiting by a page that comes after a great change.
const BATCH: usize = 64;

/// A Pod that holds resources of a node.
#[derive(Clone, Debug)]
pub struct Holding {
    /// `namespace/name`.
    pub key: Arc<str>,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// Its priority: who makes way for whom.
    pub priority: i32,
    /// When it was made.
    pub created: Timestamp,
    /// What it asks for as a whole, by resource name.
    pub requests: Arc<[(Box<str>, Box<str>)]>,
}

/// A Pod that is on a node and has not ended.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The node.
    pub node: Arc<str>,
    /// Whose Pod it is.
    pub holder: Holder,
    /// Whether it asks for GPUs or slices as resources.
    pub asks_for_gpus: bool,
    /// When it was bound to the node.
    pub since: Timestamp,
}

/// Where the Pods are that have not ended, and the nodes as they were last drawn.
#[derive(Debug, Default)]
pub(super) struct Floor {
    pods: HashMap<Arc<str>, Vec<Arc<str>>>,
    drawn: BTreeMap<Box<str>, Arc<Drawn>>,
    changed: BTreeSet<Box<str>>,
}

impl Floor {
    /// A node, or what holds something of it, is not as it was drawn.
    pub fn touch(&mut self, node: &str) {
        if !self.changed.contains(node) {
            self.changed.insert(node.into());
        }
    }

    /// A Pod came, changed or went: `before` and `after` are its rows, where it had and has one. Says whether any node's drawing
    /// changed by that.
    pub fn moved(&mut self, key: &Arc<str>, before: Option<&PodRow>, after: Option<&PodRow>) -> bool {
        let (from, to) = (before.and_then(PodRow::seat), after.and_then(PodRow::seat));
        if from == to {
            let same = before.zip(after).is_none_or(|(before, after)| before.requests == after.requests && before.run == after.run);
            to.iter().filter(|_| !same).for_each(|node| self.touch(node));
            return !same && to.is_some();
        }
        if let Some(node) = from {
            let left = self.pods.get_mut(node).is_some_and(|there| {
                there.iter().position(|other| other == key).map(|at| there.swap_remove(at));
                there.is_empty()
            });
            if left {
                self.pods.remove(node);
            }
            self.touch(node);
        }
        if let Some(node) = to {
            self.pods.entry(node.clone()).or_default().push(key.clone());
            self.touch(node);
        }
        true
    }

    /// No Pod is anywhere: they are about to be listed anew.
    pub fn clear_pods(&mut self) {
        self.changed.extend(self.pods.drain().map(|(node, _)| Box::from(&*node)));
    }

    /// No node is drawn: they are listed anew.
    pub fn clear_nodes<'a>(&mut self, nodes: impl Iterator<Item = &'a Box<str>>) {
        self.drawn.clear();
        self.changed.extend(nodes.cloned());
    }
}

impl State {
    /// The Pods on a node that have not ended, in the order in which they came.
    pub(super) fn holdings(&self, node: &str) -> Vec<Holding> {
        let keys = self.floor.pods.get(node).into_iter().flatten();
        let mut held: Vec<Holding> = keys
            .filter_map(|key| {
                let pod = self.pods.get(key)?;
                Some(Holding {
                    key: key.clone(),
                    run: pod.run.as_deref().map(|run| RunId(run.to_owned())),
                    priority: pod.priority,
                    created: pod.created,
                    requests: pod.requests.clone(),
                })
            })
            .collect();
        held.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.key.cmp(&b.key)));
        held
    }

    /// Draws some of the nodes that have changed; says whether there are more.
    fn draw_some(&mut self) -> bool {
        for _ in 0..BATCH {
            let Some(node) = self.floor.changed.pop_first() else { return false };
            let Some(facts) = self.nodes.get(&node) else {
                self.floor.drawn.remove(&node);
                continue;
            };
            let held = self.holdings(&node);
            let held: Vec<Held<'_>> = held
                .iter()
                .map(|pod| {
                    let team = pod.key.split_once('/').map_or("", |(namespace, _)| namespace).to_owned();
                    Held { holder: Holder { team, run: pod.run.clone() }, requests: &pod.requests }
                })
                .collect();
            let drawn = Arc::new(Drawn::with(facts, &held, &self.advertised(&node)));
            self.floor.drawn.insert(node, drawn);
        }
        !self.floor.changed.is_empty()
    }
}

impl Index {
    /// Every node, by name, with the Pods there that have not ended, in the order in which they came.
    pub fn fleet(&self) -> Vec<(NodeFacts, Vec<Holding>)> {
        let state = self.lock();
        state.nodes.iter().map(|(name, facts)| (facts.clone(), state.holdings(name))).collect()
    }

    /// Every node with who holds what of it; `until` says when a run is likely to end.
    pub fn views(&self, until: impl Fn(&RunId) -> Option<Timestamp>) -> Vec<NodeView> {
        let hold = |pod: Holding| Hold {
            team: pod.key.split_once('/').map_or("", |(namespace, _)| namespace).into(),
            until: pod.run.as_ref().and_then(&until),
            run: pod.run,
            requests: pod.requests,
        };
        let by_claim: HashMap<String, Arc<Drawn>> =
            self.drawn().into_iter().filter(|node| !node.row.dra.is_empty()).map(|node| (node.row.name.clone(), node)).collect();
        let view = |(facts, pods): (NodeFacts, Vec<Holding>)| {
            let dra = by_claim.get(&facts.name).map(|node| node.row.dra.clone()).unwrap_or_default();
            NodeView { facts, held: pods.into_iter().map(hold).collect(), dra }
        };
        self.fleet().into_iter().map(view).collect()
    }

    /// Where these Pods are, of those that are on a node and have not ended.
    pub fn seats<'a>(&self, pods: impl Iterator<Item = &'a PodKey>) -> HashMap<&'a PodKey, Seat> {
        let state = self.lock();
        let seat = |key: &'a PodKey| {
            let pod = state.pods.get(format!("{}/{}", key.namespace, key.name).as_str())?;
            let holder = Holder { team: key.namespace.clone(), run: pod.run.as_deref().map(|run| RunId(run.to_owned())) };
            let asks_for_gpus = pod.requests.iter().any(|(resource, _)| resource.starts_with("nvidia.com/"));
            let since = pod.scheduled.unwrap_or(pod.created);
            pod.seat().map(|node| (key, Seat { node: node.clone(), holder, asks_for_gpus, since }))
        };
        pods.filter_map(seat).collect()
    }

    /// One node, with the Pods there that have not ended, in the order in which they came.
    pub fn node(&self, name: &str) -> Option<(NodeFacts, Vec<Holding>)> {
        let state = self.lock();
        Some((state.nodes.get(name)?.clone(), state.holdings(name)))
    }

    /// Every node as it is drawn, by name.
    pub fn drawn(&self) -> Vec<Arc<Drawn>> {
        self.redrawn().floor.drawn.values().cloned().collect()
    }

    /// One node as it is drawn.
    pub fn drawn_node(&self, name: &str) -> Option<Arc<Drawn>> {
        self.redrawn().floor.drawn.get(name).cloned()
    }

    fn redrawn(&self) -> MutexGuard<'_, State> {
        loop {
            let mut state = self.lock();
            if !state.draw_some() {
                return state;
            }
        }
    }
}
