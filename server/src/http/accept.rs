//! Connections: accepted, bounded in number and in how long they may say nothing, and ended in order.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tower::ServiceExt;

use super::observe::Peer;
use crate::serve::ended;

/// Connections at one time; more wait in the system's queue.
const CONNECTIONS: usize = 4_096;

/// How long a connection may take to say what it wants, which also bounds how long it stays open without wanting anything.
const HEAD_PATIENCE: Duration = Duration::from_mins(1);

/// How long requests under way have to be answered when the server ends.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// Serves until `shutdown` becomes true and what is under way then is answered, or given up after 10 s.
pub async fn serve(listener: TcpListener, router: Router, mut shutdown: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // It is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { break };
        tokio::select! {
            biased;
            () = ended(&mut shutdown) => break,
            // Ended connections are let go of as others begin.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, router.clone(), shutdown.clone(), place));
                }
                Err(error) => {
                    // No file descriptor is left, most likely: those that are in use must end first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_PATIENCE, all).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were still under way after 10 s and are given up");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, mut shutdown: watch::Receiver<bool>, place: OwnedSemaphorePermit) {
    // Answers are written whole; waiting to fill a packet would delay each event of a stream.
    let _ = stream.set_nodelay(true);
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.map(axum::body::Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = ended(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
    drop(place);
}
