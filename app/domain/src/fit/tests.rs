//! Clusters in a few lines, and what is answered about them.

use std::{collections::BTreeMap, time::Instant};

use proptest::prelude::*;

use super::*;
use crate::{
    limit::{LimitFacts, LimitItem},
    node::NodeFacts,
    priority::PriorityFacts,
    quota::{QuotaFacts, Scope},
    run::form::RunForm,
    team::TeamName,
};

const A100: &str = "NVIDIA-A100-SXM4-80GB";
const H100: &str = "NVIDIA-H100-80GB-HBM3";

fn node(name: &str, product: &str, allocatable: &[(&str, &str)]) -> NodeFacts {
    let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let labels: BTreeMap<String, String> = if product.is_empty() { BTreeMap::new() } else { text(&[(PRODUCT_LABEL, product)]) };
    let mut allocatable: BTreeMap<String, String> = text(allocatable);
    for (name, amount) in [("cpu", "64"), ("memory", "512Gi"), ("pods", "110")] {
        allocatable.entry(name.to_owned()).or_insert_with(|| amount.to_owned());
    }
    NodeFacts { name: name.to_owned(), labels, allocatable, taints: Vec::new(), cordoned: false, ready: true, ..NodeFacts::default() }
}

fn gpus(name: &str, product: &str, count: u32) -> NodeFacts {
    node(name, product, &[("nvidia.com/gpu", &count.to_string())])
}

/// A run that holds so much of one resource.
fn run(name: &str, team: &str, priority: i32, (resource, amount): (&str, &str)) -> Pod {
    let run = Some((RunId(format!("id-{name}")), RunName::parse(name).expect("a name")));
    Pod { team: team.to_owned(), run, priority, since: 0, requests: vec![(resource.to_owned(), amount.to_owned())] }
}

fn picture(nodes: Vec<(NodeFacts, Vec<Pod>)>) -> Picture {
    let class = |name: &str, value: i32, preempts: bool| PriorityFacts {
        name: name.to_owned(),
        value,
        global_default: false,
        preempts,
        description: String::new(),
    };
    let priorities = vec![class("urgent", 1000, true), class("patient", 1000, false), class("spare", -10, true)];
    Picture { priorities, ..Picture::draw(nodes, &[PRODUCT_LABEL]) }
}

fn team() -> TeamName {
    TeamName::parse("vision").expect("a name")
}

fn ask(change: impl FnOnce(&mut RunForm)) -> Ask {
    let mut form = RunForm { team: "vision".into(), name: "digits-1".into(), ..RunForm::default() };
    change(&mut form);
    Ask::of(&form.parse().unwrap_or_else(|errors| panic!("{errors:?}")))
}

fn whole_gpus(count: u32, product: &str) -> Ask {
    ask(|form| {
        (form.gpu, form.gpu_count, form.gpu_product) = ("gpu".into(), count.to_string(), product.into());
    })
}

fn said(picture: &Picture, ask: &Ask) -> String {
    answer(picture, ask).to_string()
}

fn offered(picture: &Picture, ask: &Ask) -> Option<String> {
    answer(picture, ask).nearest.map(|shape| format!("{shape}, {} CPU, {}", shape.cpu, shape.memory))
}

fn amounts(of: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    of.iter().map(|(name, amount)| ((*name).to_owned(), Quantity::parse(amount).expect("an amount"))).collect()
}

fn quota(hard: &[(&str, &str)], used: &[(&str, &str)], scopes: &[(&str, &str, &str)]) -> QuotaFacts {
    let scope = |(name, operator, values): &(&str, &str, &str)| Scope {
        name: (*name).to_owned(),
        operator: (*operator).to_owned(),
        values: values.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect(),
    };
    QuotaFacts {
        team: team(),
        name: "share".into(),
        hard: amounts(hard),
        used: amounts(used),
        scopes: scopes.iter().map(scope).collect(),
        version: "1".into(),
    }
}

