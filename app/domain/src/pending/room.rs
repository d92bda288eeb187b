//! What the nodes themselves show: which of them could hold a Pod, what is in the way on each, and who holds what it needs.
//!
//! A node *could* hold it if it has the labels that it selects and some of the accelerator that it asks for, whatever else is in
//! the way. Among those, what is in the way on every one is the cause. Where a node would fit by all that is known here, there
//! is none: the scheduler then knows of something else.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;

use super::{
    Asks, Cause, HeldByTeam, Hold, NAMES, NodeView, NodesWhy, PRODUCT, Shortage, Toleration,
    words::{amount, plain, stuff},
};
use crate::{
    gpu::{Model, product_name},
    node::{GPU, Gpu, MIG, row},
    quantity::Quantity,
    run::spec::RunId,
};

/// What was seen on the nodes.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    /// The cause; none where a node would fit.
    pub cause: Option<Cause>,
    /// Node by node.
    pub by_node: Vec<NodesWhy>,
}

/// What is in the way on a node, the first of these that is.
#[derive(Debug)]
enum InTheWay {
    Label,
    /// It has none of the accelerator at all.
    Lacks(String),
    NotReady,
    Cordoned,
    Taint(String),
    Small {
        resource: String,
        has: Quantity,
    },
    Full {
        resource: String,
        free: Quantity,
        all: Quantity,
    },
    Pods,
    Nothing,
}

/// Looks at every node.
pub(super) fn look(asks: &Asks, nodes: &[NodeView]) -> Looked {
    let seen: Vec<(&NodeView, InTheWay)> = nodes.iter().map(|view| (view, in_the_way(asks, view))).collect();
    Looked { cause: cause(asks, &seen), by_node: by_node(asks, &seen) }
}

/// Runs that hold what it asks for on nodes that could hold it, largest first.
pub(super) fn holders(asks: &Asks, nodes: &[NodeView]) -> Vec<RunId> {
    let Some(resource) = scarce(asks) else { return Vec::new() };
    let mut held: BTreeMap<&RunId, Quantity> = BTreeMap::new();
    for view in nodes.iter().filter(|view| matches!(in_the_way(asks, view), InTheWay::Full { .. } | InTheWay::Pods)) {
        for hold in &view.held {
            let holds = hold.of(&resource);
            if let Some(run) = hold.run.as_ref().filter(|_| holds.is_positive()) {
                let sum = held.entry(run).or_default();
                *sum = sum.plus(holds);
            }
        }
    }
    let mut held: Vec<_> = held.into_iter().collect();
    held.sort_by_key(|(run, holds)| (Reverse(*holds), (*run).clone()));
    held.into_iter().map(|(run, _)| run.clone()).collect()
}

/// What it asks for that there is least of.
fn scarce(asks: &Asks) -> Option<String> {
    asks.accelerator().map(|(name, _)| name.to_owned()).or_else(|| asks.requests.keys().next().cloned())
}

fn in_the_way(asks: &Asks, view: &NodeView) -> InTheWay {
    let facts = &view.facts;
    if asks.selector.iter().any(|(label, value)| facts.labels.get(label) != Some(value)) {
        return InTheWay::Label;
    }
    let has = |resource: &str| facts.allocatable.get(resource).and_then(|amount| Quantity::parse(amount).ok()).unwrap_or_default();
    if let Some((resource, _)) = asks.accelerator()
        && !has(resource).is_positive()
    {
        return InTheWay::Lacks(resource.to_owned());
    }
    // The scarcest first: what one has too little of is an accelerator, if it is that at all.
    let mut asked: Vec<(&String, &Quantity)> = asks.requests.iter().filter(|(_, amount)| amount.is_positive()).collect();
    asked.sort_by_key(|(name, _)| rank(name));
    if let Some((resource, _)) = asked.iter().find(|(name, amount)| has(name) < **amount) {
        return InTheWay::Small { resource: (*resource).clone(), has: has(resource) };
    }
    if !facts.ready {
        return InTheWay::NotReady;
    }
    if facts.cordoned {
        return InTheWay::Cordoned;
    }
    if let Some(taint) = facts.taints.iter().find(|taint| !asks.bears(taint)) {
        return InTheWay::Taint(taint.clone());
    }
    for (resource, amount) in asked {
        let free = has(resource).minus(view.used(resource));
        if free < *amount {
            return InTheWay::Full { resource: resource.clone(), free: free.max(Quantity::ZERO), all: has(resource) };
        }
    }
    let pods = has("pods");
    if pods.is_positive() && pods < Quantity::units(view.held.len() as u64 + 1) {
        return InTheWay::Pods;
    }
    InTheWay::Nothing
}

