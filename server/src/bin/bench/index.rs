//! The index: what a watched Pod costs, and a cluster as large as Slipway is meant for.

use std::process::Command;

use slipway_server::cluster::index::measure;

use super::Figure;

/// The argument with which this program only lists a large cluster.
pub(super) const LARGE: &str = "large";

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

/// Lists a large cluster and prints what it cost: what [`large`] starts this program for.
pub(super) fn list_large() {
    let cost = measure::fleet();
    println!("{} {} {}", cost.peak_mb, cost.seconds * 1000.0, cost.page_ms);
}

/// Memory and time for 5,000 nodes, 150,000 Pods and 50,000 Jobs. A process of its own lists them: memory that was used and freed
/// before would hide what this takes, and what this frees would hide what comes after.
pub(super) fn large() -> Result<Vec<Figure>, String> {
    let told = |error: std::io::Error| format!("this program cannot start itself: {error}");
    let output = Command::new(std::env::current_exe().map_err(told)?).arg(LARGE).output().map_err(told)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let costs: Vec<f64> = text.split_whitespace().filter_map(|cost| cost.parse().ok()).collect();
    let [peak_mb, list_ms, page_ms] = costs[..] else {
        return Err(format!("a large cluster could not be listed: {text}{}", String::from_utf8_lossy(&output.stderr)));
    };
    let figure = |what, measured, unit, limit| Figure { what, measured, unit, limit, at_least: false };
    Ok(vec![
        figure("5,000 nodes, 150,000 Pods, 50,000 Jobs: memory at most", peak_mb, "MB", 400.0),
        figure("the same: CPU until every node is drawn", list_ms, "ms", 20_000.0),
        figure("the same: a page of nodes with the totals, p99", page_ms, "ms", 25.0),
    ])
}
