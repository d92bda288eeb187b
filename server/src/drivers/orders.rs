//! Orders to stop that the server did not get to carry out: it went down between writing one down and asking the cluster.

use std::time::Duration;

use jiff::SignedDuration;
use slipway_domain::run::{spec::RunId, view::EventRow};

use super::Drivers;
use crate::{
    cluster::WriteError,
    live::changes::Changed,
    store::{
        Error,
        history::{self, KeyedEvent},
        runs,
    },
};

/// How often it is looked for orders.
const BEAT: Duration = Duration::from_secs(5);

/// How old an order is before it is taken for forgotten: whoever gave it asks the cluster at once.
const FORGOTTEN: SignedDuration = SignedDuration::from_secs(10);

pub(super) async fn run(drivers: Drivers) {
    let mut beats = tokio::time::interval(BEAT);
    loop {
        beats.tick().await;
        let ids = match history::to_stop(&drivers.store).await {
            Ok(ids) => ids,
            Err(error) => {
                tracing::warn!(%error, "orders to stop could not be read");
                continue;
            }
        };
        for id in ids {
            if let Err(error) = carry_out(&drivers, &id).await {
                tracing::warn!(%error, run = %id, "an order to stop could not be looked after");
            }
        }
    }
}

async fn carry_out(drivers: &Drivers, id: &RunId) -> Result<(), Error> {
    let (Some(order), Some(run)) = (history::stop_order(&drivers.store, id).await?, runs::get(&drivers.store, id).await?) else {
        return Ok(());
    };
    let job = drivers.cluster.index().run(id).and_then(|facts| facts.job);
    let is_going = job.as_ref().is_none_or(|job| job.deleting.is_some());
    let now = drivers.clock.now();
    if is_going || now.duration_since(order.at) < FORGOTTEN {
        return Ok(());
    }
    match drivers.cluster.acting_as(&order.caller).delete_job(&run.row.team, &run.row.name).await {
        Ok(()) => {
            tracing::info!(run = %id, by = %order.caller.name, "an order to stop, forgotten when the server went down, is carried out");
        }
        Err(error @ WriteError::Unreachable(_)) => tracing::warn!(%error, run = %id, "an order to stop waits for the cluster"),
        Err(error) => {
            history::refuse_stop(&drivers.store, id, now).await?;
            let row = EventRow {
                at: now,
                warning: true,
                reason: "NotStopped".to_owned(),
                object: format!("Job/{}", run.row.name),
                message: format!("The order of {} to stop it was not carried out: {error}", order.caller.name),
                count: 1,
            };
            let event = KeyedEvent { run: id.clone(), key: format!("slipway:not-stopped:{}", order.at.as_millisecond()), row };
            history::keep_events(&drivers.store, &[event]).await?;
            drivers.changes.note(id, Changed::STATE);
        }
    }
    Ok(())
}
