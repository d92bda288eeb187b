//! The nodes as they decide whether a run has room.

use std::collections::HashMap;

use slipway_domain::{
    fit::{PRODUCT_LABEL, Picture, Pod},
    node::NodeFacts,
    run::spec::{RunId, RunName},
};

use super::{Holding, Index, Kind};

impl Index {
    /// A picture of every node, with the names of all runs and without any rules: it is not for a viewer as it is. None until
    /// nodes and Pods have been listed, when there may be more than is here.
    pub fn picture(&self) -> Option<Picture> {
        let known = [Kind::Nodes, Kind::Pods].iter().all(|kind| self.lock().heard.contains_key(kind));
        let fleet = known.then(|| self.fleet())?;
        let names = self.names();
        Some(Picture::draw(fleet.into_iter().map(|(facts, held)| draw(facts, held, &names)), &[PRODUCT_LABEL]))
    }

    /// What the runs that have a Job are called, which is as their Job is.
    fn names(&self) -> HashMap<RunId, RunName> {
        let state = self.lock();
        let name = |key: &str| RunName::parse(key.split_once('/')?.1).ok();
        state.runs.iter().filter_map(|(run, keys)| Some((run.clone(), name(keys.job.as_deref()?)?))).collect()
    }
}

fn draw(facts: NodeFacts, held: Vec<Holding>, names: &HashMap<RunId, RunName>) -> (NodeFacts, Vec<Pod>) {
    let pods = held.into_iter().map(|holding| Pod {
        team: holding.key.split_once('/').map_or("", |(namespace, _)| namespace).to_owned(),
        run: holding.run.and_then(|run| names.get(&run).cloned().map(|name| (run, name))),
        priority: holding.priority,
        since: holding.created.as_second(),
        requests: holding.requests.iter().map(|(name, amount)| (name.to_string(), amount.to_string())).collect(),
    });
    (facts, pods.collect())
}
