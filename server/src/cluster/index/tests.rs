//! The index, fed as watches feed it.

use serde_json::{Value, json};
use slipway_domain::run::state::ContainerFacts;

use super::{
    super::watch::{Watched, parse_page},
    *,
};
use crate::{clock::Clock, cluster::index::rows::EventObject};

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
