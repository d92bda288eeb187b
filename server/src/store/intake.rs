//! What programs say, on its way into the database: the one writer of metrics and logs.
//!
//! Many readers of logs hand in [`Batch`]es; one task takes all that wait and commits them together, so that a thousand small
//! batches cost one flush of the disk. A batch holds what lies between two [`Position`]s of a container's output, and the new
//! position is committed with it: whatever goes down in between, nothing is lost and nothing doubled. Whoever waits for a
//! [`Intake::keep`] knows, when it answers, that the batch is on disk.
//!
//! Packing and compressing is done by whoever hands in, on many threads; the writer moves bytes.

mod commit;
mod compact;
mod known;

use std::{collections::HashMap, sync::Arc, time::Duration};

use slipway_domain::run::{
    spec::RunId,
    view::{CheckpointRow, EventRow},
};
use tokio::sync::{mpsc, oneshot};

pub use super::logs::pack::{Lines, PackedLines};
use super::{
    Error, Store,
    logs::{HEAD_BYTES, KEPT_BYTES, Position, StreamKey},
    metrics::{
        FULL, FULL_LEVEL, Point,
        pack::{pack, pack_extremes},
    },
};

/// Batches that wait to be taken; who hands in another waits.
const WAITING: usize = 256;

/// Batches that are committed together at most.
const TOGETHER: usize = 512;

/// How long the first batch waits for company.
const LINGER: Duration = Duration::from_millis(10);

/// Runs whose places in the database are remembered.
const REMEMBERED: usize = 1_024;

/// Metrics that a run may have; values of further names are dropped, and an event says so.
pub const MOST_METRICS: usize = 1_000;

/// How much is kept of a run's log.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Bytes in all, uncompressed; beyond, the oldest lines go.
    pub kept: u64,
    /// Bytes at the beginning of each stream that go last.
    pub head: u64,
}

impl Default for Caps {
    fn default() -> Self {
        Self { kept: KEPT_BYTES, head: HEAD_BYTES }
    }
}

/// What a run's program said, to be kept whole or not at all.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The run.
    pub run: RunId,
    /// The container's output that this was read from; none where it came another way.
    pub output: Option<Output>,
    /// Points, by metric.
    pub metrics: Vec<PackedPoints>,
    /// Optimizer steps done, where it said.
    pub step: Option<u64>,
    /// Optimizer steps in all, where it said.
    pub steps_in_all: Option<u64>,
    /// Checkpoints that it wrote.
    pub checkpoints: Vec<CheckpointRow>,
    /// Events, with keys that are the same when the same is read again.
    pub events: Vec<(String, EventRow)>,
}

impl Batch {
    /// Nothing yet.
    pub const fn new(run: RunId) -> Self {
        Self { run, output: None, metrics: Vec::new(), step: None, steps_in_all: None, checkpoints: Vec::new(), events: Vec::new() }
    }
}

/// A stretch of a container's output.
#[derive(Clone, Debug)]
pub struct Output {
    /// Which output.
    pub stream: StreamKey,
    /// The position it was read from.
    pub after: Position,
    /// The position it was read up to.
    pub position: Position,
    /// The lines in it that are kept as log.
    pub lines: Option<PackedLines>,
    /// Nothing more will come.
    pub ended: bool,
}

/// Points of one metric, ready to be stored.
#[derive(Clone, Debug)]
pub struct PackedPoints {
    name: String,
    points: usize,
    step_from: u64,
    step_to: u64,
    last: Point,
    min: Option<f64>,
    max: Option<f64>,
    data: Vec<u8>,
    extremes: Option<Vec<u8>>,
}

impl PackedPoints {
    /// Packs points in the order in which they came, in as many parts as they need.
    pub fn pack(name: &str, points: &[Point]) -> impl Iterator<Item = Self> {
        points.chunks(FULL).map(move |part| {
            let finite = || part.iter().map(|point| point.value).filter(|value| value.is_finite());
            let steps = || part.iter().map(|point| point.step);
            let is_full = part.len() == FULL && part.is_sorted_by(|a, b| a.step < b.step);
            Self {
                name: name.to_owned(),
                points: part.len(),
                step_from: steps().min().unwrap_or(0),
                step_to: steps().max().unwrap_or(0),
                last: part[part.len() - 1],
                min: finite().reduce(f64::min),
                max: finite().reduce(f64::max),
                data: pack(part),
                extremes: is_full.then(|| pack_extremes(part)),
            }
        })
    }

    const fn level(&self) -> i64 {
        if self.extremes.is_some() { FULL_LEVEL } else { 0 }
    }
}

/// Why a batch was not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeepError {
    /// There is no such run any more: nobody will ask for more of it.
    #[error("the run is gone")]
    Gone,
    /// The output was read from another position than the one that is kept: read it again from there.
    #[error("the output was kept up to another position")]
    Elsewhere,
    /// The database refused; trying the same batch again later is right.
    #[error(transparent)]
    Store(Arc<Error>),
    /// The server goes down.
    #[error("the server is going down")]
    Closed,
}

