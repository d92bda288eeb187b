//! What is free, as each may know it: the picture by which a browser says whether a run will run.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slipway_domain::run::form::RunForm;

use crate::{
    fixture::Person,
    kubernetes::{self, PATIENCE},
    runs::{script, site},
};

impl Person {
    /// Asks for the picture until it is so; its text.
    async fn pictures(&mut self, team: &str, so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let picture = self.browser.get(&format!("/api/runs/picture?team={team}")).await.expect(200).body;
            if so(&picture) {
                return picture;
            }
            assert!(begun.elapsed() < PATIENCE, "{picture}\n{}", kubernetes::shared().looks());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the cluster's nodes take Pods: until then nothing runs now.
    async fn finds_room(&mut self) {
        let begun = Instant::now();
        loop {
            let small = self.previews(&script("small", "true")).await;
            if small["outcome"]["runs_now"]["node"].is_string() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{small}\n{}", kubernetes::shared().looks());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn previews(&mut self, form: &RunForm) -> Value {
        self.browser.call("runs/preview", json!({ "form": form })).await.expect(200).json()["answer"].clone()
    }
}

#[tokio::test]
async fn another_teams_run_is_in_nobody_elses_picture_by_name() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    kubernetes.ok(&["create", "namespace", "apart"]);
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "hush-hush-1", "namespace": "apart", "labels": { "slipway.dev/run": "0193-hush" } },
        "spec": { "template": {
            "metadata": { "labels": { "slipway.dev/run": "0193-hush" } },
            "spec": {
                "restartPolicy": "Never",
                "containers": [{
                    "name": "main", "image": "busybox:1", "command": ["sleep", "600"],
                    "resources": { "limits": { "cpu": "100m", "memory": "64Mi" } },
                }],
            },
        } },
    });
    kubernetes.apply(&job);
    // The admin's picture shows that it is there.
    admin.pictures("default", |picture| picture.contains("hush-hush-1")).await;
    let seen = mina.pictures("default", |picture| picture.contains("\"apart\"")).await;
    assert!(!seen.contains("hush-hush") && !seen.contains("0193-hush"), "{seen}");
    // Nor does she get the rules of a team that is not hers.
    for team in ["apart", "elsewhere"] {
        mina.browser.get(&format!("/api/runs/picture?team={team}")).await.expect(403);
    }
    site.visitor().get("/api/runs/picture?team=default").await.expect(401);
    kubernetes.ok(&["delete", "namespace", "apart", "--wait=false"]);
}

#[tokio::test]
async fn the_preview_says_where_it_runs_what_it_waits_for_and_what_would_run() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    mina.finds_room().await;
    let product = "NVIDIA-A100-SXM4-80GB".to_owned();
    let large = RunForm { gpu: "gpu".into(), gpu_count: "9".into(), gpu_product: product, ..script("large", "true") };
    let large = mina.previews(&large).await;
    assert_eq!(large["outcome"]["waits"]["too_large"]["most"], "8", "{large}");
    assert_eq!(large["nearest"]["gpu"]["kind"], "whole", "{large}");
    // Slices are not GPUs, whatever they are cut from.
    let slice = mina.previews(&RunForm { gpu: "7g.40gb".into(), gpu_count: "2".into(), ..script("slices", "true") }).await;
    assert_eq!(slice["outcome"]["waits"]["too_large"]["most"], "1", "{slice}");
    let gone = mina.previews(&RunForm { priority_class: "not-there".into(), ..script("gone", "true") }).await;
    assert_eq!(gone["outcome"]["refused"]["field"], "priority_class", "{gone}");
}

#[tokio::test]
async fn a_launch_whose_pods_would_be_refused_comes_back_with_the_sentence_beside_its_field() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    kubernetes.ok(&["create", "priorityclass", "fit-capped", "--value=8"]);
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "fit-capped", "namespace": "default" },
        "spec": {
            "hard": { "requests.memory": "1Gi" },
            "scopeSelector": { "matchExpressions": [{ "scopeName": "PriorityClass", "operator": "In", "values": ["fit-capped"] }] },
        },
    });
    kubernetes.apply(&quota);
    mina.finds_room().await;
    mina.pictures("default", |picture| picture.contains("\"fit-capped\"") && picture.contains("requests.memory")).await;
    let form = RunForm { memory: "3Gi".into(), priority_class: "fit-capped".into(), ..script("over", "true") };
    let answer = mina.browser.call("runs/launch", json!({ "form": form })).await.expect(422);
    let want = "The team's quota fit-capped has no room: it asks for 3Gi more memory with 0 of 1Gi in use";
    assert!(answer.body.contains(want), "{answer:?}");
    assert_eq!(kubernetes.ok(&["get", "jobs", "-n", "default", "--field-selector=metadata.name=over", "-o", "name"]), "");
    // Without a script it comes back filled in, and offers what would run.
    let fields = [("team", "default"), ("name", "over"), ("memory", "3Gi"), ("priority_class", "fit-capped")];
    let page = mina.browser.post("/runs/new", &fields).await.expect(422);
    assert!(page.body.contains(&want.replace('\'', "&#x27;")) || page.body.contains(want), "{page:?}");
    assert!(page.body.contains("3Gi"), "{page:?}");
    let nearest: Vec<_> = fields.into_iter().chain([("do", "nearest")]).collect();
    let page = mina.browser.post("/runs/new", &nearest).await.expect(200);
    assert!(page.body.contains("value=\"1Gi\"") && !page.body.contains("value=\"3Gi\""), "{page:?}");
}
