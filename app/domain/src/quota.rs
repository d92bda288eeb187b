//! A team's quotas: what Kubernetes lets all of its Pods have together.
//!
//! [`resource`] is what can be limited, [`form`] how a person writes a quota, [`meter`] how full it is, [`impact`] what a change
//! would break, [`request`] how an engineer gets more for a while, and [`view`] what the pages are given.

pub mod form;
pub mod impact;
pub mod meter;
pub mod request;
pub mod resource;
pub mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{quantity::Quantity, team::TeamName};

/// A `ResourceQuota` as the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaFacts {
    /// Whose it is.
    pub team: TeamName,
    /// Its name in the namespace.
    pub name: String,
    /// The most of each, by quota name such as `requests.nvidia.com/gpu`.
    pub hard: BTreeMap<String, Quantity>,
    /// What of each is used, as Kubernetes last counted.
    pub used: BTreeMap<String, Quantity>,
    /// Which Pods it counts; none means all.
    pub scopes: Vec<Scope>,
    /// The version that was read (`metadata.resourceVersion`), for a change that must not overwrite another's.
    pub version: String,
}

impl QuotaFacts {
    /// What it limits, as one text: two that say the same limit the same. A form carries it, so that a change made meanwhile is
    /// noticed although Kubernetes gives a quota a new version each time that a Pod comes or goes.
    pub fn seen(&self) -> String {
        let amounts = self.hard.iter().map(|(resource, amount)| format!("{resource}={amount}"));
        let scopes = self.scopes.iter().map(|scope| format!("{} {} ({})", scope.name, scope.operator, scope.values.join("|")));
        amounts.chain(scopes).collect::<Vec<_>>().join(",")
    }

    /// The priority class whose Pods alone it counts; none where it counts all, or where its scope is another.
    pub fn class(&self) -> Option<&str> {
        match self.scopes.as_slice() {
            [Scope { name, operator, values }] if name == "PriorityClass" && operator == "In" && values.len() == 1 => Some(&values[0]),
            _ => None,
        }
    }

    /// Whether a form can hold its scope: none, or one priority class.
    pub fn is_plain(&self) -> bool {
        self.scopes.is_empty() || self.class().is_some()
    }
}

/// A condition on the Pods that a quota counts (`scopes` and `scopeSelector` alike).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Such as `PriorityClass` or `NotTerminating`.
    pub name: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// What it is compared with.
    pub values: Vec<String>,
}
