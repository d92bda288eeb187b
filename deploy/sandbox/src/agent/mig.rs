//! What NVIDIA's mig-manager does on a node: whoever sets the label `nvidia.com/mig.config` to a configuration's name gets the
//! node's cards cut so, and reads in `nvidia.com/mig.config.state` how it went: `pending`, then `success` or `failed`.
//!
//! As there: only a changed value is acted upon; while it works the node offers no GPU; a card that changes must be in nobody's
//! use; why it failed stands in the log. Unlike there, a request of which one card cannot be cut changes none of them. The cut
//! is kept in a file, since a restart of the agent is no restart of the cards.

use std::{
    collections::BTreeMap,
    future::pending,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::pods::Node;
use crate::nodes::{
    Apply, NodeSpec,
    configs::{Cut, MigConfigs},
};

/// The label that asks for a cut.
pub(super) const CONFIG: &str = "nvidia.com/mig.config";

/// The label that says how it went.
pub(super) const STATE: &str = "nvidia.com/mig.config.state";

/// How long cards take to be cut: long enough to be seen.
const PROMPT: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(10);

/// Between two tries at what the API server did not take.
const PAUSE: Duration = Duration::from_secs(1);

/// How the last request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Pending,
    Success,
    Failed,
}

impl State {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// A node as it is to be shown: with the cut that its cards have now.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub spec: NodeSpec,
    pub state: State,
}

/// What is kept of a node between two starts of the agent.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// What the nodes file said when it was kept.
    declared: String,
    config: String,
    state: State,
    cut: Cut,
}

/// Keeps the cards of every node cut as its label asks, for ever.
pub(super) struct MigManager {
    client: Client,
    configs: MigConfigs,
    folder: PathBuf,
}

impl MigManager {
    /// `folder` is where cuts are kept.
    pub fn new(client: Client, configs: MigConfigs, folder: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { client, configs, folder })
    }

    /// A node with the cut that it had last; as the nodes file says where that was changed since, or nothing is kept.
    pub fn remember(&self, spec: NodeSpec) -> Shown {
        let fresh = |spec| Shown { spec, state: State::Success };
        let Some(kept) = self.kept(&spec.name).filter(|kept| kept.declared == spec.declared()) else { return fresh(spec) };
        match spec.recut(&kept.config, &kept.cut) {
            Ok(spec) => Shown { spec, state: kept.state },
            Err(_) => fresh(spec),
        }
    }

    fn path(&self, node: &str) -> PathBuf {
        self.folder.join(format!("{node}.json"))
    }

    fn kept(&self, node: &str) -> Option<Kept> {
        serde_json::from_slice(&std::fs::read(self.path(node)).ok()?).ok()
    }

    fn keep(&self, declared: &str, shown: &Shown) {
        let spec = &shown.spec;
        let kept = Kept { declared: declared.to_owned(), config: spec.mig_config().to_owned(), state: shown.state, cut: spec.cut() };
        if let Err(error) = write(&self.path(&spec.name), &kept) {
            tracing::warn!(%error, node = spec.name, "how the cards are cut could not be kept; a restart undoes it");
        }
    }

    /// Follows the labels of these nodes, each given with what the nodes file says of it.
    pub async fn run(self, nodes: BTreeMap<String, (Arc<Node>, String)>) {
        let manager = Arc::new(self);
        let mut asked = BTreeMap::new();
        for (name, (node, declared)) in nodes {
            let shown = node.shown();
            if !shown.spec.has_mig() {
                continue;
            }
            if manager.kept(&name).is_none_or(|kept| kept.declared != declared) {
                // The file wins over what the label says from before, which would else read as a request.
                manager.set_label(&name, shown.spec.mig_config()).await;
                manager.keep(&declared, &shown);
            }
            let (ask, wanted) = tokio::sync::watch::channel(shown.spec.mig_config().to_owned());
            tokio::spawn(manager.clone().answer(node, declared, wanted));
            asked.insert(name, ask);
        }
        let events = watcher(Api::<NodeObject>::all(manager.client.clone()), watcher::Config::default()).default_backoff();
        pin_mut!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::Apply(node) | watcher::Event::InitApply(node)) => {
                    if let Some(ask) = asked.get(&node.name_any()) {
                        let config = node.labels().get(CONFIG).cloned().unwrap_or_default();
                        ask.send_if_modified(|known| std::mem::replace(known, config.clone()) != config);
                    }
                }
                Ok(watcher::Event::Delete(_) | watcher::Event::Init | watcher::Event::InitDone) => {}
                Err(error) => tracing::debug!(%error, "the watch of nodes broke; trying again"),
            }
        }
    }

    async fn set_label(&self, node: &str, config: &str) {
        let nodes: Api<NodeObject> = Api::all(self.client.clone());
        let patch = json!({ "metadata": { "labels": { CONFIG: config } } });
        loop {
            match nodes.patch(node, &PatchParams::default(), &Patch::Merge(&patch)).await {
                Ok(_) => return,
                // It is about to be made, with the label.
                Err(kube::Error::Api(refused)) if refused.code == 404 => return,
                Err(error) => tracing::debug!(%error, node, "a node's MIG configuration was not told; trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Answers one node's requests, one after the other; of those that came meanwhile, the last.
    async fn answer(self: Arc<Self>, node: Arc<Node>, declared: String, mut wanted: tokio::sync::watch::Receiver<String>) {
        let mut handled = node.shown().spec.mig_config().to_owned();
        loop {
            let config = wanted.borrow_and_update().clone();
            if config != handled {
                handled.clone_from(&config);
                if !config.is_empty() {
                    self.apply(&node, &config).await;
                    self.keep(&declared, &node.shown());
                }
            }
            if wanted.changed().await.is_err() {
                return;
            }
        }
    }

    async fn apply(&self, node: &Node, config: &str) {
        let now = node.shown().spec;
        let asked = self.configs.cut(config, &now).and_then(|cut| now.recut(config, &cut));
        let is_so = asked.as_ref().is_ok_and(|next| next.cut() == now.cut());
        if !is_so {
            node.show(|shown| shown.state = State::Pending);
            match now.apply() {
                Apply::Prompt | Apply::Fails => tokio::time::sleep(PROMPT).await,
                Apply::Slow => tokio::time::sleep(SLOW).await,
                Apply::Stuck => pending().await,
            }
        }
        let done = asked.and_then(|next| match now.apply() {
            Apply::Fails if !is_so => Err("the driver does not let go of GPU 0, as the nodes file says".to_owned()),
            Apply::Prompt | Apply::Slow | Apply::Stuck | Apply::Fails => node.devices().recut(&next).map(|()| next),
        });
        match done {
            Ok(next) => node.show(|shown| *shown = Shown { spec: next, state: State::Success }),
            Err(reason) => {
                tracing::warn!(node = node.name, config, reason, "the cards were not cut anew");
                // It has the name of what was asked for, and the cards that it had.
                let spec = now.recut(config, &now.cut()).unwrap_or(now);
                node.show(|shown| *shown = Shown { spec, state: State::Failed });
            }
        }
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, kept: &Kept) -> std::io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, serde_json::to_vec(kept)?)?;
    std::fs::rename(new, path)
}
