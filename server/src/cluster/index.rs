//! What the cluster shows, as rows: kept by watches, read by everybody.
//!
//! Synchronous: a change is `apply`, `delete` or `reset` under one short lock, and readers take what they need and leave. Who
//! wants to know of changes subscribes to [`Change`]s, which name what changed and carry no state: a slow listener that
//! misses some reads the index again.

pub(super) mod devices;
mod drain;
mod fleet;
mod kinds;
pub mod measure;
mod picture;
pub(super) mod queues;
pub(super) mod rows;
pub(super) mod rules;
pub(super) mod shared;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use slipway_domain::{
    limit::LimitFacts,
    node::NodeFacts,
    pending::{ClaimFacts, Queued},
    priority::PriorityFacts,
    quota::QuotaFacts,
    relayout::configs::MigConfigs,
    run::{
        spec::RunId,
        state::{JobFacts, PodFacts, newest},
        view::EventRow,
    },
    team::TeamName,
};
use tokio::sync::broadcast;

pub use self::drain::OnNode;
pub use self::fleet::{Holding, Seat};
pub use self::rows::{JobRow, PodRow};
use self::{
    devices::Devices,
    fleet::Floor,
    queues::Queues,
    rows::{JobObject, PodObject},
    shared::Shared,
};

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Jobs,
    Pods,
    Events,
    Nodes,
    PriorityClasses,
    Quotas,
    LimitRanges,
    Workloads,
    LocalQueues,
    Slices,
    Claims,
}

impl Kind {
    /// Those that every cluster has.
    const ALL: [Self; 7] = [Self::Jobs, Self::Pods, Self::Events, Self::Nodes, Self::PriorityClasses, Self::Quotas, Self::LimitRanges];
}

/// Something changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A run's Job or Pods.
    Run(RunId),
    /// Kubernetes said something about a run. `key` is the same for the same event seen again.
    Event {
        /// The run.
        run: RunId,
        /// The event's uid.
        key: String,
        /// The event.
        row: EventRow,
    },
    /// Jobs and Pods have been listed anew: any run may have changed, and some may be gone.
    Synced,
    /// The cluster cannot be reached since then, or can be again.
    Stale(Option<Timestamp>),
    /// A node, or what holds something of one.
    Nodes,
    /// A quota, a limit or a priority class.
    Rules,
}

/// What the cluster shows of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    /// The namespace it is in.
    pub team: TeamName,
    /// Its Job; none where only Pods are left.
    pub job: Option<JobFacts>,
    /// Its Pods, in no order.
    pub pods: Vec<PodFacts>,
    /// What Kueue says of it, where Kueue has taken it; without its place.
    pub queued: Option<Queued>,
    /// The resource claims of its newest Pod, while that has no node.
    pub claims: Vec<ClaimFacts>,
}

/// The index.
#[derive(Debug)]
pub struct Index {
    state: Mutex<State>,
    changes: broadcast::Sender<Change>,
}

