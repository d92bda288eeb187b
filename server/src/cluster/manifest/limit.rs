//! A team's limits as an object.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{LimitRange, LimitRangeItem, LimitRangeSpec},
    apimachinery::pkg::{api::resource, apis::meta::v1::ObjectMeta},
};
use slipway_domain::limit::{Amounts, LimitItem, form::LimitChange};

/// The object that a change means.
pub fn limit(change: &LimitChange) -> LimitRange {
    LimitRange {
        metadata: ObjectMeta { name: Some(change.name.to_string()), namespace: Some(change.team.to_string()), ..ObjectMeta::default() },
        spec: Some(LimitRangeSpec { limits: change.items.iter().map(item).collect() }),
    }
}

fn item(item: &LimitItem) -> LimitRangeItem {
    let amounts = |of: &Amounts| -> Option<BTreeMap<String, resource::Quantity>> { (!of.is_empty()).then(|| super::quota::amounts(of)) };
    LimitRangeItem {
        type_: item.kind.clone(),
        max: amounts(&item.max),
        min: amounts(&item.min),
        default: amounts(&item.default),
        default_request: amounts(&item.default_request),
        max_limit_request_ratio: amounts(&item.max_ratio),
    }
}
