//! Nodes on a real Kubernetes: who holds what as the cluster says, seen as far as one may, and cordoned by platform admins alone.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};
use slipway_domain::{
    person::PersonName,
    run::{form::RunForm, spec::RunId},
};
use slipway_server::{
    cluster::index::measure,
    store::runs::{self, NewRun},
};

use crate::{
    fixture::{Person, Site},
    kubernetes::{self, PATIENCE},
    live::Stream,
    runs::{script, site, site_on},
};

impl Person {
    async fn node(&mut self, name: &str) -> Value {
        self.browser.get(&format!("/api/nodes/get?name={name}")).await.expect(200).json()
    }

    /// Waits until a node is so; the node then.
    pub async fn sees_node(&mut self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.browser.get(&format!("/api/nodes/get?name={name}")).await;
            if answer.status == 200 && is(&answer.json()) {
                return answer.json();
            }
            assert!(begun.elapsed() < PATIENCE, "{name}: {what}: not within {PATIENCE:?}: {answer:?}\n{}", kubernetes::shared().looks());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Who holds slices of this profile, as a node's answer says; null where one is free.
fn holders(node: &Value, profile: &str) -> Vec<Value> {
    let gpus = node["row"]["gpus"].as_array().expect("a node has GPUs").iter();
    let slices = gpus.filter_map(|gpu| gpu["cut"]["slices"].as_array()).flatten();
    slices.filter(|slice| slice["profile"] == profile).map(|slice| slice["holder"].clone()).collect()
}

#[tokio::test]
async fn a_run_is_seen_in_its_slice_by_its_team_and_by_others_its_team_alone() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let mut mate = site.person(&mut admin, "jo", "default", "engineer").await;
    let mut otto = site.outsider(&mut admin).await;
    let id = mina.launches(&RunForm { gpu: "2g.10gb".into(), ..script("sliced-off", "sleep 300") }).await;
    mina.sees(&id, "running").await;

    let hers = mate.node("gpu-b").await;
    assert_eq!(holders(&hers, "2g.10gb"), [json!({ "team": "default", "run": id })], "{hers:#}");
    assert_eq!(hers["runs"][&id], json!({ "name": "sliced-off", "who": "mina" }));
    let pods = hers["pods"].as_array().expect("Pods");
    assert!(pods.iter().any(|pod| pod["run"] == json!(id) && pod["asks"].as_str().is_some_and(|asks| asks.contains("mig-2g.10gb 1"))));
    for path in ["/nodes", "/nodes/gpu-b"] {
        let page = mate.browser.get(path).await.expect(200).body;
        assert!(page.contains(&format!("/runs/{id}")) && page.contains("sliced-off"), "{path} does not name the run: {page}");
    }

    let his = otto.node("gpu-b").await;
    assert_eq!(holders(&his, "2g.10gb"), [json!({ "team": "default", "run": null })]);
    assert!(his["others"]["default"].as_u64() >= Some(1), "{his:#}");
    for path in ["/nodes", "/nodes/gpu-b", "/api/nodes/get?name=gpu-b", "/api/nodes/list?query[page]=0"] {
        let page = otto.browser.get(path).await.expect(200).body;
        assert!(page.contains("default"), "{path} does not name the team: {page}");
        for secret in ["sliced-off", "mina", &id] {
            assert!(!page.contains(secret), "{path} tells somebody of another team of {secret}: {page}");
        }
    }
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn a_pod_that_is_labelled_with_another_teams_run_is_no_way_to_its_name() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let mut frida = site.person(&mut admin, "frida", "forging", "engineer").await;
    let id = mina.launches(&script("worth-knowing", "sleep 300")).await;
    kubernetes.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "forging" } }));
    kubernetes.apply(&json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "forged", "namespace": "forging" },
        "spec": { "template": {
            "metadata": { "labels": { "slipway.dev/run": id } },
            "spec": {
                "restartPolicy": "Never", "tolerations": [{ "key": "nvidia.com/gpu", "operator": "Exists" }],
                "containers": [{
                    "name": "main", "image": "busybox:1", "command": ["sh", "-c", "sleep 300"],
                    "resources": { "limits": { "nvidia.com/mig-1g.5gb": "1" } },
                }],
            },
        } },
    }));
    let forged = |node: &Value| holders(node, "1g.5gb").contains(&json!({ "team": "forging", "run": null }));
    for person in [&mut frida, &mut admin] {
        let node = person.sees_node("gpu-b", "the forged Pod is seen, with no run", forged).await;
        let pod = node["pods"].as_array().and_then(|pods| pods.iter().find(|pod| pod["team"] == "forging")).cloned();
        assert_eq!(pod.map(|pod| pod["run"].clone()), Some(Value::Null), "{node:#}");
    }
    let page = frida.browser.get("/nodes/gpu-b").await.expect(200).body;
    assert!(!page.contains("worth-knowing") && !page.contains(&id), "{page}");
    kubernetes.ok(&["delete", "namespace", "forging", "--wait=false"]);
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn totals_count_no_slice_as_a_gpu_and_filters_are_in_the_url() {
    let site = site().await;
    let mut admin = site.admin().await;
    let mut otto = site.outsider(&mut admin).await;
    otto.sees_node("gpu-b", "it is there", |_| true).await;
    let fleet = otto.browser.get("/api/nodes/list?query[page]=0").await.expect(200).json();
    let all = |name: &str| {
        let totals = fleet["totals"].as_array().expect("totals");
        totals.iter().find(|total| total["name"] == name).map(|total| (total["all"].clone(), total["part"].clone()))
    };
    assert_eq!(all("A100-SXM4-40GB"), Some((json!(1), json!([1, 1]))), "three of four are cut: {fleet:#}");
    assert_eq!(all("1g.5gb"), Some((json!(3), json!([1, 7]))));
    assert_eq!(all("7g.40gb"), Some((json!(1), json!([7, 7]))));
    assert_eq!(all("A100-SXM4-80GB"), Some((json!(8), json!([1, 1]))));

    let page = otto.browser.get("/nodes?product=A100-SXM4-40GB&health=ready").await.expect(200).body;
    assert!(page.contains("href=\"/nodes/gpu-b\"") && !page.contains("href=\"/nodes/gpu-a\""), "{page}");
    let page = otto.browser.get("/nodes?name=no-such&free=yes").await.expect(200).body;
    assert!(page.contains("No node fits these filters"), "{page}");
    otto.browser.get("/nodes/no-such").await.expect(404);
}

