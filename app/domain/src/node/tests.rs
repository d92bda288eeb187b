//! Nodes as they are drawn, case by case.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

type Requests = Vec<(Box<str>, Box<str>)>;

fn node(labels: &[(&str, &str)], allocatable: &[(&str, &str)]) -> NodeFacts {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    NodeFacts { name: "gpu-b".into(), labels: map(labels), allocatable: map(allocatable), ready: true, ..NodeFacts::default() }
}

fn pod(team: &str, requests: &[(&str, &str)]) -> (Holder, Requests) {
    let requests = requests.iter().map(|(name, amount)| ((*name).into(), (*amount).into())).collect();
    (Holder { team: team.into(), run: None }, requests)
}

fn draw(facts: &NodeFacts, pods: &[(Holder, Requests)]) -> Drawn {
    let held: Vec<Held<'_>> = pods.iter().map(|(holder, requests)| Held { holder: holder.clone(), requests }).collect();
    Drawn::of(facts, &held)
}

fn row(facts: &NodeFacts, pods: &[(Holder, Requests)]) -> NodeRow {
    draw(facts, pods).row
}

/// A node's GPUs as text: `[team]` or `[-]` for a whole one, `profile@start=team` for each slice, and what fits into each hole.
fn drawn(row: &NodeRow) -> Vec<String> {
    let who = |holder: &Option<Holder>| holder.as_ref().map_or_else(|| "-".to_owned(), |holder| holder.team.clone());
    row.gpus
        .iter()
        .map(|gpu| match gpu {
            Gpu::Whole { holder } => format!("[{}]", who(holder)),
            Gpu::Cut { slices, holes } => {
                let slices = slices.iter().map(|slice| format!("{}@{}={}", slice.profile, slice.start, who(&slice.holder)));
                let holes = holes.iter().map(|hole| format!("@{}+{} fits {}", hole.start, hole.memory, hole.fits.join(" ")));
                slices.chain(holes).collect::<Vec<_>>().join(" ")
            }
            Gpu::Shared { seats, holders } => {
                let holders: Vec<_> = holders.iter().map(|holder| holder.team.as_str()).collect();
                format!("{}/{seats} {}", holders.len(), holders.join(" "))
            }
            Gpu::Unplaced { slices } => {
                let slices: Vec<_> = slices.iter().map(|slice| format!("{}={}", slice.profile, who(&slice.holder))).collect();
                format!("? {}", slices.join(" "))
            }
        })
        .collect()
}

fn fleet(nodes: Vec<Drawn>, query: &NodeQuery) -> Fleet {
    Fleet::of(&nodes.into_iter().map(Arc::new).collect::<Vec<_>>(), query, None)
}

fn totals(nodes: Vec<Drawn>) -> Vec<String> {
    let text = |total: &Total| match total.in_gpus() {
        None => format!("{} {}/{}", total.name, total.used, total.all),
        Some(gpus) => format!("{} {}/{} ≈ {gpus}", total.name, total.used, total.all),
    };
    fleet(nodes, &NodeQuery::default()).totals.iter().map(text).collect()
}

const A100: (&str, &str) = ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB");
const MIXED: (&str, &str) = ("nvidia.com/mig.strategy", "mixed");

const fn cards(count: &'static str) -> (&'static str, &'static str) {
    ("nvidia.com/gpu.count", count)
}

#[test]
fn whole_gpus_are_held_by_whoever_asks_for_them_and_the_rest_is_free() {
    let facts = node(&[A100, cards("4")], &[(GPU, "4"), ("cpu", "64"), ("memory", "512Gi"), ("pods", "110")]);
    let row = row(&facts, &[pod("vision", &[(GPU, "2"), ("cpu", "8"), ("memory", "64Gi")]), pod("speech", &[(GPU, "1"), ("cpu", "500m")])]);
    assert_eq!(drawn(&row), ["[vision]", "[vision]", "[speech]", "[-]"]);
    assert_eq!((row.cpu.used.to_string(), row.cpu.all.to_string()), ("8500m".into(), "64".into()));
    assert_eq!((row.pods.used.to_string(), row.pods.all.to_string()), ("2".into(), "110".into()));
    assert_eq!((row.product.as_deref(), row.free(), row.contradiction), (Some("A100-SXM4-40GB"), 1, None));
}

