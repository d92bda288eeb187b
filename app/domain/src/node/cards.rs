//! A node's GPUs, drawn: from what it advertises to cards, and from what its Pods ask for to who holds which.

use std::collections::{BTreeMap, VecDeque};

use super::{GPU, Gpu, Held, Holder, Hole, MIG, NodeFacts, SHARED, Slice};
use crate::{
    gpu::{COMPUTE_SLICES, Model, Placed},
    quantity::Quantity,
};

/// GPUs, slices and places beyond which a node is not drawn: no machine has so many, so that one that says it has is mistaken.
const MOST: u64 = 1024;

/// A whole amount as written; one that is no amount is none.
fn whole(amount: &str) -> u64 {
    Quantity::parse(amount).ok().and_then(|amount| u64::try_from(amount.as_units()).ok()).unwrap_or(0)
}

/// Those who hold units of each resource and how many, in the order of the Pods.
struct Holders<'a>(BTreeMap<&'a str, VecDeque<(&'a Holder, u64)>>);

impl<'a> Holders<'a> {
    fn of(held: &'a [Held<'a>]) -> Self {
        let mut holders: BTreeMap<&str, VecDeque<(&Holder, u64)>> = BTreeMap::new();
        for pod in held {
            for (resource, amount) in pod.requests {
                let count = whole(amount);
                if count > 0 && (**resource == *GPU || **resource == *SHARED || resource.starts_with(MIG)) {
                    holders.entry(resource).or_default().push_back((&pod.holder, count));
                }
            }
        }
        Self(holders)
    }

    /// Who holds the next unit.
    fn next(&mut self, resource: &str) -> Option<Holder> {
        let queue = self.0.get_mut(resource)?;
        let (holder, left) = queue.front_mut()?;
        let holder = (*holder).clone();
        *left -= 1;
        if *left == 0 {
            queue.pop_front();
        }
        Some(holder)
    }

    /// What is held beyond what there is.
    fn left(&self) -> Option<String> {
        let sum = |queue: &VecDeque<(&Holder, u64)>| queue.iter().fold(0_u64, |sum, (_, left)| sum.saturating_add(*left));
        let left = self.0.iter().map(|(resource, queue)| (resource, sum(queue))).filter(|(_, left)| *left > 0);
        let left: Vec<String> = left.map(|(resource, left)| format!("{left} more of {resource}")).collect();
        (!left.is_empty()).then(|| format!("Its Pods hold {} than it advertises", left.join(" and ")))
    }
}

