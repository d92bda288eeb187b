//! The shim: starts one program, writes down what it says and how it ended, and sees to it that nothing of it stays.
//!
//! What the program writes goes into one file in the format of the container runtime interface,
//! `TIME STREAM F|P TEXT`: `P` for a part of a line longer than 16 KiB. Times strictly increase, so that a reader who knows the
//! last one it has read can go on from there.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Signal, setsid};

use super::attempt::{Attempt, Begun, Exit, Fault, Process, Start};

/// The longest piece of a line in one record, in bytes, as container runtimes cut it.
const PIECE: u64 = 16 * 1024;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the attempt
    folder: PathBuf,
}

/// Runs the attempt to its end.
///
/// # Errors
/// A sentence where the folder cannot be used; whatever happens to the program is written into the folder.
pub fn run(args: &Args) -> Result<(), String> {
    // A session of its own: no terminal's Ctrl-C reaches the program. A second `setsid` is refused, and is not needed.
    let _ = setsid();
    let attempt = Attempt::at(args.folder.clone());
    let unusable = |error: io::Error| format!("the folder {} cannot be used: {error}", args.folder.display());
    let start = attempt.start().map_err(unusable)?;
    let exit = supervise(&attempt, &start, &args.folder);
    attempt.set_exit(&exit).map_err(unusable)
}

fn supervise(attempt: &Attempt, start: &Start, folder: &Path) -> Exit {
    let not_started = |error: &io::Error| Exit {
        code: 128,
        started: None,
        at: now(),
        fault: Some(Fault::NotStarted(format!("failed to start {}: {error}", start.program.display()))),
    };
    let log = match File::options().create(true).append(true).open(attempt.log()) {
        Ok(file) => Arc::new(Mutex::new(Log { file, last: Timestamp::UNIX_EPOCH })),
        Err(error) => return not_started(&error),
    };
    let mut child = match command(folder).and_then(|mut command| command.spawn()) {
        Ok(child) => child,
        Err(error) => return not_started(&error),
    };
    let readers = [child.stdout.take().map(|pipe| copy(pipe, "stdout", &log)), child.stderr.take().map(|pipe| copy(pipe, "stderr", &log))];
    let started = now();
    if let Some(process) = i32::try_from(child.id()).ok().and_then(Process::find)
        && let Err(error) = attempt.set_begun(&Begun { process, at: started })
    {
        attempt.signal(Signal::KILL);
        return not_started(&error);
    }
    let gone = Arc::new(AtomicBool::new(false));
    watch_supervisor(start, attempt.clone(), gone.clone());
    let status = child.wait();
    // What the program started does not outlive it, and would hold its pipes open.
    attempt.signal(Signal::KILL);
    for reader in readers.into_iter().flatten() {
        let _ = reader.join();
    }
    match status {
        Ok(status) => {
            Exit { code: code(status), started: Some(started), at: now(), fault: gone.load(Ordering::SeqCst).then_some(Fault::NodeGone) }
        }
        Err(error) => not_started(&error),
    }
}

/// A mount namespace, then the program, in one process: signals sent to it reach the program itself.
fn command(folder: &Path) -> io::Result<Command> {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "--propagation", "private", "--"])
        .arg(std::env::current_exe()?)
        .arg("enter")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    Ok(command)
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}

struct Log {
    file: File,
    last: Timestamp,
}

impl Log {
    fn write(&mut self, stream: &str, whole: bool, text: &[u8]) -> io::Result<()> {
        let tick = self.last.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(self.last);
        self.last = now().max(tick);
        let mut record = format!("{:.9} {stream} {} ", self.last, if whole { 'F' } else { 'P' }).into_bytes();
        record.extend_from_slice(text);
        record.push(b'\n');
        self.file.write_all(&record)
    }
}

fn copy(pipe: impl Read + Send + 'static, stream: &'static str, log: &Arc<Mutex<Log>>) -> thread::JoinHandle<()> {
    let log = log.clone();
    thread::spawn(move || {
        let mut pipe = BufReader::with_capacity(64 * 1024, pipe);
        let mut piece = Vec::new();
        loop {
            piece.clear();
            match (&mut pipe).take(PIECE).read_until(b'\n', &mut piece) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let whole = piece.last() == Some(&b'\n');
            if whole {
                piece.pop();
            }
            // The last line of a program may lack its end; it is whole all the same.
            let whole =
                whole || (u64::try_from(piece.len()).is_ok_and(|length| length < PIECE) && pipe.fill_buf().is_ok_and(<[u8]>::is_empty));
            let written = log.lock().unwrap_or_else(PoisonError::into_inner).write(stream, whole, &piece);
            if let Err(error) = written {
                eprintln!("the log cannot be written: {error}");
            }
        }
    })
}

/// When the sandbox is gone for good, ends the program as a node that shuts down would.
fn watch_supervisor(start: &Start, attempt: Attempt, gone: Arc<AtomicBool>) {
    let (supervisor, grace) = (start.supervisor, Duration::from_secs(start.grace_seconds.min(30)));
    thread::spawn(move || {
        while supervisor.is_alive() {
            thread::sleep(Duration::from_secs(1));
        }
        gone.store(true, Ordering::SeqCst);
        attempt.signal(Signal::TERM);
        thread::sleep(grace);
        attempt.signal(Signal::KILL);
    });
}

#[expect(clippy::disallowed_methods, reason = "a shim is where a container's times come from")]
fn now() -> Timestamp {
    Timestamp::now()
}
