//! Quotas and limits of a scene, and what the API server made of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use slipway_domain::{
    limit::{LimitFacts, LimitItem},
    priority::PriorityFacts,
    quantity::Quantity,
    quota::{QuotaFacts, Scope},
    team::TeamName,
};

use super::{super::dice::Dice, World};

fn amounts(of: &Value) -> BTreeMap<String, Quantity> {
    let pairs = of.as_object().into_iter().flatten();
    pairs.map(|(name, amount)| (name.clone(), Quantity::parse(amount.as_str().expect("an amount")).expect("an amount"))).collect()
}

/// Makes limits, or none.
pub async fn limits(world: &World, dice: &mut Dice) -> Vec<LimitFacts> {
    if dice.percent(60) {
        return Vec::new();
    }
    let mut item = Map::from_iter([("type".to_owned(), json!("Container"))]);
    let mut put = |field: &str, resource: &str, amount: String| item.entry(field).or_insert_with(|| json!({}))[resource] = json!(amount);
    for (resource, unit) in [("cpu", ""), ("memory", "Gi")] {
        let least = dice.from(1, 2);
        let request = least + dice.from(0, 2);
        let limit = request + dice.from(0, 4);
        let most = limit + dice.from(0, 8);
        let (has_least, has_most) = (dice.percent(30), dice.percent(50));
        for (field, amount, has) in [
            ("min", least, has_least),
            ("defaultRequest", request, dice.percent(40)),
            ("default", limit, dice.percent(40)),
            ("max", most, has_most),
            ("maxLimitRequestRatio", 1 + least, !has_least && !has_most && dice.percent(30)),
        ] {
            if has {
                let unit = if field == "maxLimitRequestRatio" { "" } else { unit };
                put(field, resource, format!("{amount}{unit}"));
            }
        }
    }
    if dice.percent(10) {
        put("max", "nvidia.com/gpu", dice.from(1, 4).to_string());
    }
    let mut items = vec![Value::Object(item)];
    if dice.percent(20) {
        items.push(json!({ "type": "Pod", "max": { "cpu": dice.from(2, 10).to_string() } }));
    }
    let object = json!({ "metadata": { "name": "limits" }, "spec": { "limits": items } });
    let made = world.admin.make(&world.at("limitranges"), &object).await;
    let item = |item: &Value| LimitItem {
        kind: item["type"].as_str().expect("a kind").to_owned(),
        max: amounts(&item["max"]),
        min: amounts(&item["min"]),
        default: amounts(&item["default"]),
        default_request: amounts(&item["defaultRequest"]),
        max_ratio: amounts(&item["maxLimitRequestRatio"]),
    };
    vec![LimitFacts {
        team: TeamName::parse(&world.name).expect("a name"),
        name: "limits".to_owned(),
        items: made["spec"]["limits"].as_array().into_iter().flatten().map(item).collect(),
        version: String::new(),
    }]
}

/// Makes quotas, or none, and waits until Kubernetes has counted what they count.
pub async fn quotas(world: &World, dice: &mut Dice) -> Vec<QuotaFacts> {
    let mut made = Vec::new();
    let count = dice.one(&[&0_u64, &0, &0, &1, &2]);
    for number in 0..*count {
        let name = format!("quota-{number}");
        let scope = any_scope(dice);
        let mut hard = Map::new();
        let mut put = |resource: &str, amount: String| hard.insert(resource.to_owned(), json!(amount));
        if dice.percent(50) || scope["scopeName"] == "BestEffort" {
            put("pods", dice.from(2, 16).to_string());
        }
        if scope["scopeName"] != "BestEffort" {
            for (resource, unit, most) in
                [("cpu", "", 60), ("requests.memory", "Gi", 120), ("limits.cpu", "", 60), ("limits.memory", "Gi", 120)]
            {
                if dice.percent(22) {
                    put(resource, format!("{}{unit}", dice.from(most / 4, most)));
                }
            }
        }
        if scope.is_null() {
            for (resource, most) in [("requests.nvidia.com/gpu", 24), ("requests.nvidia.com/mig-1g.5gb", 12), ("count/pods", 20)] {
                if dice.percent(25) {
                    put(resource, dice.from(0, most).to_string());
                }
            }
        }
        if hard.is_empty() {
            hard.insert("pods".to_owned(), json!("12"));
        }
        let selector = if scope.is_null() { Value::Null } else { json!({ "matchExpressions": [scope] }) };
        let object = json!({ "metadata": { "name": name }, "spec": { "hard": hard, "scopeSelector": selector } });
        world.admin.make(&world.at("resourcequotas"), &object).await;
        made.push((name, scope));
    }
    let mut quotas = Vec::new();
    for (name, scope) in made {
        let path = format!("{}/{name}", world.at("resourcequotas"));
        let seen = world.admin.until(&path, |quota| quota["status"]["hard"] == quota["spec"]["hard"]).await;
        let text = |field: &str| scope[field].as_str().unwrap_or_default().to_owned();
        let values = scope["values"].as_array().into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect();
        quotas.push(QuotaFacts {
            team: TeamName::parse(&world.name).expect("a name"),
            name,
            hard: amounts(&seen["spec"]["hard"]),
            used: amounts(&seen["status"]["used"]),
            scopes: if scope.is_null() { Vec::new() } else { vec![Scope { name: text("scopeName"), operator: text("operator"), values }] },
            version: String::new(),
        });
    }
    quotas
}

fn any_scope(dice: &mut Dice) -> Value {
    let exists = |name: &str| json!({ "scopeName": name, "operator": "Exists" });
    let classes = |operator: &str| json!({ "scopeName": "PriorityClass", "operator": operator, "values": ["fit-high", "fit-never"] });
    match dice.from(0, 11) {
        0 => exists("Terminating"),
        1 => exists("NotTerminating"),
        2 => exists("BestEffort"),
        3 => exists("NotBestEffort"),
        4 => exists("PriorityClass"),
        5 => classes("In"),
        6 => classes("NotIn"),
        _ => Value::Null,
    }
}

/// Waits until Kubernetes counts what it counted when the scene was set: the last Pod that was asked for is gone from it.
pub async fn settled(world: &World, quotas: &[QuotaFacts]) {
    for quota in quotas {
        let path = format!("{}/{}", world.at("resourcequotas"), quota.name);
        let as_then =
            |(name, amount): (&String, &Quantity)| quota.used.get(name).is_some_and(|then| then.as_millis() == amount.as_millis());
        world.admin.until(&path, |seen| amounts(&seen["status"]["used"]).iter().all(as_then)).await;
    }
}

/// The cluster's priority classes.
pub async fn priorities(world: &World) -> Vec<PriorityFacts> {
    let seen = world.admin.get("/apis/scheduling.k8s.io/v1/priorityclasses").await;
    let class = |class: &Value| PriorityFacts {
        name: class["metadata"]["name"].as_str().expect("a name").to_owned(),
        value: class["value"].as_i64().and_then(|value| i32::try_from(value).ok()).expect("a value"),
        global_default: class["globalDefault"].as_bool().unwrap_or(false),
        preempts: class["preemptionPolicy"] != "Never",
        description: String::new(),
    };
    seen["items"].as_array().into_iter().flatten().map(class).collect()
}