#[test]
fn it_runs_where_there_is_room() {
    let nodes = vec![(gpus("gpu-b", A100, 8), vec![]), (gpus("gpu-a", A100, 8), vec![run("llm", "speech", 0, ("nvidia.com/gpu", "6"))])];
    let picture = picture(nodes);
    assert_eq!(said(&picture, &whole_gpus(4, A100)), "Runs now on gpu-b");
    assert_eq!(said(&picture, &whole_gpus(2, A100)), "Runs now on gpu-a or on one other node");
    assert_eq!(answer(&picture, &whole_gpus(2, A100)).nearest, None);
}

#[test]
fn what_it_waits_for_has_its_arithmetic_and_its_holders() {
    let held = |amount: &str| vec![run("llm", "speech", 0, ("nvidia.com/gpu", amount))];
    let picture = picture(vec![(gpus("gpu-a", A100, 8), held("6")), (gpus("gpu-b", A100, 8), held("7"))]);
    assert_eq!(said(&picture, &whole_gpus(4, A100)), "Waits: needs 4 × A100-SXM4-80GB; gpu-a has 2 of 8 free, team speech holds 6");
    assert_eq!(offered(&picture, &whole_gpus(4, A100)).as_deref(), Some("2 × A100-SXM4-80GB, 1 CPU, 1Gi"));
    assert_eq!(said(&picture, &whole_gpus(9, A100)), "Waits: needs 9 × A100-SXM4-80GB on one node; the largest, gpu-a, has 8");
    assert_eq!(said(&picture, &whole_gpus(1, "NVIDIA-B200")), "Waits: needs 1 × B200; no node has such");
    let slice = ask(|form| form.gpu = "1g.5gb".into());
    assert_eq!(said(&picture, &slice), "Waits: needs 1 × 1g.5gb; no node has such");
}

#[test]
fn a_slice_is_not_a_gpu_and_a_gpu_is_no_slice() {
    let cut = node("gpu-b", "NVIDIA-A100-SXM4-40GB", &[("nvidia.com/mig-1g.5gb", "7")]);
    let picture = picture(vec![(cut, vec![])]);
    assert_eq!(said(&picture, &whole_gpus(1, "")), "Waits: needs 1 × GPU; no node has such");
    let slices = |count: &str| ask(|form| (form.gpu, form.gpu_count) = ("1g.5gb".into(), count.into()));
    assert_eq!(said(&picture, &slices("7")), "Runs now on gpu-b");
    assert_eq!(said(&picture, &slices("8")), "Waits: needs 8 × 1g.5gb on one node; the largest, gpu-b, has 7");
    assert_eq!(offered(&picture, &slices("8")).as_deref(), Some("7 × 1g.5gb, 1 CPU, 1Gi"));
}

#[test]
fn another_product_is_nearer_than_fewer_gpus_and_another_profile_nearer_than_fewer_slices() {
    let busy = vec![run("llm", "speech", 0, ("nvidia.com/gpu", "7"))];
    let cut = node("gpu-b", "", &[("nvidia.com/mig-1g.5gb", "1"), ("nvidia.com/mig-2g.10gb", "2"), ("nvidia.com/mig-7g.40gb", "2")]);
    let picture = picture(vec![(gpus("gpu-a", A100, 8), busy), (gpus("gpu-h", H100, 4), vec![]), (cut, vec![])]);
    assert_eq!(offered(&picture, &whole_gpus(3, A100)).as_deref(), Some("3 × H100-80GB-HBM3, 1 CPU, 1Gi"));
    let slices = ask(|form| (form.gpu, form.gpu_count) = ("1g.5gb".into(), "2".into()));
    assert_eq!(offered(&picture, &slices).as_deref(), Some("2 × 2g.10gb, 1 CPU, 1Gi"));
}

#[test]
fn less_cpu_or_memory_keeps_the_gpus() {
    let held = vec![run("a", "speech", 0, ("memory", "500Gi")), run("b", "speech", 0, ("cpu", "54"))];
    let picture = picture(vec![(gpus("gpu-a", A100, 8), held)]);
    let large = ask(|form| (form.gpu, form.cpu, form.memory) = ("gpu".into(), "16".into(), "16Gi".into()));
    assert_eq!(said(&picture, &large), "Waits: needs 16 CPU; gpu-a has 10 of 64 free, team speech holds 54");
    assert_eq!(offered(&picture, &large).as_deref(), Some("1 × GPU, 10 CPU, 12Gi"));
}

