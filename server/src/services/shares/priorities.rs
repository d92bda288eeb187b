//! Priority classes: one list for all teams, which platform admins keep.

use std::collections::BTreeMap;

use serde_json::json;
use slipway_domain::{
    person::Caller,
    policy::{Action, Subject},
    priority::{Plan, PriorityFacts, form::PriorityForm, plan},
    quota::view::{Priorities, PriorityPreview, PriorityRow},
    refusal::Refusal,
};

use super::{Shares, in_time, permit, why_not};
use crate::store::runs;

impl Shares {
    pub(super) async fn list_priorities(&self, caller: &Caller) -> Result<Priorities, Refusal> {
        // Who may run anything is offered the classes to choose from, so that everybody may see what they mean.
        permit(&self.0.audit, caller, (Action::ViewNodes, Subject::Platform), "see priorities", "priority classes").await?;
        let used = self.used().await?;
        let index = self.0.cluster.index();
        let row = |class: PriorityFacts| PriorityRow {
            runs: used.get(&class.name).map_or(0, |runs| u32::try_from(runs.len()).unwrap_or(u32::MAX)),
            form: PriorityForm::of(&class),
            class,
        };
        Ok(Priorities {
            classes: index.priorities().into_iter().map(row).collect(),
            may_not: why_not(caller, Action::ManagePriorities, Subject::Platform),
            stale_since: index.stale_since(),
        })
    }

    pub(super) async fn plan_priority(&self, caller: &Caller, form: &PriorityForm) -> Result<PriorityPreview, Refusal> {
        self.may_manage(caller, "plan priority class", form).await?;
        let classes = self.0.cluster.index().priorities();
        Ok(match form.parse(&classes) {
            Err(errors) => PriorityPreview { errors, plan: None },
            Ok(class) => {
                let plan = Some(self.plan(&classes, &class).await?);
                PriorityPreview { plan, ..PriorityPreview::default() }
            }
        })
    }

    pub(super) async fn write_priority(&self, caller: &Caller, form: &PriorityForm) -> Result<String, Refusal> {
        self.may_manage(caller, "set priority class", form).await?;
        let classes = self.0.cluster.index().priorities();
        let class = form.parse(&classes).map_err(|fields| Refusal::Invalid { fields })?;
        let before = classes.iter().find(|known| known.name == class.name);
        let plan = self.plan(&classes, &class).await?;
        let (seen, cluster) = (form.get("seen"), self.0.cluster.acting_as(caller));
        let states = (before.map(|class| json!(class)), Some(json!(class)));
        let said = match plan {
            Plan::Nothing => return Ok(format!("{} says so already", class.name)),
            Plan::Replace { steps } if form.get("replace") != "yes" => {
                let sentence = format!("This takes a replacement. {}. Choose to replace it, and save again", steps.join(". "));
                return Err(Refusal::field("replace", sentence));
            }
            Plan::Replace { .. } => {
                let write = async { Ok(in_time(Box::pin(cluster.replace_priority(&class, seen))).await?) };
                self.0.audit.around(caller, "replace priority class", &subject(&class.name), states, write).await?;
                format!("{} was deleted and made anew", class.name)
            }
            Plan::Make | Plan::Change => {
                let write = async { Ok(in_time(Box::pin(cluster.set_priority(&class, seen))).await?) };
                self.0.audit.around(caller, "set priority class", &subject(&class.name), states, write).await?;
                format!("{} is set", class.name)
            }
        };
        self.settle(|| self.0.cluster.index().priorities().contains(&class)).await;
        Ok(said)
    }

    pub(super) async fn remove_priority(&self, caller: &Caller, form: &PriorityForm) -> Result<(), Refusal> {
        self.may_manage(caller, "delete priority class", form).await?;
        let name = form.get("name");
        let classes = self.0.cluster.index().priorities();
        let class = classes.iter().find(|class| class.name == name);
        let class = class.ok_or_else(|| Refusal::not_found("There is no such class any more; look at the page again"))?;
        if class.is_systems() {
            return Err(Refusal::conflict("This class is Kubernetes' own: its parts run by it, so that it is never deleted"));
        }
        if let Some(runs) = self.used().await?.get(name).filter(|runs| !runs.is_empty()) {
            return Err(Refusal::conflict(format!("These runs refer to it, and their next Pods would be refused: {}", runs.join(", "))));
        }
        let write = async { Ok(in_time(Box::pin(self.0.cluster.acting_as(caller).delete_priority(name, form.get("seen")))).await?) };
        self.0.audit.around(caller, "delete priority class", &subject(name), (Some(json!(class)), None), write).await?;
        self.settle(|| self.0.cluster.index().priorities().iter().all(|class| class.name != name)).await;
        Ok(())
    }

    async fn may_manage(&self, caller: &Caller, word: &str, form: &PriorityForm) -> Result<(), Refusal> {
        let on = (Action::ManagePriorities, Subject::Platform);
        permit(&self.0.audit, caller, on, word, &subject(form.get("name"))).await
    }

    async fn plan(&self, classes: &[PriorityFacts], class: &PriorityFacts) -> Result<Plan, Refusal> {
        let before = classes.iter().find(|known| known.name == class.name);
        Ok(plan(before, class, &self.used().await?.remove(&class.name).unwrap_or_default()))
    }

    /// Runs that have not ended, as `TEAM/NAME`, by the class that they refer to.
    async fn used(&self) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
        let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for run in runs::unfinished(&self.0.store, None).await? {
            if let Some(class) = run.spec.priority_class {
                used.entry(class.to_string()).or_default().push(format!("{}/{}", run.row.team, run.row.name));
            }
        }
        Ok(used)
    }
}

fn subject(name: &str) -> String {
    format!("priority class {}", name.get(..63).unwrap_or(name))
}
