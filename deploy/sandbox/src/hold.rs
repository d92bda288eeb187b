//! Becomes another program that cannot outlive its parent.
//!
//! The kernel is asked to kill this process when its parent dies, then the process turns into the program
//! that it was started for; the request survives that. So nothing of the sandbox is left when `up` is killed
//! with a signal it cannot catch. It is a program of its own because only a process can ask this for itself.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The parent; when it has gone already, nothing is started
    #[arg(long, value_name = "PID")]
    parent: i32,
    /// Name that process listings show
    #[arg(long)]
    name: OsString,
    program: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// The command that starts `program` so that it ends with this process.
///
/// Run it from a thread that lives as long as the process: the kernel counts the thread as the parent.
pub fn command(program: &std::path::Path, name: &str) -> Command {
    // By this name the very file that runs now is started, even when it has been replaced on disk since.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("sandbox").arg("hold").args(["--parent", &std::process::id().to_string(), "--name", name, "--"]).arg(program);
    command
}

/// Comes back only when the program could not be started; the answer is a sentence.
pub fn run(args: &Args) -> String {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("cannot tie {} to its parent: {error}", args.program.display());
    }
    // The parent may have died before the kernel knew of the request.
    if getppid().is_none_or(|parent| parent.as_raw_nonzero().get() != args.parent) {
        return format!("the process that wanted {} has gone", args.program.display());
    }
    let error = Command::new(&args.program).arg0(&args.name).args(&args.words).exec();
    format!("cannot start {}: {error}", args.program.display())
}
