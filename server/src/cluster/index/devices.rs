//! GPUs that are given by resource claims (DRA): the slices in which NVIDIA's driver advertises them, and the claims that have
//! them. Slices of other drivers are not kept, and of a claim only what it asks for, what it has and for which Pods.
//!
//! Nodes of one kind advertise the same devices by the same names: their list is kept once.

mod objects;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use slipway_domain::{
    node::{
        Holder,
        dra::{Advertised, Claimed},
    },
    pending::{ClaimFacts, ClaimState},
    run::spec::RunId,
};

pub(in crate::cluster) use self::objects::{ClaimObject, SliceObject};
use self::objects::{ClaimRow, SliceRow};
use super::{super::watch::Watched, Change, Index, Kind, State, rows::ClaimUse};
use crate::clock::Clock;

/// Slices and claims, and which belong together.
#[derive(Debug, Default)]
pub(super) struct Devices {
    slices: HashMap<Box<str>, SliceRow>,
    /// Node → names of its slices.
    of_node: HashMap<Arc<str>, BTreeSet<Box<str>>>,
    /// Pool → the node that it is of.
    pools: HashMap<Arc<str>, Arc<str>>,
    /// By `namespace/name`.
    claims: HashMap<Arc<str>, ClaimRow>,
    /// Pool → keys of the claims that have something of it.
    of_pool: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Devices {
    /// Keeps a slice; the nodes that are no longer as they were.
    fn put_slice(&mut self, name: Box<str>, row: SliceRow) -> Vec<Arc<str>> {
        let mut touched = self.drop_slice(&name);
        touched.push(row.node.clone());
        self.of_node.entry(row.node.clone()).or_default().insert(name.clone());
        self.pools.insert(row.pool.clone(), row.node.clone());
        self.slices.insert(name, row);
        touched
    }

    fn drop_slice(&mut self, name: &str) -> Vec<Arc<str>> {
        let Some(row) = self.slices.remove(name) else { return Vec::new() };
        if let Some(names) = self.of_node.get_mut(&row.node) {
            names.remove(name);
            if names.is_empty() {
                self.of_node.remove(&row.node);
            }
        }
        if !self
            .of_node
            .get(&row.node)
            .into_iter()
            .flatten()
            .any(|other| self.slices.get(other).is_some_and(|other| other.pool == row.pool))
        {
            self.pools.remove(&row.pool);
        }
        vec![row.node]
    }

    /// Keeps a claim; the nodes of which it has or had something.
    fn put_claim(&mut self, key: &str, row: ClaimRow) -> Vec<Arc<str>> {
        if self.claims.get(key) == Some(&row) {
            return Vec::new();
        }
        let mut touched = self.drop_claim(key);
        let key: Arc<str> = Arc::from(key);
        for (pool, _) in &row.devices {
            self.of_pool.entry(pool.clone()).or_default().insert(key.clone());
            touched.extend(self.pools.get(pool).cloned());
        }
        self.claims.insert(key, row);
        touched
    }

    fn drop_claim(&mut self, key: &str) -> Vec<Arc<str>> {
        let Some(row) = self.claims.remove(key) else { return Vec::new() };
        for (pool, _) in &row.devices {
            if let Some(keys) = self.of_pool.get_mut(pool) {
                keys.remove(key);
                if keys.is_empty() {
                    self.of_pool.remove(pool);
                }
            }
        }
        row.devices.iter().filter_map(|(pool, _)| self.pools.get(pool).cloned()).collect()
    }
}

impl State {
    /// What is advertised of a node for claims, and who has it.
    pub(super) fn advertised(&self, node: &str) -> Advertised<'_> {
        let Some(names) = self.devices.of_node.get(node) else { return Advertised::default() };
        let mut pools: BTreeMap<&Arc<str>, Vec<&SliceRow>> = BTreeMap::new();
        for slice in names.iter().filter_map(|name| self.devices.slices.get(name)) {
            pools.entry(&slice.pool).or_default().push(slice);
        }
        let mut advertised = Advertised::default();
        let mut claims: BTreeMap<&Arc<str>, Vec<&str>> = BTreeMap::new();
        for (pool, mut slices) in pools {
            let newest = slices.iter().map(|slice| slice.generation).max().unwrap_or_default();
            slices.retain(|slice| slice.generation == newest);
            advertised.devices.extend(slices.iter().flat_map(|slice| slice.devices.iter()));
            let of = slices.iter().map(|slice| slice.of).max().unwrap_or_default();
            if slices.len() < of {
                let there = slices.len();
                advertised.missing = Some(format!(
                    "NVIDIA's driver for claims (DRA) has told {there} of {of} parts of what the node has: the rest is not shown yet, and claims are not given any of it"
                ));
            }
            for key in self.devices.of_pool.get(pool).into_iter().flatten() {
                let devices = self.devices.claims.get(key).map_or(&[][..], |claim| &claim.devices);
                claims.entry(key).or_default().extend(devices.iter().filter(|(of, _)| of == pool).map(|(_, device)| &**device));
            }
        }
        advertised.claims = claims.into_iter().map(|(claim, devices)| Claimed { claim, devices, holders: self.holders(claim) }).collect();
        advertised
    }

