//! The whole server, put together: database, cluster, services, drivers and HTTP, from the start to an orderly end.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use slipway_app::{
    live::{Message, Watched},
    ports::Ports,
};
use tokio::{
    net::TcpListener,
    sync::{broadcast::error::RecvError, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

use crate::{
    clock::Clock,
    cluster::{self, Change, Cluster, Source, manifest},
    drivers::{self, teams::Wake, utilisation::Utilisation},
    figures,
    http::{self, Files, Notices, Web},
    live::{Hub, Scope},
    prometheus::{self, Prometheus},
    services::{
        audit::AuditLog,
        health::Health,
        nodes::Nodes,
        people::People,
        relayouts::Relayouts,
        runs::Runs,
        shares::Shares,
        sign_in::{SignIn, first_team},
        teams::Teams,
    },
    store::{self, Store, teams},
};

/// The least time between two messages that the same kind of thing has changed.
const PAUSE: Duration = Duration::from_secs(1);

/// How long background steps have to end.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// The least time between two messages that what is free has changed.
const ROOM: Duration = Duration::from_secs(2);

/// What the server is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 is any that is free.
    pub listen: SocketAddr,
    /// The database's URL.
    pub database: String,
    /// Where the cluster is.
    pub cluster: Source,
    /// Where it is read how busy the GPUs are; none means that it is not measured.
    pub prometheus: Option<prometheus::Settings>,
    /// How it is seen from outside.
    pub web: http::Settings,
    /// What the objects that it makes in the cluster are given.
    pub objects: manifest::Settings,
}

/// Why the server does not start. Each is a sentence for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Database(#[from] store::ConnectError),
    /// The first team could not be stored.
    #[error("the database cannot be written to: {0}")]
    Store(#[from] store::Error),
    /// The kubeconfig.
    #[error(transparent)]
    Cluster(#[from] cluster::ConnectError),
    /// Prometheus' address.
    #[error(transparent)]
    Prometheus(#[from] prometheus::SettingsError),
    /// The browser's part.
    #[error("the folder {path} cannot be read: {error}; build the pages with `cargo xtask build`, or name their folder with --site-root")]
    Site {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The address.
    #[error("{address} cannot be listened on: {error}; end what listens there, or choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A server that serves.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its database.
    pub store: Store,
    /// Its cluster.
    pub cluster: Cluster,
    /// What open pages hear.
    pub hub: Hub,
    /// Signing in.
    pub sign_in: SignIn,
    shutdown: watch::Sender<bool>,
    serving: JoinHandle<()>,
    background: JoinSet<()>,
}

/// Starts the server; it serves when this returns.
///
/// # Errors
/// A sentence that says what is wrong. A cluster that is away is not: pages say so and go on.
pub async fn start(settings: Settings, clock: Clock) -> Result<Running, StartError> {
    let site = settings.web.site_root.join("pkg");
    let files = Files::read(&settings.web.site_root).map_err(|error| StartError::Site { path: site, error })?;
    let cluster = Cluster::connect(&settings.cluster).await?;
    let prometheus = settings.prometheus.as_ref().map(Prometheus::new).transpose()?;
    let store = Store::connect(&settings.database).await?;
    store.migrate().await?;
    let migrated = Instant::now();
    figures::install();
    teams::ensure(&store, &first_team(), clock.now()).await?;

    let (shutdown, down) = watch::channel(false);
    let hub = Hub::new(clock.now().as_millisecond());
    let sign_in = SignIn::new(store.clone(), clock.clone(), hub.clone());

    let mut background = JoinSet::new();
    let shared = drivers::start(store.clone(), cluster.clone(), clock.clone(), hub.clone(), &down, &mut background);
    let runs = Runs::new(store.clone(), cluster.clone(), clock.clone(), settings.objects.clone(), shared);
    let utilisation = Utilisation::default();
    let nodes = Nodes::new(store.clone(), cluster.clone(), clock.clone(), utilisation.clone());
    let shares = Shares::new(store.clone(), cluster.clone(), clock.clone());
    let wake = Wake::default();
    let audit = AuditLog::new(store.clone(), clock.clone());
    let relayouts = Relayouts::new(store.clone(), cluster.clone(), clock.clone(), hub.clone());
    let ports = Ports {
        runs: Arc::new(runs),
        people: Arc::new(People::new(sign_in.clone())),
        nodes: Arc::new(nodes),
        shares: Arc::new(shares),
        teams: Arc::new(Teams::new(sign_in.clone(), cluster.clone(), wake.clone())),
        audit: Arc::new(audit.clone()),
        relayouts: Arc::new(relayouts),
    };
    background.spawn(watch_cluster(cluster.clone(), clock.clone(), down.clone()));
    background.spawn(until(down.clone(), tell_staleness(cluster.clone(), hub.clone())));
    let tell = |is_it: fn(&Change) -> bool, what, pause| tell_of(cluster.clone(), hub.clone(), is_it, what, pause);
    background.spawn(until(down.clone(), tell(|change| matches!(change, Change::Nodes), Watched::Nodes, PAUSE)));
    background.spawn(until(down.clone(), tell(|change| matches!(change, Change::Rules), Watched::Shares, PAUSE)));
    let moves = |change: &Change| matches!(change, Change::Run(_) | Change::Synced | Change::Nodes | Change::Rules);
    background.spawn(until(down.clone(), tell(moves, Watched::Room, ROOM)));
    if let Some((prometheus, settings)) = prometheus.zip(settings.prometheus) {
        background.spawn(until(down.clone(), utilisation.keep(prometheus, settings, cluster.clone(), clock.clone(), hub.clone())));
    }
    let looked_after = drivers::teams::run(store.clone(), cluster.clone(), clock.clone(), settings.objects, wake);
    background.spawn(until(down.clone(), looked_after));
    background.spawn(until(down.clone(), check_chain(audit)));
    background.spawn(until(down.clone(), keep_house(sign_in.clone())));

    let web = Web::new(http::Parts {
        ports,
        sign_in: sign_in.clone(),
        hub: hub.clone(),
        health: Health::new(store.clone(), cluster.clone(), clock.clone()),
        clock,
        settings: settings.web,
        files,
        notices: Notices::default(),
        shutdown: down.clone(),
    });
    let unusable = |error| StartError::Listen { address: settings.listen, error };
    let listener = TcpListener::bind(settings.listen).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    let serving = tokio::spawn(http::accept::serve(listener, http::router(&web), down));
    tracing::info!(%address, milliseconds = u64::try_from(migrated.elapsed().as_millis()).unwrap_or(u64::MAX), "serving; the time is since the tables were up to date");
    Ok(Running { address, store, cluster, hub, sign_in, shutdown, serving, background })
}

impl Running {
    /// Ends: streams are closed, requests under way are answered, what is still to be written is written. Takes 15 s at most.
    pub async fn stop(mut self) {
        self.shutdown.send_replace(true);
        if let Err(error) = (&mut self.serving).await {
            tracing::error!(%error, "the server's connections ended badly");
        }
        let steps = async { while self.background.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_PATIENCE, steps).await.is_err() {
            tracing::warn!("background steps had not ended after 5 s and are given up");
        }
        self.background.shutdown().await;
        self.store.close().await;
    }

    /// Becomes true when the server ends.
    pub fn shutdown(&self) -> watch::Receiver<bool> {
        self.shutdown.subscribe()
    }
}

/// Waits until the server ends.
pub async fn ended(down: &mut watch::Receiver<bool>) {
    // Where nobody is left to say so, it has ended as well. What is awaited is let go of here: it is a lock.
    let _ = down.wait_for(|down| *down).await;
}

/// Works on something until the server ends; it may be left at any point.
async fn until(mut down: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = ended(&mut down) => {}
        () = work => {}
    }
}

async fn watch_cluster(cluster: Cluster, clock: Clock, down: watch::Receiver<bool>) {
    cluster.watch(clock, down).await;
}

/// Tells open pages when the cluster goes away and when it is back.
async fn tell_staleness(cluster: Cluster, hub: Hub) {
    let mut changes = cluster.index().changes();
    loop {
        match changes.recv().await {
            Ok(Change::Stale(stale_since)) => hub.publish(Scope::everybody(), Message::Cluster { stale_since }),
            Ok(Change::Run(_) | Change::Event { .. } | Change::Synced | Change::Nodes | Change::Rules) => {}
            Err(RecvError::Lagged(_)) => {
                hub.publish(Scope::everybody(), Message::Cluster { stale_since: cluster.index().stale_since() });
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Tells open pages that something has changed: once in that time at most, however much changes.
async fn tell_of(cluster: Cluster, hub: Hub, is_it: fn(&Change) -> bool, what: Watched, pause: Duration) {
    let mut changes = cluster.index().changes();
    let mut told = Instant::now();
    loop {
        match changes.recv().await {
            Ok(change) if is_it(&change) => {}
            Err(RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(RecvError::Closed) => return,
        }
        tokio::time::sleep_until(told + pause).await;
        // What has changed until here is told of by this one message.
        changes = changes.resubscribe();
        hub.publish(Scope::everybody(), Message::Changed { what });
        told = Instant::now();
    }
}

/// Recomputes the audit log's chain at the start and every hour, so that the page about it knows, and the log says what is wrong.
async fn check_chain(audit: AuditLog) {
    let mut beats = tokio::time::interval(Duration::from_hours(1));
    loop {
        beats.tick().await;
        if let Err(error) = audit.verify().await {
            tracing::warn!(%error, "the audit log could not be verified; it is tried again in an hour");
        }
    }
}

/// Forgets what has expired, hourly, and lets the figures tidy up.
async fn keep_house(sign_in: SignIn) {
    let mut beats = tokio::time::interval(Duration::from_secs(5));
    for beat in 0_u64.. {
        beats.tick().await;
        figures::upkeep();
        if beat % 720 == 0
            && let Err(error) = sign_in.forget_expired().await
        {
            tracing::warn!(%error, "what has expired could not be forgotten; it is tried again in an hour");
        }
    }
}
