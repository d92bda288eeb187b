//! What a Pod as a whole asks of a node, as Kubernetes' scheduler counts it.
//!
//! Init containers run one after another before the others, so the largest of them counts against the sum of those; a sidecar
//! (an init container that restarts always) goes on running, so it counts with both. An amount that is given for the Pod as a
//! whole stands in the place of all that. What the runtime itself needs comes on top.
//!
//! Source: `PodRequests` in `k8s.io/component-helpers/resource` of Kubernetes 1.34, for Pods that are not resized in place.

use std::collections::BTreeMap;

use serde::Deserialize;
use slipway_domain::quantity::Quantity;

/// Amounts by resource name, as written.
pub(super) type Amounts = BTreeMap<Box<str>, Box<str>>;

/// A container, as far as what it asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerSpec {
    #[serde(default)]
    resources: Resources,
    #[serde(default)]
    restart_policy: Box<str>,
}

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Resources {
    #[serde(default)]
    requests: Amounts,
}

/// The sum or the larger of amounts.
#[derive(Debug, Default)]
struct Sum<'a>(BTreeMap<&'a str, Quantity>);

impl<'a> Sum<'a> {
    fn add(&mut self, amounts: &'a Amounts) {
        for (name, amount) in amounts {
            let sum = self.0.entry(name).or_default();
            *sum = sum.plus(read(amount));
        }
    }

    fn rise_to(&mut self, amounts: impl IntoIterator<Item = (&'a str, Quantity)>) {
        for (name, amount) in amounts {
            let most = self.0.entry(name).or_insert(amount);
            *most = (*most).max(amount);
        }
    }
}

/// An amount that is no quantity cannot be in an object that the API server has taken; it is nothing all the same.
fn read(amount: &str) -> Quantity {
    Quantity::parse(amount).unwrap_or_default()
}

/// What a Pod of these parts asks for: each resource once, by name.
pub(super) fn effective(
    containers: &[ContainerSpec],
    before: &[ContainerSpec],
    whole: &Resources,
    overhead: &Amounts,
) -> Vec<(Box<str>, Box<str>)> {
    if let ([one], [], true, true) = (containers, before, whole.requests.is_empty(), overhead.is_empty()) {
        // As most Pods are: what is asked for is what is written.
        return one.resources.requests.iter().map(|(name, amount)| (name.clone(), amount.clone())).collect();
    }
    let mut sum = Sum::default();
    for container in containers {
        sum.add(&container.resources.requests);
    }
    let (mut sidecars, mut largest) = (Sum::default(), Sum::default());
    for container in before {
        if &*container.restart_policy == "Always" {
            sum.add(&container.resources.requests);
            sidecars.add(&container.resources.requests);
            largest.rise_to(sidecars.0.iter().map(|(name, amount)| (*name, *amount)));
        } else {
            // While it runs, so do the sidecars before it.
            let beside = |name: &str| sidecars.0.get(name).copied().unwrap_or_default();
            largest.rise_to(container.resources.requests.iter().map(|(name, amount)| (&**name, read(amount).plus(beside(name)))));
        }
    }
    sum.rise_to(largest.0);
    sum.0.extend(whole.requests.iter().map(|(name, amount)| (&**name, read(amount))));
    sum.add(overhead);
    sum.0.into_iter().map(|(name, amount)| (name.into(), amount.to_string().into())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What a Pod asks for, such as `cpu 2, memory 1Gi`.
    fn asks(containers: &[Value], before: &[Value], whole: &Value, overhead: &Value) -> String {
        let read = |list: &[Value]| list.iter().map(|it| serde_json::from_value(it.clone()).expect("a container")).collect::<Vec<_>>();
        let whole = Resources { requests: serde_json::from_value(whole.clone()).expect("amounts") };
        let overhead = serde_json::from_value(overhead.clone()).expect("amounts");
        let asked = effective(&read(containers), &read(before), &whole, &overhead);
        asked.iter().map(|(name, amount)| format!("{name} {amount}")).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_pod_asks_for_what_the_scheduler_counts() {
        let one = |requests: Value| json!({ "resources": { "requests": requests } });
        let sidecar = |requests: Value| json!({ "resources": { "requests": requests }, "restartPolicy": "Always" });
        let none = json!({});
        for (what, containers, before, whole, overhead, asked) in [
            ("nothing", vec![json!({})], vec![], none.clone(), none.clone(), ""),
            (
                "one container, as written",
                vec![one(json!({ "cpu": "1000m", "nvidia.com/gpu": "2" }))],
                vec![],
                none.clone(),
                none.clone(),
                "cpu 1000m, nvidia.com/gpu 2",
            ),
            (
                "containers are added up",
                vec![one(json!({ "cpu": "500m", "nvidia.com/mig-1g.5gb": "1" })), one(json!({ "cpu": "1", "nvidia.com/mig-1g.5gb": "2" }))],
                vec![],
                none.clone(),
                none.clone(),
                "cpu 1500m, nvidia.com/mig-1g.5gb 3",
            ),
            (
                "an init container counts where it is larger, resource by resource",
                vec![one(json!({ "cpu": "2", "memory": "1Gi" }))],
                vec![one(json!({ "cpu": "1", "memory": "4Gi" })), one(json!({ "cpu": "3", "memory": "2Gi", "nvidia.com/gpu": "1" }))],
                none.clone(),
                none.clone(),
                "cpu 3, memory 4Gi, nvidia.com/gpu 1",
            ),
            (
                "a sidecar counts with the containers",
                vec![one(json!({ "cpu": "2" }))],
                vec![sidecar(json!({ "cpu": "500m", "nvidia.com/gpu": "1" }))],
                none.clone(),
                none.clone(),
                "cpu 2500m, nvidia.com/gpu 1",
            ),
            (
                "a sidecar counts with the init containers after it",
                vec![one(json!({ "cpu": "1" }))],
                vec![one(json!({ "cpu": "3" })), sidecar(json!({ "cpu": "2" })), one(json!({ "cpu": "4" }))],
                none.clone(),
                none.clone(),
                "cpu 6",
            ),
            (
                "an amount of the Pod as a whole stands for its containers'",
                vec![one(json!({ "cpu": "1", "memory": "8Gi" })), one(json!({ "nvidia.com/gpu": "1" }))],
                vec![one(json!({ "cpu": "9" }))],
                json!({ "cpu": "4" }),
                none.clone(),
                "cpu 4, memory 8Gi, nvidia.com/gpu 1",
            ),
            (
                "what the runtime needs comes on top",
                vec![one(json!({ "cpu": "1" }))],
                vec![one(json!({ "cpu": "2" }))],
                none.clone(),
                json!({ "cpu": "250m", "memory": "120Mi" }),
                "cpu 2250m, memory 120Mi",
            ),
        ] {
            assert_eq!(asks(&containers, &before, &whole, &overhead), asked, "{what}");
        }
    }
}
