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

/// A number on an axis, without needless digits: `0.5`, `12k`, `1.5M`, `1e−5`.
pub fn tick(value: f64) -> String {
    let size = value.abs();
    let text = if size == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e15).contains(&size) {
        format!("{value:e}")
    } else if size >= 1e9 {
        format!("{}G", trimmed(value / 1e9))
    } else if size >= 1e6 {
        format!("{}M", trimmed(value / 1e6))
    } else if size >= 1e4 {
        format!("{}k", trimmed(value / 1e3))
    } else {
        trimmed(value)
    };
    text.replace('-', "−")
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
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
        for (value, text) in
            [(0.0, "0"), (0.5, "0.5"), (1000.0, "1000"), (12_000.0, "12k"), (1.5e6, "1.5M"), (-0.25, "−0.25"), (1e-5, "1e−5")]
        {
            assert_eq!(tick(value), text);
        }
    }
}
