//! Runs on a real Kubernetes: what a person asks of Slipway is what the cluster does, in that person's name, and no more.

use std::time::Instant;

use hyper::Method;
use serde_json::{Value, json};
use slipway_domain::run::form::RunForm;
use slipway_server::{clock::Clock, cluster::Source, serve::Settings};

use crate::{
    browser::Answer,
    fixture::{Person, Site},
    kubernetes::{self, Kubernetes, PATIENCE},
};

/// A server on the cluster that the tests share, whose clock is the machine's, as the cluster's is.
pub async fn site() -> Site {
    site_on(kubernetes::shared).await
}

/// The same on another of the tests' clusters.
pub async fn site_on(cluster: fn() -> &'static Kubernetes) -> Site {
    site_with(cluster, |_, _| {}).await
}

/// The same, with settings that differ from the usual.
pub async fn site_with(cluster: fn() -> &'static Kubernetes, change: impl FnOnce(&Kubernetes, &mut Settings)) -> Site {
    let kubernetes = tokio::task::spawn_blocking(cluster).await.expect("a cluster");
    let settle = |settings: &mut Settings| {
        settings.cluster = Source::File(kubernetes.kubeconfig());
        change(kubernetes, settings);
    };
    let site = Site::start_by(Clock::machine(), settle).await;
    let begun = Instant::now();
    while !kubernetes.lets("slipway:mina", "slipway:default:engineer", "create", "jobs", "default") {
        assert!(begun.elapsed() < PATIENCE, "team default is not prepared within {PATIENCE:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    site
}

/// A run of a shell script.
pub fn script(name: &str, script: &str) -> RunForm {
    let text = str::to_owned;
    RunForm {
        team: text("default"),
        name: text(name),
        program: text("command"),
        image: text("busybox:1"),
        command: format!("sh\n-c\n{script}"),
        cpu: text("100m"),
        memory: text("64Mi"),
        ..RunForm::default()
    }
}

impl Person {
    pub async fn tries_to_launch(&mut self, form: &RunForm) -> Answer {
        self.browser.call("runs/launch", json!({ "form": form })).await
    }

    /// Launches a run and answers with its id.
    pub async fn launches(&mut self, form: &RunForm) -> String {
        self.tries_to_launch(form).await.expect(200).json().as_str().expect("an id").to_owned()
    }

    pub async fn run(&mut self, id: &str) -> Value {
        self.browser.get(&format!("/api/runs/get?id={id}")).await.expect(200).json()
    }

    pub async fn acts(&mut self, id: &str, action: &str) -> Answer {
        self.browser.call("runs/act", json!({ "id": id, "action": action })).await
    }

    /// Waits until a run is in this state; its state then.
    pub async fn sees(&mut self, id: &str, state: &str) -> Value {
        let begun = Instant::now();
        loop {
            let seen = self.run(id).await["row"]["state"].clone();
            if seen["state"] == state {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "not {state} within {PATIENCE:?} but {seen}\n{}", kubernetes::shared().looks());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// Paths by which a run can be reached.
const PATHS: usize = 8;

/// The field that a refused form names, and its sentence.
#[track_caller]
fn refused_at(answer: Answer, field: &str) -> String {
    let answer = answer.expect(422).json();
    answer["fields"][field].as_str().unwrap_or_else(|| panic!("{field} is not named: {answer}")).to_owned()
}

#[tokio::test]
async fn a_run_is_the_persons_who_launched_it_and_its_history_outlives_its_job() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let id = mina.launches(&script("outlives", "echo first words; echo last words")).await;
    mina.sees(&id, "succeeded").await;
    let by = kubernetes.ok(&["get", "job", "outlives", "-n", "default", "-o", "jsonpath={.metadata.annotations}"]);
    assert!(by.contains("mina"), "{by}");

    kubernetes.ok(&["delete", "job", "outlives", "-n", "default", "--cascade=foreground"]);
    assert_eq!(mina.sees(&id, "succeeded").await["state"], "succeeded");
    let log = mina.browser.get(&format!("/runs/{id}/log")).await.expect(200).body;
    assert!(log.contains("first words") && log.contains("last words"), "{log}");
    let lines = site.audit_lines(2).await;
    assert!(lines.iter().all(|line| line.starts_with("mina: launch run run default/outlives")) && lines[1].ends_with("→ ok"), "{lines:?}");
}

#[tokio::test]
async fn whoever_is_of_another_team_reaches_no_part_of_a_run() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let mut otto = site.outsider(&mut admin).await;
    let id = mina.launches(&script("guarded", "sleep 300")).await;
    mina.sees(&id, "running").await;

    let chart = json!({ "metric": "train/loss", "from": null, "to": null, "width": 100 });
    let logs = json!({ "pod": null, "restart": null, "from": null, "count": 10, "search": "" });
    let query = |value: &Value| {
        let pairs = value.as_object().expect("an object").iter().filter(|(_, value)| !value.is_null());
        pairs.map(|(name, value)| format!("&query[{name}]={}", value.to_string().trim_matches('"'))).collect::<String>()
    };
    let paths: [String; PATHS] = [
        format!("/api/runs/get?id={id}"),
        format!("/api/runs/chart?id={id}{}", query(&chart)),
        format!("/api/runs/logs?id={id}{}", query(&logs)),
        format!("/api/runs/events?id={id}"),
        format!("/api/runs/yaml?id={id}"),
        format!("/api/runs/start?from={id}"),
        format!("/runs/{id}/log"),
        format!("/runs/{id}"),
    ];
    for path in paths {
        otto.browser.get(&path).await.expect(403);
        let to_its_owner = mina.browser.clone().send(Method::GET, &path, "", String::new()).await.status();
        assert_eq!(to_its_owner, 200, "{path} is refused to its owner, too: the test asks wrongly");
    }
    for action in ["stop", "suspend", "resume", "delete"] {
        otto.acts(&id, action).await.expect(403);
    }
    otto.tries_to_launch(&script("intruder", "true")).await.expect(403);
    assert_eq!(mina.run(&id).await["row"]["state"]["state"], "running");
    let jobs = kubernetes.ok(&["get", "jobs", "-n", "default", "-o", "name"]);
    assert!(jobs.contains("guarded") && !jobs.contains("intruder"), "{jobs}");
    let lines = site.audit_lines(100).await;
    let refused =
        |what: &str| lines.iter().filter(|line| line.starts_with(&format!("otto: {what}")) && line.contains("You do not belong")).count();
    assert_eq!((refused("see run run default/guarded"), refused("launch run run default/intruder")), (PATHS + 4, 1), "{lines:#?}");
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn a_suspended_run_has_no_pod_and_a_resumed_one_goes_on() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let id = mina.launches(&script("rested", "sleep 300")).await;
    mina.sees(&id, "running").await;
    mina.acts(&id, "suspend").await.expect(200);
    mina.sees(&id, "suspended").await;
    let begun = Instant::now();
    while !kubernetes.ok(&["get", "pods", "-n", "default", "-l", "job-name=rested", "-o", "name"]).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "its Pod is still there\n{}", kubernetes.looks());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let sentence = mina.acts(&id, "suspend").await.expect(409).json()["sentence"].clone();
    assert_eq!(sentence, "It is suspended already");
    mina.acts(&id, "resume").await.expect(200);
    mina.sees(&id, "running").await;
    mina.acts(&id, "delete").await.expect(409);
    mina.acts(&id, "stop").await.expect(200);
    assert_eq!(mina.sees(&id, "stopped").await["by"], "mina");
    mina.acts(&id, "delete").await.expect(200);
    mina.browser.get(&format!("/api/runs/get?id={id}")).await.expect(404);
}

#[tokio::test]
async fn a_name_that_the_cluster_has_already_comes_back_beside_its_field() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    kubernetes.ok(&["create", "job", "somebody-elses", "-n", "default", "--image=busybox:1", "--", "sh", "-c", "true"]);
    let sentence = refused_at(mina.tries_to_launch(&script("somebody-elses", "true")).await, "name");
    assert!(sentence.contains("The cluster has"), "{sentence}");
    let rows = mina.browser.get("/api/runs/list?query[page]=0").await;
    assert!(!rows.body.contains("somebody-elses"), "{rows:?}");
}

#[tokio::test]
async fn what_the_form_cannot_mean_is_refused_before_the_cluster_is_asked() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let form = RunForm { gpu: "gpu".into(), ..script("odd", "true") };
    for (field, form) in [
        ("gpu_count", RunForm { gpu_count: "1.5".into(), ..form.clone() }),
        ("gpu_count", RunForm { gpu_count: "-1".into(), ..form.clone() }),
        ("cpu", RunForm { cpu: "1Ki".into(), ..form.clone() }),
        ("cpu", RunForm { cpu: "-1".into(), ..form.clone() }),
        ("memory", RunForm { memory: "1e400".into(), ..form.clone() }),
        ("name", RunForm { name: "a".repeat(253), ..form.clone() }),
        ("name", RunForm { name: "ראן".into(), ..form.clone() }),
        ("name", RunForm { name: "<b>bold</b>".into(), ..form }),
    ] {
        let sentence = refused_at(mina.tries_to_launch(&form).await, field);
        assert!(sentence.len() > 10, "{field}: {sentence}");
    }
}

