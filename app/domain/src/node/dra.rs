//! GPUs that are given by resource claims (DRA), as NVIDIA's driver advertises them in `ResourceSlice`s.
//!
//! Here nothing is dealt: a slice names each GPU and each MIG slice with its place, and a claim's status names the very devices
//! that it has. A GPU that the driver cuts when it is asked to is advertised whole and in every way in which it can be cut at
//! once; of those, what claims have is drawn, and what still fits beside it.
//!
//! Devices for virtual machines (`vfio`) are not drawn. Names, attributes and counters are those of `cmd/gpu-kubelet-plugin` in
//! `kubernetes-sigs/dra-driver-nvidia-gpu`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Holder, Hole};
use crate::gpu::{COMPUTE_SLICES, MEMORY_SLICES, Model, Placed, product_name};

/// The driver whose devices are GPUs.
pub const DRIVER: &str = "gpu.nvidia.com";

/// What precedes a slice's own name in that of its GPU's device.
const CUT: &str = "-mig-";

/// A device as the driver advertises it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// Its name, such as `gpu-0` or `gpu-0-mig-1g5gb-19-4`.
    pub name: Box<str>,
    /// Its GPU's product, as NVIDIA writes it, such as `NVIDIA A100-SXM4-40GB`.
    pub product: Box<str>,
    /// Its profile, such as `1g.5gb`; none for a whole GPU.
    pub profile: Option<Box<str>>,
    /// Its first memory slice, of eight, and how many it takes; none where the driver does not say.
    pub place: Option<(u8, u8)>,
    /// Whether it is cut when it is asked for: it then shares its GPU's counters with others.
    pub on_demand: bool,
    /// Taints that keep claims off it, as `key=value:effect`.
    pub taints: Box<[Box<str>]>,
    /// NVIDIA's driver there.
    pub driver: Option<Box<str>>,
}

/// What a claim has of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed<'a> {
    /// `namespace/name`.
    pub claim: &'a str,
    /// Names of its devices.
    pub devices: Vec<&'a str>,
    /// The Pods that it is reserved for.
    pub holders: Vec<Holder>,
}

/// What is advertised of a node, and who has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertised<'a> {
    /// Its devices, of the newest generation of their pool.
    pub devices: Vec<&'a Device>,
    /// The claims that have some of them, by name.
    pub claims: Vec<Claimed<'a>>,
    /// What of a pool is missing, in a sentence.
    pub missing: Option<String>,
}

/// A GPU that is given by claims.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DraGpu {
    /// Its number, as the driver names it.
    pub number: u32,
    /// Its product, such as `A100-SXM4-40GB`.
    pub product: String,
    /// Itself or its slices, from the left. Of one that is cut on demand, those that claims have; whole, where none has any.
    pub parts: Vec<DraPart>,
    /// What no slice takes, from the left. Of one that is cut on demand and whole, all of it, with what can be cut off it.
    pub holes: Vec<Hole>,
}

/// A device of such a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DraPart {
    /// Its name in the driver's slices.
    pub device: String,
    /// Its profile; none for a whole GPU.
    pub profile: Option<String>,
    /// Its first memory slice, of eight.
    pub start: u8,
    /// How many memory slices it takes, of eight; 0 where that is not known.
    pub memory: u8,
    /// Who has it, each once: several where their Pods share a claim, and the claim's namespace where no Pod uses it.
    pub holders: Vec<Holder>,
    /// The claims that have it, as `namespace/name`, as far as the viewer may know.
    pub claims: Vec<String>,
    /// Taints that keep claims off it.
    pub taints: Vec<String>,
}

impl DraPart {
    /// Whether a claim can have it.
    pub fn is_free(&self) -> bool {
        self.holders.is_empty() && self.taints.is_empty()
    }
}

impl DraGpu {
    /// Whether it is not cut.
    pub fn is_whole(&self) -> bool {
        self.parts.iter().all(|part| part.profile.is_none())
    }
}

/// Who has a device, and by which claims.
type Taken<'a> = BTreeMap<&'a str, (Vec<Holder>, Vec<String>)>;

/// The GPUs by number, and what is contradictory about them.
pub(super) fn draw(advertised: &Advertised<'_>) -> (Vec<DraGpu>, Option<String>) {
    let taken = taken(&advertised.claims);
    let mut cards: BTreeMap<&str, Vec<&Device>> = BTreeMap::new();
    for device in &advertised.devices {
        let card = device.name.split_once(CUT).map_or(&*device.name, |(card, _)| card);
        cards.entry(card).or_default().push(device);
    }
    let numbered = cards.into_iter().zip(0..).map(|((card, devices), place)| {
        let number = card.strip_prefix("gpu-").and_then(|number| number.parse().ok()).unwrap_or(place);
        gpu(number, devices, &taken)
    });
    let mut gpus: Vec<DraGpu> = numbered.collect();
    gpus.sort_by_key(|gpu| gpu.number);
    let gone = || {
        let gone = taken.iter().find(|(name, _)| !advertised.devices.iter().any(|device| *device.name == ***name));
        gone.map(|(name, (holders, _))| {
            let team = holders.first().map_or("", |holder| holder.team.as_str());
            format!("A claim of {team} has {name}, which NVIDIA's driver for claims (DRA) advertises no more")
        })
    };
    (gpus, advertised.missing.clone().or_else(gone))
}

