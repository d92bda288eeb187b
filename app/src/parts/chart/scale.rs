//! From values to places on a chart: domains, nice ticks, linear and logarithmic.

/// How values go up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// The scale on which these values fit. In a logarithmic one, values that are not positive have no place.
    pub fn fitting(values: impl Iterator<Item = f64> + Clone, log: bool) -> Self {
        let usable = values.filter(|value| value.is_finite() && (!log || *value > 0.0));
        let low = usable.clone().fold(f64::INFINITY, f64::min);
        let high = usable.fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return if log { Self { low: 0.1, high: 1.0, log } } else { Self { low: 0.0, high: 1.0, log } };
        }
        if log {
            let (low, high) = if high / low < 1.01 { (low / 2.0, high * 2.0) } else { (low, high) };
            return Self { low, high, log };
        }
        let span = high - low;
        let room = if span > 0.0 && span.is_finite() { span * 0.04 } else { (high.abs() * 0.1).max(f64::MIN_POSITIVE).max(1e-12) };
        Self { low: (low - room).max(f64::MIN), high: (high + room).min(f64::MAX), log }
    }

    /// Exactly this stretch.
    pub fn linear(low: f64, high: f64) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, log: false }
    }

    /// Where a value lies, 0 at the low end and 1 at the high one; none where it has no place.
    pub fn place(self, value: f64) -> Option<f64> {
        if !value.is_finite() || (self.log && value <= 0.0) {
            return None;
        }
        let place = if self.log {
            (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            // Halved first, so that a domain from the least to the greatest number does not overflow.
            (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)
        };
        place.is_finite().then_some(place)
    }

    /// The value at a place.
    pub fn at(self, place: f64) -> f64 {
        if self.log { (self.low.ln() + place * (self.high.ln() - self.low.ln())).exp() } else { self.low + place * (self.high - self.low) }
    }

    /// Round values within, about so many.
    pub fn ticks(self, about: u32) -> Vec<f64> {
        if self.log { self.log_ticks() } else { self.linear_ticks(about) }
    }

    fn linear_ticks(self, about: u32) -> Vec<f64> {
        let raw = (self.high / 2.0 - self.low / 2.0) * 2.0 / f64::from(about.max(1));
        if !(raw.is_finite() && raw > 0.0) {
            return vec![self.low];
        }
        let power = 10_f64.powf(raw.log10().floor());
        let step =
            [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|nice| nice * power).find(|step| *step >= raw * 0.999).unwrap_or(10.0 * power);
        let first = (self.low / step).ceil();
        (0..=about * 2)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|value| *value <= self.high)
            // Free of what binary fractions add: 0.30000000000000004 is 0.3.
            .map(|value| (value / step).round() * step)
            .map(|value| format!("{value:.12e}").parse().unwrap_or(value))
            .collect()
    }

    fn log_ticks(self) -> Vec<f64> {
        let (from, to) = (self.low.log10().floor(), self.high.log10().ceil());
        let decades = to - from;
        let every = (decades / 6.0).ceil().max(1.0);
        let within: &[f64] = if decades <= 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks = Vec::new();
        let mut exponent = from;
        while exponent <= to {
            // Read from text: powers computed in binary are off in their last digit.
            ticks.extend(within.iter().filter_map(|nice| format!("{nice}e{exponent}").parse::<f64>().ok()));
            exponent += every;
        }
        ticks.retain(|tick| (self.low * 0.999..=self.high * 1.001).contains(tick));
        if ticks.is_empty() { vec![self.low, self.high] } else { ticks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting(values: &[f64], log: bool) -> Scale {
        Scale::fitting(values.iter().copied(), log)
    }

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(Scale::linear(0.0, 1.0).ticks(5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(Scale::linear(3.0, 1000.0).ticks(5), [200.0, 400.0, 600.0, 800.0, 1000.0]);
        assert_eq!(Scale::linear(-0.3, 0.3).ticks(3), [-0.2, 0.0, 0.2]);
        assert_eq!(fitting(&[0.001, 10.0], true).ticks(5), [0.001, 0.01, 0.1, 1.0, 10.0]);
        assert_eq!(fitting(&[0.1, 2.0], true).ticks(5), [0.1, 0.2, 0.5, 1.0, 2.0]);
    }

    #[test]
    fn every_value_has_a_place_between_0_and_1_or_none() {
        for log in [false, true] {
            let values = [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-300, 1.0, 1e300, f64::MAX, f64::MIN];
            let scale = fitting(&values, log);
            for value in values {
                if let Some(place) = scale.place(value) {
                    assert!((-1e-9..=1.000_000_001).contains(&place), "{value} is at {place} on {scale:?}");
                }
            }
            assert!(scale.ticks(4).len() < 40);
        }
    }

    #[test]
    fn a_flat_curve_lies_in_the_middle() {
        let place = fitting(&[2.0, 2.0], false).place(2.0).unwrap();
        assert!((place - 0.5).abs() < 1e-9, "{place}");
        let place = fitting(&[0.0], false).place(0.0).unwrap();
        assert!((place - 0.5).abs() < 1e-9, "{place}");
    }

    #[test]
    fn nothing_to_show_has_a_scale_all_the_same() {
        for log in [false, true] {
            assert!(!fitting(&[f64::NAN], log).ticks(4).is_empty());
        }
    }

    #[test]
    fn a_place_leads_back_to_its_value() {
        for log in [false, true] {
            let scale = fitting(&[0.5, 80.0], log);
            let value = scale.at(scale.place(7.0).unwrap());
            assert!((value - 7.0).abs() < 1e-9, "{value}");
        }
    }
}
