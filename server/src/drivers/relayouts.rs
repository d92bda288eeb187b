//! Nodes whose GPUs are cut anew: each is moved on step by step, in the name of whoever ordered it.
//!
//! What comes next the domain says ([`step`]); here it is done, written down and stored. Everything that is needed for it is in
//! the store and in the index, so a server that went down at any point goes on where it was. Whoever ordered it must still be
//! allowed to, at each deed: a right that was taken away in the meantime does not work on.

use std::{collections::HashMap, time::Duration};

use slipway_app::live::{Message, Watched};
use slipway_domain::{
    person::Caller,
    policy::{self, Action, Subject},
    refusal::Refusal,
    relayout::{
        form::RelayoutId,
        steps::{Deed, Limits, Seen, State, after, refused, step},
    },
};
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use super::Drivers;
use crate::{
    cluster::{Change, OnNode, WriteError},
    live::{Hub, Scope},
    store::{
        Error,
        audit::Audit,
        people,
        relayouts::{self, Relayout},
    },
};

/// How often they are looked at when nothing changes.
const BEAT: Duration = Duration::from_secs(1);

/// How often the cuts that the cluster knows are asked for.
const LEARN: Duration = Duration::from_mins(1);

/// How long the effect of a deed may take to be seen before it is done once more.
const AGAIN: Duration = Duration::from_secs(5);

/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The last deed for each, and when: forgetting it costs doing it again.
type Done = HashMap<RelayoutId, (Deed, u32, Instant)>;

pub(super) async fn run(drivers: Drivers, hub: Hub) {
    let audit = Audit::new(drivers.store.clone(), drivers.clock.clone());
    let mut changes = drivers.cluster.index().changes();
    let mut beats = tokio::time::interval(BEAT);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut learned: Option<Instant> = None;
    let mut done = Done::new();
    loop {
        tokio::select! {
            _ = beats.tick() => {}
            change = changes.recv() => match change {
                Ok(Change::Nodes | Change::Synced) | Err(RecvError::Lagged(_)) => {}
                Ok(Change::Run(_) | Change::Event { .. } | Change::Stale(_) | Change::Rules) => continue,
                Err(RecvError::Closed) => return,
            },
        }
        if learned.is_none_or(|at| at.elapsed() > LEARN) {
            drivers.cluster.learn_mig_configs().await;
            learned = Some(Instant::now());
        }
        // What is not there, or not yet seen, would else be taken for gone.
        if !drivers.cluster.index().is_current() {
            continue;
        }
        let open = match relayouts::open(&drivers.store).await {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, "the re-layouts under way could not be read");
                continue;
            }
        };
        done.retain(|id, _| open.iter().any(|relayout| relayout.id == *id));
        for relayout in open {
            match advance(&drivers, &audit, &relayout, &mut done).await {
                Ok(true) => hub.publish(Scope::everybody(), Message::Changed { what: Watched::Nodes }),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, node = relayout.order.node, "a re-layout could not be moved on; it is tried again"),
            }
        }
    }
}

/// Moves one on as far as it goes now; says whether it moved.
async fn advance(drivers: &Drivers, audit: &Audit, relayout: &Relayout, done: &mut Done) -> Result<bool, Error> {
    let order = &relayout.order;
    let (node, here) = drivers.cluster.index().on_node(&order.node);
    let holding: Vec<OnNode> = here.into_iter().filter(|pod| pod.holds().is_some()).collect();
    let left = u32::try_from(holding.len()).unwrap_or(u32::MAX);
    let now = drivers.clock.now();
    let (mut next, deed) = step(now, &Limits::default(), order, relayout.state.clone(), Seen { node: node.as_ref(), left });
    if let Some(deed) = deed {
        let repeated = done.get(&relayout.id).is_some_and(|(last, of, at)| (*last, *of) == (deed, left) && at.elapsed() < AGAIN);
        if !repeated {
            match carry_out(drivers, audit, relayout, deed, &holding).await? {
                Outcome::Done => next = after(drivers.clock.now(), next, deed),
                Outcome::Later => {}
                Outcome::Refused(why) => next = refused(order, &next, deed, &why),
            }
            done.insert(relayout.id.clone(), (deed, left, Instant::now()));
        }
    }
    if next == relayout.state {
        return Ok(false);
    }
    // Somebody who aborted it at this moment was faster: their word is read at the next turn.
    let moved = relayouts::advance(&drivers.store, relayout, &next, None, drivers.clock.now()).await?;
    if moved && next.step() != relayout.state.step() {
        done.remove(&relayout.id);
        tracing::info!(node = order.node, by = %relayout.caller.name, from = ?relayout.state, to = ?next, "a re-layout moves on");
        if let State::Failed { why, .. } = &next {
            let subject = subject(relayout);
            audit.denied(&relayout.caller, "re-layout node", &subject, &Refusal::conflict(why.clone())).await;
        }
    }
    Ok(moved)
}

