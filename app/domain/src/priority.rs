//! Priority classes: who goes first, and who makes way.
//!
//! A class's value and whether it preempts can never be changed in Kubernetes, so that a change of either is a [`Plan`]: the class
//! is deleted and made anew, and what refers to it is named before.

pub mod form;

use serde::{Deserialize, Serialize};

/// A `PriorityClass` as the cluster has it. Its value and whether it preempts can never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityFacts {
    /// Its name, the same in the whole cluster.
    pub name: String,
    /// Higher goes first; at most 1,000,000,000 for anybody's but the system's.
    pub value: i32,
    /// Whether Pods that name no class get it.
    pub global_default: bool,
    /// Whether its Pods displace others of lower priority (`preemptionPolicy` is not `Never`).
    pub preempts: bool,
    /// What it is for, in words.
    pub description: String,
}

/// The highest value that is not the system's own.
pub const HIGHEST: i32 = 1_000_000_000;

impl PriorityFacts {
    /// Whether it belongs to Kubernetes itself.
    pub fn is_systems(&self) -> bool {
        self.name.starts_with("system-")
    }

    /// What it says, as one text. A form carries it, so that a change made meanwhile is noticed; the description is in quotes,
    /// because a form drops spaces at the end and changes the ends of lines.
    pub fn seen(&self) -> String {
        format!("{} {} {} {:?}", self.value, self.global_default, self.preempts, self.description)
    }
}

/// What making a class what a form says takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// There is none of that name.
    Make,
    /// Only what can change changes.
    Change,
    /// It says so already.
    Nothing,
    /// It has to be deleted and made anew.
    Replace {
        /// What makes it so, and what will happen, in sentences.
        steps: Vec<String>,
    },
}

/// What making a class what `after` says takes; `runs` are the names of runs that refer to it and have not ended.
pub fn plan(before: Option<&PriorityFacts>, after: &PriorityFacts, runs: &[String]) -> Plan {
    let Some(before) = before else { return Plan::Make };
    if before == after {
        return Plan::Nothing;
    }
    if before.value == after.value && before.preempts == after.preempts {
        return Plan::Change;
    }
    let mut steps = vec![match (before.value == after.value, before.preempts == after.preempts) {
        (false, _) => format!("Kubernetes never changes a class's value, here from {} to {}", before.value, after.value),
        (true, _) => "Kubernetes never changes whether a class preempts".to_owned(),
    }];
    steps.push(format!("{} is deleted and made anew a moment later; a Pod that is made in between is refused and tried again", after.name));
    steps.push(match runs {
        [] => "No run of Slipway's that has not ended refers to it".to_owned(),
        runs => format!(
            "Pods that exist keep the priority {} for as long as they live; new Pods of these runs get {}: {}",
            before.value,
            after.value,
            runs.join(", ")
        ),
    });
    if before.global_default {
        steps.push("It is the cluster's default: Pods that name no class and are made in between get priority 0 for good".to_owned());
    }
    Plan::Replace { steps }
}
