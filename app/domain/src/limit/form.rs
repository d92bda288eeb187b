//! A LimitRange as a person writes it: texts by the names of the form's fields, and what they mean.
//!
//! A field is `BOUND:RESOURCE`, such as `max:cpu` for a container, `pod_max:cpu` for a Pod or `claim_min:storage` for a claim.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amounts, CLAIM, CONTAINER, LimitFacts, LimitItem, POD, effective};
use crate::{
    name::DnsLabel,
    node::{GPU, MIG},
    quantity::Quantity,
    quota::resource::{Ground, Unit, check_name, parse_amount},
    refusal::FieldErrors,
    team::TeamName,
};

/// The name that is offered for a team's first limits.
pub const FIRST_NAME: &str = "team";

/// What was typed, by the form's field: `team`, `name`, `BOUND:RESOURCE` for each bound, and `seen`, which is
/// [`LimitFacts::seen`] of what the form was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LimitForm(pub BTreeMap<String, String>);

/// What a form means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitChange {
    /// Whose limits they are.
    pub team: TeamName,
    /// Their name in the namespace.
    pub name: DnsLabel,
    /// One for each kind of thing that is bounded.
    pub items: Vec<LimitItem>,
    /// What the form was made from; empty where there were no limits of that name.
    pub seen: String,
}

/// A bound's name in the form, what it is of, and how it is reached.
type Bound = (&'static str, &'static str, fn(&mut LimitItem) -> &mut Amounts);

/// Every bound that a form has.
const BOUNDS: [Bound; 10] = [
    ("min", CONTAINER, |item| &mut item.min),
    ("default_request", CONTAINER, |item| &mut item.default_request),
    ("default", CONTAINER, |item| &mut item.default),
    ("max", CONTAINER, |item| &mut item.max),
    ("ratio", CONTAINER, |item| &mut item.max_ratio),
    ("pod_min", POD, |item| &mut item.min),
    ("pod_max", POD, |item| &mut item.max),
    ("pod_ratio", POD, |item| &mut item.max_ratio),
    ("claim_min", CLAIM, |item| &mut item.min),
    ("claim_max", CLAIM, |item| &mut item.max),
];

impl LimitForm {
    /// The text of a field.
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |text| text.trim())
    }

    /// The form that means what is there.
    pub fn of(facts: &LimitFacts) -> Self {
        let mut texts: BTreeMap<String, String> = [("team", facts.team.to_string()), ("name", facts.name.clone()), ("seen", facts.seen())]
            .map(|(field, text)| (field.to_owned(), text))
            .into();
        texts.extend(texts_of(&facts.items));
        Self(texts)
    }

    /// What it means, on a cluster that has these GPUs.
    ///
    /// # Errors
    /// Each field that cannot be accepted, with a sentence that says what is wrong and what to do.
    pub fn parse(&self, ground: &Ground) -> Result<LimitChange, FieldErrors> {
        let mut errors = FieldErrors::new();
        let team = TeamName::parse(self.get("team")).map_err(|error| errors.insert("team".into(), error.to_string())).ok();
        let name = DnsLabel::parse(self.get("name")).map_err(|error| errors.insert("name".into(), error.to_string())).ok();
        let mut items: Vec<LimitItem> =
            [CONTAINER, POD, CLAIM].map(|kind| LimitItem { kind: kind.to_owned(), ..LimitItem::default() }).into();
        for (field, text) in self.0.iter().filter(|(field, text)| field.contains(':') && !text.trim().is_empty()) {
            match read(field, text.trim(), ground) {
                Ok(((_, kind, of), resource, amount)) => {
                    for item in items.iter_mut().filter(|item| item.kind == kind) {
                        of(item).insert(resource.to_owned(), amount);
                    }
                }
                Err(sentence) => {
                    errors.insert(field.clone(), sentence);
                }
            }
        }
        items.retain(|item| !item.is_empty());
        for item in &items {
            consistent(item, &mut errors);
        }
        if items.is_empty() && errors.is_empty() {
            errors.insert(String::new(), "Limits without any amount limit nothing; write one, or delete them".to_owned());
        }
        match (team, name) {
            (Some(team), Some(name)) if errors.is_empty() => Ok(LimitChange { team, name, items, seen: self.get("seen").to_owned() }),
            _ => Err(errors),
        }
    }
}

