//! One Pod's life on its node, from its binding to its removal.
//!
//! A loop of three steps: do what is due ([`Worker::step`]), tell the API server what changed, wait for the next thing that can
//! happen (a change of the Pod, the end of a container, a time). What has been done is read from the Pod's folder at the start,
//! so a worker of a restarted agent carries on where the last one stopped.

mod start;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use rustix::process::Signal;
use tokio::sync::{mpsc, watch};

use super::{
    attempt::{Attempt, Exit, Fault, Process},
    devices,
    environment::Place,
    events::Events,
    now,
    pods::Node,
    status, volumes,
};

/// How long a container has to end when the node shuts down.
const SHUTDOWN_GRACE: i64 = 10;

/// What every worker shares.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// The images file, read anew at each start of a container.
    pub images: PathBuf,
    /// The process whose end ends every container.
    pub supervisor: Process,
    /// The first wait before a failing container is started again.
    pub backoff: SignedDuration,
    /// Becomes true when the node shuts down.
    pub shutdown: watch::Receiver<bool>,
}

/// A container's place in its Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs to its end before the next begins.
    Init,
    /// An init container that stays.
    Sidecar,
    /// One of `spec.containers`.
    Main,
}

/// A container of the Pod.
#[derive(Debug)]
pub(super) struct Slot {
    pub spec: Container,
    pub role: Role,
    /// Attempts before the current one.
    pub restarts: u32,
    pub life: Life,
    /// How the attempt before the current one ended.
    pub last: Option<Exit>,
    /// The devices it was given.
    visible: Option<String>,
}

/// Where a container stands.
#[derive(Debug, Clone)]
pub(super) enum Life {
    /// Not running; it may be started from `retry` on.
    Waiting { reason: String, message: String, retry: Option<Timestamp> },
    /// Running since then, as far as is known.
    Running { attempt: Attempt, since: Timestamp },
    /// Ended; `attempt` has its log.
    Ended { attempt: Attempt, exit: Exit },
}

/// How the Pod as a whole has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub phase: &'static str,
    pub reason: Option<&'static str>,
    pub message: Option<String>,
    pub disrupted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Deleted,
    Deadline,
    Shutdown,
    MainsEnded,
}

struct Ending {
    why: Why,
    kill_at: Timestamp,
    killed: bool,
}

/// A container has ended: its slot, its attempt, and how.
type Ended = (usize, u32, Exit);

/// The worker of one Pod.
pub(super) struct Worker {
    pub client: kube::Client,
    pub ground: Ground,
    pub node: Arc<Node>,
    pub pod: Pod,
    pub place: Place,
    pub folder: PathBuf,
    pub slots: Vec<Slot>,
    pub outcome: Option<Outcome>,
    pub volumes: Option<BTreeMap<String, PathBuf>>,
    events: Events,
    ending: Option<Ending>,
    started: Timestamp,
    told: Option<serde_json::Value>,
    mount_failure: Option<String>,
    ended: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
}

impl Worker {
    pub fn new(client: kube::Client, ground: Ground, node: Arc<Node>, pod: Pod, place: Place, folder: PathBuf) -> Self {
        let events = Events { client: client.clone(), node: node.name.clone() };
        let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map_or_else(now, |time| time.0);
        let mut worker = Self {
            client,
            ground,
            node,
            place,
            folder,
            slots: Vec::new(),
            outcome: None,
            volumes: None,
            events,
            ending: None,
            started,
            told: None,
            mount_failure: None,
            ended: mpsc::unbounded_channel(),
            pod,
        };
        worker.find_slots();
        worker
    }

