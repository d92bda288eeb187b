//! Points as they are stored: columns of steps, times and values, about 11 bytes a point.
//!
//! `data` is the number of points, the differences of their steps, the differences of their times in milliseconds, and their
//! values as little-endian doubles, so that a NaN keeps its bits. `extremes` is a row of 56 bytes for each [`STRIDE`] points.

use crate::store::varint::{Corrupt, Reader, put, put_signed};

/// Points that one row of extremes stands for.
pub const STRIDE: usize = 128;

/// Bytes of a row of extremes.
const ROW: usize = 56;

/// A measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Optimizer steps done.
    pub step: u64,
    /// When it was measured, in milliseconds since 1970 UTC, by the program's clock.
    pub time: i64,
    /// The value, which may be NaN or infinite.
    pub value: f64,
}

/// What neighbouring points have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes {
    /// The first point's step.
    pub step: u64,
    /// The last point's step.
    pub step_to: u64,
    /// The last point's time.
    pub time: i64,
    /// The smallest finite value; infinite where there is none.
    pub min: f64,
    /// The largest finite value; negative infinite where there is none.
    pub max: f64,
    /// The sum of the finite values.
    pub sum: f64,
    /// How many values are finite.
    pub finite: u32,
    /// How many are not.
    pub not_finite: u32,
}

impl Extremes {
    /// Those of one point.
    pub const fn of(point: Point) -> Self {
        let Point { step, time, value } = point;
        if value.is_finite() {
            Self { step, step_to: step, time, min: value, max: value, sum: value, finite: 1, not_finite: 0 }
        } else {
            Self { step, step_to: step, time, min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, finite: 0, not_finite: 1 }
        }
    }

    /// Takes in those of later points.
    pub fn add(&mut self, later: &Self) {
        self.step_to = later.step_to;
        self.time = later.time;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.sum += later.sum;
        self.finite += later.finite;
        self.not_finite += later.not_finite;
    }

    /// How many points these are of.
    pub fn points(&self) -> u64 {
        u64::from(self.finite) + u64::from(self.not_finite)
    }
}

/// Points in the order in which they came → by step, each step once: the one that came last.
pub fn settle(points: &mut Vec<Point>) {
    if points.is_sorted_by(|a, b| a.step < b.step) {
        return;
    }
    points.sort_by_key(|point| point.step);
    // The sort is stable, so the last of equals is the one that came last.
    points.dedup_by(|later, kept| {
        let same = later.step == kept.step;
        if same {
            *kept = *later;
        }
        same
    });
}

/// Packs points.
pub fn pack(points: &[Point]) -> Vec<u8> {
    let mut out = Vec::with_capacity(points.len() * 11 + 10);
    put(&mut out, points.len() as u64);
    let mut before = 0;
    for point in points {
        put_signed(&mut out, point.step.wrapping_sub(before).cast_signed());
        before = point.step;
    }
    let mut before = 0;
    for point in points {
        put_signed(&mut out, point.time.wrapping_sub(before));
        before = point.time;
    }
    for point in points {
        out.extend_from_slice(&point.value.to_le_bytes());
    }
    out
}

/// Appends what was packed to `points`.
pub fn unpack(data: &[u8], points: &mut Vec<Point>) -> Result<(), Corrupt> {
    let mut reader = Reader::new(data);
    let count = usize::try_from(reader.number()?).map_err(|_| Corrupt)?;
    // Each point has at least ten bytes: what says otherwise must not make us reserve memory for it.
    if count > reader.left() / 10 {
        return Err(Corrupt);
    }
    let first = points.len();
    points.reserve(count);
    let mut step = 0_u64;
    for _ in 0..count {
        step = step.wrapping_add(reader.signed()?.cast_unsigned());
        points.push(Point { step, time: 0, value: 0.0 });
    }
    let mut time = 0_i64;
    for point in &mut points[first..] {
        time = time.wrapping_add(reader.signed()?);
        point.time = time;
    }
    for point in &mut points[first..] {
        point.value = f64::from_le_bytes(reader.eight()?);
    }
    Ok(())
}

