//! What a change of a quota would do, said before it is made.
//!
//! Kubernetes never takes away what is in use: it counts, and refuses what is new. So a quota below what is used stops nobody, and
//! lets nobody start; and a quota for CPU or memory refuses every container that does not state them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    QuotaFacts,
    form::QuotaChange,
    resource::{with_unit, words},
};
use crate::{
    limit::{Amounts, CONTAINER, LimitFacts, effective},
    quantity::Quantity,
    resources::Resources,
};

/// What a run asks of its team's quotas.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// The run's name.
    pub run: String,
    /// Who launched it.
    pub who: String,
    /// Its priority class: the one named, or the cluster's default where none is.
    pub class: Option<String>,
    /// What its Pod is counted as, by quota name.
    pub usage: Amounts,
    /// Whether it has a Pod now, which Kubernetes counts as used.
    pub counted: bool,
}

impl Demand {
    /// Whether a quota of this priority class, or of all, counts it.
    pub fn is_counted_by(&self, class: Option<&str>) -> bool {
        class.is_none_or(|class| self.class.as_deref() == Some(class))
    }
}

/// What a Pod with one container of these resources is counted as, by quota name.
pub fn usage(resources: &Resources) -> Amounts {
    let one = Quantity::units(1);
    let mut usage = Amounts::from([("pods".to_owned(), one), ("count/pods".to_owned(), one)]);
    for name in ["cpu", "requests.cpu", "limits.cpu"] {
        usage.insert(name.to_owned(), resources.cpu);
    }
    for name in ["memory", "requests.memory", "limits.memory"] {
        usage.insert(name.to_owned(), resources.memory);
    }
    if let Some((resource, count)) = resources.gpu.resource() {
        usage.insert(format!("requests.{resource}"), Quantity::units(count.get().into()));
    }
    usage
}

/// How much an effect matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Somebody's Pods would be refused.
    Refuses,
    /// Something that is easily overlooked.
    Trap,
    /// Worth knowing.
    Note,
}

/// One thing that a change would do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Effect {
    /// How much it matters.
    pub weight: Weight,
    /// What it is, in a sentence.
    pub sentence: String,
}

/// What a change would do: `before` is what is there now, `demands` are the team's runs that have not ended.
pub fn impact(before: Option<&QuotaFacts>, after: &QuotaChange, demands: &[Demand], limits: &[LimitFacts]) -> Vec<Effect> {
    let class = after.class.as_ref().map(crate::name::DnsLabel::as_str);
    let demands: Vec<&Demand> = demands.iter().filter(|demand| demand.is_counted_by(class)).collect();
    let mut effects = Vec::new();
    let mut say = |weight: Weight, sentence: String| effects.push(Effect { weight, sentence });
    for (resource, hard) in &after.hard {
        let was = before.and_then(|facts| facts.hard.get(resource));
        if was.is_some_and(|was| is_same(*was, *hard)) && !is_over(before, resource, *hard) {
            continue;
        }
        let held: Vec<(&Demand, Quantity)> = asking(&demands, resource, true);
        let sum = held.iter().fold(Quantity::ZERO, |sum, (_, amount)| sum.plus(*amount));
        // Kubernetes has counted what the quota limits already; what it does not yet limit, only the runs tell.
        let used = before.and_then(|facts| facts.used.get(resource)).copied().unwrap_or(sum);
        let over = used.minus(*hard);
        if over.is_positive() {
            say(
                Weight::Refuses,
                format!(
                    "{} in use, {} allowed: nothing that runs is stopped, but nothing that asks for {} starts until {} are given back; {}",
                    with_unit(resource, used),
                    with_unit(resource, *hard),
                    words(resource),
                    with_unit(resource, over),
                    holders(resource, &held)
                ),
            );
        }
        let refused: Vec<String> = asking(&demands, resource, false)
            .into_iter()
            .filter(|(_, amount)| used.plus(*amount).minus(*hard).is_positive())
            .map(|(demand, amount)| format!("{} ({}) asks for {}", demand.run, demand.who, with_unit(resource, amount)))
            .collect();
        if !refused.is_empty() && !over.is_positive() {
            say(Weight::Refuses, format!("{} left would not be enough: {}", with_unit(resource, hard.minus(used)), refused.join(", ")));
        }
        if !hard.is_positive() {
            say(Weight::Note, format!("0 means none at all: every Pod that asks for {} is refused", words(resource)));
        }
    }
    for resource in unstated(after, limits) {
        let covered_before = before.is_some_and(|facts| facts.hard.contains_key(&resource));
        if !covered_before {
            say(
                Weight::Trap,
                format!(
                    "Every container has to state {resource} from then on, and the team's limits have no default for it: whoever does not is \
                     refused with \"failed quota: {}: must specify {resource}\". Slipway's runs state it; operators and notebooks often do not",
                    after.name
                ),
            );
        }
    }
    if let Some(facts) = before {
        for resource in facts.hard.keys().filter(|resource| !after.hard.contains_key(*resource)) {
            say(Weight::Note, format!("{} would no longer be limited by this quota", super::resource::capital(&words(resource))));
        }
    }
    effects.sort();
    effects
}