#[test]
fn nodes_that_are_set_aside_are_counted_by_their_reason() {
    let cordoned = NodeFacts { cordoned: true, ..gpus("gpu-a", A100, 8) };
    let tainted = NodeFacts { taints: vec!["reserved=speech:NoSchedule".into()], ..gpus("gpu-b", A100, 8) };
    let silent = NodeFacts { ready: false, ..gpus("gpu-c", A100, 8) };
    let preferred = NodeFacts { taints: vec!["reserved=speech:PreferNoSchedule".into()], ..gpus("gpu-d", H100, 8) };
    let for_gpus = NodeFacts { taints: vec!["nvidia.com/gpu=present:NoSchedule".into()], ..gpus("gpu-e", H100, 8) };
    let picture = picture([cordoned, tainted, silent, preferred, for_gpus].map(|node| (node, vec![])).into());
    assert_eq!(
        said(&picture, &whole_gpus(1, A100)),
        "Waits: needs 1 × A100-SXM4-80GB; of the nodes that have it 1 is not ready, 1 is cordoned, 1 is set aside by the taint reserved=speech"
    );
    assert_eq!(said(&picture, &whole_gpus(1, H100)), "Runs now on gpu-d or on one other node");
}

#[test]
fn those_of_lower_priority_make_way_as_few_as_can_be_and_where_it_costs_least() {
    let gpu = |amount| ("nvidia.com/gpu", amount);
    let a = vec![run("a-0", "speech", 0, gpu("4")), run("a-1", "vision", -10, gpu("2")), run("a-2", "vision", 0, gpu("2"))];
    let b = vec![run("b-0", "speech", 500, gpu("8"))];
    let picture = picture(vec![(gpus("gpu-a", A100, 8), a), (gpus("gpu-b", A100, 8), b)]);
    let urgent = |count: u32, class: &str| Ask { priority_class: Some(class.into()), ..whole_gpus(count, A100) };
    assert_eq!(said(&picture, &urgent(2, "urgent")), "Runs on gpu-a once it has displaced a-1 of vision (spare, priority -10)");
    assert_eq!(said(&picture, &urgent(4, "urgent")), "Runs on gpu-a once it has displaced 2 Pods of lower priority");
    assert_eq!(
        said(&picture, &urgent(2, "patient")),
        "Waits: needs 2 × A100-SXM4-80GB; gpu-a has 0 of 8 free, team speech holds 4, team vision holds 4"
    );
    assert_eq!(said(&picture, &urgent(2, "gone")), "Refused: The cluster has no priority class gone; choose another");
}

#[test]
fn a_run_that_is_not_the_viewers_to_know_is_a_pod_of_its_team() {
    let held = vec![run("secret", "speech", -10, ("nvidia.com/gpu", "8"))];
    let picture = picture(vec![(gpus("gpu-a", A100, 8), held)]).seen_by(|team| team == "vision");
    assert!(!serde_json::to_string(&picture).expect("it is written").contains("secret"));
    assert_eq!(said(&picture, &whole_gpus(1, "")), "Runs on gpu-a once it has displaced a Pod of speech (spare, priority -10)");
}

#[test]
fn a_quota_refuses_with_its_arithmetic_and_says_what_is_left() {
    let mut picture = picture(vec![(gpus("gpu-a", A100, 8), vec![])]);
    picture.quotas =
        vec![quota(&[("requests.nvidia.com/gpu", "8"), ("pods", "10")], &[("requests.nvidia.com/gpu", "6"), ("pods", "9")], &[])];
    let refused = answer(&picture, &whole_gpus(4, ""));
    assert_eq!(refused.to_string(), "Refused: The team's quota share has no room: it asks for 4 more nvidia.com/gpu with 6 of 8 in use");
    assert!(matches!(&refused.outcome, Outcome::Refused(Refused { by: Rule::Quota, field, .. }) if field == "gpu_count"), "{refused:?}");
    assert_eq!(refused.nearest.map(|shape| shape.to_string()).as_deref(), Some("2 × GPU"));
    let left: Vec<String> = answer(&picture, &whole_gpus(1, "")).left.iter().map(ToString::to_string).collect();
    assert_eq!(left, ["0 of 10 pods left in share", "1 of 8 nvidia.com/gpu left in share"]);
}

