//! Starts Kubernetes on this machine and keeps it running: `sandbox up`, and what tells about it.
//!
//! The order is etcd, API server, then controllers and scheduler, then the node agent; each part is waited for
//! before the next, and they are stopped the other way round, so that the agent can still say how its Pods
//! ended. Everything happens on one thread, the one whose end the kernel takes for the end of `up`.

mod certificates;
mod data;
mod kubeconfig;
mod objects;
mod parts;
mod ports;
mod program;
mod readiness;
mod volumes;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};

use crate::images::ImageFile;
use crate::nodes::NodeFile;
use crate::nodes::configs::{self, MigConfigs};
use crate::yaml::FileError;
use certificates::Authority;
use data::Data;
use parts::{Authorities, Setup};
use program::{Program, Running};

/// For one part to become ready; generous, since a busy machine is no error.
const PATIENCE: Duration = Duration::from_secs(90);
/// What `status` answers when the cluster cannot be used now.
const NOT_READY: u8 = 3;

#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// Folder of the cluster; made when it is not there, kept between starts
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The binary that holds etcd, API server, controllers and scheduler
    #[arg(long, value_name = "FILE")]
    kubernetes: PathBuf,
    /// The machines of the cluster
    #[arg(long, value_name = "FILE")]
    nodes: PathBuf,
    /// Which program stands for which container image
    #[arg(long, value_name = "FILE")]
    images: PathBuf,
    /// Named cuts of GPUs that nodes may be asked for, in mig-parted's format; without it those that the sandbox brings
    #[arg(long, value_name = "FILE")]
    mig_configs: Option<PathBuf>,
    /// Where to begin looking for free ports on 127.0.0.1; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 16443)]
    port: u16,
    /// Also make an account and its kubeconfig, DIR/clients/NAME.kubeconfig; it may do what RBAC lets it
    #[arg(long = "client", value_name = "NAME", value_parser = kubeconfig::check_name)]
    clients: Vec<String>,
}

