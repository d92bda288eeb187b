//! What Slipway does when somebody asks: the ports of the pages, implemented. May they? Write down what is meant, do it, write
//! down what came of it. No SQL, no Kubernetes and no HTTP in here.

pub mod health;
pub mod limit;
pub mod links;
pub mod nodes;
pub mod passwords;
pub mod people;
pub mod runs;
pub mod shares;
pub mod sign_in;

use std::time::Duration;

use slipway_domain::{
    person::Caller,
    policy::{self, Action, Subject},
    refusal::Refusal,
};

use crate::{cluster::WriteError, store::audit::Audit};

/// How long the cluster may take to answer a write.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the caller may do this; an attempt that is refused is written to the audit log, as `action` on `subject`.
///
/// # Errors
/// The policy's refusal.
pub async fn permit(audit: &Audit, caller: &Caller, (action, on): (Action, Subject<'_>), word: &str, subject: &str) -> Result<(), Refusal> {
    let answer = policy::may(caller, action, on);
    if let Err(refusal) = &answer {
        audit.denied(caller, word, subject, refusal).await;
    }
    answer
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