#[test]
fn a_mixed_cut_is_drawn_by_places_and_says_what_still_fits() {
    let facts = node(
        &[A100, cards("3"), MIXED],
        &[(GPU, "1"), ("nvidia.com/mig-3g.20gb", "1"), ("nvidia.com/mig-1g.5gb", "2"), ("nvidia.com/mig-7g.40gb", "1")],
    );
    let drawing = draw(&facts, &[pod("vision", &[("nvidia.com/mig-1g.5gb", "1")])]);
    assert_eq!(drawn(&drawing.row), ["[-]", "7g.40gb@0=-", "3g.20gb@0=- 1g.5gb@4=vision 1g.5gb@5=- @6+2 fits 1g.5gb 1g.10gb"]);
    assert!(drawing.row.gpus[2].fits("1g.10gb") && !drawing.row.gpus[2].fits("2g.10gb"));
    assert_eq!((drawing.row.contradiction.as_deref(), drawing.row.free()), (None, 4));
    assert_eq!(
        totals(vec![drawing]),
        ["7g.40gb 0/1 ≈ 0.0 of 1.0", "A100-SXM4-40GB 0/1", "3g.20gb 0/1 ≈ 0.0 of 0.4", "1g.5gb 1/2 ≈ 0.1 of 0.3"]
    );
}

#[test]
fn under_the_single_strategy_a_gpu_resource_is_a_slice_and_never_counted_as_a_gpu() {
    let labels = [("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB-MIG-3g.20gb"), ("nvidia.com/mig.strategy", "single")];
    let drawing = draw(&node(&labels, &[(GPU, "4")]), &[pod("vision", &[(GPU, "1")])]);
    assert_eq!(drawn(&drawing.row), ["3g.20gb@0=vision 3g.20gb@4=-", "3g.20gb@0=- 3g.20gb@4=-"]);
    assert_eq!(totals(vec![drawing]), ["3g.20gb 1/4 ≈ 0.4 of 1.7"]);
}

#[test]
fn places_on_a_gpu_that_is_shared_in_time_are_not_gpus() {
    let labels = [("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB-SHARED"), cards("2"), ("nvidia.com/gpu.replicas", "4")];
    for resource in [GPU, SHARED] {
        let pods = [pod("vision", &[(resource, "1")]), pod("speech", &[(resource, "4")])];
        let drawing = draw(&node(&labels, &[(resource, "8")]), &pods);
        assert_eq!(drawn(&drawing.row), ["4/4 vision speech speech speech", "1/4 speech"], "{resource}");
        assert_eq!((drawing.row.contradiction.as_deref(), drawing.row.free()), (None, 3));
        assert_eq!(totals(vec![drawing]), ["A100-SXM4-40GB shared 5/8 ≈ 1.3 of 2.0"]);
    }
}

#[test]
fn contradictory_labels_and_resources_are_said_and_nothing_is_guessed() {
    let single = |product| vec![("nvidia.com/gpu.product", product), ("nvidia.com/mig.strategy", "single")];
    for (labels, allocatable, held, said) in [
        (vec![A100, cards("8")], vec![(GPU, "7")], vec![], "labels say 8 GPUs and it advertises 7"),
        (vec![A100, cards("1"), MIXED], vec![("nvidia.com/mig-4g.20gb", "2")], vec![], "cannot be cut from the other 1"),
        (vec![A100, cards("4294967295"), MIXED], vec![("nvidia.com/mig-1g.10tb", "1")], vec![], "no A100-40GB has"),
        (vec![MIXED, cards("1")], vec![("nvidia.com/mig-1g.5gb", "1")], vec![], "product no label names"),
        (vec![A100, cards("1")], vec![(GPU, "1")], vec![pod("vision", &[(GPU, "2")])], "1 more of nvidia.com/gpu"),
        (vec![A100, cards("many")], vec![(GPU, "x")], vec![pod("vision", &[(GPU, "1")])], "1 more of nvidia.com/gpu"),
        (vec![A100, cards("1")], vec![(GPU, "1")], vec![pod("vision", &[(GPU, "9E")])], "8999999999999999999 more of nvidia.com/gpu"),
        (vec![A100, cards("1")], vec![(GPU, "9E")], vec![], "which no machine has"),
        (single("NVIDIA-A100-SXM4-40GB-MIG-INVALID"), vec![(GPU, "0")], vec![], "not all cut alike"),
        (single("NVIDIA-A100-SXM4-40GB-MIG-9g.90gb"), vec![(GPU, "2")], vec![], "no A100-40GB has"),
        (single("NVIDIA-L4-MIG-1g.5gb"), vec![(GPU, "2")], vec![], "does not know how its GPUs can be cut"),
    ] {
        let row = row(&node(&labels, &allocatable), &held);
        assert!(row.contradiction.as_deref().is_some_and(|why| why.contains(said)), "{said}: {row:?}");
    }
}

