//! Reading a container's log, as the kubelet's API offers it.
//!
//! The file is in the format of the container runtime interface (see [`super::shim`]); what goes out is the text, with the time
//! before each line where asked. Nothing is held in memory but one record: a tail is found by reading blocks from the end.

use std::{io, path::Path, time::Duration};

use futures::{Stream, stream};
use jiff::Timestamp;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncSeekExt as _, BufReader, SeekFrom},
};

/// Which part of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub follow: bool,
    pub timestamps: bool,
    pub tail: Option<u64>,
    pub limit_bytes: Option<u64>,
    pub since: Option<Timestamp>,
}

/// The log as chunks of bytes. While following, `ended` is asked whether more can come.
pub(super) async fn read<F>(path: &Path, part: Part, ended: F) -> io::Result<impl Stream<Item = io::Result<Vec<u8>>> + use<F>>
where
    F: Fn() -> bool + Send + 'static,
{
    let mut file = File::open(path).await?;
    if let Some(lines) = part.tail {
        let from = tail_start(&mut file, lines).await?;
        file.seek(SeekFrom::Start(from)).await?;
    }
    let reader = BufReader::with_capacity(64 * 1024, file);
    let state = Reading { reader, left: part.limit_bytes, at_line_start: true, part, ended, record: Vec::new(), last_look: false };
    Ok(stream::try_unfold(state, |mut state| async move { Ok(state.next().await?.map(|chunk| (chunk, state))) }))
}

struct Reading<F> {
    reader: BufReader<File>,
    left: Option<u64>,
    at_line_start: bool,
    part: Part,
    ended: F,
    record: Vec<u8>,
    last_look: bool,
}

impl<F: Fn() -> bool> Reading<F> {
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut chunk = Vec::new();
        loop {
            if self.left == Some(0) {
                return Ok((!chunk.is_empty()).then_some(chunk));
            }
            // What was read of a record that is still being written stays in `record`.
            let read = self.reader.read_until(b'\n', &mut self.record).await?;
            if self.record.last() == Some(&b'\n') {
                self.take(&mut chunk);
                self.record.clear();
                if chunk.len() >= 32 * 1024 {
                    return Ok(Some(chunk));
                }
                continue;
            }
            if read > 0 {
                continue;
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
            if !self.part.follow || self.last_look {
                return Ok(None);
            }
            // One more look after the end was seen: the last lines may have come between.
            self.last_look = (self.ended)();
            if !self.last_look {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    fn take(&mut self, chunk: &mut Vec<u8>) {
        let Some((time, whole, text)) = split(&self.record) else { return };
        if self.part.since.is_some_and(|since| time.parse::<Timestamp>().is_ok_and(|at| at < since)) {
            return;
        }
        let before = chunk.len();
        if self.part.timestamps && self.at_line_start {
            chunk.extend_from_slice(time.as_bytes());
            chunk.push(b' ');
        }
        chunk.extend_from_slice(text);
        self.at_line_start = whole;
        if whole {
            chunk.push(b'\n');
        }
        if let Some(left) = &mut self.left {
            let room = usize::try_from(*left).unwrap_or(usize::MAX);
            chunk.truncate(before.saturating_add(room));
            *left -= u64::try_from(chunk.len() - before).unwrap_or(*left);
        }
    }
}

/// A record's time, whether it ends its line, and its text.
fn split(record: &[u8]) -> Option<(&str, bool, &[u8])> {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let mut parts = record.splitn(4, |byte| *byte == b' ');
    let time = std::str::from_utf8(parts.next()?).ok()?;
    let _stream = parts.next()?;
    let whole = parts.next()? == b"F";
    Some((time, whole, parts.next().unwrap_or_default()))
}

/// Where the last `lines` lines begin. A record with `P` belongs to the line of the record after it.
async fn tail_start(file: &mut File, lines: u64) -> io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let end = file.metadata().await?.len();
    if lines == 0 {
        return Ok(end);
    }
    let (mut at, mut carry, mut found, mut start) = (end, Vec::new(), 0_u64, end);
    while at > 0 {
        let from = at.saturating_sub(BLOCK);
        let mut block = vec![0; usize::try_from(at - from).unwrap_or_default()];
        file.seek(SeekFrom::Start(from)).await?;
        file.read_exact(&mut block).await?;
        block.append(&mut carry);
        // All records in the block but the first, which may begin earlier, from the last to the first.
        let mut stop = block.len();
        while let Some(line_end) = block[..stop].iter().rposition(|byte| *byte == b'\n') {
            let begin = block[..line_end].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            if begin == 0 && from > 0 {
                break;
            }
            if split(&block[begin..=line_end]).is_some_and(|(_, whole, _)| whole) {
                found += 1;
                if found > lines {
                    return Ok(start);
                }
            }
            start = from + u64::try_from(begin).unwrap_or_default();
            stop = begin;
        }
        block.truncate(stop);
        carry = block;
        at = from;
    }
    Ok(start)
}