/// The extremes of each [`STRIDE`] of these points, packed.
pub fn pack_extremes(points: &[Point]) -> Vec<u8> {
    let mut out = Vec::with_capacity(points.len() / STRIDE * ROW + ROW);
    for part in points.chunks(STRIDE) {
        let mut row = Extremes::of(part[0]);
        part[1..].iter().for_each(|point| row.add(&Extremes::of(*point)));
        out.extend_from_slice(&row.step.to_le_bytes());
        out.extend_from_slice(&row.step_to.to_le_bytes());
        out.extend_from_slice(&row.time.to_le_bytes());
        for value in [row.min, row.max, row.sum] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&row.finite.to_le_bytes());
        out.extend_from_slice(&row.not_finite.to_le_bytes());
    }
    out
}

/// Appends packed extremes to `rows`.
#[expect(clippy::cast_possible_truncation, reason = "two counts of 32 bits lie in one word")]
pub fn unpack_extremes(data: &[u8], rows: &mut Vec<Extremes>) -> Result<(), Corrupt> {
    let (whole, rest) = data.as_chunks::<ROW>();
    if !rest.is_empty() {
        return Err(Corrupt);
    }
    for bytes in whole {
        let mut reader = Reader::new(bytes);
        let step = u64::from_le_bytes(reader.eight()?);
        let step_to = u64::from_le_bytes(reader.eight()?);
        let time = i64::from_le_bytes(reader.eight()?);
        let min = f64::from_le_bytes(reader.eight()?);
        let max = f64::from_le_bytes(reader.eight()?);
        let sum = f64::from_le_bytes(reader.eight()?);
        let counts = u64::from_le_bytes(reader.eight()?);
        let (finite, not_finite) = (counts as u32, (counts >> 32) as u32);
        rows.push(Extremes { step, step_to, time, min, max, sum, finite, not_finite });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: u64, value: f64) -> Point {
        Point { step, time: 1_764_000_000_000 - i64::try_from(step).unwrap_or(0) * 7, value }
    }

    #[test]
    fn points_are_read_bit_by_bit_as_they_were_packed() {
        let points = [point(5, f64::NAN), point(3, f64::INFINITY), point(u64::MAX, -0.0), point(0, f64::MIN_POSITIVE), point(7, 0.1)];
        let mut read = Vec::new();
        unpack(&pack(&points), &mut read).expect("whole");
        let bits = |points: &[Point]| points.iter().map(|p| (p.step, p.time, p.value.to_bits())).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&points));
    }

    #[test]
    fn ordinary_points_take_eleven_bytes() {
        let points: Vec<_> =
            (0..8192).map(|i| Point { step: i * 10, time: 1_764_000_000_000 + i.cast_signed() * 90, value: 0.5 }).collect();
        let bytes = pack(&points).len();
        assert!(bytes <= 8192 * 11 + 20, "{bytes} bytes");
    }

    #[test]
    fn what_was_cut_off_is_corrupt_and_takes_no_memory() {
        let whole = pack(&[point(1, 1.0), point(2, 2.0)]);
        for length in 0..whole.len() {
            assert_eq!(unpack(&whole[..length], &mut Vec::new()), Err(Corrupt), "{length} bytes");
        }
        let mut absurd = Vec::new();
        put(&mut absurd, u64::MAX);
        assert_eq!(unpack(&absurd, &mut Vec::new()), Err(Corrupt));
    }

    #[test]
    fn of_points_with_the_same_step_the_last_to_come_stays() {
        let mut points = vec![point(1, 1.0), point(3, 3.0), point(2, 2.0), point(3, 33.0), point(1, 11.0), point(3, 333.0)];
        settle(&mut points);
        assert_eq!(points.iter().map(|p| (p.step, p.value)).collect::<Vec<_>>(), [(1, 11.0), (2, 2.0), (3, 333.0)]);
    }

    #[test]
    fn extremes_forget_no_spike_and_count_what_is_not_finite() {
        let mut points: Vec<_> = (0..300_u32).map(|i| point(i.into(), f64::from(i % 10))).collect();
        points[200].value = 1e9;
        points[201].value = f64::NAN;
        let mut rows = Vec::new();
        unpack_extremes(&pack_extremes(&points), &mut rows).expect("whole");
        assert_eq!(rows.iter().map(Extremes::points).collect::<Vec<_>>(), [128, 128, 44]);
        assert_eq!((rows[1].max, rows[1].not_finite, rows[0].max), (1e9, 1, 9.0));
        assert_eq!((rows[1].step, rows[1].step_to, rows[2].step_to), (128, 255, 299));
    }
}