#[test]
fn labels_of_old_and_new_feature_discovery_name_driver_cuda_and_layout() {
    let new = [
        A100,
        ("nvidia.com/cuda.driver-version.full", "580.95.05"),
        ("nvidia.com/cuda.runtime-version.full", "13.0"),
        ("nvidia.com/mig.config", "all-balanced"),
        ("nvidia.com/mig.config.state", "pending"),
    ];
    let old = [
        ("nvidia.com/cuda.driver.major", "470"),
        ("nvidia.com/cuda.driver.minor", "57"),
        ("nvidia.com/cuda.driver.rev", "02"),
        ("nvidia.com/cuda.runtime.major", "11"),
        ("nvidia.com/cuda.runtime.minor", "4"),
    ];
    let (new, old) = (row(&node(&new, &[]), &[]), row(&node(&old, &[]), &[]));
    assert_eq!((new.driver.as_deref(), new.cuda.as_deref()), (Some("580.95.05"), Some("13.0")));
    assert_eq!(new.mig, Some(MigConfig { name: "all-balanced".into(), state: "pending".into() }));
    assert_eq!((old.driver.as_deref(), old.cuda.as_deref(), old.mig), (Some("470.57.02"), Some("11.4"), None));
}

#[test]
fn a_line_says_who_holds_what_and_what_is_free() {
    let facts = node(&[A100, cards("7"), MIXED], &[(GPU, "6"), ("nvidia.com/mig-1g.5gb", "4"), ("nvidia.com/mig-3g.20gb", "1")]);
    let pods = [
        pod("vision", &[(GPU, "2"), ("nvidia.com/mig-1g.5gb", "2")]),
        pod("speech", &[(GPU, "1")]),
        pod("vision", &[(GPU, "1"), ("nvidia.com/mig-3g.20gb", "1")]),
    ];
    let row = row(&facts, &pods);
    let said: Vec<String> =
        row.groups().iter().map(|group| format!("{} {}", group.holder.map_or("free", |holder| holder.team.as_str()), group.what)).collect();
    assert_eq!(said, ["vision 0–1, 3, 2 × 1g.5gb, 3g.20gb", "speech 2", "free 4–5, 2 × 1g.5gb"]);
}

#[test]
fn whoever_may_not_see_a_teams_runs_is_left_its_name() {
    let (mut mine, mut theirs) = (pod("vision", &[(GPU, "1")]), pod("speech", &[(GPU, "1")]));
    (mine.0.run, theirs.0.run) = (Some(RunId("r1".into())), Some(RunId("r2".into())));
    let mut row = row(&node(&[A100, cards("2")], &[(GPU, "2")]), &[mine, theirs]);
    row.hide(|holder| holder.team == "vision", |team| team == "vision");
    let runs: Vec<_> = row.gpus.iter().flat_map(Gpu::holders).map(|holder| (holder.team.as_str(), holder.run.clone())).collect();
    assert_eq!(runs, [("vision", Some(RunId("r1".into()))), ("speech", None)]);
}

