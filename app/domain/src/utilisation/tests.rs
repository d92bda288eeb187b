//! What Prometheus says and what is made of it, case by case.

use proptest::prelude::*;

use super::*;
use crate::node::{self, NodeFacts, NodeRow};

fn pod(name: &str) -> PodKey {
    PodKey { namespace: "vision".into(), name: name.into() }
}

fn slice(profile: &str, id: u32) -> SliceId {
    SliceId { profile: profile.into(), id }
}

fn series(gpu: u32, slice: Option<SliceId>, held_by: Option<&str>, value: f64) -> Series {
    Series { node: "gpu-b".into(), gpu, slice, pod: held_by.map(pod), value }
}

fn whole(gpu: u32, held_by: Option<&str>, value: f64) -> Vec<Series> {
    vec![series(gpu, None, held_by, value)]
}

fn only(answers: &Answers) -> Reading {
    let mut nodes = readings(answers);
    let mut found = nodes.remove("gpu-b").unwrap_or_default();
    assert_eq!((nodes.len(), found.len()), (0, 1), "{answers:?}");
    found.remove(0).reading
}

fn row(product: &str, allocatable: &[(&str, &str)], count: &str) -> NodeRow {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let labels = [("nvidia.com/gpu.product", product), ("nvidia.com/gpu.count", count), ("nvidia.com/mig.strategy", "mixed")];
    let facts =
        NodeFacts { name: "gpu-b".into(), labels: map(&labels), allocatable: map(allocatable), ready: true, ..NodeFacts::default() };
    node::row(&facts, &[])
}

fn two_whole() -> NodeRow {
    row("NVIDIA-A100-SXM4-40GB", &[("nvidia.com/gpu", "2")], "2")
}

fn one_whole_one_cut() -> NodeRow {
    row("NVIDIA-A100-SXM4-40GB", &[("nvidia.com/gpu", "1"), ("nvidia.com/mig-3g.20gb", "1"), ("nvidia.com/mig-1g.5gb", "1")], "2")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn a_share_is_said_in_per_cent_and_nothing_else_is_a_share() {
    for (share, words) in
        [(0.0, "0 %"), (0.004, "0.4 %"), (0.042, "4.2 %"), (0.05, "5 %"), (0.374, "37 %"), (1.0, "100 %"), (1.03, "100 %")]
    {
        assert_eq!(Permille::of(share).map(Permille::words).as_deref(), Some(words), "{share}");
    }
    for share in [-0.01, 1.2, 57.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Permille::of(share), None, "{share}");
    }
}

#[test]
fn the_engine_is_what_counts_and_the_whole_devices_business_has_a_name_of_its_own() {
    let both = Answers { engine: whole(0, None, 0.31), busy: whole(0, None, 98.0), ..Answers::default() };
    assert_eq!(only(&both).activity, Activity::Engine(Permille(310)));
    let busy = Answers { busy: whole(0, None, 98.0), ..Answers::default() };
    assert_eq!(only(&busy).activity, Activity::Busy(Permille(980)));
    assert_eq!(only(&busy).activity.words(), "device busy 98 %, not engine active");
}

#[test]
fn a_gpu_that_is_cut_is_measured_by_its_slices_and_by_nothing_said_of_the_whole() {
    let small = Some(slice("1g.5gb", 7));
    let busy = Answers { busy: vec![series(0, small.clone(), None, 0.0)], ..Answers::default() };
    assert_eq!(only(&busy).activity, Activity::NotMeasured(Why::Cut));
    let of_card = Answers { engine: vec![series(0, small, Some("a"), 0.5)], busy: whole(0, None, 0.0), ..Answers::default() };
    let reading = only(&of_card);
    assert_eq!((reading.device().as_str(), reading.activity), ("GPU 0, 1g.5gb (instance 7)", Activity::Engine(Permille(500))));
}

#[test]
fn on_a_node_with_cut_gpus_the_business_of_a_device_is_not_guessed_to_be_a_whole_ones() {
    let busy = only(&Answers { busy: whole(0, None, 0.0), ..Answers::default() });
    assert_eq!(busy.clone().on(&two_whole()).activity, Activity::Busy(Permille(0)));
    assert_eq!(busy.on(&one_whole_one_cut()).activity, Activity::NotMeasured(Why::Cut));
}

