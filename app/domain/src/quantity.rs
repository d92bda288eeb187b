//! Kubernetes quantities, exactly: `500m`, `1.5Gi`, `2e3`.
//!
//! Held as a whole number of nano-units, which is as fine as Kubernetes counts; arithmetic is exact or refused, never rounded.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

const NANO: i128 = 1_000_000_000;

/// An amount of a resource, in nano-units (CPU: 10⁻⁹ cores; memory: 10⁻⁹ bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantity {
    nanos: i128,
    binary: bool,
}

/// Why a text is no quantity. Displays as a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Nothing was given.
    #[error("An amount is missing, such as 2, 500m or 4Gi")]
    Empty,
    /// It does not begin with a number.
    #[error("An amount is a number with an optional unit, such as 2, 500m or 4Gi")]
    NotANumber,
    /// The unit is none of Kubernetes'.
    #[error("The unit is none of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei")]
    Unit,
    /// It is larger or finer than Kubernetes counts.
    #[error("That amount is beyond what Kubernetes counts")]
    Range,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0, binary: false };

    /// Reads a quantity as Kubernetes does; amounts finer than a nano-unit are refused.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(QuantityError::Empty);
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = digits.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(digits.len());
        let (number, unit) = digits.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(QuantityError::NotANumber);
        }
        let (scale, binary) = scale(unit)?;
        let nanos = exact(whole, fraction, scale)?;
        Ok(Self { nanos: if negative { -nanos } else { nanos }, binary })
    }

    /// So many whole units.
    pub const fn units(count: u64) -> Self {
        Self { nanos: count as i128 * NANO, binary: false }
    }

    /// So many bytes, written with binary units.
    pub const fn bytes(count: u64) -> Self {
        Self { nanos: count as i128 * NANO, binary: true }
    }

    /// A thousandth of it.
    #[must_use]
    pub const fn thousandths(self) -> Self {
        Self { nanos: self.nanos / 1000, binary: self.binary }
    }

    /// As a person reads it: with binary units, rounded down to a unit of which it has ten at least.
    #[must_use]
    pub const fn rounded(self) -> Self {
        let mut unit = NANO;
        while self.binary && self.nanos / (unit << 10) >= 10 {
            unit <<= 10;
        }
        Self { nanos: self.nanos - self.nanos % unit, binary: self.binary }
    }

    /// In thousandths, rounded up as Kubernetes' scheduler does.
    pub const fn as_millis(self) -> i128 {
        div_up(self.nanos, NANO / 1000)
    }

    /// In whole units (for memory, bytes), rounded up.
    pub const fn as_units(self) -> i128 {
        div_up(self.nanos, NANO)
    }

    /// Whether it is above zero.
    pub const fn is_positive(self) -> bool {
        self.nanos > 0
    }

    /// Whether it is a whole number of units.
    pub const fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }

    /// The sum; amounts never come near the limit of the number that holds them.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_add(other.nanos), binary: self.binary || other.binary }
    }

    /// The difference, which may be below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos), binary: self.binary || other.binary }
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, count: u32) -> Self {
        Self { nanos: self.nanos.saturating_mul(count as i128), binary: self.binary }
    }
}

const fn div_up(value: i128, by: i128) -> i128 {
    value.div_euclid(by) + if value.rem_euclid(by) == 0 { 0 } else { 1 }
}

/// A unit's size in nano-units, as a power; and whether it is binary.
fn scale(unit: &str) -> Result<(Scale, bool), QuantityError> {
    let binary = |power: u32| Ok((Scale::Binary(10 * power), true));
    let decimal = |power: i32| Ok((Scale::Decimal(power), false));
    match unit {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = unit.strip_prefix(['e', 'E']).ok_or(QuantityError::Unit)?;
            let power: i32 = exponent.parse().map_err(|_| QuantityError::Unit)?;
            if (-9..=18).contains(&power) { decimal(power) } else { Err(QuantityError::Range) }
        }
    }
}

#[derive(Clone, Copy)]
enum Scale {
    Decimal(i32),
    Binary(u32),
}

fn exact(whole: &str, fraction: &str, scale: Scale) -> Result<i128, QuantityError> {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.len() > 28 || fraction.len() > 27 {
        return Err(QuantityError::Range);
    }
    let mantissa: i128 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| QuantityError::NotANumber)? };
    let below = i32::try_from(fraction.len()).map_err(|_| QuantityError::Range)?;
    let (factor, power) = match scale {
        Scale::Decimal(power) => (1, power + 9 - below),
        Scale::Binary(bits) => (1_i128 << bits, 9 - below),
    };
    let scaled = mantissa.checked_mul(factor).ok_or(QuantityError::Range)?;
    let ten = |power: u32| 10_i128.checked_pow(power).ok_or(QuantityError::Range);
    let nanos = if power >= 0 {
        scaled.checked_mul(ten(power.unsigned_abs())?).ok_or(QuantityError::Range)?
    } else {
        let by = ten(power.unsigned_abs())?;
        if scaled % by != 0 {
            return Err(QuantityError::Range);
        }
        scaled / by
    };
    // Kubernetes caps at 2^63 - 1 units.
    if nanos > i128::from(i64::MAX) * NANO { Err(QuantityError::Range) } else { Ok(nanos) }
}

impl fmt::Display for Quantity {
    /// Canonical: the largest unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.binary && self.is_whole() {
            let units = self.nanos / NANO;
            let names = ["Ei", "Pi", "Ti", "Gi", "Mi", "Ki"];
            for (index, name) in names.into_iter().enumerate() {
                let size = 1_i128 << (60 - 10 * index);
                if units % size == 0 {
                    return write!(f, "{}{name}", units / size);
                }
            }
            return write!(f, "{units}");
        }
        let names = [("E", 18), ("P", 15), ("T", 12), ("G", 9), ("M", 6), ("k", 3), ("", 0), ("m", -3), ("u", -6), ("n", -9)];
        for (name, power) in names {
            let size = 10_i128.pow((power + 9_i32).unsigned_abs());
            if self.nanos % size == 0 {
                return write!(f, "{}{name}", self.nanos / size);
            }
        }
        Ok(())
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Quantity {
    type Error = QuantityError;
    fn try_from(text: String) -> Result<Self, QuantityError> {
        Self::parse(&text)
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        let nanos = |text: &str| Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).nanos;
        assert_eq!(nanos("500m"), NANO / 2);
        assert_eq!(nanos("0.5"), nanos("500m"));
        assert_eq!(nanos("1Gi"), (1 << 30) * NANO);
        assert_eq!(nanos("1.5Gi"), nanos("1536Mi"));
        assert_eq!(nanos("2e3"), nanos("2k"));
        assert_eq!(nanos("1E"), nanos("1e18"));
        assert_eq!(nanos("-1"), -NANO);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in ["", " ", "abc", "1e400", "1KiB", "1..2", "--1", "1 Gi", "Gi", "0.0000000001", "9Ei9", "NaN", "10E"] {
            assert!(Quantity::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_canonical_form_has_the_largest_unit() {
        for (text, want) in [("1000m", "1"), ("1024Mi", "1Gi"), ("1500", "1500"), ("2000", "2k"), ("0", "0"), ("100Mi", "100Mi")] {
            assert_eq!(Quantity::parse(text).map(|q| q.to_string()), Ok(want.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_is_read_back_as_it_is_written(nanos in 0_i128..1_000_000_000_000_000_000_000, binary: bool) {
            let quantity = Quantity { nanos, binary };
            prop_assert_eq!(Quantity::parse(&quantity.to_string()).map(|q| q.nanos), Ok(nanos));
        }
    }
}
