//! What viewers cost the API server: nothing, however many they are. All that the server asks of it goes through a proxy that
//! writes it down, while people open every page, call what the pages call and listen to every stream, and the cluster changes.
//!
//! Two things are asked for whoever looks: watches, one a kind, and what goes by the clock ([`goes_by_the_clock`]).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode, header},
};
use futures::future::join_all;
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::{Node, Pod, ResourceQuota};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use slipway_server::{clock::Clock, cluster::Source};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    fixture::{AWAY, Person, Site},
    kubernetes::{self, PATIENCE},
    live::Stream,
    runs::script,
};

/// The shortest time after which something is asked for again although nobody wants it.
const BEAT: Duration = Duration::from_secs(15);

/// How often each object of the test changes.
const PAUSE: Duration = Duration::from_millis(250);

/// What every viewer opens and calls, with `RUN` for the run's id.
const READ: &[&str] = &[
    "/",
    "/runs?state=running",
    "/runs/RUN",
    "/runs/RUN?tab=logs",
    "/runs/RUN?tab=pods",
    "/runs/RUN?tab=events",
    "/runs/RUN?tab=yaml",
    "/runs/RUN/log",
    "/runs/new?from=RUN",
    "/nodes",
    "/nodes/gpu-b",
    "/quotas",
    "/quotas/default",
    "/priorities",
    "/me",
    "/api/runs/list?query[team]=",
    "/api/runs/get?id=RUN",
    "/api/runs/start",
    "/api/runs/picture?team=default",
    "/api/runs/chart?id=RUN&query[metric]=loss&query[width]=100",
    "/api/runs/logs?id=RUN&query[count]=10&query[search]=",
    "/api/runs/events?id=RUN",
    "/api/runs/yaml?id=RUN",
    "/api/nodes/list?query[page]=0",
    "/api/nodes/get?name=gpu-b",
    "/api/quotas/list",
    "/api/quotas/team?team=default",
    "/api/priorities/list",
    "/healthz",
    "/readyz",
];

/// What only admins may open and call.
const READ_BY_ADMINS: &[&str] = &[
    "/nodes/gpu-b/layout",
    "/people",
    "/teams",
    "/teams/default",
    "/audit",
    "/api/nodes/layout?node=gpu-b&form[config]=",
    "/api/people/list",
    "/api/teams/list",
    "/api/teams/get?team=default",
    "/api/audit/list?query[who]=",
];

const STREAMS: &[&str] = &["/live?runs=", "/live?run=RUN", "/live?whole=nodes", "/live?whole=shares", "/live?whole=room"];

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("a cluster");
    config.read_timeout = None;
    Client::try_from(config).expect("a client")
}

/// Between the server and the API server: passes everything on, and writes down what was asked and for whom.
#[derive(Clone)]
struct Counter {
    client: Client,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Counter {
    /// Begins to count what is asked with the kubeconfig that comes back.
    async fn start(of: &Path, folder: &Path) -> (Self, PathBuf) {
        let counter = Self { client: client(of).await, asked: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let kubeconfig = folder.join("counted");
        let address = listener.local_addr().expect("an address");
        std::fs::write(&kubeconfig, AWAY.replace("127.0.0.1:1", &address.to_string())).expect("a kubeconfig");
        let pass = Router::new().fallback(pass_on).with_state(counter.clone());
        tokio::spawn(async move { axum::serve(listener, pass).await });
        (counter, kubeconfig)
    }

    fn len(&self) -> usize {
        self.asked.lock().expect("whole").len()
    }

    /// How often each thing was asked since there were `from` requests.
    fn since(&self, from: usize) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for asked in &self.asked.lock().expect("whole")[from..] {
            *counts.entry(asked.clone()).or_default() += 1;
        }
        counts
    }
}

async fn pass_on(State(counter): State<Counter>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let person = parts.headers.get("impersonate-user").map_or("slipway", |name| name.to_str().expect("a name"));
    if !query.split('&').any(|pair| pair == "watch=true") {
        let dry = if query.contains("dryRun") { " (dry run)" } else { "" };
        counter.asked.lock().expect("whole").push(format!("{person} {} {}{dry}", parts.method, parts.uri.path()));
    }
    parts.headers.remove(header::HOST);
    let body = body.collect().await.expect("the whole request").to_bytes();
    match counter.client.send(Request::from_parts(parts, kube::client::Body::from(body.to_vec()))).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => {
            let body = Body::from(error.to_string());
            Response::builder().status(StatusCode::BAD_GATEWAY).body(body).expect("an answer")
        }
    }
}

/// Whether the server asks for it again and again for reasons of its own: kinds that the cluster does not have (every 15 s), what
/// teams' namespaces must hold (every 30 s), and the cuts that mig-manager knows (every minute).
fn goes_by_the_clock(asked: &str) -> bool {
    let of_a_team = |path: &str| ["/roles/", "/rolebindings/", "/persistentvolumeclaims/"].iter().any(|part| path.contains(part));
    match asked.strip_prefix("slipway ").and_then(|asked| asked.split_once(' ')) {
        Some(("GET", path)) => {
            path.ends_with("/workloads") || path == "/api/v1/configmaps" || path.strip_prefix("/api/v1/namespaces/").is_some_and(is_name)
        }
        Some(("PATCH", path)) => of_a_team(path) || path.strip_prefix("/api/v1/namespaces/").is_some_and(is_name),
        Some(_) | None => false,
    }
}

fn is_name(text: &str) -> bool {
    !text.contains('/')
}

