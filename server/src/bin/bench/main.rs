//! The server's figures: what each costs in CPU time and bytes, which say more about a busy machine than wall time does.
//!
//! `bench PART` prints `[{"what", "measured", "unit", "limit", "at_least"}]` on standard output, for `cargo xtask bench` and for
//! whoever wants to keep them. Each part is measured in a process of its own: memory that was used and freed before would hide
//! what it takes. A new figure is a function in [`PARTS`].

mod fit;
mod fleet;
mod index;
mod metrics;
mod place;

use std::{pin::Pin, process::ExitCode};

use serde::Serialize;

/// A figure and the limit that it is judged by.
#[derive(Debug, Serialize)]
struct Figure {
    what: String,
    measured: f64,
    unit: &'static str,
    limit: f64,
    /// Whether more is better.
    at_least: bool,
}

impl Figure {
    /// One of which less is better.
    fn at_most(what: impl Into<String>, measured: f64, unit: &'static str, limit: f64) -> Self {
        Self { what: what.into(), measured, unit, limit, at_least: false }
    }
}

type Measuring = Pin<Box<dyn Future<Output = Result<Vec<Figure>, String>>>>;
type Measure = fn() -> Measuring;

/// What is measured, by name.
const PARTS: &[(&str, Measure)] = &[
    ("watched", || Box::pin(async { Ok(index::watched()) })),
    ("large", || Box::pin(async { Ok(index::large()) })),
    ("fleet", || Box::pin(fleet::asked_for())),
    ("fit", || Box::pin(async { fit::answered() })),
    ("stored", || Box::pin(metrics::stored())),
    ("charted", || Box::pin(metrics::charted())),
];

/// The argument with which this prints the picture that [`fit`] answers by, for the browser to answer by as well.
const PICTURE: &str = "picture";

#[tokio::main]
async fn main() -> ExitCode {
    let asked = std::env::args().nth(1).unwrap_or_default();
    let printed = match PARTS.iter().find(|(name, _)| *name == asked) {
        Some((_, measure)) => measure().await.and_then(|figures| serde_json::to_string_pretty(&figures).map_err(|error| error.to_string())),
        None if asked == PICTURE => serde_json::to_string(&fit::picture()).map_err(|error| error.to_string()),
        None => Err(format!("name one of {PICTURE}, {}", PARTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))),
    };
    match printed {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("bench: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// A count, for arithmetic.
#[expect(clippy::cast_precision_loss, reason = "counts here are below 2^53")]
fn count(of: usize) -> f64 {
    of as f64
}

/// What went wrong, in a sentence.
fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
