//! A team's shares: its quotas and limits, the priority classes of all, and requests for more.
//!
//! One service, because none of them can be answered for alone: what a quota would break depends on the limits' defaults and on
//! the classes, and granting a request is setting a quota. Reads come from the index and the store; every change is asked of the
//! cluster in the name of whoever asked, so that Kubernetes has the last word on who may set what.

mod limits;
mod priorities;
mod quotas;
mod requests;

use std::{pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use slipway_app::ports;
use slipway_domain::{
    limit::form::LimitForm,
    person::Caller,
    policy::{self, Action, Subject},
    priority::form::PriorityForm,
    quota::{
        form::QuotaForm,
        impact::{Demand, usage},
        request::{Answer, AskForm, RequestId},
        resource::Ground,
        view::{Preview, Priorities, PriorityPreview, Shares as Shown, TeamShares},
    },
    refusal::Refusal,
    run::state::{ContainerFacts, StateKind},
    team::TeamName,
};

use super::{permit, to_the_end};
use crate::{
    clock::Clock,
    cluster::{Cluster, ShareError, WriteError},
    store::{
        Store,
        audit::Audit,
        runs::{self, Run},
        teams,
    },
};

/// How long the cluster may take to answer a write.
const PATIENCE: Duration = Duration::from_secs(20);

/// The port, implemented. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shares(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    cluster: Cluster,
    audit: Audit,
    clock: Clock,
}

impl Shares {
    /// The service.
    pub fn new(store: Store, cluster: Cluster, clock: Clock) -> Self {
        let audit = Audit::new(store.clone(), clock.clone());
        Self(Arc::new(Inner { store, cluster, audit, clock }))
    }

    /// Whether the caller may do this to a team.
    async fn may(&self, caller: &Caller, action: Action, team: &TeamName, word: &str) -> Result<(), Refusal> {
        permit(&self.0.audit, caller, (action, Subject::Team(team)), word, &format!("team {team}")).await
    }

    /// The team that a form names, where the caller may do this to it. Permission comes before the form is read, so that nobody
    /// learns of another team from what is wrong with it.
    async fn team_of(&self, caller: &Caller, name: &str, action: Action, word: &str) -> Result<TeamName, Refusal> {
        let team = TeamName::parse(name).map_err(|error| Refusal::field("team", error.to_string()))?;
        self.may(caller, action, &team, word).await?;
        if teams::list(&self.0.store).await?.contains(&team) {
            Ok(team)
        } else {
            Err(Refusal::not_found(format!("There is no team {team}; look at the list of quotas")))
        }
    }

    /// What forms are judged by.
    fn ground(&self) -> Ground {
        let index = self.0.cluster.index();
        Ground {
            products: index.products(),
            profiles: index.mig_profiles().into_iter().map(|(profile, _)| profile).collect(),
            classes: index.priorities().into_iter().map(|class| class.name).collect(),
        }
    }

    /// What a team's runs ask of its quotas. One that is suspended asks for nothing.
    async fn demands(&self, team: &TeamName) -> Result<Vec<Demand>, Refusal> {
        let default = self.0.cluster.index().priorities().into_iter().find(|class| class.global_default).map(|class| class.name);
        let runs = runs::unfinished(&self.0.store, Some(team)).await?;
        let asking = runs.into_iter().filter(|run| run.row.state.kind() != StateKind::Suspended);
        Ok(asking.map(|run| self.demand(&run, default.as_deref())).collect())
    }

    fn demand(&self, run: &Run, default: Option<&str>) -> Demand {
        let pods = self.0.cluster.index().run(&run.row.id).map(|facts| facts.pods).unwrap_or_default();
        let named = run.spec.priority_class.as_ref().map(ToString::to_string);
        Demand {
            run: run.row.name.to_string(),
            who: run.row.who.to_string(),
            class: named.or_else(|| default.map(str::to_owned)),
            usage: usage(&run.spec.resources),
            counted: pods.iter().any(|pod| !matches!(pod.container, ContainerFacts::Terminated { .. })),
        }
    }
}

/// The cluster's answer, or that it did not answer in time.
async fn in_time<T>(answer: Pin<Box<impl Future<Output = Result<T, ShareError>>>>) -> Result<T, ShareError> {
    let late = || WriteError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(late().into()))
}

/// Why the caller may not do this, if so: what a disabled button says.
fn why_not(caller: &Caller, action: Action, on: Subject<'_>) -> Option<String> {
    policy::may(caller, action, on).err().map(|refusal| refusal.to_string())
}

#[async_trait]
impl ports::Shares for Shares {
    async fn list(&self, caller: &Caller) -> Result<Shown, Refusal> {
        self.list_quotas(caller).await
    }

    async fn team(&self, caller: &Caller, team: &TeamName) -> Result<TeamShares, Refusal> {
        self.show_team(caller, team).await
    }

    async fn preview_quota(&self, caller: &Caller, form: QuotaForm) -> Result<Preview, Refusal> {
        self.preview(caller, &form).await
    }

    async fn set_quota(&self, caller: &Caller, form: QuotaForm) -> Result<String, Refusal> {
        let (shares, caller) = (self.clone(), caller.clone());
        to_the_end(async move { shares.write_quota(&caller, &form).await }).await
    }

    async fn delete_quota(&self, caller: &Caller, form: QuotaForm) -> Result<(), Refusal> {
        let (shares, caller) = (self.clone(), caller.clone());
        to_the_end(async move { shares.remove_quota(&caller, &form).await }).await
    }

    async fn set_limits(&self, caller: &Caller, form: LimitForm) -> Result<String, Refusal> {
        let (shares, caller) = (self.clone(), caller.clone());
        to_the_end(async move { shares.write_limits(&caller, &form).await }).await
    }

    async fn delete_limits(&self, caller: &Caller, form: LimitForm) -> Result<(), Refusal> {
        let (shares, caller) = (self.clone(), caller.clone());
        to_the_end(async move { shares.remove_limits(&caller, &form).await }).await
    }

    async fn ask(&self, caller: &Caller, form: AskForm) -> Result<RequestId, Refusal> {
        let (shares, caller) = (self.clone(), caller.clone());
        to_the_end(async move { shares.write_request(&caller, &form).await }).await
    }

    async fn answer(&self, caller: &Caller, id: &RequestId, answer: Answer) -> Result<(), Refusal> {
        let (shares, caller, id) = (self.clone(), caller.clone(), id.clone());
        to_the_end(async move { shares.answer_request(&caller, &id, &answer).await }).await
    }

    async fn priorities(&self, caller: &Caller) -> Result<Priorities, Refusal> {
        self.list_priorities(caller).await
    }

    async fn preview_priority(&self, caller: &Caller, form: PriorityForm) -> Result<PriorityPreview, Refusal> {
        self.plan_priority(caller, &form).await
    }

    async fn set_priority(&self, caller: &Caller, form: PriorityForm) -> Result<String, Refusal> {
        let (shares, caller) = (self.clone(), caller.clone());
        to_the_end(async move { shares.write_priority(&caller, &form).await }).await
    }

    async fn delete_priority(&self, caller: &Caller, form: PriorityForm) -> Result<(), Refusal> {
        let (shares, caller) = (self.clone(), caller.clone());
        to_the_end(async move { shares.remove_priority(&caller, &form).await }).await
    }
}
