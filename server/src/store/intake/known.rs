//! What the writer remembers of a run, so that a batch is placed without asking the database: its streams and their positions,
//! its metrics, and the chunks that are not yet full. It is read from the database once, and again after a failed commit.

use std::collections::{BTreeMap, HashMap};

use slipway_domain::run::spec::RunId;

use super::{
    Batch, Caps, KeepError, MOST_METRICS, Output, PackedPoints,
    commit::{LogChunk, MetricChunk, Plan},
};
use crate::{
    on_db,
    store::{
        Error, Store,
        logs::{self, Position, StreamKey, StreamState},
        metrics::{FULL_LEVEL, LOSSES, clamp_step, merge::Small},
        runs,
    },
};

/// A metric of a run.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) points: u64,
    pub(super) step: u64,
    pub(super) last: f64,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) next_seq: i64,
    pub(super) small: Vec<Small>,
}

/// An output of a run.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) state: StreamState,
    /// Chunks that are not full; `seq` is the number of their first line.
    pub(super) small: Vec<Small>,
}

/// A run.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) series: HashMap<String, Series>,
    pub(super) streams: HashMap<StreamKey, Stream>,
    /// The metric that the run's loss is taken from, and its newest value.
    pub(super) loss: Option<(String, f64)>,
    pub(super) step: Option<u64>,
    pub(super) steps_in_all: Option<u64>,
    too_many: bool,
}

impl Known {
    /// Reads a run from the database; none where it is not there or was deleted.
    pub(super) async fn load(store: &Store, run: &RunId) -> Result<Option<Self>, Error> {
        const SERIES: &str = "SELECT name, points, step, last_bits, min, max, next_seq FROM metric WHERE run_id = $1";
        const POINTS: &str = "SELECT name, seq, level, points FROM metric_chunk WHERE run_id = $1 AND level < $2 ORDER BY name, seq";
        const LINES: &str =
            "SELECT stream, first_line, level, bytes FROM log_chunk WHERE run_id = $1 AND level < $2 ORDER BY stream, first_line";
        type SeriesRow = (String, i64, i64, i64, Option<f64>, Option<f64>, i64);
        let Some(there) = runs::get(store, run).await? else { return Ok(None) };
        let series: Vec<SeriesRow> = on_db!(store.reads(), pool => sqlx::query_as(SERIES).bind(&run.0).fetch_all(pool).await)?;
        let points: Vec<(String, i64, i64, i64)> =
            on_db!(store.reads(), pool => sqlx::query_as(POINTS).bind(&run.0).bind(FULL_LEVEL).fetch_all(pool).await)?;
        let lines: Vec<(i64, i64, i64, i64)> =
            on_db!(store.reads(), pool => sqlx::query_as(LINES).bind(&run.0).bind(FULL_LEVEL).fetch_all(pool).await)?;
        let mut known = Self {
            loss: there.loss_name.zip(there.row.loss.map(|value| value.0)),
            step: there.row.progress.map(|progress| progress.step),
            steps_in_all: there.row.progress.map(|progress| progress.of),
            ..Self::default()
        };
        for (name, points, step, bits, min, max, next_seq) in series {
            let last = f64::from_bits(bits.cast_unsigned());
            let (points, step) = (points.cast_unsigned(), step.cast_unsigned());
            known.series.insert(name, Series { points, step, last, min, max, next_seq, small: Vec::new() });
        }
        for (name, seq, level, points) in points {
            if let Some(series) = known.series.get_mut(&name) {
                series.small.push(Small { seq, level, size: usize::try_from(points).unwrap_or(0) });
            }
        }
        let mut small: BTreeMap<i64, Vec<Small>> = BTreeMap::new();
        for (stream, seq, level, bytes) in lines {
            small.entry(stream).or_default().push(Small { seq, level, size: usize::try_from(bytes).unwrap_or(0) });
        }
        for state in logs::streams(store, run).await? {
            let small = small.remove(&state.number).unwrap_or_default();
            known.streams.insert(state.key.clone(), Stream { state, small });
        }
        Ok(Some(known))
    }

