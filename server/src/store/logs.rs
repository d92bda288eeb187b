//! Logs as they are read: any window of lines, the tail, and a search. [`super::intake`] writes them.
//!
//! Lines of a stream are numbered from 0 and keep their numbers. A run's log is kept up to [`KEPT_BYTES`]: beyond that the oldest
//! lines go, but for the first [`HEAD_BYTES`] of each stream, which say how the run was set up. Where lines are missing, one
//! line says how many.

pub(super) mod pack;
mod search;

use jiff::Timestamp;
use slipway_domain::run::{
    spec::RunId,
    view::{LogLine, LogPage, LogQuery, LogStream},
};
use tokio::sync::Semaphore;

use self::pack::Unpacked;
use super::{Error, Store};
use crate::on_db;

/// Bytes of log kept of a run, uncompressed.
pub const KEPT_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes at the beginning of each stream that go last.
pub const HEAD_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes in full chunks, uncompressed.
pub(super) const FULL: usize = 128 * 1024;

/// The most lines that are answered at once.
const MOST_LINES: u32 = 2_000;

/// Searches at once: each reads up to all that is kept of a run.
static SEARCHES: Semaphore = Semaphore::const_new(2);

/// Which output of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// The Pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Restarts before this one.
    pub restart: u32,
}

/// Which line of a container's output was read last. Lines are known by the times that the node gave them, which grow but
/// when its clock is set back, and may in principle repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The last line's time, in nanoseconds since 1970 UTC.
    pub last_at: i64,
    /// The latest time of all lines so far.
    pub latest_at: i64,
    /// How many of the last lines bear the last line's time.
    pub same: i64,
}

impl Position {
    /// Before the first line.
    pub const START: Self = Self { last_at: i64::MIN, latest_at: i64::MIN, same: 0 };

    /// After a line of this time.
    #[must_use]
    pub fn after(self, at: i64) -> Self {
        let same = if self.last_at == at { self.same + 1 } else { 1 };
        Self { last_at: at, latest_at: self.latest_at.max(at), same }
    }
}

/// A stream and how far it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// Its place among the run's streams.
    pub number: i64,
    /// Which output it is.
    pub key: StreamKey,
    /// Lines numbered so far.
    pub lines: u64,
    /// Bytes kept, uncompressed.
    pub bytes: u64,
    /// Lines dropped.
    pub dropped_lines: u64,
    /// Bytes dropped.
    pub dropped_bytes: u64,
    /// How far it was read.
    pub position: Position,
    /// Nothing more will come.
    pub ended: bool,
}

#[derive(sqlx::FromRow)]
struct StreamColumns {
    number: i64,
    pod: String,
    container: String,
    restart: i64,
    lines: i64,
    bytes: i64,
    dropped_lines: i64,
    dropped_bytes: i64,
    last_at: i64,
    latest_at: i64,
    same: i64,
    ended: bool,
}

impl From<StreamColumns> for StreamState {
    fn from(row: StreamColumns) -> Self {
        Self {
            number: row.number,
            key: StreamKey { pod: row.pod, container: row.container, restart: u32::try_from(row.restart).unwrap_or(0) },
            lines: row.lines.cast_unsigned(),
            bytes: row.bytes.cast_unsigned(),
            dropped_lines: row.dropped_lines.cast_unsigned(),
            dropped_bytes: row.dropped_bytes.cast_unsigned(),
            position: Position { last_at: row.last_at, latest_at: row.latest_at, same: row.same },
            ended: row.ended,
        }
    }
}

/// The outputs of a run, in the order in which they were first read.
///
/// # Errors
/// What the database refused.
pub async fn streams(store: &Store, run: &RunId) -> Result<Vec<StreamState>, Error> {
    const SQL: &str = "SELECT number, pod, container, restart, lines, bytes, dropped_lines, dropped_bytes, last_at, latest_at, same, ended \
                       FROM log_stream WHERE run_id = $1 ORDER BY number";
    let rows: Vec<StreamColumns> = on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&run.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(StreamState::from).collect())
}

