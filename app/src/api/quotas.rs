//! Quotas, limits and requests for more: what the Quotas pages ask.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use slipway_domain::{
    limit::form::LimitForm,
    quota::{
        form::QuotaForm,
        request::{Answer, AskForm, RequestId},
        view::{Preview, Shares, TeamShares},
    },
    team::TeamName,
};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// The quotas of every team that the caller may see.
#[server(endpoint = "quotas/list", input = GetUrl, output = Json)]
pub async fn list_quotas() -> Result<Shares, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.list(&caller).await)
}

/// The shares of one team; and what a posted form would do, where a page without a script asks that.
#[server(endpoint = "quotas/team", input = GetUrl, output = Json)]
pub async fn get_shares(team: TeamName) -> Result<(TeamShares, Preview), Failure> {
    let (ports, caller) = asker()?;
    let shares = answer(ports.shares.team(&caller, &team).await)?;
    let asked = use_context::<super::Posted>().filter(|posted| posted.typed.get("do").is_some_and(|word| word == "preview"));
    let preview = match asked {
        Some(posted) => answer(ports.shares.preview_quota(&caller, QuotaForm(posted.typed)).await)?,
        None => Preview::default(),
    };
    Ok((shares, preview))
}

/// What is wrong with a quota's form, and what it would break.
#[server(endpoint = "quotas/preview", input = Json, output = Json)]
pub async fn preview_quota(form: QuotaForm) -> Result<Preview, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.preview_quota(&caller, form).await)
}

/// Sets a quota.
#[server(endpoint = "quotas/set", input = Json, output = Json)]
pub async fn set_quota(form: QuotaForm) -> Result<String, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.set_quota(&caller, form).await)
}

/// Deletes a quota.
#[server(endpoint = "quotas/delete", input = Json, output = Json)]
pub async fn delete_quota(form: QuotaForm) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.delete_quota(&caller, form).await)
}

/// Sets limits.
#[server(endpoint = "limits/set", input = Json, output = Json)]
pub async fn set_limits(form: LimitForm) -> Result<String, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.set_limits(&caller, form).await)
}

/// Deletes limits.
#[server(endpoint = "limits/delete", input = Json, output = Json)]
pub async fn delete_limits(form: LimitForm) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.delete_limits(&caller, form).await)
}

/// Asks for more of a quota until a date.
#[server(endpoint = "quotas/ask", input = Json, output = Json)]
pub async fn ask_for_quota(form: AskForm) -> Result<RequestId, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.ask(&caller, form).await)
}

/// Answers a request, takes back what was granted, or withdraws one's own.
#[server(endpoint = "quotas/answer", input = Json, output = Json)]
pub async fn answer_request(id: RequestId, reply: Answer) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.shares.answer(&caller, &id, reply).await)
}
