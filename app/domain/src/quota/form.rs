//! A quota as a person writes it: texts by the names of the form's fields, and what they mean.
//!
//! Which resources there are depends on the cluster, so that the form has no fixed fields but `hard:RESOURCE` for each; the same
//! parse runs while typing and when it is saved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    QuotaFacts,
    resource::{Ground, check_name, parse_amount},
};
use crate::{limit::Amounts, name::DnsLabel, refusal::FieldErrors, team::TeamName};

/// What precedes a resource in the name of its field.
pub const HARD: &str = "hard:";

/// The name that is offered for a team's first quota.
pub const FIRST_NAME: &str = "team";

/// What was typed, by the form's field: `team`, `name`, `class`, `hard:RESOURCE`, `other` and `other_amount` for a resource that
/// has no field, and `seen`, which is [`QuotaFacts::seen`] of what the form was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuotaForm(pub BTreeMap<String, String>);

/// What a form means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaChange {
    /// Whose quota it is.
    pub team: TeamName,
    /// Its name in the namespace.
    pub name: DnsLabel,
    /// The priority class whose Pods alone it counts.
    pub class: Option<DnsLabel>,
    /// The most of each, by quota name.
    pub hard: Amounts,
    /// What the form was made from; empty where there was no quota of that name.
    pub seen: String,
}

