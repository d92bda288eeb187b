//! One transaction for all the batches that were taken together. Rows of a kind go in with as few statements as possible,
//! because a statement costs more than a row.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use slipway_domain::run::{
    spec::RunId,
    view::{CheckpointRow, EventRow},
};
use sqlx::AssertSqlSafe;

use super::{Kept, MOST_METRICS, known::Known};
use crate::{
    on_db,
    store::{Error, Store, logs::StreamKey, metrics::clamp_step},
};

/// Rows that one statement inserts: a few sizes, so that each is prepared once.
const SIZES: [usize; 3] = [64, 8, 1];

#[derive(Debug)]
pub(super) struct MetricChunk {
    pub(super) run: RunId,
    pub(super) name: String,
    pub(super) seq: i64,
    pub(super) level: i64,
    pub(super) points: i64,
    pub(super) step_from: i64,
    pub(super) step_to: i64,
    pub(super) data: Vec<u8>,
    pub(super) extremes: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct LogChunk {
    pub(super) run: RunId,
    pub(super) stream: i64,
    pub(super) first_line: i64,
    pub(super) lines: i64,
    pub(super) bytes: i64,
    pub(super) head: bool,
    pub(super) data: Vec<u8>,
}

/// The rows to write.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) metric_chunks: Vec<MetricChunk>,
    pub(super) log_chunks: Vec<LogChunk>,
    /// Metrics and streams whose rows are as they are known now.
    pub(super) series: BTreeSet<(RunId, String)>,
    pub(super) streams: BTreeSet<(RunId, StreamKey)>,
    pub(super) checkpoints: BTreeMap<(RunId, u64), CheckpointRow>,
    pub(super) events: BTreeMap<(RunId, String), EventRow>,
    pub(super) told: BTreeMap<RunId, Kept>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.streams.is_empty()
    }

    /// The runs that are touched.
    pub(super) fn runs(&self) -> Vec<RunId> {
        let runs: BTreeSet<&RunId> = self.told.keys().chain(self.streams.iter().map(|(run, _)| run)).collect();
        runs.into_iter().cloned().collect()
    }

    /// What to tell when it is done.
    pub(super) fn told(&self) -> BTreeMap<RunId, Kept> {
        self.told.clone()
    }

    pub(super) fn too_many_metrics(&mut self, run: &RunId, time: i64) {
        let event = EventRow {
            at: Timestamp::from_millisecond(time).unwrap_or_default(),
            warning: true,
            reason: "TooManyMetrics".to_owned(),
            object: "Run".to_owned(),
            message: format!("The run reports more than {MOST_METRICS} metrics; values of further names are not kept"),
            count: 1,
        };
        self.told.entry(run.clone()).or_default().detail = true;
        self.events.insert((run.clone(), "slipway:too-many-metrics".to_owned()), event);
    }

    /// Writes everything, or nothing.
    pub(super) async fn commit(&self, store: &Store, known: &HashMap<RunId, Known>) -> Result<(), Error> {
        const METRIC_CHUNK: Insert = Insert {
            into: "metric_chunk (run_id, name, seq, level, points, step_from, step_to, data, extremes)",
            columns: 9,
            conflict: "",
        };
        const METRIC: Insert = Insert {
            into: "metric (run_id, name, points, step, last_bits, min, max, next_seq)",
            columns: 8,
            conflict: "ON CONFLICT (run_id, name) DO UPDATE SET points = excluded.points, step = excluded.step, \
                       last_bits = excluded.last_bits, min = excluded.min, max = excluded.max, next_seq = excluded.next_seq",
        };
        const LOG_CHUNK: Insert =
            Insert { into: "log_chunk (run_id, stream, first_line, lines, bytes, level, head, data)", columns: 8, conflict: "" };
        const LOG_STREAM: Insert = Insert {
            into: "log_stream (run_id, number, pod, container, restart, lines, bytes, dropped_lines, dropped_bytes, last_at, latest_at, \
                   same, ended)",
            columns: 13,
            conflict: "ON CONFLICT (run_id, number) DO UPDATE SET lines = excluded.lines, bytes = excluded.bytes, \
                       last_at = excluded.last_at, latest_at = excluded.latest_at, same = excluded.same, ended = excluded.ended",
        };
        const CHECKPOINT: &str = "INSERT INTO checkpoint (run_id, step, path, bytes, sha256, at) VALUES ($1, $2, $3, $4, $5, $6) \
                                  ON CONFLICT (run_id, step) DO UPDATE SET path = excluded.path, bytes = excluded.bytes, \
                                  sha256 = excluded.sha256, at = excluded.at";
        const EVENT: &str = "INSERT INTO run_event (run_id, key, at, warning, reason, object, message, count) \
                             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                             ON CONFLICT (run_id, key) DO UPDATE SET at = excluded.at, message = excluded.message, count = excluded.count";
        const RUN: &str = "UPDATE run SET loss_name = $1, loss_bits = $2, loss = $3, progress_step = $4, progress_of = $5 WHERE id = $6";
        let series: Vec<_> = self.series.iter().filter_map(|(run, name)| Some((run, name, known.get(run)?.series.get(name)?))).collect();
        let streams: Vec<_> = self.streams.iter().filter_map(|(run, key)| Some((run, &known.get(run)?.streams.get(key)?.state))).collect();
        let rows: Vec<_> = self.told.iter().filter(|(_, told)| told.row).filter_map(|(run, _)| Some((run, known.get(run)?))).collect();
        on_db!(store.writes(), pool => {
            let mut transaction = pool.begin().await?;
            for part in parts(&self.metric_chunks) {
                let mut query = sqlx::query(AssertSqlSafe(METRIC_CHUNK.rows(part.len())));
                for chunk in part {
                    query = query.bind(&chunk.run.0).bind(&chunk.name).bind(chunk.seq).bind(chunk.level).bind(chunk.points)
                        .bind(chunk.step_from).bind(chunk.step_to).bind(&chunk.data).bind(&chunk.extremes);
                }
                query.execute(&mut *transaction).await?;
            }
            for part in parts(&series) {
                let mut query = sqlx::query(AssertSqlSafe(METRIC.rows(part.len())));
                for (run, name, series) in part {
                    query = query.bind(&run.0).bind(*name).bind(series.points.cast_signed()).bind(clamp_step(series.step))
                        .bind(series.last.to_bits().cast_signed()).bind(series.min).bind(series.max).bind(series.next_seq);
                }
                query.execute(&mut *transaction).await?;
            }
            for part in parts(&self.log_chunks) {
                let mut query = sqlx::query(AssertSqlSafe(LOG_CHUNK.rows(part.len())));
                for chunk in part {
                    query = query.bind(&chunk.run.0).bind(chunk.stream).bind(chunk.first_line).bind(chunk.lines).bind(chunk.bytes)
                        .bind(0_i64).bind(chunk.head).bind(&chunk.data);
                }
                query.execute(&mut *transaction).await?;
            }
            for part in parts(&streams) {
                let mut query = sqlx::query(AssertSqlSafe(LOG_STREAM.rows(part.len())));
                for (run, stream) in part {
                    query = query.bind(&run.0).bind(stream.number).bind(&stream.key.pod).bind(&stream.key.container)
                        .bind(i64::from(stream.key.restart)).bind(stream.lines.cast_signed()).bind(stream.bytes.cast_signed())
                        .bind(stream.dropped_lines.cast_signed()).bind(stream.dropped_bytes.cast_signed()).bind(stream.position.last_at)
                        .bind(stream.position.latest_at).bind(stream.position.same).bind(stream.ended);
                }
                query.execute(&mut *transaction).await?;
            }
            for ((run, _), checkpoint) in &self.checkpoints {
                sqlx::query(CHECKPOINT)
                    .bind(&run.0).bind(clamp_step(checkpoint.step)).bind(&checkpoint.path)
                    .bind(i64::try_from(checkpoint.bytes).unwrap_or(i64::MAX)).bind(&checkpoint.sha256).bind(checkpoint.at.as_millisecond())
                    .execute(&mut *transaction).await?;
            }
            for ((run, key), event) in &self.events {
                sqlx::query(EVENT)
                    .bind(&run.0).bind(key).bind(event.at.as_millisecond()).bind(event.warning).bind(&event.reason).bind(&event.object)
                    .bind(&event.message).bind(i64::from(event.count))
                    .execute(&mut *transaction).await?;
            }
            for (run, known) in &rows {
                let value = known.loss.as_ref().map(|(_, value)| *value);
                sqlx::query(RUN)
                    .bind(known.loss.as_ref().map(|(name, _)| name)).bind(value.map(|value| value.to_bits().cast_signed()))
                    .bind(value.filter(|value| value.is_finite())).bind(known.step.map(clamp_step)).bind(known.steps_in_all.map(clamp_step))
                    .bind(&run.0)
                    .execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        });
        Ok(())
    }
}

/// A statement that inserts several rows.
struct Insert {
    into: &'static str,
    columns: usize,
    conflict: &'static str,
}

impl Insert {
    fn rows(&self, rows: usize) -> String {
        let row = |row: usize| {
            let placeholders: Vec<_> = (1..=self.columns).map(|column| format!("${}", row * self.columns + column)).collect();
            format!("({})", placeholders.join(", "))
        };
        let values: Vec<_> = (0..rows).map(row).collect();
        format!("INSERT INTO {} VALUES {} {}", self.into, values.join(", "), self.conflict)
    }
}

/// Cuts rows into parts of the sizes there are.
fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (part, rest) = rows.split_at(size);
        rows = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_a_few_sizes_in_their_order() {
        let rows: Vec<_> = (0..75).collect();
        let cut: Vec<_> = parts(&rows).collect();
        assert_eq!(cut.iter().map(|part| part.len()).collect::<Vec<_>>(), [64, 8, 1, 1, 1]);
        assert_eq!(cut.concat(), rows);
    }

    #[test]
    fn placeholders_are_numbered_through() {
        let insert = Insert { into: "t (a, b)", columns: 2, conflict: "" };
        assert_eq!(insert.rows(2), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ");
    }
}
