//! Why runs wait: what the index shows and what the store knows, put together for the domain to judge
//! ([`slipway_domain::pending`]).
//!
//! The history driver keeps the sentence with the run; a run's page asks for the evidence beside it. Both see the nodes through
//! one view of them that is made at most every two seconds, so that a thousand waiting runs cost one look at the nodes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use slipway_domain::{
    pending::{self, Asks, Explanation, NodeView, Waiting},
    run::{
        spec::RunId,
        state::{ContainerFacts, PodFacts, newest},
        view::{EventRow, PodRow},
    },
};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    cluster::{Cluster, RunFacts},
    store::{
        Error, Store, history,
        runs::{self, Run},
    },
};

/// How old a view of the nodes may be.
const FRESH: Duration = Duration::from_secs(2);

/// Explains waits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pending {
    store: Store,
    cluster: Cluster,
    view: Arc<Mutex<Option<View>>>,
}

/// The nodes as they were seen.
#[derive(Debug)]
struct View {
    made: Instant,
    nodes: Arc<Vec<NodeView>>,
}

impl Pending {
    /// With nothing looked at yet.
    pub(super) fn new(store: Store, cluster: Cluster) -> Self {
        Self { store, cluster, view: Arc::default() }
    }

    /// The nodes, where this run waits for one: of runs that have theirs, which are most, nothing is looked up.
    pub(super) async fn nodes_for(&self, facts: Option<&RunFacts>, now: Timestamp) -> Result<Option<Arc<Vec<NodeView>>>, Error> {
        let pod = facts.and_then(|facts| newest(&facts.pods));
        if pod.is_some_and(|pod| pod.unschedulable.is_some()) { self.nodes(now).await.map(Some) } else { Ok(None) }
    }

    async fn nodes(&self, now: Timestamp) -> Result<Arc<Vec<NodeView>>, Error> {
        let mut view = self.view.lock().await;
        if let Some(View { made, nodes }) = &*view
            && made.elapsed() < FRESH
        {
            return Ok(nodes.clone());
        }
        let horizons = runs::horizons(&self.store).await?;
        let ends: HashMap<RunId, Timestamp> = horizons
            .into_iter()
            .filter_map(|run| {
                let until = pending::until(run.launched, run.since, run.progress, run.deadline_minutes, now)?;
                Some((run.id, until))
            })
            .collect();
        let nodes = Arc::new(self.cluster.index().views(|run| ends.get(run).copied()));
        *view = Some(View { made: Instant::now(), nodes: nodes.clone() });
        Ok(nodes)
    }

    /// Why a run waits, or does not start yet. Where the cluster's view of it is lost, from what was last kept of it.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn explain(&self, run: &Run, pods: &[PodRow], now: Timestamp) -> Result<Explanation, Error> {
        let id = &run.row.id;
        let events = history::complaints(&self.store, id).await?;
        let asks = Asks::of(&run.spec.resources);
        if let Some(facts) = self.cluster.index().run(id).filter(|facts| facts.job.is_some()) {
            let nodes = if pending::wants_nodes(newest(&facts.pods)) { Some(self.nodes(now).await?) } else { None };
            let nodes = nodes.as_ref().map(|nodes| nodes.as_slice());
            // Its place changes with every other's: it is not kept with the run, and looked up for whoever looks.
            let queued = self.cluster.index().queued(id);
            let waiting = Waiting { events: &events, queued: queued.as_ref(), ..waiting(run, &asks, Some(&facts), nodes, now) };
            return Ok(pending::explain(&waiting));
        }
        let pod = pods.iter().find(|pod| pod.exists).map(last_known);
        let refused = events.iter().find(|event| event.reason == "FailedCreate" && pod.is_none());
        let refused = refused.map(|event| event.message.as_str());
        Ok(pending::explain(&Waiting { refused, pod: pod.as_ref(), events: &events, ..waiting(run, &asks, None, None, now) }))
    }

    /// The sentence alone.
    pub(super) fn sentence(run: &Run, facts: Option<&RunFacts>, nodes: Option<&[NodeView]>, now: Timestamp) -> String {
        let asks = Asks::of(&run.spec.resources);
        pending::explain(&waiting(run, &asks, facts, nodes, now)).sentence
    }
}

fn waiting<'a>(run: &'a Run, asks: &'a Asks, facts: Option<&'a RunFacts>, nodes: Option<&'a [NodeView]>, now: Timestamp) -> Waiting<'a> {
    const NOTHING: &[EventRow] = &[];
    let job = facts.and_then(|facts| facts.job.as_ref());
    Waiting {
        team: run.row.team.as_str(),
        suspended: job.is_some_and(|job| job.suspended),
        queued: facts.and_then(|facts| facts.queued.as_ref()),
        refused: job.and_then(|job| job.refused.as_deref()),
        pod: facts.and_then(|facts| newest(&facts.pods)),
        claims: facts.map_or(&[][..], |facts| &facts.claims),
        asks,
        events: NOTHING,
        nodes,
        now,
    }
}

/// A Pod as it was last kept, as far as that tells.
fn last_known(row: &PodRow) -> PodFacts {
    let is_waiting = row.exit_code.is_none();
    let (unschedulable, message) =
        if row.node.is_none() { (Some(row.message.clone()), String::new()) } else { (None, row.message.clone()) };
    PodFacts {
        node: row.node.clone(),
        unschedulable: unschedulable.filter(|text| is_waiting && !text.is_empty()),
        container: ContainerFacts::Waiting { reason: row.status.clone(), message },
        restarts: row.restarts,
        ..PodFacts::new(row.name.clone(), row.created)
    }
}
