//! Gives each team its namespace, roles, bindings and volume, and gives them back what somebody took from them.
//!
//! It goes over all teams again and again, and at once when one was made: applying what is there changes nothing, and a binding
//! that was deleted comes back. What it finds is kept in the store, so that pages show it, and it is written only when it
//! differs from what was found before. While the cluster is away nothing is kept: that nobody answers says nothing of a team.

use std::{sync::Arc, time::Duration};

use slipway_domain::team::{Namespace, TeamName};
use tokio::{sync::Notify, time::timeout};

use crate::{
    clock::Clock,
    cluster::{Cluster, NotPrepared, WriteError, manifest},
    store::{Error, Store, teams},
};

/// How often every team is looked after: what was changed by hand is put right within that time.
const BEAT: Duration = Duration::from_secs(30);

/// How soon it is tried again where the cluster is away or a namespace is not there yet.
const SOON: Duration = Duration::from_secs(2);

/// How long the API server may take over one team.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who wants a team looked after at once. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Has every team looked after now.
    pub fn now(&self) {
        self.0.notify_one();
    }
}

/// Looks after the teams for ever.
pub async fn run(store: Store, cluster: Cluster, clock: Clock, objects: manifest::Settings, wake: Wake) {
    loop {
        let pause = match look_after_all(&store, &cluster, &clock, &objects).await {
            Ok(true) => BEAT,
            Ok(false) => SOON,
            Err(error) => {
                tracing::warn!(%error, "the teams could not be looked after; it is tried again");
                SOON
            }
        };
        let _ = timeout(pause, wake.0.notified()).await;
    }
}

/// Whether every team that can be prepared is.
async fn look_after_all(store: &Store, cluster: &Cluster, clock: &Clock, objects: &manifest::Settings) -> Result<bool, Error> {
    let mut settled = true;
    for team in teams::list(store).await? {
        let answer = timeout(PATIENCE, cluster.prepare_team(&team, objects)).await;
        let answer = answer.unwrap_or_else(|_| Err(late().into()));
        settled &= keep(store, clock, &team, answer).await?;
    }
    Ok(settled)
}

fn late() -> WriteError {
    WriteError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))
}

/// Keeps what was found, where it is news; says whether it can stay as it is until the next beat.
async fn keep(store: &Store, clock: &Clock, team: &TeamName, answer: Result<(), NotPrepared>) -> Result<bool, Error> {
    let Some(before) = teams::namespace(store, team).await? else { return Ok(true) };
    let (found, settled) = match answer {
        Ok(()) => match before {
            Namespace::Prepared { .. } => return Ok(true),
            Namespace::Preparing { .. } | Namespace::Refused { .. } => (Namespace::Prepared { since: clock.now() }, true),
        },
        Err(NotPrepared::Write(error @ WriteError::Unreachable(_))) => {
            tracing::warn!(%team, %error, "the team's namespace could not be looked after; it is tried again");
            return Ok(false);
        }
        // Somebody made it at this moment; the next look says whose it is.
        Err(NotPrepared::Write(WriteError::Conflict(_))) => return Ok(false),
        Err(error @ NotPrepared::Ending { .. }) => (Namespace::Preparing { why: error.to_string() }, false),
        Err(error @ (NotPrepared::Taken { .. } | NotPrepared::Write(_))) => (Namespace::Refused { why: error.to_string() }, true),
    };
    if found != before {
        tracing::info!(%team, ?found, "the team's namespace stands otherwise than before");
        teams::set_namespace(store, team, &found, clock.now()).await?;
    }
    Ok(settled)
}
