//! What a run waits for: the one thing that is most in its way, with its arithmetic and with who holds it.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::{
    Ask,
    picture::{Group, Kind},
    room::{self, Need, Room},
    words,
};
use crate::{gpu::product_name, limit::Amounts, node::GPU};

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// No node has such a thing at all.
    Nowhere {
        /// What it needs, such as `4 × H200`.
        needs: String,
    },
    /// Nodes have it, and take no such Pod.
    SetAside {
        /// What it needs.
        needs: String,
        /// Why, with how many nodes.
        why: Vec<(Aside, u32)>,
    },
    /// It asks for more than any node has.
    TooLarge {
        /// What it needs.
        needs: String,
        /// What the largest node has of it.
        most: String,
        /// That node.
        node: String,
    },
    /// It would fit if others did not hold what it needs.
    Held {
        /// What it needs.
        needs: String,
        /// The node that lacks least.
        node: String,
        /// What is free there.
        free: String,
        /// Of how much.
        all: String,
        /// Who holds the rest, most first: the namespace and how much.
        holders: Vec<(String, String)>,
    },
}

/// Why a node takes no such Pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// Its agent is silent or unwell.
    NotReady,
    /// It is cordoned.
    Cordoned,
    /// It has this taint.
    Tainted(String),
}

/// Says what a Pod waits for that was let in and has no place.
pub(super) fn explain(room: &Room<'_>, ask: &Ask, requests: &Amounts) -> Wait {
    let picture = room.picture;
    // What is scarcest is said first: GPUs and slices, then whatever else.
    let mut wanted: Vec<&str> = requests.iter().filter(|(_, amount)| amount.is_positive()).map(|(name, _)| name.as_str()).collect();
    wanted.sort_by_key(|name| Reverse(name.contains('/')));
    let amount = |name: &str| requests.get(name).map_or(0, |amount| super::picture::whole(name, *amount));
    let needs = |name: &str| words::needs(name, amount(name), ask);
    let scarcest = wanted.first().copied().unwrap_or("cpu");
    let Some(need) = room.need(requests) else {
        let unknown = wanted.iter().find(|name| !picture.resources.iter().any(|known| known == *name)).copied();
        return Wait::Nowhere { needs: needs(unknown.unwrap_or(scarcest)) };
    };
    let scarce = picture.resources.iter().position(|name| name == scarcest);
    let has = |kind: &Kind| room::selected(kind, ask) && scarce.is_none_or(|at| kind.allocatable.get(at).copied().unwrap_or(0) > 0);
    let with_it: Vec<(usize, &Group)> = picture.groups.iter().enumerate().filter(|(_, group)| has(&picture.kinds[group.kind])).collect();
    if with_it.is_empty() {
        return Wait::Nowhere { needs: needs(scarcest) };
    }
    let mut why = BTreeMap::new();
    let mut open = Vec::new();
    for (at, group) in with_it {
        match aside(&picture.kinds[group.kind], ask) {
            Some(aside) => *why.entry(aside).or_insert(0) += u32::try_from(group.names.len()).unwrap_or(u32::MAX),
            None => open.push((at, group)),
        }
    }
    if open.is_empty() {
        return Wait::SetAside { needs: needs(scarcest), why: why.into_iter().collect() };
    }
    let name_of = |at: usize| picture.resources[at].as_str();
    let all = |group: &Group, at: usize| picture.kinds[group.kind].allocatable.get(at).copied().unwrap_or(0);
    let large: Vec<(usize, &Group)> =
        open.iter().copied().filter(|(_, group)| need.iter().all(|(at, amount)| all(group, *at) >= *amount)).collect();
    if large.is_empty() {
        let lacks = |group: &Group| lacking(&need, &wanted, |at| all(group, at), name_of);
        let nearest = open.iter().min_by_key(|(_, group)| (lacks(group), first(group)));
        let (node, at) = nearest.map_or((String::new(), 0), |(_, group)| (first(group).to_owned(), lacks(group).place));
        let most = nearest.map_or(0, |(_, group)| all(group, at));
        return Wait::TooLarge { needs: needs(name_of(at)), most: words::amount(name_of(at), most), node };
    }
    let lacks = |at: usize| lacking(&need, &wanted, |resource| room.free(at)[resource], name_of);
    let nearest = large.iter().min_by_key(|(at, group)| (lacks(*at), first(group)));
    let Some((group_at, group)) = nearest else { return Wait::Nowhere { needs: needs(scarcest) } };
    let resource = lacks(*group_at).place;
    let name = name_of(resource);
    let mut holders: BTreeMap<&str, i64> = BTreeMap::new();
    for shape in &group.pods {
        let held = room.asked(*shape)[resource];
        if held > 0 {
            *holders.entry(&picture.shapes[*shape].team).or_default() += held;
        }
    }
    let mut holders: Vec<_> = holders.into_iter().collect();
    holders.sort_by_key(|(team, held)| (Reverse(*held), *team));
    Wait::Held {
        needs: if name == super::picture::PODS { "a place for a Pod".to_owned() } else { needs(name) },
        node: first(group).to_owned(),
        free: words::amount(name, room.free(*group_at)[resource].max(0)),
        all: words::amount(name, all(group, resource)),
        holders: holders.into_iter().map(|(team, held)| (team.to_owned(), words::amount(name, held))).collect(),
    }
}

/// The first of a group's nodes by name.
fn first(group: &Group) -> &str {
    group.names.iter().min().map_or("", String::as_str)
}

/// How far something is from being enough: how many resources lack, how far (in thousandths) the one that is said, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lack {
    count: usize,
    share: i64,
    place: usize,
}

fn lacking<'a>(need: &Need, wanted: &[&str], has: impl Fn(usize) -> i64, name_of: impl Fn(usize) -> &'a str) -> Lack {
    let rank = |at: usize| wanted.iter().position(|name| *name == name_of(at)).unwrap_or(usize::MAX);
    let lack = || need.iter().copied().filter(|(at, amount)| has(*at) < *amount);
    let (place, amount) = lack().min_by_key(|(at, _)| rank(*at)).unwrap_or_default();
    let share = (amount - has(place)).saturating_mul(1000) / amount.max(1);
    Lack { count: lack().count(), share, place }
}

fn aside(kind: &Kind, ask: &Ask) -> Option<Aside> {
    if !kind.ready {
        return Some(Aside::NotReady);
    }
    if room::is_cordoned(kind, ask) {
        return Some(Aside::Cordoned);
    }
    room::untolerated(kind, ask).map(|taint| {
        let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
        Aside::Tainted(format!("{}{value}", taint.key))
    })
}

/// What a product is called, where one is asked for.
pub(super) fn product<'a>(resource: &str, ask: &'a Ask) -> Option<&'a str> {
    let label = ask.node_selector.get(super::PRODUCT_LABEL)?;
    (resource == GPU).then(|| product_name(label))
}
