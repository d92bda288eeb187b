//! Shuffling as a function of seed and epoch, so that where a run stands in its data needs no state but two numbers.

/// SplitMix64 (Steele, Lea, Flood 2014): small, of full period, the same on every machine.
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    /// A stream of its own for each seed and epoch.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(seed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95).rotate_left(17))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, by Lemire's multiplication; its bias is below 2⁻³² for what fits a data set.
    fn below(&mut self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// 0 to `count` - 1 in random order.
    pub fn permutation(mut self, count: usize) -> Vec<i64> {
        let mut order: Vec<i64> = (0..i64::try_from(count).unwrap_or(i64::MAX)).collect();
        for last in (1..order.len()).rev() {
            let other = self.below(last as u64 + 1);
            order.swap(last, usize::try_from(other).unwrap_or(0));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_has_everything_once_and_depends_on_the_epoch() {
        let first = SplitMix::new(1, 0).permutation(1000);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        assert_eq!(first, SplitMix::new(1, 0).permutation(1000));
        assert_ne!(first, SplitMix::new(1, 1).permutation(1000));
        assert_ne!(first, SplitMix::new(2, 0).permutation(1000));
    }
}
