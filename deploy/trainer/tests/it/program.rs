//! The trainer's program, run by a test.

use std::{
    fmt,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

use slipway_domain::run::report::{self, Report};

/// A run in the making.
pub struct Program {
    args: Vec<String>,
    file_size: Option<u64>,
}

/// What it said and how it ended.
pub struct Ended {
    pub code: Option<i32>,
    pub reports: Vec<Report>,
    pub log: Vec<String>,
    pub errors: String,
}

pub fn run<S: AsRef<str>>(args: impl IntoIterator<Item = S>) -> Program {
    Program { args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(), file_size: None }
}

pub fn train<S: AsRef<str>>(args: impl IntoIterator<Item = S>) -> Program {
    run(["train"]).with_all(args)
}

impl Program {
    fn with_all<S: AsRef<str>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn with(self, arg: &str) -> Self {
        self.with_all([arg])
    }

    /// No file may grow beyond so many bytes: what a full disk is to whoever writes.
    pub fn limit_file_size(mut self, bytes: u64) -> Self {
        self.file_size = Some(bytes);
        self
    }

    fn start(&self) -> Child {
        let program = env!("CARGO_BIN_EXE_slipway-trainer");
        let mut command = match self.file_size {
            None => Command::new(program),
            Some(bytes) => {
                // SIGXFSZ ignored, a write beyond the limit fails with an error, as on a full disk.
                let mut shell = Command::new("bash");
                shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", bytes / 1024), "bash", program]);
                shell
            }
        };
        command.args(&self.args).env("OMP_NUM_THREADS", "1").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the trainer starts")
    }

    pub fn to_end(&self) -> Ended {
        finish(self.start(), Vec::new())
    }

    /// Starts it and reads its output until it has reported this step.
    #[expect(clippy::zombie_processes, reason = "whoever has it waits for it; a test that fails ends the process")]
    pub fn until_step(&self, wanted: u64) -> Running {
        let mut child = self.start();
        let mut lines = Vec::new();
        let mut reader = BufReader::new(child.stdout.take().expect("its output"));
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).expect("its output is read") > 0, "it ended before step {wanted}: {lines:?}");
            let reached = matches!(report::parse(&line), Some(Report::Metric { step, .. }) if step >= wanted);
            lines.push(line);
            if reached {
                return Running { child, reader, lines };
            }
        }
    }
}

/// A run in progress.
pub struct Running {
    child: Child,
    reader: BufReader<std::process::ChildStdout>,
    lines: Vec<String>,
}

impl Running {
    /// Sends SIGTERM, as Kubernetes does, and waits for the end.
    pub fn terminate(mut self) -> Ended {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(killed.success(), "it had ended before it was told to");
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).expect("the rest of its output");
        self.lines.extend(rest.lines().map(str::to_owned));
        finish(self.child, self.lines)
    }
}

fn finish(child: Child, mut lines: Vec<String>) -> Ended {
    let output = child.wait_with_output().expect("it ends");
    lines.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
    let (reports, log): (Vec<_>, Vec<_>) =
        lines.into_iter().map(|line| (report::parse(&line), line)).partition(|(report, _)| report.is_some());
    Ended {
        code: output.status.code(),
        reports: reports.into_iter().filter_map(|(report, _)| report).collect(),
        log: log.into_iter().map(|(_, line)| line.trim_end().to_owned()).collect(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ended {
    pub fn last_value(&self, metric: &str) -> f64 {
        let values = self.reports.iter().rev().filter_map(|report| match report {
            Report::Metric { values, .. } => values.get(metric).map(|value| value.0),
            _ => None,
        });
        values.into_iter().next().unwrap_or_else(|| panic!("{metric} was never reported: {self}"))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code {:?}; standard error: {}", self.code, self.errors)?;
        for report in self.reports.iter().rev().take(5) {
            writeln!(f, "  {report:?}")?;
        }
        self.log.iter().rev().take(20).try_for_each(|line| writeln!(f, "  {line}"))
    }
}
