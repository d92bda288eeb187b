//! The nearest shape that would run now: what somebody who does not want to wait can ask for instead.
//!
//! Every shape is tried with the same rules as the one that was asked for, so what is offered runs. Near means, in this order:
//! within the team's limits; with less CPU or memory, down to a half; the same number of GPUs of another product; fewer GPUs;
//! slices of another profile; with less CPU and memory still.

use std::num::NonZeroU32;

use super::{Ask, PRODUCT_LABEL, room::Room, runs_now};
use crate::{
    limit::CONTAINER,
    node::{GPU, MIG},
    quantity::Quantity,
    resources::{GpuRequest, MigProfile, Resources},
};

const MIB: u64 = 1 << 20;

/// The least CPU that is offered, in thousandths of a core, and the least memory, in MiB.
const LEAST: (u64, u64) = (100, 64);

/// The nearest shape that would run now, where there is one.
pub(super) fn nearest(room: &Room<'_>, ask: &Ask) -> Option<Resources> {
    let asked = ask.shape.as_ref()?;
    let search = Search { room, ask };
    let begin = search.within_limits(asked);
    if begin != *asked && search.runs(&begin) {
        return Some(begin);
    }
    if let Some(less) = search.with_less(&begin, (half(millis(&begin)), half(mebibytes(&begin)))) {
        return Some(less);
    }
    let gpu = search.other_gpus(&begin);
    gpu.or_else(|| search.with_less(&begin, LEAST))
}

struct Search<'a> {
    room: &'a Room<'a>,
    ask: &'a Ask,
}

