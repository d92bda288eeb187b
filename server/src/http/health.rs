//! What runs Slipway asks of it: does it live, can it serve, how is it doing.

use axum::{
    Json,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use slipway_domain::refusal::Refusal;

use super::{Web, observe::OnThisMachine, plain};
use crate::{figures, services::health::ClusterHealth};

/// The process lives.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Whether it can serve: the database answers. A cluster that is away is said but does not count, because pages go on without it.
pub async fn ready(State(web): State<Web>) -> Response {
    let report = web.health.check().await;
    let status = if report.database.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let cluster = match report.cluster {
        ClusterHealth::Starting => "the first lists have not all arrived".to_owned(),
        ClusterHealth::Synced => "ok".to_owned(),
        ClusterHealth::Away(since) => format!("away; what is shown is as of {since}"),
    };
    let database = report.database.err().unwrap_or_else(|| "ok".to_owned());
    (status, Json(json!({ "database": database, "cluster": cluster }))).into_response()
}

/// Figures for Prometheus. With `--metrics-token` they need that as a bearer token; without, only this machine may ask, and not
/// through a proxy, because what comes through one seems to come from this machine.
pub async fn metrics(State(web): State<Web>, Extension(here): Extension<OnThisMachine>, headers: HeaderMap) -> Response {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    let allowed = match &web.settings.metrics_token {
        Some(token) => sent.is_some_and(|sent| same(sent.as_bytes(), token.as_bytes())),
        None => here == OnThisMachine(true),
    };
    if !allowed {
        let refusal =
            Refusal::forbidden("Ask from the machine that Slipway runs on, or with the token that it was started with (--metrics-token)");
        return plain::refusal(&refusal);
    }
    let report = web.health.check().await;
    metrics::gauge!("slipway_database_up").set(if report.database.is_ok() { 1.0 } else { 0.0 });
    metrics::gauge!("slipway_cluster_synced").set(if report.cluster == ClusterHealth::Synced { 1.0 } else { 0.0 });
    metrics::gauge!("slipway_cluster_stale_seconds").set(match report.cluster {
        ClusterHealth::Away(since) => report.at.duration_since(since).as_secs_f64().max(0.0),
        ClusterHealth::Starting | ClusterHealth::Synced => 0.0,
    });
    #[expect(clippy::cast_precision_loss, reason = "the number of open tabs is far below 2^53")]
    metrics::gauge!("slipway_live_streams").set(web.hub.readers() as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures::render()).into_response()
}

/// Compares in a time that tells nothing of where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}
