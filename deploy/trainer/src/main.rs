//! Slipway's training program: trains a model on real data, writes checkpoints, and says how it goes.
//!
//! [`cli`] → [`data`] → [`model`] → [`training`], with [`checkpoint`]s to disk and [`report`] lines to standard output. Whatever
//! ends it early is a [`failure::Failure`]: one sentence and an exit code of its own.

mod bench;
mod checkpoint;
mod cli;
mod data;
mod failure;
mod model;
mod optimizer;
mod random;
mod report;
mod schedule;
mod training;

use std::{
    panic,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use clap::{Parser as _, error::ErrorKind};
use slipway_domain::run::{
    exit::ExitReason,
    report::{Outcome, Report},
};

use crate::{
    cli::{Cli, Command, Train},
    failure::Failure,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            report::say(&asked.to_string());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            return fail(&Failure::flags(format!("{}; --help lists the flags", line.trim_start_matches("error: "))));
        }
    };
    match cli.command {
        Command::Train(flags) => train(&flags),
        Command::Bench => {
            bench::run();
            ExitCode::SUCCESS
        }
    }
}

fn train(flags: &Train) -> ExitCode {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        if let Err(error) = signal_hook::flag::register(signal, stop.clone()) {
            return fail(&Failure::flags(format!("signals cannot be caught: {error}")));
        }
    }
    // libtorch's errors come as panics of its bindings: they are told as a sentence as well.
    panic::set_hook(Box::new(|_| {}));
    let ended = panic::catch_unwind(panic::AssertUnwindSafe(|| training::train(flags, &stop)));
    match ended {
        Ok(Ok(outcome)) => {
            report::print(&Report::End { outcome, message: None });
            match outcome {
                Outcome::Succeeded => ExitCode::SUCCESS,
                Outcome::Interrupted | Outcome::Failed => ExitCode::from(ExitReason::Interrupted.code()),
            }
        }
        Ok(Err(failure)) => fail(&failure),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            let line = text.unwrap_or("libtorch failed").lines().next().unwrap_or_default();
            if line.contains("out of memory") || line.contains("CUDA") {
                return fail(&Failure::new(
                    ExitReason::Device,
                    format!("the device failed: {line}; a smaller --batch-size needs less memory"),
                ));
            }
            report::print(&Report::End { outcome: Outcome::Failed, message: Some(line.to_owned()) });
            eprintln!("slipway-trainer: {line}");
            ExitCode::FAILURE
        }
    }
}

fn fail(failure: &Failure) -> ExitCode {
    report::print(&Report::End { outcome: Outcome::Failed, message: Some(failure.sentence.clone()) });
    eprintln!("slipway-trainer: {failure}");
    ExitCode::from(failure.reason.code())
}
