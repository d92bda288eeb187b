//! From a form to a Job.
//!
//! What its Pods would be refused for is known before it is made. Kubernetes is then asked without consequence, so that its own
//! refusals come back beside the form's fields. Then what is
//! meant is written down: the audit log's intent, and the run's row, which claims the name. Only then is the Job made. If the
//! server goes down in between, the history driver finds a row whose Job is there, or is not, and says so.

use serde_json::json;
use slipway_domain::{
    person::Caller,
    policy::{self, Action, Subject},
    refusal::{FieldErrors, Refusal},
    run::{
        form::RunForm,
        spec::{RunId, RunSpec},
    },
    team::TeamName,
};
use uuid::Uuid;

use super::{Runs, in_time, permit};
use crate::{
    cluster::{WriteError, manifest},
    live::changes::Changed,
    store::{
        Error,
        runs::{self, NewRun},
    },
};

/// What the form means, as far as can be told without asking anybody: as the page shows it while typing.
pub(super) fn read(caller: &Caller, form: &RunForm) -> Result<RunSpec, FieldErrors> {
    let may_not = TeamName::parse(form.team.trim())
        .ok()
        .and_then(|team| policy::may(caller, Action::LaunchRun, Subject::Team(&team)).err())
        .map(|refusal| ("team".to_owned(), refusal.to_string()));
    match (form.parse(), may_not) {
        (Ok(spec), None) => Ok(spec),
        (Ok(_), Some(team)) => Err(FieldErrors::from([team])),
        (Err(mut fields), team) => {
            fields.extend(team);
            Err(fields)
        }
    }
}

/// What names of copies begin with: a name without its number, in letters that Kubernetes accepts.
pub(super) fn stem(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let stem = match plain.rsplit_once('-') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => stem,
        Some(_) | None => &plain,
    };
    let stem = stem.trim_matches('-');
    if stem.is_empty() { "run".to_owned() } else { stem.to_owned() }
}

impl Runs {
    pub(super) async fn launch(&self, caller: &Caller, form: &RunForm) -> Result<RunId, Refusal> {
        if let Ok(team) = TeamName::parse(form.team.trim()) {
            let what = format!("run {team}/{}", form.name.trim().get(..52).unwrap_or(form.name.trim()));
            permit(&self.0.audit, caller, (Action::LaunchRun, Subject::Team(&team)), "launch run", &what).await?;
        }
        let spec = form.parse().map_err(|fields| Refusal::Invalid { fields })?;
        if !self.teams(caller).await?.contains(&spec.team) {
            return Err(Refusal::field("team", format!("There is no team {}", spec.team)));
        }
        self.name_is_free(&spec).await?;
        self.has_a_chance(caller, &spec)?;
        let now = self.0.clock.now();
        let id = RunId(new_id(now.as_millisecond()));
        let objects = manifest::run(&spec, &id, &caller.name, &self.0.objects);
        let cluster = self.0.cluster.acting_as(caller);
        in_time(cluster.dry_run(&objects)).await.map_err(refusal)?;

        let new = NewRun { id, spec, by: (caller.id.clone(), caller.name.clone()), launched: now, applied: objects.to_yaml() };
        let what = format!("run {}/{} ({})", new.spec.team, new.spec.name, new.id);
        let change = async {
            match runs::insert(&self.0.store, &new).await {
                Err(Error::Duplicate(_)) => return Err(self.taken(&new.spec).await),
                other => other?,
            }
            match in_time(cluster.apply(&objects)).await {
                Ok(()) => {}
                Err(WriteError::Unreachable(why)) => {
                    self.0.shared.changes.note(&new.id, Changed::STATE);
                    return Err(Refusal::unavailable(format!(
                        "The cluster did not say whether it took the run: {why}. Look at the list of runs in a minute: there it goes on, or \
                         says that it was not started"
                    )));
                }
                Err(error) => {
                    runs::take_back(&self.0.store, &new.id).await?;
                    return Err(refusal(error));
                }
            }
            if let Err(error) = runs::set_made(&self.0.store, &new.id).await {
                tracing::warn!(%error, run = %new.id, "that the cluster took a run could not be written down; it is seen from its Job");
            }
            Ok(())
        };
        let after = json!({ "spec": new.spec });
        Box::pin(self.0.audit.around(caller, "launch run", &what, (None, Some(after)), change)).await?;
        self.0.shared.changes.note(&new.id, Changed::STATE);
        Ok(new.id)
    }

    async fn name_is_free(&self, spec: &RunSpec) -> Result<(), Refusal> {
        if runs::is_taken(&self.0.store, &spec.team, &spec.name).await? { Err(self.taken(spec).await) } else { Ok(()) }
    }

    /// The name is another run's; says which is free.
    async fn taken(&self, spec: &RunSpec) -> Refusal {
        let free = runs::free_name(&self.0.store, &spec.team, &stem(spec.name.as_str())).await;
        let hint = free.map_or_else(|_| "choose another".to_owned(), |name| format!("{name} is free"));
        Refusal::field("name", format!("{} has a run of this name; {hint}", spec.team))
    }
}

/// What Kubernetes refuses about a launch, beside the field that it is about.
fn refusal(error: WriteError) -> Refusal {
    match error {
        WriteError::Conflict(_) => {
            Refusal::field("name", "The cluster has, or is still deleting, a Job of this name; choose another, or try again in a minute")
        }
        WriteError::NotFound(_) => Refusal::field("team", "The cluster is still preparing this team's namespace; try again in a minute"),
        other => other.into(),
    }
}

fn new_id(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0).cast_unsigned();
    let nanoseconds = u32::try_from(milliseconds % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, milliseconds / 1000, nanoseconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_count_on_from_the_name_without_its_number() {
        for (name, want) in
            [("digits-7", "digits"), ("digits", "digits"), ("a-b-12", "a-b"), ("m.ina_x", "m-ina-x"), ("7", "7"), ("-1", "run")]
        {
            assert_eq!(stem(name), want, "{name}");
        }
    }

    #[test]
    fn ids_sort_by_the_time_of_the_launch() {
        let ids: Vec<_> = [0, 1, 999, 1_000, 1_764_000_000_000, 1_764_000_000_001].map(new_id).into();
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
