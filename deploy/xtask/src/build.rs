//! Building: the style sheet, the browser's part, the server, the sandbox, the trainer.
//!
//! One target folder, and the same packages with the same features in every call, so that nothing is compiled twice.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    fetch, place,
    step::{quietly, step},
    toolchain::Toolchain,
};

/// Everything that runs.
#[derive(Debug, Clone)]
pub struct Built {
    pub toolchain: Toolchain,
    pub server: PathBuf,
    pub sandbox: PathBuf,
    pub trainer: PathBuf,
    pub kubernetes: PathBuf,
    pub libtorch: PathBuf,
    pub site: PathBuf,
}

/// Builds everything.
pub fn everything() -> Result<Built, String> {
    let toolchain = Toolchain::ready()?;
    let kubernetes = fetch::kubernetes()?;
    let libtorch = fetch::libtorch()?;
    step("Building the server and the sandbox", || quietly(toolchain.cargo().args(["build", "--quiet", "--bins"])))?;
    let site = frontend(&toolchain)?;
    let trainer = trainer(&toolchain, &libtorch)?;
    let binary = |name: &str| place::target().join("debug").join(name);
    Ok(Built { server: binary("slipway-server"), sandbox: binary("sandbox"), trainer, toolchain, kubernetes, libtorch, site })
}

/// The training image's program, as it is built for use.
pub fn trainer(toolchain: &Toolchain, libtorch: &Path) -> Result<PathBuf, String> {
    step("Building the trainer", || {
        quietly(with_libtorch(toolchain.cargo().args(["build", "--quiet", "--release", "--package", "slipway-trainer"]), libtorch))
    })?;
    Ok(place::target().join("release/slipway-trainer"))
}

/// Lets a program be linked with libtorch, and find it.
pub fn with_libtorch<'a>(command: &'a mut Command, libtorch: &Path) -> &'a mut Command {
    command.env("LIBTORCH", libtorch).env("LD_LIBRARY_PATH", libtorch.join("lib"))
}

/// The browser's part: the style sheet, the WebAssembly and its script, each compressed beside itself.
pub fn frontend(toolchain: &Toolchain) -> Result<PathBuf, String> {
    let site = place::target().join("site");
    let package = site.join("pkg");
    fs::create_dir_all(&package).map_err(|error| format!("{}: {error}", package.display()))?;
    step("Building the style sheet", || {
        // The program is there: with `cargo run`, what it needs would be compiled once more, with fewer features.
        let mut style = Command::new(place::target().join("debug/style"));
        quietly(style.args(["-i", "style/app.css", "-o"]).arg(package.join("app.css")).arg("app/src").current_dir(place::root()))
    })?;
    step("Building the browser's part", || {
        // Only with its relocations can the linked whole be split by page.
        let build = "rustc --quiet --package slipway-app --lib --target wasm32-unknown-unknown --no-default-features --features hydrate \
                     --profile wasm-release -- -C link-arg=--emit-relocs";
        quietly(toolchain.cargo().args(build.split_whitespace()))
    })?;
    let wasm = place::target().join("wasm32-unknown-unknown/wasm-release/slipway_app.wasm");
    if is_newer(&wasm, &package.join("slipway_bg.wasm")) {
        step("Splitting it by page and making its script", || {
            clear(&package)?;
            let run = ["run", "--quiet", "--release", "--package", "wasm-bindgen-program", "--"];
            quietly(toolchain.cargo().args(run).arg(&wasm).arg(&package).arg("slipway"))?;
            shrink(&package)
        })?;
    }
    step("Compressing", || compress(&package))?;
    Ok(site)
}

fn is_newer(source: &Path, made: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    match (time(source), time(made)) {
        (Some(source), Some(made)) => source > made,
        _ => true,
    }
}

/// Files whose names end so.
fn ending(folder: &Path, suffixes: &[&str]) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let ends = |path: &PathBuf| suffixes.iter().any(|suffix| path.to_string_lossy().ends_with(suffix));
    Ok(entries.flatten().map(|entry| entry.path()).filter(ends).collect())
}

/// Removes what an earlier build has left: a page's file has the hash of its code in its name.
fn clear(package: &Path) -> Result<(), String> {
    let made = ending(package, &[".wasm", ".js", ".wasm.br", ".wasm.gz", ".js.br", ".js.gz"])?;
    made.iter().try_for_each(|path| fs::remove_file(path).map_err(|error| format!("{}: {error}", path.display())))
}

/// What `wasm-opt` is asked for.
const SHRINK: [&str; 5] = ["-Os", "--skip-pass=inlining-optimizing", "--all-features", "--strip-debug", "--strip-producers"];

/// Makes the WebAssembly smaller where binaryen's `wasm-opt` is at hand; it is right without.
///
/// What counts is its size as it travels, compressed: with `-Oz`, or where it may inline, it is shorter, and longer in Brotli.
fn shrink(package: &Path) -> Result<(), String> {
    let own = place::root().join("end2end/node_modules/.bin/wasm-opt");
    let Some(tool) = own.exists().then_some(own).or_else(|| place::find("wasm-opt")) else { return Ok(()) };
    for wasm in ending(package, &[".wasm"])? {
        quietly(Command::new(&tool).args(SHRINK).arg(&wasm).arg("-o").arg(&wasm))?;
    }
    Ok(())
}

/// Writes `NAME.br` and `NAME.gz` beside each file where Node is at hand; the server compresses as it goes otherwise.
fn compress(folder: &Path) -> Result<(), String> {
    if place::find("node").is_none() {
        return Ok(());
    }
    quietly(Command::new("node").args(["-e", include_str!("compress.js")]).arg(folder)).map(|_| ())
}
