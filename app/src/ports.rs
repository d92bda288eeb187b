//! What the pages ask of the server: one trait a noun, implemented by the server's services and by nothing else.
//!
//! Every method takes the [`Caller`] first, so that permission is decided where the work is done and a page cannot forget it.
//! The server puts one [`Ports`] into the context of each request; server functions in [`crate::api`] take it from there.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::stream::BoxStream;
use slipway_domain::{
    audit::{AuditPage, AuditQuery, Chain, ExportFormat},
    fit::Picture,
    limit::form::LimitForm,
    node::{Fleet, NodeDetail, NodeQuery},
    person::{Caller, PersonId, Role},
    priority::form::PriorityForm,
    quota::{
        form::QuotaForm,
        request::{Answer, AskForm, RequestId},
        view as shares,
    },
    refusal::{FieldErrors, Refusal},
    relayout::form::{LayoutForm, LayoutPage, RelayoutId},
    run::{
        form::RunForm,
        spec::RunId,
        view::{ChartQuery, EventRow, LaunchChoices, LogPage, LogQuery, Page, Preview, RunAction, RunDetail, RunQuery, RunRow, Series},
    },
    session::{Invitation, PersonForm, PersonRow, SessionRow, Welcome},
    team::{MemberForm, TeamDetail, TeamForm, TeamList, TeamName},
};

/// Runs: launch, watch, end.
#[async_trait]
pub trait Runs: Send + Sync {
    /// A page of the runs that the caller may see.
    async fn list(&self, caller: &Caller, query: RunQuery) -> Result<Page<RunRow>, Refusal>;
    /// One run.
    async fn get(&self, caller: &Caller, id: &RunId) -> Result<RunDetail, Refusal>;
    /// What the New run form offers to choose from.
    async fn choices(&self, caller: &Caller, team: Option<TeamName>) -> Result<LaunchChoices, Refusal>;
    /// The form that makes a copy of a run.
    async fn clone_form(&self, caller: &Caller, id: &RunId) -> Result<RunForm, Refusal>;
    /// What would be applied for this form and whether it would run; asks neither store nor cluster.
    async fn preview(&self, caller: &Caller, form: RunForm) -> Result<Preview, Refusal>;
    /// The cluster as it decides whether a run of this team has room; none while it is not known.
    async fn picture(&self, caller: &Caller, team: TeamName) -> Result<Option<Picture>, Refusal>;
    /// Launches a run: parse, server-side dry run, apply, record.
    async fn launch(&self, caller: &Caller, form: RunForm) -> Result<RunId, Refusal>;
    /// Stops, suspends, resumes or deletes a run.
    async fn act(&self, caller: &Caller, id: &RunId, action: RunAction) -> Result<(), Refusal>;
    /// A curve, no wider than the chart.
    async fn chart(&self, caller: &Caller, id: &RunId, query: ChartQuery) -> Result<Series, Refusal>;
    /// Some lines of the log.
    async fn logs(&self, caller: &Caller, id: &RunId, query: LogQuery) -> Result<LogPage, Refusal>;
    /// What Kubernetes and Slipway said about it, newest first.
    async fn events(&self, caller: &Caller, id: &RunId) -> Result<Vec<EventRow>, Refusal>;
    /// The objects as they were applied, in YAML.
    async fn yaml(&self, caller: &Caller, id: &RunId) -> Result<String, Refusal>;
}

/// People: who there is and what they may do.
#[async_trait]
pub trait People: Send + Sync {
    /// Everybody whom the caller may see.
    async fn list(&self, caller: &Caller) -> Result<Vec<PersonRow>, Refusal>;
    /// Teams there are, for a platform admin; for others those they belong to.
    async fn teams(&self, caller: &Caller) -> Result<Vec<TeamName>, Refusal>;
    /// Makes an account and the one-time link with which its owner sets a password.
    async fn invite(&self, caller: &Caller, form: PersonForm) -> Result<Invitation, Refusal>;
    /// A new one-time link for somebody who lost their password; ends their sessions.
    async fn reset(&self, caller: &Caller, person: &PersonId) -> Result<Invitation, Refusal>;
    /// Gives a role in a team, or takes it away.
    async fn set_role(&self, caller: &Caller, person: &PersonId, team: &TeamName, role: Option<Role>) -> Result<(), Refusal>;
    /// Whom a one-time link is for. The one thing that is asked by somebody who is not signed in.
    async fn welcome(&self, token: &str) -> Result<Welcome, Refusal>;
    /// Lets a person sign in, or no longer; the latter ends their sessions.
    async fn set_active(&self, caller: &Caller, person: &PersonId, active: bool) -> Result<(), Refusal>;
    /// The caller's own sessions.
    async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionRow>, Refusal>;
    /// Ends one of the caller's sessions, or all but the one that asks.
    async fn end_sessions(&self, caller: &Caller, handle: Option<String>) -> Result<(), Refusal>;
    /// Changes the caller's password; ends their other sessions.
    async fn change_password(&self, caller: &Caller, old: String, new: String) -> Result<(), Refusal>;
}

/// Nodes: their GPUs as they are cut, and who holds what.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// A page of the nodes, and what there is in all.
    async fn list(&self, caller: &Caller, query: NodeQuery) -> Result<Fleet, Refusal>;
    /// One node.
    async fn get(&self, caller: &Caller, name: &str) -> Result<NodeDetail, Refusal>;
    /// Keeps new Pods off a node, or lets them come again.
    async fn set_cordoned(&self, caller: &Caller, name: &str, cordoned: bool) -> Result<(), Refusal>;
}

