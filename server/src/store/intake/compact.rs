//! After a commit: small chunks into larger ones, and a log that has grown too long into one that has not.
//!
//! This runs in the writer, so that nobody else writes chunks meanwhile, and in one transaction a round. Nothing depends on its
//! success: what fails is done at the next occasion.

use slipway_domain::run::spec::RunId;

use super::{Writer, commit::LogChunk};
use crate::{
    on_db,
    store::{
        Error, Store,
        logs::{self, StreamKey},
        metrics::{
            self, FULL_LEVEL,
            merge::{self, Merged, Small},
        },
        varint::Corrupt,
    },
};

/// Merges of one round, so that whoever waits to be kept does not wait for long.
const ROUND: usize = 64;

/// One merge that was prepared.
enum Done {
    Points { run: RunId, name: String, first: i64, last: i64, merged: Merged },
    Lines { key: StreamKey, last: i64, level: i64, chunk: LogChunk },
}

impl Writer {
    /// Merges what is due in these runs, and cuts logs that are too long.
    pub(super) async fn compact(&mut self, runs: &[RunId]) {
        if let Err(error) = self.merge(runs).await {
            tracing::warn!(%error, "small chunks were not merged; it is tried again later");
            runs.iter().for_each(|run| {
                self.known.remove(run);
            });
            return;
        }
        for run in runs {
            if let Err(error) = self.cut(run).await {
                tracing::warn!(%error, %run, "a long log was not cut; it is tried again later");
                self.known.remove(run);
            }
        }
    }

    async fn merge(&mut self, runs: &[RunId]) -> Result<(), Error> {
        let mut done = Vec::new();
        for run in runs {
            let Some(known) = self.known.get(run) else { continue };
            for (name, series) in &known.series {
                let due = merge::due(&series.small, metrics::FULL);
                for group in merge::groups(&series.small[series.small.len() - due..], metrics::FULL) {
                    if let Some(merge) = points(&self.store, run, name, group).await? {
                        done.push(merge);
                    }
                }
            }
            for (key, stream) in &known.streams {
                let is_rest = stream.state.ended && stream.small.len() > 1;
                let due = if is_rest { stream.small.len() } else { merge::due(&stream.small, logs::FULL) };
                for group in merge::groups(&stream.small[stream.small.len() - due..], logs::FULL) {
                    if let Some(merge) = lines(&self.store, run, key, stream.state.number, group).await? {
                        done.push(merge);
                    }
                }
            }
            if done.len() >= ROUND {
                break;
            }
        }
        if done.is_empty() {
            return Ok(());
        }
        write(&self.store, &done).await?;
        done.into_iter().for_each(|merge| self.remember(merge));
        Ok(())
    }

    fn remember(&mut self, done: Done) {
        let (run, small, range, level, size) = match done {
            Done::Points { run, name, first, last, merged } => {
                let Some(series) = self.known.get_mut(&run).and_then(|known| known.series.get_mut(&name)) else { return };
                (run, &mut series.small, first..=last, merged.level, merged.points)
            }
            Done::Lines { key, last, level, chunk } => {
                let Some(stream) = self.known.get_mut(&chunk.run).and_then(|known| known.streams.get_mut(&key)) else { return };
                (chunk.run, &mut stream.small, chunk.first_line..=last, level, usize::try_from(chunk.bytes).unwrap_or(usize::MAX))
            }
        };
        tracing::trace!(%run, level, size, "merged small chunks");
        let at = small.iter().position(|chunk| range.contains(&chunk.seq)).unwrap_or(small.len());
        small.retain(|chunk| !range.contains(&chunk.seq));
        if level < FULL_LEVEL {
            small.insert(at, Small { seq: *range.start(), level, size });
        }
    }

