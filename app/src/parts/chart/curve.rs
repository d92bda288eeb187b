//! A curve as it travels to a page: columns of numbers rounded to what a chart can show, a third of the bytes of named fields.

use serde::{Deserialize, Serialize};
use slipway_domain::run::view::Series;

/// A curve of at most as many buckets as its chart has columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Points that the buckets stand for.
    pub points: u64,
    /// The step of each bucket's first point, ascending.
    pub steps: Vec<u64>,
    /// The mean of each bucket's finite values; none where no value is finite.
    pub mean: Vec<Option<f64>>,
    /// The smallest and the largest; empty where every bucket is one point.
    pub low: Vec<Option<f64>>,
    /// See `low`.
    pub high: Vec<Option<f64>>,
    /// Buckets that hold values that are NaN or infinite, by index, with how many.
    pub broken: Vec<(u32, u32)>,
    /// When the first bucket was measured, in seconds since 1970 UTC.
    pub since: i64,
    /// Seconds from there to each bucket's last point.
    pub seconds: Vec<u32>,
}

impl Curve {
    /// A series in columns, each value rounded to five digits: a chart has a few hundred pixels.
    pub fn from_series(series: &Series) -> Self {
        let buckets = &series.buckets;
        let since = buckets.first().map_or(0, |bucket| bucket.time.as_second());
        let has_band = buckets.iter().any(|bucket| bucket.min != bucket.max);
        let column =
            |pick: fn(&slipway_domain::run::view::Bucket) -> Option<f64>| buckets.iter().map(|bucket| pick(bucket).map(rounded)).collect();
        Self {
            points: series.points,
            steps: buckets.iter().map(|bucket| bucket.step).collect(),
            mean: column(|bucket| bucket.mean.filter(|value| value.is_finite())),
            low: if has_band { column(|bucket| bucket.min) } else { Vec::new() },
            high: if has_band { column(|bucket| bucket.max) } else { Vec::new() },
            broken: (0_u32..)
                .zip(buckets)
                .filter(|(_, bucket)| bucket.not_finite > 0)
                .map(|(index, bucket)| (index, bucket.not_finite))
                .collect(),
            since,
            seconds: buckets.iter().map(|bucket| u32::try_from(bucket.time.as_second().saturating_sub(since)).unwrap_or(0)).collect(),
        }
    }

    /// How many of a bucket's values are NaN or infinite.
    pub fn broken_at(&self, index: usize) -> u32 {
        self.broken.iter().find(|(at, _)| *at as usize == index).map_or(0, |(_, count)| *count)
    }

    /// The bucket whose step is nearest to this one.
    pub fn nearest(&self, step: f64) -> Option<usize> {
        let last = self.steps.len().checked_sub(1)?;
        let after = self.steps.partition_point(|at| to_float(*at) < step).min(last);
        let before = after.saturating_sub(1);
        let distance = |index: usize| (to_float(self.steps[index]) - step).abs();
        Some(if distance(before) <= distance(after) { before } else { after })
    }
}

/// A step as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "a chart cannot tell steps above 2^53 apart")]
pub const fn to_float(step: u64) -> f64 {
    step as f64
}

/// Five digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use slipway_domain::run::view::Bucket;

    use super::*;

    fn bucket(step: u64, value: Option<f64>, not_finite: u32) -> Bucket {
        let time = Timestamp::from_second(1_700_000_000 + i64::try_from(step).unwrap()).unwrap();
        Bucket { step, min: value, max: value.map(|value| value + 0.5), mean: value, not_finite, time }
    }

    #[test]
    fn three_hundred_and_twenty_buckets_travel_in_less_than_forty_kilobytes() {
        let buckets = (0..320).map(|step| bucket(step * 3125, Some(1.0 / f64::from(u32::try_from(step).unwrap() + 3)), 0)).collect();
        let text = serde_json::to_string(&Curve::from_series(&Series { points: 1_000_000, buckets })).unwrap();
        assert!(text.len() < 14_000, "{} bytes: {text}", text.len());
    }

    #[test]
    fn a_bucket_of_nan_alone_is_a_gap_that_is_known() {
        let curve =
            Curve::from_series(&Series { points: 3, buckets: vec![bucket(0, Some(1.0), 0), bucket(1, None, 2), bucket(2, Some(0.5), 0)] });
        assert_eq!(curve.mean, [Some(1.0), None, Some(0.5)]);
        assert_eq!(curve.broken, [(1, 2)]);
        assert_eq!(curve.broken_at(1), 2);
        let text = serde_json::to_string(&curve).unwrap();
        assert_eq!(serde_json::from_str::<Curve>(&text).unwrap(), curve);
    }

    #[test]
    fn the_nearest_bucket_is_found() {
        let curve = Curve { steps: vec![0, 10, 100], ..Curve::default() };
        for (step, index) in [(-5.0, 0), (4.0, 0), (6.0, 1), (54.0, 1), (56.0, 2), (1e9, 2)] {
            assert_eq!(curve.nearest(step), Some(index), "{step}");
        }
        assert_eq!(Curve::default().nearest(1.0), None);
    }
}
