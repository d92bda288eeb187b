//! Quotas: shown with what they hold, changed with what that would break.

use serde_json::json;
use slipway_domain::{
    limit::{effective, form::LimitForm, form::traps},
    person::Caller,
    policy::{self, Action, Subject},
    quota::{
        QuotaFacts,
        form::{FIRST_NAME, QuotaForm},
        impact::impact,
        meter::meters,
        resource::{Ground, with_unit, words},
        view::{FormRow, LimitView, Preview, QuotaView, Shares as Shown, TeamRow, TeamShares},
    },
    refusal::Refusal,
    team::TeamName,
};

use super::{Shares, in_time, limits, why_not};
use crate::store::{quota_requests, teams};

impl Shares {
    pub(super) async fn list_quotas(&self, caller: &Caller) -> Result<Shown, Refusal> {
        let index = self.0.cluster.index();
        let waiting = quota_requests::waiting(&self.0.store).await?;
        let mut rows = Vec::new();
        for team in teams::list(&self.0.store).await? {
            if policy::may(caller, Action::ViewShares, Subject::Team(&team)).is_err() {
                continue;
            }
            let asked = waiting.iter().find(|(name, _)| name == team.as_str()).map_or(0, |(_, count)| *count);
            rows.push(TeamRow {
                meters: meters(&index.quotas(&team), &self.demands(&team).await?),
                asked: u32::try_from(asked).unwrap_or(u32::MAX),
                team,
            });
        }
        Ok(Shown { teams: rows, stale_since: index.stale_since() })
    }

    pub(super) async fn show_team(&self, caller: &Caller, team: &TeamName) -> Result<TeamShares, Refusal> {
        let team = self.team_of(caller, team.as_str(), Action::ViewShares, "see quotas").await?;
        let (index, ground) = (self.0.cluster.index(), self.ground());
        let (quotas, limits) = (index.quotas(&team), index.limits(&team));
        let demands = self.demands(&team).await?;
        let on = Subject::Team(&team);
        Ok(TeamShares {
            quotas: quotas.iter().map(|quota| view(quota, &ground, meters(std::slice::from_ref(quota), &demands))).collect(),
            new_quota: (new_form(&team, &quotas), form_rows(&ground, None)),
            limits: limits
                .iter()
                .map(|range| LimitView {
                    name: range.name.clone(),
                    effective: range.items.iter().flat_map(|item| limits::rows(&effective(item))).collect(),
                    traps: traps(&range.items),
                    form: LimitForm::of(range),
                })
                .collect(),
            new_limits: limits::new_form(&team),
            limit_rows: limits::form_rows(&ground, &limits),
            classes: ground.classes.iter().filter(|class| !class.starts_with("system-")).cloned().collect(),
            askable: askable(&quotas),
            requests: self.requests_of(caller, &team).await?,
            may_not_set: why_not(caller, Action::SetQuota, on),
            may_not_limit: why_not(caller, Action::SetLimits, on),
            stale_since: index.stale_since(),
            team,
        })
    }

    pub(super) async fn preview(&self, caller: &Caller, form: &QuotaForm) -> Result<Preview, Refusal> {
        let team = self.team_of(caller, form.get("team"), Action::ViewShares, "see quotas").await?;
        Ok(match form.parse(&self.ground()) {
            Err(errors) => Preview { errors, effects: Vec::new() },
            Ok(change) => {
                let before = self.quota(&team, change.name.as_str());
                let limits = self.0.cluster.index().limits(&team);
                let effects = impact(before.as_ref(), &change, &self.demands(&team).await?, &limits);
                Preview { errors: slipway_domain::refusal::FieldErrors::new(), effects }
            }
        })
    }

    pub(super) async fn write_quota(&self, caller: &Caller, form: &QuotaForm) -> Result<String, Refusal> {
        let team = self.team_of(caller, form.get("team"), Action::SetQuota, "set quota").await?;
        let change = form.parse(&self.ground()).map_err(|fields| Refusal::Invalid { fields })?;
        let before = self.quota(&team, change.name.as_str());
        if before.as_ref().is_some_and(|quota| !quota.is_plain()) {
            return Err(Refusal::conflict("The scope of this quota is none that this form can hold; change it where it was made"));
        }
        let states = (before.map(|quota| json!({ "hard": quota.hard })), Some(json!({ "hard": change.hard, "class": change.class })));
        let write = async { Ok(in_time(Box::pin(self.0.cluster.acting_as(caller).set_quota(&change))).await?) };
        let left = self.0.audit.around(caller, "set quota", &subject(&team, change.name.as_str()), states, write).await?;
        let is_set = |quota: QuotaFacts| {
            change.hard.iter().all(|(resource, amount)| quota.hard.get(resource).is_some_and(|is| is.to_string() == amount.to_string()))
        };
        self.settle(|| self.quota(&team, change.name.as_str()).is_some_and(is_set)).await;
        Ok(if left.is_empty() {
            format!("The quota {} is set", change.name)
        } else {
            format!("The quota {} is set; {} stays limited, because another manager keeps it in Kubernetes", change.name, left.join(", "))
        })
    }

