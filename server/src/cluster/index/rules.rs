//! The rules that admission holds Pods against: quotas, limits and priority classes, as the domain's facts.

use std::collections::BTreeMap;

use serde::Deserialize;
use slipway_domain::{
    limit::{LimitFacts, LimitItem},
    priority::PriorityFacts,
    quantity::Quantity,
    quota::{QuotaFacts, Scope},
    team::TeamName,
};

use super::{super::watch::Watched, Change, Index, Kind};
use crate::clock::Clock;

/// The metadata that is read of a rule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleMeta {
    name: Box<str>,
    #[serde(default)]
    namespace: Box<str>,
    #[serde(default)]
    resource_version: String,
}

impl RuleMeta {
    fn key(&self) -> Box<str> {
        format!("{}/{}", self.namespace, self.name).into()
    }
}

/// Amounts by resource name, as written.
type Amounts = BTreeMap<String, String>;

/// An amount that is no quantity cannot be in an object that the API server has taken; it is left out all the same.
fn read(amounts: Amounts) -> BTreeMap<String, Quantity> {
    amounts.into_iter().filter_map(|(name, amount)| Some((name, Quantity::parse(&amount).ok()?))).collect()
}

/// A ResourceQuota, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct QuotaObject {
    metadata: RuleMeta,
    #[serde(default)]
    spec: QuotaSpec,
    #[serde(default)]
    status: QuotaStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuotaSpec {
    #[serde(default)]
    hard: Amounts,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    scope_selector: ScopeSelector,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSelector {
    #[serde(default)]
    match_expressions: Vec<ScopeExpression>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeExpression {
    scope_name: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct QuotaStatus {
    #[serde(default)]
    used: Amounts,
}

impl QuotaObject {
    pub(in crate::cluster) fn into_facts(self) -> Option<QuotaFacts> {
        let plain = self.spec.scopes.into_iter().map(|name| Scope { name, operator: "Exists".to_owned(), values: Vec::new() });
        let selected = self.spec.scope_selector.match_expressions.into_iter().map(|expression| Scope {
            name: expression.scope_name,
            operator: expression.operator,
            values: expression.values,
        });
        Some(QuotaFacts {
            team: TeamName::parse(&self.metadata.namespace).ok()?,
            name: self.metadata.name.into(),
            hard: read(self.spec.hard),
            used: read(self.status.used),
            scopes: plain.chain(selected).collect(),
            version: self.metadata.resource_version,
        })
    }
}

/// A LimitRange, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct LimitRangeObject {
    metadata: RuleMeta,
    #[serde(default)]
    spec: LimitRangeSpec,
}

#[derive(Debug, Default, Deserialize)]
struct LimitRangeSpec {
    #[serde(default)]
    limits: Vec<LimitRangeItem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LimitRangeItem {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    max: Amounts,
    #[serde(default)]
    min: Amounts,
    #[serde(default)]
    default: Amounts,
    #[serde(default)]
    default_request: Amounts,
    #[serde(default)]
    max_limit_request_ratio: Amounts,
}

impl LimitRangeObject {
    pub(in crate::cluster) fn into_facts(self) -> Option<LimitFacts> {
        let item = |item: LimitRangeItem| LimitItem {
            kind: item.kind,
            max: read(item.max),
            min: read(item.min),
            default: read(item.default),
            default_request: read(item.default_request),
            max_ratio: read(item.max_limit_request_ratio),
        };
        Some(LimitFacts {
            team: TeamName::parse(&self.metadata.namespace).ok()?,
            name: self.metadata.name.into(),
            items: self.spec.limits.into_iter().map(item).collect(),
            version: self.metadata.resource_version,
        })
    }
}

/// A PriorityClass, as read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct PriorityClassObject {
    metadata: RuleMeta,
    value: i32,
    #[serde(default)]
    global_default: bool,
    #[serde(default)]
    preemption_policy: Option<String>,
    #[serde(default)]
    description: String,
}

impl PriorityClassObject {
    pub(in crate::cluster) fn into_facts(self) -> PriorityFacts {
        PriorityFacts {
            name: self.metadata.name.into(),
            value: self.value,
            global_default: self.global_default,
            preempts: self.preemption_policy.as_deref() != Some("Never"),
            description: self.description,
        }
    }
}

impl Index {
    /// A team's quotas, by name.
    pub fn quotas(&self, team: &TeamName) -> Vec<QuotaFacts> {
        self.lock().quotas.values().filter(|quota| quota.team == *team).cloned().collect()
    }

    /// A team's limits, by name.
    pub fn limits(&self, team: &TeamName) -> Vec<LimitFacts> {
        self.lock().limits.values().filter(|limit| limit.team == *team).cloned().collect()
    }

    /// Every priority class, highest first, the system's own among them.
    pub fn priorities(&self) -> Vec<PriorityFacts> {
        let mut classes: Vec<_> = self.lock().priorities.values().cloned().collect();
        classes.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.name.cmp(&b.name)));
        classes
    }
}

impl Watched for QuotaObject {
    const KIND: Kind = Kind::Quotas;
    const PATH: &'static str = "/api/v1/resourcequotas";

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let quotas = objects.into_iter().filter_map(|object| Some((object.metadata.key(), object.into_facts()?)));
        index.lock().quotas = quotas.collect();
        index.tell(Change::Rules);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let key = object.metadata.key();
        if let Some(facts) = object.into_facts() {
            index.lock().quotas.insert(key, facts);
            index.tell(Change::Rules);
        }
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        index.lock().quotas.remove(&object.metadata.key());
        index.tell(Change::Rules);
    }
}

impl Watched for LimitRangeObject {
    const KIND: Kind = Kind::LimitRanges;
    const PATH: &'static str = "/api/v1/limitranges";

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let limits = objects.into_iter().filter_map(|object| Some((object.metadata.key(), object.into_facts()?)));
        index.lock().limits = limits.collect();
        index.tell(Change::Rules);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let key = object.metadata.key();
        if let Some(facts) = object.into_facts() {
            index.lock().limits.insert(key, facts);
            index.tell(Change::Rules);
        }
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        index.lock().limits.remove(&object.metadata.key());
        index.tell(Change::Rules);
    }
}

impl Watched for PriorityClassObject {
    const KIND: Kind = Kind::PriorityClasses;
    const PATH: &'static str = "/apis/scheduling.k8s.io/v1/priorityclasses";

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        index.lock().priorities = objects.into_iter().map(|object| (object.metadata.name.clone(), object.into_facts())).collect();
        index.tell(Change::Rules);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        index.lock().priorities.insert(object.metadata.name.clone(), object.into_facts());
        index.tell(Change::Rules);
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        index.lock().priorities.remove(&object.metadata.name);
        index.tell(Change::Rules);
    }
}