impl QuotaForm {
    /// The text of a field.
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |text| text.trim())
    }

    /// The form that means what is there.
    pub fn of(facts: &QuotaFacts) -> Self {
        let amounts = facts.hard.iter().map(|(resource, amount)| (format!("{HARD}{resource}"), amount.to_string()));
        let head = [
            ("team", facts.team.to_string()),
            ("name", facts.name.clone()),
            ("class", facts.class().unwrap_or_default().to_owned()),
            ("seen", facts.seen()),
        ];
        Self(amounts.chain(head.map(|(field, text)| (field.to_owned(), text))).collect())
    }

    /// What it means, on a cluster that has these GPUs and classes.
    ///
    /// # Errors
    /// Each field that cannot be accepted, with a sentence that says what is wrong and what to do.
    pub fn parse(&self, ground: &Ground) -> Result<QuotaChange, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut note = |field: &str, sentence: String| {
            errors.insert(field.to_owned(), sentence);
        };
        let team = TeamName::parse(self.get("team")).map_err(|error| note("team", error.to_string())).ok();
        let name = DnsLabel::parse(self.get("name")).map_err(|error| note("name", error.to_string())).ok();
        let class = match self.get("class") {
            "" => None,
            text => match DnsLabel::parse(text) {
                Ok(class) if ground.classes.iter().any(|known| known == class.as_str()) => Some(class),
                Ok(class) => {
                    note("class", format!("The cluster has no priority class {class}; make it first, or count Pods of all classes"));
                    None
                }
                Err(error) => {
                    note("class", error.to_string());
                    None
                }
            },
        };
        let scoped = !self.get("class").is_empty();
        let mut hard = Amounts::new();
        for (field, resource, text) in self.amounts() {
            match check_name(resource, scoped, ground).and_then(|unit| parse_amount(unit, text)) {
                Ok(amount) if hard.contains_key(resource) => note(field, format!("{resource} is in the list above with {amount}")),
                Ok(amount) => {
                    hard.insert(resource.to_owned(), amount);
                }
                Err(sentence) => note(field, sentence),
            }
        }
        if self.get("other").is_empty() && !self.get("other_amount").is_empty() {
            note("other", "Name the resource that this amount is of".to_owned());
        }
        if hard.is_empty() && errors.is_empty() {
            errors.insert(String::new(), "A quota without any amount limits nothing; write one, or delete the quota".to_owned());
        }
        match (team, name) {
            (Some(team), Some(name)) if errors.is_empty() => Ok(QuotaChange { team, name, class, hard, seen: self.get("seen").to_owned() }),
            _ => Err(errors),
        }
    }

    /// Field, resource and text of each amount that says something.
    fn amounts(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let listed = self.0.iter().filter_map(|(field, text)| Some((field.as_str(), field.strip_prefix(HARD)?, text.trim())));
        let other = [("other_amount", self.get("other"), self.get("other_amount"))].into_iter().filter(|(_, name, _)| !name.is_empty());
        // An amount that is missing beside a name is said; a row of the list that is empty limits nothing.
        listed.filter(|(.., text)| !text.is_empty()).chain(other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::Quantity;

    fn ground() -> Ground {
        let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Ground {
            products: own(&["NVIDIA-A100-SXM4-80GB", "Tesla-T4"]),
            profiles: own(&["1g.10gb", "3g.40gb"]),
            classes: own(&["training"]),
        }
    }

    fn form(fields: &[(&str, &str)]) -> QuotaForm {
        let head = [("team", "vision"), ("name", "team")];
        QuotaForm(head.iter().chain(fields).map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect())
    }

    fn refused(fields: &[(&str, &str)], field: &str) -> String {
        let errors = form(fields).parse(&ground()).expect_err("it is refused");
        errors.get(field).unwrap_or_else(|| panic!("{field} is not named: {errors:?}")).clone()
    }

    #[test]
    fn a_quota_is_read_by_resource() {
        let fields = [("hard:requests.cpu", " 64 "), ("hard:requests.memory", "256Gi"), ("hard:requests.nvidia.com/gpu", "8")];
        let more = [("hard:requests.nvidia.com/mig-2g.20gb", "0"), ("hard:pods", ""), ("other", "configmaps"), ("other_amount", "20")];
        let change = form(&[&fields[..], &more[..]].concat()).parse(&ground()).expect("it is a quota");
        let read: Vec<_> = change.hard.iter().map(|(resource, amount)| format!("{resource}={amount}")).collect();
        assert_eq!(
            read,
            ["configmaps=20", "requests.cpu=64", "requests.memory=256Gi", "requests.nvidia.com/gpu=8", "requests.nvidia.com/mig-2g.20gb=0"]
        );
    }

    #[test]
    fn what_cannot_be_a_quota_is_refused_beside_its_field() {
        for (field, text, word) in [
            ("hard:requests.nvidia.com/gpu", "4.5", "whole"),
            ("hard:requests.nvidia.com/gpu", "-1", "0 or more"),
            ("hard:requests.cpu", "-1", "0 or more"),
            ("hard:requests.cpu", "0.1m", "thousandth"),
            ("hard:requests.memory", "1m", "bytes"),
            ("hard:pods", "1.5", "whole numbers"),
            ("hard:requests.cpu", "many", "number"),
            ("hard:requests.nvidia.com/mig-1g.5gb", "4", "No GPU of this cluster can be cut to 1g.5gb; A100-SXM4-80GB"),
            ("hard:requests.nvidia.com/mig-9g.999gb", "4", "No GPU of this cluster"),
            ("hard:limits.nvidia.com/gpu", "4", "never enforces"),
            ("hard:nvidia.com/gpu", "4", "requests.nvidia.com/gpu"),
            ("hard:requests.nvidia.com/gpus", "4", "Nothing in Kubernetes counts"),
            ("hard:\u{202e}", "4", "a resource of that name"),
        ] {
            let sentence = refused(&[(field, text)], field);
            assert!(sentence.contains(word), "{field}={text}: {sentence}");
        }
        assert!(refused(&[], "").contains("limits nothing"));
        assert!(refused(&[("other", "pods"), ("other_amount", "")], "other_amount").contains("missing"));
        assert!(refused(&[("hard:pods", "2"), ("other", "pods"), ("other_amount", "3")], "other_amount").contains("in the list above"));
        assert!(refused(&[("class", "gold"), ("hard:pods", "3")], "class").contains("no priority class gold"));
    }

    #[test]
    fn a_quota_of_one_priority_class_counts_only_what_pods_have() {
        let class = ("class", "training");
        for field in ["hard:persistentvolumeclaims", "hard:requests.storage", "hard:services", "hard:count/jobs.batch", "hard:count/pods"] {
            let sentence = refused(&[class, (field, "3")], field);
            assert!(sentence.contains("quota of its own"), "{field}: {sentence}");
        }
        let change = form(&[class, ("hard:requests.nvidia.com/gpu", "3"), ("hard:pods", "3")]).parse(&ground()).expect("it is a quota");
        assert_eq!(change.class.map(String::from).as_deref(), Some("training"));
    }

    proptest! {
        #[test]
        fn what_is_there_is_read_back_from_its_form(cpu in 0_u64..10_000_000, gibibytes in 0_u64..100_000, gpus in 0_u64..10_000) {
            let hard = Amounts::from([
                ("requests.cpu".to_owned(), Quantity::parse(&format!("{cpu}m")).expect("an amount")),
                ("requests.memory".to_owned(), Quantity::bytes(gibibytes << 30)),
                ("requests.nvidia.com/gpu".to_owned(), Quantity::units(gpus)),
            ]);
            let team = TeamName::parse("vision").expect("a name");
            let facts = QuotaFacts { team, name: "q".into(), hard, used: Amounts::new(), scopes: Vec::new(), version: "1".into() };
            let change = QuotaForm::of(&facts).parse(&ground()).expect("it is a quota");
            let again = QuotaFacts { hard: change.hard, ..facts.clone() };
            prop_assert_eq!(again.seen(), facts.seen());
            prop_assert_eq!(change.seen, facts.seen());
        }

        #[test]
        fn no_text_breaks_the_form(field in ".{0,40}", text in ".{0,40}", class in ".{0,10}") {
            let _ = form(&[(&format!("{HARD}{field}"), &text), ("class", &class), ("other", &field), ("other_amount", &text)]).parse(&ground());
        }
    }
}
