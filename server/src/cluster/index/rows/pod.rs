//! A Pod: what a run's state is read from, and what it holds of its node.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;
use slipway_domain::{
    pending::{Asks, Toleration},
    quantity::Quantity,
    run::state::{ContainerFacts, PodFacts},
};
use uuid::Uuid;

use super::{
    super::{super::manifest::CONTAINER, shared::Shared},
    Condition, Meta,
    requests::{self, Amounts, ContainerSpec, Resources},
};

/// A Pod, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct PodObject {
    pub metadata: Meta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<Box<str>>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    containers: Vec<ContainerSpec>,
    #[serde(default)]
    init_containers: Vec<ContainerSpec>,
    #[serde(default)]
    resources: Resources,
    #[serde(default)]
    overhead: Amounts,
    #[serde(default)]
    node_selector: BTreeMap<String, String>,
    #[serde(default)]
    tolerations: Vec<Toleration>,
    #[serde(default)]
    scheduling_gates: Vec<Gate>,
    #[serde(default)]
    resource_claims: Vec<ClaimEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimEntry {
    name: String,
    resource_claim_name: Option<String>,
    resource_claim_template_name: Option<String>,
}

/// What became of an entry that names a template; no claim where none is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimMade {
    name: String,
    resource_claim_name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Gate {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    #[serde(default)]
    phase: Box<str>,
    #[serde(default)]
    reason: Box<str>,
    #[serde(default)]
    message: Box<str>,
    #[serde(default)]
    nominated_node_name: Box<str>,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    resource_claim_statuses: Vec<ClaimMade>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: Box<str>,
    #[serde(default)]
    restart_count: u32,
    #[serde(default)]
    state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
struct ContainerState {
    waiting: Option<Waiting>,
    running: Option<Running>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    started_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

/// A Pod, as kept. Its name is in the index's key.
#[derive(Clone, Debug)]
pub struct PodRow {
    /// The run it belongs to.
    pub run: Option<Box<str>>,
    /// The node it is bound to, shared with every Pod there.
    pub node: Option<Arc<str>>,
    /// Its priority: who makes way for whom.
    pub priority: i32,
    /// When it was made.
    pub created: Timestamp,
    /// When it was bound.
    pub scheduled: Option<Timestamp>,
    /// When it was told to go.
    pub deleting: Option<Timestamp>,
    /// Since when its main container runs, where it is a run's.
    pub running: Option<Timestamp>,
    /// Restarts of its main container.
    pub restarts: u32,
    /// Whether it holds resources no more.
    pub ended: bool,
    /// What it asks for as a whole, by resource name, each name once; shared by Pods that ask for the same.
    pub requests: Arc<[(Box<str>, Box<str>)]>,
    /// Its identity, where it is a run's and something is said of it.
    pub uid: Option<Uuid>,
    /// What only some Pods have.
    pub told: Option<Box<Told>>,
}

/// The parts of a Pod's row that a Pod that just runs does not have, and those are most of a large cluster's.
#[derive(Clone, Debug)]
pub struct Told {
    /// What the scheduler is told, while it is not bound.
    pub unbound: Option<Box<Unbound>>,
    /// Since when it makes way for another.
    pub displaced: Option<Timestamp>,
    /// What the scheduler said last, while it is not bound.
    pub unschedulable: Option<String>,
    /// Where its main container stands, unless it runs; none means not begun, nothing said.
    pub container: Option<ContainerFacts>,
    /// Why it failed as a whole.
    pub disrupted: Option<(String, String)>,
}

/// What is known of a Pod that has no node.
#[derive(Clone, Debug)]
pub struct Unbound {
    /// What it asks for.
    pub asks: Asks,
    /// What keeps the scheduler from looking at it.
    pub gates: Vec<String>,
    /// The node on which others make way for it.
    pub nominated: Option<String>,
    /// The resource claims that it uses.
    pub claims: Vec<ClaimUse>,
}

/// A resource claim that a Pod uses.
#[derive(Clone, Debug)]
pub struct ClaimUse {
    /// What the Pod calls it.
    pub entry: String,
    /// The claim's name; that of its template where none is made of it yet.
    pub name: String,
    /// Whether it is made.
    pub made: bool,
}

impl PodObject {
    pub fn into_row(mut self, share: &mut Shared) -> PodRow {
        let scheduled = self.status.conditions.iter().find(|c| &*c.kind == "PodScheduled");
        let unschedulable = scheduled.filter(|c| &*c.status == "False" && self.spec.node_name.is_none()).map(|c| c.message.to_string());
        let bound = scheduled.filter(|c| &*c.status == "True").and_then(|c| c.last_transition_time);
        let ended = matches!(&*self.status.phase, "Succeeded" | "Failed");
        let disrupted = (&*self.status.phase == "Failed" && !self.status.reason.is_empty())
            .then(|| (self.status.reason.to_string(), self.status.message.to_string()));
        let displaced = self.status.conditions.iter().find(|c| c.is_true("DisruptionTarget") && &*c.reason == "PreemptionByScheduler");
        let displaced = displaced.map(|c| c.last_transition_time.unwrap_or(self.metadata.created()));
        let (restarts, container) = self.main_container();
        let requests = requests::effective(&self.spec.containers, &self.spec.init_containers, &self.spec.resources, &self.spec.overhead);
        let run = self.metadata.labels.run.take().map(Into::into);
        // Of Pods that are not runs', only what they hold is of interest.
        // A Pod whose claim is not there has neither condition nor state.
        let claims = !self.spec.resource_claims.is_empty() && self.spec.node_name.is_none();
        let said = run.is_some() && (unschedulable.is_some() || container.is_some() || disrupted.is_some() || claims);
        let (running, container) = match container {
            Some(ContainerFacts::Running { since }) => (Some(since).filter(|_| said), None),
            Some(ContainerFacts::Waiting { .. } | ContainerFacts::Terminated { .. }) | None => (None, container),
        };
        let unbound = if said { self.unbound(&requests) } else { None };
        let more = unbound.is_some() || displaced.is_some() || unschedulable.is_some() || container.is_some() || disrupted.is_some();
        let told = (said && more).then(|| Box::new(Told { unbound, displaced, unschedulable, container, disrupted }));
        PodRow {
            run,
            node: self.spec.node_name.as_deref().map(|node| share.text(node)),
            priority: self.spec.priority,
            created: self.metadata.created(),
            scheduled: bound,
            deleting: self.metadata.deletion_timestamp,
            running,
            restarts,
            ended,
            requests: share.requests(&requests),
            uid: Uuid::parse_str(&self.metadata.uid).ok().filter(|_| said),
            told,
        }
    }

    /// What the scheduler is told of it, while it has no node.
    fn unbound(&mut self, requests: &[(Box<str>, Box<str>)]) -> Option<Box<Unbound>> {
        self.spec.node_name.is_none().then(|| {
            Box::new(Unbound {
                asks: Asks {
                    requests: requests
                        .iter()
                        .map(|(name, amount)| (name.to_string(), Quantity::parse(amount).unwrap_or_default()))
                        .collect(),
                    selector: std::mem::take(&mut self.spec.node_selector),
                    tolerations: std::mem::take(&mut self.spec.tolerations),
                },
                gates: self.spec.scheduling_gates.drain(..).map(|gate| gate.name).collect(),
                nominated: Some(self.status.nominated_node_name.to_string()).filter(|node| !node.is_empty()),
                claims: self.claims(),
            })
        })
    }

    /// The claims that it uses, without those that were found not to be needed.
    fn claims(&mut self) -> Vec<ClaimUse> {
        let made = &self.status.resource_claim_statuses;
        let used = self.spec.resource_claims.drain(..).filter_map(|entry| {
            let found = made.iter().find(|made| made.name == entry.name);
            let (name, made) = match (entry.resource_claim_name, entry.resource_claim_template_name, found) {
                (Some(claim), ..) => (claim, true),
                (None, Some(_), Some(made)) => (made.resource_claim_name.clone()?, true),
                (None, template, _) => (template?, false),
            };
            Some(ClaimUse { entry: entry.name, name, made })
        });
        used.collect()
    }

    /// The main container's restarts and state; while an init container waits with something to say, that.
    fn main_container(&mut self) -> (u32, Option<ContainerFacts>) {
        let statuses = &mut self.status.container_statuses;
        let position = statuses.iter().position(|status| &*status.name == CONTAINER).unwrap_or(0);
        let main = (position < statuses.len()).then(|| statuses.swap_remove(position));
        let restarts = main.as_ref().map_or(0, |status| status.restart_count);
        let facts = main.and_then(|status| facts(status.state, self.metadata.created()));
        let stuck = self.status.init_container_statuses.drain(..).find_map(|status| match status.state.waiting {
            Some(Waiting { reason, message }) if !message.is_empty() => Some(ContainerFacts::Waiting { reason, message }),
            _ => None,
        });
        match (&facts, stuck) {
            (Some(ContainerFacts::Waiting { .. }) | None, Some(stuck)) => (restarts, Some(stuck)),
            _ => (restarts, facts),
        }
    }
}

fn facts(state: ContainerState, created: Timestamp) -> Option<ContainerFacts> {
    if let Some(ended) = state.terminated {
        return Some(ContainerFacts::Terminated {
            started: ended.started_at,
            at: ended.finished_at.unwrap_or(created),
            exit_code: ended.exit_code,
            reason: ended.reason,
            message: ended.message,
        });
    }
    if let Some(running) = state.running {
        return Some(ContainerFacts::Running { since: running.started_at.unwrap_or(created) });
    }
    state.waiting.map(|Waiting { reason, message }| ContainerFacts::Waiting { reason, message })
}

impl PodRow {
    /// The node that it holds resources of, if it does.
    pub(in crate::cluster::index) fn seat(&self) -> Option<&Arc<str>> {
        self.node.as_ref().filter(|_| !self.ended)
    }

    /// The facts that a run's state is read from.
    pub fn facts(&self, name: &str) -> PodFacts {
        let told = self.told.as_deref();
        let unbound = told.and_then(|told| told.unbound.as_ref());
        let nothing = || ContainerFacts::Waiting { reason: String::new(), message: String::new() };
        let running = self.running.map(|since| ContainerFacts::Running { since });
        PodFacts {
            name: name.to_owned(),
            created: self.created,
            node: self.node.as_deref().map(str::to_owned),
            scheduled: self.scheduled,
            unschedulable: told.and_then(|told| told.unschedulable.clone()),
            container: running.or_else(|| told.and_then(|told| told.container.clone())).unwrap_or_else(nothing),
            restarts: self.restarts,
            deleting: self.deleting,
            uid: self.uid.map(|uid| uid.to_string()).unwrap_or_default(),
            priority: self.priority,
            asks: unbound.map(|unbound| unbound.asks.clone()),
            gates: unbound.map(|unbound| unbound.gates.clone()).unwrap_or_default(),
            nominated: unbound.and_then(|unbound| unbound.nominated.clone()),
            displaced: told.and_then(|told| told.displaced),
            disrupted: told.and_then(|told| told.disrupted.clone()),
        }
    }
}
