//! The steps that nobody clicks for: keep what the cluster shows, read what runs print, carry out orders, cut GPUs anew, read how busy they
//! are, tell the open pages,
//! and throw away what nobody wants any more.
//!
//! Each driver can be stopped at any point and started again: what it has to do it finds in the store and in the index, never in
//! its memory. None takes input; each is woken by the index's changes or by a timer.

mod announce;
mod grants;
mod history;
pub mod logs;
mod orders;
mod pending;
mod relayouts;
mod retention;
pub mod teams;
pub mod utilisation;

use std::sync::Arc;

pub use self::pending::Pending;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    clock::Clock,
    cluster::Cluster,
    live::{
        Hub,
        changes::{Changed, Changes},
    },
    store::{
        Store,
        intake::{Caps, Intake, Listener},
    },
};

/// What the drivers work with.
#[derive(Clone, Debug)]
pub struct Drivers {
    pub(crate) store: Store,
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    pub(crate) intake: Intake,
    pub(crate) changes: Changes,
    pub(crate) pending: Pending,
}

/// What services share with the drivers.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The one writer of metrics and logs.
    pub intake: Intake,
    /// What open pages are to be told.
    pub changes: Changes,
    /// Why runs wait.
    pub pending: Pending,
}

/// Starts every driver into `tasks`; they end when `down` becomes true.
///
/// Start them before [`Cluster::watch`]: what Kubernetes says of a run is kept from the first list on, and not all of it is said
/// twice.
pub fn start(store: Store, cluster: Cluster, clock: Clock, hub: Hub, down: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) -> Shared {
    let changes = Changes::default();
    let listener: Listener = {
        let changes = changes.clone();
        Arc::new(move |run, kept| {
            changes.note(run, Changed { row: kept.row, step: kept.step, lines: kept.lines, detail: kept.detail, gone: None });
        })
    };
    let (intake, writer) = Intake::new(store.clone(), Caps::default(), listener);
    let pending = Pending::new(store.clone(), cluster.clone());
    let drivers = Drivers { store, cluster, clock, intake: intake.clone(), changes: changes.clone(), pending: pending.clone() };
    // The writer ends by itself once nobody can hand it anything.
    tasks.spawn(writer);
    let history = history::History::new(&drivers);
    let logs = logs::Logs::new(&drivers);
    tasks.spawn(until(down.clone(), history.run()));
    tasks.spawn(until(down.clone(), logs.run()));
    tasks.spawn(until(down.clone(), announce::run(drivers.clone(), hub.clone())));
    tasks.spawn(until(down.clone(), relayouts::run(drivers.clone(), hub)));
    tasks.spawn(until(down.clone(), orders::run(drivers.clone())));
    tasks.spawn(until(down.clone(), grants::run(drivers.clone())));
    tasks.spawn(until(down.clone(), retention::run(drivers)));
    Shared { intake, changes, pending }
}

/// Works until the server ends. A driver may be left at any point where it waits.
async fn until(mut down: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        _ = down.wait_for(|down| *down) => {}
        () = work => {}
    }
}
