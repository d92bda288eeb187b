//! What was granted until a date, given and taken back in the name of whoever granted it.
//!
//! Usually a grant is given at once, by the request that approves it; here are those that the server did not get to, and every
//! taking back. Whether a grant is in its quota is marked there (`cluster::manifest`), so that both can be tried again after any
//! crash. One that fails is left alone for a minute, and the page says why.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use slipway_domain::{quota::request::RequestState, refusal::Refusal};

use super::Drivers;
use crate::store::{
    Error,
    audit::{Actor, Audit},
    quota_requests::{self, Granted},
};

/// How often it is looked for work.
const BEAT: Duration = Duration::from_secs(2);

/// How old a grant that was not given is before it is taken for forgotten: whoever approves one asks the cluster at once.
const FORGOTTEN: SignedDuration = SignedDuration::from_secs(30);

/// How long one that failed is left alone.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

pub(super) async fn run(drivers: Drivers) {
    let audit = Audit::new(drivers.store.clone(), drivers.clock.clone());
    let mut beats = tokio::time::interval(BEAT);
    loop {
        beats.tick().await;
        if let Err(error) = tend(&drivers, &audit, drivers.clock.now()).await {
            tracing::warn!(%error, "what was granted could not be looked after; it is tried again");
        }
    }
}

/// Does what is due at `now`.
async fn tend(drivers: &Drivers, audit: &Audit, now: Timestamp) -> Result<(), Error> {
    for granted in quota_requests::granted(&drivers.store).await? {
        let RequestState::Granted { until, .. } = &granted.request.state else { continue };
        let is_over = *until <= now;
        let is_forgotten = !granted.carried_out && now.duration_since(granted.at) >= FORGOTTEN;
        let rests = granted.tried.is_some_and(|tried| now.duration_since(tried) < PAUSE);
        if (is_over || is_forgotten) && !rests {
            carry_out(drivers, audit, &granted, is_over, now).await?;
        }
    }
    Ok(())
}

async fn carry_out(drivers: &Drivers, audit: &Audit, granted: &Granted, is_over: bool, now: Timestamp) -> Result<(), Error> {
    let Granted { request, by, .. } = granted;
    let cluster = drivers.cluster.acting_as(by);
    let word = if is_over { "take back quota" } else { "give quota" };
    let subject = format!(
        "quota request {}/{} {} of {} ({}), in the name of {}",
        request.team,
        request.quota,
        request.words(),
        request.by,
        request.id.0,
        by.name
    );
    let ended = RequestState::Ended { at: now, by: by.name.clone() };
    let after = if is_over { json!(ended) } else { json!(request.state) };
    let change = async {
        if is_over {
            cluster.take_back(request).await?;
            quota_requests::set_state(&drivers.store, request, &ended, None).await?;
        } else {
            cluster.grant(request).await?;
            quota_requests::set_carried_out(&drivers.store, &request.id).await?;
        }
        Ok::<(), Refusal>(())
    };
    let states = (Some(json!(request.state)), Some(after));
    if let Err(refusal) = audit.around(Actor::program("grants"), word, &subject, states, change).await {
        tracing::warn!(%refusal, request = request.id.0, "a grant could not be carried out; it is tried again in a minute");
        quota_requests::set_trouble(&drivers.store, &request.id, &refusal.to_string(), now).await?;
    }
    Ok(())
}
