//! The Pods that are bound to our nodes: each has a worker.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use rustix::process::Signal;
use tokio::{sync::watch, task::JoinSet};

use super::{
    attempt::Attempt,
    devices::Devices,
    environment::Place,
    mig::{Shown, State},
    volumes,
    worker::{Ground, Worker},
};

/// A node of the nodes file.
#[derive(Debug)]
pub(super) struct Node {
    pub name: String,
    devices: Mutex<Devices>,
    shown: watch::Sender<Shown>,
}

impl Node {
    pub fn new(shown: Shown) -> Self {
        Self { name: shown.spec.name.clone(), devices: Mutex::new(Devices::of(&shown.spec)), shown: watch::Sender::new(shown) }
    }

    /// The node as it is to be shown now.
    pub fn shown(&self) -> Shown {
        self.shown.borrow().clone()
    }

    /// Changes whenever it is to be shown otherwise.
    pub fn changes(&self) -> watch::Receiver<Shown> {
        self.shown.subscribe()
    }

    /// Shows it otherwise; while its cards are being cut it gives none out.
    pub fn show(&self, change: impl FnOnce(&mut Shown)) {
        self.shown.send_modify(|shown| {
            change(shown);
            self.devices().close(shown.state == State::Pending);
        });
    }

    pub fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All Pods of all nodes.
pub(super) struct Pods {
    client: Client,
    ground: Ground,
    nodes: BTreeMap<String, Arc<Node>>,
    folder: PathBuf,
    known: Mutex<BTreeMap<String, Known>>,
}

struct Known {
    namespace: String,
    name: String,
    updates: watch::Sender<Option<Pod>>,
}

impl Pods {
    pub fn new(client: Client, ground: Ground, nodes: &[Arc<Node>], folder: PathBuf) -> Self {
        let nodes = nodes.iter().map(|node| (node.name.clone(), node.clone())).collect();
        Self { client, ground, nodes, folder, known: Mutex::default() }
    }

    /// Watches Pods and keeps a worker for each, until the node shuts down and every worker has ended.
    pub async fn run(&self) {
        let api: Api<Pod> = Api::all(self.client.clone());
        let bound = watcher::Config::default().fields("spec.nodeName!=");
        let events = watcher(api, bound).default_backoff();
        pin_mut!(events);
        let mut shutdown = self.ground.shutdown.clone();
        let mut workers = JoinSet::new();
        let mut listed = BTreeSet::new();
        loop {
            let event = tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break,
                Some(ended) = workers.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a Pod's worker broke");
                    }
                    continue;
                }
                event = events.next() => event,
            };
            match event {
                None => break,
                Some(Ok(watcher::Event::Init)) => listed.clear(),
                Some(Ok(watcher::Event::InitApply(pod))) => {
                    listed.extend(pod.uid());
                    self.upsert(pod, &mut workers);
                }
                Some(Ok(watcher::Event::Apply(pod))) => self.upsert(pod, &mut workers),
                Some(Ok(watcher::Event::Delete(pod))) => self.gone(&pod.uid().unwrap_or_default()),
                Some(Ok(watcher::Event::InitDone)) => self.sweep(&listed),
                Some(Err(error)) => tracing::debug!(%error, "the watch of Pods broke; trying again"),
            }
        }
        // Status still has to be told while containers end, and deletions are seen no more: workers go by their own view.
        while workers.join_next().await.is_some() {}
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upsert(&self, pod: Pod, workers: &mut JoinSet<()>) {
        let node_name = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
        let (Some(node), Some(uid)) = (self.nodes.get(&node_name), pod.uid()) else { return };
        let mut known = self.known();
        if let Some(there) = known.get(&uid) {
            there.updates.send_replace(Some(pod));
            return;
        }
        let (updates, receiver) = watch::channel(Some(pod.clone()));
        known.insert(uid.clone(), Known { namespace: pod.namespace().unwrap_or_default(), name: pod.name_any(), updates });
        let place = Place { node: node_name, pod_ip: address(&uid), host_ip: "127.0.0.1".to_owned() };
        let worker = Worker::new(self.client.clone(), self.ground.clone(), node.clone(), pod, place, self.folder.join(&uid));
        workers.spawn(worker.run(receiver));
    }

    fn gone(&self, uid: &str) {
        if let Some(known) = self.known().remove(uid) {
            known.updates.send_replace(None);
        }
    }

    /// Ends what is here and is no Pod's any more: Pods that were deleted while the agent was away.
    fn sweep(&self, listed: &BTreeSet<String>) {
        let forgotten: Vec<_> = self.known().keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        for uid in forgotten {
            self.gone(&uid);
        }
        let Ok(folders) = std::fs::read_dir(&self.folder) else { return };
        for folder in folders.flatten() {
            let uid = folder.file_name().to_string_lossy().into_owned();
            if listed.contains(&uid) || self.known().contains_key(&uid) {
                continue;
            }
            for attempt in attempts(&folder.path()) {
                attempt.signal(Signal::KILL);
            }
            if let Err(error) = volumes::remove(&folder.path()) {
                tracing::warn!(%error, uid, "the folder of a Pod that is gone was not removed");
            }
        }
    }

    /// The nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// A Pod's namespace and name.
    pub fn named(&self, uid: &str) -> Option<(String, String)> {
        self.known().get(uid).map(|known| (known.namespace.clone(), known.name.clone()))
    }

    /// The process groups of a Pod's containers that run, each by the process that began it.
    pub fn groups(&self, uid: &str) -> Vec<i32> {
        let begun = attempts(&self.folder.join(uid)).into_iter().filter_map(|attempt| attempt.begun());
        begun.map(|begun| begun.process).filter(|process| process.is_alive()).map(|process| process.pid).collect()
    }

    /// A container's current attempt, or the one before.
    ///
    /// # Errors
    /// A sentence as the kubelet's.
    pub fn attempt(&self, namespace: &str, pod: &str, container: &str, previous: bool) -> Result<Attempt, String> {
        let known = self.known();
        let found = known.iter().find(|(_, known)| known.namespace == namespace && known.name == pod);
        let (uid, _) = found.ok_or_else(|| format!("pod \"{pod}\" is not on this node"))?;
        let folder = self.folder.join(uid).join("containers").join(container);
        let made = (0..u32::MAX).take_while(|number| folder.join(number.to_string()).exists()).count();
        let number = match (made, previous) {
            (0, _) => return Err(format!("container \"{container}\" in pod \"{pod}\" is waiting to start: ContainerCreating")),
            (1, true) => return Err(format!("previous terminated container \"{container}\" in pod \"{pod}\" not found")),
            (made, true) => made - 2,
            (made, false) => made - 1,
        };
        Ok(Attempt::at(folder.join(number.to_string())))
    }
}

fn attempts(pod: &std::path::Path) -> Vec<Attempt> {
    let below = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    below(pod.join("containers")).flat_map(below).map(Attempt::at).collect()
}

/// A loopback address of the Pod's own: processes that listen on every address are found there.
fn address(uid: &str) -> String {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    let [a, b, c, ..] = hasher.finish().to_le_bytes();
    format!("127.{}.{b}.{}", 1 + a % 254, 1 + c % 254)
}