enum Outcome {
    /// The API server has taken it, or there was nothing to do.
    Done,
    /// It can be taken later.
    Later,
    /// It will not be taken.
    Refused(String),
}

fn subject(relayout: &Relayout) -> String {
    format!("node {} ({})", relayout.order.node, relayout.id.0)
}

/// The person as they are now.
async fn today(drivers: &Drivers, caller: &Caller) -> Result<Option<Caller>, Error> {
    let person = people::by_id(&drivers.store, &caller.id).await?.map(|person| person.row).filter(|person| person.active);
    Ok(person.map(|person| Caller { name: person.name, platform_admin: person.platform_admin, roles: person.roles, ..caller.clone() }))
}

async fn carry_out(drivers: &Drivers, audit: &Audit, relayout: &Relayout, deed: Deed, holding: &[OnNode]) -> Result<Outcome, Error> {
    let going: Vec<&OnNode> = holding.iter().filter(|pod| !pod.going).collect();
    if deed == Deed::Evict && going.is_empty() {
        return Ok(Outcome::Done);
    }
    let Some(caller) = today(drivers, &relayout.caller).await? else {
        return Ok(Outcome::Refused(format!("the account of {} is closed", relayout.caller.name)));
    };
    if let Err(refusal) = policy::may(&caller, Action::ManageNodes, Subject::Platform) {
        audit.denied(&caller, deed.words(), &subject(relayout), &refusal).await;
        return Ok(Outcome::Refused(format!("{} may change nodes no more", caller.name)));
    }
    let order = &relayout.order;
    let after = match deed {
        Deed::Evict => Some(serde_json::json!(going.iter().map(|pod| format!("{}/{}", pod.namespace, pod.pod)).collect::<Vec<_>>())),
        Deed::Label => Some(serde_json::json!(order.config)),
        Deed::Restore => Some(serde_json::json!(order.was_config)),
        Deed::Cordon | Deed::ClearLabel | Deed::Uncordon => None,
    };
    let cluster = drivers.cluster.acting_as(&caller);
    let mut answer = Ok(());
    let change = async {
        let asked = async {
            match deed {
                Deed::Cordon => {
                    let what_for = format!("GPUs are cut into {} for {} ({})", order.config, caller.name, relayout.id.0);
                    cluster.cordon(&order.node, &what_for).await
                }
                Deed::Uncordon => cluster.uncordon(&order.node).await,
                Deed::ClearLabel => cluster.set_mig_config(&order.node, None).await,
                Deed::Label => cluster.set_mig_config(&order.node, Some(&order.config)).await,
                Deed::Restore => cluster.set_mig_config(&order.node, order.was_config.as_deref()).await,
                Deed::Evict => {
                    // One that a disruption budget holds back must not keep the others.
                    let mut first = Ok(());
                    for pod in going {
                        first = first.and(cluster.evict(pod).await);
                    }
                    first
                }
            }
        };
        let late = || WriteError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()));
        answer = tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(late()));
        match &answer {
            Ok(()) => Ok(()),
            Err(error) => Err(Refusal::conflict(error.to_string())),
        }
    };
    match audit.around(&caller, deed.words(), &subject(relayout), (None, after), change).await {
        Err(Refusal::Unavailable { sentence }) => {
            tracing::warn!(sentence, "a deed could not be written down, so it was not done");
            Ok(Outcome::Later)
        }
        Ok(()) | Err(_) => Ok(match answer {
            Ok(()) => Outcome::Done,
            // A node that is gone is seen so at the next turn.
            Err(WriteError::Unreachable(_) | WriteError::Conflict(_) | WriteError::NotFound(_)) => Outcome::Later,
            Err(WriteError::Forbidden(why) | WriteError::Invalid { message: why, .. }) => Outcome::Refused(why),
        }),
    }
}
