//! The index, fed as watches feed it.

use proptest::prelude::*;
use serde_json::{Value, json};
use slipway_domain::{
    node::{Gpu, NodeRow},
    pending::Place,
    run::state::ContainerFacts,
    utilisation::PodKey,
};

use super::{
    super::watch::{Watched, parse_page},
    *,
};
use crate::{
    clock::Clock,
    cluster::index::{
        queues::{LocalQueueObject, WorkloadObject},
        rows::{EventObject, NodeObject},
    },
};

fn object<T: Watched>(value: Value) -> T {
    serde_json::from_value(value).expect("the object is read")
}

fn job(name: &str, run: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "vision", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": { "slipway.dev/run": run, "other": "x" } },
        "spec": { "suspend": false, "template": { "spec": {} } },
        "status": {},
    })
}

fn pod(name: &str, run: Option<&str>, state: &Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "vision", "creationTimestamp": "2026-01-01T00:00:05Z", "labels": { "slipway.dev/run": run }, "managedFields": [{ "manager": "x" }] },
        "spec": { "nodeName": "gpu-a", "containers": [{ "name": "main", "resources": { "requests": { "cpu": "1" } } }] },
        "status": { "phase": "Running", "containerStatuses": [{ "name": "main", "restartCount": 0, "state": state }] },
    })
}

fn running() -> Value {
    json!({ "running": { "startedAt": "2026-01-01T00:00:07Z" } })
}

fn clock() -> Clock {
    Clock::machine()
}

#[test]
fn a_job_and_its_pod_are_one_runs_facts() {
    let index = Index::default();
    JobObject::apply(&index, object(job("digits", "r1")), &clock());
    PodObject::apply(&index, object(pod("digits-abcde", Some("r1"), &running())), &clock());
    let facts = index.run(&RunId("r1".into())).expect("the run is known");
    assert_eq!(facts.team.as_str(), "vision");
    assert!(facts.job.is_some());
    assert!(matches!(facts.pods[0].container, ContainerFacts::Running { .. }));
    assert_eq!(facts.pods[0].node.as_deref(), Some("gpu-a"));
}

#[test]
fn a_pod_has_a_seat_while_it_is_on_a_node_and_has_not_ended() {
    let index = Index::default();
    let key = |name: &str| PodKey { namespace: "vision".into(), name: name.into() };
    let keys = [key("trains"), key("no-such")];
    let seat = || index.seats(keys.iter()).get(&keys[0]).map(|seat| (seat.node.to_string(), seat.holder.run.clone(), seat.asks_for_gpus));
    let object_of = |gpus: Value, phase: &str| {
        let mut pod = pod("trains", Some("r1"), &running());
        pod["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/mig-1g.5gb"] = gpus;
        pod["status"]["phase"] = json!(phase);
        PodObject::apply(&index, object(pod), &clock());
    };
    object_of(json!("1"), "Running");
    assert_eq!(seat(), Some(("gpu-a".to_owned(), Some(RunId("r1".into())), true)));
    object_of(json!("1"), "Succeeded");
    assert_eq!(seat(), None);
}

#[test]
fn a_run_is_gone_when_its_last_object_is() {
    let index = Index::default();
    JobObject::apply(&index, object(job("digits", "r1")), &clock());
    PodObject::apply(&index, object(pod("digits-abcde", Some("r1"), &running())), &clock());
    JobObject::delete(&index, object(job("digits", "r1")), &clock());
    let facts = index.run(&RunId("r1".into())).expect("its Pod is left");
    assert_eq!(facts.job, None);
    PodObject::delete(&index, object(pod("digits-abcde", Some("r1"), &running())), &clock());
    assert_eq!(index.run(&RunId("r1".into())), None);
    assert_eq!(index.runs(), []);
}

