//! Runs: launched, watched, ended, deleted. Reads come from the store and the index and go on while the cluster is away; what
//! changes something in the cluster is asked of it in the caller's name.

mod act;
mod fit;
mod launch;
mod why;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use slipway_app::ports;
use slipway_domain::{
    fit::Picture,
    person::Caller,
    policy::{self, Action, Subject},
    refusal::Refusal,
    run::{
        form::RunForm,
        spec::RunId,
        state::StateKind,
        view::{ChartQuery, EventRow, LaunchChoices, LogPage, LogQuery, Page, Preview, RunAction, RunDetail, RunQuery, RunRow, Series},
    },
    team::TeamName,
};

use super::{in_time, permit, to_the_end};
use crate::{
    clock::Clock,
    cluster::{Cluster, manifest},
    drivers::Shared,
    store::{
        Store,
        audit::Audit,
        history, logs, metrics,
        runs::{self, Run, Visible},
        teams,
    },
};

/// The port, implemented. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    cluster: Cluster,
    audit: Audit,
    clock: Clock,
    objects: manifest::Settings,
    shared: Shared,
    drawing: fit::Drawing,
}

impl Runs {
    /// The service; `objects` is what runs are made with, `shared` what the drivers gave.
    pub fn new(store: Store, cluster: Cluster, clock: Clock, objects: manifest::Settings, shared: Shared) -> Self {
        let audit = Audit::new(store.clone(), clock.clone());
        Self(Arc::new(Inner { store, cluster, audit, clock, objects, shared, drawing: fit::Drawing::default() }))
    }

    /// A run that the caller may see.
    async fn visible(&self, caller: &Caller, id: &RunId) -> Result<Run, Refusal> {
        let run = runs::get(&self.0.store, id).await?;
        let run = run.ok_or_else(|| Refusal::not_found("There is no such run; it may have been deleted. Look at the list of runs"))?;
        permit(&self.0.audit, caller, (Action::ViewRuns, Subject::Team(&run.row.team)), "see run", &subject(&run.row)).await?;
        Ok(run)
    }

    /// The teams in which the caller may launch.
    async fn teams(&self, caller: &Caller) -> Result<Vec<TeamName>, Refusal> {
        let teams = teams::list(&self.0.store).await?;
        Ok(teams.into_iter().filter(|team| policy::may(caller, Action::LaunchRun, Subject::Team(team)).is_ok()).collect())
    }

