//! A real Kubernetes for the tests that need one: they share it, and each names its objects after itself. It lasts as long as the
//! tests' process, and its nodes run `busybox` images as programs of this machine. Tests that bring nodes share another, so that
//! whoever counts nodes counts those that are shipped.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The cluster's folder.
pub struct Kubernetes {
    folder: TempDir,
}

pub fn given(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is set: `cargo xtask test rust` runs these tests")).into()
}

/// The cluster that tests share. It has the nodes that are shipped and no others.
pub fn shared() -> &'static Kubernetes {
    static SHARED: OnceLock<Kubernetes> = OnceLock::new();
    SHARED.get_or_init(|| Kubernetes::start(""))
}

/// The cluster of tests that bring nodes of their own.
pub fn apart() -> &'static Kubernetes {
    static APART: OnceLock<Kubernetes> = OnceLock::new();
    APART.get_or_init(|| Kubernetes::start(&format!("{}{}", crate::relayouts::NODES, crate::dra::NODES)))
}

impl Kubernetes {
    /// Starts one with the shipped nodes and `more` rows of the same file.
    fn start(more: &str) -> Self {
        let kubernetes = Self { folder: TempDir::new().expect("a temporary folder") };
        let path = |name: &str| kubernetes.folder.path().join(name);
        fs::write(path("images.yaml"), "images:\n- name: busybox:*\n  program: host\n  args: [sh]\n").expect("a file");
        let log = fs::File::create(path("up.log")).expect("a log");
        let shipped = include_str!("../../../deploy/sandbox/nodes.yaml");
        fs::write(path("nodes.yaml"), format!("{shipped}{more}")).expect("a file");
        let mut held = Command::new("setpriv");
        held.args(["--pdeathsig", "TERM", "--"]).arg(given("SLIPWAY_SANDBOX"));
        held.arg("up").arg("--data").arg(path("cluster")).arg("--kubernetes").arg(given("SANDBOX_KUBERNETES"));
        held.arg("--nodes").arg(path("nodes.yaml")).arg("--images").arg(path("images.yaml")).args(["--port", "0", "--client", "slipway"]);
        held.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        // The kernel ends a child with the thread that started it: this one lives as long as the tests.
        thread::spawn(move || held.status().expect("the sandbox starts"));
        let begun = Instant::now();
        let mut status = Command::new(given("SLIPWAY_SANDBOX"));
        status.arg("status").arg("--data").arg(path("cluster"));
        while !status.output().expect("it runs").status.success() {
            let log = fs::read_to_string(path("up.log")).unwrap_or_default();
            assert!(begun.elapsed() < PATIENCE, "the cluster was not ready within {PATIENCE:?}\n{log}");
            thread::sleep(Duration::from_millis(100));
        }
        let setup = Command::new(env!("CARGO_BIN_EXE_slipway-server")).arg("setup").arg("--kubeconfig").arg(kubernetes.admin()).output();
        let setup = setup.expect("it runs");
        assert!(setup.status.success(), "{}", said(&setup));
        kubernetes
    }

    /// The administrator's kubeconfig.
    pub fn admin(&self) -> PathBuf {
        self.folder.path().join("cluster/kubeconfig")
    }

    /// The kubeconfig of the server's own account.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("cluster/clients/slipway.kubeconfig")
    }

    /// Where its nodes tell how busy their GPUs are: address and port.
    pub fn metrics(&self) -> String {
        let mut command = Command::new(given("SLIPWAY_SANDBOX"));
        let printed = command.arg("metrics").arg("--data").arg(self.folder.path().join("cluster")).output().expect("it runs");
        said(&printed).trim().trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
    }

    fn kubectl(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("kubectl runs")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(given("SANDBOX_KUBERNETES"));
        command.arg("kubectl").arg("--kubeconfig").arg(self.admin()).args(args);
        command
    }

    /// Makes an object as the administrator.
    #[track_caller]
    pub fn apply(&self, object: &serde_json::Value) {
        let mut child = self.command(&["apply", "-f", "-"]).stdin(Stdio::piped()).spawn().expect("kubectl starts");
        child.stdin.take().expect("a pipe").write_all(object.to_string().as_bytes()).expect("kubectl reads");
        assert!(child.wait().expect("kubectl ends").success(), "{object}");
    }

    /// Applies an object on the server as another program that manages it.
    #[track_caller]
    pub fn apply_as(&self, manager: &str, object: &serde_json::Value) {
        let manager = format!("--field-manager={manager}");
        let output = self.given(&["apply", "--server-side", &manager, "-f", "-"], object);
        assert!(output.status.success(), "{object}: {}", said(&output));
    }

    /// What the API server says against an object; the test fails where it takes it.
    #[track_caller]
    pub fn refuses(&self, object: &serde_json::Value) -> String {
        let output = self.given(&["create", "-f", "-"], object);
        assert!(!output.status.success(), "{object} was taken\n{}", self.looks());
        said(&output)
    }

    fn given(&self, args: &[&str], object: &serde_json::Value) -> Output {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kubectl starts");
        child.stdin.take().expect("a pipe").write_all(object.to_string().as_bytes()).expect("kubectl reads");
        child.wait_with_output().expect("kubectl ends")
    }

    /// What kubectl prints for the administrator; the test fails where it refuses.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.kubectl(args);
        assert!(output.status.success(), "kubectl {args:?}: {}\n{}", said(&output), self.looks());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether the API server lets somebody do something, as it says itself.
    pub fn lets(&self, person: &str, group: &str, verb: &str, resource: &str, namespace: &str) -> bool {
        let (person, group) = (format!("--as={person}"), format!("--as-group={group}"));
        // What stands after a slash kubectl would take for the name of an object.
        let (resource, part) = resource.split_once('/').unwrap_or((resource, ""));
        let part = format!("--subresource={part}");
        let answer = self.kubectl(&["auth", "can-i", verb, resource, &part, "-n", namespace, &person, &group]);
        match String::from_utf8_lossy(&answer.stdout).trim() {
            "yes" => true,
            "no" => false,
            _ => panic!("neither yes nor no: {}", said(&answer)),
        }
    }

    /// Creates objects in somebody's name; what the API server answers, object by object.
    #[track_caller]
    pub fn creates_as(&self, person: &str, groups: &[String], objects: &serde_json::Value) -> Vec<serde_json::Value> {
        let person = format!("--as={person}");
        let groups: Vec<String> = groups.iter().map(|group| format!("--as-group={group}")).collect();
        let mut args = vec!["create", "--validate=false", "-f", "-", "-o", "json", &person];
        args.extend(groups.iter().map(String::as_str));
        let mut child = self.command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("kubectl starts");
        child.stdin.take().expect("a pipe").write_all(objects.to_string().as_bytes()).expect("kubectl reads");
        let output = child.wait_with_output().expect("kubectl ends");
        assert!(output.status.success(), "{}", said(&output));
        let answers = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
        let answers = answers.map(|answer| answer.expect("kubectl prints JSON"));
        answers.flat_map(|answer| answer["items"].as_array().cloned().unwrap_or_else(|| vec![answer])).collect()
    }

    /// What the cluster looks like, for a test that fails.
    pub fn looks(&self) -> String {
        let objects = said(&self.kubectl(&["get", "jobs,pods,nodes", "-A", "-o", "wide"]));
        let events = said(&self.kubectl(&["get", "events", "-A", "--sort-by=.lastTimestamp"]));
        format!("{objects}\n{events}")
    }
}

/// Both streams of a program.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
