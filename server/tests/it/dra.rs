//! GPUs that are given by claims (DRA) on a real Kubernetes: its scheduler gives what the test advertises as NVIDIA's driver
//! does, and Slipway says of each device whose it is.

use serde_json::{Value, json};
use slipway_domain::{person::PersonName, run::spec::RunId};
use slipway_server::store::runs::{self, NewRun};

use crate::{
    fixture::{Person, Site},
    kubernetes::{self, Kubernetes},
    live::Stream,
    runs::{script, site_on},
};

/// A node of this file's own, without GPUs that are resources.
pub const NODES: &str = "\
- {name: by-claim, cpu: 8, memory: 64Gi, taints: [{key: test, effect: NoSchedule}]}
";

const NODE: &str = "by-claim";

const PRODUCT: &str = "NVIDIA A100-SXM4-40GB";

/// The classes of the driver's chart.
pub fn class(kind: &str) -> Value {
    let expression = format!("device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == '{kind}'");
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass",
        "metadata": { "name": format!("{kind}.nvidia.com") },
        "spec": { "selectors": [{ "cel": { "expression": expression } }] },
    })
}

fn attributes(kind: &str) -> Value {
    json!({
        "type": { "string": kind }, "productName": { "string": PRODUCT }, "brand": { "string": "Nvidia" },
        "architecture": { "string": "Ampere" }, "cudaComputeCapability": { "version": "8.0.0" },
        "driverVersion": { "version": "580.95.5" }, "cudaDriverVersion": { "version": "13.0.0" },
    })
}

/// A whole GPU as the driver writes it.
pub fn gpu(number: u32) -> Value {
    let mut attributes = attributes("gpu");
    attributes["uuid"] = json!({ "string": format!("GPU-{number:08}-0000-4000-8000-000000000000") });
    json!({ "name": format!("gpu-{number}"), "attributes": attributes, "capacity": { "memory": { "value": "40Gi" } } })
}

/// A slice that is cut by hand, as the driver writes it.
fn slice(number: u32, profile: &str, id: u32, start: u32, memory: u32) -> Value {
    let mut attributes = attributes("mig");
    attributes["profile"] = json!({ "string": profile });
    attributes["parentUUID"] = json!({ "string": format!("GPU-{number:08}-0000-4000-8000-000000000000") });
    let mut capacity = json!({ "memory": { "value": "4864Mi" }, "multiprocessors": { "value": "14" } });
    for place in start..start + memory {
        capacity[format!("memorySlice{place}")] = json!({ "value": "1" });
    }
    let word = profile.replace('.', "");
    json!({ "name": format!("gpu-{number}-mig-{word}-{id}-{start}"), "attributes": attributes, "capacity": capacity })
}

/// A slice of the pool of a node.
pub fn advertised(node: &str, name: &str, generation: u32, of: u32, devices: &[Value]) -> Value {
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": { "name": format!("{node}-gpu.nvidia.com-{name}") },
        "spec": {
            "driver": "gpu.nvidia.com", "nodeName": node, "devices": devices,
            "pool": { "name": node, "generation": generation, "resourceSliceCount": of },
        },
    })
}

/// What a claim asks for.
pub fn asks(class: &str, count: u32) -> Value {
    json!({ "devices": { "requests": [{ "name": "gpu", "exactly": { "deviceClassName": class, "count": count } }] } })
}

fn claim(name: &str, class: &str) -> Value {
    json!({ "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": { "name": name, "namespace": "default" }, "spec": asks(class, 1) })
}

/// A Job of a run whose Pods have a claim.
fn job(name: &str, run: &str, pods: u32, claim: &Value) -> Value {
    let mut entry = claim.clone();
    entry["name"] = json!("gpu");
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": "default", "labels": { "slipway.dev/run": run } },
        "spec": { "parallelism": pods, "completions": pods, "template": {
            "metadata": { "labels": { "slipway.dev/run": run } },
            "spec": {
                "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "nodeSelector": { "kubernetes.io/hostname": NODE },
                "tolerations": [{ "key": "test", "operator": "Exists" }], "resourceClaims": [entry],
                "containers": [{
                    "name": "main", "image": "busybox:1", "command": ["sh", "-c", "sleep 300"],
                    "resources": { "requests": { "cpu": "100m" }, "claims": [{ "name": "gpu" }] },
                }],
            },
        } },
    })
}

