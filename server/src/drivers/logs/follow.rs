//! Reads one container's output to its end, over every break of the connection.
//!
//! The node is asked for what came since the second of the last stored line, and gives whole seconds: what is stored already is
//! read again and passed over. When the connection ends, the container may have ended or not; the output is at its end only
//! when it was opened after the index said that the container had ended, and was read until nothing more came.

use std::{pin::pin, time::Duration};

use futures::AsyncBufRead;
use jiff::Timestamp;
use slipway_domain::{
    run::{
        spec::RunId,
        state::{ContainerFacts, PodFacts},
    },
    team::TeamName,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    draft::Draft,
    lines::{LineReader, parse},
};
use crate::{
    cluster::{LogError, LogFrom},
    drivers::Drivers,
    store::{
        intake::{Batch, KeepError},
        logs::{self, Position, StreamKey},
        runs,
    },
};

/// How long what was read waits for more before it is handed in.
const LINGER: Duration = Duration::from_millis(200);

/// How long to wait before asking again, doubling from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Why a follower ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything there is was read, or nobody wants it.
    Done,
}

/// Reads one container's output.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) drivers: Drivers,
    pub(super) run: RunId,
    pub(super) team: TeamName,
    pub(super) key: StreamKey,
}

/// How one reading of the output ended.
enum Pass {
    /// At its end, or because it broke off.
    Over {
        /// Whether it was read until nothing more came.
        clean: bool,
        /// Whether anything new was in it.
        some: bool,
    },
    /// There is no output to be had now.
    Nothing,
    /// The run is gone, or the server goes down.
    Unwanted,
}