    /// When the node took the Pod.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// The containers, with what their folders say of earlier attempts.
    fn find_slots(&mut self) {
        let spec = self.pod.spec.clone().unwrap_or_default();
        let inits = spec.init_containers.into_iter().flatten().map(|container| {
            let role = if container.restart_policy.as_deref() == Some("Always") { Role::Sidecar } else { Role::Init };
            (container, role)
        });
        let all: Vec<_> = inits.chain(spec.containers.into_iter().map(|container| (container, Role::Main))).collect();
        for (index, (spec, role)) in all.into_iter().enumerate() {
            let attempts = self.folder.join("containers").join(&spec.name);
            let made = (0..u32::MAX).take_while(|number| attempts.join(number.to_string()).join("start.json").exists()).count();
            let made = u32::try_from(made).unwrap_or(u32::MAX);
            let attempt = |number: u32| Attempt::at(attempts.join(number.to_string()));
            let waiting = || Life::Waiting { reason: "ContainerCreating".into(), message: String::new(), retry: None };
            let life = match made.checked_sub(1).map(attempt) {
                None => waiting(),
                Some(attempt) => match attempt.exit() {
                    Some(exit) => Life::Ended { attempt, exit },
                    // Written down but never begun: the agent died between the two.
                    None if attempt.begun().is_none() => waiting(),
                    None => {
                        let since = attempt.begun().map_or_else(now, |begun| begun.at);
                        self.watch(index, made - 1, attempt.clone(), None);
                        Life::Running { attempt, since }
                    }
                },
            };
            let visible = made.checked_sub(1).and_then(|last| {
                let start = attempt(last).start().ok()?;
                start.env.into_iter().find(|(name, _)| name == devices::VISIBLE).map(|(_, value)| value)
            });
            if let (Some(visible), Life::Running { .. }) = (&visible, &life) {
                self.node.devices().note(&self.uid(), visible);
            }
            let last = made.checked_sub(2).and_then(|before| attempt(before).exit());
            self.slots.push(Slot { spec, role, restarts: made.saturating_sub(1), life, last, visible });
        }
        let phase = self.pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
        let over = |phase| Outcome { phase, reason: None, message: None, disrupted: false };
        self.outcome = match phase.as_str() {
            "Succeeded" => Some(over("Succeeded")),
            "Failed" => Some(over("Failed")),
            _ => None,
        };
    }

    fn uid(&self) -> String {
        self.pod.uid().unwrap_or_default()
    }

    fn watch(&self, slot: usize, number: u32, attempt: Attempt, child: Option<tokio::process::Child>) {
        let tell = self.ended.0.clone();
        tokio::spawn(async move {
            if let Some(mut child) = child {
                // How the shim itself ended does not matter: its folder says.
                let _ = child.wait().await;
            }
            let exit = attempt.ended().await;
            // A worker that is gone has killed its containers.
            let _ = tell.send((slot, number, exit));
        });
    }