    /// Drops the oldest lines of a run that are not the head of a stream, and then those too, until it is short enough.
    async fn cut(&mut self, run: &RunId) -> Result<(), Error> {
        const OLDEST: &str = "SELECT stream, first_line, lines, bytes FROM log_chunk \
                              WHERE run_id = $1 AND level >= $2 ORDER BY head, stream, first_line LIMIT 64";
        const DROP: &str = "DELETE FROM log_chunk WHERE run_id = $1 AND stream = $2 AND first_line = $3";
        const NOTE: &str = "UPDATE log_stream SET bytes = bytes - $1, dropped_bytes = dropped_bytes + $1, dropped_lines = dropped_lines + $2 \
                            WHERE run_id = $3 AND number = $4";
        let Some(known) = self.known.get_mut(run) else { return Ok(()) };
        let kept: u64 = known.streams.values().map(|stream| stream.state.bytes).sum();
        if kept <= self.caps.kept {
            return Ok(());
        }
        // A little more than needed, so that not every line cuts it again.
        let enough = self.caps.kept - self.caps.kept / 64;
        let oldest: Vec<(i64, i64, i64, i64)> =
            on_db!(self.store.reads(), pool => sqlx::query_as(OLDEST).bind(&run.0).bind(FULL_LEVEL).fetch_all(pool).await)?;
        let mut left = kept;
        let going: Vec<_> = oldest
            .into_iter()
            .take_while(|(_, _, _, bytes)| {
                let goes = left > enough;
                left = left.saturating_sub(bytes.cast_unsigned());
                goes
            })
            .collect();
        on_db!(self.store.writes(), pool => {
            let mut transaction = pool.begin().await?;
            for (stream, first_line, lines, bytes) in &going {
                sqlx::query(DROP).bind(&run.0).bind(stream).bind(first_line).execute(&mut *transaction).await?;
                sqlx::query(NOTE).bind(bytes).bind(lines).bind(&run.0).bind(stream).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        });
        for (number, _, lines, bytes) in going {
            if let Some(stream) = known.streams.values_mut().find(|stream| stream.state.number == number) {
                stream.state.bytes -= bytes.cast_unsigned();
                stream.state.dropped_bytes += bytes.cast_unsigned();
                stream.state.dropped_lines += lines.cast_unsigned();
            }
        }
        Ok(())
    }
}

fn corrupt(run: &RunId) -> impl Fn(Corrupt) -> Error {
    move |error| Error::unexpected(format!("a chunk of run {run}: {error}"))
}

async fn points(store: &Store, run: &RunId, name: &str, group: &[Small]) -> Result<Option<Done>, Error> {
    const SQL: &str = "SELECT data FROM metric_chunk WHERE run_id = $1 AND name = $2 AND seq >= $3 AND seq <= $4 ORDER BY seq";
    let Some((first, last, level)) = ends(group, metrics::FULL) else { return Ok(None) };
    let chunks: Vec<Vec<u8>> = on_db!(store.reads(), pool => {
        sqlx::query_scalar(SQL).bind(&run.0).bind(name).bind(first).bind(last).fetch_all(pool).await
    })?;
    let merged = merge::merge(&chunks, level).map_err(corrupt(run))?;
    Ok(Some(Done::Points { run: run.clone(), name: name.to_owned(), first, last, merged }))
}

async fn lines(store: &Store, run: &RunId, key: &StreamKey, stream: i64, group: &[Small]) -> Result<Option<Done>, Error> {
    const SQL: &str = "SELECT head, data FROM log_chunk WHERE run_id = $1 AND stream = $2 AND first_line >= $3 AND first_line <= $4 \
                       ORDER BY first_line";
    let Some((first, last, level)) = ends(group, logs::FULL) else { return Ok(None) };
    let rows: Vec<(bool, Vec<u8>)> = on_db!(store.reads(), pool => {
        sqlx::query_as(SQL).bind(&run.0).bind(stream).bind(first).bind(last).fetch_all(pool).await
    })?;
    let (heads, chunks): (Vec<bool>, Vec<Vec<u8>>) = rows.into_iter().unzip();
    let packed = logs::pack::merge(&chunks).map_err(corrupt(run))?;
    let is_full = group.iter().map(|chunk| chunk.size).sum::<usize>() >= logs::FULL;
    let chunk = LogChunk {
        run: run.clone(),
        stream,
        first_line: first,
        lines: packed.lines.cast_signed(),
        bytes: packed.bytes.cast_signed(),
        head: heads.contains(&true),
        data: packed.data,
    };
    let level = if is_full { FULL_LEVEL } else { (level + 1).min(FULL_LEVEL - 1) };
    Ok(Some(Done::Lines { key: key.clone(), last, level, chunk }))
}

/// First and last of a group and their highest level; none where one chunk that is not full would be replaced by itself.
fn ends(group: &[Small], full: usize) -> Option<(i64, i64, i64)> {
    let (first, last) = (group.first()?, group.last()?);
    let level = group.iter().map(|chunk| chunk.level).max()?;
    (group.len() > 1 || first.size >= full).then_some((first.seq, last.seq, level))
}

async fn write(store: &Store, done: &[Done]) -> Result<(), Error> {
    const DROP_POINTS: &str = "DELETE FROM metric_chunk WHERE run_id = $1 AND name = $2 AND seq >= $3 AND seq <= $4";
    const POINTS: &str = "INSERT INTO metric_chunk (run_id, name, seq, level, points, step_from, step_to, data, extremes) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    const DROP_LINES: &str = "DELETE FROM log_chunk WHERE run_id = $1 AND stream = $2 AND first_line >= $3 AND first_line <= $4";
    const LINES: &str = "INSERT INTO log_chunk (run_id, stream, first_line, lines, bytes, level, head, data) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    on_db!(store.writes(), pool => {
        let mut transaction = pool.begin().await?;
        for merge in done {
            match merge {
                Done::Points { run, name, first, last, merged } => {
                    sqlx::query(DROP_POINTS).bind(&run.0).bind(name).bind(first).bind(last).execute(&mut *transaction).await?;
                    sqlx::query(POINTS)
                        .bind(&run.0).bind(name).bind(first).bind(merged.level).bind(i64::try_from(merged.points).unwrap_or(i64::MAX))
                        .bind(metrics::clamp_step(merged.step_from)).bind(metrics::clamp_step(merged.step_to)).bind(&merged.data)
                        .bind(&merged.extremes)
                        .execute(&mut *transaction).await?;
                }
                Done::Lines { last, level, chunk, .. } => {
                    sqlx::query(DROP_LINES).bind(&chunk.run.0).bind(chunk.stream).bind(chunk.first_line).bind(last)
                        .execute(&mut *transaction).await?;
                    sqlx::query(LINES)
                        .bind(&chunk.run.0).bind(chunk.stream).bind(chunk.first_line).bind(chunk.lines).bind(chunk.bytes).bind(level)
                        .bind(chunk.head).bind(&chunk.data)
                        .execute(&mut *transaction).await?;
                }
            }
        }
        transaction.commit().await?;
    });
    Ok(())
}
