//! Why a run waits: what Kubernetes says in a dozen places, read, judged, and said again as one sentence with its arithmetic.
//!
//! A Job whose Pods are refused looks idle: the reason is in an event. A Pod that fits no node carries the scheduler's count of
//! reasons, and newer schedulers hide what a taint is called. A Pod on a node that cannot start says why in a container's
//! status, or only in an event. [`explain`] reads all of them and chooses **one** cause, the first of these that there is:
//!
//! 1. the Job is suspended, by a person or by Kueue: until that ends nothing else can happen;
//! 2. the API server refuses its Pod ([`admission`]): there is nothing to schedule;
//! 3. the Pod has a node and cannot start there ([`node`]): the node is gone, a volume, an image, a ConfigMap or a Secret;
//! 4. the scheduler is told to leave it alone (gates), or does so because a resource claim is not there ([`devices`]), or is
//!    making room for it (preemption);
//! 5. no node fits ([`scheduler`], [`room`]): first what rules out every node at once, such as a claim that does not exist;
//!    then what the nodes themselves show, held against what the scheduler said; then, where the nodes do not explain it, the
//!    reason that stands latest in the scheduler's order of filters, since its nodes have passed all the others.
//!
//! What is computed from nodes counts only where the scheduler's own words agree with it. A text that is not known, of another
//! version or of somebody's plugin, is shown as it is rather than misread. The texts are those of Kubernetes 1.34, and the older
//! ones that clusters still say.
//!
//! The sentence is stored with the run and seen by its whole team, so it names teams and never another team's run.

mod admission;
mod cause;
mod devices;
mod node;
mod queue;
mod room;
mod scheduler;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::{
    cause::{Bound, Breach, Cause, Config, HeldByTeam, Over, Rule, Shortage, Volume},
    devices::{ClaimFacts, ClaimState, Devices, Few},
    node::preparing,
    queue::{Place, Queued, Standing},
};
use crate::{
    node::{GPU, MIG, NodeFacts, dra::DraGpu},
    person::PersonName,
    quantity::Quantity,
    resources::{GpuRequest, Resources},
    run::{
        spec::RunId,
        state::{ContainerFacts, PodFacts},
        view::{EventRow, Progress},
    },
};

/// The reason of the event that Slipway writes when a person suspends a run; its message begins with the person's name.
pub const SUSPENDED_BY: &str = "SuspendedByPerson";

/// The reason of the event that Slipway writes when a person lets a run go on.
pub const RESUMED_BY: &str = "ResumedByPerson";

/// The label that GPU feature discovery gives a node for its product.
const PRODUCT: &str = "nvidia.com/gpu.product";

/// Seconds that a run has to have run before its pace says anything.
const FIRST_PACE: i64 = 30;

/// What is known about a run that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// The namespace it is in.
    pub team: &'a str,
    /// Whether its Job is suspended.
    pub suspended: bool,
    /// What Kueue says of it, where Kueue has taken it.
    pub queued: Option<&'a Queued>,
    /// The newest refusal to make its Pod (`FailedCreate`).
    pub refused: Option<&'a str>,
    /// Its newest Pod.
    pub pod: Option<&'a PodFacts>,
    /// The resource claims that this Pod uses, while it has no node.
    pub claims: &'a [ClaimFacts],
    /// What it asks for.
    pub asks: &'a Asks,
    /// What was said about it, newest first.
    pub events: &'a [EventRow],
    /// The nodes; none where they are not known.
    pub nodes: Option<&'a [NodeView]>,
    /// What time it is.
    pub now: Timestamp,
}

/// What a Pod asks of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// How much, by resource name, over its containers.
    pub requests: BTreeMap<String, Quantity>,
    /// Labels that the node must have.
    pub selector: BTreeMap<String, String>,
    /// Taints that it bears.
    pub tolerations: Vec<Toleration>,
}

/// A taint that a Pod bears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Toleration {
    /// The taint's key; empty means any.
    pub key: String,
    /// `Exists`, or `Equal`, which is meant where nothing is said.
    pub operator: String,
    /// The taint's value, where the operator is `Equal`.
    pub value: String,
    /// The taint's effect; empty means any.
    pub effect: String,
}

impl Asks {
    /// What a run's Pod will ask for, before there is one.
    pub fn of(resources: &Resources) -> Self {
        let mut requests = BTreeMap::from([("cpu".to_owned(), resources.cpu), ("memory".to_owned(), resources.memory)]);
        requests.extend(resources.gpu.resource().map(|(name, count)| (name, Quantity::units(u64::from(count.get())))));
        let selector = match &resources.gpu {
            GpuRequest::Whole { product: Some(product), .. } => BTreeMap::from([(PRODUCT.to_owned(), product.clone())]),
            GpuRequest::Whole { product: None, .. } | GpuRequest::Mig { .. } | GpuRequest::None => BTreeMap::new(),
        };
        let bears = Toleration { key: GPU.to_owned(), operator: "Exists".to_owned(), ..Toleration::default() };
        let tolerations = if resources.gpu == GpuRequest::None { Vec::new() } else { vec![bears] };
        Self { requests, selector, tolerations }
    }

