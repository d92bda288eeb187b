//! `cargo xtask bench`: figures, each beside the limit or the peer that it is judged by.
//!
//! What is measured lives with what it measures: the server's `bench` program and `slipway-trainer bench` print JSON, and this
//! sets their figures beside their limits.

mod live;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    build::{self, Built, with_libtorch},
    place,
    step::{quietly, step},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Fail where a figure misses its limit
    #[arg(long)]
    strict: bool,
    /// For how many seconds the cluster changes beside open pages
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

/// One figure.
struct Figure {
    what: String,
    measured: f64,
    unit: &'static str,
    limit: f64,
    /// Whether more is better.
    at_least: bool,
}

pub fn run(args: &Args) -> Result<(), String> {
    let built = build::everything()?;
    let mut figures = first_load(&built.site)?;
    figures.extend(server(&built)?);
    figures.extend(live::figures(&built, args.seconds)?);
    figures.extend(trainer(&built)?);
    println!("\n{:<58} {:>14} {:>14}", "figure", "measured", "limit");
    let mut missed = 0;
    for figure in &figures {
        let met = if figure.at_least { figure.measured >= figure.limit } else { figure.measured <= figure.limit };
        missed += u32::from(!met);
        let mark = if met { "●" } else { "✕" };
        let sign = if figure.at_least { "≥" } else { "≤" };
        println!("{mark} {:<56} {:>14} {sign}{:>13}", figure.what, shown(figure.measured, figure.unit), shown(figure.limit, figure.unit));
    }
    if args.strict && missed > 0 { Err(format!("{missed} figures miss their limit")) } else { Ok(()) }
}

fn shown(value: f64, unit: &str) -> String {
    if value.abs() >= 1000.0 { format!("{value:.0} {unit}") } else { format!("{value:.2} {unit}") }
}

/// What a browser fetches before a page is alive: of those in the main part, and of each part that is split off.
fn first_load(site: &Path) -> Result<Vec<Figure>, String> {
    let package = site.join("pkg");
    let size = |name: &str| -> Result<u64, String> {
        let path = package.join(format!("{name}.br"));
        fs::metadata(&path).map(|data| data.len()).map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut common = 0;
    for name in ["app.css", "slipway.js", "slipway_bg.wasm", "__wasm_split.______________________.js"] {
        common += size(name)?;
    }
    let manifest = package.join("__wasm_split_manifest.json");
    let text = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let parts: BTreeMap<String, Vec<String>> = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", manifest.display()))?;
    #[expect(clippy::cast_precision_loss, reason = "a file's size")]
    let figure = |what: &str, bytes: u64| Figure {
        what: format!("first load: {what}"),
        measured: bytes as f64 / 1000.0,
        unit: "kB",
        limit: 300.0,
        at_least: false,
    };
    let mut figures = vec![figure("sign-in, the list of runs", common)];
    for (part, files) in &parts {
        let more = files.iter().map(|name| size(&format!("{name}.wasm"))).sum::<Result<u64, _>>()?;
        // Behind its name stands the hash of where it is declared.
        let name = part.rsplit_once('_').map_or(part.as_str(), |(name, _)| name);
        figures.push(figure(&format!("the part `{name}`"), common + more));
    }
    Ok(figures)
}

/// Figures that the server's bench program prints: `[{"what", "measured", "unit", "limit", "at_least"}]`.
fn server(built: &Built) -> Result<Vec<Figure>, String> {
    step("Building the server for use", || {
        quietly(built.toolchain.cargo().args(["build", "--quiet", "--release", "--package", "slipway-server", "--bins"]))
    })?;
    let text = step("Measuring the server", || quietly(&mut Command::new(released("bench"))))?;
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(text.trim()).map_err(|error| format!("the server's bench printed no figures: {error}\n{text}"))?;
    Ok(rows
        .iter()
        .map(|row| Figure {
            what: row["what"].as_str().unwrap_or_default().to_owned(),
            measured: row["measured"].as_f64().unwrap_or(f64::NAN),
            unit: match row["unit"].as_str() {
                Some("points/s") => "points/s",
                Some("µs") => "µs",
                Some("ms") => "ms",
                Some("bytes") => "bytes",
                Some("kB") => "kB",
                Some("MB") => "MB",
                Some("×") => "×",
                _ => "",
            },
            limit: row["limit"].as_f64().unwrap_or(f64::NAN),
            at_least: row["at_least"].as_bool().unwrap_or(false),
        })
        .collect())
}

/// A program of the server's, as it is built for use.
fn released(name: &str) -> PathBuf {
    place::target().join("release").join(name)
}

/// An epoch of the same models here and in PyTorch, of the same version.
fn trainer(built: &Built) -> Result<Vec<Figure>, String> {
    let python = peer()?;
    let threads = |command: &mut Command| -> Result<serde_json::Value, String> {
        let text = quietly(command.env("OMP_NUM_THREADS", "1"))?;
        serde_json::from_str(text.trim()).map_err(|error| format!("no figures: {error}\n{text}"))
    };
    let ours = step("Measuring the trainer", || threads(with_libtorch(Command::new(&built.trainer).arg("bench"), &built.libtorch)))?;
    let theirs = step("Measuring PyTorch", || threads(Command::new(python).arg(place::root().join("deploy/trainer/bench/peer.py"))))?;
    Ok(["mlp_ms", "cnn_ms"]
        .into_iter()
        .map(|key| Figure {
            what: format!("trainer: an epoch of the {}, to PyTorch's", key.trim_end_matches("_ms").to_uppercase()),
            measured: ours[key].as_f64().unwrap_or(f64::NAN) / theirs[key].as_f64().unwrap_or(f64::NAN),
            unit: "×",
            limit: 1.0,
            at_least: false,
        })
        .collect())
}

/// A Python with PyTorch, in the cache.
fn peer() -> Result<PathBuf, String> {
    let folder = place::cache()?.join("pytorch-2.13.0");
    let python = folder.join("bin/python3");
    if folder.join(".ready").exists() {
        return Ok(python);
    }
    step("Installing PyTorch, the peer (once, several GB)", || {
        quietly(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        quietly(Command::new(&python).args(["-m", "pip", "install", "--quiet", "torch==2.13.0"]))?;
        fs::write(folder.join(".ready"), "").map_err(|error| error.to_string())
    })?;
    Ok(python)
}
