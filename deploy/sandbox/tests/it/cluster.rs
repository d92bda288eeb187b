//! A cluster to test: one for all tests, each of which has a namespace of its own, and one alone for those that kill it.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// The account beside the administrator's.
pub const CLIENT: &str = "engineer";

/// The program under test.
pub fn sandbox() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sandbox"))
}

fn kubernetes() -> PathBuf {
    std::env::var_os("SANDBOX_KUBERNETES").expect("SANDBOX_KUBERNETES is set: `cargo xtask test rust` runs these tests").into()
}

/// A cluster's folder, and the process that keeps it running.
pub struct Cluster {
    folder: TempDir,
    up: Option<Child>,
}

/// The cluster that all tests share.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::start)
}

impl Cluster {
    /// Starts one, and waits until it is ready.
    pub fn start() -> Self {
        Self::start_with(include_str!("../../nodes.yaml"))
    }

    /// Starts one with the nodes of this file.
    pub fn start_with(nodes: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let images = "images:\n- name: busybox:*\n  program: host\n  args: [sh]\n- name: example/gone:v1\n  program: /nowhere/at/all\n- name: example/tool:v1\n  program: tool\n  brings: [library]\n";
        fs::write(folder.path().join("images.yaml"), images).expect("a file");
        fs::write(folder.path().join("nodes.yaml"), nodes).expect("a file");
        // In the machine's folder for temporary files, which a container has one of its own of.
        let (tool, library) = (folder.path().join("tool"), folder.path().join("library"));
        fs::create_dir(&library).expect("a folder");
        fs::write(library.join("words"), "what the image brings\n").expect("a file");
        fs::write(&tool, format!("#!/bin/sh\ncat {}/words; ls -A /tmp\n", library.display())).expect("a file");
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("a program");
        let mut cluster = Self { folder, up: None };
        cluster.up();
        cluster
    }

    /// The cluster's own folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// The call that starts it.
    pub fn command(&self) -> Command {
        let mut command = sandbox();
        command.arg("up").arg("--data").arg(self.data()).arg("--kubernetes").arg(kubernetes());
        command.arg("--nodes").arg(self.folder.path().join("nodes.yaml")).arg("--images").arg(self.folder.path().join("images.yaml"));
        command.args(["--port", "0", "--client", CLIENT]);
        command
    }

    /// Starts it again in the same folder.
    pub fn up(&mut self) {
        let mut held = Command::new("setpriv");
        let command = self.command();
        held.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("up.log")).expect("a log");
        held.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        // The kernel ends a child with the thread that started it: this one lives as long as the tests.
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            tell.send(held.spawn().expect("the sandbox starts")).expect("the test waits");
            loop {
                thread::park();
            }
        });
        self.up = Some(told.recv().expect("a child"));
        let log = self.folder.path().join("up.log");
        until("the cluster is ready", || match self.status() {
            status if status.status.success() => Ok(()),
            status => Err(format!("{}\n{}", said(&status), fs::read_to_string(&log).unwrap_or_default())),
        });
    }

    /// What `sandbox status` answers.
    pub fn status(&self) -> Output {
        sandbox().args(["status", "--data"]).arg(self.data()).output().expect("it runs")
    }

    /// Ends it with a signal, and waits until it has ended.
    pub fn end(&mut self, signal: &str) {
        let Some(mut up) = self.up.take() else { return };
        Command::new("kill").args([signal, &up.id().to_string()]).status().expect("kill runs");
        up.wait().expect("it ends");
    }

    /// Processes of the machine whose command line names this cluster's folder.
    pub fn processes(&self) -> Vec<String> {
        let needle = self.folder.path().to_string_lossy().into_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("a list of processes").flatten() {
            let mut line = String::new();
            // One that has ended meanwhile has no file any more.
            let read = fs::File::open(entry.path().join("cmdline")).and_then(|mut file| file.read_to_string(&mut line));
            if read.is_ok() && line.contains(&needle) {
                found.push(format!("{} {}", entry.file_name().to_string_lossy(), line.replace('\0', " ")));
            }
        }
        found
    }

    /// The cluster's administrator.
    pub fn admin(&self, args: &[&str]) -> Output {
        Self::kubectl(&self.data().join("kubeconfig"), args, "")
    }

    /// The account that has only what RBAC gave it.
    pub fn client(&self, args: &[&str]) -> Output {
        Self::kubectl(&self.data().join(format!("clients/{CLIENT}.kubeconfig")), args, "")
    }

    fn kubectl(kubeconfig: &Path, args: &[&str], input: &str) -> Output {
        let mut command = Command::new(kubernetes());
        command.arg("kubectl").arg("--kubeconfig").arg(kubeconfig).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kubectl starts");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("kubectl reads");
        child.wait_with_output().expect("kubectl ends")
    }

    /// A namespace of one test.
    pub fn namespace(&self, name: &'static str) -> Namespace<'_> {
        let made = self.admin(&["create", "namespace", name]);
        assert!(made.status.success(), "{}", said(&made));
        let namespace = Namespace { cluster: self, name };
        until("the namespace has its account", || namespace.try_get("serviceaccount", "default", "{.metadata.name}"));
        namespace
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("-TERM");
    }
}

