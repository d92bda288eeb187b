//! What was seen, as it is kept: facts into Pods and phases. No I/O, so that every case is a test.

use jiff::Timestamp;
use slipway_domain::{
    preemption,
    run::{
        exit,
        spec::RunId,
        state::{ContainerFacts, PodFacts, State, StateKind},
        view::{Phase, PodRow},
    },
};

use crate::store::{
    history::{Identity, KeyedEvent},
    preemptions::Seen,
};

/// The Pods that are not as they are stored: new, changed, or gone.
pub(super) fn pods(stored: &[PodRow], facts: &[PodFacts]) -> Vec<PodRow> {
    let there = facts.iter().map(pod).filter(|row| !stored.contains(row));
    let is_gone = |row: &&PodRow| row.exists && !facts.iter().any(|pod| pod.name == row.name);
    let gone = stored.iter().filter(is_gone).map(|row| PodRow { exists: false, ..row.clone() });
    there.chain(gone).collect()
}

fn pod(facts: &PodFacts) -> PodRow {
    let (status, exit_code, message) = match (&facts.container, &facts.disrupted) {
        (ContainerFacts::Terminated { exit_code, reason, message, .. }, disrupted) => {
            let said = match (reason.as_str(), disrupted, *exit_code) {
                ("OOMKilled", _, _) => "it used more memory than it asked for and was killed".to_owned(),
                (_, Some((_, why)), _) => why.clone(),
                (_, None, 0) => message.clone(),
                (_, None, code) => exit::explain(code),
            };
            let status = if reason.is_empty() { if *exit_code == 0 { "Completed" } else { "Error" } } else { reason };
            (status.to_owned(), Some(*exit_code), said)
        }
        (_, Some((reason, message))) => (reason.clone(), None, message.clone()),
        (_, None) if facts.deleting.is_some() => ("Terminating".to_owned(), None, String::new()),
        (ContainerFacts::Running { .. }, None) => ("Running".to_owned(), None, String::new()),
        (ContainerFacts::Waiting { reason, message }, None) => {
            let status = if reason.is_empty() { "Pending" } else { reason };
            let message = if message.is_empty() { facts.unschedulable.clone().unwrap_or_default() } else { message.clone() };
            (status.to_owned(), None, message)
        }
    };
    PodRow {
        name: facts.name.clone(),
        node: facts.node.clone(),
        status,
        restarts: facts.restarts,
        created: facts.created,
        exit_code,
        message,
        exists: true,
    }
}

/// Who these Pods are to the cluster.
pub(super) fn identities(facts: &[PodFacts]) -> Vec<Identity> {
    let known = facts.iter().filter(|pod| !pod.uid.is_empty());
    known.map(|pod| Identity { uid: pod.uid.clone(), pod: pod.name.clone(), priority: pod.priority }).collect()
}

/// Pods that make way by their own condition, which tells when, and not for whom.
pub(super) fn displaced(run: &RunId, facts: &[PodFacts]) -> Vec<Seen> {
    let seen =
        |pod: &PodFacts| Some(Seen { run: run.clone(), pod: pod.name.clone(), at: pod.displaced?, node: pod.node.clone(), by_uid: None });
    facts.iter().filter_map(seen).collect()
}

/// Pods that make way by the scheduler's events, which tell for whom.
pub(super) fn displaced_by_events(events: &[KeyedEvent]) -> Vec<Seen> {
    let seen = |event: &KeyedEvent| {
        let pod = event.row.object.strip_prefix("Pod/").filter(|_| event.row.reason == preemption::PREEMPTED)?;
        let (by, node) = preemption::read(&event.row.message)?;
        let by_uid = by.map(str::to_owned);
        Some(Seen { run: event.run.clone(), pod: pod.to_owned(), at: event.row.at, node: Some(node.to_owned()), by_uid })
    };
    events.iter().filter_map(seen).collect()
}

