//! The index: what a watched Pod costs, and a cluster as large as Slipway is meant for.

use slipway_server::cluster::index::measure;

use super::Figure;

/// Pods watched.
const PODS: usize = 20_000;

/// Bytes and CPU of a watched Pod, in the index and as a plain reflector keeps it.
pub(super) fn watched() -> Vec<Figure> {
    let cost = measure::pods(PODS);
    vec![
        Figure::at_most("memory for a watched Pod, of 20,000", cost.bytes, "bytes", 600.0),
        Figure::at_most(
            format!("the same to a kube reflector's {:.0} bytes", cost.reflector_bytes),
            cost.bytes / cost.reflector_bytes,
            "×",
            0.01,
        ),
        Figure::at_most("CPU for a Pod at sync", cost.cpu_ms, "ms", 0.10),
    ]
}

/// Memory and time for 5,000 nodes, 150,000 Pods and 50,000 Jobs.
pub(super) fn large() -> Vec<Figure> {
    let cost = measure::fleet();
    vec![
        Figure::at_most("5,000 nodes, 150,000 Pods, 50,000 Jobs: memory at most", cost.peak_mb, "MB", 400.0),
        Figure::at_most("the same: CPU until every node is drawn", cost.seconds, "s", 20.0),
    ]
}