/// Where a test works.
pub struct Namespace<'a> {
    pub cluster: &'a Cluster,
    name: &'static str,
}

impl Namespace<'_> {
    /// kubectl here; what it printed.
    pub fn run(&self, args: &[&str]) -> Output {
        self.cluster.admin(&[&["-n", self.name], args].concat())
    }

    /// kubectl here, which must succeed; its standard output.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "kubectl {args:?}: {}\n{}", said(&output), self.looks());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Makes what the YAML says.
    pub fn apply(&self, yaml: &str) -> Output {
        let kubeconfig = self.cluster.data().join("kubeconfig");
        Cluster::kubectl(&kubeconfig, &["-n", self.name, "apply", "-f", "-"], yaml)
    }

    /// Makes a Pod of one container that runs a shell script; `more` is YAML of the Pod's spec, at its first column.
    pub fn pod(&self, name: &str, script: &str, more: &str) {
        let applied = self.apply(&pod(name, script, more));
        assert!(applied.status.success(), "{}", said(&applied));
    }

    fn try_get(&self, kind: &str, name: &str, path: &str) -> Result<String, String> {
        let output = self.run(&["get", kind, name, "-o", &format!("jsonpath={path}")]);
        if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(said(&output)) }
    }

    /// A field of an object, once it is what the test waits for.
    pub fn becomes(&self, kind: &str, name: &str, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        until(&format!("{path} of {kind} {name}"), || match self.try_get(kind, name, path) {
            Ok(value) if wanted(&value) => Ok(value),
            Ok(value) => Err(format!("it is {value:?}\n{}", self.looks())),
            Err(error) => Err(error),
        })
    }

    /// Waits until a Pod is in this phase.
    pub fn phase(&self, pod: &str, phase: &str) {
        self.becomes("pod", pod, "{.status.phase}", |now| now == phase);
    }

    /// What a container has printed.
    pub fn logs(&self, args: &[&str]) -> String {
        self.ok(&[&["logs"], args].concat())
    }

    /// A Pod's log, once this is in it.
    pub fn prints(&self, pod: &str, text: &str) -> String {
        until(&format!("pod {pod} prints {text:?}"), || match self.logs(&[pod]) {
            log if log.contains(text) => Ok(log),
            log => Err(log),
        })
    }

    /// What the namespace looks like, for a test that fails.
    pub fn looks(&self) -> String {
        let pods = said(&self.run(&["get", "pods,jobs,pvc", "-o", "wide"]));
        let events = said(&self.run(&["get", "events", "--sort-by=.lastTimestamp"]));
        format!("{pods}\n{events}")
    }
}

/// A Pod of one container; `more` is YAML of the Pod's spec.
pub fn pod(name: &str, script: &str, more: &str) -> String {
    let script = serde_json::to_string(script).expect("a string");
    let more = more.lines().map(|line| format!("  {line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  containers:\n  - name: main\n    image: busybox:1\n    command: [sh, -c, {script}]\n{more}"
    )
}

/// Both streams of a program.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Asks until the answer is there; the last reason why it was not becomes the test's failure.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(reason) => assert!(begun.elapsed() < PATIENCE, "{what}: not within {} s. {reason}", PATIENCE.as_secs()),
        }
        thread::sleep(Duration::from_millis(100));
    }
}
