//! Keeps what the cluster shows of each run: its state and phases, its Pods, and what Kubernetes says.
//!
//! A change in the index names a run; everything about that run is then read from the index and compared with what is stored, so
//! that a change seen twice, late or not at all makes no difference. Now and then, and whenever the index was listed anew, all
//! runs that matter are looked at.

mod observed;

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use slipway_domain::run::{
    spec::RunId,
    state::{JobFacts, State, observe},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Drivers, Pending};
use crate::{
    cluster::{Change, RunFacts},
    live::changes::Changed,
    store::{
        Error,
        history::{self, KeyedEvent, Order, Seen},
        preemptions,
        runs::{self, Run},
    },
};

/// How often all runs that have not ended are looked at.
const BEAT: Duration = Duration::from_secs(5);

/// How long after a launch its Job may not be there although nobody took it away.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// How long after an order to stop a Job that was never seen is believed to be gone.
const STOP_PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// Events that are kept together at most.
const TOGETHER: usize = 512;

/// The driver.
#[derive(Debug)]
pub(super) struct History {
    drivers: Drivers,
    changes: Receiver<Change>,
    /// When this server started: launches from before it are nobody's to finish.
    started: Timestamp,
    /// Runs to look at, and events to keep.
    dirty: BTreeSet<RunId>,
    events: Vec<KeyedEvent>,
    sweep: bool,
}

impl History {
    /// Begins to listen.
    pub(super) fn new(drivers: &Drivers) -> Self {
        Self {
            drivers: drivers.clone(),
            changes: drivers.cluster.index().changes(),
            started: drivers.clock.now(),
            dirty: BTreeSet::new(),
            events: Vec::new(),
            sweep: true,
        }
    }

    pub(super) async fn run(mut self) {
        let mut beats = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                change = self.changes.recv() => {
                    if !self.take(change) {
                        return;
                    }
                }
                _ = beats.tick() => self.sweep = true,
            }
            while self.events.len() < TOGETHER && !self.changes.is_empty() {
                let change = self.changes.recv().await;
                if !self.take(change) {
                    return;
                }
            }
            if let Err(error) = self.work().await {
                tracing::warn!(%error, "what the cluster shows could not be kept; it is tried again in a moment");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }

    /// Notes a change; false when there will be none any more.
    fn take(&mut self, change: Result<Change, RecvError>) -> bool {
        match change {
            Ok(Change::Run(run)) => {
                self.dirty.insert(run);
            }
            Ok(Change::Event { run, key, row }) => self.events.push(KeyedEvent { run, key, row }),
            Ok(Change::Synced) | Err(RecvError::Lagged(_)) => self.sweep = true,
            Ok(Change::Stale(_) | Change::Nodes | Change::Rules) => {}
            Err(RecvError::Closed) => return false,
        }
        true
    }

    /// Does what is noted. What fails stays noted.
    async fn work(&mut self) -> Result<(), Error> {
        let store = &self.drivers.store;
        if self.sweep {
            self.dirty.extend(runs::living(store).await?);
            self.dirty.extend(history::with_pods(store).await?);
            self.sweep = false;
        }
        if !self.events.is_empty() {
            for run in history::keep_events(store, &self.events).await? {
                self.drivers.changes.note(&run, Changed { detail: true, ..Changed::default() });
            }
            self.displaced(&observed::displaced_by_events(&self.events)).await?;
            self.events.clear();
        }
        if !self.drivers.cluster.index().is_synced() {
            // What is not in the index yet may be in the cluster all the same.
            return Ok(());
        }
        while let Some(run) = self.dirty.first().cloned() {
            self.look_at(&run).await?;
            self.dirty.remove(&run);
        }
        Ok(())
    }