    /// The GPU product it selects.
    fn product(&self) -> Option<&str> {
        self.selector.get(PRODUCT).map(String::as_str)
    }

    /// The MIG profile or the whole GPUs it asks for.
    fn accelerator(&self) -> Option<(&str, Quantity)> {
        let asked = self.requests.iter().filter(|(name, amount)| amount.is_positive() && (*name == GPU || name.starts_with(MIG)));
        asked.map(|(name, amount)| (name.as_str(), *amount)).next()
    }
}

/// A node, with who holds what of it.
#[derive(Clone, Debug, Default)]
pub struct NodeView {
    /// What Kubernetes says of it.
    pub facts: NodeFacts,
    /// The Pods there.
    pub held: Vec<Hold>,
    /// Its GPUs that are given by claims.
    pub dra: Vec<DraGpu>,
}

/// What a Pod holds of its node.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The namespace, which for a team's is its name.
    pub team: Box<str>,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// What it asks for, by resource name.
    pub requests: Arc<[(Box<str>, Box<str>)]>,
    /// When it is likely to be free again: from the run's deadline or its progress; none where neither says so.
    pub until: Option<Timestamp>,
}

/// Why a run waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// In one sentence with its arithmetic, without a full stop.
    pub sentence: String,
    /// The cause, as exactly as it is known.
    pub cause: Cause,
    /// What it was read from.
    pub evidence: Vec<Evidence>,
    /// What can be done about it.
    pub fix: Option<Fix>,
    /// Runs that hold what it waits for, for whoever may see them.
    pub holders: Vec<RunId>,
}

/// Something that a cause was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who or what said it, such as `Job/digits-1` or `the scheduler`.
    pub from: String,
    /// As it was said.
    pub said: String,
    /// When it was last said, where that is known.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub at: Option<Timestamp>,
    /// Node by node, where it is about nodes.
    pub nodes: Vec<NodesWhy>,
}

/// Nodes with the same in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodesWhy {
    /// Their names, at most [`NAMES`].
    pub names: Vec<String>,
    /// How many they are.
    pub count: u32,
    /// What is in the way.
    pub why: String,
}

/// Names of nodes that are listed where many have the same in the way.
pub const NAMES: usize = 12;

/// What can be done about it, as a button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Clone the run with these fields of the form changed.
    Clone {
        /// What the button says after `Clone with`.
        with: String,
        /// Field → value.
        fields: BTreeMap<String, String>,
    },
    /// Clone the run and give it another image.
    ChangeImage,
    /// Let it go on.
    Resume,
    /// Look at the team's quotas, and ask for more.
    Quotas {
        /// The team.
        team: String,
    },
    /// Stop a run of one's own that holds what it waits for.
    Stop {
        /// The run.
        id: RunId,
        /// Its name.
        name: String,
    },
    /// Look at a node.
    OpenNode {
        /// Its name.
        name: String,
    },
}

/// What the page of a run that waits shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// One sentence without a full stop.
    pub sentence: String,
    /// What it was read from.
    pub evidence: Vec<Evidence>,
    /// What can be done about it.
    pub fix: Option<Fix>,
}

/// Whether the nodes are needed to say why: only what the scheduler said of nodes is explained by them.
pub fn wants_nodes(pod: Option<&PodFacts>) -> bool {
    pod.is_some_and(|pod| pod.node.is_some() || pod.unschedulable.is_some())
}

/// When a run is likely to end: by its deadline, or sooner at the pace of its steps so far. None where neither says so.
///
/// `launched` is when its Job was made, from which Kubernetes counts the deadline; `since` is when it began to run.
pub fn until(
    launched: Timestamp,
    since: Timestamp,
    progress: Option<Progress>,
    deadline_minutes: Option<u32>,
    now: Timestamp,
) -> Option<Timestamp> {
    let later = |from: Timestamp, seconds: i64| from.checked_add(SignedDuration::from_secs(seconds)).ok().filter(|at| *at > now);
    let deadline = deadline_minutes.map(|minutes| i64::from(minutes) * 60);
    // A Job that was suspended in between counts anew.
    let deadline = deadline.and_then(|seconds| later(launched, seconds).or_else(|| later(since, seconds)));
    let ran = now.duration_since(since).as_secs();
    let pace = progress.filter(|progress| progress.step > 0 && progress.step < progress.of && ran >= FIRST_PACE).and_then(|progress| {
        let left = i128::from(ran) * i128::from(progress.of - progress.step) / i128::from(progress.step);
        later(now, i64::try_from(left).ok()?.max(1))
    });
    deadline.into_iter().chain(pace).min()
}

