//! Resource claims (DRA) as a reason to wait: what of a Pod's claims is not there, and why devices are not given to them.
//!
//! A Pod whose claim is not there is not even looked at by the scheduler: it has no condition and no event, and only the claims
//! themselves tell. One whose claim cannot be made of its template has an event alone. What the scheduler says of the others
//! names neither claim nor device, so that both are looked up here.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Cause, Evidence, HeldByTeam, NAMES, NodeView, NodesWhy, Waiting, admission};
use crate::quantity::Quantity;

/// A claim of a Pod that has no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimFacts {
    /// What the Pod calls it.
    pub entry: String,
    /// The claim's name, or that of the template while none is made of it.
    pub name: String,
    /// Where it stands.
    pub state: ClaimState,
    /// What it asks for, such as `2 × gpu.nvidia.com`.
    pub asks: Vec<String>,
}

/// Where a claim stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// The cluster has none of that name.
    Missing,
    /// It is still to be made of its template.
    Unmade {
        /// What was said against it last.
        refused: Option<String>,
    },
    /// It is going.
    Deleting,
    /// It has no devices yet.
    Waits,
    /// It has devices.
    Has {
        /// The node that they are of, where that is known.
        node: Option<String>,
    },
}

/// What is the matter with claims and their devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    /// There is no such claim.
    ClaimNotFound {
        /// The claim.
        claim: String,
    },
    /// The claim is being deleted.
    BeingDeleted {
        /// The claim.
        claim: String,
    },
    /// The claim is still to be made of its template.
    BeingMade {
        /// The template.
        template: String,
    },
    /// There is no such template.
    TemplateNotFound {
        /// The template.
        template: String,
    },
    /// The claim cannot be made of its template.
    Refused {
        /// The template.
        template: String,
        /// What was said.
        said: String,
    },
    /// There is no such device class.
    ClassNotFound {
        /// The class.
        class: String,
    },
    /// No node has devices for all of its claims.
    NoneFree(Few),
    /// A claim's devices are of a node that does not fit.
    Elsewhere {
        /// The claim, where it is known.
        claim: Option<String>,
        /// The node, where it is known.
        node: Option<String>,
    },
    /// The claim is being given devices for another Pod.
    BeingAllocated {
        /// The claim.
        claim: String,
    },
    /// The claim was made for another Pod.
    OfAnother {
        /// The claim.
        claim: String,
    },
    /// The scheduler looked for devices for longer than it may.
    TookTooLong,
}

/// Devices that are not enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Few {
    /// What its claims ask for.
    pub asks: Vec<String>,
    /// Devices of that kind there are.
    pub all: u32,
    /// Of those, that nobody has.
    pub free: u32,
    /// How many nodes have them.
    pub nodes: u32,
    /// The node, where it is one.
    pub node: Option<String>,
    /// Who has how many of them, most first.
    pub holders: Vec<HeldByTeam>,
}

/// What a text of the scheduler's plugin for claims says; none where it is another's.
pub(super) fn read(said: &str) -> Option<Devices> {
    let quoted = |before: &str, after: &str| {
        let (name, rest) = said.strip_prefix(before)?.strip_prefix('"')?.split_once('"')?;
        rest.starts_with(after).then(|| name.rsplit('/').next().unwrap_or(name).to_owned())
    };
    if let Some(claim) = quoted("resourceclaim ", " is being deleted") {
        return Some(Devices::BeingDeleted { claim });
    }
    if let Some(claim) = quoted("could not find ResourceClaim ", "") {
        return Some(Devices::ClaimNotFound { claim });
    }
    let named = |before: &str, after: &str| {
        let name = said.strip_prefix(before)?.split_once(after)?.0;
        (!name.contains(' ')).then(|| name.rsplit('/').next().unwrap_or(name).to_owned())
    };
    if let Some(claim) = named("resource claim ", " is in the process of being allocated") {
        return Some(Devices::BeingAllocated { claim });
    }
    if let Some(claim) = named("ResourceClaim ", " was not created for pod ") {
        return Some(Devices::OfAnother { claim });
    }
    if let Some((_, rest)) = said.strip_prefix("request ").and_then(|rest| rest.split_once(": device class "))
        && let Some(class) = rest.strip_suffix(" does not exist")
    {
        return Some(Devices::ClassNotFound { class: class.to_owned() });
    }
    match said {
        "cannot allocate all claims" => Some(Devices::NoneFree(Few::default())),
        "resourceclaim not available on the node" => Some(Devices::Elsewhere { claim: None, node: None }),
        "timed out trying to allocate devices" => Some(Devices::TookTooLong),
        _ => None,
    }
}

