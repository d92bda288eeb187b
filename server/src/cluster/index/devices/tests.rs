//! Slices and claims, fed as watches feed them.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use slipway_domain::node::{
    NodeRow,
    dra::{DRIVER, DraGpu},
};

use super::{objects::DeviceObject, *};
use crate::cluster::index::rows::{EventObject, NodeObject, PodObject};

fn object<T: Watched>(value: Value) -> T {
    serde_json::from_value(value).expect("the object is read")
}

fn clock() -> Clock {
    Clock::machine()
}

fn gpu(number: usize) -> Value {
    json!({
        "name": format!("gpu-{number}"), "capacity": { "memory": { "value": "40Gi" } },
        "attributes": {
            "type": { "string": "gpu" }, "uuid": { "string": format!("GPU-{number}") }, "productName": { "string": "NVIDIA H200" },
            "driverVersion": { "version": "580.95.5" }, "resource.kubernetes.io/pcieRoot": { "string": "pci0000:00" },
        },
    })
}

fn slice(name: &str, pool: &str, generation: i64, of: usize, devices: &[Value]) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": {
            "driver": DRIVER, "nodeName": pool, "pool": { "name": pool, "generation": generation, "resourceSliceCount": of }, "devices": devices,
        },
    })
}

/// A claim that has a device of a pool, for a Pod.
fn claim(name: &str, pool: &str, device: &str, pod: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "vision" },
        "spec": { "devices": { "requests": [{ "name": "gpu", "exactly": { "deviceClassName": "gpu.nvidia.com" } }] } },
        "status": {
            "allocation": { "devices": { "results": [{ "request": "gpu", "driver": DRIVER, "pool": pool, "device": device }] } },
            "reservedFor": [{ "resource": "pods", "name": pod, "uid": "u" }],
        },
    })
}

fn node(name: &str) -> NodeObject {
    object(json!({ "metadata": { "name": name }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } }))
}

