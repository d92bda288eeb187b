//! GPUs that are given by claims, as NVIDIA's driver advertises them.

use proptest::prelude::*;

use super::*;
use crate::{
    node::{Drawn, Fleet, NodeFacts, NodeQuery, NodeRow, Total},
    run::spec::RunId,
};

const A100: &str = "NVIDIA A100-SXM4-40GB";

fn whole(number: u32) -> Device {
    Device {
        name: format!("gpu-{number}").into(),
        product: A100.into(),
        profile: None,
        place: None,
        on_demand: false,
        taints: Box::default(),
        driver: Some("580.95.5".into()),
    }
}

/// A slice as the driver names it.
fn slice(number: u32, profile: &str, start: u8) -> Device {
    let model = Model::of("A100-SXM4-40GB").unwrap();
    let (known, _) = model.profile(&profile.replace("+me", ".me")).unwrap();
    let word = profile.replace('.', "").replace('+', "-");
    Device {
        name: format!("gpu-{number}-mig-{word}-9-{start}").into(),
        profile: Some(profile.into()),
        place: Some((start, known.memory)),
        ..whole(number)
    }
}

/// A GPU that is cut on demand: whole, and every slice that could be cut off it.
fn on_demand(number: u32) -> Vec<Device> {
    let model = Model::of("A100-SXM4-40GB").unwrap();
    let slices = model.profiles.iter().flat_map(|profile| profile.starts().iter().map(|start| slice(number, profile.name, *start)));
    let all = std::iter::once(Device { place: Some((0, 8)), ..whole(number) }).chain(slices);
    all.map(|device| Device { on_demand: true, ..device }).collect()
}

fn by(team: &str, run: &str) -> Holder {
    Holder { team: team.into(), run: Some(RunId(run.into())) }
}

