//! Reads what the containers of runs print, from the position that is stored, and hands it to the [`Intake`](crate::store::intake::Intake).
//!
//! One follower a container. What it has to read it finds in the index (which containers run or have ended) and in the store
//! (which streams were read to their end, and how far the others), so that a server that comes back reads on where it was,
//! also of Pods that ended meanwhile, as long as the cluster has them.

pub mod draft;
mod follow;
mod lines;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use slipway_domain::run::{
    spec::RunId,
    state::{ContainerFacts, PodFacts},
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::{AbortHandle, JoinSet},
};

use self::follow::{Ended, Follower};
use super::Drivers;
use crate::{
    cluster::{Change, RunFacts, manifest::CONTAINER},
    store::logs::StreamKey,
};

/// How often every container is looked at, whatever the index says.
const BEAT: Duration = Duration::from_secs(5);

/// Containers that are read at once; the others wait, and what they print waits on their nodes.
const AT_ONCE: usize = 1_024;

type Reading = (RunId, StreamKey);

/// The driver.
#[derive(Debug)]
pub(super) struct Logs {
    drivers: Drivers,
    changes: Receiver<Change>,
    followers: JoinSet<(Reading, Ended)>,
    reading: HashMap<Reading, AbortHandle>,
    /// Read to the end, or nobody's: until the index forgets them.
    done: HashSet<Reading>,
}

impl Logs {
    /// Begins to listen.
    pub(super) fn new(drivers: &Drivers) -> Self {
        Self {
            drivers: drivers.clone(),
            changes: drivers.cluster.index().changes(),
            followers: JoinSet::new(),
            reading: HashMap::new(),
            done: HashSet::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut beats = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok(Change::Run(run)) => self.look_at(&run),
                    Ok(Change::Synced) | Err(RecvError::Lagged(_)) => self.look_at_all(),
                    Ok(Change::Event { .. } | Change::Stale(_) | Change::Nodes | Change::Rules) => {}
                    Err(RecvError::Closed) => return,
                },
                Some(ended) = self.followers.join_next() => self.take(ended),
                _ = beats.tick() => self.look_at_all(),
            }
        }
    }

    fn take(&mut self, ended: Result<(Reading, Ended), tokio::task::JoinError>) {
        match ended {
            Ok((reading, Ended::Done)) => {
                self.reading.remove(&reading);
                self.done.insert(reading);
            }
            Err(error) => {
                tracing::error!(%error, "a reader of logs ended badly; it starts again");
                self.reading.retain(|_, handle| !handle.is_finished());
            }
        }
    }

    fn look_at_all(&mut self) {
        let runs: HashSet<RunId> = self.drivers.cluster.index().runs().into_iter().collect();
        self.done.retain(|(run, _)| runs.contains(run));
        for run in &runs {
            self.look_at(run);
        }
    }

    fn look_at(&mut self, run: &RunId) {
        let Some(facts) = self.drivers.cluster.index().run(run) else { return };
        for pod in &facts.pods {
            for restart in restarts_with_output(pod) {
                self.read(run, &facts, pod, restart);
            }
        }
    }

    fn read(&mut self, run: &RunId, facts: &RunFacts, pod: &PodFacts, restart: u32) {
        let key = StreamKey { pod: pod.name.clone(), container: CONTAINER.to_owned(), restart };
        let reading = (run.clone(), key.clone());
        if self.done.contains(&reading) || self.reading.contains_key(&reading) || self.reading.len() >= AT_ONCE {
            return;
        }
        let follower = Follower { drivers: self.drivers.clone(), run: run.clone(), team: facts.team.clone(), key };
        let name = reading.clone();
        let handle = self.followers.spawn(async move { (name, follower.run().await) });
        self.reading.insert(reading, handle);
    }
}

/// Which of a Pod's containers, by the restarts before each, have output that the node still holds: the present one and the
/// one before.
fn restarts_with_output(pod: &PodFacts) -> impl Iterator<Item = u32> {
    let present = match pod.container {
        ContainerFacts::Running { .. } | ContainerFacts::Terminated { .. } => Some(pod.restarts),
        ContainerFacts::Waiting { .. } => None,
    };
    pod.restarts.checked_sub(1).into_iter().chain(present)
}
