//! The index: what a watched Pod costs.

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
