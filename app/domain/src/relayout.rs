//! Cutting a node's GPUs anew, safely: cordon, empty, ask mig-manager, watch it, check what came of it, uncordon.
//!
//! [`layout`] is how cards are to be cut and what no card can hold; [`configs`] the cuts that a cluster knows by name, among
//! which one must choose; [`steps`] the way from the order to its end, as a pure function that can be left and taken up again
//! at any point; [`form`] what the page asks and shows.

pub mod configs;
pub mod form;
pub mod layout;
pub mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::node::{GPU, MIG};

/// What a Pod with these requests has of a node's GPUs, such as `2 × 1g.5gb + 1 × GPU`: it would have to move when they are cut
/// anew. None where it has nothing of them.
pub fn holds<'a>(requests: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, amount) in requests {
        let short = if name == GPU { Some("GPU") } else { name.strip_prefix(MIG) };
        if let (Some(short), Ok(amount @ 1..)) = (short, amount.parse::<u64>()) {
            *counts.entry(short).or_default() += amount;
        }
    }
    let all: Vec<String> = counts.iter().map(|(name, count)| format!("{count} × {name}")).collect();
    (!all.is_empty()).then(|| all.join(" + "))
}
