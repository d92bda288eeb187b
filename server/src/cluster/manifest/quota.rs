//! A team's quota as an object, with the marks of what was granted on top of it for a while.
//!
//! A grant leaves an annotation on the quota in the same write that adds to its amounts. Whether a grant is in the quota can
//! therefore be read from the quota, whatever Slipway remembers: giving and taking back can be tried again after any crash.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{ResourceQuota, ResourceQuotaSpec, ScopeSelector, ScopedResourceSelectorRequirement},
    apimachinery::pkg::{api::resource, apis::meta::v1::ObjectMeta},
};
use slipway_domain::{
    limit::Amounts,
    quantity::Quantity,
    quota::{form::QuotaChange, request::Request},
    team::TeamName,
};

/// What precedes a request's id in the annotation of its grant; the value is `RESOURCE=AMOUNT`.
const GRANT: &str = "slipway.dev/grant-";

/// The object that a change means. Grants that are in what is `there` stay marked.
pub fn quota(change: &QuotaChange, there: Option<&ResourceQuota>) -> ResourceQuota {
    let scope = change.class.as_ref().map(|class| ScopeSelector {
        match_expressions: Some(vec![ScopedResourceSelectorRequirement {
            scope_name: "PriorityClass".to_owned(),
            operator: "In".to_owned(),
            values: Some(vec![class.to_string()]),
        }]),
    });
    let spec = ResourceQuotaSpec { hard: Some(amounts(&change.hard)), scope_selector: scope, scopes: None };
    object(&change.team, change.name.as_str(), spec, there.map(grants).unwrap_or_default())
}

/// What is `there` with a grant in it; none where it is in it already, or where the quota does not limit the resource.
pub fn granted(there: &ResourceQuota, request: &Request) -> Option<ResourceQuota> {
    let mark = mark(request);
    if grants(there).contains_key(&mark) {
        return None;
    }
    let mut grants = grants(there);
    grants.insert(mark, format!("{}={}", request.resource, request.amount));
    changed(there, request, grants, Quantity::plus)
}

/// What is `there` with a grant taken out; none where it is not in it. Where an admin has set less meanwhile, nothing is left
/// rather than less than nothing.
pub fn taken_back(there: &ResourceQuota, request: &Request) -> Option<ResourceQuota> {
    let mut grants = grants(there);
    grants.remove(&mark(request))?;
    changed(there, request, grants.clone(), |had, amount| {
        let left = had.minus(amount);
        if left.is_positive() { left } else { Quantity::ZERO }
    })
    .or_else(|| Some(object(&request.team, &request.quota, there.spec.clone().unwrap_or_default(), grants)))
}

fn changed(
    there: &ResourceQuota,
    request: &Request,
    grants: BTreeMap<String, String>,
    how: impl Fn(Quantity, Quantity) -> Quantity,
) -> Option<ResourceQuota> {
    let mut spec = there.spec.clone().unwrap_or_default();
    let had = spec.hard.as_mut()?.get_mut(&request.resource)?;
    *had = resource::Quantity(how(Quantity::parse(&had.0).ok()?, request.amount).to_string());
    Some(object(&request.team, &request.quota, spec, grants))
}

fn object(team: &TeamName, name: &str, spec: ResourceQuotaSpec, grants: BTreeMap<String, String>) -> ResourceQuota {
    ResourceQuota {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(team.to_string()),
            annotations: (!grants.is_empty()).then_some(grants),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}

fn mark(request: &Request) -> String {
    format!("{GRANT}{}", request.id.0)
}

fn grants(there: &ResourceQuota) -> BTreeMap<String, String> {
    let annotations = there.metadata.annotations.iter().flatten();
    annotations.filter(|(name, _)| name.starts_with(GRANT)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Amounts as Kubernetes writes them.
pub(super) fn amounts(of: &Amounts) -> BTreeMap<String, resource::Quantity> {
    of.iter().map(|(name, amount)| (name.clone(), resource::Quantity(amount.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use slipway_domain::{
        name::DnsLabel,
        person::{PersonId, PersonName},
        quota::request::{RequestId, RequestState},
    };

    use super::*;

    fn there(gpus: &str, class: Option<&str>) -> ResourceQuota {
        let change = QuotaChange {
            team: TeamName::parse("vision").unwrap(),
            name: DnsLabel::parse("team").unwrap(),
            class: class.map(|class| DnsLabel::parse(class).unwrap()),
            hard: Amounts::from([
                ("requests.nvidia.com/gpu".to_owned(), Quantity::parse(gpus).unwrap()),
                ("requests.memory".to_owned(), Quantity::parse("64Gi").unwrap()),
            ]),
            seen: String::new(),
        };
        quota(&change, None)
    }

    fn request(amount: u64) -> Request {
        Request {
            id: RequestId("0192".into()),
            team: TeamName::parse("vision").unwrap(),
            quota: "team".into(),
            resource: "requests.nvidia.com/gpu".into(),
            amount: Quantity::units(amount),
            until: Timestamp::UNIX_EPOCH,
            why: "a deadline".into(),
            by: PersonName::parse("mina").unwrap(),
            made_by: PersonId("1".into()),
            asked: Timestamp::UNIX_EPOCH,
            state: RequestState::Asked,
            trouble: None,
        }
    }

    fn gpus(quota: &ResourceQuota) -> &str {
        &quota.spec.as_ref().unwrap().hard.as_ref().unwrap()["requests.nvidia.com/gpu"].0
    }

    #[test]
    fn a_quota_is_the_object_that_says_so() {
        let yaml = serde_json::to_value(there("4", Some("training"))).unwrap();
        assert_eq!(
            yaml,
            serde_json::json!({
                "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "team", "namespace": "vision" },
                "spec": {
                    "hard": { "requests.memory": "64Gi", "requests.nvidia.com/gpu": "4" },
                    "scopeSelector": { "matchExpressions": [{ "scopeName": "PriorityClass", "operator": "In", "values": ["training"] }] },
                },
            })
        );
    }

    #[test]
    fn a_grant_is_given_once_and_taken_back_once_and_what_changed_meanwhile_stays() {
        let given = granted(&there("4", None), &request(2)).expect("it is given");
        assert_eq!(gpus(&given), "6");
        assert_eq!(granted(&given, &request(2)), None, "it was given twice");
        let set = quota(
            &QuotaChange {
                team: TeamName::parse("vision").unwrap(),
                name: DnsLabel::parse("team").unwrap(),
                class: None,
                hard: Amounts::from([("requests.nvidia.com/gpu".to_owned(), Quantity::units(9))]),
                seen: String::new(),
            },
            Some(&given),
        );
        let taken = taken_back(&set, &request(2)).expect("it is taken back");
        assert_eq!(gpus(&taken), "7");
        assert_eq!(taken_back(&taken, &request(2)), None, "it was taken back twice");
    }

    #[test]
    fn what_an_admin_has_set_below_a_grant_ends_at_nothing() {
        let mut given = granted(&there("4", None), &request(2)).expect("it is given");
        given.spec.as_mut().unwrap().hard.as_mut().unwrap().insert("requests.nvidia.com/gpu".into(), resource::Quantity("1".into()));
        assert_eq!(gpus(&taken_back(&given, &request(2)).expect("it is taken back")), "0");
        given.spec.as_mut().unwrap().hard.as_mut().unwrap().remove("requests.nvidia.com/gpu");
        let unmarked = taken_back(&given, &request(2)).expect("its mark goes");
        assert_eq!(unmarked.metadata.annotations, None);
    }
}
