//! What the admission plugin `LimitRanger` does to a Pod's container: first it fills in what the container does not state, then it
//! holds the result against the bounds. The order, the comparisons and the texts are those of Kubernetes 1.34, so that what is
//! said before a launch is what the API server would say.

use std::collections::BTreeMap;

use super::{CONTAINER, LimitFacts, LimitItem, POD};
use crate::quantity::Quantity;

/// Amounts by resource name, such as `cpu` → `500m`.
pub type Amounts = BTreeMap<String, Quantity>;

/// What a container has after the API server has filled in what it does not state: its requests and its limits.
///
/// A limit without a request is its request, too; that comes before the `LimitRange`s, so that a stated limit is never paired with
/// a default request. Where two `LimitRange`s have a default for the same resource, Kubernetes takes either: here it is the first.
pub fn defaulted(requests: &Amounts, limits: &Amounts, ranges: &[LimitFacts]) -> (Amounts, Amounts) {
    let (mut requests, mut limits) = (requests.clone(), limits.clone());
    fill(&mut requests, &limits);
    for range in ranges {
        for item in containers(range) {
            let item = super::effective(item);
            fill(&mut limits, &item.default);
            fill(&mut requests, &item.default_request);
        }
    }
    (requests, limits)
}

/// What the team's `LimitRange`s forbid about a Pod of one container with these requests and limits, as [`defaulted`] gives them,
/// in Kubernetes' own words. None where the Pod is let in.
pub fn violations(requests: &Amounts, limits: &Amounts, ranges: &[LimitFacts]) -> Vec<String> {
    let mut said = Vec::new();
    for item in ranges.iter().flat_map(|range| &range.items).filter(|item| [CONTAINER, POD].contains(&item.kind.as_str())) {
        let bound = Bound { kind: &item.kind, requests, limits };
        said.extend(item.min.iter().filter_map(|(resource, least)| bound.min(resource, *least)));
        said.extend(item.max.iter().filter_map(|(resource, most)| bound.max(resource, *most)));
        said.extend(item.max_ratio.iter().filter_map(|(resource, most)| bound.ratio(resource, *most)));
    }
    said.dedup();
    said
}

fn containers(range: &LimitFacts) -> impl Iterator<Item = &LimitItem> {
    range.items.iter().filter(|item| item.kind == CONTAINER)
}

fn fill(into: &mut Amounts, from: &Amounts) {
    for (resource, amount) in from {
        into.entry(resource.clone()).or_insert(*amount);
    }
}

/// Whether an amount is above another, compared in thousandths as Kubernetes does.
const fn above(amount: Quantity, other: Quantity) -> bool {
    amount.as_millis() > other.as_millis()
}

struct Bound<'a> {
    kind: &'a str,
    requests: &'a Amounts,
    limits: &'a Amounts,
}

impl Bound<'_> {
    fn min(&self, resource: &str, least: Quantity) -> Option<String> {
        let begin = format!("minimum {resource} usage per {} is {least}", self.kind);
        match (self.requests.get(resource), self.limits.get(resource)) {
            (None, _) => Some(format!("{begin}.  No request is specified")),
            (Some(request), _) if above(least, *request) => Some(format!("{begin}, but request is {request}")),
            (_, Some(limit)) if above(least, *limit) => Some(format!("{begin}, but limit is {limit}")),
            (Some(_), _) => None,
        }
    }

    fn max(&self, resource: &str, most: Quantity) -> Option<String> {
        let begin = format!("maximum {resource} usage per {} is {most}", self.kind);
        match (self.limits.get(resource), self.requests.get(resource)) {
            (None, _) => Some(format!("{begin}.  No limit is specified")),
            (Some(limit), _) if above(*limit, most) => Some(format!("{begin}, but limit is {limit}")),
            (_, Some(request)) if above(*request, most) => Some(format!("{begin}, but request is {request}")),
            (Some(_), _) => None,
        }
    }

    fn ratio(&self, resource: &str, most: Quantity) -> Option<String> {
        let begin = format!("{resource} max limit to request ratio per {} is {most}", self.kind);
        let stated = |amounts: &Amounts| amounts.get(resource).copied().filter(|amount| amount.is_positive());
        let Some(request) = stated(self.requests) else {
            return Some(format!("{begin}, but no request is specified or request is 0"));
        };
        let Some(limit) = stated(self.limits) else {
            return Some(format!("{begin}, but no limit is specified or limit is 0"));
        };
        // Exact where Kubernetes divides: limit ÷ request > most.
        let over = limit.as_millis().saturating_mul(1000) > most.as_millis().saturating_mul(request.as_millis());
        over.then(|| format!("{begin}, but provided ratio is {}", six_places(limit.as_millis(), request.as_millis())))
    }
}

