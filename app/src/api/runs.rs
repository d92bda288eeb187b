//! Runs: what the Runs, New run and Run pages ask.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};
use slipway_domain::{
    fit::Picture,
    refusal::Refusal,
    run::{
        form::RunForm,
        spec::RunId,
        view::{ChartQuery, EventRow, LaunchChoices, LogPage, LogQuery, Page, Preview, RunAction, RunDetail, RunQuery, RunRow},
    },
    team::TeamName,
};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};
pub use crate::parts::chart::Curve;

/// A page of the runs that the caller may see.
#[server(endpoint = "runs/list", input = GetUrl, output = Json)]
pub async fn list_runs(query: RunQuery) -> Result<Page<RunRow>, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.list(&caller, query).await)
}

/// One run.
#[server(endpoint = "runs/get", input = GetUrl, output = Json)]
pub async fn get_run(id: RunId) -> Result<RunDetail, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.get(&caller, &id).await)
}

/// What the New run page starts with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// What there is to choose from.
    pub choices: LaunchChoices,
    /// The form: a first one, a copy of a run, or what was posted and refused.
    pub form: RunForm,
    /// What would be applied.
    pub preview: Preview,
    /// Why what was posted was refused.
    pub refusal: Option<Refusal>,
}

/// What the New run page starts with; filled in from another run where one is named, with what `change` says of its fields.
#[server(endpoint = "runs/start", input = GetUrl, output = Json)]
pub async fn start_form(from: Option<RunId>, change: Option<String>) -> Result<Start, Failure> {
    let (ports, caller) = asker()?;
    let posted = use_context::<super::Posted>();
    let choices = answer(ports.runs.choices(&caller, None).await)?;
    let mut form = match (posted.as_ref(), from) {
        (Some(posted), _) => crate::posted::typed_form(posted),
        (None, Some(id)) => {
            let form = answer(ports.runs.clone_form(&caller, &id).await)?;
            crate::posted::changed_form(form, change.as_deref().unwrap_or_default())
        }
        (None, None) => RunForm { name: choices.suggested_name.clone(), ..RunForm::default() },
    };
    if form.team.is_empty()
        && let Some(team) = choices.teams.first()
    {
        form.team = team.to_string();
    }
    let preview = answer(ports.runs.preview(&caller, form.clone()).await)?;
    Ok(Start { choices, form, preview, refusal: posted.and_then(|posted| posted.refusal) })
}

/// What would be applied for this form.
#[server(endpoint = "runs/preview", input = Json, output = Json)]
pub async fn preview_run(form: RunForm) -> Result<Preview, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.preview(&caller, form).await)
}

/// The cluster as it decides whether a run of this team has room.
#[server(endpoint = "runs/picture", input = GetUrl, output = Json)]
pub async fn run_picture(team: TeamName) -> Result<Option<Picture>, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.picture(&caller, team).await)
}

/// Launches a run.
#[server(endpoint = "runs/launch", input = Json, output = Json)]
pub async fn launch_run(form: RunForm) -> Result<RunId, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.launch(&caller, form).await)
}

/// Stops, suspends, resumes or deletes a run.
#[server(endpoint = "runs/act", input = Json, output = Json)]
pub async fn act_on_run(id: RunId, action: RunAction) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.act(&caller, &id, action).await)
}

/// A curve, in the compact form in which it travels.
#[server(endpoint = "runs/chart", input = GetUrl, output = Json)]
pub async fn run_chart(id: RunId, query: ChartQuery) -> Result<Curve, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.chart(&caller, &id, query).await.map(|series| Curve::from_series(&series)))
}

/// Some lines of the log.
#[server(endpoint = "runs/logs", input = GetUrl, output = Json)]
pub async fn run_logs(id: RunId, query: LogQuery) -> Result<LogPage, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.logs(&caller, &id, query).await)
}

/// What Kubernetes and Slipway said about it.
#[server(endpoint = "runs/events", input = GetUrl, output = Json)]
pub async fn run_events(id: RunId) -> Result<Vec<EventRow>, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.events(&caller, &id).await)
}

/// The objects as they were applied.
#[server(endpoint = "runs/yaml", input = GetUrl, output = Json)]
pub async fn run_yaml(id: RunId) -> Result<String, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.runs.yaml(&caller, &id).await)
}