/// Shares: what each team gets of what all share, and who goes first.
#[async_trait]
pub trait Shares: Send + Sync {
    /// The quotas of every team that the caller may see.
    async fn list(&self, caller: &Caller) -> Result<shares::Shares, Refusal>;
    /// Everything about the shares of one team.
    async fn team(&self, caller: &Caller, team: &TeamName) -> Result<shares::TeamShares, Refusal>;
    /// What is wrong with a quota's form, and what it would break; changes nothing.
    async fn preview_quota(&self, caller: &Caller, form: QuotaForm) -> Result<shares::Preview, Refusal>;
    /// Sets a quota, unless somebody has changed it since the form was made; answers with what was done, in a sentence.
    async fn set_quota(&self, caller: &Caller, form: QuotaForm) -> Result<String, Refusal>;
    /// Deletes the quota that a form names, unless somebody has changed it since the form was made.
    async fn delete_quota(&self, caller: &Caller, form: QuotaForm) -> Result<(), Refusal>;
    /// Sets limits, unless somebody has changed them since the form was made; answers with what was done, in a sentence.
    async fn set_limits(&self, caller: &Caller, form: LimitForm) -> Result<String, Refusal>;
    /// Deletes the limits that a form names, unless somebody has changed them since the form was made.
    async fn delete_limits(&self, caller: &Caller, form: LimitForm) -> Result<(), Refusal>;
    /// Asks for more of a quota until a date.
    async fn ask(&self, caller: &Caller, form: AskForm) -> Result<RequestId, Refusal>;
    /// Answers a request, takes back what was granted, or withdraws one's own.
    async fn answer(&self, caller: &Caller, id: &RequestId, answer: Answer) -> Result<(), Refusal>;
    /// The cluster's priority classes.
    async fn priorities(&self, caller: &Caller) -> Result<shares::Priorities, Refusal>;
    /// What is wrong with a class's form, and what it takes; changes nothing.
    async fn preview_priority(&self, caller: &Caller, form: PriorityForm) -> Result<shares::PriorityPreview, Refusal>;
    /// Makes, changes or (where the form agrees to it) replaces a class; answers with what was done, in a sentence.
    async fn set_priority(&self, caller: &Caller, form: PriorityForm) -> Result<String, Refusal>;
    /// Deletes the class that a form names.
    async fn delete_priority(&self, caller: &Caller, form: PriorityForm) -> Result<(), Refusal>;
}

/// Teams: which there are, who is in them, and how their namespaces stand.
#[async_trait]
pub trait Teams: Send + Sync {
    /// Every team whose people the caller may see.
    async fn list(&self, caller: &Caller) -> Result<TeamList, Refusal>;
    /// One team.
    async fn get(&self, caller: &Caller, team: &TeamName) -> Result<TeamDetail, Refusal>;
    /// Makes a team; its namespace follows as soon as the cluster is there.
    async fn create(&self, caller: &Caller, form: TeamForm) -> Result<TeamName, Refusal>;
    /// Has the team's namespace prepared again, now.
    async fn prepare(&self, caller: &Caller, team: &TeamName) -> Result<(), Refusal>;
    /// Gives somebody with an account a role in the team.
    async fn add(&self, caller: &Caller, team: &TeamName, form: MemberForm) -> Result<(), Refusal>;
}

/// The audit log.
#[async_trait]
pub trait Audit: Send + Sync {
    /// A page of the entries that the caller may see.
    async fn list(&self, caller: &Caller, query: AuditQuery) -> Result<AuditPage, Refusal>;
    /// Recomputes the whole chain.
    async fn verify(&self, caller: &Caller) -> Result<Chain, Refusal>;
    /// The rows of the entries asked for, as text, piece by piece. That it was asked for is written down first.
    async fn export(
        &self,
        caller: &Caller,
        query: AuditQuery,
        format: ExportFormat,
    ) -> Result<BoxStream<'static, Result<String, Refusal>>, Refusal>;
}

/// How the GPUs of a node are cut, and cutting them anew.
#[async_trait]
pub trait Relayouts: Send + Sync {
    /// A node's cut, what it can be, who would have to move, and what was and is done to it.
    async fn page(&self, caller: &Caller, node: &str, form: LayoutForm) -> Result<LayoutPage, Refusal>;
    /// Orders another cut, which is carried out in the caller's name.
    async fn order(&self, caller: &Caller, node: &str, form: LayoutForm) -> Result<RelayoutId, Refusal>;
    /// Aborts what is under way there, or gives up what failed: the cordon is lifted.
    async fn abort(&self, caller: &Caller, node: &str) -> Result<(), Refusal>;
}

/// Everything the pages may ask.
#[derive(Clone)]
pub struct Ports {
    /// Runs.
    pub runs: Arc<dyn Runs>,
    /// People.
    pub people: Arc<dyn People>,
    /// Nodes.
    pub nodes: Arc<dyn Nodes>,
    /// Quotas, limits, priorities and requests for more.
    pub shares: Arc<dyn Shares>,
    /// Teams.
    pub teams: Arc<dyn Teams>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// Cutting GPUs anew.
    pub relayouts: Arc<dyn Relayouts>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// A form that was refused in a plain POST: it comes back filled in, with a sentence beside each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// What was typed, by field (never a password).
    pub typed: BTreeMap<String, String>,
    /// What is wrong, by field.
    pub errors: FieldErrors,
}
