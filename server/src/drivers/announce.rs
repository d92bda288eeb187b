//! Tells the open pages what changed: each run a few times a second at most, however often it prints.
//!
//! The more runs change, the less often each is told, so that the hub carries some hundred messages a second and no more. The
//! sparkline of a list is kept in the run's row; it is drawn anew here, every two seconds and when the run has ended.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use slipway_app::live::Message;
use slipway_domain::run::{report::Value, spec::RunId};
use tokio::time::Instant;

use super::Drivers;
use crate::{
    live::{Hub, Scope, changes::Changed},
    store::{Error, metrics, runs},
};

/// The least time between two messages of a kind about a run.
const PAUSE: Duration = Duration::from_millis(250);

/// What each further run that changes adds to that.
const PER_RUN: Duration = Duration::from_millis(5);

/// The least time between two drawings of a sparkline.
const DRAWING: Duration = Duration::from_secs(2);

/// When a run was last told of, and last drawn.
#[derive(Debug, Clone, Copy)]
struct Last {
    told: Instant,
    drawn: Option<Instant>,
}

pub(super) async fn run(drivers: Drivers, hub: Hub) {
    let mut waiting: BTreeMap<RunId, Changed> = BTreeMap::new();
    let mut last: HashMap<RunId, Last> = HashMap::new();
    loop {
        let pause = PAUSE.max(PER_RUN * u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        let due = |run: &RunId| last.get(run).map_or_else(Instant::now, |last| last.told + pause);
        let next = waiting.keys().map(due).min();
        let wake = async {
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            more = drivers.changes.take() => {
                for (run, changed) in more {
                    waiting.entry(run).or_default().add(changed);
                }
            }
            () = wake => {}
        }
        let now = Instant::now();
        let ready: Vec<RunId> = waiting.keys().filter(|run| last.get(*run).is_none_or(|last| last.told + pause <= now)).cloned().collect();
        let mut sparks = Vec::new();
        for id in ready {
            let Some(changed) = waiting.remove(&id) else { continue };
            let drawn = last.get(&id).and_then(|last| last.drawn);
            let draw = drawn.is_none_or(|drawn| drawn + DRAWING <= now);
            match tell(&drivers, &hub, &id, changed.clone(), draw).await {
                Ok(spark) => {
                    let drawn = if spark.is_some() { Some(now) } else { drawn };
                    last.insert(id.clone(), Last { told: now, drawn });
                    sparks.extend(spark.map(|spark| (id, spark)));
                }
                Err(error) => {
                    tracing::warn!(%error, run = %id, "a change could not be told; it is tried again");
                    last.insert(id.clone(), Last { told: now, drawn });
                    waiting.entry(id).or_default().add(changed);
                }
            }
        }
        if let Err(error) = runs::set_sparks(&drivers.store, &sparks).await {
            tracing::warn!(%error, "sparklines could not be kept; they are drawn again with the next points");
        }
        last.retain(|run, last| waiting.contains_key(run) || last.told + DRAWING * 4 > now);
    }
}

/// Publishes what changed of a run; gives its sparkline, where it was drawn anew.
async fn tell(drivers: &Drivers, hub: &Hub, id: &RunId, changed: Changed, draw: bool) -> Result<Option<Vec<Value>>, Error> {
    if let Some(team) = changed.gone {
        hub.publish(Scope::run(team, id.clone()), Message::RunGone { id: id.clone() });
        return Ok(None);
    }
    let Some(mut run) = runs::get(&drivers.store, id).await? else { return Ok(None) };
    let has_ended = run.row.state.kind().has_ended();
    let spark = match &run.loss_name {
        Some(name) if (changed.step.is_some() && draw) || (has_ended && changed.row) => {
            Some(metrics::spark(&drivers.store, id, name).await?)
        }
        Some(_) | None => None,
    };
    if let Some(spark) = &spark {
        run.row.spark.clone_from(spark);
    }
    let scope = || Scope::run(run.row.team.clone(), id.clone());
    if let Some(step) = changed.step {
        hub.publish(scope(), Message::Metrics { id: id.clone(), step });
    }
    if let Some(lines) = changed.lines {
        hub.publish(scope(), Message::Log { id: id.clone(), lines });
    }
    if changed.detail {
        hub.publish(scope(), Message::Detail { id: id.clone() });
    }
    if changed.row || spark.is_some() {
        hub.publish(scope(), Message::Run(Box::new(run.row)));
    }
    Ok(spark)
}
