//! Bytes as hexadecimal text, as hashes are kept and seals are sent.

/// Bytes in hexadecimal, in lower case.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(b"0123456789abcdef"[usize::from(half)])).collect()
}

/// The bytes that hexadecimal text of either case stands for; none where it is not that.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    digits.filter(|digits| digits.len() % 2 == 0).map(|digits| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&bytes)), Some(bytes));
        assert_eq!(encode(&[0, 15, 160, 255]), "000fa0ff");
        for odd in ["0", "0g", "é0", " 0"] {
            assert_eq!(decode(odd), None, "{odd}");
        }
    }
}
