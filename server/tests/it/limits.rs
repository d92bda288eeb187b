//! Limits and priority classes on a real Kubernetes: what is filled in and refused is what was predicted, in the same words.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_domain::{
    limit::{Amounts, LimitFacts, LimitItem, defaulted, effective, violations},
    quantity::Quantity,
    team::TeamName,
};
use slipway_server::clock::Clock;

use crate::quotas::{pod, sentence, site};

#[tokio::test]
async fn limits_are_filled_in_and_enforced_by_the_api_server_as_they_are_predicted() {
    let (site, kubernetes) = site(Clock::machine(), "limited").await;
    let mut root = site.admin().await;
    let mut lead = site.person(&mut root, "lead", "limited", "admin").await;
    let done = lead
        .sets_limits(
            "limited",
            &[
                ("max:cpu", "2"),
                ("min:cpu", "50m"),
                ("default:memory", "256Mi"),
                ("min:memory", "32Mi"),
                ("max:nvidia.com/gpu", "1"),
                ("ratio:cpu", "4"),
                ("pod_max:memory", "1Gi"),
            ],
        )
        .await
        .expect(200)
        .json();
    assert!(done.as_str().is_some_and(|done| done.contains("Every container that asks for no GPU is given 1 GPU")), "{done}");

    let typed = [LimitItem {
        kind: "Container".into(),
        max: amounts(&json!({ "cpu": "2", "nvidia.com/gpu": "1" })),
        min: amounts(&json!({ "cpu": "50m", "memory": "32Mi" })),
        default: amounts(&json!({ "memory": "256Mi" })),
        max_ratio: amounts(&json!({ "cpu": "4" })),
        ..LimitItem::default()
    }];
    let object: Value = serde_json::from_str(&kubernetes.ok(&["get", "limitrange", "team", "-n", "limited", "-o", "json"])).expect("JSON");
    let container =
        object["spec"]["limits"].as_array().expect("items").iter().find(|item| item["type"] == "Container").expect("an item").clone();
    let predicted = effective(&typed[0]);
    assert_eq!((amounts(&container["default"]), amounts(&container["defaultRequest"])), (predicted.default, predicted.default_request));
    let team = TeamName::parse("limited").expect("a name");
    let pod_item = LimitItem { kind: "Pod".into(), max: amounts(&json!({ "memory": "1Gi" })), ..LimitItem::default() };
    let ranges = [LimitFacts { team, name: "team".into(), items: [typed.to_vec(), vec![pod_item]].concat(), version: String::new() }];

    let cases = [
        json!({}),
        json!({ "limits": { "cpu": "1" } }),
        json!({ "requests": { "cpu": "100m" }, "limits": { "cpu": "200m", "memory": "64Mi" } }),
        json!({ "limits": { "cpu": "4", "memory": "2Gi" } }),
        json!({ "requests": { "cpu": "100m", "memory": "16Mi" }, "limits": { "cpu": "1" } }),
        json!({ "requests": { "cpu": "10m" }, "limits": { "cpu": "10m" } }),
        json!({ "limits": { "nvidia.com/gpu": "2" } }),
    ];
    let mut refused_cases = 0;
    for (index, resources) in cases.iter().enumerate() {
        let name = format!("case-{index}");
        let (requests, limits) = defaulted(&amounts(&resources["requests"]), &amounts(&resources["limits"]), &ranges);
        let forbidden = violations(&requests, &limits, &ranges);
        if forbidden.is_empty() {
            kubernetes.apply(&pod(&name, "limited", resources));
            let made: Value = serde_json::from_str(&kubernetes.ok(&["get", "pod", &name, "-n", "limited", "-o", "json"])).expect("JSON");
            let has = &made["spec"]["containers"][0]["resources"];
            assert_eq!((amounts(&has["requests"]), amounts(&has["limits"])), (requests, limits), "{resources}");
        } else {
            refused_cases += 1;
            let said = kubernetes.refuses(&pod(&name, "limited", resources));
            for text in forbidden {
                assert!(said.contains(&text), "{resources}: {text:?} is not in {said:?}");
            }
        }
    }
    assert_eq!(refused_cases, 4, "the cases do not cover what is refused");
}

fn amounts(of: &Value) -> Amounts {
    let amount = |value: &Value| Quantity::parse(value.as_str().expect("an amount")).expect("an amount");
    of.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), amount(value))).collect()
}

#[tokio::test]
async fn a_class_whose_value_changes_is_replaced_only_where_that_is_agreed_to() {
    let (site, kubernetes) = site(Clock::machine(), "classes").await;
    let mut root = site.admin().await;
    let value = |name: &str| kubernetes.ok(&["get", "priorityclass", name, "-o", "jsonpath={.value} {.preemptionPolicy} {.description}"]);
    let fields = [("name", "swift"), ("value", "100"), ("preempts", "lower"), ("global_default", "no"), ("description", "first")];
    root.sets_priority(&fields).await.expect(200);
    assert_eq!(value("swift"), "100 PreemptLowerPriority first");
    let change = |seen: &'static str, value: &'static str, replace: &'static str| {
        [("name", "swift"), ("value", value), ("preempts", "lower"), ("description", "second"), ("seen", seen), ("replace", replace)]
    };
    root.sets_priority(&change(r#"100 false true "first""#, "100", "no")).await.expect(200);
    assert_eq!(value("swift"), "100 PreemptLowerPriority second");

    let preview = json!({ "form": change(r#"100 false true "second""#, "200", "no").into_iter().collect::<BTreeMap<_, _>>() });
    let plan = root.browser.call("priorities/preview", preview).await.expect(200).json();
    assert!(plan["plan"]["replace"].is_object(), "{plan}");
    let refused = root.sets_priority(&change(r#"100 false true "second""#, "200", "no")).await.expect(422).json();
    assert!(refused["fields"]["replace"].as_str().is_some_and(|said| said.contains("never changes a class's value")), "{refused}");
    assert_eq!(value("swift"), "100 PreemptLowerPriority second");
    root.sets_priority(&change(r#"100 false true "second""#, "200", "yes")).await.expect(200);
    assert_eq!(value("swift"), "200 PreemptLowerPriority second");
    // A form that was made from the old one changes nothing any more, and says what is there.
    let said = sentence(root.sets_priority(&change(r#"100 false true "second""#, "300", "yes")).await, 409);
    assert!(said.contains("changed it meanwhile"), "{said}");
    for (fields, field) in [
        ([("name", "system-swift"), ("value", "1")], "name"),
        ([("name", "swifter"), ("value", "1000000001")], "value"),
        ([("name", "swifter"), ("value", "")], "value"),
    ] {
        let refused = root.sets_priority(&fields).await.expect(422).json();
        assert!(refused["fields"][field].is_string(), "{refused}");
    }
    let delete = |name: &str, seen: &str| json!({ "form": { "name": name, "seen": seen } });
    sentence(root.browser.call("priorities/delete", delete("system-node-critical", "")).await, 409);
    root.browser.call("priorities/delete", delete("swift", r#"200 false true "second""#)).await.expect(200);
    assert!(!kubernetes.ok(&["get", "priorityclasses", "-o", "name"]).contains("swift"));
    for part in ["system-node-critical", "New class", "whoever has a lower value"] {
        assert!(root.browser.get("/priorities").await.expect(200).body.contains(part), "{part} is not on the page");
    }
}
