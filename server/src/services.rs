//! What Slipway does when somebody asks: the ports of the pages, implemented. May they? Write down what is meant, do it, write
//! down what came of it. No SQL, no Kubernetes and no HTTP in here.

pub mod health;
pub mod limit;
pub mod links;
pub mod passwords;
pub mod people;
pub mod runs;
pub mod sign_in;

use slipway_domain::{
    person::Caller,
    policy::{self, Action, Subject},
    refusal::Refusal,
};

use crate::store::audit::Audit;

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