/// Why a run waits; see the module for the order in which causes are looked for.
pub fn explain(waiting: &Waiting<'_>) -> Explanation {
    let (cause, evidence) = find(waiting);
    let (asks, nodes) = (waiting.asks(), waiting.nodes.unwrap_or_default());
    let holders = if matches!(cause, Cause::NoRoom(_)) { room::holders(asks, nodes) } else { Vec::new() };
    let fix = words::fix(&cause, waiting.team, asks, nodes);
    Explanation { sentence: words::sentence(&cause, waiting.now), cause, evidence, fix, holders }
}

fn find(waiting: &Waiting<'_>) -> (Cause, Vec<Evidence>) {
    if let Some(queued) = waiting.queued.filter(|queued| waiting.suspended || !queued.admitted) {
        return (queued.cause(), vec![queued.evidence()]);
    }
    if waiting.suspended {
        let last = waiting.events.iter().find(|event| matches!(event.reason.as_str(), SUSPENDED_BY | RESUMED_BY | "Resumed"));
        let said = last.filter(|event| event.reason == SUSPENDED_BY);
        let by = said.and_then(|event| PersonName::parse(event.message.split(' ').next()?).ok());
        return (Cause::Suspended { by }, said.map(Evidence::of).into_iter().collect());
    }
    if let Some(text) = waiting.refused {
        let event = waiting.events.iter().find(|event| event.reason == "FailedCreate" && event.message == text);
        let evidence = event.map_or_else(|| Evidence::said("the Job controller", text), Evidence::of);
        return (admission::read(text), vec![evidence]);
    }
    let Some(pod) = waiting.pod else { return (Cause::Making, Vec::new()) };
    if pod.node.is_some() || pod.deleting.is_some() {
        return node::read(pod, waiting.events, waiting.nodes);
    }
    if !pod.gates.is_empty() {
        let said = pod.unschedulable.as_deref().unwrap_or("Scheduling is blocked due to non-empty scheduling gates");
        return (Cause::Gated { gates: pod.gates.clone() }, vec![Evidence::said(&format!("Pod/{}", pod.name), said)]);
    }
    if let Some(found) = devices::absent(waiting, &pod.name) {
        return found;
    }
    let said = pod.unschedulable.as_deref();
    if let Some(node) = &pod.nominated {
        let evidence = said.map(|said| Evidence::said("the scheduler", said));
        return (Cause::Preempting { node: node.clone() }, evidence.into_iter().collect());
    }
    let Some(said) = said else { return (Cause::Making, Vec::new()) };
    let at = waiting.events.iter().find(|event| event.reason == "FailedScheduling").map(|event| event.at);
    let (cause, nodes) = unschedulable(said, waiting);
    (cause, vec![Evidence { at, nodes, ..Evidence::said("the scheduler", said) }])
}

/// What the scheduler said, held against what the nodes show.
fn unschedulable(said: &str, waiting: &Waiting<'_>) -> (Cause, Vec<NodesWhy>) {
    let Some(said) = scheduler::Said::read(said) else {
        return (Cause::Unknown { raw: said.trim_end_matches('.').to_owned() }, Vec::new());
    };
    let asks = waiting.asks();
    let looked = waiting.nodes.map(|nodes| room::look(asks, nodes));
    let by_node = looked.as_ref().map(|looked| looked.by_node.clone()).unwrap_or_default();
    if let Some(cause) = said.whole() {
        return (cause, Vec::new());
    }
    match looked.and_then(|looked| looked.cause).filter(|cause| said.agrees(cause)) {
        Some(cause) => (cause, by_node),
        None => match said.latest(asks) {
            Cause::Devices(devices) => {
                let (devices, there) = devices::looked_up(devices, waiting);
                (Cause::Devices(devices), if there.is_empty() { by_node } else { there })
            }
            cause => (cause, by_node),
        },
    }
}

impl Waiting<'_> {
    /// What its Pod asks for, as it was admitted; before there is one, what it will ask for.
    fn asks(&self) -> &Asks {
        self.pod.and_then(|pod| pod.asks.as_ref()).unwrap_or(self.asks)
    }
}

impl Evidence {
    fn said(from: &str, said: &str) -> Self {
        Self { from: from.to_owned(), said: said.to_owned(), ..Self::default() }
    }

    fn of(event: &EventRow) -> Self {
        Self { from: event.object.clone(), said: event.message.clone(), at: Some(event.at), nodes: Vec::new() }
    }
}

/// Whether a Pod's container waits with something to say.
fn is_stuck(pod: &PodFacts) -> bool {
    matches!(&pod.container, ContainerFacts::Waiting { reason, .. } if !matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing"))
}
