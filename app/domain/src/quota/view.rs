//! Shares as pages show them: what the ports answer and the pages draw.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{form::QuotaForm, impact::Effect, meter::Meter, request::Request};
use crate::{
    limit::form::LimitForm,
    priority::{Plan, PriorityFacts, form::PriorityForm},
    refusal::FieldErrors,
    team::TeamName,
};

/// The quotas of one team in the list of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeamRow {
    /// The team.
    pub team: TeamName,
    /// Its meters.
    pub meters: Vec<Meter>,
    /// Requests that wait for an answer.
    pub asked: u32,
}

/// The quotas of every team that one may see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// By name.
    pub teams: Vec<TeamRow>,
    /// What the cluster shows may be older than this, when it is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}

/// A resource in a quota's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormRow {
    /// Its name there.
    pub resource: String,
    /// The same in words.
    pub words: String,
    /// Used now, with its unit; empty where it is not known because nothing limits it.
    pub used: String,
}

/// A quota with its form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotaView {
    /// Its name.
    pub name: String,
    /// Whether the form can hold it: its scope is none, or one priority class.
    pub editable: bool,
    /// Its scope in words, such as `Pods of priority class training`.
    pub scope: String,
    /// Its meters.
    pub meters: Vec<Meter>,
    /// The form that means what is there.
    pub form: QuotaForm,
    /// The rows of its form.
    pub rows: Vec<FormRow>,
}

/// Limits with their form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitView {
    /// Their name.
    pub name: String,
    /// What holds for each kind and resource once the API server has filled in what is not said.
    pub effective: Vec<LimitRow>,
    /// What is easily overlooked.
    pub traps: Vec<String>,
    /// The form that means what is there.
    pub form: LimitForm,
}

/// The bounds of one resource of one kind, in words; empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRow {
    /// `Container`, `Pod` or `PersistentVolumeClaim`.
    pub kind: String,
    /// The resource.
    pub resource: String,
    /// The least, the request and the limit of who states none, the most, and how many times its request a limit may be.
    pub bounds: [String; 5],
}

/// Everything about the shares of one team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeamShares {
    /// The team.
    pub team: TeamName,
    /// Its quotas, by name.
    pub quotas: Vec<QuotaView>,
    /// The form for another quota, with its rows.
    pub new_quota: (QuotaForm, Vec<FormRow>),
    /// Its limits, by name.
    pub limits: Vec<LimitView>,
    /// The form for limits where there are none.
    pub new_limits: LimitForm,
    /// Resources that the form for limits has rows for.
    pub limit_rows: Vec<String>,
    /// The cluster's priority classes.
    pub classes: Vec<String>,
    /// What there is to ask more of: the value in the form and what a person reads.
    pub askable: Vec<(String, String)>,
    /// Requests, newest first.
    pub requests: Vec<RequestView>,
    /// Why the caller may not set quotas; none where they may.
    pub may_not_set: Option<String>,
    /// Why the caller may not set limits; none where they may.
    pub may_not_limit: Option<String>,
    /// What the cluster shows may be older than this, when it is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}

/// A request with what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// The request.
    pub request: Request,
    /// What it asks for, such as `2 GPUs more`.
    pub words: String,
    /// What fits its state, and for each what keeps the caller from it, if anything does.
    pub answers: BTreeMap<String, Option<String>>,
}

/// What a form would do, said while typing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What is wrong, field by field.
    pub errors: FieldErrors,
    /// What the change would do; empty where it is wrong.
    pub effects: Vec<Effect>,
}

/// A priority class in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityRow {
    /// What it says.
    pub class: PriorityFacts,
    /// Runs that refer to it and have not ended.
    pub runs: u32,
    /// The form that means what is there.
    pub form: PriorityForm,
}

/// The cluster's priority classes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priorities {
    /// Highest first.
    pub classes: Vec<PriorityRow>,
    /// Why the caller may not change them; none where they may.
    pub may_not: Option<String>,
    /// What the cluster shows may be older than this, when it is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}

/// What a class's form would do, said while typing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityPreview {
    /// What is wrong, field by field.
    pub errors: FieldErrors,
    /// What it takes; none where it is wrong.
    pub plan: Option<Plan>,
}
