//! A node's GPUs, drawn: from what it advertises to cards, and from what its Pods ask for to who holds which.

use std::collections::{BTreeMap, VecDeque};

use super::{GPU, Gpu, Held, Holder, MIG, NodeFacts, Slice, model};
use crate::gpu::{COMPUTE_SLICES, Model, Placed};

/// Those who hold units of each resource, in the order of the Pods.
struct Holders<'a>(BTreeMap<&'a str, VecDeque<&'a Holder>>);

impl<'a> Holders<'a> {
    fn of(held: &'a [Held]) -> Self {
        let mut holders: BTreeMap<&str, VecDeque<&Holder>> = BTreeMap::new();
        for pod in held {
            for (resource, amount) in &pod.requests {
                if resource == GPU || resource.starts_with(MIG) {
                    let count = amount.parse::<usize>().unwrap_or(0);
                    holders.entry(resource).or_default().extend(std::iter::repeat_n(&pod.holder, count));
                }
            }
        }
        Self(holders)
    }

    fn next(&mut self, resource: &str) -> Option<Holder> {
        self.0.get_mut(resource)?.pop_front().cloned()
    }

    /// What is held beyond what there is.
    fn left(&self) -> Option<String> {
        let left: Vec<String> = self
            .0
            .iter()
            .filter(|(_, left)| !left.is_empty())
            .map(|(resource, left)| format!("{} more of {resource}", left.len()))
            .collect();
        (!left.is_empty()).then(|| format!("Its Pods hold {} than it advertises", left.join(" and ")))
    }
}

/// The cards, and what is contradictory about them.
pub(super) fn draw(facts: &NodeFacts, product: Option<&str>, strategy: Option<&str>, held: &[Held]) -> (Vec<Gpu>, Option<String>) {
    let mut holders = Holders::of(held);
    let (gpus, contradiction) = match (strategy, product.and_then(|product| product.split_once("-MIG-"))) {
        (Some("single"), Some((_, profile))) => single(facts, product, profile, &mut holders),
        _ => mixed(facts, product, &mut holders),
    };
    (gpus, contradiction.or_else(|| holders.left()))
}

fn count(facts: &NodeFacts, resource: &str) -> usize {
    facts.allocatable.get(resource).and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Whole GPUs, and slices with a resource for each profile.
fn mixed(facts: &NodeFacts, product: Option<&str>, holders: &mut Holders<'_>) -> (Vec<Gpu>, Option<String>) {
    let whole = count(facts, GPU);
    let slices: BTreeMap<String, u32> = facts
        .allocatable
        .iter()
        .filter_map(|(resource, count)| Some((resource.strip_prefix(MIG)?.to_owned(), count.parse().ok().filter(|count| *count > 0)?)))
        .collect();
    let said = facts.labels.get("nvidia.com/gpu.count").and_then(|count| count.parse::<usize>().ok());
    let cards = said.map_or(0, |said| said.saturating_sub(whole));
    let mut gpus: Vec<Gpu> = (0..whole).map(|_| Gpu::Whole { holder: holders.next(GPU) }).collect();
    if slices.is_empty() {
        let contradiction = said.filter(|said| *said != whole).map(|said| {
            format!(
                "Its labels say {said} GPUs and it advertises {whole}: some are unhealthy, being cut, or not yet found by the device plugin"
            )
        });
        return (gpus, contradiction);
    }
    let advertised = || slices.iter().map(|(profile, count)| format!("{count} × {profile}")).collect::<Vec<_>>().join(", ");
    let mut unplaced = |why: String| {
        let loose = slices.iter().flat_map(|(profile, count)| (0..*count).map(move |_| profile));
        let slices = loose.map(|profile| slice(profile, 0, 0, holders.next(&format!("{MIG}{profile}")))).collect();
        (Gpu::Unplaced { slices }, Some(why))
    };
    let Some(model) = model(product) else {
        let what = product.unwrap_or("its GPUs, whose product no label names");
        let (gpu, why) = unplaced(format!("Slipway does not know how {what} can be cut, so the places of {} are not drawn", advertised()));
        gpus.push(gpu);
        return (gpus, why);
    };
    if let Some(foreign) = slices.keys().find(|profile| model.profile(profile).is_none()) {
        let (gpu, why) = unplaced(format!("It advertises {foreign}, a profile that no {} has", model.name));
        gpus.push(gpu);
        return (gpus, why);
    }
    match model.deal(cards, &slices) {
        Some(dealt) => {
            gpus.extend(dealt.into_iter().map(|card| cut(model, &card, |profile| holders.next(&format!("{MIG}{profile}")))));
            (gpus, None)
        }
        None => {
            let (gpu, why) = unplaced(format!(
                "Its labels say {} GPUs, {whole} of them whole, and {} cannot be cut from the other {cards}",
                said.unwrap_or(whole),
                advertised()
            ));
            gpus.push(gpu);
            (gpus, why)
        }
    }
}

/// Every GPU cut alike, its slices advertised as GPUs.
fn single(facts: &NodeFacts, product: Option<&str>, profile: &str, holders: &mut Holders<'_>) -> (Vec<Gpu>, Option<String>) {
    let all = count(facts, GPU);
    let found = model(product).and_then(|model| Some((model, model.profile(profile)?.0)));
    let Some((model, kind)) = found else {
        let slices = (0..all).map(|_| slice(profile, 0, 0, holders.next(GPU))).collect();
        let why = format!("Its product says that every GPU is cut into {profile}, which Slipway knows of no such GPU");
        return (vec![Gpu::Unplaced { slices }], Some(why));
    };
    // As many on each card as fit, which is what a uniform cut means.
    let most = (1..=COMPUTE_SLICES).rev().find(|most| model.deal(1, &BTreeMap::from([(profile.to_owned(), u32::from(*most))])).is_some());
    let each = usize::from(most.unwrap_or(1).min(COMPUTE_SLICES / kind.compute.max(1)).max(1));
    let mut left = all;
    let mut gpus = Vec::new();
    while left > 0 {
        let on_this = left.min(each);
        left -= on_this;
        let counts = BTreeMap::from([(profile.to_owned(), u32::try_from(on_this).unwrap_or(1))]);
        let card = model.deal(1, &counts).and_then(|mut cards| cards.pop()).unwrap_or_default();
        gpus.push(cut(model, &card, |_| holders.next(GPU)));
    }
    (gpus, None)
}

fn cut(model: &Model, card: &[Placed], mut holder: impl FnMut(&str) -> Option<Holder>) -> Gpu {
    let slices = card
        .iter()
        .map(|placed| {
            let name = placed.name();
            let holder = holder(&name);
            slice(&name, placed.start, placed.profile.memory, holder)
        })
        .collect();
    Gpu::Cut { slices, fits: model.fits(card).iter().map(|profile| profile.name.to_owned()).collect() }
}

fn slice(profile: &str, start: u8, memory: u8, holder: Option<Holder>) -> Slice {
    Slice { profile: profile.to_owned(), start, memory, holder }
}
