//! Numbers as a person reads them, each with its unit.

/// A whole number with commas: `1,204`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A whole number that may be below zero.
pub fn signed(number: i32) -> String {
    format!("{}{}", if number < 0 { "−" } else { "" }, count(number.unsigned_abs().into()))
}

/// A whole number with its noun: `1 run`, `1,204 runs`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Bytes in binary units: `512 B`, `1.5 MiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(number: u64) -> String {
    let mut value = number as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" || value >= 100.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// A measured value with about four digits: `0.1312`, `12.34`, `1.23e-7`, `NaN`, `∞`.
pub fn measured(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".to_owned() } else { "−∞".to_owned() };
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.2e}").replace('-', "−");
    }
    let digits = if size >= 1000.0 {
        0
    } else if size >= 100.0 {
        1
    } else if size >= 10.0 {
        2
    } else if size >= 1.0 {
        3
    } else {
        4
    };
    let text = format!("{value:.digits$}");
    text.strip_prefix('-').map_or(text.clone(), |rest| format!("−{rest}"))
}

/// Characters of a label on an axis, for which a chart leaves room.
pub const TICK: usize = 8;

/// Numbers on one axis, alike in form and none longer than [`TICK`]: `0.5`, `12k`, `1.5M`, `9.95e−4`. Where so few characters
/// cannot tell them they are rounded, and one that would say the same as the one before is empty.
pub fn ticks(values: &[f64]) -> Vec<String> {
    let forms = [17, 4, 3, 2, 1, 0].into_iter().flat_map(|digits| [plain, exponent].map(|form| (digits, form)));
    let mut written = forms.map(|(digits, form)| values.iter().map(|value| form(rounded(*value, digits))).collect::<Vec<String>>());
    let mut texts = written.find(|texts| texts.iter().all(|text| text.chars().count() <= TICK)).unwrap_or_default();
    for index in (1..texts.len()).rev() {
        if texts[index] == texts[index - 1] {
            texts[index].clear();
        }
    }
    texts
}

/// A number with so many digits after its first.
fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.digits$e}").parse().unwrap_or(value)
}

/// A number without needless digits.
fn plain(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match size {
        _ if size >= 1e12 || (size > 0.0 && size < 1e-4) => return exponent(value),
        _ if size >= 1e9 => (value / 1e9, "G"),
        _ if size >= 1e6 => (value / 1e6, "M"),
        _ if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    format!("{value}{unit}").replace('-', "−")
}

fn exponent(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:e}").replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_204_000, "1,204,000")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "run", "runs"), "1 run");
        assert_eq!(counted(2, "run", "runs"), "2 runs");
    }

    #[test]
    fn bytes_have_binary_units() {
        for (number, text) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (157_286_400, "150 MiB"), (u64::MAX, "16.0 EiB")] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn measured_values_keep_four_digits_and_are_never_broken() {
        for (value, text) in [
            (0.131_24, "0.1312"),
            (12.345, "12.35"),
            (1234.5, "1234"),
            (-0.5, "−0.5000"),
            (1.23e-7, "1.23e−7"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
            (0.0, "0"),
            (1e300, "1.00e300"),
        ] {
            assert_eq!(measured(value), text);
        }
    }

    #[test]
    fn ticks_are_short() {
        for (values, texts) in [
            (&[0.0, 0.5, 1.0][..], &["0", "0.5", "1"][..]),
            (&[1000.0, 12_000.0, 1.5e6], &["1000", "12k", "1.5M"]),
            (&[-0.25, 1e-5], &["−0.25", "1e−5"]),
            (&[0.000_99, 0.000_995, 0.001], &["0.00099", "0.000995", "0.001"]),
            (&[-0.000_995, 0.0, 0.000_995], &["−9.95e−4", "0", "9.95e−4"]),
            (&[0.500_000_1, 0.500_000_2], &["0.5", ""]),
        ] {
            assert_eq!(ticks(values), texts);
        }
    }

    #[test]
    fn no_tick_is_longer_than_its_room() {
        for power in -320..=308 {
            for digits in ["1", "1.5", "-9.95", "-1.234567890123"] {
                let value: f64 = format!("{digits}e{power}").parse().unwrap();
                let texts = ticks(&[value, value / 3.0]);
                assert!(texts.len() == 2 && texts.iter().all(|text| text.chars().count() <= TICK), "{value}: {texts:?}");
            }
        }
    }
}
