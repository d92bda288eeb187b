//! The program: reads its command line, does what it says, and says in one sentence why it did not.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    process::ExitCode,
    thread::available_parallelism,
};

use clap::Parser;
use futures::StreamExt;
use slipway_domain::{
    audit::{AuditQuery, ExportFormat},
    refusal::Refusal,
};
use slipway_server::{
    clock::Clock,
    cluster,
    config::{Action, AdminLink, Audit, Command, Export, Log, Serve, Verify},
    serve,
    services::{
        audit::export,
        links::{self, LinkError},
    },
    store::{
        Store,
        audit::{self, entries::Filter},
    },
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What is logged where `RUST_LOG` says nothing: of the libraries, only what went wrong.
const LOGGED: &str =
    "info,sqlx=warn,hyper=warn,kube_client=off,kube_runtime=warn,tower=warn,tower_http=warn,tower_sessions=error,tower_sessions_core=error";

/// The exit status of `admin-link` where there is an admin already.
const ADMIN_EXISTS: u8 = 3;

fn main() -> ExitCode {
    let action = Command::parse().action;
    rustls::crypto::ring::default_provider().install_default().expect("nothing else chooses a provider");
    // Two at least, so that one long step holds up nobody; four at most, because what takes long waits for others.
    let threads = available_parallelism().map_or(2, usize::from).clamp(2, 4);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the system gives no threads: {error}"), 1),
    };
    let done = runtime.block_on(async {
        match action {
            Action::Serve(options) => run(*options).await.map_err(|error| (error, 1)),
            Action::Setup(options) => cluster::setup(&options.kubeconfig).await.map_err(|error| (error, 1)),
            Action::AdminLink(options) => admin_link(options).await,
            Action::Audit(Audit::Verify(options)) => verify(options).await.map_err(|error| (error, 1)),
            Action::Audit(Audit::Export(options)) => take_out(options).await.map_err(|error| (error, 1)),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((sentence, status)) => fail(&sentence, status),
    }
}

fn fail(sentence: &str, status: u8) -> ExitCode {
    eprintln!("slipway-server: {sentence}");
    ExitCode::from(status)
}

fn log(log: Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log {
        Log::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
        Log::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}

async fn run(options: Serve) -> Result<(), String> {
    log(options.log);
    // Before anything is started, so that a signal in between is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let settings = options.settings();
    let public_url = settings.web.public_url.clone();
    if public_url.starts_with("http://") && !is_this_machine(&public_url) {
        tracing::warn!(
            public_url,
            "browsers keep nobody signed in over http:// from another machine; put a proxy with TLS in front and give its https:// address with --public-url"
        );
    }
    let running = serve::start(settings, Clock::machine()).await.map_err(|error| error.to_string())?;
    tracing::info!(public_url, "ready");
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: ending"),
        _ = interrupt.recv() => tracing::info!("SIGINT: ending"),
    }
    running.stop().await;
    Ok(())
}

fn is_this_machine(url: &str) -> bool {
    let host = url.trim_start_matches("http://");
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost"
        || name.ends_with(".localhost")
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn open(url: &str) -> Result<Store, String> {
    let store = Store::connect(url).await.map_err(|error| error.to_string())?;
    store.migrate().await.map_err(|error| error.to_string())?;
    Ok(store)
}

async fn admin_link(options: AdminLink) -> Result<(), (String, u8)> {
    let store = open(&options.database.database).await.map_err(|error| (error, 1))?;
    let clock = Clock::machine();
    let link = match &options.person {
        Some(name) => links::for_person(&store, &clock, name).await,
        None => links::for_first_admin(&store, &clock).await,
    };
    store.close().await;
    match link {
        Ok(link) => {
            let address = options.public_url.or(SocketAddr::from(([127, 0, 0, 1], 7070)));
            println!("{address}{}", link.path);
            Ok(())
        }
        Err(error @ LinkError::AdminExists) => Err((error.to_string(), ADMIN_EXISTS)),
        Err(error) => Err((error.to_string(), 1)),
    }
}

async fn verify(options: Verify) -> Result<(), String> {
    let store = open(&options.database.database).await?;
    let known = options.known.as_ref().map(|known| (known.seq, known.hash.as_str()));
    let verified = audit::Audit::new(store.clone(), Clock::machine()).verify(known).await;
    store.close().await;
    let verified = verified.map_err(|error| error.to_string())?;
    eprintln!("slipway-server: the audit log is what was written: {} rows", verified.rows);
    println!("{}:{}", verified.rows, verified.hash);
    Ok(())
}

async fn take_out(options: Export) -> Result<(), String> {
    let query = AuditQuery { from: options.from, until: options.until, ..AuditQuery::default() };
    let teams = options.team.map(|team| vec![team]);
    let filter = Filter::new(&query, teams.as_deref()).map_err(|fields| Refusal::Invalid { fields }.to_string())?;
    let store = open(&options.database.database).await?;
    let written = write_out(&store, filter, options.format, &query).await;
    store.close().await;
    written
}

/// Whoever can read the database can read its log; that it was taken out by this command is written down all the same.
async fn write_out(store: &Store, filter: Filter, format: ExportFormat, query: &AuditQuery) -> Result<(), String> {
    let log = audit::Audit::new(store.clone(), Clock::machine());
    let what = serde_json::json!({ "format": format, "filters": query });
    let first = async { Ok(export::Export::begin(store, filter, format).await?) };
    let actor = audit::Actor::program("audit-export");
    let export = log.around(actor, "export audit log", "platform", (None, Some(what)), first).await.map_err(|error| error.to_string())?;
    let mut text = export.into_stream();
    let mut out = std::io::stdout().lock();
    while let Some(piece) = text.next().await {
        let piece = piece.map_err(|error| error.to_string())?;
        out.write_all(piece.as_bytes()).map_err(|error| format!("standard output cannot be written to: {error}"))?;
    }
    out.flush().map_err(|error| format!("standard output cannot be written to: {error}"))
}
