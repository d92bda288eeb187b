//! A Pod's status, from what its worker knows: the fields that a kubelet sets, and no other.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodCondition;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{
    attempt::{Exit, Fault},
    now,
    worker::{Life, Role, Slot, Worker},
};

/// The most of a log that becomes a termination message, in bytes and lines, as the kubelet's.
const MESSAGE_BYTES: usize = 2048;
const MESSAGE_LINES: usize = 80;

/// The status as a strategic merge patch: conditions of others stay.
pub(super) fn of(worker: &Worker) -> Value {
    let (inits, mains): (Vec<_>, Vec<_>) = worker.slots.iter().partition(|slot| slot.role != Role::Main);
    let initialized = inits.iter().all(|slot| match slot.role {
        Role::Sidecar => slot.is_running() || worker.outcome.is_some(),
        Role::Init | Role::Main => matches!(&slot.life, Life::Ended { exit, .. } if exit.code == 0),
    });
    let ready = worker.outcome.is_none() && mains.iter().all(|slot| slot.is_running());
    let running =
        worker.slots.iter().any(Slot::is_running) || mains.iter().any(|slot| matches!(slot.life, Life::Ended { .. }) || slot.restarts > 0);
    let phase = worker.outcome.as_ref().map_or(if running && initialized { "Running" } else { "Pending" }, |outcome| outcome.phase);
    let ended = worker.outcome.as_ref().map(|outcome| if outcome.phase == "Succeeded" { "PodCompleted" } else { "PodFailed" });
    let unready = ended.unwrap_or("ContainersNotReady");
    let mut conditions = vec![
        condition(worker, "PodReadyToStartContainers", worker.volumes.is_some() && worker.outcome.is_none(), None),
        condition(worker, "Initialized", initialized, (!initialized).then_some("ContainersNotInitialized")),
        condition(worker, "ContainersReady", ready, (!ready).then_some(unready)),
        condition(worker, "Ready", ready, (!ready).then_some(unready)),
    ];
    let outcome = worker.outcome.as_ref();
    if outcome.is_some_and(|outcome| outcome.disrupted) {
        let mut disrupted = condition(worker, "DisruptionTarget", true, Some("TerminationByKubelet"));
        disrupted["message"] = json!(outcome.and_then(|outcome| outcome.message.clone()));
        conditions.push(disrupted);
    }
    json!({
        "phase": phase,
        "reason": outcome.and_then(|outcome| outcome.reason),
        "message": outcome.and_then(|outcome| outcome.message.clone()),
        "hostIP": worker.place.host_ip,
        "hostIPs": [{ "ip": worker.place.host_ip }],
        "podIP": worker.place.pod_ip,
        "podIPs": [{ "ip": worker.place.pod_ip }],
        "startTime": time(worker.started()),
        "conditions": conditions,
        "initContainerStatuses": inits.into_iter().map(|slot| container(worker, slot)).collect::<Vec<_>>(),
        "containerStatuses": mains.into_iter().map(|slot| container(worker, slot)).collect::<Vec<_>>(),
    })
}

/// A time as Kubernetes writes it: whole seconds.
fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

fn condition(worker: &Worker, kind: &str, is_true: bool, reason: Option<&str>) -> Value {
    let status = if is_true { "True" } else { "False" };
    let before = worker.pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let same = |there: &&PodCondition| there.type_ == kind && there.status == status;
    let since = before.clone().find(same).and_then(|there| there.last_transition_time.as_ref()).map(|at| at.0);
    json!({ "type": kind, "status": status, "reason": reason, "lastTransitionTime": time(since.unwrap_or_else(now)) })
}

fn container(worker: &Worker, slot: &Slot) -> Value {
    let image = slot.spec.image.clone().unwrap_or_default();
    let id = |restarts: u32| format!("sandbox://{}/{}/{restarts}", worker.pod.uid().unwrap_or_default(), slot.spec.name);
    let last = slot.last.as_ref().map(|exit| terminated(exit, &id(slot.restarts.saturating_sub(1)), String::new()));
    let state = match &slot.life {
        Life::Waiting { reason, message, .. } => json!({ "waiting": { "reason": reason, "message": message } }),
        Life::Running { attempt, since } => {
            json!({ "running": { "startedAt": time(attempt.begun().map_or(*since, |begun| begun.at)) } })
        }
        Life::Ended { attempt, exit } => {
            let from_log = exit.code != 0 && slot.spec.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
            let message = if from_log { last_lines(&attempt.log()) } else { String::new() };
            json!({ "terminated": terminated(exit, &id(slot.restarts), message) })
        }
    };
    let begun = !matches!(slot.life, Life::Waiting { .. });
    json!({
        "name": slot.spec.name,
        "image": image,
        "imageID": format!("sandbox://{image}"),
        "containerID": if begun { id(slot.restarts) } else { String::new() },
        "ready": slot.is_running() || (slot.role == Role::Init && matches!(&slot.life, Life::Ended { exit, .. } if exit.code == 0)),
        "started": slot.is_running(),
        "restartCount": slot.restarts,
        "state": state,
        "lastState": last.map_or_else(|| json!({}), |last| json!({ "terminated": last })),
    })
}

fn terminated(exit: &Exit, id: &str, message: String) -> Value {
    let (reason, message) = match (&exit.fault, exit.code) {
        (Some(Fault::NotStarted(sentence)), _) => ("StartError", sentence.clone()),
        (Some(Fault::NodeGone), _) => ("Error", "The node went away while it ran".to_owned()),
        (None, 0) => ("Completed", message),
        (None, _) => ("Error", message),
    };
    json!({
        "exitCode": exit.code,
        "reason": reason,
        "message": message,
        "startedAt": time(exit.started.unwrap_or(exit.at)),
        "finishedAt": time(exit.at),
        "containerID": id,
    })
}

/// The end of a log, within what Kubernetes accepts as a message.
fn last_lines(path: &std::path::Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(8 * 1024)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        Ok(end)
    };
    let Ok(end) = read() else { return String::new() };
    let text = String::from_utf8_lossy(&end);
    let mut lines: Vec<&str> = text.lines().rev().filter_map(|record| record.splitn(4, ' ').nth(3)).take(MESSAGE_LINES).collect();
    lines.reverse();
    let mut message = lines.join("\n");
    while message.len() > MESSAGE_BYTES {
        let cut = message.char_indices().map(|(at, _)| at).find(|at| message.len() - at <= MESSAGE_BYTES).unwrap_or(message.len());
        message = message.split_off(cut);
    }
    message
}