/// Why the sandbox cannot do as it was told; each is a sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is no program that can be started; --kubernetes names the binary built from deploy/sandbox/kubernetes", path.display())]
    NoKubernetes { path: PathBuf },
    #[error("cannot use {} as a cluster's folder: {source}", path.display())]
    Data { path: PathBuf, source: std::io::Error },
    #[error("{} is in use by process {holder}: stop that sandbox, or give another folder with --data", path.display())]
    Held { path: PathBuf, holder: String },
    #[error("{} holds no cluster; `sandbox up` makes one", path.display())]
    NoCluster { path: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{what} cannot be read from {} ({reason}): {remedy}", path.display())]
    Damaged { what: String, path: PathBuf, reason: String, remedy: &'static str },
    #[error("cannot make {what}: {reason}")]
    Certificate { what: String, reason: String },
    #[error("no six free ports on 127.0.0.1 from {first} on; choose others with --port, or any with --port 0")]
    Ports { first: u16 },
    #[error("cannot make a client of the cluster: {reason}")]
    Client { reason: String },
    #[error("cannot put the sandbox's own roles and storage class into the cluster: {source}")]
    Objects { source: kube::Error },
    #[error("{name} {why}; the last line of its log {} is: {says}", log.display())]
    Part { name: &'static str, why: String, log: PathBuf, says: String },
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
}

/// Runs a cluster until a signal ends it.
pub async fn up(args: UpArgs) -> Result<ExitCode, Error> {
    let started = Instant::now();
    let mut signals = Signals::listen().map_err(Error::Signals)?;
    let files = Files::check(&args)?;
    let data = Data::open(&args.data)?;
    let mut cluster = Cluster::default();
    let outcome = tokio::select! {
        outcome = cluster.start(&data, &files, &args) => outcome,
        () = signals.next() => {
            say(format_args!("stopping before everything was started"));
            cluster.stop(&mut signals).await;
            return Ok(ExitCode::SUCCESS);
        }
    };
    if let Err(error) = outcome {
        cluster.stop(&mut signals).await;
        return Err(error);
    }
    answer(format_args!("ready in {:.1} s", started.elapsed().as_secs_f32()));
    answer(format_args!("kubeconfig {}", data.path("kubeconfig").display()));
    signals.next().await;
    say(format_args!("stopping; once more to stop without waiting"));
    cluster.stop(&mut signals).await;
    say(format_args!("stopped"));
    Ok(ExitCode::SUCCESS)
}

/// Prints where the administrator's kubeconfig is.
pub fn kubeconfig(folder: &Path) -> Result<ExitCode, String> {
    let path = find_kubeconfig(folder).map_err(|error| error.to_string())?;
    answer(format_args!("{}", path.display()));
    Ok(ExitCode::SUCCESS)
}

/// Prints where a Prometheus reads how busy the GPUs are.
pub fn metrics(folder: &Path) -> Result<ExitCode, String> {
    let port = ports::metrics(folder).ok_or_else(|| Error::NoCluster { path: folder.to_path_buf() }.to_string())?;
    answer(format_args!("http://127.0.0.1:{port}/metrics"));
    Ok(ExitCode::SUCCESS)
}

/// Says how a cluster is: who runs it, whether the API server is ready, which nodes are.
pub async fn status(folder: &Path) -> Result<ExitCode, Error> {
    let path = find_kubeconfig(folder)?;
    let Some(holder) = data::holder(folder) else {
        answer(format_args!("not running; {} holds a cluster that `sandbox up` starts again", folder.display()));
        return Ok(NOT_READY.into());
    };
    answer(format_args!("run by process {holder}, kubeconfig {}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|source| FileError::Read { path, source })?;
    let client = kubeconfig::client(&text).await?;
    let nodes: Api<Node> = Api::all(client);
    let patience = Duration::from_secs(5);
    let nodes = match timeout(patience, nodes.list(&ListParams::default())).await {
        Ok(Ok(nodes)) => nodes.items,
        Ok(Err(error)) => {
            answer(format_args!("the API server does not answer: {error}"));
            return Ok(NOT_READY.into());
        }
        Err(_) => {
            answer(format_args!("the API server did not answer within {} s", patience.as_secs()));
            return Ok(NOT_READY.into());
        }
    };
    answer(format_args!("the API server answers"));
    for node in &nodes {
        let state = if readiness::is_ready(node) { "ready" } else { "not ready" };
        answer(format_args!("node {} is {state}", node.name_any()));
    }
    let ready = !nodes.is_empty() && nodes.iter().all(readiness::is_ready);
    Ok(if ready { ExitCode::SUCCESS } else { NOT_READY.into() })
}

fn find_kubeconfig(folder: &Path) -> Result<PathBuf, Error> {
    let none = || Error::NoCluster { path: folder.to_path_buf() };
    let path = folder.join("kubeconfig");
    // Absolute, so that it can be given to a program that runs elsewhere.
    if path.is_file() { path.canonicalize().map_err(|_| none()) } else { Err(none()) }
}

/// What a person gave, checked before anything is started.
struct Files {
    kubernetes: PathBuf,
    nodes: PathBuf,
    images: PathBuf,
    mig_configs: Option<PathBuf>,
    /// What stands in that file, or what the sandbox brings.
    mig_text: String,
    node_names: Vec<String>,
}

impl Files {
    fn check(args: &UpArgs) -> Result<Self, Error> {
        let no_kubernetes = || Error::NoKubernetes { path: args.kubernetes.clone() };
        let kubernetes = args.kubernetes.canonicalize().map_err(|_| no_kubernetes())?;
        rustix::fs::access(&kubernetes, rustix::fs::Access::EXEC_OK).map_err(|_| no_kubernetes())?;
        if !kubernetes.is_file() {
            return Err(no_kubernetes());
        }
        let node_file = NodeFile::load(&args.nodes)?;
        ImageFile::load(&args.images)?;
        MigConfigs::load(args.mig_configs.as_deref())?;
        let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|source| FileError::Read { path: path.clone(), source });
        let mig_text = args.mig_configs.as_ref().map(read).transpose()?.unwrap_or_else(|| configs::SHIPPED.to_owned());
        let absolute = |path: &Path| std::path::absolute(path).map_err(|source| FileError::Read { path: path.to_path_buf(), source });
        Ok(Self {
            kubernetes,
            nodes: absolute(&args.nodes)?,
            images: absolute(&args.images)?,
            mig_configs: args.mig_configs.as_deref().map(absolute).transpose()?,
            mig_text,
            node_names: node_file.nodes.into_iter().map(|node| node.name).collect(),
        })
    }
}

/// The parts that run, in the order in which they were started.
#[derive(Default)]
struct Cluster {
    parts: Vec<Running>,
    provisioner: Option<tokio::task::JoinHandle<()>>,
}

impl Cluster {
    #[expect(clippy::disallowed_methods, reason = "certificates are valid from now on")]
    async fn start(&mut self, data: &Data, files: &Files, args: &UpArgs) -> Result<(), Error> {
        let now = Timestamp::now();
        let ports = ports::choose(data, args.port)?;
        let authorities = Authorities {
            cluster: Authority::keep(data, "cluster", now)?,
            etcd: Authority::keep(data, "etcd", now)?,
            kubelet: Authority::keep(data, "kubelet", now)?,
        };
        let setup = Setup {
            data,
            ports,
            authorities: &authorities,
            kubernetes: &files.kubernetes,
            nodes: &files.nodes,
            images: &files.images,
            mig_configs: files.mig_configs.as_deref(),
        };
        let cluster = &authorities.cluster;
        let admin = cluster.client("kubernetes-admin", Some("system:masters"))?;
        let config = |user: &str, port, authority, identity: &_| kubeconfig::text(user, port, authority, identity);
        let text = config("kubernetes-admin", ports.apiserver, cluster, &admin);
        data.write("kubeconfig", &text)?;
        for name in &args.clients {
            let text = config(name, ports.apiserver, cluster, &cluster.client(name, None)?);
            data.write(&format!("clients/{name}.kubeconfig"), &text)?;
        }
        let to_etcd = authorities.etcd.client("readiness", None)?;
        let to_etcd = kubeconfig::client(&config("readiness", ports.etcd, &authorities.etcd, &to_etcd)).await?;
        let api = kubeconfig::client(&text).await?;
        let to_controllers = kubeconfig::client(&config("admin", ports.controllers, cluster, &admin)).await?;
        let to_scheduler = kubeconfig::client(&config("admin", ports.scheduler, cluster, &admin)).await?;

        self.run(setup.etcd()?, readiness::answers(&to_etcd, "/health")).await?;
        self.run(setup.apiserver()?, readiness::answers(&api, "/readyz")).await?;
        objects::put(&api, &files.mig_text).await?;
        // These two and the agent wait for nothing but the API server, so they start side by side.
        let controllers = self.add(setup.controllers()?);
        let scheduler = self.add(setup.scheduler()?);
        self.provisioner = Some(tokio::spawn(volumes::provision(volumes_client(&setup).await?, data.path("volumes"))));
        let agent = self.add(setup.agent()?);
        tokio::try_join!(
            self.parts[controllers].until(PATIENCE, async {
                readiness::answers(&to_controllers, "/healthz").await;
                readiness::makes_service_accounts(&api).await;
            }),
            self.parts[scheduler].until(PATIENCE, readiness::answers(&to_scheduler, "/readyz")),
            self.parts[agent].until(PATIENCE, readiness::nodes_ready(&api, &files.node_names, now)),
        )?;
        Ok(())
    }

    fn add(&mut self, program: Program) -> usize {
        self.parts.push(program.keep_running());
        self.parts.len() - 1
    }

    async fn run(&mut self, program: Program, ready: impl Future<Output = ()>) -> Result<(), Error> {
        let part = self.add(program);
        self.parts[part].until(PATIENCE, ready).await
    }

    /// Stops the last part first; a signal while this waits ends everything at once.
    async fn stop(&mut self, signals: &mut Signals) {
        if let Some(provisioner) = self.provisioner.take() {
            provisioner.abort();
        }
        while let Some(mut part) = self.parts.pop() {
            tokio::select! {
                () = part.stop() => continue,
                () = signals.next() => {}
            }
            self.parts.push(part);
            for part in &self.parts {
                part.kill();
            }
        }
    }
}

async fn volumes_client(setup: &Setup<'_>) -> Result<Client, Error> {
    let cluster = &setup.authorities.cluster;
    let identity = cluster.client(objects::VOLUMES, None)?;
    kubeconfig::client(&kubeconfig::text(objects::VOLUMES, setup.ports.apiserver, cluster, &identity)).await
}

/// The signals that ask a program to end.
struct Signals([Signal; 3]);

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// A line about what happens, for whoever watches.
fn say(line: fmt::Arguments<'_>) {
    // Whoever watched may have gone; the cluster goes on.
    let _ = writeln!(std::io::stderr(), "sandbox: {line}");
}

/// A line that was asked for.
fn answer(line: fmt::Arguments<'_>) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