#[derive(Debug, Default)]
struct State {
    jobs: HashMap<Box<str>, JobRow>,
    pods: HashMap<Arc<str>, Box<PodRow>>,
    /// Run → keys of its Jobs and Pods.
    runs: HashMap<RunId, Keys>,
    /// Key of a Job → the newest refusal to make its Pods, and when.
    refused: HashMap<Box<str>, (Timestamp, String)>,
    /// Key of a Pod → why no claim is made for it, as it was said last.
    unclaimed: HashMap<Box<str>, String>,
    /// Key of a Job → what Kueue says of it.
    queued: HashMap<Box<str>, Queued>,
    queues: Queues,
    nodes: BTreeMap<Box<str>, NodeFacts>,
    floor: Floor,
    /// What is given by resource claims, and the claims.
    devices: Devices,
    priorities: BTreeMap<Box<str>, PriorityFacts>,
    quotas: BTreeMap<Box<str>, QuotaFacts>,
    limits: BTreeMap<Box<str>, LimitFacts>,
    /// The cuts of GPUs that the cluster knows by name; none where they cannot be read.
    mig_configs: Option<Arc<MigConfigs>>,
    shared: Shared,
    /// When each kind was last heard of; absent until the first list is in.
    heard: BTreeMap<Kind, Timestamp>,
    lost: BTreeSet<Kind>,
    stale: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Keys {
    job: Option<Box<str>>,
    /// Each once; most runs have one.
    pods: Vec<Arc<str>>,
}

impl Default for Index {
    fn default() -> Self {
        Self { state: Mutex::default(), changes: broadcast::channel(4096).0 }
    }
}

impl Index {
    /// What the cluster shows of a run; none where it has neither Job nor Pods.
    pub fn run(&self, id: &RunId) -> Option<RunFacts> {
        let state = self.lock();
        let keys = state.runs.get(id)?;
        let key = keys.job.as_deref().or_else(|| keys.pods.first().map(|key| &**key))?;
        let (namespace, _) = key.split_once('/')?;
        let job = keys.job.as_ref().and_then(|key| Some((key, state.jobs.get(key)?)));
        let job = job.map(|(key, row)| JobFacts { refused: state.refusal(key, keys), ..row.facts.clone() });
        let pods: Vec<PodFacts> = keys.pods.iter().filter_map(|key| Some(state.pods.get(key)?.facts(key.split_once('/')?.1))).collect();
        let queued = keys.job.as_ref().and_then(|key| state.queued.get(key)).cloned();
        let claims = newest(&pods).map(|pod| state.claims_of(namespace, &pod.name)).unwrap_or_default();
        Some(RunFacts { team: TeamName::parse(namespace).ok()?, job, pods, queued, claims })
    }

    /// Every run with a Job or Pods.
    pub fn runs(&self) -> Vec<RunId> {
        self.lock().runs.keys().cloned().collect()
    }

    /// Whether Jobs and Pods have been listed: before that, what is not here may exist all the same.
    pub fn is_synced(&self) -> bool {
        let state = self.lock();
        [Kind::Jobs, Kind::Pods].iter().all(|kind| state.heard.contains_key(kind))
    }

    /// Since when the cluster cannot be reached; none while it can.
    pub fn stale_since(&self) -> Option<Timestamp> {
        self.lock().stale
    }

    /// Changes from now on.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// GPU products with how many whole GPUs each has on nodes that are ready, most first.
    pub fn gpu_products(&self) -> Vec<(String, u32)> {
        self.count_on_nodes(|node| {
            let product = node.labels.get("nvidia.com/gpu.product")?;
            Some((product.clone(), node.allocatable.get("nvidia.com/gpu")?.parse().ok()?))
        })
    }

    /// GPU products of all nodes, ready or not, whole or cut.
    pub fn products(&self) -> Vec<String> {
        let state = self.lock();
        let products: BTreeSet<&String> = state.nodes.values().filter_map(|node| node.labels.get("nvidia.com/gpu.product")).collect();
        products.into_iter().cloned().collect()
    }

    /// MIG profiles with how many slices each has on nodes that are ready, most first.
    pub fn mig_profiles(&self) -> Vec<(String, u32)> {
        let state = self.lock();
        let slices = state.nodes.values().filter(|node| node.ready).flat_map(|node| &node.allocatable);
        tally(slices.filter_map(|(resource, count)| Some((resource.strip_prefix("nvidia.com/mig-")?.to_owned(), count.parse().ok()?))))
    }

    /// How many Pods are kept, for the figures.
    pub fn pods(&self) -> usize {
        self.lock().pods.len()
    }

    fn count_on_nodes(&self, count: impl Fn(&NodeFacts) -> Option<(String, u32)>) -> Vec<(String, u32)> {
        let state = self.lock();
        tally(state.nodes.values().filter(|node| node.ready).filter_map(count))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock would be a bug; the rows are whole all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: Change) {
        // Nobody listening is no error.
        let _ = self.changes.send(change);
    }

    /// A kind's list or watch works.
    pub(super) fn heard(&self, kind: Kind, now: Timestamp) {
        let mut state = self.lock();
        state.heard.insert(kind, now);
        state.lost.remove(&kind);
        if state.lost.is_empty() && state.stale.take().is_some() {
            drop(state);
            self.tell(Change::Stale(None));
        }
    }

    /// A kind's list or watch broke: what is shown is as old as when it was last heard of, or nothing yet is shown as of now.
    pub(super) fn lost(&self, kind: Kind, now: Timestamp) {
        let mut state = self.lock();
        state.lost.insert(kind);
        if state.stale.is_none() {
            let since = state.heard.get(&kind).copied().unwrap_or(now);
            state.stale = Some(since);
            drop(state);
            self.tell(Change::Stale(Some(since)));
        }
    }

