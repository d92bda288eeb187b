//! `cargo xtask bench`: figures, each beside the limit or the peer that it is judged by.
//!
//! What is measured lives with what it measures: the server's `bench` program and `slipway-trainer bench` print JSON, and this
//! sets their figures beside their limits. Where a part cannot be measured, the others are all the same.

mod browser;
mod live;
mod server;
mod trainer;

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum as _;

use crate::{
    build::{self, Built},
    place,
    step::{quietly, step},
    toolchain::Toolchain,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Fail where a figure misses its limit, or cannot be measured
    #[arg(long)]
    strict: bool,
    /// Measure this part alone; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// For how many seconds the cluster changes beside open pages
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What a browser fetches before a page is alive
    FirstLoad,
    /// Memory and CPU of the index: for a watched Pod, and for 5,000 nodes with 150,000 Pods
    Index,
    /// The page of nodes of such a cluster, over HTTP
    Fleet,
    /// Will it run, on 1,000 nodes: in native code, and in WebAssembly in Chromium
    Fit,
    /// Metric points: stored, and drawn a million at a time
    Metrics,
    /// The product on a Kubernetes of its own: its start, its rest, and from a change to the pixel
    Live,
    /// An epoch of training, beside PyTorch
    Trainer,
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

/// What came of measuring something, which has a name.
type Outcome = (&'static str, Result<Vec<Figure>, String>);

/// What is measured, built when it is first needed.
#[derive(Default)]
struct Builds {
    everything: OnceCell<Result<Built, String>>,
    released: OnceCell<Result<(), String>>,
}

impl Builds {
    fn everything(&self) -> Result<&Built, String> {
        self.everything.get_or_init(build::everything).as_ref().map_err(Clone::clone)
    }

    /// The server's programs, as they are built for use.
    fn released(&self) -> Result<(), String> {
        let build = || {
            let toolchain = Toolchain::ready()?;
            let build = ["build", "--quiet", "--release", "--package", "slipway-server", "--bins"];
            step("Building the server for use", || quietly(toolchain.cargo().args(build))).map(|_| ())
        };
        self.released.get_or_init(build).clone()
    }
}

impl Part {
    fn measure(self, builds: &Builds, seconds: u32) -> Vec<Outcome> {
        match self {
            Self::FirstLoad => {
                vec![("the first load", builds.everything().and_then(|built| first_load(&built.site)))]
            }
            Self::Index => {
                vec![("a watched Pod", server::figures(builds, "watched")), ("a large cluster", server::figures(builds, "large"))]
            }
            Self::Fleet => vec![("the page of nodes", server::figures(builds, "fleet"))],
            Self::Fit => vec![("will-it-run", server::figures(builds, "fit")), ("will-it-run in Chromium", browser::figures(builds))],
            Self::Metrics => vec![("storing metrics", server::figures(builds, "stored")), ("a chart", server::figures(builds, "charted"))],
            Self::Live => {
                let figures = builds.released().and_then(|()| live::figures(builds.everything()?, seconds));
                vec![("the running product", figures)]
            }
            Self::Trainer => vec![("training", trainer::figures())],
        }
    }
}

pub fn run(args: &Args) -> Result<(), String> {
    let parts = if args.only.is_empty() { Part::value_variants() } else { &args.only };
    let builds = Builds::default();
    let outcomes: Vec<Outcome> = parts.iter().flat_map(|part| part.measure(&builds, args.seconds)).collect();
    println!("\n{:<60} {:>14} {:>14}", "figure", "measured", "limit");
    let mut missed = 0;
    for (name, outcome) in &outcomes {
        match outcome {
            Ok(figures) => missed += figures.iter().filter(|figure| !print(figure)).count(),
            Err(why) => {
                missed += 1;
                println!("✕ {name}: not measured: {why}");
            }
        }
    }
    if args.strict && missed > 0 { Err(format!("{missed} figures miss their limit")) } else { Ok(()) }
}

/// Prints a figure; says whether it meets its limit.
fn print(figure: &Figure) -> bool {
    let met = if figure.at_least { figure.measured >= figure.limit } else { figure.measured <= figure.limit };
    let (mark, sign) = (if met { "●" } else { "✕" }, if figure.at_least { "≥" } else { "≤" });
    println!("{mark} {:<58} {:>14} {sign}{:>13}", figure.what, shown(figure.measured, figure.unit), shown(figure.limit, figure.unit));
    met
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

/// A program of the server's, as it is built for use.
fn released(name: &str) -> PathBuf {
    place::target().join("release").join(name)
}
