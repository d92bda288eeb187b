//! Kubernetes for one machine: the real control plane, and nodes whose Pods are processes of this computer.
//!
//! `sandbox up` keeps everything of a cluster in one folder and runs it until it is told to stop. It knows
//! Kubernetes and nothing of what is run on it: whoever wants a cluster gets a kubeconfig.

mod agent;
mod control_plane;
mod hold;
mod images;
mod nodes;
mod yaml;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "sandbox", version, about = "Kubernetes for one machine, with GPU nodes that run Pods as processes")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a cluster and keep it running until Ctrl-C
    Up(control_plane::UpArgs),
    /// Print where the administrator's kubeconfig is
    Kubeconfig(DataArgs),
    /// Print where a Prometheus reads how busy the GPUs are, in the words of NVIDIA's exporter
    Metrics(DataArgs),
    /// Say whether the cluster runs, and how its parts and nodes are (exit code 3 when it is not ready)
    Status(DataArgs),
    /// Be the nodes; `up` starts this
    #[command(hide = true)]
    Agent(agent::Args),
    /// Run one container and write down what becomes of it; the agent starts this
    #[command(hide = true)]
    Shim(agent::shim::Args),
    /// Become a container's program in its own view of the file system; the shim starts this
    #[command(hide = true)]
    Enter(agent::enter::Args),
    /// Become another program that ends when its parent does; `up` starts this
    #[command(hide = true)]
    Hold(hold::Args),
}

#[derive(clap::Args)]
struct DataArgs {
    /// Folder of the cluster
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,sandbox=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).init();
    let outcome = match command {
        Command::Hold(args) => Err(hold::run(&args)),
        Command::Shim(args) => agent::shim::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Enter(args) => {
            // The container's own log: the sentence is the last that its reader sees.
            let _ = writeln!(std::io::stderr(), "{}", agent::enter::run(&args));
            return ExitCode::from(127);
        }
        Command::Up(args) => on_this_thread(control_plane::up(args)),
        Command::Kubeconfig(args) => control_plane::kubeconfig(&args.data),
        Command::Metrics(args) => control_plane::metrics(&args.data),
        Command::Status(args) => on_this_thread(control_plane::status(&args.data)),
        Command::Agent(args) => on_many_threads(agent::run(args)),
    };
    match outcome {
        Ok(code) => code,
        Err(sentence) => {
            // A closed standard error must not turn a refusal into a panic.
            let _ = writeln!(std::io::stderr(), "sandbox: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Children are started from the main thread alone: the kernel sends a child its parent's death signal when the
/// thread that started it ends, and only the main thread lives as long as the process.
fn on_this_thread<E: ToString>(work: impl Future<Output = Result<ExitCode, E>>) -> Result<ExitCode, String> {
    run_on(tokio::runtime::Builder::new_current_thread(), work)
}

fn on_many_threads<E: ToString>(work: impl Future<Output = Result<(), E>>) -> Result<ExitCode, String> {
    let work = async { work.await.map(|()| ExitCode::SUCCESS) };
    run_on(tokio::runtime::Builder::new_multi_thread(), work)
}

fn run_on<E: ToString>(mut builder: tokio::runtime::Builder, work: impl Future<Output = Result<ExitCode, E>>) -> Result<ExitCode, String> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a second TLS provider is installed".to_owned())?;
    let runtime = builder.enable_all().build().map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(work).map_err(|error| error.to_string())
}
