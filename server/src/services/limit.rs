//! How often something may be tried: a token bucket for each key, kept as one number (the generic cell rate algorithm).
//!
//! For each key the time is kept at which its bucket will be full again. A try moves it on by one interval and is refused where
//! that would be more than a whole bucket ahead of now. `tower_governor` limits by address alone, before the body is read; signing
//! in must be limited by name as well, and a try that succeeds must not count.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// Keys that are remembered; beyond that those nearest to a full bucket are forgotten, which favours whoever tries.
const KEYS: usize = 65_536;

/// Buckets of equal size.
#[derive(Debug)]
pub struct Limiter {
    /// Milliseconds in which one try comes back.
    interval: i64,
    /// Tries in a full bucket.
    burst: i64,
    full_at: Mutex<HashMap<String, i64>>,
}

impl Limiter {
    /// Buckets of `burst` tries, one of which comes back each `interval`.
    pub fn new(burst: u32, interval: SignedDuration) -> Self {
        let interval = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        Self { interval, burst: i64::from(burst.max(1)), full_at: Mutex::default() }
    }

    /// Takes a try.
    ///
    /// # Errors
    /// Seconds after which the next will be granted.
    pub fn take(&self, key: &str, now: Timestamp) -> Result<(), u64> {
        let now = now.as_millisecond();
        let bucket = self.interval.saturating_mul(self.burst);
        let mut full_at = self.full_at();
        // A clock that was set back must not lock anybody out for longer than an empty bucket does.
        let at = full_at.get(key).map_or(now, |at| (*at).clamp(now, now.saturating_add(bucket)));
        let next = at.saturating_add(self.interval);
        let too_early = next - now - bucket;
        if too_early > 0 {
            full_at.insert(key.to_owned(), at);
            return Err(u64::try_from(too_early).unwrap_or_default().div_ceil(1_000));
        }
        if full_at.len() >= KEYS && !full_at.contains_key(key) {
            forget(&mut full_at, now);
        }
        full_at.insert(key.to_owned(), next);
        Ok(())
    }

    /// Gives a try back: it was no failure.
    pub fn give_back(&self, key: &str) {
        if let Some(at) = self.full_at().get_mut(key) {
            *at -= self.interval;
        }
    }

    fn full_at(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets full buckets, and where that is not enough the fuller half of the rest.
fn forget(full_at: &mut HashMap<String, i64>, now: i64) {
    full_at.retain(|_, at| *at > now);
    if full_at.len() >= KEYS {
        let mut times: Vec<i64> = full_at.values().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        full_at.retain(|_, at| *at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).expect("a time")
    }

    fn limiter() -> Limiter {
        Limiter::new(3, SignedDuration::from_secs(10))
    }

    #[test]
    fn a_full_bucket_gives_a_burst_and_then_one_an_interval() {
        let limiter = limiter();
        let tries: Vec<_> = (0..4).map(|_| limiter.take("mina", at(1_000))).collect();
        assert_eq!(tries, [Ok(()), Ok(()), Ok(()), Err(10)]);
        assert_eq!(limiter.take("mina", at(10_500)), Err(1), "half a second too early");
        assert_eq!(limiter.take("mina", at(11_000)), Ok(()));
        assert_eq!(limiter.take("mina", at(11_000)), Err(10));
        assert_eq!(limiter.take("noor", at(11_000)), Ok(()), "another key has a bucket of its own");
    }

    #[test]
    fn a_try_that_is_given_back_does_not_count() {
        let limiter = limiter();
        for _ in 0..20 {
            assert_eq!(limiter.take("mina", at(0)), Ok(()));
            limiter.give_back("mina");
        }
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out_for_longer_than_a_bucket() {
        let limiter = limiter();
        for _ in 0..3 {
            limiter.take("mina", at(1_000_000_000)).expect("a try of the burst");
        }
        assert_eq!(limiter.take("mina", at(0)), Err(10));
        assert_eq!(limiter.take("mina", at(10_000)), Ok(()));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let limiter = limiter();
        for key in 0..KEYS + 10 {
            let _ = limiter.take(&key.to_string(), at(i64::try_from(key).expect("small")));
        }
        assert!(limiter.full_at().len() <= KEYS, "{} keys", limiter.full_at().len());
    }
}