#[test]
fn what_the_scheduler_is_told_of_a_pod_is_kept_while_it_has_no_node() {
    let index = Index::default();
    let mut waiting = pod("digits-abcde", Some("r1"), &json!({}));
    waiting["metadata"]["uid"] = "5f0e8a94-1c1e-4a7e-9b8f-3a5d8c1e2f00".into();
    waiting["spec"] = json!({
        "priority": 7, "nodeSelector": { "pool": "a" }, "tolerations": [{ "key": "k", "operator": "Exists" }],
        "schedulingGates": [{ "name": "example.com/budget" }],
        "containers": [{ "name": "main", "resources": { "requests": { "cpu": "1" } } }, { "name": "side", "resources": { "requests": { "cpu": "500m" } } }],
    });
    let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes" });
    waiting["status"] = json!({ "phase": "Pending", "nominatedNodeName": "gpu-a", "conditions": [condition] });
    let facts = |index: &Index| index.run(&RunId("r1".into())).expect("it is there").pods.remove(0);
    PodObject::apply(&index, object(waiting.clone()), &clock());
    let seen = facts(&index);
    let asks = seen.asks.expect("it has no node");
    assert_eq!(asks.requests["cpu"].to_string(), "1500m");
    assert_eq!((asks.selector["pool"].as_str(), asks.tolerations[0].key.as_str()), ("a", "k"));
    assert_eq!((seen.gates, seen.nominated.as_deref(), seen.priority), (vec!["example.com/budget".to_owned()], Some("gpu-a"), 7));
    assert_eq!(seen.uid, "5f0e8a94-1c1e-4a7e-9b8f-3a5d8c1e2f00");

    waiting["spec"]["nodeName"] = "gpu-a".into();
    let displaced = json!({
        "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "lastTransitionTime": "2026-01-01T00:00:09Z",
    });
    waiting["status"] =
        json!({ "phase": "Running", "conditions": [displaced], "containerStatuses": [{ "name": "main", "state": running() }] });
    PodObject::apply(&index, object(waiting), &clock());
    let seen = facts(&index);
    assert_eq!((seen.asks, seen.displaced), (None, "2026-01-01T00:00:09Z".parse().ok()));
}

#[test]
fn what_kueue_says_of_a_job_is_a_fact_of_its_run() {
    let index = Index::default();
    JobObject::apply(&index, object(job("digits", "r1")), &clock());
    let workload = |conditions: Value| {
        object::<WorkloadObject>(json!({
            "metadata": { "name": "job-digits-1", "namespace": "vision", "ownerReferences": [{ "kind": "Job", "name": "digits" }] },
            "spec": { "queueName": "gpus" }, "status": { "conditions": conditions },
        }))
    };
    let queued = |index: &Index| index.run(&RunId("r1".into())).and_then(|facts| facts.queued);
    let waits = json!([{ "type": "QuotaReserved", "status": "False", "reason": "WaitingForQuota", "message": "2 more needed" }]);
    let mut changes = index.changes();
    WorkloadObject::apply(&index, workload(waits), &clock());
    assert_eq!(changes.try_recv(), Ok(Change::Run(RunId("r1".into()))));
    let seen = queued(&index).expect("it is queued");
    assert_eq!((seen.queue.as_str(), seen.admitted, seen.held), ("gpus", false, Some(("WaitingForQuota".into(), "2 more needed".into()))));
    let admitted = json!([{ "type": "QuotaReserved", "status": "True" }, { "type": "Admitted", "status": "True" }]);
    WorkloadObject::apply(&index, workload(admitted), &clock());
    assert!(queued(&index).is_some_and(|seen| seen.admitted && seen.held.is_none()));
    WorkloadObject::delete(&index, workload(json!([])), &clock());
    assert_eq!(queued(&index), None);
}

#[test]
fn a_jobs_place_is_among_all_that_wait_in_its_queue_whosever_they_are() {
    let index = Index::default();
    JobObject::apply(&index, object(job("digits", "r1")), &clock());
    let workload = |name: &str, priority: i32, owner: Value, conditions: Value| {
        object::<WorkloadObject>(json!({
            "metadata": { "name": name, "namespace": "vision", "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": owner },
            "spec": { "queueName": "gpus", "priority": priority }, "status": { "conditions": conditions },
        }))
    };
    let ours = || workload("digits", 5, json!([{ "kind": "Job", "name": "digits" }]), json!([]));
    let theirs = |conditions: Value| workload("other", 9, json!([{ "kind": "JobSet", "name": "other" }]), conditions);
    let place = || index.queued(&RunId("r1".into())).and_then(|queued| queued.place);
    let place_of =
        |at, of, cluster: Option<&str>| Some(Place { local: (at, of), cluster: cluster.map(|name| (name.to_owned(), (at, of))) });
    WorkloadObject::reset(&index, vec![ours(), theirs(json!([]))], &clock());
    assert_eq!(place(), place_of(2, 2, None));
    LocalQueueObject::apply(
        &index,
        object(json!({ "metadata": { "name": "gpus", "namespace": "vision" }, "spec": { "clusterQueue": "all" } })),
        &clock(),
    );
    assert_eq!(place(), place_of(2, 2, Some("all")));
    WorkloadObject::apply(&index, theirs(json!([{ "type": "QuotaReserved", "status": "True" }])), &clock());
    assert_eq!(place(), place_of(1, 1, Some("all")));
    WorkloadObject::apply(
        &index,
        theirs(json!([{ "type": "Evicted", "status": "True" }, { "type": "QuotaReserved", "status": "False" }])),
        &clock(),
    );
    WorkloadObject::delete(&index, theirs(json!([])), &clock());
    assert_eq!(place(), place_of(1, 1, Some("all")));
    WorkloadObject::apply(
        &index,
        workload("digits", 5, json!([{ "kind": "Job", "name": "digits" }]), json!([{ "type": "QuotaReserved", "status": "True" }])),
        &clock(),
    );
    assert_eq!(place(), None, "it waits no more");
}

