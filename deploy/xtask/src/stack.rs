//! Kubernetes, Prometheus and Slipway, running: for `up`, and for the browser tests.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{build::Built, place, step::quietly};

/// Where one stack keeps its data and listens.
#[derive(Debug, Clone)]
pub struct Place {
    pub data: PathBuf,
    pub port: u16,
    /// The sandbox's first port; 0 lets it choose any.
    pub kubernetes_port: u16,
}

impl Place {
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn database(&self) -> String {
        format!("sqlite://{}", self.data.join("slipway.db").display())
    }

    fn sandbox(&self) -> PathBuf {
        self.data.join("sandbox")
    }

    /// The server's own account in the sandbox.
    pub fn kubeconfig(&self) -> PathBuf {
        self.sandbox().join("clients/slipway.kubeconfig")
    }

    /// The sandbox's administrator.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.sandbox().join("kubeconfig")
    }

    fn log(&self, name: &str) -> Result<File, String> {
        let path = self.data.join(format!("{name}.log"));
        File::options().create(true).append(true).open(&path).map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Starts a program that ends when this one does, however this one ends, and that no Ctrl-C reaches but ours.
fn held(program: &Path) -> Command {
    let mut command = match place::find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.process_group(0).stdin(Stdio::null());
    command
}

/// Starts the sandbox and waits until it is ready.
pub fn sandbox(built: &Built, place: &Place) -> Result<Child, String> {
    fs::create_dir_all(&place.data).map_err(|error| format!("{} cannot be made: {error}", place.data.display()))?;
    let images = place.data.join("images.yaml");
    fs::write(&images, self::images(built)).map_err(|error| format!("{}: {error}", images.display()))?;
    let log = place.log("sandbox")?;
    let mut child = held(&built.sandbox)
        .arg("up")
        .arg("--data")
        .arg(place.sandbox())
        .arg("--kubernetes")
        .arg(&built.kubernetes)
        .arg("--nodes")
        .arg(place::root().join("deploy/sandbox/nodes.yaml"))
        .arg("--images")
        .arg(&images)
        .args(["--client", "slipway", "--port", &place.kubernetes_port.to_string()])
        .stdout(log.try_clone().map_err(|error| error.to_string())?)
        .stderr(log)
        .spawn()
        .map_err(|error| format!("the sandbox cannot be started: {error}"))?;
    for _ in 0..600 {
        if quietly(Command::new(&built.sandbox).args(["status", "--data"]).arg(place.sandbox())).is_ok() {
            quietly(Command::new(&built.server).args(["setup", "--kubeconfig"]).arg(place.admin_kubeconfig()))?;
            return Ok(child);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the sandbox ended with {status}; {}", tail(&place.data.join("sandbox.log"))));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    stop(&mut child);
    Err(format!("the sandbox was not ready within 60 s; {}", tail(&place.data.join("sandbox.log"))))
}

/// Starts a Prometheus that reads how busy the sandbox's GPUs are; with it, its address.
pub fn prometheus(built: &Built, place: &Place, program: &Path) -> Result<(Child, String), String> {
    let target = quietly(Command::new(&built.sandbox).args(["metrics", "--data"]).arg(place.sandbox()))?;
    let target = target.trim().trim_start_matches("http://").trim_end_matches("/metrics");
    // A target of the GPU operator's has these labels, so that a Pod that has a device is named as `exported_pod`.
    let config = format!(
        "global:\n  scrape_interval: 5s\nscrape_configs:\n- job_name: nvidia-dcgm-exporter\n  static_configs:\n  - targets: [\"{target}\"]\n    labels: {{namespace: gpu-operator, pod: nvidia-dcgm-exporter}}\n"
    );
    let path = place.data.join("prometheus.yaml");
    fs::write(&path, config).map_err(|error| format!("{}: {error}", path.display()))?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let log = place.log("prometheus")?;
    let mut child = held(program)
        .arg(format!("--config.file={}", path.display()))
        .arg(format!("--storage.tsdb.path={}", place.data.join("prometheus").display()))
        .arg(format!("--web.listen-address={address}"))
        .args(["--storage.tsdb.retention.time=2d", "--log.level=warn"])
        .stdout(log.try_clone().map_err(|error| error.to_string())?)
        .stderr(log)
        .spawn()
        .map_err(|error| format!("Prometheus cannot be started: {error}"))?;
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default();
    for _ in 0..300 {
        if answers(port, "/-/ready") {
            return Ok((child, format!("http://{address}")));
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("Prometheus ended with {status}; {}", tail(&place.data.join("prometheus.log"))));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    stop(&mut child);
    Err(format!("Prometheus was not ready within 30 s; {}", tail(&place.data.join("prometheus.log"))))
}

/// Which programs stand for which images.
fn images(built: &Built) -> String {
    let (trainer, libraries) = (built.trainer.display(), built.libtorch.join("lib").display().to_string());
    format!(
        "images:\n- name: slipway/trainer:*\n  program: {trainer}\n  env:\n    LD_LIBRARY_PATH: {libraries}\n  brings: [{libraries}]\n- name: busybox:*\n  program: host\n  args: [sh]\n"
    )
}

/// The call that serves; `prometheus` is its address, where there is one.
pub fn serve(built: &Built, place: &Place, cluster: Cluster, prometheus: Option<&str>) -> Result<Command, String> {
    let log = place.log("server")?;
    let mut command = held(&built.server);
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{}", place.port), "--database", &place.database(), "--site-root"])
        .arg(&built.site)
        .args(["--log", "json"])
        .stdout(log.try_clone().map_err(|error| error.to_string())?)
        .stderr(log);
    if let Some(address) = prometheus {
        command.args(["--prometheus", address]);
    }
    match cluster {
        Cluster::Sandbox => command.arg("--kubeconfig").arg(place.kubeconfig()),
        Cluster::Current => command.args(["--cluster", "current"]),
    };
    Ok(command)
}

/// Which cluster is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Cluster {
    /// Kubernetes on this machine, started by this command
    Sandbox,
    /// The cluster that kubectl would use
    Current,
}

/// Waits until the server answers.
pub fn wait_for(place: &Place, server: &mut Child) -> Result<(), String> {
    for _ in 0..300 {
        if answers(place.port, "/healthz") {
            return Ok(());
        }
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("the server ended with {status}; {}", tail(&place.data.join("server.log"))));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("the server did not answer within 30 s; {}", tail(&place.data.join("server.log"))))
}

/// Whether the server answers 200 at a path.
pub fn answers(port: u16, path: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The first admin's one-time link, where there is no admin yet.
pub fn admin_link(built: &Built, place: &Place) -> Option<String> {
    let link = quietly(Command::new(&built.server).args(["admin-link", "--database", &place.database(), "--public-url", &place.address()]));
    link.ok().map(|link| link.trim().to_owned()).filter(|link| !link.is_empty())
}

/// A port that nothing listens on.
pub fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no port is free: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Asks a child to end, and waits until it has.
pub fn stop(child: &mut Child) {
    // One that has ended already needs no signal.
    let _ = quietly(Command::new("kill").args(["-TERM", &child.id().to_string()]));
    let _ = child.wait();
}

/// Leaves of a stack that has ended its logs alone, which is a hundredth of it.
pub fn keep_logs(place: &Place) -> Result<(), String> {
    let is_log = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "log");
    keep(&place.data, |name| is_log(name) || name == "sandbox")?;
    keep(&place.sandbox(), |name| name == "logs")
}

fn keep(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<(), String> {
    let refuse = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let entry = entry.map_err(refuse)?;
        if !wanted(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            let is_folder = entry.file_type().map_err(refuse)?.is_dir();
            if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(refuse)?;
        }
    }
    Ok(())
}

/// The last lines of a log, for an error.
pub fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(15).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    format!("the end of {}:\n{}", path.display(), lines.join("\n"))
}