/// A claim that keeps the scheduler from looking at the Pod at all.
pub(super) fn absent(waiting: &Waiting<'_>, pod: &str) -> Option<(Cause, Vec<Evidence>)> {
    let told = |said: String| vec![Evidence::said(&format!("Pod/{pod}"), &said)];
    waiting.claims.iter().find_map(|ClaimFacts { entry, name, state, .. }| {
        let name = name.clone();
        Some(match state {
            ClaimState::Missing => {
                let said = format!("its entry {entry} names the ResourceClaim {name}, of which the cluster has none");
                (Cause::Devices(Devices::ClaimNotFound { claim: name }), told(said))
            }
            ClaimState::Deleting => {
                let said = format!("its entry {entry} names the ResourceClaim {name}, which has a deletionTimestamp");
                (Cause::Devices(Devices::BeingDeleted { claim: name }), told(said))
            }
            ClaimState::Unmade { refused: Some(said) } => (unmade(name, said), refusal(waiting, pod, said)),
            // The scheduler has looked at the Pod: it knows of a claim that is not heard of here yet.
            ClaimState::Unmade { refused: None } if waiting.pod.is_some_and(|pod| pod.unschedulable.is_some()) => return None,
            ClaimState::Unmade { refused: None } => {
                let said = format!("its entry {entry} names the ResourceClaimTemplate {name}, of which no claim is made yet");
                (Cause::Devices(Devices::BeingMade { template: name }), told(said))
            }
            ClaimState::Waits | ClaimState::Has { .. } => return None,
        })
    })
}

fn refusal(waiting: &Waiting<'_>, pod: &str, said: &str) -> Vec<Evidence> {
    let event = waiting.events.iter().find(|event| event.reason == "FailedResourceClaimCreation" && event.message == said);
    vec![event.map_or_else(|| Evidence::said(&format!("Pod/{pod}"), said), Evidence::of)]
}

/// `PodResourceClaim ENTRY: …`
fn unmade(template: String, said: &str) -> Cause {
    let said = said.strip_prefix("PodResourceClaim ").and_then(|rest| rest.split_once(": ")).map_or(said, |(_, said)| said);
    if said.starts_with("resource claim template ") && said.ends_with(" not found") {
        return Cause::Devices(Devices::TemplateNotFound { template });
    }
    match said.strip_prefix("create ResourceClaim ").map(admission::read) {
        // A quota for claims says what any quota says.
        Some(cause) if !matches!(cause, Cause::Unknown { .. }) => cause,
        _ => Cause::Devices(Devices::Refused { template, said: said.to_owned() }),
    }
}

/// What a text leaves open, as the claims and the nodes show it.
pub(super) fn looked_up(devices: Devices, waiting: &Waiting<'_>) -> (Devices, Vec<NodesWhy>) {
    let nodes = waiting.nodes.unwrap_or_default();
    match devices {
        Devices::NoneFree(_) => (Devices::NoneFree(few(waiting, nodes)), by_node(nodes)),
        Devices::Elsewhere { .. } => {
            let has = waiting.claims.iter().find_map(|claim| match &claim.state {
                ClaimState::Has { node } => Some((claim.name.clone(), node.clone())),
                ClaimState::Missing | ClaimState::Unmade { .. } | ClaimState::Deleting | ClaimState::Waits => None,
            });
            let (claim, node) = has.unzip();
            (Devices::Elsewhere { claim, node: node.flatten() }, Vec::new())
        }
        other => (other, Vec::new()),
    }
}

/// Which devices of a node are meant: those of the driver's own classes are of one kind.
fn is_meant(asks: &[String], is_slice: bool) -> bool {
    let of = |class: &str| !asks.is_empty() && asks.iter().all(|asks| asks.ends_with(class));
    !(is_slice && of(" gpu.nvidia.com") || !is_slice && of(" mig.nvidia.com"))
}

fn few(waiting: &Waiting<'_>, nodes: &[NodeView]) -> Few {
    let waits = waiting.claims.iter().filter(|claim| claim.state == ClaimState::Waits);
    let asks: Vec<String> = waits.flat_map(|claim| claim.asks.iter().cloned()).collect();
    let selector = &waiting.asks().selector;
    let may = |view: &&NodeView| selector.iter().all(|(label, value)| view.facts.labels.get(label) == Some(value));
    let (mut few, mut held) = (Few { asks, ..Few::default() }, BTreeMap::<&str, u32>::new());
    for view in nodes.iter().filter(may) {
        let parts = view.dra.iter().flat_map(|gpu| &gpu.parts).filter(|part| is_meant(&few.asks, part.profile.is_some()));
        let (mut all, mut free) = (0, 0);
        for part in parts {
            all += 1;
            free += u32::from(part.is_free());
            if let Some(holder) = part.holders.first() {
                *held.entry(&holder.team).or_default() += 1;
            }
        }
        few.all += all;
        few.free += free;
        few.nodes += u32::from(all > 0);
        few.node = few.node.take().or_else(|| (all > 0).then(|| view.facts.name.clone()));
    }
    few.node = few.node.filter(|_| few.nodes == 1);
    few.holders =
        held.into_iter().map(|(team, count)| HeldByTeam { team: team.to_owned(), amount: Quantity::units(count.into()) }).collect();
    few.holders.sort_by_key(|held| (Reverse(held.amount), held.team.clone()));
    few
}

