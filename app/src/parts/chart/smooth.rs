//! Smoothing: an exponential moving average without the bias of its beginning, as people know it from other tools.

/// The smoothed values; a gap stays a gap and does not drag the curve. `weight` is that of the past, from 0 (none) to below 1.
pub fn smooth(values: &[Option<f64>], weight: f64) -> Vec<Option<f64>> {
    let weight = weight.clamp(0.0, 0.999);
    let (mut average, mut total) = (0.0, 0.0);
    values
        .iter()
        .map(|value| {
            let value = (*value)?;
            average = weight * average + (1.0 - weight) * value;
            total = weight * total + (1.0 - weight);
            Some(average / total)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_weight_changes_nothing() {
        let values = [Some(1.0), None, Some(3.0)];
        assert_eq!(smooth(&values, 0.0), values);
    }

    #[test]
    fn the_first_value_is_not_dragged_to_zero() {
        assert_eq!(smooth(&[Some(4.0)], 0.9)[0].map(|value| (value * 1e9).round() / 1e9), Some(4.0));
    }

    #[test]
    fn a_constant_stays_and_gaps_stay_gaps() {
        for value in smooth(&[Some(2.0), None, Some(2.0), Some(2.0)], 0.6).into_iter().flatten() {
            assert!((value - 2.0).abs() < 1e-9, "{value}");
        }
        assert_eq!(smooth(&[Some(2.0), None], 0.6)[1], None);
    }

    #[test]
    fn a_spike_is_flattened() {
        let smoothed = smooth(&[Some(1.0), Some(1.0), Some(10.0), Some(1.0)], 0.9);
        assert!(smoothed[2].unwrap() < 6.0, "{smoothed:?}");
    }
}
