//! In place of the runs' service until it is wired in.
use async_trait::async_trait;
use slipway_app::ports::Runs;
use slipway_domain::{
    person::Caller,
    refusal::Refusal,
    run::{form::RunForm, spec::RunId, view::*},
    team::TeamName,
};
pub struct NoRuns;
fn no<T>() -> Result<T, Refusal> {
    Err(Refusal::unavailable("Runs are not wired in yet"))
}
#[async_trait]
impl Runs for NoRuns {
    async fn list(&self, _: &Caller, _: RunQuery) -> Result<Page<RunRow>, Refusal> { no() }
    async fn get(&self, _: &Caller, _: &RunId) -> Result<RunDetail, Refusal> { no() }
    async fn choices(&self, _: &Caller, _: Option<TeamName>) -> Result<LaunchChoices, Refusal> { no() }
    async fn clone_form(&self, _: &Caller, _: &RunId) -> Result<RunForm, Refusal> { no() }
    async fn preview(&self, _: &Caller, _: RunForm) -> Result<Preview, Refusal> { no() }
    async fn launch(&self, _: &Caller, _: RunForm) -> Result<RunId, Refusal> { no() }
    async fn act(&self, _: &Caller, _: &RunId, _: RunAction) -> Result<(), Refusal> { no() }
    async fn chart(&self, _: &Caller, _: &RunId, _: ChartQuery) -> Result<Series, Refusal> { no() }
    async fn logs(&self, _: &Caller, _: &RunId, _: LogQuery) -> Result<LogPage, Refusal> { no() }
    async fn events(&self, _: &Caller, _: &RunId) -> Result<Vec<EventRow>, Refusal> { no() }
    async fn yaml(&self, _: &Caller, _: &RunId) -> Result<String, Refusal> { no() }
}
