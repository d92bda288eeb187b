//! Figures that the server's `bench` program prints: `[{"what", "measured", "unit", "limit", "at_least"}]`.

use std::process::Command;

use super::{Builds, Figure, released};
use crate::step::{quietly, step};

/// The units of its figures.
const UNITS: [&str; 8] = ["points/s", "µs", "ms", "s", "bytes", "kB", "MB", "×"];

/// The figures of one of its parts.
pub(super) fn figures(builds: &Builds, part: &str) -> Result<Vec<Figure>, String> {
    builds.released()?;
    let text = step(&format!("Measuring the server: {part}"), || quietly(Command::new(released("bench")).arg(part)))?;
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(text.trim()).map_err(|error| format!("the server's bench printed no figures: {error}\n{text}"))?;
    Ok(rows
        .iter()
        .map(|row| Figure {
            what: row["what"].as_str().unwrap_or_default().to_owned(),
            measured: row["measured"].as_f64().unwrap_or(f64::NAN),
            unit: UNITS.into_iter().find(|unit| row["unit"] == **unit).unwrap_or_default(),
            limit: row["limit"].as_f64().unwrap_or(f64::NAN),
            at_least: row["at_least"].as_bool().unwrap_or(false),
        })
        .collect())
}
