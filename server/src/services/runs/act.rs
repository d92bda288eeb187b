//! Stopping, suspending, resuming and deleting a run.

use std::collections::BTreeMap;

use serde_json::json;
use slipway_domain::{
    pending::{RESUMED_BY, SUSPENDED_BY},
    person::Caller,
    policy::{Action, Subject},
    refusal::Refusal,
    run::{
        spec::RunId,
        view::{EventRow, RunAction},
    },
};

use super::{
    super::{permit, why_not},
    Runs, in_time, subject,
};
use crate::{
    live::changes::Changed,
    store::{
        Store,
        history::{self, KeyedEvent},
        runs::{self, Run},
    },
};

const fn policy_action(action: RunAction) -> Action {
    match action {
        RunAction::Stop | RunAction::Suspend | RunAction::Resume => Action::StopRun,
        RunAction::Delete => Action::DeleteRun,
    }
}

/// What may not be done to a run now, why, and whom to ask.
pub(super) async fn denied(store: &Store, caller: &Caller, run: &Run) -> BTreeMap<RunAction, String> {
    let made = Subject::Made { team: &run.row.team, by: &run.made_by };
    let mut denied = BTreeMap::new();
    for action in RunAction::ALL {
        let by_policy = why_not(store, caller, (policy_action(action), made)).await;
        let sentence = by_policy.or_else(|| action.fits(run.row.state.kind()).err().map(|refusal| refusal.to_string()));
        denied.extend(sentence.map(|sentence| (action, sentence)));
    }
    denied
}

impl Runs {
    pub(super) async fn act(&self, caller: &Caller, id: &RunId, action: RunAction) -> Result<(), Refusal> {
        let run = self.visible(caller, id).await?;
        let word = format!("{} run", action.word());
        let what = subject(&run.row);
        let made = Subject::Made { team: &run.row.team, by: &run.made_by };
        permit(&self.0.audit, caller, (policy_action(action), made), &word, &what).await?;
        let before = run.row.state.kind();
        action.fits(before)?;
        let states = (Some(json!(before.word())), None);
        self.0.audit.around(caller, &word, &what, states, self.change(caller, &run, action)).await?;
        if action != RunAction::Delete {
            self.settle(id, before).await;
        }
        Ok(())
    }

    async fn change(&self, caller: &Caller, run: &Run, action: RunAction) -> Result<(), Refusal> {
        let (store, clock, changes) = (&self.0.store, &self.0.clock, &self.0.shared.changes);
        let (id, team, name) = (&run.row.id, &run.row.team, &run.row.name);
        let cluster = self.0.cluster.acting_as(caller);
        match action {
            RunAction::Stop => {
                history::order_stop(store, id, caller, clock.now()).await?;
                if let Err(error) = in_time(cluster.delete_job(team, name)).await {
                    history::refuse_stop(store, id, clock.now()).await?;
                    return Err(error.into());
                }
            }
            RunAction::Suspend => {
                in_time(cluster.set_suspended(team, name, true)).await?;
                self.say(run, SUSPENDED_BY, format!("{} suspended it in Slipway", caller.name)).await?;
            }
            RunAction::Resume => {
                in_time(cluster.set_suspended(team, name, false)).await?;
                self.say(run, RESUMED_BY, format!("{} resumed it in Slipway", caller.name)).await?;
            }
            RunAction::Delete => {
                // The Job first: were it left, it would hold the name in the cluster and belong to nobody.
                in_time(cluster.delete_job(team, name)).await?;
                runs::delete(store, id, clock.now()).await?;
                self.0.shared.intake.forget(id.clone()).await;
                changes.note(id, Changed { gone: Some(team.clone()), ..Changed::default() });
            }
        }
        Ok(())
    }
    /// Keeps an event of Slipway's own: the cluster shows that a Job is suspended, and not by whom.
    async fn say(&self, run: &Run, reason: &str, message: String) -> Result<(), Refusal> {
        let at = self.0.clock.now();
        let row = EventRow { at, warning: false, reason: reason.to_owned(), object: format!("Job/{}", run.row.name), message, count: 1 };
        let key = format!("slipway-{reason}-{}", at.as_millisecond());
        history::keep_events(&self.0.store, &[KeyedEvent { run: run.row.id.clone(), key, row }]).await?;
        Ok(())
    }
}