/// What nodes have for claims, node by node.
fn by_node(nodes: &[NodeView]) -> Vec<NodesWhy> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for view in nodes {
        let mut kinds: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for part in view.dra.iter().flat_map(|gpu| &gpu.parts) {
            let (free, all) = kinds.entry(part.profile.as_deref().unwrap_or("whole GPUs")).or_default();
            *free += u32::from(part.is_free());
            *all += 1;
        }
        let has: Vec<String> = kinds.into_iter().map(|(kind, (free, all))| format!("{free} of {all} {kind} free")).collect();
        let why = if has.is_empty() { "no GPUs for claims".to_owned() } else { has.join(", ") };
        groups.entry(why).or_default().push(&view.facts.name);
    }
    let mut groups: Vec<NodesWhy> = groups
        .into_iter()
        .map(|(why, names)| NodesWhy {
            count: u32::try_from(names.len()).unwrap_or(u32::MAX),
            names: names.into_iter().take(NAMES).map(str::to_owned).collect(),
            why,
        })
        .collect();
    groups.sort_by_key(|group| group.count);
    groups
}

impl Devices {
    /// The sentence.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::ClaimNotFound { claim } => format!("It uses the resource claim {claim}, which does not exist"),
            Self::BeingDeleted { claim } => format!("The resource claim {claim} that it uses is being deleted"),
            Self::BeingMade { template } => format!("Its resource claim is still to be made from the template {template}"),
            Self::TemplateNotFound { template } => {
                format!("Its resource claim is to be made from the template {template}, which does not exist")
            }
            Self::Refused { template, said } => {
                format!("Its resource claim cannot be made from the template {template}: {}", said.trim_end_matches('.'))
            }
            Self::ClassNotFound { class } => {
                format!("Its resource claim asks for the device class {class}, which the cluster does not have; ask an admin")
            }
            Self::NoneFree(few) => few.sentence(),
            Self::Elsewhere { claim, node } => {
                let claim = claim.as_ref().map_or_else(|| "its resource claim".to_owned(), |claim| format!("its resource claim {claim}"));
                let node = node.as_ref().map_or_else(|| "a node that".to_owned(), |node| format!("{node}, which"));
                format!("The devices of {claim} are on {node} does not fit it")
            }
            Self::BeingAllocated { claim } => format!("Its resource claim {claim} is just being given devices for another Pod"),
            Self::OfAnother { claim } => format!("The resource claim {claim} was made for another Pod, and cannot be used by this one"),
            Self::TookTooLong => {
                "The scheduler has looked for devices for its resource claims longer than it may; it tries again".to_owned()
            }
        }
    }
}

impl Few {
    fn sentence(&self) -> String {
        let asks = if self.asks.is_empty() { "devices".to_owned() } else { self.asks.join(" and ") };
        let place = self.node.as_ref().map_or_else(|| format!(" on {} nodes", self.nodes), |node| format!(" on {node}"));
        let held = |team: &HeldByTeam| format!("{} holds {}", team.team, team.amount);
        let why = match (self.all, self.holders.as_slice()) {
            (0, _) => "no node that it may have has any".to_owned(),
            (all, []) => format!("of the {all}{place} none that is free is what it asks for"),
            (all, [one]) => format!("{} of {all}{place}", held(one)),
            (all, [one, two]) => format!("{} and {} of {all}{place}", held(one), held(two)),
            (all, [one, two, rest @ ..]) => {
                let sum = rest.iter().fold(Quantity::ZERO, |sum, team| sum.plus(team.amount));
                let teams = if rest.len() == 1 { "1 other team holds".to_owned() } else { format!("{} other teams hold", rest.len()) };
                format!("{}, {} and {teams} {sum} of {all}{place}", held(one), held(two))
            }
        };
        let free = if self.free > 0 && !self.holders.is_empty() { format!(", {} free", self.free) } else { String::new() };
        format!("Its resource claims ask for {asks}; {why}{free}")
    }
}