fn claimed<'a>(claim: &'a str, devices: &[&'a str], holders: &[Holder]) -> Claimed<'a> {
    Claimed { claim, devices: devices.to_vec(), holders: holders.to_vec() }
}

fn node(labels: &[(&str, &str)], allocatable: &[(&str, &str)]) -> NodeFacts {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    NodeFacts { name: "gpu-d".into(), labels: map(labels), allocatable: map(allocatable), ready: true, ..NodeFacts::default() }
}

fn on(facts: &NodeFacts, devices: &[Device], claims: Vec<Claimed<'_>>) -> Drawn {
    Drawn::with(facts, &[], &Advertised { devices: devices.iter().collect(), claims, missing: None })
}

/// Each GPU as text: `0: gpu-0=team`, `profile@start=team+team`, and what fits into each hole.
fn drawn(row: &NodeRow) -> Vec<String> {
    let part = |part: &DraPart| {
        let what = part.profile.as_ref().map_or_else(|| "whole".to_owned(), |profile| format!("{profile}@{}", part.start));
        let who: Vec<&str> = part.holders.iter().map(|holder| holder.team.as_str()).collect();
        format!("{what}={}", if who.is_empty() { "-".to_owned() } else { who.join("+") })
    };
    let hole = |hole: &Hole| format!("@{}+{} fits {}", hole.start, hole.memory, hole.fits.join(" "));
    let gpu = |gpu: &DraGpu| {
        let parts: Vec<String> = gpu.parts.iter().map(part).chain(gpu.holes.iter().map(hole)).collect();
        format!("{}: {}", gpu.number, parts.join(" "))
    };
    row.dra.iter().map(gpu).collect()
}

fn totals(drawn: Drawn) -> Vec<String> {
    let text = |total: &Total| match total.in_gpus() {
        None => format!("{} {}/{}", total.name, total.used, total.all),
        Some(gpus) => format!("{} {}/{} ≈ {gpus}", total.name, total.used, total.all),
    };
    Fleet::of(&[std::sync::Arc::new(drawn)], &NodeQuery::default(), None).totals.iter().map(text).collect()
}

#[test]
fn a_claim_names_the_very_devices_that_its_pods_have() {
    let devices = [whole(0), whole(1), whole(10), slice(2, "3g.20gb", 4), slice(2, "1g.5gb", 0), slice(2, "1g.5gb", 1)];
    let claims = vec![
        claimed("speech/shared", &["gpu-1"], &[by("speech", "r1"), by("speech", "r2"), by("speech", "r1")]),
        claimed("vision/part", &["gpu-2-mig-3g20gb-9-4"], &[by("vision", "r3")]),
        claimed("vision/kept", &["gpu-2-mig-1g5gb-9-1"], &[]),
    ];
    let drawing = on(&node(&[], &[]), &devices, claims);
    let row = &drawing.row;
    assert_eq!(
        drawn(row),
        [
            "0: whole=-",
            "1: whole=speech+speech",
            "2: 1g.5gb@0=- 1g.5gb@1=vision 3g.20gb@4=vision @2+2 fits 1g.5gb 1g.10gb 2g.10gb",
            "10: whole=-"
        ]
    );
    let held = &row.dra[2].parts;
    assert_eq!((held[1].holders[0].run.clone(), held[1].claims[0].as_str()), (None, "vision/kept"), "no Pod uses it, and it is taken");
    assert_eq!((row.product.as_deref(), row.driver.as_deref(), row.free()), (Some("A100-SXM4-40GB"), Some("580.95.5"), 3));
    let said: Vec<String> =
        row.groups().iter().map(|group| format!("{} {}", group.holder.map_or("free", |holder| holder.team.as_str()), group.what)).collect();
    assert_eq!(said, ["speech 1", "speech 1", "vision 1g.5gb", "vision 3g.20gb", "free 0, 10, 1g.5gb"]);
    assert_eq!(
        totals(drawing),
        ["A100-SXM4-40GB by claim 1/3", "3g.20gb by claim 1/1 ≈ 0.4 of 0.4", "1g.5gb by claim 1/2 ≈ 0.1 of 0.3"],
        "a slice is no GPU, and what is given by claims is told from what is given as resources"
    );
}

#[test]
fn a_gpu_that_is_cut_on_demand_is_drawn_as_it_is_cut_now() {
    let devices = [on_demand(0), on_demand(1)].concat();
    let draw = |claims| drawn(&on(&node(&[], &[]), &devices, claims).row);
    assert_eq!(draw(vec![])[0], "0: whole=- @0+8 fits 1g.5gb 1g.10gb 2g.10gb 3g.20gb 4g.20gb 7g.40gb");
    let has = |device| draw(vec![claimed("vision/a", &[device], &[by("vision", "r1")])])[0].clone();
    assert_eq!(has("gpu-0"), "0: whole=vision");
    assert_eq!(has("gpu-0-mig-4g20gb-9-0"), "0: 4g.20gb@0=vision @4+4 fits 1g.5gb 1g.10gb 2g.10gb 3g.20gb");
    assert_eq!(has("gpu-0-mig-1g5gb-9-0"), "0: 1g.5gb@0=vision @1+7 fits 1g.5gb 1g.10gb 2g.10gb 3g.20gb");
    let two = vec![claimed("vision/a", &["gpu-1-mig-3g20gb-9-0", "gpu-1-mig-3g20gb-9-4"], &[by("vision", "r1")])];
    assert_eq!(draw(two)[1], "1: 3g.20gb@0=vision 3g.20gb@4=vision");
    let drawing = on(&node(&[], &[]), &devices, vec![claimed("vision/a", &["gpu-0-mig-1g5gb-9-0"], &[])]);
    assert_eq!(totals(drawing), ["A100-SXM4-40GB by claim 0/1", "1g.5gb by claim 1/1 ≈ 0.1 of 0.1"]);
}

#[test]
fn a_device_that_is_tainted_is_there_and_not_free() {
    let ill = Device { taints: Box::new(["gpu.nvidia.com/unhealthy=xid-79:NoExecute".into()]), ..whole(0) };
    let drawing = on(&node(&[], &[]), &[ill, whole(1)], vec![]);
    assert_eq!((drawing.row.free(), drawing.row.dra[0].parts[0].taints.len()), (1, 1));
    let free: Vec<String> = drawing.row.groups().into_iter().map(|group| group.what).collect();
    assert_eq!(free, ["1"]);
    assert_eq!(totals(drawing), ["A100-SXM4-40GB by claim 0/2"]);
}

#[test]
fn a_card_has_one_media_extension_and_a_slice_says_so_as_the_driver_does() {
    let drawing = on(&node(&[], &[]), &[slice(0, "1g.5gb+me", 0)], vec![]);
    assert_eq!(drawn(&drawing.row), ["0: 1g.5gb+me@0=- @1+7 fits 1g.5gb 1g.10gb 2g.10gb 3g.20gb"]);
    let mut devices = on_demand(0);
    devices.push(Device { on_demand: true, ..slice(0, "1g.5gb+me", 0) });
    devices.push(Device { on_demand: true, ..slice(0, "1g.5gb+me", 1) });
    let drawing = on(&node(&[], &[]), &devices, vec![claimed("vision/a", &["gpu-0-mig-1g5gb-me-9-0"], &[])]);
    assert_eq!(drawn(&drawing.row), ["0: 1g.5gb+me@0=vision @1+7 fits 1g.5gb 1g.10gb 2g.10gb 3g.20gb"]);
}

#[test]
fn labels_count_the_gpus_that_are_given_by_claims() {
    let cards = |count: &'static str| ("nvidia.com/gpu.count", count);
    let product = ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB");
    let gpu = ("nvidia.com/gpu", "2");
    let mixed = ("nvidia.com/mig.strategy", "mixed");
    let single = [("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB-MIG-INVALID"), ("nvidia.com/mig.strategy", "single"), cards("2")];
    for (labels, allocatable, said) in [
        (vec![product, cards("2")], vec![], None),
        (vec![product, cards("2")], vec![("nvidia.com/gpu", "0")], None),
        (vec![], vec![], None),
        (single.to_vec(), vec![], None),
        (vec![product, cards("4")], vec![gpu], None),
        (vec![product, cards("4")], vec![], Some("labels say 4 GPUs, and 2 are advertised for claims")),
        (vec![product, cards("2")], vec![gpu], Some("2 GPUs as resources and 2 for claims (DRA), and its labels say 2 GPUs")),
        (vec![product], vec![gpu], Some("2 for claims (DRA), and no label says how many there are")),
        (vec![product, mixed, cards("3")], vec![("nvidia.com/mig-7g.40gb", "1")], None),
    ] {
        let row = on(&node(&labels, &allocatable), &[whole(0), slice(1, "1g.5gb", 0), slice(1, "1g.5gb", 1)], vec![]).row;
        assert_eq!(row.contradiction.is_some(), said.is_some(), "{labels:?} {allocatable:?}: {row:?}");
        assert!(said.is_none_or(|said| row.contradiction.as_deref().is_some_and(|why| why.contains(said))), "{said:?}: {row:?}");
    }
    let row = on(&node(&[], &[]), &[whole(0)], vec![claimed("vision/a", &["gpu-7"], &[])]).row;
    assert_eq!(
        row.contradiction.as_deref(),
        Some("A claim of vision has gpu-7, which NVIDIA's driver for claims (DRA) advertises no more")
    );
}

#[test]
fn whoever_may_not_see_a_team_is_left_its_name_and_none_of_its_claims() {
    let claims = vec![claimed("speech/digits-1-gpu-x7k2b", &["gpu-0"], &[by("speech", "r1"), by("speech", "r2")])];
    let mut row = on(&node(&[], &[]), &[whole(0)], claims).row;
    let seen = row.clone();
    row.hide(|_| true, |_| true);
    assert_eq!(row, seen);
    row.hide(|_| false, |team| team == "vision");
    assert_eq!(
        (row.dra[0].parts[0].holders.clone(), row.dra[0].parts[0].claims.len()),
        (vec![Holder { team: "speech".into(), run: None }], 0)
    );
}

fn any_device() -> impl Strategy<Value = Device> {
    let place = proptest::option::of((0..=255_u8, 0..=255_u8));
    let profile = proptest::option::of("[1-7]g\\.(5|10|20)gb(\\+me)?|\\PC{0,6}");
    ("gpu-[0-2](-mig-[1-3])?|\\PC{0,8}", profile, place, any::<bool>(), any::<bool>()).prop_map(|(name, profile, place, on_demand, ill)| {
        Device {
            name: name.into(),
            profile: profile.map(Into::into),
            place,
            on_demand,
            taints: if ill { Box::new(["a:NoSchedule".into()]) } else { Box::default() },
            ..whole(0)
        }
    })
}

proptest! {
    #[test]
    fn whatever_is_advertised_each_device_is_drawn_once_and_held_by_whom_a_claim_names(
        devices in proptest::collection::vec(any_device(), 0..12), claims in proptest::collection::vec((0..14_usize, 0..3_usize), 0..8)
    ) {
        let mut devices = devices;
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        devices.dedup_by(|a, b| a.name == b.name);
        let names: Vec<&str> = devices.iter().map(|device| &*device.name).chain(["gone"]).collect();
        let claims: Vec<Claimed<'_>> = claims.iter().map(|(device, pods)| {
            let holders: Vec<Holder> = (0..*pods).map(|pod| by("vision", &pod.to_string())).collect();
            claimed("vision/a", &[names[device % names.len()]], &holders)
        }).collect();
        let drawing = on(&node(&[], &[]), &devices, claims.clone());
        let row = &drawing.row;
        let mut seen = std::collections::BTreeSet::new();
        for part in row.dra.iter().flat_map(|gpu| &gpu.parts) {
            prop_assert!(seen.insert(part.device.as_str()), "{} is drawn twice", part.device);
            let has = claims.iter().any(|claim| claim.devices[0] == part.device);
            prop_assert_eq!(has, !part.holders.is_empty());
        }
        for device in &devices {
            let has = claims.iter().any(|claim| claim.devices[0] == &*device.name);
            prop_assert!(seen.contains(&*device.name) || device.on_demand || !has || row.dra.iter().any(|gpu| gpu.parts.iter().any(|part| !part.holders.is_empty())));
            prop_assert!(!has || seen.contains(&*device.name), "what somebody has is drawn");
        }
        prop_assert!(row.free() as usize <= devices.len());
        row.groups();
        totals(drawing);
    }

    #[test]
    fn what_fits_beside_what_is_cut_on_demand_is_what_nvidias_places_allow(
        wanted in proptest::collection::vec(0..40_usize, 0..9)
    ) {
        let model = Model::of("A100-SXM4-40GB").unwrap();
        let devices = on_demand(0);
        let (mut card, mut names) = (Vec::<Placed>::new(), Vec::new());
        for device in wanted.iter().map(|at| &devices[at % devices.len()]).filter(|device| device.profile.is_some()) {
            let (profile, extended) = model.profile(device.profile.as_deref().unwrap()).unwrap();
            let (start, memory) = device.place.unwrap();
            let apart = card.iter().all(|placed| placed.start + placed.profile.memory <= start || start + memory <= placed.start);
            if apart && card.iter().map(|placed| placed.profile.compute).sum::<u8>() + profile.compute <= COMPUTE_SLICES {
                card.push(Placed { profile, extended, start });
                names.push(&*device.name);
            }
        }
        let row = on(&node(&[], &[]), &devices, vec![claimed("vision/a", &names, &[])]).row;
        let holes: Vec<(u8, u8, Vec<String>)> = row.dra[0].holes.iter().map(|hole| (hole.start, hole.memory, hole.fits.clone())).collect();
        let wanted: Vec<(u8, u8, Vec<String>)> = model.holes(&card).into_iter()
            .map(|(start, memory, fits)| (start, memory, fits.iter().map(|profile| profile.name.to_owned()).collect())).collect();
        prop_assert_eq!(holes, wanted);
    }
}
