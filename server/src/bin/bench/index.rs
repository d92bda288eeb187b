//! The index: what a watched Pod costs, and a cluster as large as Slipway is meant for.

use slipway_server::cluster::index::measure;

use super::Figure;

/// Pods watched.
const PODS: usize = 20_000;

/// Bytes and CPU of a watched Pod, in the index and as a plain reflector keeps it.
pub(super) fn watched() -> Vec<Figure> {
    let cost = measure::pods(PODS);
    vec![
        Figure { what: "memory for a watched Pod, of 20,000", measured: cost.bytes, unit: "bytes", limit: 600.0, at_least: false },
        Figure {
            what: "the same to a plain reflector's",
            measured: cost.bytes / cost.reflector_bytes,
            unit: "×",
            limit: 0.01,
            at_least: false,
        },
        Figure { what: "CPU for a Pod at sync", measured: cost.cpu_ms, unit: "ms", limit: 0.10, at_least: false },
    ]
}

/// Memory and time for 5,000 nodes, 150,000 Pods and 50,000 Jobs.
pub(super) fn large() -> Vec<Figure> {
    let cost = measure::fleet();
    let figure = |what, measured, unit, limit| Figure { what, measured, unit, limit, at_least: false };
    vec![
        figure("5,000 nodes, 150,000 Pods, 50,000 Jobs: memory at most", cost.peak_mb, "MB", 400.0),
        figure("the same: CPU until every node is drawn", cost.seconds * 1000.0, "ms", 20_000.0),
        figure("the same: a page of nodes with the totals, p99", cost.page_ms, "ms", 25.0),
    ]
}
