//! A world: three nodes and a namespace, scene after scene.

mod ask;
mod rules;
mod scene;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod as CorePod;
use kube::{
    Api,
    api::{WatchEvent, WatchParams},
};
use serde_json::{Value, json};
use slipway_domain::fit::{Answer, Ask, Outcome, Refused, Rule, answer};

use self::scene::Scene;
use super::{
    admin::{Admin, LABEL},
    dice::Dice,
};
use crate::kubernetes::PATIENCE;

/// Pods asked for in a scene.
const ASKS: usize = 12;

/// What a world came to.
#[derive(Default)]
pub struct Played {
    pub cases: u64,
    /// Cases that were asked twice.
    pub again: u64,
    /// What differs, in words.
    pub differ: Vec<String>,
    /// How many came to what.
    pub kinds: BTreeMap<&'static str, u64>,
}

/// What really became of a Pod.
enum Seen {
    Refused(String),
    Bound(String),
    Nominated(String, BTreeSet<String>),
    Unschedulable(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Bound(node) => write!(f, "bound to {node}"),
            Self::Nominated(node, gone) => write!(f, "nominated to {node}, where {gone:?} are told to go"),
            Self::Unschedulable(why) => write!(f, "unschedulable: {why}"),
        }
    }
}

pub struct World {
    admin: Admin,
    /// The namespace and the label's value of its nodes.
    name: String,
}

impl World {
    pub async fn make(admin: Admin, number: u64) -> Self {
        let name = format!("fit-{number}");
        let labels = json!({ LABEL: name });
        admin.make("/api/v1/namespaces", &json!({ "metadata": { "name": name, "labels": labels } })).await;
        for index in 0..scene::NODES {
            let node = json!({
                "metadata": { "name": scene::node(&name, index), "labels": labels },
                "spec": { "taints": [{ "key": LABEL, "value": "only", "effect": "NoSchedule" }] },
                "status": { "conditions": [scene::ready()] },
            });
            admin.make("/api/v1/nodes", &node).await;
        }
        // Without it no Pod is let in.
        admin.until(&format!("/api/v1/namespaces/{name}/serviceaccounts/default"), |_| true).await;
        Self { admin, name }
    }

    /// The path of the namespace's objects.
    fn at(&self, kind: &str) -> String {
        format!("/api/v1/namespaces/{}/{kind}", self.name)
    }

    pub async fn play(self, mut dice: Dice, scenes: u64) -> Played {
        let mut played = Played::default();
        for _ in 0..scenes {
            let scene = Scene::set(&self, &mut dice).await;
            let mut asks = Vec::new();
            let mut displaces = None;
            while asks.len() < ASKS {
                let ask = ask::any(&self.name, &mut dice);
                match answer(&scene.picture, &ask).outcome {
                    // It changes the scene, so it comes last.
                    Outcome::Preempts { .. } if displaces.is_none() => displaces = Some(ask),
                    Outcome::Preempts { .. } => {}
                    Outcome::RunsNow { .. } | Outcome::Waits(_) | Outcome::Refused(_) => asks.push(ask),
                }
                if asks.len() == ASKS - 1 && displaces.is_some() {
                    break;
                }
            }
            for ask in asks.iter().chain(&displaces) {
                if self.try_out(&scene, ask, &mut played).await {
                    break;
                }
            }
        }
        played
    }

    /// Compares the answer with what happens; whether that changed the scene.
    async fn try_out(&self, scene: &Scene, ask: &Ask, played: &mut Played) -> bool {
        let said = answer(&scene.picture, ask);
        played.cases += 1;
        *played.kinds.entry(kind(&said.outcome)).or_default() += 1;
        let seen = self.happens(scene, ask, &said).await;
        if agrees(&said, &seen) {
            return matches!(seen, Seen::Nominated(..));
        }
        played.again += 1;
        if matches!(seen, Seen::Nominated(..)) {
            played.differ.push(self.differs(scene, ask, &said, &[seen]));
            return true;
        }
        let second = self.happens(scene, ask, &said).await;
        let changed = matches!(second, Seen::Nominated(..));
        if !agrees(&said, &second) {
            played.differ.push(self.differs(scene, ask, &said, &[seen, second]));
        }
        changed
    }

    fn differs(&self, scene: &Scene, ask: &Ask, said: &Answer, seen: &[Seen]) -> String {
        let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
        format!("{}: {ask:?}\nsaid: {said}\nseen: {}\nscene: {}", self.name, seen.join("\nthen: "), scene.words())
    }