    /// Runs until the Pod is gone, or the node shuts down and its containers have ended.
    pub async fn run(mut self, mut updates: watch::Receiver<Option<Pod>>) {
        let mut shutdown = self.ground.shutdown.clone();
        loop {
            let current = updates.borrow_and_update().clone();
            let Some(pod) = current else { break };
            self.pod = pod;
            let wake = self.step().await;
            self.report().await;
            if self.outcome.is_some() && *shutdown.borrow() {
                return;
            }
            let until = wake.map(|at| at.duration_since(now()).max(SignedDuration::from_millis(10)).unsigned_abs());
            tokio::select! {
                changed = updates.changed() => if changed.is_err() { break },
                _ = shutdown.wait_for(|stop| *stop), if !*self.ground.shutdown.borrow() => {}
                Some((slot, number, exit)) = self.ended.1.recv() => self.note_exit(slot, number, exit),
                () = tokio::time::sleep(until.unwrap_or(Duration::MAX)), if until.is_some() => {}
            }
        }
        self.signal(Signal::KILL);
        self.node.devices().free(&self.uid());
        if let Err(error) = volumes::remove(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "a Pod's folder was not removed");
        }
    }

    fn note_exit(&mut self, slot: usize, number: u32, exit: Exit) {
        let slot = &mut self.slots[slot];
        if let (true, Life::Running { attempt, .. }) = (slot.restarts == number, &slot.life) {
            slot.life = Life::Ended { attempt: attempt.clone(), exit };
        }
    }

    fn signal(&self, signal: Signal) {
        for slot in &self.slots {
            if let Life::Running { attempt, .. } = &slot.life {
                attempt.signal(signal);
            }
        }
    }

    /// Does what is due. The answer is when to look again, if nothing else happens.
    async fn step(&mut self) -> Option<Timestamp> {
        if self.outcome.is_none() {
            self.begin_ending().await;
            let wake = if self.ending.is_some() { self.go_on_ending() } else { self.go_on_running().await };
            if self.outcome.is_none() {
                return wake;
            }
            self.node.devices().free(&self.uid());
        }
        if self.pod.metadata.deletion_timestamp.is_some() {
            self.report().await;
            self.remove().await;
        }
        None
    }

    async fn begin_ending(&mut self) {
        let spec = self.pod.spec.as_ref();
        let own_grace = spec.and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
        let deadline = spec
            .and_then(|spec| spec.active_deadline_seconds)
            .and_then(|seconds| self.started.checked_add(SignedDuration::from_secs(seconds)).ok());
        let (why, grace) = if self.pod.metadata.deletion_timestamp.is_some() {
            (Why::Deleted, self.pod.metadata.deletion_grace_period_seconds.unwrap_or(own_grace))
        } else if *self.ground.shutdown.borrow() {
            (Why::Shutdown, own_grace.min(SHUTDOWN_GRACE))
        } else if deadline.is_some_and(|deadline| deadline <= now()) {
            (Why::Deadline, own_grace)
        } else {
            return;
        };
        if self.ending.as_ref().is_some_and(|ending| ending.why != Why::MainsEnded) {
            return;
        }
        self.end(why, grace);
        let names: Vec<_> = self.slots.iter().filter(|slot| slot.is_running()).map(|slot| slot.spec.name.clone()).collect();
        for name in names {
            self.events.post(&self.pod, false, "Killing", format!("Stopping container {name}"), now()).await;
        }
    }

    fn end(&mut self, why: Why, grace_seconds: i64) {
        let kill_at = now().saturating_add(SignedDuration::from_secs(grace_seconds.max(0))).unwrap_or(Timestamp::MAX);
        self.ending = Some(Ending { why, kill_at, killed: false });
        self.signal(Signal::TERM);
    }

    fn go_on_ending(&mut self) -> Option<Timestamp> {
        let ending = self.ending.as_mut()?;
        if self.slots.iter().any(Slot::is_running) {
            if ending.kill_at > now() {
                return Some(ending.kill_at);
            }
            if !ending.killed {
                ending.killed = true;
                self.signal(Signal::KILL);
            }
            return None;
        }
        let mains = || self.slots.iter().filter(|slot| slot.role == Role::Main);
        let all_well = mains().all(|slot| matches!(&slot.life, Life::Ended { exit, .. } if exit.code == 0));
        let phase = if all_well { "Succeeded" } else { "Failed" };
        self.outcome = Some(match ending.why {
            Why::Deleted | Why::MainsEnded => Outcome { phase, reason: None, message: None, disrupted: false },
            Why::Deadline => Outcome {
                phase: "Failed",
                reason: Some("DeadlineExceeded"),
                message: Some("Pod was active on the node longer than the specified deadline".into()),
                disrupted: false,
            },
            Why::Shutdown if all_well => Outcome { phase, reason: None, message: None, disrupted: false },
            Why::Shutdown => Outcome::node_shutdown(),
        });
        None
    }

    async fn go_on_running(&mut self) -> Option<Timestamp> {
        if self.volumes.is_none() {
            let made = volumes::make(&self.client, &self.pod, &self.place, &self.folder.join("volumes")).await;
            match made {
                Ok(volumes) => self.volumes = Some(volumes),
                Err(message) => {
                    if self.mount_failure.as_ref() != Some(&message) {
                        self.events.post(&self.pod, true, "FailedMount", message.clone(), now()).await;
                        self.mount_failure = Some(message);
                    }
                    return now().saturating_add(SignedDuration::from_secs(1)).ok();
                }
            }
        }
        let policy = self.pod.spec.as_ref().and_then(|spec| spec.restart_policy.clone()).unwrap_or_default();
        let mut wake: Option<Timestamp> = None;
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            let due = match &slot.life {
                Life::Running { .. } if slot.role == Role::Init => return wake,
                Life::Running { .. } => continue,
                Life::Waiting { retry, .. } => *retry,
                Life::Ended { exit, .. } => {
                    if exit.fault == Some(Fault::NodeGone) && policy == "Never" {
                        self.outcome = Some(Outcome::node_shutdown());
                        return None;
                    }
                    let again = match (slot.role, policy.as_str()) {
                        (Role::Init, _) if exit.code == 0 => continue,
                        (Role::Sidecar, _) | (Role::Main, "Always") => true,
                        (Role::Init | Role::Main, "Never") => false,
                        (Role::Init | Role::Main, _) => exit.code != 0,
                    };
                    match (again, slot.role) {
                        (true, _) => Some(self.crash(index).await),
                        (false, Role::Main) => continue,
                        (false, Role::Init | Role::Sidecar) => {
                            self.outcome = Some(Outcome { phase: "Failed", reason: None, message: None, disrupted: false });
                            return None;
                        }
                    }
                }
            };
            if let Some(at) = due.filter(|at| *at > now()) {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
            } else if let Some(at) = self.start(index).await {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
            }
            if self.slots[index].role == Role::Init || (self.slots[index].role == Role::Sidecar && !self.slots[index].is_running()) {
                return wake;
            }
        }
        if self.slots.iter().filter(|slot| slot.role == Role::Main).all(|slot| matches!(slot.life, Life::Ended { .. })) {
            self.end(Why::MainsEnded, 30);
            return self.go_on_ending();
        }
        wake
    }

    /// Tells the API server what has changed since it was told last.
    async fn report(&mut self) {
        let status = status::of(self);
        if self.told.as_ref() == Some(&status) {
            return;
        }
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.pod.namespace().unwrap_or_default());
        // With the uid in the patch, a Pod of the same name that came after is not touched.
        let patch = serde_json::json!({ "metadata": { "uid": self.uid() }, "status": status });
        match pods.patch_status(&self.pod.name_any(), &PatchParams::default(), &Patch::Strategic(&patch)).await {
            Ok(_) => self.told = Some(status),
            Err(kube::Error::Api(refused)) if matches!(refused.code, 404 | 409) => {}
            Err(error) => {
                tracing::warn!(%error, pod = self.pod.name_any(), "a Pod's status was not told; trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
                // The next turn of the loop tries again: it is woken at once.
                let _ = self.ended.0.send((0, u32::MAX, Exit { code: 0, started: None, at: now(), fault: None }));
            }
        }
    }

    async fn remove(&self) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.pod.namespace().unwrap_or_default());
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions { uid: self.pod.uid(), resource_version: None }),
            ..DeleteParams::default()
        };
        match pods.delete(&self.pod.name_any(), &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(refused)) if matches!(refused.code, 404 | 409) => {}
            Err(error) => tracing::warn!(%error, pod = self.pod.name_any(), "a Pod was not removed"),
        }
    }
}

impl Slot {
    pub fn is_running(&self) -> bool {
        matches!(self.life, Life::Running { .. })
    }
}

impl Outcome {
    fn node_shutdown() -> Self {
        Self {
            phase: "Failed",
            reason: Some("Terminated"),
            message: Some("Pod was terminated in response to imminent node shutdown.".into()),
            disrupted: true,
        }
    }
}
