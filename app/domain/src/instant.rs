//! How a time is read from JSON: `2026-11-24T12:03:07.25Z`, as `jiff` writes it and in no other way.
//!
//! `jiff` reads every way in which a time can be written, and has a sentence for all that can be wrong with it. The browser's part
//! would carry them for texts that only the server writes, and be a twentieth larger. For the same reason enums whose tag stands
//! among their fields are read in modules named `written`: `serde` keeps all that it finds until it has seen the tag and then reads
//! it a second time, with as much code again.

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// For a field that is a time: `#[serde(deserialize_with = "instant::read")]`.
///
/// # Errors
/// It is no such text.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Written::deserialize(deserializer).map(|Written(at)| at)
}

/// For a field that may be none.
///
/// # Errors
/// It is neither none nor such a text.
pub fn read_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<Written>::deserialize(deserializer).map(|at| at.map(|Written(at)| at))
}

struct Written(Timestamp);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text).map(Self)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as 2026-11-24T12:03:07.25Z")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time, ':')?;
    let nanosecond = if fraction.len() > 9 { None } else { format!("{fraction:0<9}").parse().ok() }?;
    let small = |number: i16| i8::try_from(number).ok();
    let civil = DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, nanosecond).ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

/// Three numbers with something between them.
fn three(text: &str, between: char) -> Option<[i16; 3]> {
    let mut numbers = text.splitn(3, between).map(|digits| digits.parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(second in -62_167_219_200_i64..253_402_207_200, nanosecond in 0..1_000_000_000) {
            let at = Timestamp::new(second, nanosecond).unwrap();
            prop_assert_eq!(parse(&at.to_string()), Some(at));
        }

        #[test]
        fn nothing_else_breaks_it(text in ".*") {
            let read = parse(&text);
            prop_assert!(read.is_none() || read == text.parse().ok(), "{text}: {read:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "2026-11-24", "2026-11-24T12:03:07", "2026-02-30T00:00:00Z", "2026-11-24T25:00:00Z", "2026-11-24T12:03:07.1234567891Z"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