fn is_same(a: Quantity, b: Quantity) -> bool {
    !a.minus(b).is_positive() && !b.minus(a).is_positive()
}

fn is_over(before: Option<&QuotaFacts>, resource: &str, hard: Quantity) -> bool {
    before.and_then(|facts| facts.used.get(resource)).is_some_and(|used| used.minus(hard).is_positive())
}

/// The runs that ask for something, with how much: those that have a Pod, or those that wait for one.
fn asking<'a>(demands: &[&'a Demand], resource: &str, counted: bool) -> Vec<(&'a Demand, Quantity)> {
    let of = demands.iter().filter(|demand| demand.counted == counted);
    let mut asking: Vec<_> =
        of.filter_map(|demand| Some((*demand, *demand.usage.get(resource)?))).filter(|(_, amount)| amount.is_positive()).collect();
    asking.sort_by(|(a, x), (b, y)| y.as_millis().cmp(&x.as_millis()).then_with(|| a.run.cmp(&b.run)));
    asking
}

/// Who holds it, most first: three by name.
fn holders(resource: &str, held: &[(&Demand, Quantity)]) -> String {
    if held.is_empty() {
        return "it is held by Pods that are no runs of Slipway's".to_owned();
    }
    let named: Vec<String> = held
        .iter()
        .take(3)
        .map(|(demand, amount)| format!("{} ({}) holds {}", demand.run, demand.who, with_unit(resource, *amount)))
        .collect();
    let more = held.len() - named.len();
    let rest = if more == 0 { String::new() } else { format!(", and {more} more runs hold the rest") };
    format!("{}{rest}", named.join(", "))
}

/// Resources that the quota makes every container state, and for which the team's limits have no default.
fn unstated(after: &QuotaChange, limits: &[LimitFacts]) -> Vec<String> {
    let items = limits.iter().flat_map(|range| &range.items).filter(|item| item.kind == CONTAINER).map(effective).collect::<Vec<_>>();
    let has =
        |of: fn(&crate::limit::LimitItem) -> &BTreeMap<String, Quantity>, name: &str| items.iter().any(|item| of(item).contains_key(name));
    let stated = |resource: &str| match resource {
        "cpu" | "requests.cpu" => Some(has(|item| &item.default_request, "cpu")),
        "memory" | "requests.memory" => Some(has(|item| &item.default_request, "memory")),
        "limits.cpu" => Some(has(|item| &item.default, "cpu")),
        "limits.memory" => Some(has(|item| &item.default, "memory")),
        _ => None,
    };
    after.hard.keys().filter(|resource| stated(resource) == Some(false)).cloned().collect()
}

#[cfg(test)]
mod tests;
