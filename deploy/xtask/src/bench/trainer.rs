//! An epoch of the same models here and in PyTorch, of the same version and with the same library that computes.

use std::process::Command;

use super::Figure;
use crate::{
    build::{self, with_libtorch},
    fetch, place,
    step::{quietly, step},
    toolchain::Toolchain,
};

/// How often each is measured, in turn, so that neither has the quieter machine.
const TURNS: usize = 3;

/// The models, by what their figure is called in what both print.
const MODELS: [&str; 2] = ["mlp_ms", "cnn_ms"];

/// The CPU time of an epoch to PyTorch's.
pub(super) fn figures() -> Result<Vec<Figure>, String> {
    let libtorch = fetch::libtorch()?;
    let trainer = build::trainer(&Toolchain::ready()?, &libtorch)?;
    let python = fetch::pytorch(&libtorch)?;
    let peer = place::root().join("deploy/trainer/bench/peer.py");
    let (mut ours, mut theirs) = ([f64::INFINITY; 2], [f64::INFINITY; 2]);
    step("Measuring the trainer and PyTorch", || {
        for _ in 0..TURNS {
            least(&mut ours, with_libtorch(Command::new(&trainer).arg("bench"), &libtorch))?;
            least(&mut theirs, Command::new(&python).arg(&peer))?;
        }
        Ok(())
    })?;
    let figure = |(model, (ours, theirs)): (&str, (f64, f64))| Figure {
        what: format!("trainer: an epoch of the {}, to PyTorch's {theirs:.0} ms", model.trim_end_matches("_ms").to_uppercase()),
        measured: ours / theirs,
        unit: "×",
        limit: 1.0,
        at_least: false,
    };
    Ok(MODELS.into_iter().zip(ours.into_iter().zip(theirs)).map(figure).collect())
}

/// Runs one of them on one thread, and keeps the least of each figure.
fn least(so_far: &mut [f64; 2], command: &mut Command) -> Result<(), String> {
    let text = quietly(command.env("OMP_NUM_THREADS", "1"))?;
    let printed: serde_json::Value = serde_json::from_str(text.trim()).map_err(|error| format!("no figures: {error}\n{text}"))?;
    for (so_far, model) in so_far.iter_mut().zip(MODELS) {
        *so_far = so_far.min(printed[model].as_f64().ok_or_else(|| format!("{model} is missing: {text}"))?);
    }
    Ok(())
}
