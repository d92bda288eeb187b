//! The kubelet's own HTTPS API, as far as `kubectl logs` needs it. Only the API server may call it: its client certificate is
//! verified.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use jiff::{SignedDuration, Timestamp};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Args, logs, pods::Pods};

/// Binds a free port of the loopback address. The answer is the port, and the server as a future that runs for ever.
///
/// # Errors
/// A sentence where certificates cannot be used or no port is free.
pub(super) async fn bind(args: &Args, pods: Arc<Pods>) -> Result<(u16, impl Future<Output = ()> + use<>), String> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(args)?));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| format!("no port for the kubelet API: {error}"))?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/containerLogs/{namespace}/{pod}/{container}", get(container_logs))
        .route("/exec/{*rest}", any(not_offered))
        .route("/attach/{*rest}", any(not_offered))
        .route("/portForward/{*rest}", any(not_offered))
        .with_state(pods);
    let serve = async move {
        loop {
            let Ok((socket, _)) = listener.accept().await else { continue };
            let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(router.clone()));
            tokio::spawn(async move {
                match acceptor.accept(socket).await {
                    Ok(stream) => {
                        // A caller that hangs up in mid-answer is its own affair.
                        let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                    }
                    Err(error) => tracing::debug!(%error, "a caller of the kubelet API was refused"),
                }
            });
        }
    };
    Ok((port, serve))
}

fn tls(args: &Args) -> Result<ServerConfig, String> {
    let certificates = |path: &PathBuf| -> Result<Vec<CertificateDer<'static>>, String> {
        CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| format!("the certificate {} cannot be used: {error}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(&args.client_ca)? {
        roots.add(authority).map_err(|error| error.to_string())?;
    }
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_file(&args.kubelet_key)
        .map_err(|error| format!("the key {} cannot be used: {error}", args.kubelet_key.display()))?;
    ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(certificates(&args.kubelet_cert)?, key)
        .map_err(|error| error.to_string())
}

async fn not_offered() -> Response {
    (StatusCode::NOT_IMPLEMENTED, "The sandbox's nodes offer logs only; run the program by hand instead").into_response()
}

async fn container_logs(
    State(pods): State<Arc<Pods>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let flag = |name: &str| query.get(name).is_some_and(|value| value == "true" || value == "1");
    let number = |name: &str| query.get(name).and_then(|value| value.parse().ok());
    let seconds: Option<i64> = number("sinceSeconds").and_then(|seconds: u64| i64::try_from(seconds).ok());
    let since = query
        .get("sinceTime")
        .and_then(|time| time.parse::<Timestamp>().ok())
        .or_else(|| seconds.and_then(|seconds| super::now().saturating_sub(SignedDuration::from_secs(seconds)).ok()));
    let part = logs::Part {
        follow: flag("follow"),
        timestamps: flag("timestamps"),
        tail: number("tailLines"),
        limit_bytes: number("limitBytes"),
        since,
    };
    let attempt = match pods.attempt(&namespace, &pod, &container, flag("previous")) {
        Ok(attempt) => attempt,
        Err(sentence) => return (StatusCode::BAD_REQUEST, sentence).into_response(),
    };
    let path = attempt.log();
    match logs::read(&path, part, move || attempt.exit().is_some()).await {
        Ok(stream) => Body::from_stream(stream).into_response(),
        // A container that is just being started has said nothing yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => ().into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
