//! How busy the GPUs are, at `/metrics` of 127.0.0.1, as NVIDIA's exporter (dcgm-exporter 4) tells it: the same names, labels and
//! help. There it runs once on each node; here one exposition stands for all of them, each line with its node in `Hostname`.
//!
//! GPUs here exist for the scheduler alone, so what works in their stead is measured: the processes of the Pod that has the
//! device. Their CPU seconds a second are the engine's activity, at most all of it, and their resident memory is the memory in
//! use; a Pod with several devices has them share both. A device that nobody has reads 0. As on the real machine, a GPU that is cut
//! has no `DCGM_FI_DEV_GPU_UTIL` and tells of each slice, and a device that a Pod has names it. Which container of the Pod has
//! it is left out: devices are kept by Pod.

mod processes;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::State, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

use self::processes::{Look, Use};
use super::pods::{Node, Pods};
use crate::nodes::{Device, gpu::Product, labels};

/// Between two looks at the processes.
const BEAT: Duration = Duration::from_secs(1);

/// What is told, with the exporter's own words.
const ENGINE: (&str, &str) = ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.");
const BUSY: (&str, &str) = ("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).");
const FREE: (&str, &str) = ("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).");
const USED: (&str, &str) = ("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).");

/// What the Pods that have devices use of this computer, by uid.
#[derive(Default)]
struct Measured(Mutex<BTreeMap<String, Use>>);

/// Binds the port. The answer is the server as a future that runs for ever.
///
/// # Errors
/// A sentence where the port is taken.
pub(super) async fn bind(port: u16, pods: Arc<Pods>) -> Result<impl Future<Output = ()> + use<>, String> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| format!("no port for the GPUs' metrics: {error}"))?;
    let measured = Arc::new(Measured::default());
    let router = Router::new().route("/metrics", get(metrics)).with_state((pods.clone(), measured.clone()));
    Ok(async move {
        tokio::spawn(measure(pods, measured));
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the GPUs' metrics are told no more");
        }
    })
}

async fn measure(pods: Arc<Pods>, measured: Arc<Measured>) {
    let mut beats = tokio::time::interval(BEAT);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut before = Look::default();
    loop {
        beats.tick().await;
        let pods = pods.clone();
        // The list of processes is read from files that may take a moment on a busy machine.
        let look = tokio::task::spawn_blocking(move || Look::at(&groups(&pods))).await;
        let Ok(now) = look else { continue };
        *measured.0.lock().unwrap_or_else(PoisonError::into_inner) = now.since(&before);
        before = now;
    }
}

/// The Pods that have devices, by the process groups that they are.
fn groups(pods: &Pods) -> BTreeMap<i32, String> {
    let mut uids: Vec<String> =
        pods.nodes().flat_map(|node| node.devices().held().filter_map(|(_, pod)| pod.map(str::to_owned)).collect::<Vec<_>>()).collect();
    uids.sort_unstable();
    uids.dedup();
    uids.into_iter().flat_map(|uid| pods.groups(&uid).into_iter().map(move |group| (group, uid.clone()))).collect()
}

async fn metrics(State((pods, measured)): State<(Arc<Pods>, Arc<Measured>)>) -> impl IntoResponse {
    let used = measured.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut rows = Vec::new();
    for node in pods.nodes() {
        rows.extend(rows_of(node, &used, |uid| pods.named(uid)));
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&rows))
}

/// A device and what is told of it.
struct Row {
    labels: String,
    /// Share of the time, 0 to 1.
    engine: f64,
    is_slice: bool,
    /// MiB.
    used: u32,
    free: u32,
}

fn rows_of(node: &Node, used: &BTreeMap<String, Use>, named: impl Fn(&str) -> Option<(String, String)>) -> Vec<Row> {
    let Some(product) = node.shown().spec.product() else { return Vec::new() };
    let held: Vec<(Device, Option<String>)> = node.devices().held().map(|(device, pod)| (device.clone(), pod.map(str::to_owned))).collect();
    let row = |(device, pod): &(Device, Option<String>)| {
        let share = held.iter().filter(|(_, other)| pod.is_some() && other == pod).count().max(1);
        let all = device.slice.map_or(product.memory_mib, |slice| slice.profile.memory_mib);
        let uses = pod.as_ref().and_then(|uid| used.get(uid)).copied().unwrap_or_default();
        let (engine, memory) = uses.of_one_of(share);
        let memory = memory.min(all);
        let mut labels = identity(&node.name, &product, device);
        if let Some((namespace, name)) = pod.as_ref().and_then(|uid| named(uid)) {
            labels.push_str(&format!(",namespace=\"{namespace}\",pod=\"{name}\""));
        }
        Row { labels, engine, is_slice: device.slice.is_some(), used: memory, free: all - memory }
    };
    held.iter().map(row).collect()
}