#[test]
fn what_a_quota_has_left_is_offered_also_where_that_is_less_than_half() {
    let mut picture = picture(vec![(node("cpu-a", "", &[]), vec![])]);
    picture.quotas = vec![quota(&[("requests.memory", "1Gi")], &[], &[("PriorityClass", "In", "urgent")])];
    let ask = ask(|form| (form.memory, form.priority_class) = ("3Gi".into(), "urgent".into()));
    assert_eq!(offered(&picture, &ask).as_deref(), Some("1 CPU, 1Gi, 1 CPU, 1Gi"));
}

#[test]
fn quotas_count_the_pods_in_their_scopes_alone() {
    let mut picture = picture(vec![(gpus("gpu-a", A100, 8), vec![])]);
    let refuses = |picture: &Picture, ask: &Ask| matches!(answer(picture, ask).outcome, Outcome::Refused(_));
    let (plain, urgent) = (whole_gpus(1, ""), Ask { priority_class: Some("urgent".into()), ..whole_gpus(1, "") });
    let ends = Ask { deadline_seconds: Some(60), ..whole_gpus(1, "") };
    for (scope, counted, not_counted) in [
        (("PriorityClass", "In", "urgent"), &urgent, &plain),
        (("PriorityClass", "NotIn", "urgent"), &plain, &urgent),
        (("PriorityClass", "Exists", ""), &urgent, &plain),
        (("PriorityClass", "DoesNotExist", ""), &plain, &urgent),
        (("Terminating", "Exists", ""), &ends, &plain),
        (("NotTerminating", "Exists", ""), &plain, &ends),
    ] {
        picture.quotas = vec![quota(&[("pods", "3")], &[("pods", "3")], &[scope])];
        assert!(refuses(&picture, counted), "{scope:?}");
        assert!(!refuses(&picture, not_counted), "{scope:?}");
    }
    picture.quotas = vec![quota(&[("pods", "0")], &[], &[("BestEffort", "Exists", "")])];
    assert!(!refuses(&picture, &plain));
    picture.quotas = vec![quota(&[("count/jobs.batch", "2")], &[("count/jobs.batch", "2")], &[])];
    assert!(refuses(&picture, &plain), "its Job is counted, too");
    let bare = Ask { requests: amounts(&[("cpu", "1")]), limits: BTreeMap::new(), counted: Vec::new(), ..plain };
    picture.quotas = vec![quota(&[("limits.cpu", "9"), ("memory", "9Gi")], &[], &[])];
    assert_eq!(said(&picture, &bare), "Refused: The team's quota share wants every container to state memory and limits.cpu");
}

#[test]
fn a_limit_forbids_in_kubernetes_words_and_the_nearest_shape_is_within_it() {
    let mut picture = picture(vec![(gpus("gpu-a", A100, 8), vec![])]);
    let item = LimitItem { kind: "Container".into(), max: amounts(&[("cpu", "4")]), ..LimitItem::default() };
    picture.limits = vec![LimitFacts { team: team(), name: "limits".into(), items: vec![item], version: "1".into() }];
    let large = ask(|form| form.cpu = "6".into());
    let refused = answer(&picture, &large);
    assert_eq!(refused.to_string(), "Refused: The team's limits forbid it: maximum cpu usage per Container is 4, but limit is 6");
    assert!(matches!(&refused.outcome, Outcome::Refused(Refused { by: Rule::LimitRange, field, .. }) if field == "cpu"), "{refused:?}");
    assert_eq!(offered(&picture, &large).as_deref(), Some("4 CPU, 1Gi, 4 CPU, 1Gi"));
}

