//! Metrics as they are read: summaries and curves. [`super::intake`] writes them.
//!
//! Points lie in chunks in the order in which they came. A small chart unpacks them all; a wide range is drawn from the extremes
//! that each full chunk carries, so that a curve of 1,000,000 points costs half a megabyte of reading. A run that continued from
//! a checkpoint repeats steps: chunks whose steps overlap are always unpacked, and the point that came last is the one shown.

mod chart;
pub(super) mod merge;
pub(super) mod pack;

use std::collections::BTreeMap;

use slipway_domain::run::{
    report::Value,
    spec::RunId,
    view::{ChartQuery, MetricSummary, Series},
};
use sqlx::AssertSqlSafe;

pub use self::pack::Point;
use self::pack::{Extremes, STRIDE};
use super::{Error, Store};
use crate::on_db;

/// Names that a training loss goes by, the most telling first: the one shown in lists.
pub const LOSSES: [&str; 4] = ["train/loss", "loss", "train_loss", "training/loss"];

/// Values of a sparkline.
const SPARK: u32 = 32;

/// Charts of at most this many points are drawn from the points themselves.
const ALWAYS_EXACT: u64 = 16_384;

/// Points in full chunks; a chunk holds fewer than twice as many.
pub(super) const FULL: usize = 8192;

/// The level of a full chunk, which is never merged again.
pub(super) const FULL_LEVEL: i64 = 9;

#[derive(sqlx::FromRow)]
struct SummaryColumns {
    name: String,
    points: i64,
    step: i64,
    last_bits: i64,
    min: Option<f64>,
    max: Option<f64>,
}

/// The metrics that a run has reported, by name.
///
/// # Errors
/// What the database refused.
pub async fn summaries(store: &Store, run: &RunId) -> Result<Vec<MetricSummary>, Error> {
    const SQL: &str = "SELECT name, points, step, last_bits, min, max FROM metric WHERE run_id = $1 ORDER BY name";
    let rows: Vec<SummaryColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&run.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(SummaryColumns::read).collect())
}

impl SummaryColumns {
    fn read(self) -> MetricSummary {
        MetricSummary {
            name: self.name,
            points: self.points.cast_unsigned(),
            last: Value(f64::from_bits(self.last_bits.cast_unsigned())),
            step: self.step.cast_unsigned(),
            min: self.min,
            max: self.max,
        }
    }
}

#[derive(Clone, Copy, Debug, sqlx::FromRow)]
struct ChunkColumns {
    seq: i64,
    points: i64,
    step_from: i64,
    step_to: i64,
    is_full: bool,
}

/// A curve with at most as many buckets as the query's width, from 1 to 1,000.
///
/// # Errors
/// What the database refused.
pub async fn chart(store: &Store, run: &RunId, query: &ChartQuery) -> Result<Series, Error> {
    let width = query.width.clamp(1, 1_000);
    let from = query.from.map_or(0, clamp_step);
    let to = query.to.map_or(i64::MAX, clamp_step);
    let chunks = chunks(store, run, &query.metric, from, to).await?;
    let total: u64 = chunks.iter().map(|chunk| chunk.points.cast_unsigned()).sum();
    // From this many on, a row of extremes is at most a quarter of a bucket.
    let exact = total <= ALWAYS_EXACT.max(u64::from(width) * STRIDE as u64 * 4);
    let overlapping = overlapping(&chunks);
    let whole = |chunk: &ChunkColumns| {
        !exact && chunk.is_full && chunk.step_from >= from && chunk.step_to <= to && !overlapping.contains(&chunk.seq)
    };
    let mut rows = Vec::new();
    for (first, last) in stretches(&chunks, whole) {
        for data in column(store, run, &query.metric, "extremes", first, last).await? {
            pack::unpack_extremes(&data, &mut rows).map_err(Error::unexpected)?;
        }
    }
    let mut points = Vec::new();
    for (first, last) in stretches(&chunks, |chunk| !whole(chunk)) {
        for data in column(store, run, &query.metric, "data", first, last).await? {
            pack::unpack(&data, &mut points).map_err(Error::unexpected)?;
        }
    }
    pack::settle(&mut points);
    let wanted = clamp_back(from)..=clamp_back(to);
    rows.extend(points.into_iter().filter(|point| wanted.contains(&point.step)).map(Extremes::of));
    if !rows.is_sorted_by_key(|row| row.step) {
        rows.sort_by_key(|row| row.step);
    }
    Ok(chart::series(&rows, width))
}

