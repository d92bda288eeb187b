//! How full a quota is: used, allowed, and asked for by runs that wait.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    QuotaFacts,
    impact::Demand,
    resource::{with_unit, words},
};
use crate::quantity::Quantity;

/// One resource of a quota, as a page draws it. The amounts are in one unit, as numbers to draw with and as words to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    /// The quota's name.
    pub quota: String,
    /// The resource's quota name.
    pub resource: String,
    /// The resource in words, such as `GPUs`.
    pub words: String,
    /// The priority class whose Pods alone are counted.
    pub class: Option<String>,
    /// Used, as Kubernetes last counted.
    pub used: f64,
    /// Asked for by runs that wait, as far as the quota would count it.
    pub waiting: f64,
    /// The most.
    pub hard: f64,
    /// `6 of 8 GPUs, 2 waiting`.
    pub label: String,
    /// Whether more is used than allowed: nothing new starts until that much is given back.
    pub over: bool,
}

/// The meters of a team's quotas, in the order of `quotas` and of their names.
pub fn meters(quotas: &[QuotaFacts], demands: &[Demand]) -> Vec<Meter> {
    quotas
        .iter()
        .flat_map(|quota| {
            quota.hard.iter().map(|(resource, hard)| meter(quota, resource, *hard, waiting(quota, demands).get(resource).copied()))
        })
        .collect()
}

fn meter(quota: &QuotaFacts, resource: &str, hard: Quantity, waiting: Option<Quantity>) -> Meter {
    let used = quota.used.get(resource).copied().unwrap_or_default();
    let waiting = waiting.unwrap_or_default();
    let also = if waiting.is_positive() { format!(", {} waiting", with_unit(resource, waiting)) } else { String::new() };
    Meter {
        quota: quota.name.clone(),
        resource: resource.to_owned(),
        words: words(resource),
        class: quota.class().map(str::to_owned),
        used: number(used),
        waiting: number(waiting),
        hard: number(hard),
        label: format!("{} of {}{also}", with_unit(resource, used), with_unit(resource, hard)),
        over: used.minus(hard).is_positive(),
    }
}

/// What waiting runs ask of a quota. Their Pods that wait for a node are counted as used already; what is meant here are those
/// that have none, because a quota refuses them.
fn waiting(quota: &QuotaFacts, demands: &[Demand]) -> BTreeMap<String, Quantity> {
    let mut sums: BTreeMap<String, Quantity> = BTreeMap::new();
    for demand in demands.iter().filter(|demand| !demand.counted && demand.is_counted_by(quota.class())) {
        for (resource, amount) in &demand.usage {
            let sum = sums.entry(resource.clone()).or_default();
            *sum = sum.plus(*amount);
        }
    }
    sums
}

/// An amount as a number to draw with: its thousandths are exact, and far below 2^53 for what a cluster has.
#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than it can show")]
fn number(amount: Quantity) -> f64 {
    amount.as_millis() as f64 / 1000.0
}
