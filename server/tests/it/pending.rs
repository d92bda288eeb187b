//! Why a run waits, as the real control plane says it: every text that it can be made to say here, in one table, and what a person
//! sees of it on a page.
//!
//! The table's Pods ask for nodes that only they may use: made here, without an agent, so that nothing ever runs on them.

mod cases;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use slipway_domain::{
    pending::{self, Asks, Explanation, Waiting},
    run::{form::RunForm, spec::RunId, state::newest, view::EventRow},
};
use slipway_server::{
    clock::Clock,
    cluster::{Change, Cluster, Source},
};
use tokio::sync::watch;

use crate::{
    fixture::{Person, Site},
    kubernetes::{self, Kubernetes, PATIENCE},
    runs::{script, site},
};

/// What was said about each run.
type Said = Arc<Mutex<BTreeMap<RunId, Vec<EventRow>>>>;

/// An index of its own, and what it hears.
struct Watcher {
    cluster: Cluster,
    said: Said,
    _running: watch::Sender<bool>,
}

impl Watcher {
    async fn start(kubernetes: &Kubernetes) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::connect(&Source::File(kubernetes.kubeconfig())).await.expect("a cluster");
        let said = Said::default();
        let (mut changes, heard) = (cluster.index().changes(), said.clone());
        tokio::spawn(async move {
            loop {
                match changes.recv().await {
                    Ok(Change::Event { run, row, .. }) => heard.lock().expect("no panic").entry(run).or_default().insert(0, row),
                    Ok(_) => {}
                    Err(error) => panic!("the changes are lost: {error}"),
                }
            }
        });
        let (running, down) = watch::channel(false);
        let watching = cluster.clone();
        tokio::spawn(async move { watching.watch(Clock::machine(), down).await });
        Self { cluster, said, _running: running }
    }

    /// What is made of a run now; none while the cluster does not show it.
    fn explain(&self, run: &str, nodes: &[pending::NodeView]) -> Option<Explanation> {
        let id = RunId(run.to_owned());
        let facts = self.cluster.index().run(&id)?;
        let events = self.said.lock().expect("no panic").get(&id).cloned().unwrap_or_default();
        let job = facts.job.as_ref();
        let queued = self.cluster.index().queued(&id);
        let asks = Asks::default();
        Some(pending::explain(&Waiting {
            team: facts.team.as_str(),
            suspended: job.is_some_and(|job| job.suspended),
            queued: queued.as_ref(),
            refused: job.and_then(|job| job.refused.as_deref()),
            pod: newest(&facts.pods),
            claims: &facts.claims,
            asks: &asks,
            events: &events,
            nodes: Some(nodes),
            now: Clock::machine().now(),
        }))
    }
}

#[tokio::test]
async fn every_text_that_the_control_plane_says_has_its_cause_and_its_sentence() {
    let kubernetes = tokio::task::spawn_blocking(kubernetes::apart).await.expect("a cluster");
    tokio::task::spawn_blocking(move || cases::prepare(kubernetes)).await.expect("the ground is there");
    let watcher = Watcher::start(kubernetes).await;
    let cases = cases::all();
    let objects = json!({ "apiVersion": "v1", "kind": "List", "items": cases.iter().flat_map(cases::Case::objects).collect::<Vec<_>>() });
    tokio::task::spawn_blocking(move || kubernetes.apply(&objects)).await.expect("the cases are there");
    let (begun, mut open) = (Instant::now(), cases);
    let mut seen: BTreeMap<&str, Explanation> = BTreeMap::new();
    while !open.is_empty() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let nodes = watcher.cluster.index().views(|_| None);
        for case in &open {
            seen.extend(watcher.explain(&case.run(), &nodes).map(|explanation| (case.name, explanation)));
        }
        open.retain(|case| seen.get(case.name).is_none_or(|seen| seen.sentence != case.sentence || !(case.cause)(&seen.cause)));
    }
    let missed: Vec<String> =
        open.iter().map(|case| format!("{}:\n  want {}\n  have {:#?}", case.name, case.sentence, seen.get(case.name))).collect();
    assert!(missed.is_empty(), "{}\n{}", missed.join("\n"), kubernetes.looks());
    for (name, explanation) in &seen {
        let is_said = explanation.evidence.iter().any(|evidence| !evidence.said.is_empty() || !evidence.nodes.is_empty());
        assert!(is_said || cases::SAY_NOTHING.contains(name), "{name} has no evidence: {explanation:?}");
    }
    println!("{} texts in {:?}", seen.len(), begun.elapsed());
}