fn pod(name: &str, node: &str) -> PodObject {
    object(json!({
        "metadata": { "name": name, "namespace": "vision", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": { "slipway.dev/run": name } },
        "spec": { "nodeName": node, "containers": [{ "resources": {} }] }, "status": { "phase": "Running" },
    }))
}

/// Nodes with the runs that have their devices, as they are drawn.
fn drawn(index: &Index) -> Vec<String> {
    let who = |holder: &Holder| holder.run.clone().map_or_else(|| holder.team.clone(), |run| run.0);
    let gpu = |gpu: &DraGpu| {
        let parts = gpu.parts.iter().map(|part| part.holders.iter().map(who).collect::<Vec<_>>().join("+"));
        format!("{}:{}", gpu.number, parts.collect::<Vec<_>>().join(","))
    };
    let text = |row: &NodeRow| format!("{} {}", row.name, row.dra.iter().map(gpu).collect::<Vec<_>>().join(" "));
    index.drawn().iter().map(|drawn| text(&drawn.row)).collect()
}

#[test]
fn a_claim_that_comes_or_goes_changes_the_node_whose_device_it_has_and_no_other() {
    let index = Index::default();
    for name in ["a", "b"] {
        NodeObject::apply(&index, node(name), &clock());
        SliceObject::apply(&index, object(slice(name, name, 1, 1, &[gpu(0), gpu(1)])), &clock());
    }
    PodObject::apply(&index, pod("r1", "a"), &clock());
    let before = index.drawn();
    assert_eq!((drawn(&index), before[0].row.driver.as_deref()), (vec!["a 0: 1:".into(), "b 0: 1:".into()], Some("580.95.5")));
    let mut changes = index.changes();
    ClaimObject::apply(&index, object(claim("c", "a", "gpu-1", "r1")), &clock());
    assert_eq!(changes.try_recv(), Ok(Change::Nodes));
    ClaimObject::apply(&index, object(claim("c", "a", "gpu-1", "r1")), &clock());
    assert!(changes.try_recv().is_err(), "what is as it was is nothing to tell of");
    assert_eq!(drawn(&index), ["a 0: 1:r1", "b 0: 1:"]);
    assert!(Arc::ptr_eq(&index.drawn()[1], &before[1]), "the other node is left as it was");
    ClaimObject::apply(&index, object(claim("c", "b", "gpu-0", "nobody-known")), &clock());
    assert_eq!(drawn(&index), ["a 0: 1:", "b 0:vision 1:"]);
    ClaimObject::reset(&index, Vec::new(), &clock());
    assert_eq!(drawn(&index), ["a 0: 1:", "b 0: 1:"]);
    SliceObject::delete(&index, object(slice("b", "b", 1, 1, &[])), &clock());
    assert_eq!(drawn(&index), ["a 0: 1:", "b "]);
}

#[test]
fn who_only_looks_at_a_device_does_not_have_it() {
    let index = Index::default();
    NodeObject::apply(&index, node("a"), &clock());
    SliceObject::apply(&index, object(slice("a", "a", 1, 1, &[gpu(0)])), &clock());
    let mut looks = claim("c", "a", "gpu-0", "r1");
    looks["status"]["allocation"]["devices"]["results"][0]["adminAccess"] = json!(true);
    ClaimObject::apply(&index, object(looks), &clock());
    let mut other = claim("d", "a", "gpu-0", "r1");
    other["status"]["allocation"]["devices"]["results"][0]["driver"] = json!("compute-domain.nvidia.com");
    ClaimObject::apply(&index, object(other), &clock());
    assert_eq!(drawn(&index), ["a 0:"]);
}

#[test]
fn only_the_newest_generation_of_a_pool_is_shown_and_what_it_lacks_is_said() {
    let index = Index::default();
    NodeObject::apply(&index, node("a"), &clock());
    let put = |value: Value| SliceObject::apply(&index, object(value), &clock());
    put(slice("old", "a", 1, 1, &[gpu(0), gpu(1)]));
    put(slice("new", "a", 2, 2, &[gpu(3)]));
    let said = || index.drawn()[0].row.contradiction.clone();
    assert_eq!(drawn(&index), ["a 3:"]);
    assert!(said().is_some_and(|why| why.contains("has told 1 of 2 parts")), "{:?}", said());
    put(slice("rest", "a", 2, 2, &[gpu(4)]));
    assert_eq!((drawn(&index), said()), (vec!["a 3: 4:".into()], None));
    let mut elsewhere = slice("other", "a", 9, 1, &[gpu(7)]);
    elsewhere["spec"]["driver"] = json!("compute-domain.nvidia.com");
    put(elsewhere);
    assert_eq!(drawn(&index), ["a 3: 4:"], "another driver's devices are no GPUs");
}

#[test]
fn a_device_is_read_as_the_driver_writes_it() {
    let read = |device: Value| serde_json::from_value::<DeviceObject>(device).expect("a device").into_device();
    let counters: serde_json::Map<String, Value> = [
        ("memory", "9Gi"),
        ("multiprocessors", "42"),
        ("memory-slice-4", "1"),
        ("memory-slice-5", "1"),
        ("memory-slice-6", "1"),
        ("memory-slice-7", "1"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), json!({ "value": value })))
    .collect();
    let mig =
        json!({ "type": { "string": "mig" }, "profile": { "string": "3g.20gb" }, "productName": { "string": "NVIDIA A100-SXM4-40GB" } });
    let on_demand = json!({
        "name": "gpu-0-mig-3g20gb-9-4", "attributes": mig, "consumesCounters": [{ "counterSet": "gpu-0-counter-set", "counters": counters }],
        "taints": [{ "key": "gpu.nvidia.com/unhealthy", "value": "xid-79", "effect": "NoExecute" }, { "key": "a", "effect": "NoSchedule" }, { "key": "b", "effect": "None" }],
    });
    let device = read(on_demand).expect("a slice");
    assert_eq!((device.profile.as_deref(), device.place, device.on_demand), (Some("3g.20gb"), Some((4, 4)), true));
    let taints: Vec<&str> = device.taints.iter().map(|taint| &**taint).collect();
    assert_eq!(taints, ["gpu.nvidia.com/unhealthy=xid-79:NoExecute", "a:NoSchedule"]);
    let by_hand = json!({
        "name": "gpu-0-mig-1g5gb-19-6", "attributes": mig, "capacity": { "memory": { "value": "4864Mi" }, "memorySlice6": { "value": "1" } },
    });
    let device = read(by_hand).expect("a slice");
    assert_eq!((device.place, device.on_demand), (Some((6, 1)), false));
    assert_eq!(read(json!({ "name": "gpu-vfio-0", "attributes": { "type": { "string": "vfio" } } })), None);
    assert_eq!(read(json!({ "name": "channel-0" })), None);
}

#[test]
fn nodes_of_one_kind_keep_their_devices_once() {
    let index = Index::default();
    for name in ["a", "b", "c"] {
        SliceObject::apply(&index, object(slice(name, name, 1, 1, &[gpu(0), gpu(1)])), &clock());
    }
    let state = index.lock();
    let rows: Vec<&SliceRow> = state.devices.slices.values().collect();
    assert!(rows.iter().all(|row| Arc::ptr_eq(&row.devices, &rows[0].devices)), "they differ in their UUIDs alone, which are not kept");
}