/// What was kept of a run, for whoever tells the open pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Its row in the list changed.
    pub row: bool,
    /// The newest step of new points.
    pub step: Option<u64>,
    /// Lines of the stream that grew.
    pub lines: Option<u64>,
    /// Its events or checkpoints.
    pub detail: bool,
}

/// Told of what was kept, after it is on disk.
pub type Listener = Arc<dyn Fn(&RunId, Kept) + Send + Sync>;

enum Ask {
    Keep(Box<Batch>, oneshot::Sender<Result<(), KeepError>>),
    Forget(RunId),
}

/// Hands batches to the writer. Cheap to clone; the writer ends when the last one is dropped and all is written.
#[derive(Clone)]
pub struct Intake {
    sender: mpsc::Sender<Ask>,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

impl Intake {
    /// The way to a writer, and the writer, which has to be run.
    pub fn new(store: Store, caps: Caps, listener: Listener) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender }, Writer { store, caps, listener, known: HashMap::new() }.run(receiver))
    }

    /// Keeps a batch; answers when it is on disk.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn keep(&self, batch: Batch) -> Result<(), KeepError> {
        let (answer, answered) = oneshot::channel();
        self.sender.send(Ask::Keep(Box::new(batch), answer)).await.map_err(|_| KeepError::Closed)?;
        answered.await.map_err(|_| KeepError::Closed)?
    }

    /// Forgets what is remembered of a run, because it was deleted.
    pub async fn forget(&self, run: RunId) {
        // A writer that is gone has nothing to forget.
        let _ = self.sender.send(Ask::Forget(run)).await;
    }
}

struct Writer {
    store: Store,
    caps: Caps,
    listener: Listener,
    known: HashMap<RunId, known::Known>,
}

type Waiting = (Box<Batch>, oneshot::Sender<Result<(), KeepError>>);

impl Writer {
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        let mut taken: Vec<Waiting> = Vec::new();
        while let Some(ask) = asks.recv().await {
            self.take(ask, &mut taken);
            if !taken.is_empty() && asks.len() < WAITING / 2 {
                tokio::time::sleep(LINGER).await;
            }
            while taken.len() < TOGETHER
                && let Ok(ask) = asks.try_recv()
            {
                self.take(ask, &mut taken);
            }
            if taken.is_empty() {
                continue;
            }
            let touched = self.keep(std::mem::take(&mut taken)).await;
            self.compact(&touched).await;
            if self.known.len() > REMEMBERED {
                self.known.clear();
            }
        }
    }

    fn take(&mut self, ask: Ask, taken: &mut Vec<Waiting>) {
        match ask {
            Ask::Keep(batch, answer) => taken.push((batch, answer)),
            Ask::Forget(run) => {
                self.known.remove(&run);
            }
        }
    }

    /// Commits what can be committed and answers everybody; says which runs were touched.
    async fn keep(&mut self, taken: Vec<Waiting>) -> Vec<RunId> {
        let mut plan = commit::Plan::default();
        let mut kept = Vec::with_capacity(taken.len());
        for (batch, answer) in taken {
            let run = batch.run.clone();
            match self.place(*batch, &mut plan).await {
                Ok(()) => kept.push((run, answer)),
                Err(error) => {
                    // Whoever asked may have gone away.
                    let _ = answer.send(Err(error));
                }
            }
        }
        let touched = plan.runs();
        let told = plan.told();
        let done = if plan.is_empty() { Ok(()) } else { plan.commit(&self.store, &self.known).await };
        if let Err(error) = done {
            tracing::warn!(%error, batches = kept.len(), "metrics and logs were not kept; they are handed in again");
            // Whether a commit whose answer was lost took place is seen in the database, not in what we remember.
            touched.iter().for_each(|run| {
                self.known.remove(run);
            });
            let error = Arc::new(error);
            kept.into_iter().for_each(|(_, answer)| drop(answer.send(Err(KeepError::Store(error.clone())))));
            return Vec::new();
        }
        kept.into_iter().for_each(|(_, answer)| drop(answer.send(Ok(()))));
        told.into_iter().for_each(|(run, kept)| (self.listener)(&run, kept));
        touched
    }

    /// Finds a batch its place among what is known, and plans the rows to write.
    async fn place(&mut self, batch: Batch, plan: &mut commit::Plan) -> Result<(), KeepError> {
        if !self.known.contains_key(&batch.run) {
            let known = known::Known::load(&self.store, &batch.run).await.map_err(|error| KeepError::Store(Arc::new(error)))?;
            self.known.insert(batch.run.clone(), known.ok_or(KeepError::Gone)?);
        }
        let known = self.known.get_mut(&batch.run).ok_or(KeepError::Gone)?;
        known.place(batch, self.caps, plan)
    }
}