fn rank(resource: &str) -> u8 {
    match resource {
        "memory" => 2,
        "cpu" => 3,
        "ephemeral-storage" => 4,
        _ if resource == GPU || resource.starts_with(MIG) => 0,
        _ => 1,
    }
}

fn cause(asks: &Asks, seen: &[(&NodeView, InTheWay)]) -> Option<Cause> {
    let could: Vec<&(&NodeView, InTheWay)> = seen.iter().filter(|(_, way)| !matches!(way, InTheWay::Label | InTheWay::Lacks(_))).collect();
    if could.iter().any(|(_, way)| matches!(way, InTheWay::Nothing)) {
        return None;
    }
    if could.is_empty() {
        return absent(asks, seen);
    }
    let count = |is: fn(&InTheWay) -> bool| {
        let found: Vec<&NodeView> = could.iter().filter(|(_, way)| is(way)).map(|(view, _)| *view).collect();
        (u32::try_from(found.len()).unwrap_or(u32::MAX), found.first().map(|view| view.facts.name.clone()))
    };
    let full: Vec<(&NodeView, &str)> = could
        .iter()
        .filter_map(|(view, way)| match way {
            InTheWay::Full { resource, .. } => Some((*view, resource.as_str())),
            _ => None,
        })
        .collect();
    if !full.is_empty() {
        return Some(Cause::NoRoom(shortage(asks, &full)));
    }
    let (pods, node) = count(|way| matches!(way, InTheWay::Pods));
    if pods > 0 {
        return Some(Cause::PodLimit { nodes: pods, node });
    }
    // Nothing that is usable is large enough, or nothing large enough is usable: what most nodes have in their way.
    let (cordoned, tainted, ill) = (
        count(|way| matches!(way, InTheWay::Cordoned)),
        count(|way| matches!(way, InTheWay::Taint(_))),
        count(|way| matches!(way, InTheWay::NotReady)),
    );
    let most = cordoned.0.max(tainted.0).max(ill.0);
    if most > 0 {
        return Some(match most {
            most if most == cordoned.0 => Cause::Cordoned { nodes: most, node: cordoned.1 },
            most if most == tainted.0 => Cause::Taint { taint: one_taint(&could), nodes: most, node: tainted.1 },
            _ => Cause::NotReady { nodes: most, node: ill.1 },
        });
    }
    let largest = could.iter().filter_map(|(view, way)| match way {
        InTheWay::Small { resource, has } => Some((rank(resource), *has, resource, *view)),
        _ => None,
    });
    // Of the scarcest resource that is too small anywhere, the node that has most.
    let (_, has, resource, view) = largest.max_by_key(|(rank, has, ..)| (Reverse(*rank), *has))?;
    Some(Cause::TooLarge {
        resource: resource.clone(),
        needs: asks.requests.get(resource).copied().unwrap_or_default(),
        largest: has,
        node: view.facts.name.clone(),
        product: asks.product().map(|product| product_name(product).to_owned()),
    })
}

/// The taint that all of them have, or the first.
fn one_taint(could: &[&(&NodeView, InTheWay)]) -> Option<String> {
    could.iter().find_map(|(_, way)| match way {
        InTheWay::Taint(taint) => Some(taint.clone()),
        _ => None,
    })
}