#[tokio::test]
async fn kubernetes_itself_refuses_whom_slipway_would_let_by_mistake() {
    let (_site, kubernetes) = (site().await, kubernetes::shared());
    let engineer = "slipway:default:engineer";
    assert!(kubernetes.lets("slipway:mina", engineer, "create", "jobs", "default"));
    for (verb, resource, namespace) in [
        ("create", "jobs", "kube-system"),
        ("create", "resourcequotas", "default"),
        ("create", "rolebindings", "default"),
        ("get", "secrets", "default"),
        ("create", "pods/exec", "default"),
        ("delete", "nodes", "default"),
    ] {
        assert!(!kubernetes.lets("slipway:mina", engineer, verb, resource, namespace), "{verb} {resource} in {namespace}");
    }
    // A role in one team is none in another.
    assert!(!kubernetes.lets("slipway:otto", "slipway:elsewhere:engineer", "create", "jobs", "default"));
}

#[tokio::test]
async fn an_image_that_cannot_be_had_is_said_while_the_run_starts() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let id = mina.launches(&RunForm { image: "nowhere/at-all:1".into(), ..script("no-image", "true") }).await;
    let begun = Instant::now();
    loop {
        let state = mina.sees(&id, "starting").await;
        if state["what"].as_str().is_some_and(|what| what.contains("nowhere/at-all:1")) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{state}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn a_quota_that_refuses_its_pods_is_said_with_its_arithmetic() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    // In force for this one class alone, so that the tests beside this one are not touched.
    kubernetes.ok(&["create", "priorityclass", "capped", "--value=7"]);
    let form = RunForm { memory: "3Gi".into(), priority_class: "capped".into(), ..script("too-much", "sleep 600") };
    let id = mina.launches(&form).await;
    mina.sees(&id, "running").await;
    // A quota that is there at the launch refuses the form; one that comes later refuses the Pods that come after it.
    mina.acts(&id, "suspend").await.expect(200);
    mina.sees(&id, "suspended").await;
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "capped", "namespace": "default" },
        "spec": {
            "hard": { "requests.memory": "1Gi" },
            "scopeSelector": { "matchExpressions": [{ "scopeName": "PriorityClass", "operator": "In", "values": ["capped"] }] },
        },
    });
    kubernetes.apply(&quota);
    mina.acts(&id, "resume").await.expect(200);
    let begun = Instant::now();
    loop {
        let state = mina.sees(&id, "waiting").await;
        let why = state["why"].as_str().unwrap_or_default();
        if why == "The team's quota capped has no room: it asks for 3Gi more memory with 0 of 1Gi in use" {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{state}\n{}", kubernetes.looks());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    mina.acts(&id, "stop").await.expect(200);
}