    /// Waits a moment until what the cluster was asked for is seen, so that the page that comes next shows it.
    async fn settle(&self, id: &RunId, before: StateKind) {
        let seen = async {
            while let Ok(Some(run)) = runs::get(&self.0.store, id).await
                && run.row.state.kind() == before
            {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        // Where it takes longer, the page hears of it live.
        let _ = tokio::time::timeout(Duration::from_secs(1), seen).await;
    }
}

/// What the audit log calls a run.
fn subject(row: &RunRow) -> String {
    format!("run {}/{} ({})", row.team, row.name, row.id)
}

#[async_trait]
impl ports::Runs for Runs {
    async fn list(&self, caller: &Caller, query: RunQuery) -> Result<Page<RunRow>, Refusal> {
        if !query.team.is_empty() {
            let team = TeamName::parse(&query.team).map_err(|error| Refusal::field("team", error.to_string()))?;
            permit(&self.0.audit, caller, (Action::ViewRuns, Subject::Team(&team)), "list runs", &format!("team {team}")).await?;
        }
        let visible = if caller.platform_admin { Visible::All } else { Visible::Teams(caller.roles.keys().cloned().collect()) };
        let (rows, total) = runs::list(&self.0.store, &visible, &query).await?;
        Ok(Page { rows, total, stale_since: self.0.cluster.index().stale_since() })
    }

    async fn get(&self, caller: &Caller, id: &RunId) -> Result<RunDetail, Refusal> {
        let run = self.visible(caller, id).await?;
        let store = &self.0.store;
        let pods = history::pods(store, id).await?;
        Ok(RunDetail {
            why: self.why(caller, &run, &pods).await?,
            ledger: self.ledger(caller, id).await?,
            phases: history::phases(store, id).await?,
            pods,
            metrics: metrics::summaries(store, id).await?,
            checkpoints: history::checkpoints(store, id).await?,
            denied: act::denied(store, caller, &run).await,
            stale_since: self.0.cluster.index().stale_since(),
            row: run.row,
            made_by: run.made_by,
            spec: run.spec,
        })
    }

    async fn choices(&self, caller: &Caller, team: Option<TeamName>) -> Result<LaunchChoices, Refusal> {
        let teams = self.teams(caller).await?;
        let index = self.0.cluster.index();
        let suggested_name = match team.as_ref().filter(|team| teams.contains(team)).or(teams.first()) {
            Some(team) => runs::free_name(&self.0.store, team, &launch::stem(caller.name.as_str())).await?,
            None => String::new(),
        };
        Ok(LaunchChoices {
            gpu_products: index.gpu_products(),
            mig_profiles: index.mig_profiles(),
            priority_classes: index
                .priorities()
                .into_iter()
                .filter(|class| !class.name.starts_with("system-"))
                .map(|class| (class.name, class.value))
                .collect(),
            teams,
            suggested_name,
        })
    }

    async fn clone_form(&self, caller: &Caller, id: &RunId) -> Result<RunForm, Refusal> {
        let run = self.visible(caller, id).await?;
        let name = runs::free_name(&self.0.store, &run.row.team, &launch::stem(run.row.name.as_str())).await?;
        Ok(RunForm::from_spec(&run.spec, name))
    }

    async fn preview(&self, caller: &Caller, form: RunForm) -> Result<Preview, Refusal> {
        Ok(match launch::read(caller, &form) {
            Ok(spec) => {
                let objects = manifest::run(&spec, &RunId("given-at-launch".to_owned()), &caller.name, &self.0.objects);
                Preview { yaml: Some(objects.to_yaml()), answer: self.judged(caller, &spec), ..Preview::default() }
            }
            Err(errors) => Preview { errors, ..Preview::default() },
        })
    }

    async fn picture(&self, caller: &Caller, team: TeamName) -> Result<Option<Picture>, Refusal> {
        let on = (Action::LaunchRun, Subject::Team(&team));
        permit(&self.0.audit, caller, on, "ask what is free", &format!("team {team}")).await?;
        Ok(self.drawn(caller, &team))
    }

    async fn launch(&self, caller: &Caller, form: RunForm) -> Result<RunId, Refusal> {
        let (runs, caller) = (self.clone(), caller.clone());
        to_the_end(async move { runs.launch(&caller, &form).await }).await
    }

    async fn act(&self, caller: &Caller, id: &RunId, action: RunAction) -> Result<(), Refusal> {
        let (runs, caller, id) = (self.clone(), caller.clone(), id.clone());
        to_the_end(async move { runs.act(&caller, &id, action).await }).await
    }

    async fn chart(&self, caller: &Caller, id: &RunId, query: ChartQuery) -> Result<Series, Refusal> {
        self.visible(caller, id).await?;
        Ok(metrics::chart(&self.0.store, id, &query).await?)
    }

    async fn logs(&self, caller: &Caller, id: &RunId, query: LogQuery) -> Result<LogPage, Refusal> {
        self.visible(caller, id).await?;
        Ok(logs::page(&self.0.store, id, &query).await?)
    }

    async fn events(&self, caller: &Caller, id: &RunId) -> Result<Vec<EventRow>, Refusal> {
        self.visible(caller, id).await?;
        Ok(history::events(&self.0.store, id).await?)
    }

    async fn yaml(&self, caller: &Caller, id: &RunId) -> Result<String, Refusal> {
        self.visible(caller, id).await?;
        let applied = runs::applied(&self.0.store, id).await?;
        applied.ok_or_else(|| Refusal::not_found("There is no such run; it was deleted at this moment"))
    }
}