/// A quotient with six places, as `%f` writes it.
fn six_places(of: i128, by: i128) -> String {
    let millionths = (of.saturating_mul(2_000_000) + by) / (2 * by);
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::team::TeamName;

    fn amounts(of: &[(&str, &str)]) -> Amounts {
        of.iter().map(|(name, amount)| ((*name).to_owned(), Quantity::parse(amount).expect("an amount"))).collect()
    }

    fn range(item: LimitItem) -> Vec<LimitFacts> {
        let team = TeamName::parse("vision").expect("a name");
        let kind = if item.kind.is_empty() { CONTAINER.to_owned() } else { item.kind };
        vec![LimitFacts { team, name: "limits".into(), items: vec![LimitItem { kind, ..item }], version: "1".into() }]
    }

    #[test]
    fn a_limit_is_the_request_of_a_container_that_states_none() {
        let ranges = range(LimitItem { default_request: amounts(&[("cpu", "100m")]), ..LimitItem::default() });
        let (requests, limits) = defaulted(&Amounts::new(), &amounts(&[("cpu", "2")]), &ranges);
        assert_eq!((requests, limits), (amounts(&[("cpu", "2")]), amounts(&[("cpu", "2")])));
    }

    #[test]
    fn a_most_without_a_default_gives_every_container_gpus() {
        let ranges = range(LimitItem { max: amounts(&[("nvidia.com/gpu", "4")]), ..LimitItem::default() });
        let (requests, limits) = defaulted(&amounts(&[("cpu", "1")]), &amounts(&[("cpu", "1")]), &ranges);
        assert_eq!(requests, amounts(&[("cpu", "1"), ("nvidia.com/gpu", "4")]));
        assert_eq!(limits, requests);
    }

    #[test]
    fn what_is_forbidden_is_said_in_kubernetes_words() {
        let one = |name: &str, amount: &str| amounts(&[(name, amount)]);
        let none = Amounts::new;
        let cases = [
            (
                LimitItem { min: one("cpu", "100m"), ..LimitItem::default() },
                none(),
                none(),
                "minimum cpu usage per Container is 100m.  No request is specified",
            ),
            (
                LimitItem { min: one("cpu", "100m"), ..LimitItem::default() },
                one("cpu", "50m"),
                none(),
                "minimum cpu usage per Container is 100m, but request is 50m",
            ),
            (
                LimitItem { max: one("memory", "4Gi"), ..LimitItem::default() },
                none(),
                none(),
                "maximum memory usage per Container is 4Gi.  No limit is specified",
            ),
            (
                LimitItem { kind: POD.into(), max: one("memory", "4Gi"), ..LimitItem::default() },
                one("memory", "8Gi"),
                one("memory", "8Gi"),
                "maximum memory usage per Pod is 4Gi, but limit is 8Gi",
            ),
            (
                LimitItem { max_ratio: one("cpu", "2"), ..LimitItem::default() },
                one("cpu", "100m"),
                one("cpu", "1"),
                "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
            ),
            (
                LimitItem { max_ratio: one("cpu", "2"), ..LimitItem::default() },
                none(),
                none(),
                "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            ),
        ];
        for (item, requests, limits, want) in cases {
            assert_eq!(violations(&requests, &limits, &range(item)), [want]);
        }
    }

    #[test]
    fn the_same_amount_in_another_unit_is_the_same() {
        let ranges = range(LimitItem { max: amounts(&[("memory", "1Gi")]), min: amounts(&[("memory", "1Gi")]), ..LimitItem::default() });
        let stated = amounts(&[("memory", "1073741824")]);
        assert_eq!(violations(&stated, &stated, &ranges), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn what_is_filled_in_never_changes_what_was_stated_and_filling_in_again_changes_nothing(
            stated in proptest::collection::btree_map("cpu|memory|nvidia.com/gpu", 0_u64..64, 0..3),
            most in proptest::collection::btree_map("cpu|memory|nvidia.com/gpu", 0_u64..64, 0..3),
            least in proptest::collection::btree_map("cpu|memory|nvidia.com/gpu", 0_u64..64, 0..3),
        ) {
            let units = |of: &BTreeMap<String, u64>| of.iter().map(|(name, n)| (name.clone(), Quantity::units(*n))).collect::<Amounts>();
            let ranges = range(LimitItem { max: units(&most), min: units(&least), ..LimitItem::default() });
            let limits = units(&stated);
            let (requests, filled) = defaulted(&Amounts::new(), &limits, &ranges);
            for (resource, amount) in &limits {
                prop_assert_eq!(filled.get(resource), Some(amount));
                prop_assert_eq!(requests.get(resource), Some(amount));
            }
            prop_assert_eq!(defaulted(&requests, &filled, &ranges), (requests.clone(), filled.clone()));
            // What is bounded is always stated in the end, so nothing is refused for saying nothing.
            let said = violations(&requests, &filled, &ranges);
            prop_assert!(said.iter().all(|text| !text.contains("specified")), "{:?}", said);
        }
    }
}
