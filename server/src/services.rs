//! What Slipway does when somebody asks: the ports of the pages, implemented. May they? Write down what is meant, do it, write
//! down what came of it. No SQL, no Kubernetes and no HTTP in here.

pub mod audit;
pub mod health;
pub mod limit;
pub mod links;
pub mod nodes;
pub mod passwords;
pub mod people;
pub mod relayouts;
pub mod runs;
pub mod shares;
pub mod sign_in;
pub mod teams;

use std::time::Duration;

use slipway_domain::{
    person::{Caller, PersonName},
    policy::{self, Action, Askable, Subject},
    refusal::Refusal,
};

use crate::{
    cluster::WriteError,
    store::{
        self, Error, Store,
        audit::{About, Audit},
    },
};

/// How long the cluster may take to answer a write.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the caller may do this; an attempt that is refused is written to the audit log, as `action` on `subject`.
///
/// # Errors
/// The policy's refusal, with the names of those who can give what was refused.
pub async fn permit(audit: &Audit, caller: &Caller, (action, on): (Action, Subject<'_>), word: &str, subject: &str) -> Result<(), Refusal> {
    let Err(refusal) = policy::may(caller, action, on) else { return Ok(()) };
    let about = on.team().map_or_else(|| About::from(subject), |team| About::in_team(subject, team));
    audit.denied(caller, word, about, &refusal).await;
    Err(naming(audit.store(), caller, (action, on), refusal).await)
}

/// Why the caller may not do this, and whom to ask; none where they may.
pub async fn why_not(store: &Store, caller: &Caller, (action, on): (Action, Subject<'_>)) -> Option<String> {
    let refusal = policy::may(caller, action, on).err()?;
    Some(naming(store, caller, (action, on), refusal).await.to_string())
}

/// The refusal with the names of whom to ask. Where they cannot be read it says as much as the policy does.
async fn naming(store: &Store, caller: &Caller, (action, on): (Action, Subject<'_>), refusal: Refusal) -> Refusal {
    match askable(store, policy::whom_to_ask(caller, action, on)).await {
        Ok(names) => policy::naming(refusal, &names),
        Err(error) => {
            tracing::warn!(%error, "whom to ask could not be read");
            refusal
        }
    }
}

/// Their names: a team without an admin who can sign in is the platform admins' to care for.
async fn askable(store: &Store, whom: Askable<'_>) -> Result<Vec<PersonName>, Error> {
    let of_team = match whom {
        Askable::Nobody => return Ok(Vec::new()),
        Askable::Team(team) => store::teams::admins(store, team).await?,
        Askable::Platform => Vec::new(),
    };
    if of_team.is_empty() { store::people::platform_admins(store).await } else { Ok(of_team) }
}

/// Carries on to the end also when whoever asked has gone away: nothing is left half done because a tab was closed.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T, Refusal>> + Send + 'static) -> Result<T, Refusal> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change ended badly");
        Err(Refusal::unavailable("Something went wrong inside Slipway; look at the page again before you try once more"))
    })
}

/// The cluster's answer, or that it did not answer in time.
async fn in_time(answer: impl Future<Output = Result<(), WriteError>>) -> Result<(), WriteError> {
    let late = || WriteError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(late()))
}