#[test]
fn what_is_missing_old_or_no_number_is_not_measured_and_says_why() {
    let memory = Answers { used: whole(0, None, 10.0), free: whole(0, None, 90.0), ..Answers::default() };
    assert_eq!(only(&memory).activity, Activity::NotMeasured(Why::NoEngine));
    assert_eq!(only(&memory).memory, Some(Memory { used: 10, all: 100 }));
    for bad in [f64::NAN, f64::INFINITY, -1.0, 57.0] {
        let answers = Answers { engine: whole(0, None, bad), busy: whole(0, None, 50.0), used: whole(0, None, bad), ..Answers::default() };
        assert_eq!(only(&answers).activity, Activity::NotMeasured(Why::NoShare), "{bad}: what is broken is not replaced by less");
        assert_eq!(only(&answers).memory, None);
    }
    let aged = |age| only(&Answers { engine: whole(0, None, 0.5), age: whole(0, None, age), ..Answers::default() }).activity;
    assert_eq!(aged(15.0), Activity::Engine(Permille(500)));
    assert_eq!(aged(200.0), Activity::NotMeasured(Why::Stale(200)));
    assert_eq!(aged(200.0).words(), "not measured: its last value is 200 s old");
}

#[test]
fn the_most_counts_only_while_the_same_pod_was_measured_for_the_whole_window() {
    let answers = |before: Vec<Series>| Answers {
        engine: whole(0, Some("now"), 0.0),
        most: [whole(0, Some("now"), 0.01), whole(0, Some("gone"), 1.0)].concat(),
        before,
        ..Answers::default()
    };
    assert_eq!(only(&answers(whole(0, Some("now"), 0.0))).most, Some(Permille(10)), "what another Pod did there is not this one's");
    assert_eq!(only(&answers(whole(0, Some("gone"), 0.0))).most, None);
    assert_eq!(only(&answers(Vec::new())).most, None);
}

#[test]
fn a_gpu_is_idle_when_it_is_held_for_the_window_and_never_worked_five_per_cent_of_it() {
    let holder = Holder { team: "vision".into(), run: None };
    let window = SignedDuration::from_mins(30);
    let reading = |most: u16| Reading {
        gpu: 3,
        slice: None,
        activity: Activity::Engine(Permille(0)),
        most: Some(Permille(most)),
        memory: None,
        holders: vec![holder.clone()],
    };
    let idle = |reading: &Reading, held_since| Idle::of("gpu-b", reading, &[held_since], at(10_000), window);
    let found = idle(&reading(49), at(0));
    assert_eq!((found.len(), found[0].device().as_str(), found[0].most.words().as_str()), (1, "GPU 3", "4.9 %"));
    assert_eq!(found[0].holder, holder);
    assert!(idle(&reading(50), at(0)).is_empty(), "it works");
    assert!(idle(&reading(0), at(9_000)).is_empty(), "it has been held for less than the window");
    assert!(idle(&Reading { holders: Vec::new(), ..reading(0) }, at(0)).is_empty(), "it is free");
    assert!(idle(&Reading { most: None, ..reading(0) }, at(0)).is_empty(), "it was not measured all the time");
    assert!(idle(&Reading { activity: Activity::Busy(Permille(0)), ..reading(0) }, at(0)).is_empty(), "its engine is not measured");
}

#[test]
fn a_gpu_that_is_shared_in_turn_has_each_of_its_holders_and_is_counted_once() {
    let shared = [whole(0, Some("a"), 0.4), whole(0, Some("b"), 0.4)].concat();
    let found = readings(&Answers { engine: shared, ..Answers::default() }).remove("gpu-b").unwrap();
    assert_eq!((found.len(), found[0].pods.clone()), (1, vec![pod("a"), pod("b")]));
    assert_eq!(found[0].reading.activity, Activity::Engine(Permille(400)), "nothing is summed");
}