#[test]
fn a_new_list_drops_what_it_lacks() {
    let index = Index::default();
    JobObject::reset(&index, vec![object(job("a", "r1")), object(job("b", "r2"))], &clock());
    let mut changes = index.changes();
    JobObject::reset(&index, vec![object(job("b", "r2"))], &clock());
    assert_eq!(index.runs(), [RunId("r2".into())]);
    assert_eq!(changes.try_recv(), Ok(Change::Synced));
}

#[test]
fn one_object_that_does_not_parse_is_left_out_of_its_page() {
    let page = json!({
        "metadata": { "resourceVersion": "7" },
        "items": [job("a", "r1"), { "metadata": { "name": 5 } }, job("b", "r2")],
    });
    let page = parse_page::<JobObject>(&page.to_string()).expect("the page is read");
    assert_eq!(page.items.len(), 2);
}

#[test]
fn a_refusal_to_make_pods_is_a_fact_of_the_job_until_a_pod_is_made() {
    let index = Index::default();
    JobObject::apply(&index, object(job("digits", "r1")), &clock());
    let event = json!({
        "metadata": { "name": "e", "namespace": "vision", "uid": "e1" },
        "involvedObject": { "kind": "Job", "name": "digits", "namespace": "vision" },
        "reason": "FailedCreate", "message": "exceeded quota", "type": "Warning", "count": 3, "lastTimestamp": "2026-01-01T00:00:02Z",
    });
    let mut changes = index.changes();
    EventObject::apply(&index, object(event), &clock());
    assert!(matches!(changes.try_recv(), Ok(Change::Event { row, .. }) if row.warning && row.count == 3));
    let refused = |index: &Index| index.run(&RunId("r1".into())).and_then(|facts| facts.job).and_then(|job| job.refused);
    assert_eq!(refused(&index).as_deref(), Some("exceeded quota"));
    PodObject::apply(&index, object(pod("digits-abcde", Some("r1"), &running())), &clock());
    assert_eq!(refused(&index), None);
}

#[test]
fn the_cluster_is_stale_from_when_it_was_last_heard_until_every_kind_is_heard_again() {
    let index = Index::default();
    let at = |second| Timestamp::from_second(second).expect("in range");
    index.heard(Kind::Jobs, at(10));
    index.heard(Kind::Pods, at(11));
    index.lost(Kind::Jobs, at(12));
    index.lost(Kind::Pods, at(12));
    assert_eq!(index.stale_since(), Some(at(10)));
    index.heard(Kind::Jobs, at(20));
    assert_eq!(index.stale_since(), Some(at(10)), "Pods are still lost");
    index.heard(Kind::Pods, at(21));
    assert_eq!(index.stale_since(), None);
}

#[test]
fn a_pod_that_is_no_runs_is_kept_for_what_it_holds_alone() {
    let index = Index::default();
    PodObject::apply(&index, object(pod("other", None, &running())), &clock());
    assert_eq!(index.pods(), 1);
    assert_eq!(index.runs(), []);
}

