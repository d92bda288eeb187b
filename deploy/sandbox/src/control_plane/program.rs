//! A child process that is kept running: started, watched, started again when it dies, stopped when asked.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{Error, say};
use crate::hold;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A program that ran this long was well; its next death is counted as the first.
const WELL_AFTER: Duration = Duration::from_mins(1);
/// How much of a log a message looks at.
const LOG_TAIL: u64 = 8 << 10;

/// What to run.
#[derive(Debug)]
pub struct Program {
    pub name: &'static str,
    pub executable: PathBuf,
    pub args: Vec<String>,
    pub log: PathBuf,
    /// How long it may take to stop by itself once asked.
    pub patience: Duration,
}

/// A program that is being kept running.
#[derive(Debug)]
pub struct Running {
    pub name: &'static str,
    log: PathBuf,
    deaths: watch::Receiver<Deaths>,
    stop: watch::Sender<Stop>,
    task: JoinHandle<()>,
}

/// How often it died since it was last well, and how the last time.
#[derive(Debug, Clone, Default)]
struct Deaths {
    count: u32,
    last: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    Gracefully,
    Now,
}

impl Program {
    /// Starts the program, from now on kept running. To be called on the thread that lives as long as the process.
    pub fn keep_running(self) -> Running {
        let (stop, stopped) = watch::channel(Stop::No);
        let (died, deaths) = watch::channel(Deaths::default());
        Running { name: self.name, log: self.log.clone(), deaths, stop, task: tokio::spawn(keep_running(self, stopped, died)) }
    }

    fn start(&self) -> std::io::Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = hold::command(&self.executable, self.name);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in a terminal must reach `up` alone, which then stops the parts in order.
            .process_group(0);
        Command::from(command).kill_on_drop(true).spawn()
    }
}

impl Running {
    /// Waits for `ready`; gives up when the program keeps dying, or after `patience`.
    pub async fn until(&self, patience: Duration, ready: impl Future<Output = ()>) -> Result<(), Error> {
        let mut deaths = self.deaths.clone();
        let dying = async {
            match deaths.wait_for(|deaths| deaths.count >= 3).await {
                Ok(deaths) => deaths.last.clone(),
                // The keeper ends only when it is told to stop, and then nobody waits.
                Err(_) => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            () = ready => return Ok(()),
            last = dying => format!("keeps ending ({last})"),
            () = sleep(patience) => format!("was not ready within {} s", patience.as_secs()),
        };
        Err(Error::Part { name: self.name, why, log: self.log.clone(), says: last_line(&self.log) })
    }

    /// Asks the program to stop and waits until it has, by force when its patience is over.
    pub async fn stop(&mut self) {
        self.stop.send_if_modified(|stop| {
            let first = *stop == Stop::No;
            if first {
                *stop = Stop::Gracefully;
            }
            first
        });
        // A keeper that panicked has dropped its child, which killed it.
        let _ = (&mut self.task).await;
    }

    /// Ends the program without waiting for it to finish what it does.
    pub fn kill(&self) {
        self.stop.send_replace(Stop::Now);
    }
}

async fn keep_running(program: Program, mut stop: watch::Receiver<Stop>, died: watch::Sender<Deaths>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let end = match program.start() {
            Ok(mut child) => {
                tokio::select! {
                    status = child.wait() => status.map_or_else(|error| error.to_string(), describe),
                    () = wanted(&mut stop, |stop| stop != Stop::No) => return end(&program, child, stop).await,
                }
            }
            Err(error) => format!("could not be started: {error}"),
        };
        let was_well = started.elapsed() >= WELL_AFTER;
        if was_well {
            pause = FIRST_PAUSE;
        }
        say(format_args!(
            "{} ended ({end}); starting it again in {} s, its log is {}",
            program.name,
            pause.as_secs_f32(),
            program.log.display()
        ));
        died.send_modify(|deaths| {
            deaths.count = if was_well { 1 } else { deaths.count + 1 };
            deaths.last = end;
        });
        tokio::select! {
            () = sleep(pause) => {}
            () = wanted(&mut stop, |stop| stop != Stop::No) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn end(program: &Program, mut child: Child, mut stop: watch::Receiver<Stop>) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended in this moment, which is what is wanted.
        let _ = kill_process(pid, Signal::TERM);
    }
    let stopped = tokio::select! {
        stopped = timeout(program.patience, child.wait()) => stopped.is_ok(),
        () = wanted(&mut stop, |stop| stop == Stop::Now) => false,
    };
    if !stopped {
        say(format_args!("{} did not stop by itself and is killed", program.name));
        // An error says that it has ended.
        let _ = child.kill().await;
    }
}

async fn wanted(stop: &mut watch::Receiver<Stop>, wish: impl Fn(Stop) -> bool) {
    // Without a sender `up` is being torn down: then the program shall end as well.
    let _ = stop.wait_for(|stop| wish(*stop)).await;
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// The last line of a log that says something, cut to a length that fits a message.
fn last_line(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(|| "nothing".to_owned(), |line| line.chars().take(500).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_log_is_found_whatever_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(last_line(&log), "nothing");
        std::fs::write(&log, b"first\n\xff second\n\n").unwrap();
        assert_eq!(last_line(&log), "\u{fffd} second");
    }
}
