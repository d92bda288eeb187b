//! `cargo xtask`: the commands of the README.
//!
//! `up` and `test` install what is missing, build and run; `check`, `bench` and `build` are for contributors. It uses nothing of
//! the product's crates, compiles in seconds and runs on any recent stable Rust: what the product needs beyond that, it fetches.

mod bench;
mod build;
mod check;
mod fetch;
mod place;
mod stack;
mod step;
mod test;
mod toolchain;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Slipway's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build, start Kubernetes and Slipway, and print the address
    Up(up::Args),
    /// Install what is missing, build, and run every test: unit, integration, browser
    Test(test::Args),
    /// What must be true of a change: formatting, lints, documentation, no orphaned file
    Check,
    /// Measure speed and size, each beside a named peer or a limit
    Bench(bench::Args),
    /// Build everything
    Build,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up(args) => up::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Check => check::run(),
        Command::Bench(args) => bench::run(&args),
        Command::Build => build::everything().map(|_| ()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}
