//! Nodes as they are drawn, case by case.

use super::*;

fn node(labels: &[(&str, &str)], allocatable: &[(&str, &str)]) -> NodeFacts {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    NodeFacts { name: "gpu-b".into(), labels: map(labels), allocatable: map(allocatable), ready: true, ..NodeFacts::default() }
}

fn pod(team: &str, requests: &[(&str, &str)]) -> Held {
    let requests = requests.iter().map(|(name, amount)| ((*name).to_owned(), (*amount).to_owned())).collect();
    Held { holder: Holder { team: team.into(), run: None }, requests }
}

/// A node's GPUs as text: `[team]` or `[-]` for a whole one, `profile@start=team` for each slice, and what fits.
fn drawn(row: &NodeRow) -> Vec<String> {
    let who = |holder: &Option<Holder>| holder.as_ref().map_or_else(|| "-".to_owned(), |holder| holder.team.clone());
    row.gpus
        .iter()
        .map(|gpu| match gpu {
            Gpu::Whole { holder } => format!("[{}]", who(holder)),
            Gpu::Cut { slices, fits } => {
                let slices: Vec<_> =
                    slices.iter().map(|slice| format!("{}@{}={}", slice.profile, slice.start, who(&slice.holder))).collect();
                format!("{} fits {}", slices.join(" "), fits.join(" "))
            }
            Gpu::Unplaced { slices } => {
                let slices: Vec<_> = slices.iter().map(|slice| format!("{}={}", slice.profile, who(&slice.holder))).collect();
                format!("? {}", slices.join(" "))
            }
        })
        .collect()
}

const A100: (&str, &str) = ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB");

#[test]
fn whole_gpus_are_held_by_whoever_asks_for_them_and_the_rest_is_free() {
    let facts = node(&[A100, ("nvidia.com/gpu.count", "4")], &[(GPU, "4"), ("cpu", "64"), ("memory", "512Gi")]);
    let row = row(&facts, &[pod("vision", &[(GPU, "2"), ("cpu", "8"), ("memory", "64Gi")]), pod("speech", &[(GPU, "1"), ("cpu", "500m")])]);
    assert_eq!(drawn(&row), ["[vision]", "[vision]", "[speech]", "[-]"]);
    assert_eq!((row.cpu.used.to_string(), row.cpu.all.to_string()), ("8500m".into(), "64".into()));
    assert_eq!((row.product.as_deref(), row.free(), row.contradiction), (Some("A100-SXM4-40GB"), 1, None));
}

#[test]
fn a_mixed_cut_is_drawn_by_places_and_says_what_still_fits() {
    let labels = [A100, ("nvidia.com/gpu.count", "3"), ("nvidia.com/mig.strategy", "mixed")];
    let facts =
        node(&labels, &[(GPU, "1"), ("nvidia.com/mig-3g.20gb", "1"), ("nvidia.com/mig-1g.5gb", "2"), ("nvidia.com/mig-7g.40gb", "1")]);
    let held = [pod("vision", &[("nvidia.com/mig-1g.5gb", "1")])];
    let row = row(&facts, &held);
    assert_eq!(drawn(&row), ["[-]", "7g.40gb@0=- fits ", "3g.20gb@0=- 1g.5gb@4=vision 1g.5gb@5=- fits 1g.5gb 1g.10gb"]);
    assert_eq!(row.contradiction, None);
}

#[test]
fn under_the_single_strategy_a_gpu_resource_is_a_slice_and_never_counted_as_a_gpu() {
    let labels = [("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB-MIG-3g.20gb"), ("nvidia.com/mig.strategy", "single")];
    let row = row(&node(&labels, &[(GPU, "4")]), &[pod("vision", &[(GPU, "1")])]);
    assert_eq!(drawn(&row), ["3g.20gb@0=vision 3g.20gb@4=- fits ", "3g.20gb@0=- 3g.20gb@4=- fits "]);
    let fleet = Fleet::of(vec![row], &NodeQuery::default(), None);
    assert_eq!(fleet.totals, [Total { name: "3g.20gb".into(), used: 1, all: 4, sevenths: 3 }]);
    assert_eq!(fleet.totals[0].in_gpus().as_deref(), Some("1.7"));
}

#[test]
fn contradictory_labels_and_resources_are_said_and_nothing_is_guessed() {
    let mixed = ("nvidia.com/mig.strategy", "mixed");
    for (labels, allocatable, held, said) in [
        (vec![A100, ("nvidia.com/gpu.count", "8")], vec![(GPU, "7")], vec![], "labels say 8 GPUs and it advertises 7"),
        (vec![A100, ("nvidia.com/gpu.count", "1"), mixed], vec![("nvidia.com/mig-4g.20gb", "2")], vec![], "cannot be cut from the other 1"),
        (vec![A100, ("nvidia.com/gpu.count", "1"), mixed], vec![("nvidia.com/mig-1g.10tb", "1")], vec![], "no A100-40GB has"),
        (vec![mixed, ("nvidia.com/gpu.count", "1")], vec![("nvidia.com/mig-1g.5gb", "1")], vec![], "product no label names"),
        (vec![A100, ("nvidia.com/gpu.count", "1")], vec![(GPU, "1")], vec![pod("vision", &[(GPU, "2")])], "1 more of nvidia.com/gpu"),
        (vec![A100, ("nvidia.com/gpu.count", "many")], vec![(GPU, "x")], vec![pod("vision", &[(GPU, "1")])], "1 more of nvidia.com/gpu"),
    ] {
        let row = row(&node(&labels, &allocatable), &held);
        assert!(row.contradiction.as_deref().is_some_and(|why| why.contains(said)), "{said}: {row:?}");
    }
}

#[test]
fn a_list_is_filtered_by_what_is_free_and_its_totals_are_of_every_node() {
    let full = row(&node(&[A100, ("nvidia.com/gpu.count", "1")], &[(GPU, "1")]), &[pod("vision", &[(GPU, "1")])]);
    let free = NodeRow { name: "gpu-c".into(), ..row(&node(&[A100, ("nvidia.com/gpu.count", "1")], &[(GPU, "1")]), &[]) };
    let cordoned = NodeRow { name: "gpu-d".into(), health: Health::Cordoned, ..free.clone() };
    let cpu = NodeRow { name: "cpu-a".into(), ..row(&node(&[], &[("cpu", "4")]), &[]) };
    let fleet = Fleet::of(vec![cpu, full, free, cordoned], &NodeQuery { free: true, ..NodeQuery::default() }, None);
    assert_eq!(fleet.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["gpu-c", "gpu-d"]);
    assert_eq!(fleet.totals, [Total { name: "A100-SXM4-40GB".into(), used: 1, all: 2, sevenths: 7 }]);
    assert_eq!(fleet.totals[0].in_gpus(), None);
    assert_eq!(fleet.products, ["A100-SXM4-40GB"]);
}