/// A chunk as it is stored.
#[derive(Debug, sqlx::FromRow)]
struct Chunk {
    first_line: i64,
    lines: i64,
    data: Vec<u8>,
}

/// Some lines of a log: a window, the tail, or those that contain something.
///
/// # Errors
/// What the database refused.
pub async fn page(store: &Store, run: &RunId, query: &LogQuery) -> Result<LogPage, Error> {
    let streams = streams(store, run).await?;
    let picked = pick(&streams, query);
    let mut page = LogPage { streams: streams.iter().map(shown).collect(), stream: picked, lines: Vec::new(), matches: None };
    let Some(stream) = picked.map(|index| &streams[index]) else { return Ok(page) };
    let count = u64::from(query.count.clamp(1, MOST_LINES));
    if query.search.is_empty() {
        let from = query.from.unwrap_or_else(|| stream.lines.saturating_sub(count));
        page.lines = window(store, run, stream, from, count).await?;
    } else {
        let _turn = SEARCHES.acquire().await.map_err(Error::unexpected)?;
        let (lines, matches) = search::run(store, run, stream.number, query, count).await?;
        page.lines = lines;
        page.matches = Some(matches);
    }
    Ok(page)
}

/// The stream that the query means: that of its Pod, or of all the newest.
fn pick(streams: &[StreamState], query: &LogQuery) -> Option<usize> {
    let wanted = |stream: &StreamState| {
        query.pod.as_ref().is_none_or(|pod| *pod == stream.key.pod) && query.restart.is_none_or(|restart| restart == stream.key.restart)
    };
    streams.iter().rposition(wanted)
}

fn shown(stream: &StreamState) -> LogStream {
    let StreamKey { pod, container, restart } = stream.key.clone();
    LogStream { pod, container, restart, lines: stream.lines, bytes: stream.bytes, dropped: stream.dropped_bytes }
}

async fn window(store: &Store, run: &RunId, stream: &StreamState, from: u64, count: u64) -> Result<Vec<LogLine>, Error> {
    const SQL: &str = "SELECT first_line, lines, data FROM log_chunk \
                       WHERE run_id = $1 AND stream = $2 AND first_line < $3 AND first_line + lines > $4 ORDER BY first_line";
    let to = from.saturating_add(count).min(stream.lines);
    let (low, high) = (from.min(i64::MAX.unsigned_abs()).cast_signed(), to.min(i64::MAX.unsigned_abs()).cast_signed());
    let chunks: Vec<Chunk> =
        on_db!(store.reads(), pool => sqlx::query_as(SQL).bind(&run.0).bind(stream.number).bind(high).bind(low).fetch_all(pool).await)?;
    let mut lines = Vec::new();
    let mut next = from;
    for chunk in &chunks {
        let first = chunk.first_line.cast_unsigned();
        if first > next {
            lines.push(missing(stream, next, lines.last()));
        }
        let unpacked = Unpacked::new(&chunk.data).map_err(Error::unexpected)?;
        let numbered = (first..).zip(unpacked.lines().map_err(Error::unexpected)?);
        lines.extend(numbered.filter(|(number, _)| (from..to).contains(number)).map(|(number, (at, text))| line(number, at, text)));
        next = first + chunk.lines.cast_unsigned();
    }
    if next < to {
        lines.push(missing(stream, next, lines.last()));
    }
    Ok(lines)
}

fn line(number: u64, at: i64, text: &str) -> LogLine {
    LogLine { number, at: Timestamp::from_nanosecond(at.into()).unwrap_or_default(), text: text.to_owned() }
}

/// Stands where lines were dropped.
fn missing(stream: &StreamState, number: u64, before: Option<&LogLine>) -> LogLine {
    let text = format!(
        "[Slipway dropped {} lines ({} bytes) here: of a run's log, its beginning and its newest {} MiB are kept]",
        stream.dropped_lines,
        stream.dropped_bytes,
        KEPT_BYTES / (1024 * 1024)
    );
    LogLine { number, at: before.map(|line| line.at).unwrap_or_default(), text }
}
