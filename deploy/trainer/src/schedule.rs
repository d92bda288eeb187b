//! The learning rate as a function of the step, so that it needs no state of its own.

use slipway_domain::run::spec::Schedule;

/// The learning rate at a step (from 0) of a run with so many steps.
#[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
pub fn learning_rate(schedule: Schedule, peak: f64, step: u64, steps: u64) -> f64 {
    let done = step as f64 / steps.max(1) as f64;
    let cosine = |done: f64| 0.5 * (1.0 + (std::f64::consts::PI * done.clamp(0.0, 1.0)).cos());
    let warm = 0.05;
    peak * match schedule {
        Schedule::Constant => 1.0,
        Schedule::Step if done < 0.5 => 1.0,
        Schedule::Step if done < 0.75 => 0.1,
        Schedule::Step => 0.01,
        Schedule::Cosine => cosine(done),
        Schedule::WarmupCosine if done < warm => (done + 1.0 / steps.max(1) as f64) / warm,
        Schedule::WarmupCosine => cosine((done - warm) / (1.0 - warm)),
    }
    .min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_begin_and_end_as_they_say() {
        let at = |schedule, step| learning_rate(schedule, 2.0, step, 100);
        assert!((at(Schedule::Constant, 99) - 2.0).abs() < 1e-12);
        assert!((at(Schedule::Step, 60) - 0.2).abs() < 1e-12);
        assert!((at(Schedule::Cosine, 50) - 1.0).abs() < 1e-12);
        assert!(at(Schedule::WarmupCosine, 0) < 0.5 && at(Schedule::WarmupCosine, 99) < 0.01);
        assert!((at(Schedule::WarmupCosine, 5) - 2.0).abs() < 1e-12);
    }
}