/// The cards, and what is contradictory about them; `claimed` is how many others are given by claims.
pub(super) fn draw(
    facts: &NodeFacts,
    product: Option<&str>,
    strategy: Option<&str>,
    held: &[Held<'_>],
    claimed: usize,
) -> (Vec<Gpu>, Option<String>) {
    let ours = |resource: &str| resource == GPU || resource == SHARED || resource.starts_with(MIG);
    let advertised = facts.allocatable.iter().filter(|(resource, _)| ours(resource));
    let units = advertised.fold(0_u64, |sum, (_, amount)| sum.saturating_add(whole(amount)));
    if units > MOST {
        return (Vec::new(), Some(format!("It advertises {units} GPUs and slices, which no machine has; none of them are drawn")));
    }
    let mut holders = Holders::of(held);
    let (gpus, contradiction) = match (strategy, product.and_then(|product| product.split_once("-MIG-"))) {
        (Some("single"), Some((_, profile))) => single(facts, product, profile, &mut holders),
        _ => mixed(facts, product, &mut holders, u32::try_from(claimed).unwrap_or(u32::MAX)),
    };
    if claimed > 0 {
        let cards = gpus.iter().filter(|gpu| !matches!(gpu, Gpu::Unplaced { .. })).count();
        let wrong = beside_claims(cards, units > 0, claimed, number(facts, "nvidia.com/gpu.count"));
        return (gpus, wrong);
    }
    (gpus, contradiction.or_else(|| holders.left()))
}

/// What is contradictory where GPUs are given by claims: each is either that or a resource, and all of them are as many as the
/// labels say. A Pod may ask for resources there that a claim is made for.
fn beside_claims(cards: usize, both: bool, claimed: usize, said: Option<u32>) -> Option<String> {
    let all = cards + claimed;
    let said = said.map(|said| said as usize);
    if both && said.is_none_or(|said| all > said) {
        let said = said.map_or_else(|| "no label says how many there are".to_owned(), |said| format!("its labels say {said} GPUs"));
        return Some(format!("It advertises {cards} GPUs as resources and {claimed} for claims (DRA), and {said}: one may be given twice"));
    }
    let said = said.filter(|said| *said != all)?;
    Some(format!(
        "Its labels say {said} GPUs, and {claimed} are advertised for claims (DRA): some are unhealthy, being cut, or not yet found by the driver"
    ))
}

/// How many of a resource the node advertises; [`draw`] has seen that they are few.
fn count(facts: &NodeFacts, resource: &str) -> u32 {
    facts.allocatable.get(resource).and_then(|amount| u32::try_from(whole(amount)).ok()).unwrap_or(0)
}

/// A number in a label.
fn number(facts: &NodeFacts, label: &str) -> Option<u32> {
    facts.labels.get(label).and_then(|text| text.parse().ok())
}

/// GPUs that are not cut, whole or shared in time; and how many cards they are.
fn uncut(facts: &NodeFacts, holders: &mut Holders<'_>) -> (Vec<Gpu>, u32) {
    let resource = if facts.allocatable.contains_key(SHARED) { SHARED } else { GPU };
    let advertised = count(facts, resource);
    match number(facts, "nvidia.com/gpu.replicas").filter(|replicas| *replicas > 1) {
        None => ((0..advertised).map(|_| Gpu::Whole { holder: holders.next(resource) }).collect(), advertised),
        Some(replicas) => {
            let mut left = advertised;
            let mut gpus = Vec::new();
            while left > 0 {
                let seats = left.min(replicas);
                left -= seats;
                gpus.push(Gpu::Shared { seats, holders: (0..seats).map_while(|_| holders.next(resource)).collect() });
            }
            (gpus, advertised.div_ceil(replicas))
        }
    }
}

/// Whole GPUs, and slices with a resource for each profile.
fn mixed(facts: &NodeFacts, product: Option<&str>, holders: &mut Holders<'_>, claimed: u32) -> (Vec<Gpu>, Option<String>) {
    let (mut gpus, whole) = uncut(facts, holders);
    let slices: BTreeMap<String, u32> = facts
        .allocatable
        .keys()
        .filter_map(|resource| Some((resource.strip_prefix(MIG)?.to_owned(), count(facts, resource))))
        .filter(|(_, count)| *count > 0)
        .collect();
    let said = number(facts, "nvidia.com/gpu.count").map(|said| said.saturating_sub(claimed));
    if slices.is_empty() {
        let contradiction = said.filter(|said| *said != whole).map(|said| {
            format!(
                "Its labels say {said} GPUs and it advertises {whole}: some are unhealthy, being cut, or not yet found by the device plugin"
            )
        });
        return (gpus, contradiction);
    }
    let cards = said.map_or(0, |said| said.saturating_sub(whole));
    let advertised = || slices.iter().map(|(profile, count)| format!("{count} × {profile}")).collect::<Vec<_>>().join(", ");
    let why = match product.and_then(Model::of) {
        None => {
            let what = product.unwrap_or("its GPUs, whose product no label names");
            format!("Slipway does not know how {what} can be cut, so the places of {} are not drawn", advertised())
        }
        Some(model) => match slices.keys().find(|profile| model.profile(profile).is_none()) {
            Some(foreign) => format!("It advertises {foreign}, a profile that no {} has", model.name),
            // Labels can say more cards than any machine has; what they say is then as wrong as if they were too few.
            None => match model.deal(cards.min(u32::try_from(MOST).unwrap_or(u32::MAX)) as usize, &slices) {
                Some(dealt) => {
                    gpus.extend(dealt.iter().map(|card| cut(model, card, |profile| holders.next(&format!("{MIG}{profile}")))));
                    return (gpus, None);
                }
                None => format!(
                    "Its labels say {} GPUs, {whole} of them whole, and {} cannot be cut from the other {cards}",
                    said.unwrap_or(whole),
                    advertised()
                ),
            },
        },
    };
    let loose = slices.iter().flat_map(|(profile, count)| (0..*count).map(move |_| profile));
    let slices = loose.map(|profile| slice(profile, 0, 0, holders.next(&format!("{MIG}{profile}")))).collect();
    gpus.push(Gpu::Unplaced { slices });
    (gpus, Some(why))
}

/// Every GPU cut alike, its slices advertised as GPUs.
fn single(facts: &NodeFacts, product: Option<&str>, profile: &str, holders: &mut Holders<'_>) -> (Vec<Gpu>, Option<String>) {
    let mut left = count(facts, GPU);
    if profile == "INVALID" {
        let why =
            "Its GPUs are not all cut alike, which the single strategy cannot advertise: cut them alike, or choose the mixed strategy";
        return (Vec::new(), Some(why.to_owned()));
    }
    let model = product.and_then(Model::of);
    let Some((model, kind)) = model.and_then(|model| Some((model, model.profile(profile)?.0))) else {
        let slices = (0..left).map(|_| slice(profile, 0, 0, holders.next(GPU))).collect();
        let why = match model {
            Some(model) => format!("Its product says that every GPU is cut into {profile}, a profile that no {} has", model.name),
            None => format!("Slipway does not know how its GPUs can be cut, so the places of its {profile} slices are not drawn"),
        };
        return (vec![Gpu::Unplaced { slices }], Some(why));
    };
    // As many on each card as fit, which is what a uniform cut means.
    let of = |count: u32| model.deal(1, &BTreeMap::from([(profile.to_owned(), count)])).and_then(|mut cards| cards.pop());
    let each = (1..=u32::from(COMPUTE_SLICES / kind.compute.max(1))).rev().find(|most| of(*most).is_some()).unwrap_or(1);
    let mut gpus = Vec::new();
    while left > 0 {
        let on_this = left.min(each);
        left -= on_this;
        gpus.push(cut(model, &of(on_this).unwrap_or_default(), |_| holders.next(GPU)));
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
    let hole = |(start, memory, fits): (u8, u8, Vec<crate::gpu::Profile>)| Hole {
        start,
        memory,
        fits: fits.iter().map(|profile| profile.name.to_owned()).collect(),
    };
    Gpu::Cut { slices, holes: model.holes(card).into_iter().map(hole).collect() }
}

fn slice(profile: &str, start: u8, memory: u8, holder: Option<Holder>) -> Slice {
    Slice { profile: profile.to_owned(), start, memory, holder }
}