    /// Asks for the Pod, sees what becomes of it, and takes it away again. Of one Pod in some ten thousand the scheduler has never
    /// said a word (why is not known); such a Pod is asked for once more.
    async fn happens(&self, scene: &Scene, ask: &Ask, said: &Answer) -> Seen {
        for _ in 0..2 {
            if let Some(seen) = self.happens_once(scene, ask, said).await {
                return seen;
            }
        }
        panic!("{}: the scheduler says nothing of {ask:?}", self.name)
    }

    /// The same; none where the scheduler says nothing.
    async fn happens_once(&self, scene: &Scene, ask: &Ask, said: &Answer) -> Option<Seen> {
        rules::settled(self, &scene.quotas).await;
        let name = "ask";
        let made = self.admin.call("POST", &self.at("pods"), &ask::pod(name, ask)).await;
        let made = match made {
            Ok(made) => made,
            Err((403 | 422, why)) => return Some(Seen::Refused(why)),
            Err(why) => panic!("neither made nor refused: {why:?}"),
        };
        let mut seen = tokio::time::timeout(PATIENCE, self.scheduled(name, &made)).await.ok();
        if let (Some(Seen::Nominated(_, victims)), Outcome::Preempts { victims: wanted, .. }) = (&mut seen, &said.outcome) {
            *victims = self.told_to_go(wanted.len()).await;
        }
        self.admin.delete(&format!("{}/{name}", self.at("pods"))).await;
        seen
    }

    /// What the scheduler makes of a Pod.
    async fn scheduled(&self, name: &str, made: &Value) -> Seen {
        let pods: Api<CorePod> = Api::namespaced(self.admin.client.clone(), &self.name);
        let params = WatchParams::default().fields(&format!("metadata.name={name}"));
        let version = made["metadata"]["resourceVersion"].as_str().expect("a version");
        let mut events = pods.watch(&params, version).await.expect("a watch").boxed();
        while let Some(event) = events.try_next().await.expect("the watch goes on") {
            let WatchEvent::Modified(pod) = event else { continue };
            if let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) {
                return Seen::Bound(node);
            }
            let status = pod.status.unwrap_or_default();
            if let Some(node) = status.nominated_node_name.filter(|node| !node.is_empty()) {
                return Seen::Nominated(node, BTreeSet::new());
            }
            let said =
                status.conditions.unwrap_or_default().into_iter().find(|condition| condition.reason.as_deref() == Some("Unschedulable"));
            if let Some(condition) = said {
                return Seen::Unschedulable(condition.message.unwrap_or_default());
            }
        }
        panic!("the watch of {} ended", self.name)
    }

    /// Pods that were told to go, once they are as many as are awaited, or no more come.
    async fn told_to_go(&self, awaited: usize) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for _ in 0..50 {
            let pods = self.admin.get(&self.at("pods")).await;
            let gone = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_string();
            let pods = pods["items"].as_array().into_iter().flatten().filter(gone);
            found = pods.filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).collect();
            if found.len() >= awaited {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        found
    }
}

const fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::RunsNow { .. } => "run now",
        Outcome::Preempts { .. } => "displace",
        Outcome::Waits(_) => "wait",
        Outcome::Refused(Refused { by: Rule::PriorityClass, .. }) => "refused, class",
        Outcome::Refused(Refused { by: Rule::LimitRange, .. }) => "refused, limits",
        Outcome::Refused(Refused { by: Rule::Validation, .. }) => "refused, invalid",
        Outcome::Refused(Refused { by: Rule::Quota, .. }) => "refused, quota",
    }
}

fn agrees(said: &Answer, seen: &Seen) -> bool {
    match (&said.outcome, seen) {
        (Outcome::RunsNow { node, others }, Seen::Bound(bound)) => *others > 0 || node == bound,
        (Outcome::Waits(_), Seen::Unschedulable(_)) => true,
        (Outcome::Refused(refused), Seen::Refused(why)) => {
            let limits = why.contains(" usage per ") || why.contains("max limit to request ratio");
            match refused.by {
                Rule::PriorityClass => why.contains("no PriorityClass with name"),
                Rule::LimitRange => limits,
                Rule::Validation => why.contains("is invalid: "),
                Rule::Quota => why.contains(" quota: "),
            }
        }
        (Outcome::Preempts { node, victims }, Seen::Nominated(nominated, gone)) => {
            let named: BTreeSet<String> =
                victims.iter().filter_map(|victim| victim.run.as_ref().map(|(_, name)| name.to_string())).collect();
            let priorities = |names: &BTreeSet<String>| {
                let mut priorities: Vec<_> = names.iter().filter_map(|name| scene::priority(name)).collect();
                priorities.sort_unstable();
                priorities
            };
            (node == nominated && named == *gone) || (node != nominated && priorities(&named) == priorities(gone))
        }
        _ => false,
    }
}