    /// Plans the rows of a batch.
    pub(super) fn place(&mut self, batch: Batch, caps: Caps, plan: &mut Plan) -> Result<(), KeepError> {
        let run = batch.run.clone();
        if let Some(output) = batch.output
            && !self.place_output(&run, output, caps, plan)?
        {
            // It was committed already, and only the answer was lost.
            return Ok(());
        }
        let told = plan.told.entry(run.clone()).or_default();
        told.detail |= !batch.checkpoints.is_empty() || !batch.events.is_empty();
        if batch.step.is_some() || batch.steps_in_all.is_some() {
            self.step = batch.step.or(self.step);
            self.steps_in_all = batch.steps_in_all.or(self.steps_in_all);
            told.row = true;
        }
        for points in batch.metrics {
            self.place_points(&run, points, plan);
        }
        for checkpoint in batch.checkpoints {
            plan.checkpoints.insert((run.clone(), checkpoint.step), checkpoint);
        }
        for (key, event) in batch.events {
            plan.events.insert((run.clone(), key), event);
        }
        Ok(())
    }

    fn place_points(&mut self, run: &RunId, points: PackedPoints, plan: &mut Plan) {
        if !self.series.contains_key(&points.name) && self.series.len() >= MOST_METRICS {
            if !self.too_many {
                self.too_many = true;
                plan.too_many_metrics(run, points.last.time);
            }
            return;
        }
        let told = plan.told.entry(run.clone()).or_default();
        told.step = told.step.max(Some(points.last.step));
        if self.is_loss(&points.name) {
            self.loss = Some((points.name.clone(), points.last.value));
            told.row = true;
        }
        let series = self.series.entry(points.name.clone()).or_insert_with(|| Series {
            points: 0,
            step: 0,
            last: f64::NAN,
            min: None,
            max: None,
            next_seq: 0,
            small: Vec::new(),
        });
        series.points += points.points as u64;
        series.step = points.last.step;
        series.last = points.last.value;
        series.min = series.min.into_iter().chain(points.min).reduce(f64::min);
        series.max = series.max.into_iter().chain(points.max).reduce(f64::max);
        let seq = series.next_seq;
        series.next_seq += 1;
        // After others that are not full, a full one waits with them: chunks are merged with their neighbours only.
        let level = if series.small.is_empty() { points.level() } else { 0 };
        if level != FULL_LEVEL {
            series.small.push(Small { seq, level, size: points.points });
        }
        plan.series.insert((run.clone(), points.name.clone()));
        plan.metric_chunks.push(MetricChunk {
            run: run.clone(),
            name: points.name,
            seq,
            level,
            points: i64::try_from(points.points).unwrap_or(i64::MAX),
            step_from: clamp_step(points.step_from),
            step_to: clamp_step(points.step_to),
            data: points.data,
            extremes: points.extremes.filter(|_| level == FULL_LEVEL),
        });
    }

    /// Whether the run's loss is taken from this metric: the most telling name that it has reported.
    fn is_loss(&self, name: &str) -> bool {
        let rank = |name: &str| LOSSES.iter().position(|loss| *loss == name);
        let Some(new) = rank(name) else { return false };
        self.loss.as_ref().and_then(|(name, _)| rank(name)).is_none_or(|old| new <= old)
    }

    /// Plans the rows of an output; false where it was kept already.
    fn place_output(&mut self, run: &RunId, output: Output, caps: Caps, plan: &mut Plan) -> Result<bool, KeepError> {
        let number = i64::try_from(self.streams.len()).unwrap_or(i64::MAX);
        let stream = self.streams.entry(output.stream.clone()).or_insert_with(|| Stream {
            state: StreamState {
                number,
                key: output.stream,
                lines: 0,
                bytes: 0,
                dropped_lines: 0,
                dropped_bytes: 0,
                position: Position::START,
                ended: false,
            },
            small: Vec::new(),
        });
        let state = &mut stream.state;
        if state.position == output.position && output.after != output.position {
            return Ok(false);
        }
        if state.position != output.after {
            return Err(KeepError::Elsewhere);
        }
        state.position = output.position;
        state.ended |= output.ended;
        if let Some(packed) = output.lines {
            let chunk = LogChunk {
                run: run.clone(),
                stream: state.number,
                first_line: state.lines.cast_signed(),
                lines: packed.lines.cast_signed(),
                bytes: packed.bytes.cast_signed(),
                head: state.bytes + state.dropped_bytes < caps.head,
                data: packed.data,
            };
            stream.small.push(Small { seq: chunk.first_line, level: 0, size: usize::try_from(packed.bytes).unwrap_or(usize::MAX) });
            state.lines += packed.lines;
            state.bytes += packed.bytes;
            plan.log_chunks.push(chunk);
            plan.told.entry(run.clone()).or_default().lines = Some(state.lines);
        }
        plan.streams.insert((run.clone(), state.key.clone()));
        Ok(true)
    }
}