/// The texts of every bound, by field.
pub(super) fn texts_of(items: &[LimitItem]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for item in items {
        for (bound, _, of) in BOUNDS.into_iter().filter(|(_, kind, _)| *kind == item.kind) {
            let amounts = std::mem::take(of(&mut item.clone()));
            texts.extend(amounts.into_iter().map(|(resource, amount)| (format!("{bound}:{resource}"), amount.to_string())));
        }
    }
    texts
}

fn read<'a>(field: &'a str, text: &str, ground: &Ground) -> Result<(Bound, &'a str, Quantity), String> {
    let (word, resource) = field.split_once(':').unwrap_or((field, ""));
    let bound = BOUNDS.into_iter().find(|(name, ..)| *name == word).ok_or("The page has no such bound; reload it")?;
    let unit = match (bound.1, resource) {
        (CLAIM, "storage") | (CONTAINER | POD, "memory" | "ephemeral-storage") => Unit::Bytes,
        (CONTAINER | POD, "cpu") => Unit::Cores,
        (CONTAINER | POD, _) if resource == GPU || resource.starts_with(MIG) => check_name(&format!("requests.{resource}"), false, ground)?,
        (CLAIM, _) => return Err("A claim is bounded by its storage alone".to_owned()),
        _ => return Err("Containers and Pods are bounded by cpu, memory, ephemeral-storage, nvidia.com/gpu and slices".to_owned()),
    };
    if word.ends_with("ratio") {
        let ratio = Quantity::parse(text).map_err(|error| error.to_string())?;
        if Quantity::units(1).minus(ratio).is_positive() {
            return Err("A limit is never below its request, so the ratio is at least 1".to_owned());
        }
        return Ok((bound, resource, ratio));
    }
    Ok((bound, resource, parse_amount(unit, text)?))
}

/// What Kubernetes would refuse about bounds that contradict each other, beside the larger one's field.
fn consistent(item: &LimitItem, errors: &mut FieldErrors) {
    let field = |bound: &str| match item.kind.as_str() {
        POD => format!("pod_{bound}"),
        CLAIM => format!("claim_{bound}"),
        _ => bound.to_owned(),
    };
    let order = [
        ("min", &item.min, "the least"),
        ("default_request", &item.default_request, "the request of who states none"),
        ("default", &item.default, "the limit of who states none"),
        ("max", &item.max, "the most"),
    ];
    for (index, (_, below, below_words)) in order.iter().enumerate() {
        for (bound, above, words) in &order[index + 1..] {
            for (resource, amount) in *above {
                if let Some(least) = below.get(resource).filter(|least| least.minus(*amount).is_positive()) {
                    let sentence = format!("{} is {amount}, which is below {least}, {below_words}", crate::quota::resource::capital(words));
                    errors.entry(format!("{}:{resource}", field(bound))).or_insert(sentence);
                }
            }
        }
    }
    let filled = effective(item);
    for (resource, default) in filled.default.iter().filter(|(resource, _)| resource.contains('/')) {
        let request = filled.default_request.get(resource).copied().unwrap_or(*default);
        if request.minus(*default).is_positive() || default.minus(request).is_positive() {
            let sentence = "A GPU's request is its limit, so both have to be the same for who states none".to_owned();
            errors.entry(format!("default_request:{resource}")).or_insert(sentence);
        }
    }
    // Without one of the two Kubernetes refuses the item.
    if item.kind == CLAIM && item.min.is_empty() && item.max.is_empty() {
        errors.insert("claim_max:storage".to_owned(), "A claim needs a least or a most".to_owned());
    }
}

/// What is easily overlooked about limits: resources that every container is given although nobody asks for them.
pub fn traps(items: &[LimitItem]) -> Vec<String> {
    let containers = items.iter().filter(|item| item.kind == CONTAINER);
    containers.flat_map(|item| effective(item).default.into_iter().filter_map(|(resource, amount)| trap(item, &resource, amount))).collect()
}

