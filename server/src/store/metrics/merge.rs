//! Small chunks into larger ones, so that what came a few points at a time is read as if it had come at once.
//!
//! Each commit leaves a chunk. Sixteen neighbours of one level become one of the next, so that a point is rewritten about three
//! times in its life; when all that is not yet full makes up a full chunk, it becomes one, with its extremes.

use super::{
    FULL, FULL_LEVEL,
    pack::{self, Point},
};
use crate::store::varint::Corrupt;

/// How many chunks of a level become one of the next.
const FAN_IN: usize = 16;

/// A chunk that is not full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Small {
    /// Its number.
    pub seq: i64,
    /// How often its contents were merged.
    pub level: i64,
    /// How much it holds: points, or bytes of a log.
    pub size: usize,
}

/// How many of the last of these, which follow each other and end with the newest, are to be merged now; none where it is
/// not worth it. `full` is how much a full chunk holds.
pub fn due(small: &[Small], full: usize) -> usize {
    if small.iter().map(|chunk| chunk.size).sum::<usize>() >= full {
        return small.len();
    }
    let Some(last) = small.last() else { return 0 };
    let same = small.iter().rev().take_while(|chunk| chunk.level == last.level).count();
    if same >= FAN_IN { same } else { 0 }
}

/// Neighbours that become one chunk each: enough for a full one, and at the end what is left.
pub fn groups(small: &[Small], full: usize) -> Vec<&[Small]> {
    let (mut groups, mut first, mut size) = (Vec::new(), 0, 0);
    for (index, chunk) in small.iter().enumerate() {
        size += chunk.size;
        if size >= full {
            groups.push(&small[first..=index]);
            (first, size) = (index + 1, 0);
        }
    }
    if first < small.len() {
        groups.push(&small[first..]);
    }
    groups
}

/// A chunk as it is to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// Its level.
    pub level: i64,
    /// Points in it.
    pub points: usize,
    /// The smallest step.
    pub step_from: u64,
    /// The largest.
    pub step_to: u64,
    /// The points.
    pub data: Vec<u8>,
    /// Their extremes, where it is full.
    pub extremes: Option<Vec<u8>>,
}

/// Makes one chunk of several, given in the order in which they came.
pub fn merge(chunks: &[Vec<u8>], level: i64) -> Result<Merged, Corrupt> {
    let mut points: Vec<Point> = Vec::new();
    for data in chunks {
        pack::unpack(data, &mut points)?;
    }
    let came = points.len();
    pack::settle(&mut points);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Err(Corrupt) };
    // By how many came, not by how many are left: a full chunk is never looked at again.
    let is_full = came >= FULL;
    Ok(Merged {
        level: if is_full { FULL_LEVEL } else { (level + 1).min(FULL_LEVEL - 1) },
        points: points.len(),
        step_from: first.step,
        step_to: last.step,
        data: pack::pack(&points),
        extremes: is_full.then(|| pack::pack_extremes(&points)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(levels: &[(i64, usize)]) -> Vec<Small> {
        (0..).zip(levels).map(|(seq, (level, size))| Small { seq, level: *level, size: *size }).collect()
    }

    #[test]
    fn sixteen_of_a_level_are_merged_and_fifteen_are_not() {
        assert_eq!(due(&small(&[(0, 1); 15]), 8192), 0);
        assert_eq!(due(&small(&[(0, 1); 16]), 8192), 16);
        let mut after_others = vec![(1, 16); 3];
        after_others.extend([(0, 1); 16]);
        assert_eq!(due(&small(&after_others), 8192), 16);
        assert_eq!(due(&[], 8192), 0);
    }

    #[test]
    fn enough_for_a_full_chunk_is_merged_whatever_its_levels() {
        assert_eq!(due(&small(&[(2, 8000), (0, 192)]), 8192), 2);
        assert_eq!(due(&small(&[(2, 8000), (0, 191)]), 8192), 0);
    }

    #[test]
    fn what_is_more_than_one_full_chunk_becomes_several() {
        let chunks = small(&[(1, 100), (0, 8192), (0, 8192), (0, 5)]);
        assert_eq!(groups(&chunks, 8192).iter().map(|group| group.len()).collect::<Vec<_>>(), [2, 1, 1]);
    }

    #[test]
    fn a_step_that_came_again_is_kept_as_it_came_last() {
        let part = |values: &[(u64, f64)]| {
            pack::pack(&values.iter().map(|(step, value)| Point { step: *step, time: 0, value: *value }).collect::<Vec<_>>())
        };
        let merged = merge(&[part(&[(1, 1.0), (2, 2.0)]), part(&[(2, 22.0), (3, 3.0)])], 0).expect("whole");
        assert_eq!((merged.level, merged.points, merged.step_from, merged.step_to), (1, 3, 1, 3));
        assert_eq!(merged.data, part(&[(1, 1.0), (2, 22.0), (3, 3.0)]));
        assert_eq!(merged.extremes, None);
    }
}
