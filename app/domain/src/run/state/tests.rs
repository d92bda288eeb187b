//! The states that a Job and its Pods mean, case by case.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("in range")
}

fn waiting() -> State {
    State::Waiting { since: at(0), why: String::new() }
}

fn job() -> JobFacts {
    JobFacts { created: at(0), ..JobFacts::default() }
}

fn pod(container: ContainerFacts) -> PodFacts {
    PodFacts { node: Some("gpu-a".into()), scheduled: Some(at(2)), container, ..PodFacts::new("run-abcde", at(1)) }
}

fn ended(exit_code: i32) -> ContainerFacts {
    ContainerFacts::Terminated { started: Some(at(5)), at: at(9), exit_code, reason: "Error".into(), message: String::new() }
}

fn mina() -> PersonName {
    PersonName::parse("mina").expect("a name")
}

fn see(before: &State, job: Option<&JobFacts>, pods: &[PodFacts], stop: Option<&StopOrder>) -> State {
    observe(before, job, pods, stop, at(100), || "no node has a GPU".into())
}

#[test]
fn without_a_pod_it_waits_and_says_why() {
    assert_eq!(see(&waiting(), Some(&job()), &[], None), State::Waiting { since: at(0), why: "no node has a GPU".into() });
}

#[test]
fn a_bound_pod_whose_container_waits_is_starting() {
    let pods = [pod(ContainerFacts::Waiting { reason: "ContainerCreating".into(), message: String::new() })];
    let State::Starting { since, node, .. } = see(&waiting(), Some(&job()), &pods, None) else { panic!("not starting") };
    assert_eq!((since, node.as_str()), (at(2), "gpu-a"));
}

#[test]
fn a_run_whose_pod_has_ended_well_does_not_wait_until_the_job_says_so() {
    let before = State::Running { since: at(5), node: "gpu-a".into() };
    assert_eq!(see(&before, Some(&job()), &[pod(ended(0))], None), before);
}

#[test]
fn a_run_whose_pod_has_just_failed_does_not_wait_while_the_job_decides_but_waits_for_a_retry_afterwards() {
    let before = State::Running { since: at(5), node: "gpu-a".into() };
    let seen_at = |second| observe(&before, Some(&job()), &[pod(ended(1))], None, at(second), || "its next try".into());
    assert_eq!(seen_at(10), before);
    assert_eq!(seen_at(15).kind(), StateKind::Waiting);
}

#[test]
fn running_counts_from_the_first_container_over_restarts() {
    let before = State::Running { since: at(5), node: "gpu-a".into() };
    let pods = [pod(ContainerFacts::Running { since: at(50) })];
    assert_eq!(see(&before, Some(&job()), &pods, None), State::Running { since: at(5), node: "gpu-a".into() });
}

#[test]
fn a_completed_job_has_succeeded_though_its_pods_are_gone() {
    let done = JobFacts { complete: Some(at(20)), ..job() };
    let before = State::Running { since: at(5), node: "gpu-a".into() };
    assert_eq!(see(&before, Some(&done), &[], None), State::Succeeded { started: at(5), at: at(20) });
}

#[test]
fn a_failed_job_shows_the_exit_code_in_words() {
    let failed = JobFacts { failed: Some((at(20), "BackoffLimitExceeded".into(), "limit".into())), ..job() };
    let State::Failed { exit_code, why, .. } = see(&waiting(), Some(&failed), &[pod(ended(66))], None) else { panic!("not failed") };
    assert_eq!(exit_code, Some(66));
    assert!(why.contains("data is not where"), "{why}");
}

#[test]
fn a_stop_order_is_stopping_until_the_job_is_gone() {
    let order = StopOrder { by: mina(), at: at(30) };
    let pods = [pod(ContainerFacts::Running { since: at(5) })];
    assert_eq!(see(&waiting(), Some(&job()), &pods, Some(&order)).kind(), StateKind::Stopping);
    let before = State::Stopping { since: at(30), by: mina() };
    assert_eq!(see(&before, None, &pods, Some(&order)), State::Stopped { started: Some(at(5)), at: at(100), by: mina() });
}

#[test]
fn a_job_that_vanishes_unasked_has_failed_and_says_so() {
    let State::Failed { why, .. } = see(&waiting(), None, &[], None) else { panic!("not failed") };
    assert!(why.contains("other than Slipway"), "{why}");
}

#[test]
fn what_has_ended_stays_ended() {
    let over = State::Succeeded { started: at(5), at: at(20) };
    assert_eq!(see(&over, None, &[], None), over);
}

#[test]
fn a_suspended_job_is_suspended_since_it_was_first_seen_so() {
    let suspended = JobFacts { suspended: true, ..job() };
    let first = see(&waiting(), Some(&suspended), &[], None);
    assert_eq!(first, State::Suspended { since: at(100) });
    assert_eq!(observe(&first, Some(&suspended), &[], None, at(200), String::new), first);
}

#[test]
fn every_state_keeps_its_meaning_through_json() {
    for state in [waiting(), State::Failed { started: None, at: at(1), exit_code: Some(1), why: "x".into() }] {
        let text = serde_json::to_string(&state).expect("states serialise");
        assert_eq!(serde_json::from_str::<State>(&text).expect("and are read back"), state);
    }
}
