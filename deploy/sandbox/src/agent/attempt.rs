//! One attempt at running a container: a folder, a shim and the program under it.
//!
//! The folder is the truth: `start.json` says what to run, `pid.json` that it runs, `exit.json` how it ended, `log` what it
//! said. The shim that writes them is a process of its own and outlives the agent, so an agent that is killed and started
//! again reads the folder and goes on as if nothing had happened.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::process::{Child, Command};

/// What a shim is told to run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_dir: Option<PathBuf>,
    pub mounts: Vec<Mount>,
    /// The container's own `/tmp`.
    pub tmp: PathBuf,
    /// What the image has, which the container sees also where its `/tmp` or a volume would hide it.
    #[serde(default)]
    pub image: Vec<PathBuf>,
    /// The process whose end ends every container.
    pub supervisor: Process,
    /// Seconds between SIGTERM and SIGKILL when the supervisor is gone.
    pub grace_seconds: u64,
}

/// A folder or file of this machine at a path in the container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Mount {
    pub source: PathBuf,
    pub target: PathBuf,
    pub read_only: bool,
}

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub pid: i32,
    /// Clock ticks from boot to its start (field 22 of `/proc/PID/stat`).
    pub started: u64,
}

/// The program as it began.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Begun {
    pub process: Process,
    pub at: Timestamp,
}

/// How it ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Exit {
    /// As a shell counts: 128 + the signal for one that was killed.
    pub code: i32,
    pub started: Option<Timestamp>,
    pub at: Timestamp,
    /// Why it was not the program's own doing, if so.
    pub fault: Option<Fault>,
}

/// An end that the program did not choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fault {
    /// It could not be started.
    NotStarted(String),
    /// The sandbox went away under it.
    NodeGone,
}

impl Process {
    /// The process with this number now, if there is one that has not ended.
    pub fn find(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything; what follows the last one is regular.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let ended = matches!(fields.next(), Some("Z" | "X"));
        let started = fields.nth(18)?.parse().ok()?;
        (!ended).then_some(Self { pid, started })
    }

    pub fn is_alive(self) -> bool {
        Self::find(self.pid) == Some(self)
    }
}

/// An attempt, by its folder.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    folder: PathBuf,
}

impl Attempt {
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub fn start(&self) -> io::Result<Start> {
        read(&self.folder.join("start.json"))
    }

    pub fn begun(&self) -> Option<Begun> {
        read(&self.folder.join("pid.json")).ok()
    }

    pub fn set_begun(&self, begun: &Begun) -> io::Result<()> {
        write(&self.folder.join("pid.json"), begun)
    }

    /// How it ended; for one whose shim was lost as well, that its node was gone.
    pub fn exit(&self) -> Option<Exit> {
        if let Ok(exit) = read(&self.folder.join("exit.json")) {
            return Some(exit);
        }
        let shim: Process = read(&self.folder.join("shim.json")).ok()?;
        if shim.is_alive() {
            return None;
        }
        // The shim may have ended between the two looks.
        let lost = |begun: Option<Begun>| Exit {
            code: 137,
            started: begun.map(|begun| begun.at),
            at: modified(&self.log()).or_else(|| begun.map(|begun| begun.at)).unwrap_or_default(),
            fault: Some(Fault::NodeGone),
        };
        Some(read(&self.folder.join("exit.json")).unwrap_or_else(|_| lost(self.begun())))
    }

    pub fn set_exit(&self, exit: &Exit) -> io::Result<()> {
        write(&self.folder.join("exit.json"), exit)
    }

    /// Writes down what to run and starts the shim, which is then on its own.
    pub fn launch(&self, start: &Start) -> io::Result<Child> {
        std::fs::create_dir_all(&self.folder)?;
        write(&self.folder.join("start.json"), start)?;
        let child = Command::new("/proc/self/exe")
            .arg0("sandbox-shim")
            .arg("shim")
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.join("shim.log"))?)
            .process_group(0)
            .spawn()?;
        let shim = child.id().and_then(|pid| Process::find(i32::try_from(pid).ok()?));
        // A shim that has ended already has written how.
        if let Some(shim) = shim {
            write(&self.folder.join("shim.json"), &shim)?;
        }
        Ok(child)
    }

    /// Sends a signal to the program and all that it started.
    pub fn signal(&self, signal: Signal) {
        if let Some(begun) = self.begun()
            && (begun.process.is_alive() || group_lives(begun.process.pid))
            && let Some(group) = Pid::from_raw(begun.process.pid)
        {
            // It may end in this very moment, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits until it has ended.
    pub async fn ended(&self) -> Exit {
        loop {
            if let Some(exit) = self.exit() {
                return exit;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn group_lives(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|group| test_kill_process_group(group).is_ok())
}

fn modified(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(std::fs::metadata(path).ok()?.modified().ok()?).ok()
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&std::fs::read(path)?).map_err(io::Error::other)
}

/// Written whole or not at all.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let aside = path.with_extension("new");
    std::fs::write(&aside, serde_json::to_vec(value)?)?;
    std::fs::rename(aside, path)
}
