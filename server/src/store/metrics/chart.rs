//! From points to the buckets of a chart: no wider than asked, and no spike lost.

use jiff::Timestamp;
use slipway_domain::run::view::{Bucket, Series};

use super::pack::Extremes;

/// Puts rows, by step, into at most `width` buckets of equal breadth in steps; a bucket that nothing falls into is left out.
/// Where there are no more rows than buckets, each is one of its own.
pub fn series(rows: &[Extremes], width: u32) -> Series {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Series::default() };
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let mut buckets: Vec<(u128, Extremes)> = Vec::with_capacity(width.min(rows.len()));
    // In 128 bits, because steps may be anything and their product with the width would overflow.
    let breadth = u128::from(last.step - first.step) + 1;
    for (index, row) in rows.iter().enumerate() {
        let column = if rows.len() <= width { index as u128 } else { u128::from(row.step - first.step) * width as u128 / breadth };
        match buckets.last_mut() {
            Some((there, bucket)) if *there == column => bucket.add(row),
            _ => buckets.push((column, *row)),
        }
    }
    Series { points: rows.iter().map(Extremes::points).sum(), buckets: buckets.iter().map(|(_, row)| bucket(row)).collect() }
}

fn bucket(row: &Extremes) -> Bucket {
    let some = |value: f64| (row.finite > 0).then_some(value);
    Bucket {
        step: row.step,
        min: some(row.min),
        max: some(row.max),
        // The sum of large values may be infinite although their mean is not.
        mean: some((row.sum / f64::from(row.finite.max(1))).clamp(row.min.min(row.max), row.max.max(row.min))),
        not_finite: row.not_finite,
        time: Timestamp::from_millisecond(row.time).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::pack::Point, *};

    fn rows(values: impl IntoIterator<Item = (u64, f64)>) -> Vec<Extremes> {
        values.into_iter().map(|(step, value)| Extremes::of(Point { step, time: 1000, value })).collect()
    }

    #[test]
    fn a_chart_is_never_wider_than_asked_and_keeps_its_extremes() {
        let mut values: Vec<_> = (0..10_000_u32).map(|i| (u64::from(i), f64::from(i % 7))).collect();
        values[5_003].1 = -99.0;
        values[5_004].1 = 99.0;
        let series = series(&rows(values), 300);
        assert!(series.buckets.len() <= 300, "{} buckets", series.buckets.len());
        assert_eq!(series.points, 10_000);
        let low = series.buckets.iter().filter_map(|b| b.min).fold(f64::INFINITY, f64::min);
        let high = series.buckets.iter().filter_map(|b| b.max).fold(f64::NEG_INFINITY, f64::max);
        assert!((low + 99.0).abs() < 1e-9 && (high - 99.0).abs() < 1e-9, "{low} {high}");
        assert!(series.buckets.is_sorted_by(|a, b| a.step < b.step));
    }

    #[test]
    fn few_points_are_shown_one_by_one_however_far_apart() {
        let series = series(&rows([(0, 1.0), (1, 2.0), (u64::MAX, 3.0)]), 3);
        assert_eq!(series.buckets.iter().map(|b| b.step).collect::<Vec<_>>(), [0, 1, u64::MAX]);
    }

    #[test]
    fn values_that_are_not_finite_are_counted_and_break_nothing() {
        let series = series(&rows([(0, f64::NAN), (1, f64::INFINITY), (2, 5.0), (3, f64::NEG_INFINITY)]), 2);
        assert_eq!(series.buckets[0], Bucket { step: 0, min: None, max: None, mean: None, not_finite: 2, time: series.buckets[0].time });
        assert_eq!((series.buckets[1].min, series.buckets[1].mean, series.buckets[1].not_finite), (Some(5.0), Some(5.0), 1));
    }

    #[test]
    fn the_largest_doubles_have_a_finite_mean() {
        let series = series(&rows([(0, f64::MAX), (1, f64::MAX)]), 1);
        assert_eq!(series.buckets[0].mean, Some(f64::MAX));
    }

    #[test]
    fn nothing_is_an_empty_chart() {
        assert_eq!(series(&[], 10), Series::default());
    }
}