#[test]
fn the_limits_trap_is_answered_as_it_springs() {
    let mut picture = picture(vec![(node("cpu-a", "", &[]), vec![])]);
    let item = LimitItem { kind: "Container".into(), max: amounts(&[("nvidia.com/gpu", "2")]), ..LimitItem::default() };
    picture.limits = vec![LimitFacts { team: team(), name: "limits".into(), items: vec![item], version: "1".into() }];
    assert_eq!(said(&picture, &ask(|_| {})), "Waits: needs 2 × GPU; no node has such");
}

/// A thousand nodes of which each has eight Pods, of twenty kinds.
fn thousand() -> Picture {
    let mut chance = 1_u64;
    let nodes = (0..1000_u32).map(|index| {
        let product = if index % 3 == 0 { H100 } else { A100 };
        let pods = (0..8).map(|_| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let kind = u32::try_from((chance >> 33) % 20).unwrap_or(0);
            let mut pod =
                run("r", ["speech", "vision", "maps"][kind as usize % 3], i32::try_from(kind % 4).unwrap_or(0), ("nvidia.com/gpu", "1"));
            pod.run = None;
            pod.requests.extend([("cpu".to_owned(), format!("{}", 1 + kind)), ("memory".to_owned(), format!("{}Gi", 8 + kind))]);
            pod
        });
        (gpus(&format!("gpu-{index:04}"), product, 8), pods.collect())
    });
    picture(nodes.collect())
}

