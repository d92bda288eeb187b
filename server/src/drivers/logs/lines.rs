//! Bytes into lines, however long they are: what is beyond the longest that is kept is counted and let go.

use futures::{AsyncBufRead, AsyncBufReadExt};
use jiff::Timestamp;

/// The longest text of a line that is kept, in bytes; of a longer one the beginning is.
pub(super) const LONGEST: usize = 64 * 1024;

/// Room for the node's time before the text.
const STAMP: usize = 64;

/// A line as it came, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raw {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// How many it had.
    pub length: u64,
}

/// Reads lines. [`Self::next`] may be given up at any point and asked again.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    inner: R,
    kept: Vec<u8>,
    length: u64,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, kept: Vec::new(), length: 0 }
    }

    /// The next whole line; none at the end, where [`Self::rest`] has what came after the last line's end.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Raw>> {
        loop {
            let available = self.inner.fill_buf().await?;
            if available.is_empty() {
                return Ok(None);
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            let room = (LONGEST + STAMP).saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&part[..part.len().min(room)]);
            self.length += part.len() as u64;
            let used = part.len() + usize::from(end.is_some());
            self.inner.consume_unpin(used);
            if end.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    /// What has been read of a line whose end has not come, if there is anything.
    pub(super) fn rest(&mut self) -> Option<Raw> {
        (self.length > 0).then(|| self.take())
    }

    fn take(&mut self) -> Raw {
        Raw { bytes: std::mem::take(&mut self.kept), length: std::mem::take(&mut self.length) }
    }
}

/// The node's time of a line, in nanoseconds since 1970 UTC, and its text, as it is kept: bytes that are not UTF-8 replaced, and
/// cut where it is too long. None where the line does not begin with a time, which only the node's own complaints do.
pub(super) fn parse(raw: &Raw) -> Option<(i64, String)> {
    let space = raw.bytes.iter().take(STAMP).position(|byte| *byte == b' ').or((raw.bytes.len() < STAMP).then_some(raw.bytes.len()))?;
    let stamp: Timestamp = std::str::from_utf8(&raw.bytes[..space]).ok()?.parse().ok()?;
    let at = i64::try_from(stamp.as_nanosecond()).ok()?;
    let text = raw.bytes.get(space + 1..).unwrap_or_default();
    let length = raw.length.saturating_sub(space as u64 + 1);
    if length <= LONGEST as u64 {
        return Some((at, String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text)).into_owned()));
    }
    let kept = &text[..LONGEST.min(text.len())];
    // Not within a character: one that was whole is not to look broken.
    let kept = match std::str::from_utf8(kept) {
        Err(error) if error.error_len().is_none() => &kept[..error.valid_up_to()],
        Ok(_) | Err(_) => kept,
    };
    Some((at, format!("{}… [Slipway cut this line: it has {length} bytes]", String::from_utf8_lossy(kept))))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> (Vec<Raw>, Option<Raw>) {
        // A reader of seven bytes at a time, so that lines begin and end anywhere.
        let mut reader = LineReader::new(futures::io::BufReader::with_capacity(7, bytes));
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.expect("memory can be read") {
            lines.push(line);
        }
        (lines, reader.rest())
    }

    fn raw(text: &str) -> Raw {
        Raw { bytes: text.into(), length: text.len() as u64 }
    }

    #[tokio::test]
    async fn lines_end_where_they_end_and_the_rest_is_kept_apart() {
        assert_eq!(read(b"one\n\nthree is longer\nfo").await, (vec![raw("one"), raw(""), raw("three is longer")], Some(raw("fo"))));
        assert_eq!(read(b"").await, (vec![], None));
    }

    #[tokio::test]
    async fn a_line_of_twenty_megabytes_takes_sixty_four_kilobytes() {
        let mut bytes = b"2026-11-24T04:31:10.000000001Z ".to_vec();
        bytes.resize(bytes.len() + 20_000_000, b'x');
        bytes.extend_from_slice(b"\n2026-11-24T04:31:10.000000002Z next\n");
        let (lines, rest) = read(&bytes).await;
        assert_eq!((lines.len(), rest), (2, None));
        assert!(lines[0].bytes.capacity() < 200_000, "{}", lines[0].bytes.capacity());
        let (_, text) = parse(&lines[0]).expect("it has a time");
        assert!(text.starts_with("xxx") && text.ends_with("… [Slipway cut this line: it has 20000000 bytes]"), "{}", text.len());
        assert!(text.len() < LONGEST + 100);
        assert_eq!(parse(&lines[1]).expect("it has a time").1, "next");
    }

    #[test]
    fn what_is_not_utf_8_is_replaced_and_a_character_is_not_cut() {
        let bytes = [b"2026-11-24T04:31:10Z \xff\xfe<b>\x1b[31m".as_slice()].concat();
        let length = bytes.len() as u64;
        assert_eq!(parse(&Raw { bytes, length }).expect("it has a time").1, "\u{fffd}\u{fffd}<b>\u{1b}[31m");
        let long = format!("2026-11-24T04:31:10Z x{}", "é".repeat(40_000));
        let (_, text) =
            parse(&Raw { bytes: long.as_bytes()[..LONGEST + STAMP].to_vec(), length: long.len() as u64 }).expect("it has a time");
        assert!(!text.contains('\u{fffd}') && text.contains("é… ["), "{:?}", &text[text.len() - 80..]);
    }

    #[test]
    fn nanoseconds_survive_and_a_line_may_be_empty() {
        assert_eq!(parse(&raw("1970-01-01T00:00:01.123456789Z ")), Some((1_123_456_789, String::new())));
        assert_eq!(parse(&raw("1970-01-01T00:00:01.123456789Z")), Some((1_123_456_789, String::new())));
        assert_eq!(parse(&raw("1970-01-01T02:00:01+02:00 x")), Some((1_000_000_000, "x".into())));
        assert_eq!(parse(&raw("unable to retrieve container logs for containerd://1")), None);
    }
}
