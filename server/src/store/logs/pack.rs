//! Lines as they are stored: some hundreds in a chunk, compressed with deflate.
//!
//! Uncompressed, a chunk is the number of its lines and then, for each, the difference of its time to the line before in
//! nanoseconds, its length in bytes, and its text.

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use crate::store::varint::{Corrupt, Reader, put, put_signed};

/// The longest uncompressed chunk that is unpacked: far above what is ever packed, so that damaged data takes no memory.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Lines on their way into a chunk.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    body: Vec<u8>,
    count: u64,
    before: i64,
    text_bytes: u64,
}

/// A chunk as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedLines {
    /// Lines in it.
    pub lines: u64,
    /// Bytes of their text, with a line break each.
    pub bytes: u64,
    /// The lines.
    pub data: Vec<u8>,
}

impl Lines {
    /// Adds a line, written down at `at`, in nanoseconds since 1970 UTC.
    pub fn push(&mut self, at: i64, text: &str) {
        put_signed(&mut self.body, at.wrapping_sub(self.before));
        self.before = at;
        put(&mut self.body, text.len() as u64);
        self.body.extend_from_slice(text.as_bytes());
        self.count += 1;
        self.text_bytes += text.len() as u64 + 1;
    }

    /// Bytes taken up so far.
    pub const fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Packs them; none where there are none.
    #[expect(clippy::missing_panics_doc, reason = "writing to memory does not fail")]
    pub fn pack(&self) -> Option<PackedLines> {
        if self.count == 0 {
            return None;
        }
        let mut head = Vec::with_capacity(10);
        put(&mut head, self.count);
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(self.body.len() / 4), Compression::fast());
        let written = encoder.write_all(&head).and_then(|()| encoder.write_all(&self.body)).and_then(|()| encoder.finish());
        let data = written.expect("writing to memory does not fail");
        Some(PackedLines { lines: self.count, bytes: self.text_bytes, data })
    }
}

/// A chunk, uncompressed.
#[derive(Debug)]
pub struct Unpacked(Vec<u8>);

impl Unpacked {
    /// Uncompresses a chunk.
    pub fn new(data: &[u8]) -> Result<Self, Corrupt> {
        let mut body = Vec::with_capacity(data.len() * 4);
        DeflateDecoder::new(data).take(LONGEST).read_to_end(&mut body).map_err(|_| Corrupt)?;
        Ok(Self(body))
    }

    /// Its lines with their times, oldest first.
    pub fn lines(&self) -> Result<Vec<(i64, &str)>, Corrupt> {
        let mut reader = Reader::new(&self.0);
        let count = usize::try_from(reader.number()?).map_err(|_| Corrupt)?;
        if count > reader.left() {
            return Err(Corrupt);
        }
        let mut lines = Vec::with_capacity(count);
        let mut at = 0_i64;
        for _ in 0..count {
            at = at.wrapping_add(reader.signed()?);
            let length = usize::try_from(reader.number()?).map_err(|_| Corrupt)?;
            lines.push((at, std::str::from_utf8(reader.bytes(length)?).map_err(|_| Corrupt)?));
        }
        Ok(lines)
    }
}

/// Makes one chunk of several that follow each other.
pub fn merge(chunks: &[Vec<u8>]) -> Result<PackedLines, Corrupt> {
    let mut merged = Lines::default();
    for data in chunks {
        for (at, text) in Unpacked::new(data)?.lines()? {
            merged.push(at, text);
        }
    }
    merged.pack().ok_or(Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(lines: &[(i64, &str)]) -> PackedLines {
        let mut draft = Lines::default();
        lines.iter().for_each(|(at, text)| draft.push(*at, text));
        draft.pack().expect("there are lines")
    }

    #[test]
    fn lines_are_read_as_they_were_packed_also_when_the_clock_went_back() {
        let lines = [(5, "one"), (4, ""), (i64::MAX, "\u{fffd} <b>\u{1b}[31m"), (i64::MIN, "عربى")];
        let chunk = packed(&lines);
        assert_eq!(chunk.lines, 4);
        assert_eq!(Unpacked::new(&chunk.data).expect("whole").lines(), Ok(lines.to_vec()));
    }

    #[test]
    fn merged_chunks_hold_the_same_lines() {
        let merged = merge(&[packed(&[(1, "a"), (2, "b")]).data, packed(&[(3, "c")]).data]).expect("whole");
        assert_eq!(Unpacked::new(&merged.data).expect("whole").lines(), Ok(vec![(1, "a"), (2, "b"), (3, "c")]));
        assert_eq!((merged.lines, merged.bytes), (3, 6));
    }

    #[test]
    fn damaged_chunks_are_refused() {
        let chunk = packed(&[(1, "hello"), (2, "world")]);
        for length in 0..chunk.data.len() {
            let lines = Unpacked::new(&chunk.data[..length]).and_then(|it| it.lines().map(|lines| lines.len()));
            assert!(lines.is_err() || lines == Ok(2), "{length} bytes gave {lines:?}");
        }
    }

    #[test]
    fn nothing_is_no_chunk() {
        assert_eq!(Lines::default().pack(), None);
    }
}
