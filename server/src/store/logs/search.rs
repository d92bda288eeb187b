//! Looking for a text in a log: chunk by chunk, so that memory stays bounded, and no further than the count is of use.

use slipway_domain::run::{
    spec::RunId,
    view::{LogLine, LogQuery},
};
use sqlx::AssertSqlSafe;

use super::{Chunk, line, pack::Unpacked};
use crate::{
    on_db,
    store::{Error, Store, varint::Corrupt},
};

/// Chunks read at once.
const BATCH: i64 = 32;

/// Where counting stops.
const COUNTED: u64 = 10_000;

/// The lines that match, at most `count` of them in the order of the log, and how many match in all, as far as that is counted.
/// From a line on, the first ones are answered; without one, the last.
pub(super) async fn run(store: &Store, run: &RunId, stream: i64, query: &LogQuery, count: u64) -> Result<(Vec<LogLine>, u64), Error> {
    let newest_first = query.from.is_none();
    let mut hits = Hits { needle: query.search.clone(), from: query.from.unwrap_or(0), count, newest_first, lines: Vec::new(), matches: 0 };
    let mut edge = if newest_first { i64::MAX } else { -1 };
    while !hits.is_enough() {
        let chunks = chunks(store, run, stream, edge, newest_first).await?;
        let Some(last) = chunks.last() else { break };
        edge = last.first_line;
        // Uncompressing some megabytes is too long for a thread that serves others.
        hits = tokio::task::spawn_blocking(move || hits.look(&chunks)).await.map_err(Error::unexpected)?.map_err(Error::unexpected)?;
    }
    if newest_first {
        hits.lines.reverse();
    }
    Ok((hits.lines, hits.matches))
}

async fn chunks(store: &Store, run: &RunId, stream: i64, edge: i64, newest_first: bool) -> Result<Vec<Chunk>, Error> {
    let (side, order) = if newest_first { ("<", "DESC") } else { (">", "ASC") };
    let sql = format!(
        "SELECT first_line, lines, data FROM log_chunk WHERE run_id = $1 AND stream = $2 AND first_line {side} $3 \
         ORDER BY first_line {order} LIMIT {BATCH}"
    );
    Ok(on_db!(store.reads(), pool => sqlx::query_as(AssertSqlSafe(sql)).bind(&run.0).bind(stream).bind(edge).fetch_all(pool).await)?)
}

struct Hits {
    needle: String,
    from: u64,
    count: u64,
    newest_first: bool,
    lines: Vec<LogLine>,
    matches: u64,
}

impl Hits {
    fn is_enough(&self) -> bool {
        self.matches >= COUNTED && self.lines.len() as u64 >= self.count
    }

    fn look(mut self, chunks: &[Chunk]) -> Result<Self, Corrupt> {
        for chunk in chunks {
            let unpacked = Unpacked::new(&chunk.data)?;
            let lines = unpacked.lines()?;
            let numbered = (chunk.first_line.cast_unsigned()..).zip(lines);
            if self.newest_first {
                numbered.collect::<Vec<_>>().into_iter().rev().for_each(|(number, line)| self.consider(number, line));
            } else {
                numbered.for_each(|(number, line)| self.consider(number, line));
            }
            if self.is_enough() {
                break;
            }
        }
        Ok(self)
    }

    fn consider(&mut self, number: u64, (at, text): (i64, &str)) {
        if !contains(text.as_bytes(), self.needle.as_bytes()) {
            return;
        }
        self.matches = (self.matches + 1).min(COUNTED);
        if number >= self.from && (self.lines.len() as u64) < self.count {
            self.lines.push(line(number, at, text));
        }
    }
}

/// Whether a text contains another, without regard to the case of ASCII letters.
fn contains(text: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    let Some(last_start) = text.len().checked_sub(needle.len()) else { return false };
    let (low, high) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let mut starts = text[..=last_start].iter().enumerate().filter(|(_, byte)| **byte == low || **byte == high);
    starts.any(|(start, _)| text[start + 1..start + needle.len()].eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_ignores_the_case_of_ascii_and_of_nothing_else() {
        for (text, needle, found) in [
            ("RuntimeError: CUDA", "cuda", true),
            ("aaab", "aab", true),
            ("abc", "abcd", false),
            ("", "a", false),
            ("naïve", "NAïVE", true),
            ("naïve", "NAÏVE", false),
            ("anything", "", true),
        ] {
            assert_eq!(contains(text.as_bytes(), needle.as_bytes()), found, "{needle:?} in {text:?}");
        }
    }
}
