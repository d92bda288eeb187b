//! `cargo xtask check`: what must be true of a change before it is committed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    build::with_libtorch,
    fetch, place,
    step::{openly, step},
    toolchain::Toolchain,
};

/// What is documented are the private items as well, so that links to them lead somewhere.
const RUSTDOC: &str = "--deny warnings --allow rustdoc::private-intra-doc-links";

/// Lines beyond which a file wants to be two.
const LONGEST_FILE: usize = 450;

pub fn run() -> Result<(), String> {
    let toolchain = Toolchain::ready()?;
    let libtorch = fetch::libtorch()?;
    step("Formatting", || openly(toolchain.cargo().args(["fmt", "--all", "--check"])))?;
    step("Files", files)?;
    let deny = ["--", "--deny", "warnings"];
    step("Lints", || openly(toolchain.cargo().args(["clippy", "--quiet", "--all-targets"]).args(deny)))?;
    step("Lints of the trainer", || {
        let mut cargo = toolchain.cargo();
        openly(with_libtorch(
            cargo.args(["clippy", "--quiet", "--release", "--package", "slipway-trainer", "--all-targets"]).args(deny),
            &libtorch,
        ))
    })?;
    step("Lints of the browser's part", || {
        let wasm = "clippy --quiet --package slipway-app --lib --target wasm32-unknown-unknown --no-default-features --features hydrate";
        openly(toolchain.cargo().args(wasm.split(' ')).args(deny))
    })?;
    step("Documentation", || {
        openly(toolchain.cargo().args(["doc", "--quiet", "--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", RUSTDOC))
    })?;
    if place::find("cargo-deny").is_some() {
        step("Dependencies", || openly(toolchain.cargo().args(["deny", "--config", ".cargo/deny.toml", "check"])))?;
    }
    Ok(())
}

/// No file too long, and none that no `mod` reaches.
fn files() -> Result<(), String> {
    let mut all = BTreeSet::new();
    for top in ["app", "server", "deploy", "style"] {
        visit(&place::root().join(top), &mut all)?;
    }
    let mut wrong = Vec::new();
    for file in &all {
        let lines = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{} has {lines} lines; {LONGEST_FILE} are the most", file.display()));
        }
        if !is_reached(file, &all) {
            wrong.push(format!("{} is reached by no `mod`", file.display()));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn visit(folder: &Path, all: &mut BTreeSet<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" && name != "target" {
            visit(&path, all)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.insert(path);
        }
    }
    Ok(())
}

/// A file is a crate's root, or its parent module names it.
fn is_reached(file: &Path, all: &BTreeSet<PathBuf>) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let Some(folder) = file.parent() else { return false };
    if stem == "main" || stem == "lib" || stem == "build" || folder.ends_with("src/bin") {
        return true;
    }
    let beside = [folder.join("main.rs"), folder.join("lib.rs"), folder.with_extension("rs")];
    let names = |parent: &PathBuf| {
        let text = fs::read_to_string(parent).unwrap_or_default();
        text.lines().any(|line| line.trim_end().ends_with(&format!("mod {stem};")))
    };
    beside.iter().filter(|parent| all.contains(*parent)).any(names)
}