fn node(name: &str, gpus: &str, heartbeat: &str) -> NodeObject {
    object(json!({
        "metadata": { "name": name, "labels": { "nvidia.com/gpu.product": "NVIDIA-H200", "nvidia.com/gpu.count": gpus } },
        "status": {
            "allocatable": { "nvidia.com/gpu": gpus, "cpu": "64" },
            "conditions": [{ "type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat }],
        },
    }))
}

/// A Pod that asks for a GPU; none of `node` means that it is not bound.
fn holder(name: &str, node: Option<&str>, phase: &str, created: &str) -> PodObject {
    object(json!({
        "metadata": { "name": name, "namespace": "vision", "creationTimestamp": created, "labels": { "slipway.dev/run": name } },
        "spec": { "nodeName": node, "containers": [{ "name": "main", "resources": { "requests": { "nvidia.com/gpu": "1" } } }] },
        "status": { "phase": phase },
    }))
}

/// Nodes with the runs that hold their GPUs, as they are drawn.
fn drawn(index: &Index) -> Vec<String> {
    let who = |gpu: &Gpu| gpu.holders().first().and_then(|holder| holder.run.clone()).map_or_else(|| "-".to_owned(), |run| run.0);
    let text = |row: &NodeRow| format!("{} {}", row.name, row.gpus.iter().map(who).collect::<Vec<_>>().join(" "));
    index.drawn().iter().map(|drawn| text(&drawn.row)).collect()
}

const EARLY: &str = "2026-01-01T00:00:00Z";
const LATE: &str = "2026-01-01T00:00:09Z";

#[test]
fn a_node_is_drawn_anew_when_it_or_what_holds_it_changes_and_is_else_left_as_it_was() {
    let (index, clock) = (Index::default(), clock());
    NodeObject::reset(&index, vec![node("a", "2", EARLY), node("b", "1", EARLY)], &clock);
    PodObject::apply(&index, holder("late", Some("a"), "Running", LATE), &clock);
    PodObject::apply(&index, holder("early", Some("a"), "Pending", EARLY), &clock);
    assert_eq!(drawn(&index), ["a early late", "b -"]);

    let before = index.drawn();
    let mut changes = index.changes();
    PodObject::apply(&index, holder("early", Some("a"), "Running", EARLY), &clock);
    NodeObject::apply(&index, node("a", "2", LATE), &clock);
    assert!(index.drawn().iter().zip(&before).all(|(now, before)| Arc::ptr_eq(now, before)), "nothing that is drawn has changed");
    assert_eq!(changes.try_recv(), Ok(Change::Run(RunId("early".into()))));
    assert!(changes.try_recv().is_err(), "a heartbeat is nothing to tell of");
    assert_eq!(index.node("a").and_then(|(facts, _)| facts.heard), LATE.parse().ok(), "and is known all the same");

    PodObject::apply(&index, holder("early", Some("a"), "Succeeded", EARLY), &clock);
    assert_eq!(changes.try_recv(), Ok(Change::Run(RunId("early".into()))));
    assert_eq!(changes.try_recv(), Ok(Change::Nodes));
    assert_eq!(drawn(&index), ["a late -", "b -"]);
    assert!(Arc::ptr_eq(&index.drawn()[1], &before[1]), "the other node is left as it was");

    PodObject::delete(&index, holder("late", Some("a"), "Running", LATE), &clock);
    NodeObject::delete(&index, node("b", "1", EARLY), &clock);
    NodeObject::apply(&index, node("a", "3", EARLY), &clock);
    assert_eq!(drawn(&index), ["a - - -"]);
}

proptest! {
    #[test]
    fn whatever_comes_and_goes_the_nodes_are_drawn_as_if_they_were_seen_for_the_first_time(
        steps in proptest::collection::vec((0..6_u8, 0..8_u8, 0..4_usize), 0..60)
    ) {
        let (index, clock) = (Index::default(), clock());
        let name = |at: usize| ["a", "b", "c", "gone"][at];
        let mut there = BTreeMap::new();
        for (what, pod, at) in steps {
            let named = format!("p{pod}");
            match what {
                0 => NodeObject::apply(&index, node(name(at), &pod.to_string(), EARLY), &clock),
                1 => NodeObject::delete(&index, node(name(at), "0", EARLY), &clock),
                2 => {
                    there.remove(&pod);
                    PodObject::delete(&index, holder(&named, None, "Running", EARLY), &clock);
                }
                3 => {
                    let objects = there.iter().map(|(pod, at)| holder(&format!("p{pod}"), Some(name(*at)), "Running", EARLY));
                    PodObject::reset(&index, objects.collect(), &clock);
                }
                4 => {
                    there.remove(&pod);
                    PodObject::apply(&index, holder(&named, Some(name(at)), "Failed", EARLY), &clock);
                }
                _ => {
                    there.insert(pod, at);
                    PodObject::apply(&index, holder(&named, Some(name(at)), "Running", EARLY), &clock);
                }
            }
            // Drawn in between, so that what is kept has to be found out of date.
            if pod % 2 == 0 {
                index.drawn();
            }
        }
        let anew = Index::default();
        NodeObject::reset(&anew, index.fleet().iter().map(|(facts, _)| node(&facts.name, &facts.allocatable["nvidia.com/gpu"], EARLY)).collect(), &clock);
        PodObject::reset(&anew, there.iter().map(|(pod, at)| holder(&format!("p{pod}"), Some(name(*at)), "Running", EARLY)).collect(), &clock);
        prop_assert_eq!(index.drawn(), anew.drawn());
        let held = |index: &Index| index.fleet().into_iter().map(|(facts, held)| (facts.name, held.into_iter().map(|pod| pod.key).collect::<Vec<_>>())).collect::<Vec<_>>();
        prop_assert_eq!(held(&index), held(&anew));
    }
}