    async fn look_at(&self, id: &RunId) -> Result<(), Error> {
        let store = &self.drivers.store;
        let Some(run) = runs::get(store, id).await? else { return Ok(()) };
        let facts = self.drivers.cluster.index().run(id);
        let pods = observed::pods(&history::pods(store, id).await?, facts.as_ref().map_or(&[][..], |facts| &facts.pods));
        let state = self.state(&run, facts.as_ref()).await?;
        if !pods.is_empty() {
            self.displaced(&observed::displaced(id, facts.as_ref().map_or(&[][..], |facts| &facts.pods))).await?;
        }
        let identities = observed::identities(facts.as_ref().map_or(&[][..], |facts| &facts.pods));
        let seen_now = facts.is_some_and(|facts| facts.job.is_some());
        let is_same = state == run.row.state && (run.seen || !seen_now);
        if is_same && pods.is_empty() {
            return Ok(());
        }
        let phases = history::phases(store, id).await?;
        let began = observed::phases(&phases, &run.row.state, &state, self.drivers.clock.now());
        history::keep(store, id, &Seen { state, job: run.seen || seen_now, began, pods, identities }).await?;
        self.drivers.changes.note(id, Changed::STATE);
        Ok(())
    }

    /// Keeps who made way.
    async fn displaced(&self, seen: &[preemptions::Seen]) -> Result<(), Error> {
        if !seen.is_empty() {
            for run in preemptions::keep(&self.drivers.store, seen).await? {
                self.drivers.changes.note(&run, Changed { detail: true, ..Changed::default() });
            }
        }
        Ok(())
    }

    /// Where a run stands now.
    async fn state(&self, run: &Run, facts: Option<&RunFacts>) -> Result<State, Error> {
        let before = &run.row.state;
        if before.kind().has_ended() {
            return Ok(before.clone());
        }
        let id = &run.row.id;
        let order = history::stop_order(&self.drivers.store, id).await?;
        let job = facts.and_then(|facts| facts.job.as_ref());
        let now = self.drivers.clock.now();
        if job.is_none() && !run.seen {
            return Ok(self.unseen(run, order.as_ref(), now));
        }
        if job.is_none() && self.drivers.cluster.index().stale_since().is_some() {
            return Ok(before.clone());
        }
        let stop = order.filter(|order| counts(order, job)).map(|order| order.to_stop());
        let pods = facts.map_or(&[][..], |facts| &facts.pods);
        let nodes = self.drivers.pending.nodes_for(facts, now).await?;
        let nodes = nodes.as_ref().map(|nodes| nodes.as_slice());
        Ok(observe(before, job, pods, stop.as_ref(), now, || Pending::sentence(run, facts, nodes, now)))
    }

    /// A run whose Job was never seen: it is on its way, or it never will be.
    fn unseen(&self, run: &Run, order: Option<&Order>, now: Timestamp) -> State {
        let before = &run.row.state;
        if self.drivers.cluster.index().stale_since().is_some() {
            return before.clone();
        }
        if let Some(order) = order.filter(|order| !order.refused && run.made && now.duration_since(order.at) > STOP_PATIENCE) {
            return State::Stopped { started: None, at: now, by: order.caller.name.clone() };
        }
        // The list that the index began with may be as old as this server.
        let is_orphan = run.row.launched < self.started && now.duration_since(self.started) > STOP_PATIENCE;
        if !is_orphan && now.duration_since(run.row.launched) < PATIENCE {
            return before.clone();
        }
        let why = if run.made {
            "Its Job was deleted in the cluster by something other than Slipway, before it began"
        } else {
            "It was not started: Slipway was interrupted while it asked the cluster to take it; launch it again"
        };
        State::Failed { started: None, at: now, exit_code: None, why: why.to_owned() }
    }
}

/// Whether an order to stop is the reason for what happens. One that the cluster refused, or did not answer, is only where the
/// Job goes all the same.
fn counts(order: &Order, job: Option<&JobFacts>) -> bool {
    !order.refused || job.is_none_or(|job| job.deleting.is_some())
}
