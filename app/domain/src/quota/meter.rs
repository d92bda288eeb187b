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
        label: format!("{}{also}", share(&with_unit(resource, used), &with_unit(resource, hard))),
        over: used.minus(hard).is_positive(),
    }
}

/// `6 of 8 GPUs`: a unit that both have is said once.
fn share(used: &str, hard: &str) -> String {
    let unit = |text: &str| text.rsplit_once(' ').map(|(number, unit)| (number.to_owned(), unit.trim_end_matches('s').to_owned()));
    match (unit(used), unit(hard)) {
        (Some((number, one)), Some((_, other))) if one == other => format!("{number} of {hard}"),
        (Some(_) | None, Some(_) | None) => format!("{used} of {hard}"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limit::Amounts, quota::Scope, team::TeamName};

    #[test]
    fn a_meter_says_what_is_used_and_what_waits_in_one_unit() {
        let amounts = |gpus: u64| Amounts::from([("requests.nvidia.com/gpu".to_owned(), Quantity::units(gpus))]);
        let scope = Scope { name: "PriorityClass".into(), operator: "In".into(), values: vec!["training".into()] };
        let team = TeamName::parse("vision").expect("a name");
        let quota = QuotaFacts { team, name: "q".into(), hard: amounts(4), used: amounts(6), scopes: vec![scope], version: "1".into() };
        let waits = |class: Option<&str>, counted: bool| Demand {
            run: "bert".into(),
            who: "mina".into(),
            class: class.map(str::to_owned),
            usage: amounts(2),
            counted,
        };
        // One has a Pod, which is used already, and one is of no class that this quota counts.
        let demands = [waits(Some("training"), false), waits(Some("training"), true), waits(None, false)];
        let meters = meters(&[quota], &demands);
        let [meter] = meters.as_slice() else { panic!("{meters:?}") };
        assert_eq!(meter.label, "6 of 4 GPUs, 2 GPUs waiting");
        assert!(meter.over);
        let drawn = [meter.used, meter.waiting, meter.hard].map(|amount| amount.to_string());
        assert_eq!(drawn, ["6", "2", "4"]);
    }
}