/// The labels that say which device it is.
fn identity(node: &str, product: &Product, device: &Device) -> String {
    let gpu = device.gpu;
    let slice = device.slice.map_or_else(String::new, |slice| {
        let (profile, id) = (slice.profile.name, slice.profile.instance(slice.start));
        format!(",GPU_I_PROFILE=\"{profile}\",GPU_I_ID=\"{id}\"")
    });
    let (bus, driver, name) = (gpu + 1, labels::DRIVER.join("."), product.name);
    format!(
        "gpu=\"{gpu}\",UUID=\"GPU-{node}-{gpu}\",pci_bus_id=\"00000000:{bus:02X}:00.0\",device=\"nvidia{gpu}\",modelName=\"NVIDIA {name}\"{slice},Hostname=\"{node}\",DCGM_FI_DRIVER_VERSION=\"{driver}\""
    )
}

fn text(rows: &[Row]) -> String {
    let mut out = String::new();
    let mut tell = |(name, help): (&str, &str), value: &dyn Fn(&Row) -> Option<String>| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for row in rows {
            if let Some(value) = value(row) {
                let _ = writeln!(out, "{name}{{{}}} {value}", row.labels);
            }
        }
    };
    tell(BUSY, &|row| (!row.is_slice).then(|| format!("{:.0}", row.engine * 100.0)));
    tell(FREE, &|row| Some(row.free.to_string()));
    tell(USED, &|row| Some(row.used.to_string()));
    tell(ENGINE, &|row| Some(format!("{:.6}", row.engine)));
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{agent::mig::Shown, nodes::NodeFile};

    #[test]
    fn a_cut_gpu_tells_of_its_slices_and_a_free_one_reads_nothing() {
        let file = NodeFile::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes.yaml")).unwrap();
        let spec = file.nodes.into_iter().find(|node| node.name == "gpu-b").unwrap();
        let node = Node::new(Shown { spec, state: crate::agent::mig::State::Success });
        node.devices().note("uid", "MIG-gpu-b-0-3g.20gb-4,GPU-gpu-b-3");
        let used = BTreeMap::from([("uid".to_owned(), Use { cpu: 1.5, bytes: 3 << 30 })]);
        let text = text(&rows_of(&node, &used, |_| Some(("vision".into(), "trains-0".into()))));
        let lines = |name: &str| text.lines().filter(|line| line.starts_with(&format!("{name}{{"))).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            lines("DCGM_FI_DEV_GPU_UTIL"),
            [
                r#"DCGM_FI_DEV_GPU_UTIL{gpu="3",UUID="GPU-gpu-b-3",pci_bus_id="00000000:04:00.0",device="nvidia3",modelName="NVIDIA A100-SXM4-40GB",Hostname="gpu-b",DCGM_FI_DRIVER_VERSION="580.95.05",namespace="vision",pod="trains-0"} 75"#
            ]
        );
        let engine = lines("DCGM_FI_PROF_GR_ENGINE_ACTIVE");
        assert_eq!(engine.len(), 7, "four slices, one, one, and a whole GPU: {engine:#?}");
        let held = engine.iter().filter(|line| line.contains("pod=\"trains-0\"") && line.ends_with(" 0.750000")).count();
        let free = engine.iter().filter(|line| !line.contains("pod=") && line.ends_with(" 0.000000")).count();
        assert_eq!((held, free), (2, 5), "{engine:#?}");
        assert!(engine.iter().any(|line| line.contains(r#"gpu="0""#) && line.contains(r#"GPU_I_PROFILE="3g.20gb",GPU_I_ID="2""#)));
        assert_eq!(lines("DCGM_FI_DEV_FB_USED").iter().filter(|line| line.ends_with(" 1536")).count(), 2);
        assert!(text.contains("# HELP DCGM_FI_PROF_GR_ENGINE_ACTIVE Ratio of time the graphics engine is active.\n# TYPE DCGM_FI_PROF_GR_ENGINE_ACTIVE gauge\n"));
    }
}