#[test]
fn a_nodes_mean_weighs_a_slice_as_the_part_of_a_gpu_that_it_is() {
    let engine = vec![series(0, None, None, 0.1), series(1, Some(slice("3g.20gb", 2)), None, 0.8)];
    let found = readings(&Answers { engine, ..Answers::default() }).remove("gpu-b").unwrap();
    let measured: Vec<Reading> = found.into_iter().map(|found| found.reading).collect();
    let row = one_whole_one_cut();
    assert_eq!(NodeUse::of(&row, &measured), Some(NodeUse::Engine { mean: Permille(310), measured: 2, of: 3 }));
    assert_eq!(unmeasured(&row, &measured), ["1 × 1g.5gb"]);
    assert_eq!(unmeasured(&row, &[]), ["1 GPU", "1 × 1g.5gb", "1 × 3g.20gb"]);
    let none = NodeUse::NotMeasured { why: "Prometheus has no DCGM series of this node".into() };
    assert_eq!(NodeUse::of(&row, &[]), Some(none));
    assert_eq!(NodeUse::of(&self::row("", &[], ""), &[]), None, "it has no GPUs");
}

#[test]
fn a_node_of_which_only_business_is_told_says_so() {
    let busy = readings(&Answers { busy: [whole(0, None, 100.0), whole(1, None, 50.0)].concat(), ..Answers::default() });
    let busy: Vec<Reading> = busy["gpu-b"].iter().map(|found| found.reading.clone()).collect();
    assert_eq!(NodeUse::of(&two_whole(), &busy), Some(NodeUse::Busy { mean: Permille(750) }));
}

fn any_series() -> impl Strategy<Value = Vec<Series>> {
    let value = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -1.0..2.0_f64, 0.0..1.0_f64, -10.0..1e12_f64];
    let profile = proptest::option::of(("[1-7]g.5gb|[ -~]{0,6}", 0..3_u32));
    let one = ("[ab]", 0..3_u32, profile, proptest::option::of("[pq]"), value).prop_map(|(node, gpu, slice, pod, value)| Series {
        node,
        gpu,
        slice: slice.map(|(profile, id)| SliceId { profile, id }),
        pod: pod.map(|name| PodKey { namespace: "vision".into(), name }),
        value,
    });
    proptest::collection::vec(one, 0..6)
}

proptest! {
    #[test]
    fn whatever_prometheus_says_a_share_is_a_share_and_no_device_is_made_up(
        engine in any_series(), most in any_series(), before in any_series(), age in any_series(), busy in any_series(), used in any_series(), free in any_series(),
    ) {
        let answers = Answers { named: true, engine, most, before, age, busy, used, free };
        for (node, found) in readings(&answers) {
            let mut seen = std::collections::BTreeSet::new();
            for Found { reading, pods } in &found {
                prop_assert!(seen.insert((reading.gpu, reading.slice.clone())), "each device is read once");
                let told = |all: &[Series]| all.iter().any(|one| one.node == node && one.gpu == reading.gpu && one.slice == reading.slice);
                prop_assert!([&answers.engine, &answers.busy, &answers.used, &answers.free].into_iter().any(|all| told(all)));
                match reading.activity {
                    Activity::Engine(share) => prop_assert!(share.thousandths() <= 1000 && told(&answers.engine)),
                    Activity::Busy(share) => {
                        prop_assert!(share.thousandths() <= 1000 && told(&answers.busy) && !told(&answers.engine) && reading.slice.is_none());
                    }
                    Activity::NotMeasured(_) => {}
                }
                prop_assert!(reading.most.is_none() || told(&answers.engine) && told(&answers.most) && told(&answers.before));
                prop_assert!(pods.len() <= 2);
            }
            let readings: Vec<Reading> = found.into_iter().map(|found| found.reading.on(&one_whole_one_cut())).collect();
            prop_assert!(readings.iter().all(|reading| !matches!(reading.activity, Activity::Busy(_))), "GPUs of it are cut");
            if let Some(NodeUse::Engine { mean, measured, of }) = NodeUse::of(&one_whole_one_cut(), &readings) {
                prop_assert!(mean.thousandths() <= 1000 && measured > 0 && measured <= of);
            }
            unmeasured(&one_whole_one_cut(), &readings);
        }
    }
}