    pub(super) async fn remove_quota(&self, caller: &Caller, form: &QuotaForm) -> Result<(), Refusal> {
        let team = self.team_of(caller, form.get("team"), Action::SetQuota, "delete quota").await?;
        let name = form.get("name");
        let before =
            self.quota(&team, name).ok_or_else(|| Refusal::not_found("There is no such quota any more; look at the page again"))?;
        let states = (Some(json!({ "hard": before.hard })), None);
        let write = async { Ok(in_time(Box::pin(self.0.cluster.acting_as(caller).delete_quota(&team, name, form.get("seen")))).await?) };
        self.0.audit.around(caller, "delete quota", &subject(&team, name), states, write).await?;
        self.settle(|| self.quota(&team, name).is_none()).await;
        Ok(())
    }

    fn quota(&self, team: &TeamName, name: &str) -> Option<QuotaFacts> {
        self.0.cluster.index().quotas(team).into_iter().find(|quota| quota.name == name)
    }

    /// Waits a moment until what the cluster was asked for is seen, so that the page that comes next shows it.
    pub(super) async fn settle(&self, seen: impl Fn() -> bool) {
        let wait = async {
            while !seen() {
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), wait).await;
    }
}

/// What the audit log calls a quota.
fn subject(team: &TeamName, name: &str) -> String {
    format!("quota {team}/{}", name.get(..63).unwrap_or(name))
}

fn view(quota: &QuotaFacts, ground: &Ground, meters: Vec<slipway_domain::quota::meter::Meter>) -> QuotaView {
    let scope = match (quota.class(), quota.scopes.is_empty()) {
        (Some(class), _) => format!("Pods of priority class {class}"),
        (None, true) => "all Pods".to_owned(),
        (None, false) => {
            let said = quota.scopes.iter().map(|scope| format!("{} {} {}", scope.name, scope.operator, scope.values.join(", ")));
            said.collect::<Vec<_>>().join(" and ")
        }
    };
    QuotaView {
        name: quota.name.clone(),
        editable: quota.is_plain(),
        scope,
        meters,
        form: QuotaForm::of(quota),
        rows: form_rows(ground, Some(quota)),
    }
}

fn form_rows(ground: &Ground, quota: Option<&QuotaFacts>) -> Vec<FormRow> {
    let limited = quota.into_iter().flat_map(|quota| quota.hard.keys());
    let used = |resource: &str| quota.and_then(|quota| quota.used.get(resource)).map(|used| with_unit(resource, *used)).unwrap_or_default();
    let row = |resource: String| FormRow { words: words(&resource), used: used(&resource), resource };
    ground.rows(limited).into_iter().map(row).collect()
}

fn new_form(team: &TeamName, quotas: &[QuotaFacts]) -> QuotaForm {
    let taken = quotas.iter().any(|quota| quota.name == FIRST_NAME);
    let name = if taken { "" } else { FIRST_NAME };
    QuotaForm([("team", team.to_string()), ("name", name.to_owned())].map(|(field, text)| (field.to_owned(), text)).into())
}

/// What there is to ask more of.
fn askable(quotas: &[QuotaFacts]) -> Vec<(String, String)> {
    let of = |quota: &QuotaFacts, resource: &String| {
        let class = quota.class().map(|class| format!(" of priority class {class}")).unwrap_or_default();
        (format!("{}/{resource}", quota.name), format!("{}{class} (quota {})", words(resource), quota.name))
    };
    let mut choices: Vec<_> = quotas.iter().flat_map(|quota| quota.hard.keys().map(move |resource| of(quota, resource))).collect();
    // GPUs are what people ask for.
    choices.sort_by_key(|(value, _)| !value.contains("nvidia.com/"));
    choices
}
