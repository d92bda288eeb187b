//! A priority class as a person writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HIGHEST, PriorityFacts};
use crate::{name::DnsLabel, refusal::FieldErrors};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 500;

/// What was typed, by the form's field: `name`, `value`, `global_default` (`yes` or `no`), `preempts` (`lower` or `never`),
/// `description`, `replace` (`yes` where a replacement is agreed to) and `seen`, which is [`PriorityFacts::seen`] of what the form
/// was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriorityForm(pub BTreeMap<String, String>);

impl PriorityForm {
    /// The text of a field.
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |text| text.trim())
    }

    /// The form that means what is there.
    pub fn of(facts: &PriorityFacts) -> Self {
        let fields = [
            ("name", facts.name.clone()),
            ("value", facts.value.to_string()),
            ("global_default", if facts.global_default { "yes" } else { "no" }.to_owned()),
            ("preempts", if facts.preempts { "lower" } else { "never" }.to_owned()),
            ("description", facts.description.clone()),
            ("seen", facts.seen()),
        ];
        Self(fields.map(|(field, text)| (field.to_owned(), text)).into())
    }

    /// What it means, beside the classes that there are.
    ///
    /// # Errors
    /// Each field that cannot be accepted, with a sentence that says what is wrong and what to do.
    pub fn parse(&self, classes: &[PriorityFacts]) -> Result<PriorityFacts, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut note = |field: &str, sentence: String| {
            errors.insert(field.to_owned(), sentence);
        };
        let name = match DnsLabel::parse(self.get("name")) {
            Ok(name) if name.as_str().starts_with("system-") => {
                note("name", "Names that begin with system- are Kubernetes' own; choose another".to_owned());
                None
            }
            Ok(name) => Some(name.to_string()),
            Err(error) => {
                note("name", error.to_string());
                None
            }
        };
        let value = value(self.get("value")).map_err(|sentence| note("value", sentence)).ok();
        let global_default = self.get("global_default") == "yes";
        let other = classes.iter().find(|class| class.global_default && name.as_deref() != Some(&class.name));
        if let Some(other) = other.filter(|_| global_default) {
            note("global_default", format!("{} is the cluster's default, and there can be one; take it from there first", other.name));
        }
        let description = self.get("description").to_owned();
        if description.chars().count() > MAX_DESCRIPTION || description.chars().any(char::is_control) {
            note("description", format!("A description is one line of at most {MAX_DESCRIPTION} characters"));
        }
        match (name, value) {
            (Some(name), Some(value)) if errors.is_empty() => {
                Ok(PriorityFacts { name, value, global_default, preempts: self.get("preempts") != "never", description })
            }
            _ => Err(errors),
        }
    }
}

fn value(text: &str) -> Result<i32, String> {
    let number: i64 = text.parse().map_err(|_| "A value is a whole number, such as 1000; higher goes first".to_owned())?;
    if number > i64::from(HIGHEST) {
        return Err("A value is at most 1,000,000,000; what is above is Kubernetes' own".to_owned());
    }
    i32::try_from(number).map_err(|_| "A value is at least -2,147,483,648".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Plan, plan},
        *,
    };

    fn class(name: &str, value: i32) -> PriorityFacts {
        PriorityFacts { name: name.into(), value, global_default: false, preempts: true, description: String::new() }
    }

    fn form(fields: &[(&str, &str)]) -> PriorityForm {
        PriorityForm(fields.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn a_class_is_read_back_from_its_form() {
        for facts in [class("training", -5), PriorityFacts { preempts: false, global_default: true, ..class("low", HIGHEST) }] {
            let form = PriorityForm::of(&facts);
            assert_eq!(form.get("seen"), facts.seen(), "what the form was made from survives the form");
            assert_eq!(form.parse(std::slice::from_ref(&facts)), Ok(facts));
        }
    }

    #[test]
    fn what_kubernetes_would_refuse_is_refused_beside_its_field() {
        let there = [PriorityFacts { global_default: true, ..class("usual", 0) }];
        for (fields, field, word) in [
            ([("name", "system-mine"), ("value", "1")], "name", "Kubernetes' own"),
            ([("name", "Gold"), ("value", "1")], "name", "capital"),
            ([("name", "gold"), ("value", "1000000001")], "value", "at most 1,000,000,000"),
            ([("name", "gold"), ("value", "1.5")], "value", "whole number"),
            ([("name", "gold"), ("value", "-9999999999")], "value", "at least"),
        ] {
            let errors = form(&fields).parse(&there).expect_err(field);
            assert!(errors.get(field).is_some_and(|sentence| sentence.contains(word)), "{errors:?}");
        }
        let second = form(&[("name", "gold"), ("value", "1"), ("global_default", "yes")]).parse(&there).expect_err("there is one");
        assert!(second["global_default"].contains("usual is the cluster's default"), "{second:?}");
    }

    #[test]
    fn a_change_of_what_never_changes_is_a_plan_that_names_the_runs() {
        let before = class("training", 10);
        assert_eq!(plan(None, &before, &[]), Plan::Make);
        assert_eq!(plan(Some(&before), &before, &[]), Plan::Nothing);
        let described = PriorityFacts { description: "new".into(), ..before.clone() };
        assert_eq!(plan(Some(&before), &described, &[]), Plan::Change);
        for after in [class("training", 20), PriorityFacts { preempts: false, ..before.clone() }] {
            let Plan::Replace { steps } = plan(Some(&before), &after, &["vision/resnet".to_owned()]) else { panic!("no plan") };
            assert!(steps.iter().any(|step| step.contains("keep the priority 10") && step.contains("vision/resnet")), "{steps:?}");
        }
        let default = PriorityFacts { global_default: true, ..before };
        let Plan::Replace { steps } = plan(Some(&default), &class("training", 20), &[]) else { panic!("no plan") };
        assert!(steps.iter().any(|step| step.contains("the cluster's default")), "{steps:?}");
    }
}