/// The phases that began between two states. A phase that nobody saw because the server was away, but of which the later state
/// tells, is among them.
pub(super) fn phases(known: &[Phase], before: &State, after: &State, now: Timestamp) -> Vec<(StateKind, Timestamp)> {
    if before.kind() == after.kind() {
        return Vec::new();
    }
    let floor = known.last().map_or(Timestamp::UNIX_EPOCH, |phase| phase.from);
    let has_run = known.iter().any(|phase| phase.kind == StateKind::Running);
    let mut began = Vec::new();
    if let (true, Some(started), false) = (after.kind().has_ended(), after.started(), has_run) {
        began.push((StateKind::Running, started.clamp(floor, now.max(floor))));
    }
    if !after.kind().has_ended() {
        let since = match after {
            State::Starting { since, .. } | State::Stopping { since, .. } => *since,
            State::Running { since, .. } if !has_run => *since,
            // The state says since when it first did so; this phase began when it was seen to.
            State::Running { .. } | State::Waiting { .. } | State::Suspended { .. } => now,
            State::Succeeded { at, .. } | State::Failed { at, .. } | State::Stopped { at, .. } => *at,
        };
        began.push((after.kind(), since.clamp(floor, now.max(floor))));
    }
    began
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).expect("a time")
    }

    fn facts(name: &str, container: ContainerFacts) -> PodFacts {
        PodFacts { node: Some("a100-0".into()), scheduled: Some(at(1)), container, ..PodFacts::new(name, at(0)) }
    }

    fn failed(exit_code: i32, reason: &str) -> ContainerFacts {
        ContainerFacts::Terminated { started: Some(at(2)), at: at(9), exit_code, reason: reason.into(), message: "last words".into() }
    }

    #[test]
    fn a_pod_that_is_as_it_is_stored_is_not_stored_again() {
        let running = facts("p", ContainerFacts::Running { since: at(2) });
        let first = pods(&[], std::slice::from_ref(&running));
        assert_eq!(first.iter().map(|pod| (pod.status.as_str(), pod.exists)).collect::<Vec<_>>(), [("Running", true)]);
        assert_eq!(pods(&first, &[running]), []);
    }

    #[test]
    fn a_pod_that_the_cluster_forgot_stays_as_it_was_last_seen() {
        let stored = pods(&[], &[facts("p", failed(66, "Error"))]);
        let gone = pods(&stored, &[]);
        assert_eq!(gone, [PodRow { exists: false, ..stored[0].clone() }]);
        assert_eq!(gone[0].exit_code, Some(66));
        assert_eq!(pods(&gone, &[]), [], "it is said once");
    }

    #[test]
    fn who_made_way_is_read_from_the_schedulers_event_and_from_the_pods_condition() {
        let run = RunId("r".into());
        let event = |reason: &str, message: &str| KeyedEvent {
            run: run.clone(),
            key: "e".into(),
            row: slipway_domain::run::view::EventRow {
                at: at(9),
                warning: false,
                reason: reason.into(),
                object: "Pod/p".into(),
                message: message.into(),
                count: 1,
            },
        };
        let uid = "5f0e8a94-1c1e-4a7e-9b8f-3a5d8c1e2f00";
        let events =
            [event("Preempted", &format!("Preempted by pod {uid} on node a100-0")), event("Preempted", "otherwise"), event("Killing", "x")];
        let seen = Seen { run: run.clone(), pod: "p".into(), at: at(9), node: Some("a100-0".into()), by_uid: Some(uid.into()) };
        assert_eq!(displaced_by_events(&events), std::slice::from_ref(&seen));
        let running = facts("p", ContainerFacts::Running { since: at(2) });
        assert_eq!(displaced(&run, std::slice::from_ref(&running)), []);
        let going = PodFacts { displaced: Some(at(8)), ..running };
        assert_eq!(displaced(&run, &[going]), [Seen { at: at(8), by_uid: None, ..seen }]);
    }

    #[test]
    fn an_exit_code_is_explained_and_memory_is_named() {
        let said = |container| pods(&[], &[facts("p", container)])[0].message.clone();
        assert!(said(failed(66, "Error")).contains("data"), "{}", said(failed(66, "Error")));
        assert!(said(failed(137, "OOMKilled")).contains("memory"));
        assert_eq!(said(failed(0, "Completed")), "last words");
    }

    #[test]
    fn a_run_that_nobody_watched_has_its_running_phase_all_the_same() {
        let waiting = State::Waiting { since: at(0), why: String::new() };
        let known = [Phase { kind: StateKind::Waiting, from: at(0), until: None }];
        let after = State::Succeeded { started: at(5), at: at(50) };
        assert_eq!(phases(&known, &waiting, &after, at(60)), [(StateKind::Running, at(5))]);
    }

    #[test]
    fn no_phase_begins_before_the_one_before_it_or_in_the_future() {
        let running = State::Running { since: at(9), node: "n".into() };
        let starting = State::Starting { since: at(3), node: "n".into(), what: String::new() };
        let known = [Phase { kind: StateKind::Waiting, from: at(5), until: None }];
        let waiting = State::Waiting { since: at(5), why: String::new() };
        assert_eq!(phases(&known, &waiting, &starting, at(6)), [(StateKind::Starting, at(5))]);
        assert_eq!(phases(&known, &starting, &running, at(7)), [(StateKind::Running, at(7))]);
        assert_eq!(phases(&known, &running, &running, at(7)), []);
    }
}