/// No node has what it asks for at all.
fn absent(asks: &Asks, seen: &[(&NodeView, InTheWay)]) -> Option<Cause> {
    if let Some(product) = asks.product()
        && !seen.iter().any(|(view, _)| view.facts.labels.get(PRODUCT).is_some_and(|label| label == product))
    {
        return Some(Cause::ProductAbsent { product: Some(product_name(product).to_owned()) });
    }
    let (resource, needs) = asks.accelerator()?;
    if !seen.iter().any(|(_, way)| matches!(way, InTheWay::Lacks(_))) {
        return None;
    }
    let Some(profile) = resource.strip_prefix(MIG) else { return Some(Cause::ProductAbsent { product: None }) };
    let could = seen
        .iter()
        .filter(|(view, way)| !matches!(way, InTheWay::Label) && can_be_cut(view, profile))
        .map(|(view, _)| view.facts.name.clone());
    Some(Cause::ProfileNotCut { profile: profile.to_owned(), needs, could: could.take(NAMES).collect() })
}

/// Whether a card of this node has a place for the profile beside what is cut, or could be cut anew because nobody holds it.
fn can_be_cut(view: &NodeView, profile: &str) -> bool {
    let Some(model) = view.facts.labels.get(PRODUCT).and_then(|label| Model::of(label)) else { return false };
    if model.profile(profile).is_none() || !view.facts.ready {
        return false;
    }
    let drawn = row(&view.facts, &[]);
    let fits = drawn.gpus.iter().any(|gpu| match gpu {
        Gpu::Cut { holes, .. } => holes.iter().any(|hole| hole.fits.iter().any(|name| name == profile)),
        Gpu::Whole { .. } | Gpu::Shared { .. } | Gpu::Unplaced { .. } => false,
    });
    let all = view.facts.allocatable.get(GPU).and_then(|amount| Quantity::parse(amount).ok()).unwrap_or_default();
    fits || all.minus(view.used(GPU)).is_positive()
}

fn shortage(asks: &Asks, full: &[(&NodeView, &str)]) -> Shortage {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, resource) in full {
        *counts.entry(resource).or_default() += 1;
    }
    let resource = counts.iter().max_by_key(|(name, count)| (**count, Reverse(rank(name)))).map_or("", |(name, _)| *name);
    let needs = asks.requests.get(resource).copied().unwrap_or_default();
    let nodes: Vec<&NodeView> = full.iter().filter(|(_, short)| *short == resource).map(|(view, _)| *view).collect();
    let (mut all, mut most_free, mut held) = (Quantity::ZERO, Quantity::ZERO, BTreeMap::<&str, Quantity>::new());
    for view in &nodes {
        let has = view.has(resource);
        all = all.plus(has);
        most_free = most_free.max(has.minus(view.used(resource)));
        for hold in &view.held {
            let holds = hold.of(resource);
            if holds.is_positive() {
                let sum = held.entry(&hold.team).or_default();
                *sum = sum.plus(holds);
            }
        }
    }
    let mut holders: Vec<HeldByTeam> = held.into_iter().map(|(team, amount)| HeldByTeam { team: team.to_owned(), amount }).collect();
    holders.sort_by(|a, b| b.amount.cmp(&a.amount).then_with(|| a.team.cmp(&b.team)));
    Shortage {
        product: asks.product().filter(|_| resource == GPU).map(|product| product_name(product).to_owned()),
        resource: resource.to_owned(),
        needs,
        all,
        most_free,
        nodes: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        node: (nodes.len() == 1).then(|| nodes[0].facts.name.clone()),
        holders,
        until: nodes.iter().filter_map(|view| free_at(view, resource, needs)).min(),
    }
}

/// When enough of a resource is likely to be free on a node; none where that rests on somebody of whom it is not known.
fn free_at(view: &NodeView, resource: &str, needs: Quantity) -> Option<Timestamp> {
    let mut free = view.has(resource).minus(view.used(resource));
    let mut ends: Vec<(Timestamp, Quantity)> = view.held.iter().filter_map(|hold| Some((hold.until?, hold.of(resource)))).collect();
    ends.sort();
    ends.into_iter().find_map(|(at, amount)| {
        free = free.plus(amount);
        (amount.is_positive() && free >= needs).then_some(at)
    })
}

