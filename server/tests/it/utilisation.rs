//! How busy GPUs are: a real Prometheus scrapes what the real nodes tell of real programs, and the pages say it of the very device
//! and of whom it is.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use slipway_domain::run::form::RunForm;
use slipway_server::{prometheus, serve::Settings};
use tempfile::TempDir;

use crate::{
    fixture::{Person, Site},
    kubernetes::{self, Kubernetes, PATIENCE, given},
    live::Stream,
    runs::{script, site_with},
};

/// The time in which a GPU must have done nothing to be idle, here.
const WINDOW: Duration = Duration::from_secs(6);

/// A Prometheus of one test.
struct Prometheus {
    folder: TempDir,
    address: String,
    child: Child,
}

impl Prometheus {
    /// Scrapes a cluster's nodes every second. `labels` are the target's own.
    fn start(kubernetes: &Kubernetes, labels: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: dcgm\n  static_configs:\n  - targets: [\"{}\"]\n    labels: {{{labels}}}\n",
            kubernetes.metrics()
        );
        fs::write(folder.path().join("prometheus.yaml"), config).expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let child = Self::run(folder.path(), &address);
        Self { folder, address, child }
    }

    fn run(folder: &Path, address: &str) -> Child {
        let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
        let mut held = Command::new("setpriv");
        held.args(["--pdeathsig", "TERM", "--"]).arg(given("PROMETHEUS"));
        held.arg(format!("--config.file={}", folder.join("prometheus.yaml").display()));
        held.arg(format!("--storage.tsdb.path={}", folder.join("data").display())).arg(format!("--web.listen-address={address}"));
        held.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("Prometheus starts")
    }

    fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
    }

    fn again(&mut self) {
        self.child = Self::run(self.folder.path(), &self.address);
    }

    fn settings(&self, settings: &mut Settings) {
        asks(settings, format!("http://{}", self.address));
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have been killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn asks(settings: &mut Settings, url: String) {
    settings.prometheus = Some(prometheus::Settings { url, token: None, every: Duration::from_secs(1), window: WINDOW });
}

/// A server whose Prometheus names Pods beside the exporter's own, as the GPU operator's does.
async fn measured(labels: &'static str) -> (Site, Prometheus) {
    let mut started = None;
    let site = site_with(kubernetes::shared, |kubernetes, settings| {
        let prometheus = Prometheus::start(kubernetes, labels);
        prometheus.settings(settings);
        started = Some(prometheus);
    })
    .await;
    (site, started.expect("it was started"))
}

impl Person {
    async fn fleet(&mut self) -> Value {
        self.browser.get("/api/nodes/list?query[page]=0").await.expect(200).json()
    }

    /// Waits until the list of nodes is so; the list then.
    async fn sees_fleet(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let fleet = self.fleet().await;
            if is(&fleet) {
                return fleet;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}: {fleet:#}\n{}", kubernetes::shared().looks());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until what is measured of a run's device on a node is so; the readings then.
    async fn sees_device(&mut self, node: &str, run: &str, what: &str, is: impl Fn(&Value) -> bool) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let answer = self.browser.get(&format!("/api/nodes/get?name={node}")).await.expect(200).json();
            let of_run = of_run(&answer, run);
            if !of_run.is_empty() && of_run.iter().all(&is) {
                return of_run;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}: {answer:#}\n{}", kubernetes::shared().looks());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// What is measured of devices that this run has.
fn of_run(node: &Value, run: &str) -> Vec<Value> {
    let readings = node["readings"].as_array().expect("readings").iter();
    readings
        .filter(|reading| reading["holders"].as_array().is_some_and(|holders| holders.iter().any(|holder| holder["run"] == run)))
        .cloned()
        .collect()
}

/// Thousandths in which the engine worked; none where that is not measured.
fn engine(reading: &Value) -> Option<u64> {
    reading["activity"]["engine"].as_u64()
}

fn on(gpu: &str, product: &str, name: &str, text: &str) -> RunForm {
    RunForm { gpu: gpu.into(), gpu_product: product.into(), ..script(name, text) }
}

/// Works for a part of the time, so that whatever runs beside it on the same machine still gets a turn.
const WORKS: &str = "while :; do head -c 20000000 /dev/zero | md5sum > /dev/null; sleep 0.1; done";

#[tokio::test]
async fn a_run_that_computes_is_seen_on_its_gpu_and_one_that_sleeps_is_named_as_idle() {
    let (site, _prometheus) = measured("namespace: gpu-operator, pod: nvidia-dcgm-exporter").await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let mut otto = site.outsider(&mut admin).await;
    let works = mina.launches(&on("gpu", "NVIDIA-A100-SXM4-80GB", "works-hard", WORKS)).await;
    let sleeps = mina.launches(&on("gpu", "NVIDIA-H100-80GB-HBM3", "only-sleeps", "sleep 600")).await;
    let slice = mina.launches(&on("3g.20gb", "", "works-in-a-slice", WORKS)).await;

    let seen = mina.sees_device("gpu-a", &works, "its engine works", |reading| engine(reading) > Some(50)).await;
    assert_eq!((seen.len(), &seen[0]["slice"]), (1, &Value::Null), "{seen:#?}");
    assert!(seen[0]["memory"]["all"] == 81_920 && seen[0]["memory"]["used"].as_u64() < Some(2_000), "{seen:#?}");
    let node = mina.sees_fleet("the node's mean", |fleet| of_node(fleet, "gpu-a")["engine"]["mean"].as_u64() > Some(5)).await;
    assert_eq!(of_node(&node, "gpu-a")["engine"]["of"], 8, "{node:#}");
    assert_eq!(of_node(&node, "cpu-a"), &Value::Null, "it has no GPUs");

    let seen = mina.sees_device("gpu-b", &slice, "its slice works", |reading| engine(reading) > Some(50)).await;
    assert_eq!((seen.len(), &seen[0]["slice"]["profile"], &seen[0]["gpu"]), (1, &json!("3g.20gb"), &json!(0)), "{seen:#?}");
    let node = mina.browser.get("/api/nodes/get?name=gpu-b").await.expect(200).json();
    let others = node["readings"].as_array().expect("readings").iter().filter(|reading| reading["slice"]["profile"] == "1g.5gb");
    assert!(others.clone().count() == 3 && node["unmeasured"] == json!([]), "every slice is measured by itself: {node:#}");

    let is_idle = |fleet: &Value, run: &str| idle(fleet).iter().any(|idle| idle["holder"]["run"] == run);
    let fleet = mina.sees_fleet("the one that sleeps is idle", |fleet| is_idle(fleet, &sleeps)).await;
    let its = idle(&fleet).into_iter().find(|idle| idle["holder"]["run"] == sleeps.as_str()).expect("it is there");
    assert!(its["node"] == "gpu-h" && its["holder"]["team"] == "default" && its["most"].as_u64() < Some(50), "{its}");
    assert!(!is_idle(&fleet, &works) && !is_idle(&fleet, &slice), "{fleet:#}");
    let page = mina.browser.get("/nodes").await.expect(200).body;
    assert!(page.contains("idle GPU") && page.contains("only-sleeps") && page.contains("mina · default"), "{page}");
    let page = mina.browser.get("/nodes/gpu-a").await.expect(200).body;
    assert!(page.contains(" active") && page.contains("works-hard"), "{page}");

    // Of another team's runs, the team alone.
    let fleet = otto.fleet().await;
    let its = idle(&fleet).into_iter().find(|idle| idle["node"] == "gpu-h" && idle["holder"]["team"] == "default");
    assert_eq!(its.map(|idle| idle["holder"]["run"].clone()), Some(Value::Null), "{fleet:#}");
    for path in ["/nodes", "/nodes/gpu-h", "/nodes/gpu-a", "/api/nodes/get?name=gpu-h", "/api/nodes/list?query[page]=0"] {
        let page = otto.browser.get(path).await.expect(200).body;
        for secret in ["only-sleeps", "works-hard", "mina", &sleeps] {
            assert!(!page.contains(secret), "{path} tells somebody of another team of {secret}: {page}");
        }
    }
    for id in [&works, &sleeps, &slice] {
        mina.acts(id, "stop").await.expect(200);
    }
}

/// How busy a node of the list is.
fn of_node<'a>(fleet: &'a Value, name: &str) -> &'a Value {
    let mut rows = fleet["rows"].as_array().expect("rows").iter();
    rows.find(|row| row["name"] == name).map_or(&Value::Null, |row| &row["utilisation"])
}

fn idle(fleet: &Value) -> Vec<Value> {
    fleet["idle"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn where_prometheus_is_killed_nothing_is_measured_and_the_page_says_why_and_since_when() {
    // Its labels are the target's own here: the Pods' stay as they are.
    let (site, mut prometheus) = measured("").await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let works = mina.launches(&on("gpu", "NVIDIA-A100-SXM4-80GB", "works-on", WORKS)).await;
    mina.sees_device("gpu-a", &works, "its engine works", |reading| engine(reading) > Some(50)).await;
    assert!(!mina.browser.get("/nodes").await.expect(200).body.contains("not measured"));

    let mut stream = Stream::open(&mina, "/live?whole=nodes").await;
    prometheus.kill();
    let fleet = mina.sees_fleet("it is missed", |fleet| fleet["measuring"]["failed"].is_object()).await;
    assert_eq!(stream.next_but_cluster().await.map(|event| event.message), Some(json!({ "changed": { "what": "nodes" } })));
    assert!(of_node(&fleet, "gpu-a")["not_measured"].is_object() && idle(&fleet).is_empty(), "{fleet:#}");
    for path in ["/nodes", "/nodes/gpu-a"] {
        let page = mina.browser.get(path).await.expect(200).body;
        assert!(
            page.contains("Utilisation is not measured: Prometheus cannot be reached") && page.contains("it was until 20"),
            "{path}: {page}"
        );
        assert!(!page.contains(&prometheus.address), "{path} tells where Prometheus is");
    }
    let node = mina.browser.get("/api/nodes/get?name=gpu-a").await.expect(200).json();
    assert_eq!(node["readings"], json!([]), "what was is not shown as if it were: {node:#}");
    let figures = site.visitor().get("/metrics").await.expect(200).body;
    assert!(
        figures.contains("slipway_prometheus_up") && figures.contains("slipway_prometheus_reads_total{outcome=\"failed\"}"),
        "{figures}"
    );

    prometheus.again();
    mina.sees_device("gpu-a", &works, "it is measured again", |reading| engine(reading) > Some(50)).await;
    mina.acts(&works, "stop").await.expect(200);
}

#[tokio::test]
async fn whatever_else_answers_measures_nothing_and_nobody_breaks() {
    let other = Site::start().await;
    let address = other.running.address;
    let site = Site::start_with(|settings| asks(settings, format!("http://{address}/prometheus"))).await;
    let mut admin = site.admin().await;
    let fleet = admin.sees_fleet("it is no Prometheus", |fleet| fleet["measuring"]["failed"].is_object()).await;
    let why = fleet["measuring"]["failed"]["why"].as_str().unwrap_or_default().to_owned();
    assert!(
        why.starts_with("Prometheus refuses to answer: 4") || why.starts_with("what answers at Prometheus' address is no Prometheus"),
        "{why}"
    );
    assert_eq!(fleet["measuring"]["failed"]["last"], Value::Null);
    let page = admin.browser.get("/nodes").await.expect(200).body;
    assert!(page.contains("Utilisation is not measured: "), "{page}");

    let mut admin = other.admin().await;
    let page = admin.browser.get("/nodes").await.expect(200).body;
    assert!(page.contains("Utilisation is not measured: no Prometheus is configured"), "{page}");
}