impl Search<'_> {
    fn runs(&self, shape: &Resources) -> bool {
        runs_now(self.room, &self.ask.shaped(shape))
    }

    /// The shape with CPU and memory moved into what the team's limits let a container have.
    fn within_limits(&self, shape: &Resources) -> Resources {
        let mut shape = shape.clone();
        for item in self.room.picture.limits.iter().flat_map(|range| &range.items).filter(|item| item.kind == CONTAINER) {
            for (name, amount) in [("cpu", &mut shape.cpu), ("memory", &mut shape.memory)] {
                if let Some(most) = item.max.get(name).filter(|most| amount.minus(**most).is_positive()) {
                    *amount = *most;
                }
                if let Some(least) = item.min.get(name).filter(|least| least.minus(*amount).is_positive()) {
                    *amount = *least;
                }
            }
        }
        shape
    }

    /// The most CPU and memory with which it runs, from the least on; as much memory as there is comes first.
    fn with_less(&self, shape: &Resources, (least_cpu, least_memory): (u64, u64)) -> Option<Resources> {
        let (cpu, memory) = (millis(shape), mebibytes(shape));
        let (least_cpu, least_memory) = (least_cpu.min(cpu), least_memory.min(memory));
        let shaped = |millis: u64, mib: u64| Resources {
            cpu: if millis == cpu { shape.cpu } else { Quantity::units(millis).thousandths() },
            memory: if mib == memory { shape.memory } else { Quantity::bytes(mib * MIB) },
            gpu: shape.gpu.clone(),
        };
        if !self.runs(&shaped(least_cpu, least_memory)) {
            return None;
        }
        let memory = most(least_memory, memory, |mib| self.runs(&shaped(least_cpu, mib)));
        let memory = rounded_down(memory, 1024, least_memory, mebibytes(shape));
        let cpu = most(least_cpu, cpu, |millis| self.runs(&shaped(millis, memory)));
        let cpu = rounded_down(cpu, 1000, least_cpu, millis(shape));
        let found = shaped(cpu, memory);
        self.runs(&found).then_some(found)
    }

    /// Other GPUs: as many of another product, fewer, or slices of another profile.
    fn other_gpus(&self, shape: &Resources) -> Option<Resources> {
        let with = |gpu: GpuRequest| Resources { gpu, ..shape.clone() };
        match &shape.gpu {
            GpuRequest::None => None,
            GpuRequest::Whole { count, product } => {
                let others = self.products().into_iter().filter(|other| Some(other) != product.as_ref());
                let other = |product: Option<String>, count: NonZeroU32| with(GpuRequest::Whole { count, product });
                let as_many = others.clone().map(|product| other(Some(product), *count)).find(|shape| self.runs(shape));
                as_many.or_else(|| {
                    let mut fewer = std::iter::once(product.clone()).chain(others.map(Some));
                    fewer.find_map(|product| self.fewer(count.get(), |count| other(product.clone(), count)))
                })
            }
            GpuRequest::Mig { profile, count } => {
                let profiles = self.profiles(profile);
                let same = self.fewer(count.get(), |count| with(GpuRequest::Mig { profile: profile.clone(), count }));
                let mut others = profiles.into_iter().map(|profile| with(GpuRequest::Mig { profile, count: *count }));
                others.find(|shape| self.runs(shape)).or(same)
            }
        }
    }

    /// The most that is less than `count` with which it runs.
    fn fewer(&self, count: u32, shaped: impl Fn(NonZeroU32) -> Resources) -> Option<Resources> {
        let shape = |count: u64| NonZeroU32::new(u32::try_from(count).unwrap_or(1)).map(&shaped);
        let runs = |count: u64| shape(count).is_some_and(|shape| self.runs(&shape));
        if count < 2 || !runs(1) {
            return None;
        }
        shape(most(1, u64::from(count) - 1, runs))
    }

    /// Products of whole GPUs that there are.
    fn products(&self) -> Vec<String> {
        let picture = self.room.picture;
        let Some(gpu) = picture.resources.iter().position(|name| name == GPU) else { return Vec::new() };
        let with_gpus = picture.kinds.iter().filter(|kind| kind.allocatable.get(gpu).is_some_and(|count| *count > 0));
        let mut products: Vec<String> = with_gpus.filter_map(|kind| kind.labels.get(PRODUCT_LABEL).cloned()).collect();
        products.sort_unstable();
        products.dedup();
        products
    }

    /// Profiles that there are beside this one, the most alike first: those that are larger, then those that are smaller.
    fn profiles(&self, asked: &MigProfile) -> Vec<MigProfile> {
        let size = |profile: &MigProfile| {
            let (compute, memory) = profile.as_str().split_once("g.").unwrap_or_default();
            let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<i64>().unwrap_or(0);
            (number(compute), number(memory))
        };
        let names = self.room.picture.resources.iter().filter_map(|name| MigProfile::parse(name.strip_prefix(MIG)?).ok());
        let mut profiles: Vec<MigProfile> = names.filter(|profile| profile != asked).collect();
        let (compute, memory) = size(asked);
        profiles.sort_by_key(|profile| {
            let (other_compute, other_memory) = size(profile);
            let smaller = other_compute < compute || other_memory < memory;
            (smaller, (other_memory - memory).abs(), (other_compute - compute).abs(), profile.clone())
        });
        profiles
    }
}

/// The greatest number from `least`, for which `good` holds, to `most`, where it holds up to some number and not beyond.
fn most(least: u64, most: u64, good: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (least, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if good(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

/// A multiple of the step where that is not below the least; what was asked for stays as it is.
fn rounded_down(amount: u64, step: u64, least: u64, asked: u64) -> u64 {
    let rounded = amount - amount % step;
    if amount == asked || rounded < least.max(1) { amount } else { rounded }
}

const fn half(amount: u64) -> u64 {
    amount.div_ceil(2)
}

fn millis(shape: &Resources) -> u64 {
    u64::try_from(shape.cpu.as_millis()).unwrap_or(0)
}

fn mebibytes(shape: &Resources) -> u64 {
    u64::try_from(shape.memory.as_units()).unwrap_or(0).div_ceil(MIB)
}