fn by_node(asks: &Asks, seen: &[(&NodeView, InTheWay)]) -> Vec<NodesWhy> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (view, way) in seen {
        let why = way.words(asks);
        match groups.iter_mut().find(|(said, _)| *said == why) {
            Some((_, names)) => names.push(&view.facts.name),
            None => groups.push((why, vec![&view.facts.name])),
        }
    }
    groups.sort_by_key(|(_, names)| names.len());
    groups
        .into_iter()
        .map(|(why, names)| NodesWhy {
            count: u32::try_from(names.len()).unwrap_or(u32::MAX),
            names: names.into_iter().take(NAMES).map(str::to_owned).collect(),
            why,
        })
        .collect()
}

impl InTheWay {
    fn words(&self, asks: &Asks) -> String {
        match self {
            Self::Label if asks.product().is_some() => "another product than it asks for".to_owned(),
            Self::Label => "without the labels that it selects".to_owned(),
            Self::Lacks(resource) => format!("no {} at all", stuff(resource)),
            Self::NotReady => "not ready".to_owned(),
            Self::Cordoned => "cordoned".to_owned(),
            Self::Taint(taint) => format!("set aside by the taint {}", plain(taint)),
            Self::Small { resource, has } => format!("only {} in all", amount(resource, *has)),
            Self::Full { resource, free, all } => format!("{free} of {} free", amount(resource, *all)),
            Self::Pods => "as many Pods as it may have".to_owned(),
            Self::Nothing => "would fit by its resources, labels and taints".to_owned(),
        }
    }
}

impl NodeView {
    fn has(&self, resource: &str) -> Quantity {
        self.facts.allocatable.get(resource).and_then(|amount| Quantity::parse(amount).ok()).unwrap_or_default()
    }

    fn used(&self, resource: &str) -> Quantity {
        self.held.iter().fold(Quantity::ZERO, |sum, hold| sum.plus(hold.of(resource)))
    }
}

impl Hold {
    fn of(&self, resource: &str) -> Quantity {
        let asked = self.requests.iter().filter(|(name, _)| **name == *resource);
        asked.fold(Quantity::ZERO, |sum, (_, amount)| sum.plus(Quantity::parse(amount).unwrap_or_default()))
    }
}

impl Asks {
    /// Whether a Pod may be put on a node with this taint (`key=value:effect`).
    fn bears(&self, taint: &str) -> bool {
        let (named, effect) = taint.rsplit_once(':').unwrap_or((taint, ""));
        let (key, value) = named.split_once('=').unwrap_or((named, ""));
        effect == "PreferNoSchedule" || self.tolerations.iter().any(|toleration| toleration.covers(key, value, effect))
    }
}

impl Toleration {
    fn covers(&self, key: &str, value: &str, effect: &str) -> bool {
        (self.effect.is_empty() || self.effect == effect)
            && (self.key.is_empty() || self.key == key)
            && (self.operator == "Exists" || self.value == value)
    }
}

/// Whole GPUs of other products that are free now, on one node, most first: a shape that would run.
pub(super) fn other_products(asks: &Asks, nodes: &[NodeView]) -> Vec<(String, Quantity)> {
    let mut best: BTreeMap<String, Quantity> = BTreeMap::new();
    let products: BTreeSet<&String> = nodes.iter().filter_map(|view| view.facts.labels.get(PRODUCT)).collect();
    for product in products {
        let mut other = asks.clone();
        other.selector.insert(PRODUCT.to_owned(), product.clone());
        let fits = nodes.iter().filter(|view| matches!(in_the_way(&other, view), InTheWay::Nothing));
        if let Some(free) = fits.map(|view| view.has(GPU).minus(view.used(GPU))).max() {
            best.insert(product.clone(), free);
        }
    }
    let mut best: Vec<_> = best.into_iter().collect();
    best.sort_by_key(|(product, free)| (Reverse(*free), product.clone()));
    best
}
