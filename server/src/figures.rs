//! Figures for Prometheus: what they are called and what they mean. Whoever counts something uses the `metrics` macros with one of
//! these names.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Seconds that answers are sorted by.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Begins to count. There is one set of figures a process, so that a second call changes nothing.
pub fn install() {
    HANDLE.get_or_init(|| {
        let handle = PrometheusBuilder::new().set_buckets(&SECONDS).and_then(PrometheusBuilder::install_recorder).ok();
        metrics::describe_counter!("slipway_http_requests_total", "Requests answered, by route, method and status");
        metrics::describe_histogram!("slipway_http_request_seconds", "Seconds until the answer began, by route");
        metrics::describe_gauge!("slipway_database_up", "Whether the database answers");
        metrics::describe_gauge!("slipway_cluster_synced", "Whether every change in the cluster arrives");
        metrics::describe_gauge!("slipway_cluster_stale_seconds", "Seconds since the cluster was last heard of, while it is away");
        metrics::describe_gauge!("slipway_prometheus_up", "Whether Prometheus told how busy the GPUs are when it was asked last");
        metrics::describe_counter!("slipway_prometheus_reads_total", "Times that Prometheus was asked, by outcome");
        metrics::describe_gauge!("slipway_gpus_measured", "GPUs and MIG slices whose activity is measured");
        metrics::describe_gauge!("slipway_gpus_idle", "GPUs and MIG slices that are held and idle");
        metrics::describe_gauge!("slipway_live_streams", "Event streams open, one for each tab");
        handle
    });
}

/// All figures as Prometheus reads them.
pub fn render() -> String {
    HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

/// Lets go of what the figures no longer need; call it every few seconds.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get().and_then(Option::as_ref) {
        handle.run_upkeep();
    }
}
