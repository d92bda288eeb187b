//! The time, as everything else in the server is told it.
//!
//! The only place that reads the machine's clock; a test sets its own and moves it by hand, so that an expiry of seven days
//! takes no waiting.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Cheap to clone; clones of a clock that was set move together.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub const fn machine() -> Self {
        Self(Source::Machine)
    }

    /// A clock that stands at `at`, to the millisecond, until it is moved.
    pub fn standing_at(at: Timestamp) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(at.as_millisecond()))))
    }

    /// Now, to the millisecond, which is as exact as the store keeps it.
    pub fn now(&self) -> Timestamp {
        let millisecond = match &self.0 {
            Source::Machine => machine_now(),
            Source::Set(at) => at.load(Ordering::Relaxed),
        };
        Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
    }

    /// Moves a clock that was set, forwards or backwards. The machine's clock is not ours to move and stays as it is.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Set(at) = &self.0 {
            at.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
fn machine_now() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_moves_only_by_hand_and_with_its_clones() {
        let clock = Clock::standing_at(Timestamp::from_millisecond(1_000).expect("a time"));
        let clone = clock.clone();
        clone.advance(SignedDuration::from_secs(2));
        assert_eq!(clock.now().as_millisecond(), 3_000);
        clock.advance(SignedDuration::from_secs(-3));
        assert_eq!(clone.now().as_millisecond(), 0);
    }
}