#[tokio::test]
async fn a_platform_admin_cordons_a_node_and_nobody_else_does() {
    let (site, kubernetes) = (site_on(kubernetes::apart).await, kubernetes::apart());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let mut boss = site.person(&mut admin, "bo", "default", "admin").await;
    // A node of this test's own, so that the others' are left as they are.
    let node = "cordoned-by-a-test";
    kubernetes.apply(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": node } }));
    admin.sees_node(node, "it is there", |_| true).await;
    let unschedulable = || kubernetes.ok(&["get", "node", node, "-o", "jsonpath={.spec.unschedulable}"]);

    for person in [&mut mina, &mut boss] {
        let answer = person.browser.call("nodes/cordon", json!({ "name": node, "cordoned": true })).await.expect(403).json();
        assert_eq!(answer["sentence"], "Only a platform admin may change the nodes; ask root");
        person.browser.post(&format!("/nodes/{node}"), &[("do", "cordon")]).await.expect(403);
        assert!(person.node(node).await["denied"].as_str().is_some_and(|why| why.contains("Only a platform admin")));
    }
    assert_eq!(unschedulable(), "");
    for group in ["slipway:default:engineer", "slipway:default:admin"] {
        assert!(!kubernetes.lets("slipway:mina", group, "patch", "nodes", "default"), "{group}");
    }
    assert!(kubernetes.lets("slipway:root", "slipway:platform-admins", "patch", "nodes", "default"));
    assert!(!kubernetes.lets("slipway:root", "slipway:platform-admins", "delete", "nodes", "default"));

    let mut stream = Stream::open(&mina, "/live?whole=nodes").await;
    admin.browser.call("nodes/cordon", json!({ "name": node, "cordoned": true })).await.expect(200);
    assert_eq!(unschedulable(), "true");
    assert_eq!(stream.next_but_cluster().await.map(|event| event.message), Some(json!({ "changed": { "what": "nodes" } })));
    mina.sees_node(node, "it is cordoned", |node| node["cordoned"] == true).await;
    let answer = admin.browser.post(&format!("/nodes/{node}"), &[("do", "uncordon")]).await;
    assert_eq!(answer.location(), format!("/nodes/{node}"), "{answer:?}");
    assert_eq!(unschedulable(), "");
    admin.browser.call("nodes/cordon", json!({ "name": "no-such", "cordoned": true })).await.expect(404);
    kubernetes.ok(&["delete", "node", node, "--wait=false"]);

    let lines = site.audit_lines(100).await;
    let of_node: Vec<&str> = lines.iter().filter(|line| line.contains(node)).map(String::as_str).collect();
    let refused = "Only a platform admin may change the nodes; ask one";
    let expected = ["mina", "mina", "bo", "bo"].map(|who| format!("{who}: cordon node {node} → {refused}"));
    assert_eq!(of_node[..4], expected);
    let done = ["cordon", "cordon", "uncordon", "uncordon"].into_iter().zip(["?", "ok", "?", "ok"]);
    let done: Vec<String> = done.map(|(word, result)| format!("root: {word} node {node} → {result}")).collect();
    assert_eq!(of_node[4..], done);
}

#[tokio::test]
async fn a_page_of_a_hundred_nodes_with_a_run_on_each_is_small() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    measure::fill(site.running.cluster.index(), 8_500);
    // The runs of the Pods on the nodes `gpu0-…`, of two pages of their list.
    site.team("vision").await;
    for (page, at) in [0, 16].into_iter().flat_map(|page| (0..500).map(move |at| (page, at))) {
        let form = RunForm { team: "vision".into(), name: format!("run{page}-of-somebody-{at}"), ..RunForm::default() };
        let spec = form.parse().expect("a good form");
        let by = (admin.id.clone(), PersonName::parse(["mina", "jo", "ada-lovelace"][at % 3]).expect("a name"));
        let id = RunId(format!("0193f3c2-{page:04x}-7000-8000-{at:012}"));
        let new = NewRun { id, spec, by, launched: site.clock.now(), applied: String::new() };
        runs::insert(&site.running.store, &new).await.expect("it is stored");
    }
    let response = admin.browser.with("accept-encoding", "br").send(Method::GET, "/nodes?name=gpu0-", "", String::new()).await;
    assert_eq!(response.headers()["content-encoding"], "br");
    let bytes = response.into_body().collect().await.expect("the whole page").to_bytes().len();
    let page = admin.browser.get("/nodes?name=gpu0-").await.expect(200).body;
    assert_eq!((page.matches("<tbody").count(), page.contains("run16-of-somebody-")), (100, true));
    assert!(bytes <= 40_000, "{bytes} bytes with Brotli, {} without", page.len());
}
