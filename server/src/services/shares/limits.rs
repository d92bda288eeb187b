//! Limits: what one container, Pod or claim of a team may have.

use serde_json::json;
use slipway_domain::{
    limit::{
        CONTAINER, LimitFacts, LimitItem, POD,
        form::{FIRST_NAME, LimitForm, traps},
    },
    node::{GPU, MIG},
    person::Caller,
    policy::Action,
    quota::{resource::Ground, view::LimitRow},
    refusal::Refusal,
    team::TeamName,
};

use super::{Shares, in_time};

impl Shares {
    pub(super) async fn write_limits(&self, caller: &Caller, form: &LimitForm) -> Result<String, Refusal> {
        let team = self.team_of(caller, form.get("team"), Action::SetLimits, "set limits").await?;
        let change = form.parse(&self.ground()).map_err(|fields| Refusal::Invalid { fields })?;
        let before = self.range(&team, change.name.as_str());
        let states = (before.map(|range| json!(range.items)), Some(json!(change.items)));
        let write = async { Ok(in_time(Box::pin(self.0.cluster.acting_as(caller).set_limits(&change))).await?) };
        self.0.audit.around(caller, "set limits", &subject(&team, change.name.as_str()), states, write).await?;
        let expected =
            LimitFacts { team: team.clone(), name: change.name.to_string(), items: change.items.clone(), version: String::new() }.seen();
        self.settle(|| self.range(&team, change.name.as_str()).is_some_and(|range| range.seen() == expected)).await;
        let said = format!("The limits {} are set", change.name);
        Ok(std::iter::once(said).chain(traps(&change.items)).collect::<Vec<_>>().join(". "))
    }

    pub(super) async fn remove_limits(&self, caller: &Caller, form: &LimitForm) -> Result<(), Refusal> {
        let team = self.team_of(caller, form.get("team"), Action::SetLimits, "delete limits").await?;
        let name = form.get("name");
        let before =
            self.range(&team, name).ok_or_else(|| Refusal::not_found("There are no such limits any more; look at the page again"))?;
        let write = async { Ok(in_time(Box::pin(self.0.cluster.acting_as(caller).delete_limits(&team, name, form.get("seen")))).await?) };
        self.0.audit.around(caller, "delete limits", &subject(&team, name), (Some(json!(before.items)), None), write).await?;
        self.settle(|| self.range(&team, name).is_none()).await;
        Ok(())
    }

    fn range(&self, team: &TeamName, name: &str) -> Option<LimitFacts> {
        self.0.cluster.index().limits(team).into_iter().find(|range| range.name == name)
    }
}

fn subject(team: &TeamName, name: &str) -> String {
    format!("limits {team}/{}", name.get(..63).unwrap_or(name))
}

/// The bounds of an item, a row for each resource.
pub(super) fn rows(item: &LimitItem) -> Vec<LimitRow> {
    let all = [&item.min, &item.default_request, &item.default, &item.max, &item.max_ratio];
    let mut resources: Vec<&String> = all.iter().flat_map(|amounts| amounts.keys()).collect();
    resources.sort_unstable();
    resources.dedup();
    let row = |resource: &String| LimitRow {
        kind: item.kind.clone(),
        resource: resource.clone(),
        bounds: all.map(|amounts| amounts.get(resource).map(ToString::to_string).unwrap_or_default()),
    };
    resources.into_iter().map(row).collect()
}

/// The resources that a form has rows for: what is usual, each profile that there is, and what is bounded already.
pub(super) fn form_rows(ground: &Ground, limits: &[LimitFacts]) -> Vec<String> {
    let mut rows: Vec<String> = ["cpu", "memory", GPU].map(str::to_owned).into();
    rows.extend(ground.profiles.iter().map(|profile| format!("{MIG}{profile}")));
    let bounded = limits.iter().flat_map(|range| &range.items).filter(|item| [CONTAINER, POD].contains(&item.kind.as_str()));
    for row in bounded.flat_map(rows_of) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

fn rows_of(item: &LimitItem) -> Vec<String> {
    rows(item).into_iter().map(|row| row.resource).collect()
}

pub(super) fn new_form(team: &TeamName) -> LimitForm {
    LimitForm([("team", team.to_string()), ("name", FIRST_NAME.to_owned())].map(|(field, text)| (field.to_owned(), text)).into())
}