/// A run that Slipway knows, and whose Job is made beside it.
async fn known(site: &Site, mina: &Person, name: &str) -> String {
    let id = format!("0193f3c2-d7a0-7000-8000-{:0>12}", name.len());
    let by = (mina.id.clone(), PersonName::parse(mina.name).expect("a name"));
    let spec = script(name, "true").parse().expect("a good form");
    let new = NewRun { id: RunId(id.clone()), spec, by, launched: site.clock.now(), applied: String::new() };
    runs::insert(&site.running.store, &new).await.expect("it is stored");
    id
}

/// Who has each device that is drawn, and by which claims.
fn devices(node: &Value) -> Vec<(String, Value, usize)> {
    let gpus = node["row"]["dra"].as_array().expect("a list").iter();
    let parts = gpus.flat_map(|gpu| gpu["parts"].as_array().expect("parts"));
    let claims = |part: &Value| part["claims"].as_array().map_or(0, Vec::len);
    parts.map(|part| (part["device"].as_str().unwrap_or_default().to_owned(), part["holders"].clone(), claims(part))).collect()
}

fn holders(node: &Value, device: &str) -> Value {
    devices(node).into_iter().find(|(name, ..)| name == device).map_or(Value::Null, |(_, holders, _)| holders)
}

fn prepare(kubernetes: &Kubernetes) {
    let cut = [slice(2, "1g.5gb", 19, 0, 1), slice(2, "1g.5gb", 19, 1, 1), slice(2, "3g.20gb", 9, 4, 4)];
    let all = [vec![gpu(0), gpu(1)], cut.to_vec()].concat();
    kubernetes.ok(&["label", "node", NODE, "--overwrite", "nvidia.com/gpu.count=3", "nvidia.com/gpu.product=NVIDIA-A100-SXM4-40GB"]);
    for object in [class("gpu"), class("mig"), advertised(NODE, "a", 1, 1, &all), claim("shared", "gpu.nvidia.com")] {
        kubernetes.apply(&object);
    }
    kubernetes.apply(&json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": { "name": "slice", "namespace": "default" },
        "spec": { "spec": { "devices": { "requests": [{ "name": "gpu", "exactly": {
            "deviceClassName": "mig.nvidia.com", "selectors": [{ "cel": { "expression": "device.attributes['gpu.nvidia.com'].profile == '3g.20gb'" } }],
        } }] } } },
    }));
}

