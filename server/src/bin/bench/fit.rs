//! Will it run, on a cluster of a thousand nodes: what each key in the New run form costs.

use slipway_domain::{
    fit::{Ask, PRODUCT_LABEL, Picture, Pod, answer},
    node::NodeFacts,
    run::form::RunForm,
};

use slipway_server::cluster::index::measure::cpu_ms;

use super::{Figure, count, said};

const NODES: usize = 1_000;

/// Pods on each node, and kinds of them.
const PODS: usize = 8;
const KINDS: usize = 20;

/// Milliseconds of CPU for an answer, and the picture's size.
pub(super) fn answered() -> Result<Vec<Figure>, String> {
    const TIMES: u32 = 500;
    let picture = picture();
    let bytes = serde_json::to_string(&picture).map_err(said)?.len();
    let form = RunForm {
        team: "bench".into(),
        name: "run".into(),
        gpu: "gpu".into(),
        gpu_count: "4".into(),
        gpu_product: "NVIDIA-A100-SXM4-80GB".into(),
        ..RunForm::default()
    };
    let ask = Ask::of(&form.parse().map_err(|fields| format!("{fields:?}"))?);
    let cpu = cpu_ms();
    for _ in 0..TIMES {
        // The dearest answer: no node has room, so that every shape near by is tried, too.
        let said = answer(std::hint::black_box(&picture), &ask).to_string();
        if !said.starts_with("Waits: ") {
            return Err(format!("a run that has no room is said to be otherwise: {said}"));
        }
    }
    let milliseconds = (cpu_ms() - cpu) / f64::from(TIMES);
    Ok(vec![
        Figure::at_most("will-it-run, 1,000 nodes, native: CPU", milliseconds, "ms", 1.0),
        Figure::at_most("the picture of 1,000 nodes, as it travels", count(bytes) / 1_000.0, "kB", 42.0),
    ])
}

/// A thousand nodes whose GPUs are all held.
pub(super) fn picture() -> Picture {
    Picture::draw((0..NODES).map(node), &[PRODUCT_LABEL])
}

fn node(index: usize) -> (NodeFacts, Vec<Pod>) {
    let text = str::to_owned;
    let product = if index.is_multiple_of(3) { "NVIDIA-H100-80GB-HBM3" } else { "NVIDIA-A100-SXM4-80GB" };
    let allocatable = [("cpu", "256"), ("memory", "2Ti"), ("pods", "110"), ("nvidia.com/gpu", "8")];
    let facts = NodeFacts {
        name: format!("gpu-{index:04}"),
        labels: [(text(PRODUCT_LABEL), text(product))].into(),
        allocatable: allocatable.into_iter().map(|(name, amount)| (text(name), text(amount))).collect(),
        taints: Vec::new(),
        cordoned: false,
        ready: true,
        ..NodeFacts::default()
    };
    let mut chance = index as u64 + 1;
    let pod = |_| {
        for _ in 0..3 {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        let kind = usize::try_from((chance >> 33) % KINDS as u64).unwrap_or(0);
        let requests = [("nvidia.com/gpu", text("1")), ("cpu", (4 + kind).to_string()), ("memory", format!("{}Gi", 32 + kind))];
        Pod {
            team: format!("team-{}", kind % 3),
            run: None,
            priority: i32::try_from(kind % 4).unwrap_or(0),
            since: 0,
            requests: requests.into_iter().map(|(name, amount)| (text(name), amount)).collect(),
        }
    };
    (facts, (0..PODS).map(pod).collect())
}
