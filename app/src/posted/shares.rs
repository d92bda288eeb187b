//! The plain forms of quotas, limits, requests and priority classes.

use slipway_domain::{
    limit::form::LimitForm,
    person::Caller,
    priority::form::PriorityForm,
    quota::{
        form::QuotaForm,
        request::{Answer, AskForm, RequestId},
    },
    refusal::Refusal,
};

use super::{Fields, Outcome, unknown};
use crate::{api::Posted, paths, ports::Ports};

/// A form of a team's quotas.
pub(super) async fn quota(fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    let texts = || fields.0.clone();
    let back = || Outcome::Go(paths::quota(fields.get("team")));
    match fields.get("do") {
        "preview" => Ok(Outcome::Show(Posted { typed: texts(), ..Posted::default() })),
        "quota" => ports.shares.set_quota(caller, QuotaForm(texts())).await.map(done),
        "delete_quota" => ports.shares.delete_quota(caller, QuotaForm(texts())).await.map(|()| back()),
        "limits" => ports.shares.set_limits(caller, LimitForm(texts())).await.map(done),
        "delete_limits" => ports.shares.delete_limits(caller, LimitForm(texts())).await.map(|()| back()),
        "ask" => ports.shares.ask(caller, AskForm(texts())).await.map(|_| back()),
        word => {
            let answer = Answer::parse(word, fields.get("why")).ok_or_else(unknown)?;
            ports.shares.answer(caller, &RequestId(fields.get("request").to_owned()), answer).await.map(|()| back())
        }
    }
}

/// A form of the priority classes.
pub(super) async fn priorities(fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    let form = PriorityForm(fields.0.clone());
    match fields.get("do") {
        "preview" => Ok(Outcome::Show(Posted { typed: form.0, ..Posted::default() })),
        "priority" => ports.shares.set_priority(caller, form).await.map(done),
        "delete" => ports.shares.delete_priority(caller, form).await.map(|()| Outcome::Go(paths::PRIORITIES.to_owned())),
        _ => Err(unknown()),
    }
}

/// What was done, on the page as it is now.
fn done(sentence: String) -> Outcome {
    Outcome::Show(Posted { done: Some(sentence), ..Posted::default() })
}
