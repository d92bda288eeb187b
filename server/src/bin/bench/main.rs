//! The server's figures: what each costs in CPU time and bytes, which say more about a busy machine than wall time does.
//!
//! Prints `[{"what", "measured", "unit", "limit", "at_least"}]` on standard output, for `cargo xtask bench` and for whoever
//! wants to keep them. A new figure is a function in [`FIGURES`].

mod fit;
mod index;
mod metrics;

use std::{pin::Pin, process::ExitCode};

use serde::Serialize;

/// A figure and the limit that it is judged by.
#[derive(Debug, Serialize)]
struct Figure {
    what: &'static str,
    measured: f64,
    unit: &'static str,
    limit: f64,
    /// Whether more is better.
    at_least: bool,
}

type Measuring = Pin<Box<dyn Future<Output = Result<Vec<Figure>, String>>>>;

/// What is measured, in this order.
const FIGURES: &[fn() -> Measuring] = &[
    || Box::pin(async { index::large() }),
    || Box::pin(async { Ok(index::watched()) }),
    || Box::pin(async { fit::answered() }),
    || Box::pin(metrics::stored()),
    || Box::pin(metrics::charted()),
];

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(index::LARGE) {
        index::list_large();
        return ExitCode::SUCCESS;
    }
    let mut figures = Vec::new();
    for measure in FIGURES {
        match measure().await {
            Ok(more) => figures.extend(more),
            Err(sentence) => {
                eprintln!("bench: {sentence}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{}", serde_json::to_string_pretty(&figures).expect("figures are plain"));
    ExitCode::SUCCESS
}

/// CPU time that this process has used so far, in microseconds, to a hundredth of a second.
/// Source: proc(5), fields 14 and 15 of `/proc/self/stat`, in ticks of which there are 100 a second on every Linux.
fn cpu_time() -> Result<f64, String> {
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(|error| format!("/proc/self/stat cannot be read: {error}"))?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<f64> = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() * 10_000.0)
}
