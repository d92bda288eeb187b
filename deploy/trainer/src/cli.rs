//! The command line.

use std::{num::NonZeroU64, path::PathBuf};

use clap::{Parser, Subcommand};
use slipway_domain::run::{
    exit::ExitReason,
    spec::{Model, Optimizer, Schedule},
};

/// Trains a model and says how it goes, one JSON object a line.
#[derive(Debug, Parser)]
#[command(name = "slipway-trainer", version, after_help = exit_codes())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model; continues from the newest checkpoint in --checkpoint-dir
    #[command(after_help = exit_codes())]
    Train(Box<Train>),
    /// Measure one epoch of the MLP and the CNN on made-up data; prints JSON
    #[command(hide = true)]
    Bench,
}

/// The flags of `train`.
#[derive(Debug, clap::Args)]
pub struct Train {
    /// digits (shipped), csv:PATH, npz:PATH or images:PATH
    #[arg(long, default_value = "digits")]
    pub data: String,
    /// linear, mlp, cnn, resnet18, resnet50 or transformer
    #[arg(long, default_value = "cnn", value_parser = Model::parse)]
    pub model: Model,
    /// Passes over the data
    #[arg(long, default_value = "10")]
    pub epochs: NonZeroU64,
    /// Samples in an optimizer step
    #[arg(long, default_value = "64")]
    pub batch_size: NonZeroU64,
    /// The learning rate at its peak
    #[arg(long, default_value_t = 0.001)]
    pub learning_rate: f64,
    /// sgd, adam or adamw
    #[arg(long, default_value = "adamw", value_parser = Optimizer::parse)]
    pub optimizer: Optimizer,
    /// Weight decay
    #[arg(long, default_value_t = 0.01)]
    pub weight_decay: f64,
    /// constant, step, cosine or warmup-cosine
    #[arg(long, default_value = "cosine", value_parser = Schedule::parse)]
    pub schedule: Schedule,
    /// Seed of weights and shuffling
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// fp32, or amp (mixed precision; needs CUDA)
    #[arg(long, default_value = "fp32", value_parser = ["fp32", "amp"])]
    pub precision: String,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Folder of the run's checkpoints; without it there are none
    #[arg(long)]
    pub checkpoint_dir: Option<PathBuf>,
    /// Optimizer steps between two checkpoints
    #[arg(long, default_value = "100")]
    pub checkpoint_every: NonZeroU64,
    /// Checkpoints to keep
    #[arg(long, default_value_t = 3)]
    pub keep: usize,
    /// CPU threads; what `OMP_NUM_THREADS` says, or one a core, when left out
    #[arg(long)]
    pub threads: Option<u16>,
    /// Optimizer steps between two metric lines
    #[arg(long, default_value = "10")]
    pub log_every: NonZeroU64,
    /// Part of the samples that is held back
    #[arg(long, default_value_t = 0.2)]
    pub validation_fraction: f64,
    /// Side to which images of a folder are brought, in pixels
    #[arg(long, default_value_t = 32)]
    pub image_size: u16,
}

fn exit_codes() -> String {
    let lines = ExitReason::ALL.iter().map(|reason| format!("  {:>3}  {}", reason.code(), reason.sentence()));
    format!("Exit codes:\n    0  all epochs are done\n{}", lines.collect::<Vec<_>>().join("\n"))
}