/// Up to 32 values of a metric, evenly over its steps, oldest first.
///
/// # Errors
/// What the database refused.
pub async fn spark(store: &Store, run: &RunId, metric: &str) -> Result<Vec<Value>, Error> {
    let query = ChartQuery { metric: metric.to_owned(), from: None, to: None, width: SPARK };
    let series = chart(store, run, &query).await?;
    Ok(series.buckets.iter().map(|bucket| Value(bucket.mean.unwrap_or(f64::NAN))).collect())
}

async fn chunks(store: &Store, run: &RunId, metric: &str, from: i64, to: i64) -> Result<Vec<ChunkColumns>, Error> {
    const SQL: &str = "SELECT seq, points, step_from, step_to, level >= 9 AS is_full FROM metric_chunk \
                       WHERE run_id = $1 AND name = $2 AND step_to >= $3 AND step_from <= $4 ORDER BY seq";
    Ok(on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&run.0).bind(metric).bind(from).bind(to).fetch_all(pool).await)?)
}

async fn column(store: &Store, run: &RunId, metric: &str, what: &'static str, first: i64, last: i64) -> Result<Vec<Vec<u8>>, Error> {
    let sql = format!(
        "SELECT {what} FROM metric_chunk WHERE run_id = $1 AND name = $2 AND seq >= $3 AND seq <= $4 AND {what} IS NOT NULL ORDER BY seq"
    );
    Ok(on_db!(store.reads(), pool => {
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(&run.0).bind(metric).bind(first).bind(last).fetch_all(pool).await
    })?)
}

/// First and last sequence numbers of the chunks that are picked and follow each other.
fn stretches(chunks: &[ChunkColumns], pick: impl Fn(&ChunkColumns) -> bool) -> Vec<(i64, i64)> {
    let picked = |group: &&[ChunkColumns]| pick(&group[0]);
    let groups = chunks.chunk_by(|a, b| pick(a) == pick(b));
    groups.filter(picked).map(|group| (group[0].seq, group[group.len() - 1].seq)).collect()
}

/// Sequence numbers of the chunks that share steps with another.
fn overlapping(chunks: &[ChunkColumns]) -> std::collections::BTreeSet<i64> {
    let by_step: BTreeMap<(i64, i64), &ChunkColumns> = chunks.iter().map(|chunk| ((chunk.step_from, chunk.seq), chunk)).collect();
    let mut found = std::collections::BTreeSet::new();
    let mut farthest: Option<&ChunkColumns> = None;
    for chunk in by_step.into_values() {
        match farthest {
            Some(far) if chunk.step_from <= far.step_to => {
                found.extend([far.seq, chunk.seq]);
                if chunk.step_to > far.step_to {
                    farthest = Some(chunk);
                }
            }
            Some(_) | None => farthest = Some(chunk),
        }
    }
    found
}

/// A step as the database keeps it. Reports with steps above 2^63 are not taken in.
pub(super) fn clamp_step(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

const fn clamp_back(step: i64) -> u64 {
    if step < 0 { 0 } else { step.cast_unsigned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(seq: i64, step_from: i64, step_to: i64) -> ChunkColumns {
        ChunkColumns { seq, points: 1, step_from, step_to, is_full: true }
    }

    #[test]
    fn chunks_that_share_steps_are_all_found() {
        let chunks = [chunk(0, 0, 9), chunk(1, 10, 50), chunk(2, 20, 30), chunk(3, 40, 60), chunk(4, 61, 70), chunk(5, 70, 80)];
        assert_eq!(overlapping(&chunks).into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn neighbours_that_are_read_alike_are_read_together() {
        let chunks = [chunk(0, 0, 9), chunk(1, 10, 19), chunk(5, 20, 29), chunk(6, 30, 39)];
        assert_eq!(stretches(&chunks, |chunk| chunk.seq != 5), [(0, 1), (6, 6)]);
    }
}