fn taken<'a>(claims: &[Claimed<'a>]) -> Taken<'a> {
    let mut taken = Taken::new();
    for claim in claims {
        let team = claim.claim.split_once('/').map_or("", |(namespace, _)| namespace);
        let nobody = [Holder { team: team.to_owned(), run: None }];
        let holders = if claim.holders.is_empty() { &nobody[..] } else { &claim.holders };
        for device in &claim.devices {
            let (all, claims) = taken.entry(device).or_default();
            holders.iter().for_each(|holder| {
                if !all.contains(holder) {
                    all.push(holder.clone());
                }
            });
            claims.push(claim.claim.to_owned());
        }
    }
    taken
}

fn gpu(number: u32, mut devices: Vec<&Device>, taken: &Taken<'_>) -> DraGpu {
    let product = devices.first().map_or("", |device| &device.product).replace(' ', "-");
    let product = product_name(&product).to_owned();
    let on_demand = devices.iter().any(|device| device.on_demand);
    let all = devices.clone();
    let is_taken = |device: &&Device| taken.contains_key(&*device.name);
    let held = devices.iter().any(is_taken);
    if on_demand {
        devices.retain(|device| if held { is_taken(device) } else { device.profile.is_none() });
    }
    devices.sort_by(|a, b| (a.place, &a.name).cmp(&(b.place, &b.name)));
    let parts: Vec<DraPart> = devices.iter().map(|device| part(device, taken)).collect();
    let holes = match (on_demand, parts.iter().all(|part| part.profile.is_none())) {
        (true, true) if held => Vec::new(),
        (true, _) => can_be_cut(&all, &devices),
        (false, _) => left(&product, &devices),
    };
    DraGpu { number, product, parts, holes }
}

fn part(device: &Device, taken: &Taken<'_>) -> DraPart {
    let (holders, claims) = taken.get(&*device.name).cloned().unwrap_or_default();
    let whole = if device.profile.is_none() { (0, MEMORY_SLICES) } else { (0, 0) };
    let (start, memory) = device.place.unwrap_or(whole);
    DraPart {
        device: device.name.to_string(),
        profile: device.profile.as_deref().map(str::to_owned),
        start,
        memory,
        holders,
        claims,
        taints: device.taints.iter().map(ToString::to_string).collect(),
    }
}

/// What is left of a GPU that was cut by hand, as far as its model is known and every place is said.
fn left(product: &str, devices: &[&Device]) -> Vec<Hole> {
    let placed = |model: &Model, device: &Device| {
        // The driver writes the media extension as nvidia-smi does.
        let (profile, extended) = model.profile(&device.profile.as_deref()?.replace("+me", ".me"))?;
        let (start, memory) = device.place?;
        (memory == profile.memory && start.saturating_add(memory) <= MEMORY_SLICES).then_some(Placed { profile, extended, start })
    };
    if devices.len() > usize::from(COMPUTE_SLICES) {
        return Vec::new();
    }
    let of = |model: &'static Model| Some((model, devices.iter().map(|device| placed(model, device)).collect::<Option<Vec<_>>>()?));
    let Some((model, card)) = Model::of(product).and_then(of) else { return Vec::new() };
    let hole = |(start, memory, fits): (u8, u8, Vec<crate::gpu::Profile>)| Hole {
        start,
        memory,
        fits: fits.iter().map(|profile| profile.name.to_owned()).collect(),
    };
    model.holes(&card).into_iter().map(hole).collect()
}

/// What can still be cut off a GPU on demand beside `there`, hole by hole. Whole and free, all of it can.
fn can_be_cut(all: &[&Device], there: &[&Device]) -> Vec<Hole> {
    let cut: Vec<&&Device> = there.iter().filter(|device| device.profile.is_some()).collect();
    let taken = |slice: u8| {
        cut.iter().any(|device| device.place.is_some_and(|(start, memory)| (start..start.saturating_add(memory)).contains(&slice)))
    };
    let left = COMPUTE_SLICES.saturating_sub(cut.iter().fold(0, |sum: u8, device| sum.saturating_add(compute(device))));
    let extended = cut.iter().any(|device| is_extended(device));
    let mut holes = Vec::new();
    for start in (0..MEMORY_SLICES).filter(|slice| !taken(*slice) && (*slice == 0 || taken(slice - 1))) {
        let end = (start..MEMORY_SLICES).find(|slice| taken(*slice)).unwrap_or(MEMORY_SLICES);
        let fits = |device: &&&Device| {
            let inside = device.place.is_some_and(|(first, memory)| first >= start && first.saturating_add(memory) <= end);
            inside && compute(device) <= left && !(extended && is_extended(device)) && device.taints.is_empty()
        };
        let mut names: Vec<(u8, &str)> =
            all.iter().filter(fits).filter_map(|device| Some((device.place?.1, device.profile.as_deref()?))).collect();
        names.sort_unstable();
        names.dedup();
        holes.push(Hole { start, memory: end - start, fits: names.into_iter().map(|(_, name)| name.to_owned()).collect() });
    }
    holes
}

/// Compute slices of a device.
fn compute(device: &Device) -> u8 {
    device.profile.as_deref().map_or(COMPUTE_SLICES, compute_of)
}

/// Compute slices of a profile, of seven; one where its name does not say.
pub(super) fn compute_of(profile: &str) -> u8 {
    profile.split_once('g').and_then(|(compute, _)| compute.parse().ok()).unwrap_or(1)
}

fn is_extended(device: &Device) -> bool {
    device.profile.as_deref().is_some_and(|profile| profile.ends_with("me"))
}
