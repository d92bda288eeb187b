//! A node: what the domain draws it from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use slipway_domain::node::{NodeFacts, Pressure};

use super::Condition;

/// A node, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct NodeObject {
    pub metadata: NodeMeta,
    #[serde(default)]
    spec: NodeSpec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct NodeMeta {
    pub name: Box<str>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    creation_timestamp: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
struct NodeSpec {
    #[serde(default)]
    unschedulable: bool,
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Debug, Deserialize)]
struct Taint {
    key: String,
    #[serde(default)]
    value: String,
    effect: String,
}

#[derive(Debug, Default, Deserialize)]
struct NodeStatus {
    #[serde(default)]
    allocatable: BTreeMap<String, String>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

impl NodeObject {
    pub fn into_facts(self) -> NodeFacts {
        let conditions = self.status.conditions;
        let ready = conditions.iter().find(|condition| &*condition.kind == "Ready");
        let is_ready = ready.is_some_and(|condition| condition.is_true("Ready"));
        NodeFacts {
            name: self.metadata.name.into_string(),
            labels: self.metadata.labels,
            allocatable: self.status.allocatable,
            taints: self.spec.taints.iter().map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect)).collect(),
            cordoned: self.spec.unschedulable,
            ready: is_ready,
            unready: match ready {
                _ if is_ready => String::new(),
                Some(condition) => condition.message.to_string(),
                None => "Its agent has not said yet how it is".to_owned(),
            },
            since: ready.and_then(|condition| condition.last_transition_time),
            heard: ready.and_then(|condition| condition.last_heartbeat_time),
            created: self.metadata.creation_timestamp,
            pressures: Pressure::ALL
                .into_iter()
                .filter(|pressure| conditions.iter().any(|condition| condition.is_true(pressure.condition())))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn facts(node: Value) -> NodeFacts {
        serde_json::from_value::<NodeObject>(node).expect("a node").into_facts()
    }

    #[test]
    fn a_node_says_how_it_is_and_since_when() {
        let condition = |kind: &str, status: &str, message: &str| {
            json!({
                "type": kind, "status": status, "reason": "r", "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z", "lastHeartbeatTime": "2026-01-02T00:00:00Z",
            })
        };
        let node = |conditions: &[Value]| {
            json!({
                "metadata": { "name": "gpu-a", "creationTimestamp": "2025-01-01T00:00:00Z" },
                "spec": { "taints": [{ "key": "a", "value": "b", "effect": "NoSchedule" }, { "key": "c", "effect": "NoExecute" }] },
                "status": { "conditions": conditions },
            })
        };
        let well = facts(node(&[
            condition("MemoryPressure", "False", ""),
            condition("PIDPressure", "True", ""),
            condition("Ready", "True", "posts ready status"),
        ]));
        assert_eq!((well.ready, well.unready.as_str(), well.pressures), (true, "", vec![Pressure::Pids]));
        assert_eq!(well.taints, ["a=b:NoSchedule", "c=:NoExecute"]);
        let times = [well.created, well.since, well.heard].map(|at| at.map(|at| at.to_string()).unwrap_or_default());
        assert_eq!(times, ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]);

        let silent = facts(node(&[condition("Ready", "Unknown", "Kubelet stopped posting node status.")]));
        assert_eq!((silent.ready, silent.unready.as_str()), (false, "Kubelet stopped posting node status."));
        assert_eq!(facts(node(&[])).unready, "Its agent has not said yet how it is");
    }
}