#[test]
fn a_list_is_filtered_and_its_totals_are_of_every_node_that_is_ready() {
    let one = |name: &str, change: &dyn Fn(&mut NodeFacts), held: &[(Holder, Requests)]| {
        let mut facts = NodeFacts { name: name.into(), ..node(&[A100, cards("1")], &[(GPU, "1")]) };
        change(&mut facts);
        draw(&facts, held)
    };
    let all = || {
        vec![
            draw(&NodeFacts { name: "cpu-a".into(), ..node(&[], &[("cpu", "4")]) }, &[]),
            one("gpu-b", &|_| {}, &[pod("vision", &[(GPU, "1")])]),
            one("gpu-c", &|_| {}, &[]),
            one("gpu-d", &|facts| facts.cordoned = true, &[]),
            one("gpu-e", &|facts| facts.ready = false, &[]),
        ]
    };
    let names = |query: &NodeQuery| {
        let fleet = fleet(all(), query);
        assert_eq!(fleet.found as usize, fleet.rows.len());
        assert_eq!((fleet.totals[0].used, fleet.totals[0].all), (1, 2), "the totals are of all nodes, whatever is asked for");
        assert_eq!(fleet.products, ["A100-SXM4-40GB"]);
        fleet.rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    let query = NodeQuery::default();
    assert_eq!(names(&query), ["cpu-a", "gpu-b", "gpu-c", "gpu-d", "gpu-e"]);
    assert_eq!(names(&NodeQuery { free: true, ..query.clone() }), ["gpu-c", "gpu-d", "gpu-e"]);
    assert_eq!(names(&NodeQuery { name: " CPU ".into(), ..query.clone() }), ["cpu-a"]);
    assert_eq!(names(&NodeQuery { product: "A100-SXM4-40GB".into(), health: Some(Health::Cordoned), ..query.clone() }), ["gpu-d"]);
    assert_eq!(names(&NodeQuery { health: Some(Health::NotReady), ..query.clone() }), ["gpu-e"]);
    assert_eq!(names(&NodeQuery { product: "H200".into(), ..query }), [""; 0]);
}

#[test]
fn a_list_has_pages() {
    let nodes = || (0..250).map(|number| draw(&NodeFacts { name: format!("n{number:03}"), ..node(&[], &[]) }, &[])).collect();
    let page = |page| fleet(nodes(), &NodeQuery { page, ..NodeQuery::default() });
    let last = page(2);
    assert_eq!((last.found, last.rows.len(), last.rows[0].name.as_str()), (250, 50, "n200"));
    assert_eq!((page(3).found, page(3).rows.len(), page(u32::MAX).rows.len()), (250, 0, 0));
}

proptest! {
    #[test]
    fn units_are_drawn_as_often_as_they_are_advertised_and_held_no_more_often(
        replicas in 0..5_u32, whole in 0..9_u32, slices in proptest::array::uniform3(0..8_u32), said in 0..12_u32,
        asked in proptest::collection::vec((0..4_usize, 0..5_u32), 0..12),
    ) {
        let resources = [GPU, "nvidia.com/mig-1g.5gb", "nvidia.com/mig-2g.10gb", "nvidia.com/mig-3g.20gb"];
        let mut facts = node(&[A100, MIXED], &[]);
        facts.labels.insert("nvidia.com/gpu.count".into(), said.to_string());
        facts.labels.insert("nvidia.com/gpu.replicas".into(), replicas.to_string());
        let advertised: Vec<u32> = std::iter::once(whole).chain(slices).collect();
        for (resource, count) in resources.iter().zip(&advertised) {
            facts.allocatable.insert((*resource).to_owned(), count.to_string());
        }
        let pods: Vec<_> = asked.iter().map(|(which, count)| pod("vision", &[(resources[*which], &count.to_string())])).collect();
        let drawing = draw(&facts, &pods);
        let units: u32 = drawing.row.gpus.iter().map(Gpu::units).sum();
        prop_assert_eq!(units, advertised.iter().sum::<u32>());
        let mut held = 0;
        let mut beyond = false;
        for (which, advertised) in advertised.iter().enumerate() {
            let wanted: u32 = asked.iter().filter(|(other, _)| *other == which).map(|(_, count)| count).sum();
            held += wanted.min(*advertised);
            beyond |= wanted > *advertised;
        }
        prop_assert_eq!(units - drawing.row.free(), held);
        prop_assert!(!beyond || drawing.row.contradiction.is_some());
        // What is counted as GPUs are whole GPUs alone.
        let counted: u32 = fleet(vec![drawing], &NodeQuery::default()).totals.iter().filter(|total| total.in_gpus().is_none()).map(|total| total.all).sum();
        prop_assert_eq!(counted, if replicas > 1 { 0 } else { whole });
    }

    #[test]
    fn no_labels_and_no_amounts_break_the_drawing(
        labels in proptest::collection::vec((0..6_usize, "[ -~é]{0,70}|[0-9]{1,20}|NVIDIA-(A100-SXM4-40GB|H200)(-MIG-[1-7]g.(5|18)gb)?|single|mixed"), 0..8),
        amounts in proptest::collection::vec((0..6_usize, "[0-9]{1,20}|-?[0-9]{1,3}[mkKMGEi]{0,2}|[ -~]{0,10}"), 0..8),
        asked in proptest::collection::vec((0..6_usize, "[0-9]{1,20}|[0-9][mkE]"), 0..8),
    ) {
        let names = ["product", "count", "replicas"].map(|name| format!("nvidia.com/gpu.{name}"));
        let labelled: Vec<&str> = names.iter().map(String::as_str).chain(["nvidia.com/mig.strategy", "nvidia.com/mig.config", "x"]).collect();
        let resources = [GPU, SHARED, "nvidia.com/mig-1g.5gb", "nvidia.com/mig-9g.5gb", "cpu", "pods"];
        let labels: Vec<_> = labels.iter().map(|(which, value)| (labelled[*which], value.as_str())).collect();
        let amounts: Vec<_> = amounts.iter().map(|(which, amount)| (resources[*which], amount.as_str())).collect();
        let pods: Vec<_> = asked.iter().map(|(which, amount)| pod("vision", &[(resources[*which], amount.as_str())])).collect();
        let drawing = draw(&node(&labels, &amounts), &pods);
        let units: u32 = drawing.row.gpus.iter().map(Gpu::units).sum();
        prop_assert!(units <= 1024);
        drawing.row.groups();
        fleet(vec![drawing], &NodeQuery::default());
    }
}