#[test]
fn a_picture_of_a_thousand_nodes_is_small_and_the_same_when_it_has_travelled() {
    let picture = thousand();
    let text = serde_json::to_string(&picture).expect("it is written");
    assert!(text.len() < 42_000, "{} bytes", text.len());
    assert_eq!(serde_json::from_str::<Picture>(&text).expect("it is read"), picture);
    assert_eq!(picture.nodes(), 1000);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is how long somebody who types waits")]
fn a_thousand_nodes_are_judged_while_somebody_types() {
    let picture = thousand();
    let (plain, urgent) = (whole_gpus(4, A100), Ask { priority_class: Some("urgent".into()), ..whole_gpus(4, A100) });
    assert!(said(&picture, &plain).starts_with("Waits: "));
    let begun = Instant::now();
    assert!(said(&picture, &urgent).starts_with("Runs on gpu-"));
    // Without optimisation, on a busy machine; the bench holds the real figure against its limit.
    assert!(begun.elapsed().as_millis() < 500, "{:?}", begun.elapsed());
}

fn any_pod() -> impl Strategy<Value = Pod> {
    (0..3_usize, prop::sample::select(vec![-10, 0, 500, 1000]), 0..5_u32, 1..40_u32).prop_map(|(team, priority, gpus, cpu)| {
        let mut pod = run("r", ["speech", "vision", "maps"][team], priority, ("nvidia.com/gpu", &gpus.to_string()));
        pod.requests.push(("cpu".to_owned(), cpu.to_string()));
        pod
    })
}

fn any_node() -> impl Strategy<Value = (NodeFacts, Vec<Pod>)> {
    (0..100_u32, any::<bool>(), 0..9_u32, 0..8_u8, prop::collection::vec(any_pod(), 0..5)).prop_map(|(number, h100, count, state, pods)| {
        let mut node = gpus(&format!("gpu-{number}"), if h100 { H100 } else { A100 }, count);
        node.cordoned = state == 0;
        node.ready = state != 1;
        if state == 2 {
            node.taints = vec!["reserved=yes:NoSchedule".into()];
        }
        (node, pods)
    })
}

fn any_ask() -> impl Strategy<Value = Ask> {
    (0..10_u32, 0..3_usize, 1..80_u32, 1..600_u32, 0..4_usize).prop_map(|(count, product, cpu, memory, class)| {
        ask(|form| {
            if count > 0 {
                (form.gpu, form.gpu_count) = ("gpu".into(), count.to_string());
                form.gpu_product = ["", A100, H100][product].into();
            }
            (form.cpu, form.memory) = (cpu.to_string(), format!("{memory}Gi"));
            form.priority_class = ["", "urgent", "patient", "spare"][class].into();
        })
    })
}

fn any_rules() -> impl Strategy<Value = (Vec<QuotaFacts>, Vec<LimitFacts>)> {
    (prop::option::of((0..9_u64, 0..9_u64)), prop::option::of((1..64_u64, 1..64_u64))).prop_map(|(gpus, cpu)| {
        let quota = gpus.map(|(hard, used)| {
            quota(&[("requests.nvidia.com/gpu", &hard.to_string())], &[("requests.nvidia.com/gpu", &used.to_string())], &[])
        });
        let limit = cpu.map(|(one, other)| {
            let (least, most) = (one.min(other).to_string(), one.max(other).to_string());
            let item = LimitItem {
                kind: "Container".into(),
                min: amounts(&[("cpu", &least)]),
                max: amounts(&[("cpu", &most)]),
                ..LimitItem::default()
            };
            LimitFacts { team: team(), name: "limits".into(), items: vec![item], version: "1".into() }
        });
        (quota.into_iter().collect(), limit.into_iter().collect())
    })
}

proptest! {
    #[test]
    fn one_more_free_node_never_makes_a_run_wait(nodes in prop::collection::vec(any_node(), 0..6), ask in any_ask()) {
        let before = answer(&picture(nodes.clone()), &ask).outcome;
        let more = nodes.into_iter().chain([(gpus("new", A100, 8), vec![])]).collect();
        let after = answer(&picture(more), &ask).outcome;
        let runs = |outcome: &Outcome| matches!(outcome, Outcome::RunsNow { .. });
        prop_assert!(!runs(&before) || runs(&after), "{before:?} became {after:?}");
        let waits = matches!(before, Outcome::Preempts { .. }) && matches!(after, Outcome::Waits(_));
        prop_assert!(!waits, "{before:?} became {after:?}");
    }

    #[test]
    fn what_is_offered_runs_now(
        nodes in prop::collection::vec(any_node(), 0..6), ask in any_ask(), (quotas, limits) in any_rules()
    ) {
        let picture = Picture { quotas, limits, ..picture(nodes) };
        let first = answer(&picture, &ask);
        if let Some(shape) = first.nearest {
            let runs = |outcome: &Outcome| matches!(outcome, Outcome::RunsNow { .. });
            prop_assert!(!runs(&first.outcome));
            let second = answer(&picture, &ask.shaped(&shape)).outcome;
            prop_assert!(runs(&second), "{shape:?}: {second:?}");
            // It can be written into the form and is read back the same.
            let fields = shape.to_fields();
            let read = Resources::parse(&fields.cpu, &fields.memory, &fields.gpu, &fields.gpu_count, &fields.gpu_product);
            prop_assert_eq!(read, Ok(shape));
        }
    }

    #[test]
    fn only_those_of_lower_priority_make_way_and_only_for_a_class_that_displaces(
        nodes in prop::collection::vec(any_node(), 0..6), ask in any_ask()
    ) {
        let picture = picture(nodes);
        let Outcome::Preempts { victims, .. } = answer(&picture, &ask).outcome else { return Ok(()) };
        let class = picture.priorities.iter().find(|class| Some(&class.name) == ask.priority_class.as_ref());
        let priority = class.map_or(0, |class| class.value);
        prop_assert!(class.is_none_or(|class| class.preempts));
        prop_assert!(!victims.is_empty() && victims.iter().all(|victim| victim.priority < priority), "{victims:?}");
        prop_assert!(victims.is_sorted_by_key(|victim| std::cmp::Reverse(victim.priority)));
    }

    #[test]
    fn the_order_of_the_nodes_changes_nothing(nodes in prop::collection::vec(any_node(), 0..6), ask in any_ask()) {
        let mut turned = nodes.clone();
        turned.reverse();
        let (one, other) = (answer(&picture(nodes), &ask).outcome, answer(&picture(turned), &ask).outcome);
        prop_assert_eq!(std::mem::discriminant(&one), std::mem::discriminant(&other));
    }
}
