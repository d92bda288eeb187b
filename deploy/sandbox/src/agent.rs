//! The node agent: what a kubelet does, for every node of the nodes file, in one process.
//!
//! [`registration`] keeps the nodes; [`pods`] watches what is bound to them and gives each Pod a [`worker`], which prepares
//! [`volumes`] and [`environment`] and starts each container as an [`attempt`] under a [`shim`]; [`server`] answers the
//! kubelet's API from the attempts' [`logs`]; [`mig`] cuts cards anew where a node's label asks for it; [`exporter`] tells how
//! busy the GPUs are. The agent may be killed at any time: what runs goes on, and the next agent finds it.
//!
//! A Pod whose GPUs are given by claims (DRA) runs as any other; nothing is prepared for it, because no driver is here.
//!
//! Not offered: probes, `exec`, and resource limits by cgroups; containers use this computer as any process does.

mod attempt;
mod devices;
pub mod enter;
mod environment;
mod events;
mod exporter;
mod logs;
mod mig;
mod pods;
mod registration;
mod server;
pub mod shim;
mod status;
mod volumes;
mod worker;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use self::{
    attempt::Process,
    mig::MigManager,
    pods::{Node, Pods},
    worker::Ground,
};
use crate::nodes::{NodeFile, configs::MigConfigs};

/// Arguments of `sandbox agent`, which `sandbox up` starts.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Kubeconfig of the agent's own account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: PathBuf,
    /// The machines to register.
    #[arg(long, value_name = "FILE")]
    pub nodes: PathBuf,
    /// Which program stands for which image.
    #[arg(long, value_name = "FILE")]
    pub images: PathBuf,
    /// Named cuts of GPUs, in mig-parted's format; without it those that the sandbox brings.
    #[arg(long, value_name = "FILE")]
    pub mig_configs: Option<PathBuf>,
    /// Folder of the agent's own state.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Serving certificate of the kubelet API.
    #[arg(long, value_name = "FILE")]
    pub kubelet_cert: PathBuf,
    /// Private key of the serving certificate.
    #[arg(long, value_name = "FILE")]
    pub kubelet_key: PathBuf,
    /// Authority that signs those who may call the kubelet API: the API server, nobody else.
    #[arg(long, value_name = "FILE")]
    pub client_ca: PathBuf,
    /// Port of 127.0.0.1 on which a Prometheus reads how busy the GPUs are; 0 takes any.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub metrics_port: u16,
    /// Process whose end is the end of every Pod here.
    #[arg(long, value_name = "PID")]
    pub supervisor_pid: i32,
    /// Seconds before a container that failed twice is started again; doubles with each failure.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub restart_backoff_seconds: u32,
}

/// Runs the nodes until SIGTERM, then ends their Pods as nodes that shut down.
///
/// # Errors
/// A sentence where a file cannot be used or the supervisor has gone.
pub async fn run(args: Args) -> Result<(), String> {
    let specs = NodeFile::load(&args.nodes).map_err(|error| error.to_string())?.nodes;
    let configs = MigConfigs::load(args.mig_configs.as_deref()).map_err(|error| error.to_string())?;
    let supervisor = Process::find(args.supervisor_pid).ok_or("the process that supervises the nodes has gone")?;
    let (stop, shutdown) = watch::channel(false);
    let ground = Ground {
        images: args.images.clone(),
        supervisor,
        backoff: SignedDuration::from_secs(i64::from(args.restart_backoff_seconds)),
        shutdown,
    };
    let client = client(&args).await?;
    let folder = args.data.join("pods");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let cuts = args.data.join("mig");
    let mig =
        MigManager::new(client.clone(), configs, cuts.clone()).map_err(|error| format!("{} cannot be made: {error}", cuts.display()))?;
    let declared: Vec<String> = specs.iter().map(crate::nodes::NodeSpec::declared).collect();
    let nodes: Vec<Arc<Node>> = specs.into_iter().map(|spec| Arc::new(Node::new(mig.remember(spec)))).collect();
    let pods = Arc::new(Pods::new(client.clone(), ground, &nodes, folder));
    let (port, serve) = server::bind(&args, pods.clone()).await?;
    tokio::spawn(serve);
    tokio::spawn(exporter::bind(args.metrics_port, pods.clone()).await?);
    for node in &nodes {
        tokio::spawn(registration::keep(client.clone(), node.clone(), port));
    }
    let cut: BTreeMap<_, _> = nodes.into_iter().zip(declared).map(|(node, declared)| (node.name.clone(), (node, declared))).collect();
    tokio::spawn(mig.run(cut));
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Nobody to tell means that it has ended already.
        let _ = stop.send(true);
    });
    pods.run().await;
    Ok(())
}

async fn client(args: &Args) -> Result<Client, String> {
    let unusable = |error: &dyn std::fmt::Display| format!("the kubeconfig {} cannot be used: {error}", args.kubeconfig.display());
    let kubeconfig = Kubeconfig::read_from(&args.kubeconfig).map_err(|error| unusable(&error))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(|error| unusable(&error))?;
    Client::try_from(config).map_err(|error| unusable(&error))
}

/// The time: a node is where times come from.
#[expect(clippy::disallowed_methods, reason = "a node is where times come from")]
fn now() -> Timestamp {
    Timestamp::now()
}
