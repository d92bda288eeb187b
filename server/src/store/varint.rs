//! Whole numbers in as few bytes as they need: seven bits a byte, the least significant first, as in protocol buffers; signed
//! ones zigzag, so that small negatives are short too. What is packed with these is stored, so the form never changes.

/// What was stored is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packed data ends too early or makes no sense")]
pub struct Corrupt;

/// Appends a number.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a signed number.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
}

/// Reads what was put, from the front.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the beginning.
    pub const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Bytes that are left.
    pub const fn left(&self) -> usize {
        self.0.len()
    }

    /// The next number.
    pub fn number(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Corrupt)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Corrupt)
    }

    /// The next signed number.
    pub fn signed(&mut self) -> Result<i64, Corrupt> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// The next bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Corrupt)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// The next eight bytes.
    pub fn eight(&mut self) -> Result<[u8; 8], Corrupt> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_as_it_was_put() {
        let numbers = [0, 1, -1, 63, 64, -64, -65, 1 << 40, i64::MAX, i64::MIN];
        let mut out = Vec::new();
        for number in numbers {
            put_signed(&mut out, number);
            put(&mut out, number.cast_unsigned());
        }
        let mut reader = Reader::new(&out);
        for number in numbers {
            assert_eq!(reader.signed(), Ok(number));
            assert_eq!(reader.number(), Ok(number.cast_unsigned()));
        }
        assert_eq!((reader.left(), reader.number()), (0, Err(Corrupt)));
    }

    #[test]
    fn what_never_ends_is_corrupt() {
        assert_eq!(Reader::new(&[0xff; 20]).number(), Err(Corrupt));
    }
}