    /// Whose the Pods are that a claim is reserved for.
    fn holders(&self, claim: &str) -> Vec<Holder> {
        let team = claim.split_once('/').map_or("", |(namespace, _)| namespace);
        let pods = self.devices.claims.get(claim).map_or(&[][..], |claim| &claim.pods);
        let holder = |pod: &str| {
            let run = self.pods.get(format!("{team}/{pod}").as_str()).and_then(|pod| pod.run.as_deref());
            Holder { team: team.to_owned(), run: run.map(|run| RunId(run.to_owned())) }
        };
        pods.iter().map(AsRef::as_ref).map(holder).collect()
    }

    /// The claims that a Pod uses while it has no node; none where claims cannot be read, or are not listed yet.
    pub(super) fn claims_of(&self, namespace: &str, pod: &str) -> Vec<ClaimFacts> {
        let key = format!("{namespace}/{pod}");
        let known = self.heard.contains_key(&Kind::Claims);
        let unbound = self.pods.get(key.as_str()).filter(|_| known).and_then(|pod| pod.told.as_ref()?.unbound.as_ref());
        let facts = |used: &ClaimUse| {
            let row = self.devices.claims.get(format!("{namespace}/{}", used.name).as_str()).filter(|_| used.made);
            let node = |row: &ClaimRow| row.devices.first().and_then(|(pool, _)| self.devices.pools.get(pool)).map(ToString::to_string);
            ClaimFacts {
                entry: used.entry.clone(),
                name: used.name.clone(),
                state: match row {
                    None if used.made => ClaimState::Missing,
                    None => ClaimState::Unmade { refused: self.unclaimed.get(key.as_str()).cloned() },
                    Some(row) if row.deleting => ClaimState::Deleting,
                    Some(row) if row.allocated => ClaimState::Has { node: node(row) },
                    Some(_) => ClaimState::Waits,
                },
                asks: row.map(|row| row.asks.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            }
        };
        unbound.map(|unbound| unbound.claims.iter().map(facts).collect()).unwrap_or_default()
    }

    /// These nodes are not as they were drawn; says whether there are any.
    fn touch(&mut self, nodes: &[Arc<str>]) -> bool {
        nodes.iter().for_each(|node| self.floor.touch(node));
        !nodes.is_empty()
    }

    /// Every node that has GPUs for claims is not as it was drawn.
    fn touch_devices(&mut self) {
        let nodes: Vec<Arc<str>> = self.devices.of_node.keys().cloned().collect();
        self.touch(&nodes);
    }
}

impl Watched for SliceObject {
    const KIND: Kind = Kind::Slices;
    const PATH: &'static str = "/apis/resource.k8s.io/v1/resourceslices";
    const OPTIONAL: bool = true;

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let mut state = index.lock();
        state.touch_devices();
        state.devices.slices.clear();
        state.devices.of_node.clear();
        state.devices.pools.clear();
        for object in objects {
            if let Some((name, row)) = object.into_row(&mut state.shared) {
                state.devices.put_slice(name, row);
            }
        }
        state.touch_devices();
        drop(state);
        index.tell(Change::Nodes);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let mut state = index.lock();
        let Some((name, row)) = object.into_row(&mut state.shared) else { return };
        let touched = state.devices.put_slice(name, row);
        tell(index, state, &touched);
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let mut state = index.lock();
        let touched = state.devices.drop_slice(&object.metadata.name);
        tell(index, state, &touched);
    }
}

impl Watched for ClaimObject {
    const KIND: Kind = Kind::Claims;
    const PATH: &'static str = "/apis/resource.k8s.io/v1/resourceclaims";
    const OPTIONAL: bool = true;

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let mut state = index.lock();
        state.devices.claims.clear();
        state.devices.of_pool.clear();
        for object in objects {
            let key = object.key();
            let row = object.into_row(&mut state.shared);
            state.devices.put_claim(&key, row);
        }
        state.touch_devices();
        drop(state);
        index.tell(Change::Nodes);
        index.tell(Change::Synced);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let key = object.key();
        let mut state = index.lock();
        let row = object.into_row(&mut state.shared);
        let touched = state.devices.put_claim(&key, row);
        tell(index, state, &touched);
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let mut state = index.lock();
        let touched = state.devices.drop_claim(&object.key());
        tell(index, state, &touched);
    }
}

fn tell(index: &Index, mut state: std::sync::MutexGuard<'_, State>, touched: &[Arc<str>]) {
    if state.touch(touched) {
        drop(state);
        index.tell(Change::Nodes);
    }
}
