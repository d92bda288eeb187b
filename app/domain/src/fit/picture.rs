//! The cluster as far as it decides whether a run has room, small enough to travel to the browser: nodes that are alike are one
//! group, Pods that are alike one shape, and amounts are whole numbers in the order of the resources' names.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::{
    limit::LimitFacts,
    node::NodeFacts,
    priority::PriorityFacts,
    quantity::Quantity,
    quota::QuotaFacts,
    run::spec::{RunId, RunName},
};

/// The resource of which every Pod takes one.
pub(super) const PODS: &str = "pods";

/// The cluster as one viewer may know it, with the rules of one team.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Names of resources; every list of amounts below is in this order.
    pub(super) resources: Vec<String>,
    /// Kinds of nodes.
    pub(super) kinds: Vec<Kind>,
    /// Kinds of Pods.
    pub(super) shapes: Vec<Shape>,
    /// The nodes.
    pub(super) groups: Vec<Group>,
    /// The runs among the Pods that the viewer may know of.
    pub(super) runs: Vec<Known>,
    /// The team's quotas.
    pub quotas: Vec<QuotaFacts>,
    /// The team's limits.
    pub limits: Vec<LimitFacts>,
    /// The cluster's priority classes.
    pub priorities: Vec<PriorityFacts>,
}

/// What nodes have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Kind {
    #[serde(rename = "l")]
    pub labels: BTreeMap<String, String>,
    /// CPU in thousandths, anything else in whole units; shorter than the names where the last are none.
    #[serde(rename = "a")]
    pub allocatable: Vec<i64>,
    #[serde(rename = "t")]
    pub taints: Vec<Taint>,
    #[serde(rename = "c")]
    pub cordoned: bool,
    #[serde(rename = "r")]
    pub ready: bool,
}

/// A taint that keeps Pods away.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Taint {
    /// Its key.
    #[serde(rename = "k")]
    pub key: String,
    /// Its value, possibly empty.
    #[serde(rename = "v")]
    pub value: String,
    /// `NoSchedule` or `NoExecute`.
    #[serde(rename = "e")]
    pub effect: String,
}

/// What Pods have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Shape {
    #[serde(rename = "t")]
    pub team: String,
    #[serde(rename = "p")]
    pub priority: i32,
    #[serde(rename = "a")]
    pub requests: Vec<i64>,
}

/// Nodes of one kind with the same Pods. It travels as a list: in a busy cluster there are as many as there are nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub(super) struct Group {
    pub kind: usize,
    /// By shape, the most important first.
    pub pods: Vec<usize>,
    /// The nodes' names.
    pub names: Vec<String>,
}

type Listed = (usize, Vec<usize>, Vec<String>);

impl From<Listed> for Group {
    fn from((kind, pods, names): Listed) -> Self {
        Self { kind, pods, names }
    }
}

impl From<Group> for Listed {
    fn from(group: Group) -> Self {
        (group.kind, group.pods, group.names)
    }
}

/// A Pod that is a run's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The group, the node in it, the Pod on it.
    #[serde(rename = "at")]
    pub at: (usize, usize, usize),
    #[serde(rename = "id")]
    pub id: RunId,
    #[serde(rename = "n")]
    pub name: RunName,
}

/// A Pod on a node, as a picture is drawn of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// The namespace.
    pub team: String,
    /// The run it belongs to.
    pub run: Option<(RunId, RunName)>,
    /// Its priority.
    pub priority: i32,
    /// When it began, in seconds since 1970: of two of the same priority the older one is more important.
    pub since: i64,
    /// What it asks for, by resource name.
    pub requests: Vec<(String, String)>,
}

impl Picture {
    /// Draws the nodes with the Pods that hold resources of them, and of the nodes' labels only those named. Rules are added by
    /// whoever knows for which team.
    pub fn draw(nodes: impl IntoIterator<Item = (NodeFacts, Vec<Pod>)>, labels: &[&str]) -> Self {
        let mut drawing = Drawing::default();
        for (node, pods) in nodes {
            drawing.add(node, pods, labels);
        }
        drawing.picture
    }

