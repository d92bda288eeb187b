//! Prints report lines, each flushed at once: a line that sits in a buffer when the process is killed was never measured.

use std::{
    collections::BTreeMap,
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use slipway_domain::run::report::{Report, Value};

/// Prints one report.
pub fn print(report: &Report) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: there is nobody to tell either.
    let _ = serde_json::to_writer(&mut out, report).map(|()| out.write_all(b"\n").and_then(|()| out.flush()));
}

/// Prints a line for people.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints values measured at a step.
pub fn metric(step: u64, epoch: f64, values: &[(&str, f64)]) {
    let values: BTreeMap<_, _> = values.iter().map(|(name, value)| ((*name).to_owned(), Value(*value))).collect();
    print(&Report::Metric { step, epoch: Some(epoch), time: now(), values });
}

/// Prints a sentence that the person should know.
pub fn notice(message: impl Into<String>) {
    print(&Report::Notice { message: message.into() });
}

/// Milliseconds since 1970 UTC.
#[expect(clippy::disallowed_methods, reason = "a measurement's time is taken where it is made")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
