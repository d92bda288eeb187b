//! Throws away what nobody wants any more: what deleted runs hold, and events beyond what is kept of each run.
//!
//! In small steps with pauses, so that it is never in anybody's way.

use std::time::Duration;

use jiff::SignedDuration;

use super::Drivers;
use crate::store::{Error, history, runs};

/// How often it is looked for work.
const BEAT: Duration = Duration::from_secs(30);

/// The pause after each step while there is more.
const PAUSE: Duration = Duration::from_millis(50);

/// How long what a deleted run holds stays: whoever was still writing to it has noticed by then.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

pub(super) async fn run(drivers: Drivers) {
    let mut beats = tokio::time::interval(BEAT);
    loop {
        beats.tick().await;
        if let Err(error) = tidy(&drivers).await {
            tracing::warn!(%error, "what nobody wants any more could not be thrown away; it is tried again");
        }
    }
}

async fn tidy(drivers: &Drivers) -> Result<(), Error> {
    while runs::purge(&drivers.store, drivers.clock.now() - GRACE).await? {
        tokio::time::sleep(PAUSE).await;
    }
    history::trim_events(&drivers.store).await
}
