//! What was read of a container's output and is not stored yet: lines, and what the program reported in some of them.
//!
//! Metric reports are not kept as log: they are most of what a trainer prints and would bury the rest, and every value of
//! theirs is kept as a metric. All other reports are also lines of the log, because they read well.
//!
//! Public, because the bench measures the whole way from a line to the disk.

use std::collections::BTreeMap;

use jiff::Timestamp;
use slipway_domain::run::{
    report::{self, Outcome, Report, Value},
    spec::RunId,
    view::{CheckpointRow, EventRow},
};

use crate::store::{
    intake::{Batch, Lines, Output, PackedPoints},
    logs::{Position, StreamKey},
    metrics::Point,
};

/// What is handed in at once at most, in bytes of output read.
const LARGEST: usize = 256 * 1024;

/// A draft of a [`Batch`].
#[derive(Debug)]
pub struct Draft {
    run: RunId,
    stream: StreamKey,
    /// What is stored, and what has been read.
    stored: Position,
    read: Position,
    lines: Lines,
    metrics: BTreeMap<String, Vec<Point>>,
    step: Option<u64>,
    steps_in_all: Option<u64>,
    checkpoints: Vec<CheckpointRow>,
    events: Vec<(String, EventRow)>,
    bytes: usize,
}

impl Draft {
    /// Nothing read yet after what is stored.
    pub fn new(run: RunId, stream: StreamKey, stored: Position) -> Self {
        Self {
            run,
            stream,
            stored,
            read: stored,
            lines: Lines::default(),
            metrics: BTreeMap::new(),
            step: None,
            steps_in_all: None,
            checkpoints: Vec::new(),
            events: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether there is nothing to hand in.
    pub fn is_empty(&self) -> bool {
        self.read == self.stored
    }

    /// Whether it should be handed in before more is read.
    pub const fn is_large(&self) -> bool {
        self.bytes >= LARGEST
    }

    /// Takes in a line and when the node wrote it down, in nanoseconds since 1970 UTC.
    pub fn line(&mut self, at: i64, text: &str) {
        self.read = self.read.after(at);
        self.bytes += text.len() + 16;
        match report::parse(text) {
            Some(Report::Metric { step, time, values, .. }) if i64::try_from(step).is_ok() => self.metric(step, time, &values),
            Some(other) => {
                self.report(at, other);
                self.lines.push(at, text);
            }
            None => self.lines.push(at, text),
        }
    }

    fn metric(&mut self, step: u64, time: i64, values: &BTreeMap<String, Value>) {
        self.step = Some(step);
        for (name, value) in values {
            let point = Point { step, time, value: value.0 };
            match self.metrics.get_mut(name) {
                Some(points) => points.push(point),
                None => drop(self.metrics.insert(name.clone(), vec![point])),
            }
        }
    }

    fn report(&mut self, at: i64, report: Report) {
        let time = Timestamp::from_nanosecond(at.into()).unwrap_or_default();
        match report {
            Report::Start { epochs, steps_per_epoch, resumed_from, .. } => {
                self.steps_in_all = Some(epochs.saturating_mul(steps_per_epoch).min(i64::MAX.unsigned_abs()));
                self.step = resumed_from.or(self.step);
                if let Some(step) = resumed_from {
                    self.event(time, false, "Resumed", format!("It continues from its checkpoint of step {step}"));
                }
            }
            Report::Checkpoint { step, path, bytes, sha256 } => {
                self.checkpoints.push(CheckpointRow { step, path, bytes, sha256, at: time });
            }
            Report::Notice { message } => self.event(time, true, "Notice", message),
            Report::End { outcome, message: Some(message) } => self.event(time, outcome == Outcome::Failed, "End", message),
            // Of metrics, only one whose step no database can hold comes here; its line is kept.
            Report::End { message: None, .. } | Report::Metric { .. } => {}
        }
    }

    fn event(&mut self, at: Timestamp, warning: bool, reason: &str, message: String) {
        let StreamKey { pod, container, restart } = &self.stream;
        // Where the same line is read again, the key is the same.
        let key = format!("slipway:{pod}/{container}/{restart}:{}:{}", self.read.last_at, self.read.same);
        self.events.push((key, EventRow { at, warning, reason: reason.to_owned(), object: format!("Pod/{pod}"), message, count: 1 }));
    }

    /// Packs what there is, and begins anew after it. `ended` says that nothing more will come.
    pub fn take(&mut self, ended: bool) -> Batch {
        let next = Self::new(self.run.clone(), self.stream.clone(), self.read);
        let full = std::mem::replace(self, next);
        Batch {
            run: full.run,
            output: Some(Output { stream: full.stream, after: full.stored, position: full.read, lines: full.lines.pack(), ended }),
            metrics: full.metrics.iter().flat_map(|(name, points)| PackedPoints::pack(name, points)).collect(),
            step: full.step,
            steps_in_all: full.steps_in_all,
            checkpoints: full.checkpoints,
            events: full.events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let stream = StreamKey { pod: "digits-1-x7k2b".into(), container: "main".into(), restart: 0 };
        Draft::new(RunId("r".into()), stream, Position::START)
    }

    #[test]
    fn metric_reports_become_points_and_everything_else_stays_a_line() {
        let mut draft = draft();
        draft.line(1, r#"{"slipway":"start","model":"cnn","parameters":9,"device":"cpu","epochs":2,"steps_per_epoch":50}"#);
        draft.line(2, r#"{"slipway":"metric","step":3,"time":9,"values":{"train/loss":0.5,"lr":0.1}}"#);
        draft.line(3, r#"{"slipway":"metric","step":4,"time":9,"values":{"train/loss":NaN}}"#);
        draft.line(4, r#"{"slipway":"metric","step":18446744073709551615,"time":9,"values":{"train/loss":1}}"#);
        draft.line(5, r#"{"slipway":"checkpoint","step":4,"path":"/team/c","bytes":7,"sha256":"ab"}"#);
        draft.line(6, r#"{"slipway":"notice","message":"careful"}"#);
        draft.line(7, r#"{"slipway":"metric""#);
        draft.line(7, "plain");
        let batch = draft.take(false);
        let output = batch.output.expect("an output");
        assert_eq!(output.lines.map(|lines| lines.lines), Some(6));
        assert_eq!(output.position, Position { last_at: 7, latest_at: 7, same: 2 });
        assert_eq!((batch.step, batch.steps_in_all), (Some(4), Some(100)));
        assert_eq!(batch.metrics.len(), 2);
        assert_eq!(batch.checkpoints.iter().map(|c| c.step).collect::<Vec<_>>(), [4]);
        assert_eq!(
            batch.events.iter().map(|(key, e)| (key.as_str(), e.message.as_str())).collect::<Vec<_>>(),
            [("slipway:digits-1-x7k2b/main/0:6:1", "careful")]
        );
        assert!(draft.is_empty());
    }

    #[test]
    fn lines_that_are_all_metrics_still_move_the_position() {
        let mut draft = draft();
        draft.line(5, r#"{"slipway":"metric","step":3,"time":9,"values":{"train/loss":0.5}}"#);
        assert!(!draft.is_empty());
        let output = draft.take(false).output.expect("an output");
        assert_eq!((output.lines, output.position.last_at), (None, 5));
    }
}