/// Opens everything and listens to everything, and has heard of a change on each stream at the end.
async fn looks(viewer: &Person, run: &str) {
    let mut browser = viewer.browser.clone();
    let mut streams = Vec::new();
    for stream in STREAMS {
        streams.push(Stream::open(viewer, &stream.replace("RUN", run)).await);
    }
    let admins = if viewer.name == "root" { READ_BY_ADMINS } else { &[] };
    for path in READ.iter().chain(admins) {
        browser.get(&path.replace("RUN", run)).await.expect(200);
    }
    browser.call("runs/preview", json!({ "form": script("not-launched", "true") })).await.expect(200);
    for (stream, path) in streams.iter_mut().zip(STREAMS) {
        let heard = stream.next_but_cluster().await.unwrap_or_else(|| panic!("{path} ended"));
        assert_ne!(heard.message, "signed_out", "{path}");
    }
}

/// Changes the cluster again and again: a Pod of the run, a node, and a quota.
async fn keep_changing(cluster: Client, run: String, quota: Api<ResourceQuota>) {
    let pods: Api<Pod> = Api::namespaced(cluster.clone(), "default");
    let nodes: Api<Node> = Api::all(cluster);
    let of_run = kube::api::ListParams::default().labels(&format!("slipway.dev/run={run}"));
    let pod = pods.list(&of_run).await.expect("Pods").items.pop().and_then(|pod| pod.metadata.name).expect("the run has a Pod");
    let params = PatchParams::default();
    for round in 0_u64.. {
        let labelled = Patch::Merge(json!({ "metadata": { "labels": { "slipway.test/round": round.to_string() } } }));
        pods.patch(&pod, &params, &labelled).await.expect("the Pod changes");
        nodes.patch("gpu-b", &params, &labelled).await.expect("the node changes");
        let hard = Patch::Merge(json!({ "spec": { "hard": { "pods": (100 + round).to_string() } } }));
        quota.patch("viewers", &params, &hard).await.expect("the quota changes");
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn fifty_viewers_cost_the_api_server_no_more_than_one() {
    let kubernetes = tokio::task::spawn_blocking(kubernetes::shared).await.expect("a cluster");
    let folder = TempDir::new().expect("a folder");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (counter, kubeconfig) = Counter::start(&kubernetes.kubeconfig(), folder.path()).await;
    let site = Site::start_by(Clock::machine(), |settings| settings.cluster = Source::File(kubeconfig)).await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let admin_of_cluster = client(&kubernetes.admin()).await;

    // A namespace of this test's own, so that no other's runs are limited by its quota.
    kubernetes.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "viewers" } }));
    let quota =
        json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "viewers" }, "spec": { "hard": { "pods": "1" } } });
    let quotas: Api<ResourceQuota> = Api::namespaced(admin_of_cluster.clone(), "viewers");
    let quota = serde_json::from_value(quota).expect("a quota");
    quotas.create(&kube::api::PostParams::default(), &quota).await.expect("it is made");
    let begun = Instant::now();
    while !kubernetes.lets("slipway:mina", "slipway:default:engineer", "create", "jobs", "default") {
        assert!(begun.elapsed() < PATIENCE, "team default is not prepared within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let prints = r#"n=0; while true; do n=$((n+1)); echo "{\"slipway\":\"metric\",\"step\":$n,\"time\":1700000000000,\"values\":{\"loss\":0.5}}"; sleep 0.2; done"#;
    let id = mina.launches(&script("looked-at", prints)).await;
    mina.sees(&id, "running").await;
    // From its first line on its log is being read.
    let begun = Instant::now();
    while mina.run(&id).await["metrics"].as_array().is_none_or(Vec::is_empty) {
        assert!(begun.elapsed() < PATIENCE, "no metric within {PATIENCE:?}\n{}", kubernetes.looks());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let changing = tokio::spawn(keep_changing(admin_of_cluster, id.clone(), quotas));
    let viewer = |person: &Person| Person { id: person.id.clone(), name: person.name, browser: person.browser.clone() };
    let mut counted = Vec::new();
    for viewers in [1, 50] {
        let viewers: Vec<Person> = (0..viewers).map(|at| viewer(if at % 2 == 0 { &admin } else { &mina })).collect();
        let (begun, from) = (Instant::now(), counter.len());
        join_all(viewers.iter().map(|viewer| looks(viewer, &id))).await;
        let (took, mut asked) = (begun.elapsed(), counter.since(from));
        let beats = took.as_secs() / BEAT.as_secs() + 1;
        for (what, times) in asked.extract_if(.., |what, _| goes_by_the_clock(what)) {
            assert!(
                times as u64 <= beats,
                "{} viewers, {took:?}: {what} was asked {times} times, the clock has it {beats} times at most",
                viewers.len()
            );
        }
        counted.push(asked);
    }
    assert!(!changing.is_finished(), "the cluster stopped changing: {:?}", changing.await);
    changing.abort();
    assert_eq!(counted[0], counted[1], "what one viewer costs, and what fifty cost");

    // What somebody does is counted: it would have been seen.
    let mut launched = vec![id];
    let mut launching = Vec::new();
    for runs in [1, 3] {
        let from = counter.len();
        for run in 0..runs {
            launched.push(mina.launches(&script(&format!("counted-{runs}-{run}"), "true")).await);
        }
        let asked = counter.since(from);
        launching.push(asked.iter().filter(|(what, _)| what.starts_with("slipway:mina ")).map(|(_, times)| times).sum::<usize>());
    }
    assert!(launching[0] > 0 && launching[1] == 3 * launching[0], "one launch, and three: {launching:?}");
    for id in launched {
        let _: Value = mina.run(&id).await;
        mina.acts(&id, "delete").await;
    }
    kubernetes.ok(&["delete", "namespace", "viewers", "--wait=false"]);
}
