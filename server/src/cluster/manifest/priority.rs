//! A priority class as an object.

use k8s_openapi::{api::scheduling::v1::PriorityClass, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use slipway_domain::priority::PriorityFacts;

/// The object that says so.
pub fn priority(class: &PriorityFacts) -> PriorityClass {
    PriorityClass {
        metadata: ObjectMeta { name: Some(class.name.clone()), ..ObjectMeta::default() },
        value: class.value,
        global_default: class.global_default.then_some(true),
        preemption_policy: Some(if class.preempts { "PreemptLowerPriority" } else { "Never" }.to_owned()),
        description: (!class.description.is_empty()).then(|| class.description.clone()),
    }
}
