//! A scene: the nodes of a world as they are for a while, with the Pods that hold some of them and the rules.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_domain::{
    fit::{PRODUCT_LABEL, Picture, Pod},
    node::NodeFacts,
    quota::QuotaFacts,
    run::spec::{RunId, RunName},
};

use super::{
    super::{CLASSES, admin::LABEL, dice::Dice},
    World, rules,
};

/// Nodes of a world.
pub const NODES: usize = 3;

/// Products that nodes may have; no other test's nodes have them.
pub const PRODUCTS: [&str; 2] = ["FIT-A", "FIT-B"];

pub struct Scene {
    pub picture: Picture,
    pub quotas: Vec<QuotaFacts>,
    nodes: Vec<(NodeFacts, Vec<Pod>)>,
}

pub fn node(world: &str, index: usize) -> String {
    format!("{world}-{index}")
}

/// A heartbeat.
pub fn ready() -> Value {
    json!({ "type": "Ready", "status": "True", "reason": "Test", "lastHeartbeatTime": Timestamp::now() })
}

/// The priority of a Pod that holds something, which its name tells.
pub fn priority(name: &str) -> Option<i32> {
    let class = name.rsplit_once('-')?.1;
    CLASSES.iter().find(|(name, ..)| name.ends_with(class)).map(|(_, value, _)| *value).or((class == "none").then_some(0))
}

impl Scene {
    /// Clears the stage and sets the next scene. Pods come before the rules, which are not asked about them.
    pub async fn set(world: &World, dice: &mut Dice) -> Self {
        for kind in ["pods", "resourcequotas", "limitranges"] {
            world.admin.delete(&world.at(kind)).await;
        }
        world.admin.until(&world.at("pods"), |pods| pods["items"].as_array().is_some_and(Vec::is_empty)).await;
        let mut nodes = Vec::new();
        let shown = dice.from(1, NODES as u64);
        for index in 0..NODES {
            let facts = any_node(world, index, index as u64 >= shown, dice);
            dress(world, &facts).await;
            nodes.push((facts, Vec::new()));
        }
        let mut since = 1_700_000_000;
        for (facts, pods) in &mut nodes {
            for number in 0..dice.from(0, 4) {
                since += 60;
                pods.push(hold(world, facts, number, since, dice).await);
            }
        }
        let limits = rules::limits(world, dice).await;
        let quotas = rules::quotas(world, dice).await;
        let priorities = rules::priorities(world).await;
        let picture = Picture::draw(nodes.clone(), &[PRODUCT_LABEL, LABEL]).under(quotas.clone(), limits, priorities);
        Self { picture, quotas, nodes }
    }

    pub fn words(&self) -> String {
        format!("{:#?}\n{:?}\n{:?}", self.nodes, self.quotas, self.picture.limits)
    }
}

fn any_node(world: &World, index: usize, hidden: bool, dice: &mut Dice) -> NodeFacts {
    let text = str::to_owned;
    let group = if hidden { "hidden".to_owned() } else { world.name.clone() };
    let mut labels = BTreeMap::from([(text(LABEL), group)]);
    if dice.percent(80) {
        labels.insert(text(PRODUCT_LABEL), dice.one(&PRODUCTS).to_owned());
    }
    let pods = if dice.percent(30) { dice.from(1, 5) } else { 110 };
    let gpus = if dice.percent(80) { dice.from(1, 8) } else { 0 };
    let slices = if dice.percent(40) { dice.from(1, 7) } else { 0 };
    let allocatable = BTreeMap::from([
        (text("cpu"), format!("{}", dice.from(4, 32))),
        (text("memory"), format!("{}Gi", dice.from(8, 64))),
        (text("pods"), pods.to_string()),
        (text("nvidia.com/gpu"), gpus.to_string()),
        (text("nvidia.com/mig-1g.5gb"), slices.to_string()),
    ]);
    let cordoned = dice.percent(8);
    let mut taints = vec![format!("{LABEL}=only:NoSchedule")];
    for (taint, percent) in [
        ("nvidia.com/gpu=present:NoSchedule", 30),
        ("reserved=yes:NoSchedule", 10),
        ("reserved=yes:PreferNoSchedule", 10),
        ("reserved=no:NoExecute", 5),
    ] {
        if dice.percent(percent) && !taints.iter().any(|there| there.rsplit_once(':') == taint.rsplit_once(':')) {
            taints.push(taint.to_owned());
        }
    }
    if cordoned {
        taints.push("node.kubernetes.io/unschedulable=:NoSchedule".to_owned());
    }
    NodeFacts { name: node(&world.name, index), labels, allocatable, taints, cordoned, ready: true, ..NodeFacts::default() }
}

/// Makes a node as it is to be.
async fn dress(world: &World, facts: &NodeFacts) {
    let taint = |text: &String| {
        let (pair, effect) = text.rsplit_once(':').expect("an effect");
        let (key, value) = pair.split_once('=').expect("a value");
        json!({ "key": key, "value": value, "effect": effect })
    };
    let path = format!("/api/v1/nodes/{}", facts.name);
    let spec = json!({
        "metadata": { "labels": { LABEL: facts.labels[LABEL], PRODUCT_LABEL: facts.labels.get(PRODUCT_LABEL) } },
        "spec": { "unschedulable": facts.cordoned, "taints": facts.taints.iter().map(taint).collect::<Vec<_>>() },
    });
    world.admin.patch(&path, &spec).await;
    let status = json!({ "status": { "capacity": facts.allocatable, "allocatable": facts.allocatable, "conditions": [ready()] } });
    world.admin.patch(&format!("{path}/status"), &status).await;
}

/// Makes a Pod that holds something of a node, as one that was bound there long ago.
async fn hold(world: &World, facts: &NodeFacts, number: u64, since: i64, dice: &mut Dice) -> Pod {
    let class = dice.one(&["none", "none", "low", "mid", "high"]);
    let name = format!("{}-{number}-{class}", facts.name);
    let mut requests =
        vec![("cpu".to_owned(), format!("{}m", dice.from(1, 12) * 500)), ("memory".to_owned(), format!("{}Gi", dice.from(1, 16)))];
    if dice.percent(60) {
        requests.push(("nvidia.com/gpu".to_owned(), dice.from(1, 4).to_string()));
    }
    if dice.percent(25) {
        requests.push(("nvidia.com/mig-1g.5gb".to_owned(), dice.from(1, 3).to_string()));
    }
    let amounts: BTreeMap<_, _> = requests.iter().cloned().collect();
    let object = json!({
        "metadata": { "name": name },
        "spec": {
            "nodeName": facts.name,
            "tolerations": [{ "operator": "Exists" }],
            "priorityClassName": (class != "none").then(|| format!("fit-{class}")),
            "containers": [{ "name": "main", "image": "busybox:1", "resources": { "requests": amounts, "limits": amounts } }],
        },
    });
    world.admin.make(&world.at("pods"), &object).await;
    let start = Timestamp::from_second(since).expect("a time");
    world.admin.patch(&format!("{}/{name}/status", world.at("pods")), &json!({ "status": { "startTime": start } })).await;
    let run = Some((RunId(name.clone()), RunName::parse(&name).expect("a name")));
    Pod { team: world.name.clone(), run, priority: priority(&name).expect("a class"), since, requests }
}
