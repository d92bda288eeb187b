//! A Pod that is asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_domain::{
    fit::{Ask, Operator, PRODUCT_LABEL, Toleration},
    limit::Amounts,
    quantity::Quantity,
    team::TeamName,
};

use super::{
    super::{admin::LABEL, dice::Dice},
    scene,
};

/// Any Pod that may be asked for in a world, within what the form can say and beyond.
pub fn any(world: &str, dice: &mut Dice) -> Ask {
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    let mut put = |name: &str, amount: Quantity, limit: Option<Quantity>, dice: &mut Dice| {
        if dice.percent(90) {
            requests.insert(name.to_owned(), amount);
        }
        if let Some(limit) = limit {
            limits.insert(name.to_owned(), limit);
        }
    };
    if dice.percent(92) {
        let amount = dice.from(1, 14);
        let quantity = Quantity::parse(&format!("{}m", amount * 500)).expect("an amount");
        let limit = Quantity::parse(&format!("{}m", (amount + dice.from(0, 3)) * 500)).expect("an amount");
        put("cpu", quantity, dice.percent(80).then_some(if dice.percent(70) { quantity } else { limit }), dice);
    }
    if dice.percent(92) {
        let amount = dice.from(1, 14) << 30;
        put("memory", Quantity::bytes(amount), dice.percent(80).then_some(Quantity::bytes(amount)), dice);
    }
    if dice.percent(60) {
        let count = dice.from(1, 5);
        let limit = if dice.percent(97) {
            Some(count)
        } else if dice.percent(50) {
            Some(count + 1)
        } else {
            None
        };
        put("nvidia.com/gpu", Quantity::units(count), limit.map(Quantity::units), dice);
    } else if dice.percent(40) {
        let count = Quantity::units(dice.from(1, 5));
        put("nvidia.com/mig-1g.5gb", count, Some(count), dice);
    }
    let mut node_selector = BTreeMap::from([(LABEL.to_owned(), world.to_owned())]);
    if dice.percent(25) {
        node_selector.insert(PRODUCT_LABEL.to_owned(), dice.one(&scene::PRODUCTS).to_owned());
    }
    let exists = |key: &str| Toleration { key: Some(key.to_owned()), operator: Operator::Exists, effect: None };
    let mut tolerations = vec![exists(LABEL)];
    if dice.percent(75) {
        tolerations.push(exists("nvidia.com/gpu"));
    }
    if dice.percent(25) {
        let effect = dice.percent(50).then(|| "NoSchedule".to_owned());
        tolerations.push(Toleration { key: Some("reserved".to_owned()), operator: Operator::Equal("yes".to_owned()), effect });
    }
    if dice.percent(5) {
        tolerations.push(exists("node.kubernetes.io/unschedulable"));
    }
    let class = dice.one(&["", "", "", "fit-low", "fit-mid", "fit-mid", "fit-high", "fit-high", "fit-never"]);
    let class = if dice.percent(3) { "fit-absent" } else { class };
    Ask {
        team: TeamName::parse(world).expect("a name"),
        requests,
        limits,
        node_selector,
        tolerations,
        priority_class: (!class.is_empty()).then(|| class.to_owned()),
        deadline_seconds: dice.percent(20).then_some(600),
        counted: Vec::new(),
        shape: None,
    }
}

/// The Pod.
pub fn pod(name: &str, ask: &Ask) -> Value {
    let amounts = |amounts: &Amounts| amounts.iter().map(|(name, amount)| (name.clone(), amount.to_string())).collect::<BTreeMap<_, _>>();
    let toleration = |of: &Toleration| {
        let (operator, value) = match &of.operator {
            Operator::Exists => ("Exists", None),
            Operator::Equal(value) => ("Equal", Some(value)),
        };
        json!({ "key": of.key, "operator": operator, "value": value, "effect": of.effect })
    };
    json!({
        "metadata": { "name": name },
        "spec": {
            "nodeSelector": ask.node_selector,
            "tolerations": ask.tolerations.iter().map(toleration).collect::<Vec<_>>(),
            "priorityClassName": ask.priority_class,
            "activeDeadlineSeconds": ask.deadline_seconds,
            "containers": [{
                "name": "main", "image": "busybox:1",
                "resources": { "requests": amounts(&ask.requests), "limits": amounts(&ask.limits) },
            }],
        },
    })
}