impl Person {
    /// Waits until a run's page says this of why it waits; what the page says then.
    async fn reads_why(&mut self, id: &str, says: impl Fn(&str) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let run = self.run(id).await;
            if run["why"]["sentence"].as_str().is_some_and(&says) {
                return run;
            }
            assert!(begun.elapsed() < PATIENCE, "not said within {PATIENCE:?}: {}\n{}", run["why"], kubernetes::shared().looks());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn a_run_that_waits_says_why_on_its_page_with_evidence_and_a_way_out() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let form = RunForm { gpu: "gpu".into(), gpu_count: "64".into(), ..script("wide", "true") };
    let id = mina.launches(&form).await;
    let run = mina.reads_why(&id, |said| said.starts_with("Needs 64 × GPU on one node, and the largest, ")).await;
    assert_eq!(run["why"]["sentence"], run["row"]["state"]["why"], "the page says what the list says");
    assert_eq!(run["why"]["fix"], json!({ "clone": { "with": "8 × GPU", "fields": { "gpu_count": "8" } } }));
    let evidence = &run["why"]["evidence"][0];
    assert!(evidence["said"].as_str().is_some_and(|said| said.contains("nodes are available: ")), "{evidence}");
    assert!(evidence["nodes"].as_array().is_some_and(|nodes| nodes.iter().any(|node| node["why"] == "only 8 GPUs in all")), "{evidence}");

    let page = mina.browser.get(&format!("/runs/{id}")).await.expect(200).body;
    for said in ["Needs 64 × GPU on one node", "Clone with 8 × GPU", "What Kubernetes says", "only 8 GPUs in all", "nodes are available"]
    {
        assert!(page.contains(said), "{said} is not on the page");
    }
    let form = mina.browser.get(&format!("/runs/new?from={id}&change=gpu_count%3D8")).await.expect(200).body;
    let field = form.split("id=\"gpu_count\"").nth(1).or_else(|| form.split("name=\"gpu_count\"").nth(1)).unwrap_or_default();
    assert!(field.split('>').next().is_some_and(|field| field.contains("value=\"8\"")), "the form is not filled in: {field:.300}");
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn who_suspended_a_run_is_said_and_it_can_be_resumed() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let id = mina.launches(&script("put-aside", "sleep 300")).await;
    mina.sees(&id, "running").await;
    admin.acts(&id, "suspend").await.expect(200);
    let run = mina.reads_why(&id, |said| said.starts_with("Suspended by root; ")).await;
    assert_eq!(run["why"]["fix"], "resume");
    mina.acts(&id, "resume").await.expect(200);
    mina.sees(&id, "running").await;
    let kubernetes = kubernetes::shared();
    // Kubernetes writes the time of its events in whole seconds.
    kubernetes.ok(&["patch", "job", "put-aside", "-n", "default", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]);
    mina.reads_why(&id, |said| said.starts_with("Suspended by something other than Slipway")).await;
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn an_image_that_cannot_be_had_is_evidence_with_a_button_to_change_it() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let id = mina.launches(&RunForm { image: "nowhere/pending:1".into(), ..script("unpulled", "true") }).await;
    let run = mina.reads_why(&id, |said| said.starts_with("The image nowhere/pending:1 cannot be pulled, on ")).await;
    assert_eq!(run["why"]["fix"], "change_image");
    assert!(run["why"]["evidence"][0]["said"].as_str().is_some_and(|said| said.contains("no row of")), "{}", run["why"]);
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn what_was_last_known_is_said_while_the_cluster_is_away() {
    use slipway_server::store::{
        history::{self, KeyedEvent},
        runs::{self, NewRun},
    };
    // This server's cluster was never there: all that it knows is in its database.
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let spec = script("remembered", "true").parse().expect("a good form");
    let (id, at) = (RunId("0193-remembered".into()), site.clock.now());
    let by = (mina.id.clone(), slipway_domain::person::PersonName::parse("mina").expect("a name"));
    let store = &site.running.store;
    runs::insert(store, &NewRun { id: id.clone(), spec, by, launched: at, applied: "kind: Job".into() }).await.expect("it is stored");
    let text = "Error creating: pods \"remembered-x\" is forbidden: exceeded quota: small, requested: cpu=2, used: cpu=0, limited: cpu=1";
    let row =
        EventRow { at, warning: true, reason: "FailedCreate".into(), object: "Job/remembered".into(), message: text.into(), count: 4 };
    history::keep_events(store, &[KeyedEvent { run: id.clone(), key: "e".into(), row }]).await.expect("it is stored");
    let run = mina.run(&id.0).await;
    assert_eq!(run["why"]["sentence"], run["row"]["state"]["why"], "as it was last said");
    assert_eq!(run["why"]["evidence"][0]["said"], text);
    assert_eq!(run["why"]["fix"], json!({ "quotas": { "team": "default" } }));
    assert!(run["stale_since"].is_string(), "{}", run["stale_since"]);
}