impl Follower {
    /// Reads to the end.
    pub(super) async fn run(self) -> Ended {
        let mut pause = BACKOFF.0;
        loop {
            let position = match self.position().await {
                Ok(Some(position)) => position,
                Ok(None) => return Ended::Done,
                Err(error) => {
                    tracing::warn!(%error, run = %self.run, "how far a log is stored could not be read");
                    sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                    continue;
                }
            };
            // Before it is opened: what is written after this is not missed.
            let is_over = self.container_is_over();
            match self.pass(position, is_over).await {
                Pass::Unwanted => return Ended::Done,
                // A reading that found something is followed by one that finds nothing: what a process wrote last may reach the
                // node's file after the node said that it has ended.
                Pass::Over { clean: true, some: false } | Pass::Nothing if is_over => {
                    if self.close().await {
                        return Ended::Done;
                    }
                }
                Pass::Over { some: true, .. } => pause = BACKOFF.0,
                Pass::Over { .. } | Pass::Nothing => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// Up to where the output is stored; none where nothing more is to be read.
    async fn position(&self) -> Result<Option<Position>, crate::store::Error> {
        if runs::get(&self.drivers.store, &self.run).await?.is_none() {
            return Ok(None);
        }
        let streams = logs::streams(&self.drivers.store, &self.run).await?;
        Ok(match streams.into_iter().find(|stream| stream.key == self.key) {
            Some(stream) if stream.ended => None,
            Some(stream) => Some(stream.position),
            None => Some(Position::START),
        })
    }

    fn pod(&self) -> Option<PodFacts> {
        let facts = self.drivers.cluster.index().run(&self.run)?;
        facts.pods.into_iter().find(|pod| pod.name == self.key.pod)
    }

    /// Whether the container writes no more: it has ended, was started again, or its Pod is gone.
    fn container_is_over(&self) -> bool {
        let index = self.drivers.cluster.index();
        match self.pod() {
            Some(pod) => pod.restarts > self.key.restart || matches!(pod.container, ContainerFacts::Terminated { .. }),
            None => index.is_synced() && index.stale_since().is_none(),
        }
    }

    async fn pass(&self, position: Position, is_over: bool) -> Pass {
        let from = LogFrom {
            since: (position != Position::START).then(|| floor(position.last_at)),
            previous: self.pod().is_some_and(|pod| pod.restarts > self.key.restart),
            follow: !is_over,
        };
        let opened = self.drivers.cluster.follow_log(&self.team, &self.key.pod, &self.key.container, from).await;
        match opened {
            Ok(output) => self.read(output, position, is_over).await,
            Err(LogError::Nothing(_)) => Pass::Nothing,
            Err(error @ LogError::Unreachable(..)) => {
                tracing::debug!(%error, run = %self.run, "a log cannot be read now; it is tried again");
                Pass::Over { clean: false, some: false }
            }
        }
    }

    async fn read(&self, output: impl AsyncBufRead + Unpin, position: Position, is_over: bool) -> Pass {
        let mut lines = LineReader::new(output);
        let mut stored = PassOver::up_to(position);
        let mut draft = Draft::new(self.run.clone(), self.key.clone(), position);
        let mut linger = pin!(sleep(LINGER));
        let mut some = false;
        let clean = loop {
            tokio::select! {
                biased;
                () = &mut linger, if !draft.is_empty() => {
                    if let Err(pass) = self.keep(draft.take(false)).await {
                        return pass;
                    }
                }
                line = lines.next() => match line {
                    Ok(Some(raw)) => {
                        let Some((at, text)) = parse(&raw) else { continue };
                        if stored.is_stored(at) {
                            continue;
                        }
                        if draft.is_empty() {
                            linger.as_mut().reset(Instant::now() + LINGER);
                        }
                        some = true;
                        draft.line(at, &text);
                        if draft.is_large()
                            && let Err(pass) = self.keep(draft.take(false)).await
                        {
                            return pass;
                        }
                    }
                    Ok(None) => break true,
                    Err(error) => {
                        tracing::debug!(%error, run = %self.run, "the reading of a log broke off");
                        break false;
                    }
                }
            }
        };
        // A last line without an end is whole only where nothing can follow.
        if clean
            && is_over
            && let Some((at, text)) = lines.rest().as_ref().and_then(parse)
            && !stored.is_stored(at)
        {
            draft.line(at, &text);
        }
        if !draft.is_empty()
            && let Err(pass) = self.keep(draft.take(false)).await
        {
            return pass;
        }
        Pass::Over { clean, some }
    }

    /// Hands in a batch until it is kept.
    async fn keep(&self, batch: Batch) -> Result<(), Pass> {
        let mut pause = BACKOFF.0;
        loop {
            match self.drivers.intake.keep(batch.clone()).await {
                Ok(()) => return Ok(()),
                Err(KeepError::Gone | KeepError::Closed) => return Err(Pass::Unwanted),
                Err(KeepError::Elsewhere) => return Err(Pass::Over { clean: false, some: false }),
                Err(KeepError::Store(_)) => {
                    sleep_until(Instant::now() + pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                }
            }
        }
    }

    /// Writes down that nothing more will come; false where the stream is not where we believe it to be.
    async fn close(&self) -> bool {
        let Ok(Some(position)) = self.position().await else { return true };
        let mut draft = Draft::new(self.run.clone(), self.key.clone(), position);
        match self.keep(draft.take(true)).await {
            Ok(()) | Err(Pass::Unwanted) => true,
            Err(Pass::Over { .. } | Pass::Nothing) => false,
        }
    }
}

/// The second in which a line was written.
fn floor(at: i64) -> Timestamp {
    Timestamp::from_second(at.div_euclid(1_000_000_000)).unwrap_or_default()
}

/// Passes over the lines that are stored already, when an output is read again from the second of the last of them.
#[derive(Debug)]
struct PassOver {
    /// The last line stored; none once it was seen, or was found to be gone.
    until: Option<Position>,
    seen: i64,
}

impl PassOver {
    fn up_to(position: Position) -> Self {
        Self { until: (position != Position::START).then_some(position), seen: 0 }
    }

    /// Whether the next line, written at this time, is stored already.
    fn is_stored(&mut self, at: i64) -> bool {
        let Some(last) = self.until else { return false };
        if at == last.last_at {
            self.seen += 1;
            if self.seen >= last.same {
                self.until = None;
            }
            return true;
        }
        // Later than every line that is stored, or after the last one: the node has thrown away what lay between.
        if at > last.latest_at || self.seen > 0 {
            self.until = None;
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_ones(stored: &[i64], again: &[i64]) -> Vec<i64> {
        let position = stored.iter().fold(Position::START, |position, at| position.after(*at));
        let mut over = PassOver::up_to(position);
        again.iter().copied().filter(|at| !over.is_stored(*at)).collect()
    }

    #[test]
    fn what_is_stored_is_passed_over_and_nothing_else() {
        assert_eq!(new_ones(&[], &[1, 2]), [1, 2]);
        assert_eq!(new_ones(&[1, 2, 3], &[2, 3, 4, 5]), [4, 5]);
        assert_eq!(new_ones(&[1, 2, 3], &[2, 3]), [0; 0]);
    }

    #[test]
    fn lines_of_the_same_time_are_counted() {
        assert_eq!(new_ones(&[1, 5, 5], &[5, 5, 5, 6]), [5, 6]);
    }

    #[test]
    fn where_the_node_threw_lines_away_the_rest_is_new() {
        assert_eq!(new_ones(&[1, 2, 3], &[7, 8]), [7, 8]);
        assert_eq!(new_ones(&[5, 5], &[5, 6]), [6]);
    }

    #[test]
    fn a_clock_that_went_back_neither_loses_nor_doubles_a_line() {
        assert_eq!(new_ones(&[100, 105, 50], &[100, 105, 50, 51, 104, 106]), [51, 104, 106]);
        assert_eq!(new_ones(&[100, 105, 50, 70], &[100, 105, 70, 71]), [71]);
    }

    #[test]
    fn a_time_is_cut_to_its_second_also_before_1970() {
        assert_eq!(floor(1_999_999_999).as_second(), 1);
        assert_eq!(floor(-1).as_second(), -1);
    }
}
