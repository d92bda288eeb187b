//! Will it run? Some 2,000 generated cases, each answered by `domain::fit` and by the real API server and scheduler.
//!
//! A world is a namespace and three nodes of its own, which no agent serves; worlds go on at the same time and never touch each
//! other. In each, one scene follows the other: nodes with GPUs, taints and cordons, Pods that hold some of it, quotas and
//! limits. In a scene one Pod after the other is asked for: it is refused, bound, says that it is unschedulable, or is nominated
//! to a node whose lesser Pods are told to go. Then it is taken away again; one that displaces others is the scene's last.
//!
//! What agrees: refused for the same kind of reason; bound to the node, or to one of as many, that was said; displaces the Pods
//! that were said on the node that was said, or others that cost as much; waits. A case that disagrees is asked once more: the
//! API server counts quotas and the scheduler hears of Pods a moment after the fact, and what differs for a moment differs for
//! whoever looks at a form, too. Only what differs twice counts. Every one of them is printed; none is known.
//!
//! The seed is in `SLIPWAY_FIT_SEED` (1 without), the scenes of each world in `SLIPWAY_FIT_SCENES`.

mod admin;
mod dice;
mod world;

use std::{collections::BTreeMap, time::Instant};

use serde_json::json;
use tokio::task::JoinSet;

use self::{admin::Admin, dice::Dice, world::World};
use crate::kubernetes;

/// Worlds that go on at the same time.
const WORLDS: u64 = 24;

/// Scenes of each.
const SCENES: u64 = 7;

/// Priority classes, with their values and whether they displace others.
const CLASSES: [(&str, i32, bool); 4] =
    [("fit-low", -10, true), ("fit-mid", 100, true), ("fit-high", 1000, true), ("fit-never", 1000, false)];

fn given(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_is_what_the_real_admission_and_scheduler_do() {
    let kubernetes = tokio::task::spawn_blocking(kubernetes::apart).await.expect("a cluster");
    let admin = Admin::connect(kubernetes.admin()).await;
    for (name, value, preempts) in CLASSES {
        let policy = if preempts { "PreemptLowerPriority" } else { "Never" };
        let class = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": name },
            "value": value, "preemptionPolicy": policy,
        });
        admin.make("/apis/scheduling.k8s.io/v1/priorityclasses", &class).await;
    }
    let begun = Instant::now();
    let (seed, scenes) = (given("SLIPWAY_FIT_SEED", 1), given("SLIPWAY_FIT_SCENES", SCENES));
    let mut worlds = JoinSet::new();
    for number in 0..WORLDS {
        let admin = admin.clone();
        worlds.spawn(async move { World::make(admin, number).await.play(Dice::new(seed, number), scenes).await });
    }
    let (mut cases, mut again, mut differ, mut kinds) = (0, 0, Vec::new(), BTreeMap::new());
    while let Some(played) = worlds.join_next().await {
        let played = played.expect("a world is played to its end");
        cases += played.cases;
        again += played.again;
        differ.extend(played.differ);
        for (kind, count) in played.kinds {
            *kinds.entry(kind).or_insert(0) += count;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    admin.sweep(CLASSES.map(|(name, ..)| name)).await;
    println!("{cases} cases in {seconds:.0} s: {kinds:?}; {again} were asked twice, {} differ", differ.len());
    for case in &differ {
        println!("{case}\n");
    }
    assert!(cases >= 250 * scenes, "only {cases} cases");
    assert!(
        differ.len() * 200 <= usize::try_from(cases).expect("a count"),
        "{} of {cases} cases differ; they are printed above",
        differ.len()
    );
}
