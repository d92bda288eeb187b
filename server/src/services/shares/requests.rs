//! Requests for more until a date: asked, answered, carried out.
//!
//! Granting writes down the decision first, with who made it, and then asks the cluster in their name. Taking back is part of what
//! they ordered, so that it is done in their name, too, when the time comes (`drivers::grants`): the server's own account may set
//! no quota. Should their account have lost that power since, the order stands all the same: it only ever gives back.

use std::collections::BTreeMap;

use serde_json::json;
use slipway_domain::{
    person::Caller,
    policy::{Action, Subject},
    quota::{
        request::{Answer, AskForm, Request, RequestId, RequestState},
        view::RequestView,
    },
    refusal::Refusal,
    team::TeamName,
};
use uuid::Uuid;

use super::{Shares, in_time, permit, why_not};
use crate::{
    cluster::{ShareError, WriteError},
    store::quota_requests,
};

impl Shares {
    pub(super) async fn requests_of(&self, caller: &Caller, team: &TeamName) -> Result<Vec<RequestView>, Refusal> {
        let requests = quota_requests::of_team(&self.0.store, team).await?;
        Ok(requests.into_iter().map(|request| self.view(caller, request)).collect())
    }

    fn view(&self, caller: &Caller, request: Request) -> RequestView {
        let may_not = why_not(caller, Action::SetQuota, Subject::Team(&request.team));
        let mine = request.made_by == caller.id;
        let fitting = match request.state {
            RequestState::Asked if mine => vec![Answer::Withdraw, Answer::Approve, Answer::Refuse { why: "-".to_owned() }],
            RequestState::Asked => vec![Answer::Approve, Answer::Refuse { why: "-".to_owned() }],
            RequestState::Granted { .. } => vec![Answer::End],
            RequestState::Refused { .. } | RequestState::Ended { .. } | RequestState::Withdrawn => Vec::new(),
        };
        let keeps = |answer: &Answer| match answer {
            Answer::Withdraw => None,
            Answer::Approve | Answer::Refuse { .. } | Answer::End => {
                may_not.clone().or_else(|| request.answered(answer, caller, self.0.clock.now()).err().map(|refusal| refusal.to_string()))
            }
        };
        let answers: BTreeMap<_, _> = fitting.iter().map(|answer| (answer.word().to_owned(), keeps(answer))).collect();
        RequestView { words: request.words(), answers, request }
    }

    pub(super) async fn write_request(&self, caller: &Caller, form: &AskForm) -> Result<RequestId, Refusal> {
        let team = self.team_of(caller, form.get("team"), Action::AskForQuota, "ask for quota").await?;
        let now = self.0.clock.now();
        let ask = form.parse(&self.0.cluster.index().quotas(&team), now).map_err(|fields| Refusal::Invalid { fields })?;
        let request = Request {
            id: RequestId(new_id(now.as_millisecond())),
            team,
            quota: ask.quota,
            resource: ask.resource,
            amount: ask.amount,
            until: ask.until,
            why: ask.why,
            by: caller.name.clone(),
            made_by: caller.id.clone(),
            asked: now,
            state: RequestState::Asked,
            trouble: None,
        };
        let after = json!({ "resource": request.resource, "amount": request.amount, "until": request.until, "why": request.why });
        let write = async { Ok(quota_requests::insert(&self.0.store, &request).await?) };
        self.0.audit.around(caller, "ask for quota", &subject(&request), (None, Some(after)), write).await?;
        Ok(request.id)
    }

    pub(super) async fn answer_request(&self, caller: &Caller, id: &RequestId, answer: &Answer) -> Result<(), Refusal> {
        let word = format!("{} quota request", answer.word());
        let request = quota_requests::get(&self.0.store, id).await?;
        let Some(request) = request else {
            permit(&self.0.audit, caller, (Action::SetQuota, Subject::Platform), &word, "an unknown request").await?;
            return Err(Refusal::not_found("There is no such request; look at the page again"));
        };
        let (action, what) = match answer {
            Answer::Withdraw => (Action::AskForQuota, subject(&request)),
            Answer::Approve | Answer::Refuse { .. } | Answer::End => (Action::SetQuota, subject(&request)),
        };
        permit(&self.0.audit, caller, (action, Subject::Team(&request.team)), &word, &what).await?;
        let now = self.0.clock.now();
        let state = match request.answered(answer, caller, now) {
            Err(refusal @ Refusal::Forbidden { .. }) => {
                self.0.audit.denied(caller, &word, &what, &refusal).await;
                return Err(refusal);
            }
            other => other?,
        };
        let states = (Some(json!(request.state)), Some(json!(state)));
        let change = async {
            match answer {
                Answer::Approve => self.grant(caller, &request, &state).await,
                // First out of the quota: a request that has ended is looked after by nobody.
                Answer::End => {
                    in_time(Box::pin(self.0.cluster.acting_as(caller).take_back(&request))).await?;
                    self.put(&request, &state, None).await
                }
                Answer::Refuse { .. } | Answer::Withdraw => self.put(&request, &state, None).await,
            }
        };
        self.0.audit.around(caller, &word, &what, states, change).await
    }

    async fn grant(&self, caller: &Caller, request: &Request, state: &RequestState) -> Result<(), Refusal> {
        self.put(request, state, Some(caller)).await?;
        match in_time(Box::pin(self.0.cluster.acting_as(caller).grant(request))).await {
            Ok(()) => Ok(quota_requests::set_carried_out(&self.0.store, &request.id).await?),
            Err(error @ ShareError::Write(WriteError::Unreachable(_))) => {
                quota_requests::set_trouble(&self.0.store, &request.id, &error.to_string(), self.0.clock.now()).await?;
                Err(Refusal::unavailable("It is granted, but the cluster cannot be reached; it is given as soon as the cluster is back"))
            }
            Err(error) => {
                let granted = Request { state: state.clone(), ..request.clone() };
                self.put(&granted, &RequestState::Asked, None).await?;
                Err(error.into())
            }
        }
    }

    /// Puts a request into another state, unless somebody was faster.
    async fn put(&self, request: &Request, state: &RequestState, by: Option<&Caller>) -> Result<(), Refusal> {
        let by = by.map(|caller| (caller, self.0.clock.now()));
        if quota_requests::set_state(&self.0.store, request, state, by).await? {
            Ok(())
        } else {
            Err(Refusal::conflict("Somebody else answered this request at this moment; look at the page again"))
        }
    }
}

/// What the audit log calls a request.
fn subject(request: &Request) -> String {
    format!("quota request {}/{} {} of {} ({})", request.team, request.quota, request.words(), request.by, request.id.0)
}

fn new_id(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0).cast_unsigned();
    let nanoseconds = u32::try_from(milliseconds % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, milliseconds / 1000, nanoseconds)).to_string()
}