fn trap(item: &LimitItem, resource: &str, amount: Quantity) -> Option<String> {
    if !(resource == GPU || resource.starts_with(MIG)) || !amount.is_positive() {
        return None;
    }
    let what = match resource.strip_prefix(MIG) {
        Some(profile) => format!("{amount} × {profile}"),
        None if amount == Quantity::units(1) => "1 GPU".to_owned(),
        None => format!("{amount} GPUs"),
    };
    // An object that was read from the cluster has its defaults filled in: those that equal the most came from it.
    let from_max = item.max.get(resource).is_some_and(|most| most.to_string() == amount.to_string());
    let because = if from_max { "a most without a default is the default, too" } else { "that is the default" };
    Some(format!(
        "Every container that asks for no GPU is given {what}: {because}. A run with CPU alone would wait for {what}, hold it, and have it \
         counted. Set the default of {resource} to 0 so that only who asks gets one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> LimitForm {
        let head = [("team", "vision"), ("name", "team")];
        LimitForm(head.iter().chain(fields).map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect())
    }

    fn ground() -> Ground {
        Ground { products: vec!["NVIDIA-A100-SXM4-40GB".into()], ..Ground::default() }
    }

    #[test]
    fn limits_are_read_by_kind_and_bound_and_written_back_the_same() {
        let fields =
            [("max:cpu", "8"), ("default:cpu", "1"), ("min:memory", "64Mi"), ("pod_max:nvidia.com/gpu", "4"), ("claim_max:storage", "1Ti")];
        let change = form(&fields).parse(&ground()).expect("they are limits");
        assert_eq!(change.items.iter().map(|item| item.kind.as_str()).collect::<Vec<_>>(), [CONTAINER, POD, CLAIM]);
        let facts = LimitFacts { team: change.team, name: change.name.to_string(), items: change.items.clone(), version: "1".into() };
        assert_eq!(LimitForm::of(&facts).parse(&ground()).map(|change| change.items), Ok(change.items));
    }

    #[test]
    fn limits_that_contradict_each_other_are_refused_beside_a_field() {
        for (fields, field, word) in [
            (&[("max:cpu", "1"), ("min:cpu", "2")][..], "max:cpu", "below 2"),
            (&[("default:memory", "1Gi"), ("max:memory", "512Mi")], "max:memory", "below 1Gi"),
            (&[("default:cpu", "1"), ("default_request:cpu", "2")], "default:cpu", "below 2"),
            (&[("default:nvidia.com/gpu", "2"), ("default_request:nvidia.com/gpu", "1")], "default_request:nvidia.com/gpu", "same"),
            (&[("max:nvidia.com/gpu", "1.5")], "max:nvidia.com/gpu", "whole"),
            (&[("max:nvidia.com/mig-1g.10gb.me.me", "1")], "max:nvidia.com/mig-1g.10gb.me.me", "MIG profile"),
            (&[("max:nvidia.com/mig-3g.90gb", "1")], "max:nvidia.com/mig-3g.90gb", "No GPU of this cluster"),
            (&[("max:cpu", "-1")], "max:cpu", "0 or more"),
            (&[("ratio:cpu", "0.5")], "ratio:cpu", "at least 1"),
            (&[("claim_max:cpu", "5")], "claim_max:cpu", "storage alone"),
            (&[("max:disks", "5")], "max:disks", "bounded by cpu"),
            (&[("most:cpu", "5")], "most:cpu", "no such bound"),
            (&[], "", "limit nothing"),
        ] {
            let errors = form(fields).parse(&ground()).expect_err(field);
            assert!(errors.get(field).is_some_and(|sentence| sentence.contains(word)), "{field}: {errors:?}");
        }
    }

    #[test]
    fn a_most_of_gpus_without_a_default_is_a_trap() {
        let items = |fields: &[(&str, &str)]| form(fields).parse(&ground()).expect("they are limits").items;
        let said = traps(&items(&[("max:nvidia.com/gpu", "4")]));
        assert!(said.len() == 1 && said[0].contains("is given 4 GPUs: a most without a default is the default, too"), "{said:?}");
        // Read back from the cluster the default is there.
        let filled: Vec<LimitItem> = items(&[("max:nvidia.com/gpu", "4")]).iter().map(effective).collect();
        assert_eq!(traps(&filled), said);
        assert_eq!(traps(&items(&[("max:nvidia.com/gpu", "4"), ("default:nvidia.com/gpu", "0")])), Vec::<String>::new());
        assert_eq!(traps(&items(&[("max:cpu", "4"), ("pod_max:nvidia.com/gpu", "4")])), Vec::<String>::new());
    }
}