    /// The same without the runs of teams of which `sees` is false.
    #[must_use]
    pub fn seen_by(&self, sees: impl Fn(&str) -> bool) -> Self {
        let team = |known: &Known| {
            let shape = self.groups.get(known.at.0).and_then(|group| group.pods.get(known.at.2));
            shape.and_then(|shape| self.shapes.get(*shape)).map(|shape| shape.team.as_str())
        };
        let runs = self.runs.iter().filter(|known| team(known).is_some_and(&sees)).cloned().collect();
        Self {
            resources: self.resources.clone(),
            kinds: self.kinds.clone(),
            shapes: self.shapes.clone(),
            groups: self.groups.clone(),
            runs,
            quotas: self.quotas.clone(),
            limits: self.limits.clone(),
            priorities: self.priorities.clone(),
        }
    }

    /// The same under these rules.
    #[must_use]
    pub fn under(self, quotas: Vec<QuotaFacts>, limits: Vec<LimitFacts>, priorities: Vec<PriorityFacts>) -> Self {
        Self { quotas, limits, priorities, ..self }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.groups.iter().map(|group| group.names.len()).sum()
    }
}

#[derive(Default)]
struct Drawing {
    picture: Picture,
    resources: HashMap<String, usize>,
    kinds: HashMap<Kind, usize>,
    shapes: HashMap<Shape, usize>,
    groups: HashMap<(usize, Vec<usize>), usize>,
}

impl Drawing {
    fn add(&mut self, node: NodeFacts, mut pods: Vec<Pod>, labels: &[&str]) {
        let allocatable = self.amounts(node.allocatable.iter().map(|(name, amount)| (name.as_str(), amount.as_str())));
        let kind = Kind {
            labels: node.labels.into_iter().filter(|(name, _)| labels.contains(&name.as_str())).collect(),
            allocatable,
            taints: node.taints.iter().filter_map(|taint| Taint::parse(taint)).collect(),
            cordoned: node.cordoned,
            ready: node.ready,
        };
        let kind = number(&mut self.kinds, &mut self.picture.kinds, kind);
        pods.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.since.cmp(&b.since)));
        let mut shapes = Vec::with_capacity(pods.len());
        for pod in &pods {
            let requests = self.amounts(pod.requests.iter().map(|(name, amount)| (name.as_str(), amount.as_str())).chain([(PODS, "1")]));
            let shape = Shape { team: pod.team.clone(), priority: pod.priority, requests };
            shapes.push(number(&mut self.shapes, &mut self.picture.shapes, shape));
        }
        let groups = &mut self.picture.groups;
        let group = *self.groups.entry((kind, shapes)).or_insert_with_key(|(kind, pods)| {
            groups.push(Group { kind: *kind, pods: pods.clone(), names: Vec::new() });
            groups.len() - 1
        });
        groups[group].names.push(node.name);
        let place = groups[group].names.len() - 1;
        let runs =
            pods.into_iter().enumerate().filter_map(|(at, pod)| pod.run.map(|(id, name)| Known { at: (group, place, at), id, name }));
        self.picture.runs.extend(runs);
    }

    /// The sums by resource.
    fn amounts<'a>(&mut self, of: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<i64> {
        let mut sums = Vec::new();
        for (name, amount) in of {
            let amount = Quantity::parse(amount).map_or(0, |amount| whole(name, amount));
            if amount == 0 {
                continue;
            }
            let at = number(&mut self.resources, &mut self.picture.resources, name.to_owned());
            if sums.len() <= at {
                sums.resize(at + 1, 0);
            }
            sums[at] += amount;
        }
        sums
    }
}

/// The number of a value in the list of all that differ.
fn number<T: Clone + Eq + std::hash::Hash>(numbers: &mut HashMap<T, usize>, all: &mut Vec<T>, value: T) -> usize {
    *numbers.entry(value).or_insert_with_key(|value| {
        all.push(value.clone());
        all.len() - 1
    })
}

/// An amount as the scheduler counts it: CPU in thousandths, anything else in whole units, each rounded up.
pub(super) fn whole(resource: &str, amount: Quantity) -> i64 {
    let amount = if resource == "cpu" { amount.as_millis() } else { amount.as_units() };
    i64::try_from(amount).unwrap_or(i64::MAX)
}

impl Taint {
    /// Reads `key=value:effect`; none where it keeps no new Pod away.
    fn parse(text: &str) -> Option<Self> {
        let (key, effect) = text.rsplit_once(':')?;
        let (key, value) = key.split_once('=').unwrap_or((key, ""));
        let keeps_away = matches!(effect, "NoSchedule" | "NoExecute");
        keeps_away.then(|| Self { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
    }
}