/// A Pod of a run that has no node, and uses a claim of its own and one that is made of a template.
fn unbound(made: Option<&str>) -> PodObject {
    let statuses: Vec<Value> = made.iter().map(|claim| json!({ "name": "own", "resourceClaimName": claim })).collect();
    object(json!({
        "metadata": { "name": "r1-x7k2b", "namespace": "vision", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": { "slipway.dev/run": "r1" } },
        "spec": {
            "containers": [{ "name": "main", "resources": {} }],
            "resourceClaims": [{ "name": "shared", "resourceClaimName": "data" }, { "name": "own", "resourceClaimTemplateName": "slice" }],
        },
        "status": { "phase": "Pending", "resourceClaimStatuses": statuses },
    }))
}

#[test]
fn what_a_pod_without_a_node_waits_for_is_told_by_its_claims_alone() {
    let index = Index::default();
    PodObject::apply(&index, unbound(None), &clock());
    let states = || {
        index.run(&RunId("r1".into())).expect("it is there").claims.into_iter().map(|claim| (claim.name, claim.state)).collect::<Vec<_>>()
    };
    assert_eq!(states(), [], "claims are not listed yet: what is not here may exist");
    index.heard(Kind::Claims, Timestamp::from_second(1).expect("in range"));
    let unmade = |refused: Option<&str>| ("slice".to_owned(), ClaimState::Unmade { refused: refused.map(Into::into) });
    assert_eq!(states(), [("data".into(), ClaimState::Missing), unmade(None)]);
    let event = json!({
        "metadata": { "name": "e", "namespace": "vision", "uid": "e1" }, "involvedObject": { "kind": "Pod", "name": "r1-x7k2b", "namespace": "vision" },
        "reason": "FailedResourceClaimCreation", "message": "PodResourceClaim own: no", "type": "Warning", "count": 3,
    });
    EventObject::apply(&index, object(event), &clock());
    assert_eq!(states()[1], unmade(Some("PodResourceClaim own: no")));

    NodeObject::apply(&index, node("a"), &clock());
    SliceObject::apply(&index, object(slice("a", "a", 1, 1, &[gpu(0)])), &clock());
    ClaimObject::apply(&index, object(claim("data", "a", "gpu-0", "other")), &clock());
    let waits = json!({
        "metadata": { "name": "r1-own", "namespace": "vision" },
        "spec": { "devices": { "requests": [
            { "name": "a", "exactly": { "deviceClassName": "mig.nvidia.com", "count": 2, "allocationMode": "ExactCount" } },
            { "name": "b", "firstAvailable": [{ "name": "x", "deviceClassName": "x" }, { "name": "y", "deviceClassName": "y", "allocationMode": "All" }] },
        ] } },
    });
    ClaimObject::apply(&index, object(waits.clone()), &clock());
    PodObject::apply(&index, unbound(Some("r1-own")), &clock());
    assert_eq!(states(), [("data".into(), ClaimState::Has { node: Some("a".into()) }), ("r1-own".into(), ClaimState::Waits)]);
    let asks = index.run(&RunId("r1".into())).expect("it is there").claims.remove(1).asks;
    assert_eq!(asks, ["2 × mig.nvidia.com", "1 × x or every y"]);
    let mut going = waits;
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:09Z");
    ClaimObject::apply(&index, object(going), &clock());
    assert_eq!(states()[1].1, ClaimState::Deleting);
    PodObject::apply(&index, pod("r1-x7k2b", "a"), &clock());
    assert!(index.run(&RunId("r1-x7k2b".into())).is_some_and(|run| run.claims.is_empty()), "it has a node");
}

proptest! {
    #[test]
    fn whatever_comes_and_goes_the_devices_are_drawn_as_if_they_were_seen_for_the_first_time(
        steps in proptest::collection::vec((0..6_u8, 0..6_usize, 0..3_usize, 0..3_usize), 0..60)
    ) {
        let index = Index::default();
        let name = |at: usize| ["a", "b", "gone"][at];
        let (mut slices, mut claims) = (BTreeMap::new(), BTreeMap::new());
        for at in 0..2 {
            NodeObject::apply(&index, node(name(at)), &clock());
        }
        for (what, which, at, device) in steps {
            let advertised = slice(&format!("s{which}"), name(at), i64::from(u8::try_from(device).unwrap_or(0)), 1, &[gpu(which), gpu(which + 6)]);
            let taken = claim(&format!("c{which}"), name(at), &format!("gpu-{}", which + device), &format!("p{which}"));
            match what {
                0 | 1 => {
                    SliceObject::apply(&index, object(advertised.clone()), &clock());
                    slices.insert(which, advertised);
                }
                2 => {
                    SliceObject::delete(&index, object(advertised), &clock());
                    slices.remove(&which);
                }
                3 => {
                    ClaimObject::delete(&index, object(taken), &clock());
                    claims.remove(&which);
                }
                _ => {
                    ClaimObject::apply(&index, object(taken.clone()), &clock());
                    claims.insert(which, taken);
                }
            }
            // Drawn in between, so that what is kept has to be found out of date.
            if which % 2 == 0 {
                index.drawn();
            }
        }
        let anew = Index::default();
        ClaimObject::reset(&anew, claims.into_values().map(object).collect(), &clock());
        SliceObject::reset(&anew, slices.into_values().map(object).collect(), &clock());
        NodeObject::reset(&anew, (0..2).map(|at| node(name(at))).collect(), &clock());
        prop_assert_eq!(index.drawn(), anew.drawn());
        let state = index.lock();
        prop_assert!(state.devices.of_pool.values().all(|keys| !keys.is_empty()) && state.devices.of_node.values().all(|names| !names.is_empty()));
    }
}