    /// The cluster does not have the kind, which is no fault.
    pub(super) fn absent(&self, kind: Kind) {
        self.lock().lost.remove(&kind);
    }

    /// Whether every kind that every cluster has was heard of at least once.
    pub fn is_complete(&self) -> bool {
        let state = self.lock();
        Kind::ALL.iter().all(|kind| state.heard.contains_key(kind))
    }
}

fn tally(counts: impl Iterator<Item = (String, u32)>) -> Vec<(String, u32)> {
    let mut sums: BTreeMap<String, u32> = BTreeMap::new();
    for (name, count) in counts.filter(|(_, count)| *count > 0) {
        *sums.entry(name).or_default() += count;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sums
}

impl State {
    /// The newest refusal to make this Job's Pods, unless a Pod was made after it.
    fn refusal(&self, job: &str, keys: &Keys) -> Option<String> {
        let (at, message) = self.refused.get(job)?;
        let made_since = keys.pods.iter().filter_map(|key| self.pods.get(key)).any(|pod| pod.created > *at);
        (!made_since).then(|| message.clone())
    }

    fn put_job(&mut self, object: JobObject) -> Option<RunId> {
        let key = object.metadata.key();
        let row = object.into_row();
        let run = row.run.clone();
        if let Some(run) = &run {
            self.runs.entry(run.clone()).or_default().job = Some(key.clone());
        }
        self.jobs.insert(key, row);
        run
    }

    /// Keeps a Pod: its run, and whether any node's drawing changed by it.
    fn put_pod(&mut self, object: PodObject) -> (Option<RunId>, bool) {
        let key = object.metadata.key();
        let key = self.pods.get_key_value(&*key).map_or_else(|| Arc::from(key), |(there, _)| there.clone());
        let row = object.into_row(&mut self.shared);
        let run = row.run.as_deref().map(|run| RunId(run.to_owned()));
        let before = self.pods.get(&key).map(|before| before.run.as_deref().map(|run| RunId(run.to_owned())));
        if before.as_ref() != Some(&run) {
            if let Some(Some(before)) = &before {
                self.forget(before, &key);
            }
            if let Some(run) = &run {
                let pods = &mut self.runs.entry(run.clone()).or_default().pods;
                if pods.is_empty() {
                    pods.reserve_exact(1);
                }
                pods.push(key.clone());
            }
        }
        let moved = self.floor.moved(&key, self.pods.get(&key).map(|row| &**row), Some(&row));
        self.pods.insert(key, Box::new(row));
        (run, moved)
    }

    /// Forgets a Pod: its run, and whether any node's drawing changed by it.
    fn drop_pod(&mut self, key: &str) -> (Option<RunId>, bool) {
        self.unclaimed.remove(key);
        let Some((key, row)) = self.pods.remove_entry(key) else { return (None, false) };
        let moved = self.floor.moved(&key, Some(&row), None);
        let run = row.run.map(|run| RunId(run.into_string()));
        if let Some(run) = &run {
            self.forget(run, &key);
        }
        (run, moved)
    }

    fn forget(&mut self, run: &RunId, key: &str) {
        if let Some(keys) = self.runs.get_mut(run) {
            if let Some(at) = keys.pods.iter().position(|pod| **pod == *key) {
                keys.pods.swap_remove(at);
            }
            keys.job.take_if(|job| **job == *key && !self.jobs.contains_key(key));
            if keys.job.is_none() && keys.pods.is_empty() {
                self.runs.remove(run);
            }
        }
    }

    /// The run that an event is about: its Job's, its Pod's, or that of the Job whose Pod it was.
    fn run_of(&self, about: &rows::About) -> Option<RunId> {
        let key = format!("{}/{}", about.namespace, about.name);
        match &*about.kind {
            "Job" => self.jobs.get(key.as_str())?.run.clone(),
            "Pod" => match self.pods.get(key.as_str()) {
                Some(pod) => pod.run.as_deref().map(|run| RunId(run.to_owned())),
                None => self.jobs.get(key.rsplit_once('-')?.0)?.run.clone(),
            },
            _ => None,
        }
    }
}