#[tokio::test]
async fn whose_each_device_is_that_a_claim_gives_is_said_as_the_cluster_says_it() {
    let (site, kubernetes) = (site_on(kubernetes::apart).await, kubernetes::apart());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let mut otto = site.outsider(&mut admin).await;
    tokio::task::spawn_blocking(move || prepare(kubernetes)).await.expect("it is prepared");
    let is_there = |node: &Value| node["row"]["dra"].as_array().is_some_and(|gpus| gpus.len() == 3);
    let node = mina.sees_node(NODE, "its GPUs are there", is_there).await;
    assert_eq!(node["row"]["contradiction"], Value::Null, "labels count what claims give: {node:#}");
    assert!(devices(&node).iter().all(|(_, holders, _)| *holders == json!([])), "{node:#}");

    let mut stream = Stream::open(&mina, "/live?whole=nodes").await;
    let (shared, own) = (known(&site, &mina, "shares-a-gpu").await, known(&site, &mina, "has-a-slice").await);
    kubernetes.apply(&job("shares-a-gpu", &shared, 2, &json!({ "resourceClaimName": "shared" })));
    kubernetes.apply(&job("has-a-slice", &own, 1, &json!({ "resourceClaimTemplateName": "slice" })));
    let of = |run: &str| json!([{ "team": "default", "run": run }]);
    let slice = "gpu-2-mig-3g20gb-9-4";
    let node = mina
        .sees_node(NODE, "both runs have what is theirs", |node| {
            holders(node, slice) == of(&own)
                && devices(node).iter().any(|(name, holders, _)| !name.contains("mig") && *holders == of(&shared))
        })
        .await;
    assert_eq!(stream.next_but_cluster().await.map(|event| event.message), Some(json!({ "changed": { "what": "nodes" } })));
    assert_eq!(node["runs"][&own], json!({ "name": "has-a-slice", "who": "mina" }));
    let said = devices(&node);
    assert_eq!(said.iter().filter(|(_, holders, claims)| *holders != json!([]) && *claims == 1).count(), 2, "{node:#}");
    let fleet = mina.browser.get("/api/nodes/list?query[page]=0").await.expect(200).json();
    let total = |name: &str| {
        let totals = fleet["totals"].as_array().expect("totals");
        totals.iter().find(|total| total["name"] == name).map(|total| (total["used"].clone(), total["all"].clone(), total["part"].clone()))
    };
    assert_eq!(total("A100-SXM4-40GB by claim"), Some((json!(1), json!(2), json!([1, 1]))), "{fleet:#}");
    assert_eq!(total("3g.20gb by claim"), Some((json!(1), json!(1), json!([3, 7]))));
    assert_eq!(total("1g.5gb by claim"), Some((json!(0), json!(2), json!([1, 7]))));
    for path in ["/nodes?name=by-claim", "/nodes/by-claim"] {
        let page = mina.browser.get(path).await.expect(200).body;
        assert!(page.contains("has-a-slice") && page.contains(&format!("/runs/{shared}")), "{path}: {page}");
    }
    let page = mina.browser.get("/nodes/by-claim").await.expect(200).body;
    assert!(page.contains("claim default/shared") && page.contains("4 · 3g.20gb"), "{page}");

    // Of another team's, the team alone: a claim is called after its Pod.
    let his = otto.sees_node(NODE, "he sees it", is_there).await;
    assert_eq!(holders(&his, slice), json!([{ "team": "default", "run": null }]), "{his:#}");
    assert!(devices(&his).iter().all(|(_, _, claims)| *claims == 0), "{his:#}");
    for path in ["/nodes?name=by-claim", "/nodes/by-claim", "/api/nodes/get?name=by-claim", "/api/nodes/list?query[page]=0"] {
        let page = otto.browser.get(path).await.expect(200).body;
        for secret in ["has-a-slice", "shares-a-gpu", "default/shared", "mina", &own, &shared] {
            assert!(!page.contains(secret), "{path} tells somebody of another team of {secret}: {page}");
        }
    }

    kubernetes.ok(&["delete", "job", "shares-a-gpu", "has-a-slice", "-n", "default", "--wait=false"]);
    let free = |node: &Value| devices(node).iter().all(|(_, holders, _)| *holders == json!([]));
    mina.sees_node(NODE, "what ends gives back what it had", free).await;
    kubernetes.apply(&advertised(NODE, "b", 2, 2, &[gpu(1)]));
    let part =
        |node: &Value| node["row"]["contradiction"].as_str().is_some_and(|why| why.contains("1 of 2 parts")) && devices(node).len() == 1;
    mina.sees_node(NODE, "a newer generation takes the place of the older, and is not whole", part).await;
    kubernetes.ok(&["delete", "resourceslices", "by-claim-gpu.nvidia.com-a", "by-claim-gpu.nvidia.com-b"]);
    kubernetes.ok(&["label", "node", NODE, "nvidia.com/gpu.count-", "nvidia.com/gpu.product-"]);
    mina.sees_node(NODE, "what is advertised no more is gone", |node| node["row"]["dra"] == json!([])).await;
}
