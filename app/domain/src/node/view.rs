//! A node as it is read: who holds what in a line, and everything about one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Gpu, HeldBy, Holder, NodeRow};
use crate::{
    run::spec::RunId,
    utilisation::{Measuring, Reading},
};

/// What one holder has of a node's GPUs, or what is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Who; none means free.
    pub holder: Option<&'a Holder>,
    /// What, such as `0–1, 4` of whole GPUs and `2 × 1g.5gb` of slices.
    pub what: String,
}

/// A Pod on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodThere {
    /// Its name.
    pub name: String,
    /// Its namespace, which for a team's is the team's name.
    pub team: String,
    /// The run it belongs to; none where it is no run of Slipway's.
    pub run: Option<RunId>,
    /// What it asks for, such as `cpu 8, memory 64Gi`.
    pub asks: String,
    /// When it was made.
    #[serde(deserialize_with = "crate::instant::read")]
    pub created: Timestamp,
}

/// Everything that the page of a node shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDetail {
    /// As it stands in the list.
    pub row: NodeRow,
    /// The runs that hold something of it, as far as the viewer may know of them.
    pub runs: BTreeMap<RunId, HeldBy>,
    /// The number of each team's colour, from 1.
    pub colours: BTreeMap<String, u8>,
    /// Whether it takes no new Pods, which its health says only while it is ready.
    pub cordoned: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When it joined the cluster.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub created: Option<Timestamp>,
    /// When its agent last said how it is.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub heard: Option<Timestamp>,
    /// The Pods there that the viewer may see.
    pub pods: Vec<PodThere>,
    /// How many others there are, by namespace.
    pub others: BTreeMap<String, u32>,
    /// Why the viewer may not cordon it; none where they may.
    pub denied: Option<String>,
    /// What is shown may be older than this, when the cluster is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
    /// Whether utilisation is measured.
    pub measuring: Measuring,
    /// What is measured of each GPU and slice.
    pub readings: Vec<Reading>,
    /// What it has and no series tells of, such as `2 GPUs`.
    pub unmeasured: Vec<String>,
}

impl Gpu {
    /// Whether a profile can be cut off it beside what is cut.
    pub fn fits(&self, profile: &str) -> bool {
        match self {
            Self::Cut { holes, .. } => holes.iter().any(|hole| hole.fits.iter().any(|fits| fits == profile)),
            Self::Whole { .. } | Self::Shared { .. } | Self::Unplaced { .. } => false,
        }
    }

    /// Who holds it or a part of it, once for each part.
    pub fn holders(&self) -> Vec<&Holder> {
        match self {
            Self::Whole { holder } => holder.iter().collect(),
            Self::Cut { slices, .. } | Self::Unplaced { slices } => slices.iter().filter_map(|slice| slice.holder.as_ref()).collect(),
            Self::Shared { holders, .. } => holders.iter().collect(),
        }
    }

    /// Units of it that can be asked for: itself, its slices or its places.
    pub fn units(&self) -> u32 {
        match self {
            Self::Whole { .. } => 1,
            Self::Cut { slices, .. } | Self::Unplaced { slices } => u32::try_from(slices.len()).unwrap_or(u32::MAX),
            Self::Shared { seats, .. } => *seats,
        }
    }
}

impl NodeRow {
    /// GPUs, slices and places that nobody holds.
    pub fn free(&self) -> u32 {
        let left = |gpu: &Gpu| gpu.units().saturating_sub(u32::try_from(gpu.holders().len()).unwrap_or(u32::MAX));
        let by_claim = self.dra.iter().flat_map(|gpu| &gpu.parts).filter(|part| part.is_free()).map(|_| 1_u32);
        self.gpus.iter().map(left).chain(by_claim).sum()
    }

    /// Who holds its GPUs or parts of them.
    pub fn holders(&self) -> impl Iterator<Item = &Holder> {
        let by_claim = self.dra.iter().flat_map(|gpu| &gpu.parts).flat_map(|part| &part.holders);
        self.gpus.iter().flat_map(Gpu::holders).chain(by_claim)
    }

    /// Leaves the team alone of every holder whose run is not for the viewer to know, and nothing of the claims of teams that are
    /// not: a claim may be called after its Pod.
    pub fn hide(&mut self, knows: impl Fn(&Holder) -> bool, may_see: impl Fn(&str) -> bool) {
        let mut hide = |holder: &mut Holder| {
            if !knows(holder) {
                holder.run = None;
            }
        };
        for gpu in &mut self.gpus {
            match gpu {
                Gpu::Whole { holder } => holder.iter_mut().for_each(&mut hide),
                Gpu::Cut { slices, .. } | Gpu::Unplaced { slices } => {
                    slices.iter_mut().filter_map(|slice| slice.holder.as_mut()).for_each(&mut hide);
                }
                Gpu::Shared { holders, .. } => holders.iter_mut().for_each(&mut hide),
            }
        }
        for part in self.dra.iter_mut().flat_map(|gpu| &mut gpu.parts) {
            part.holders.iter_mut().for_each(&mut hide);
            // Two runs of another team have become one team.
            part.holders.sort();
            part.holders.dedup();
            part.claims.retain(|claim| claim.split_once('/').is_some_and(|(team, _)| may_see(team)));
        }
    }

    /// Who holds what of its GPUs, in the order of the GPUs, and last what is free.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut found = Groups(Vec::new());
        for (index, gpu) in self.gpus.iter().enumerate() {
            match gpu {
                Gpu::Whole { holder } => found.of(holder.as_ref()).whole.push(index),
                Gpu::Cut { slices, .. } | Gpu::Unplaced { slices } => {
                    slices.iter().for_each(|slice| found.of(slice.holder.as_ref()).add(&slice.profile, 1));
                }
                Gpu::Shared { seats, holders } => {
                    holders.iter().for_each(|holder| found.of(Some(holder)).add("shared", 1));
                    let free = seats.saturating_sub(u32::try_from(holders.len()).unwrap_or(u32::MAX));
                    if free > 0 {
                        found.of(None).add("shared", free);
                    }
                }
            }
        }
        for gpu in &self.dra {
            for part in &gpu.parts {
                let mut add = |holder| match &part.profile {
                    None => found.of(holder).whole.push(gpu.number as usize),
                    Some(profile) => found.of(holder).add(profile, 1),
                };
                match part.holders.as_slice() {
                    [] if !part.is_free() => {}
                    [] => add(None),
                    holders => holders.iter().for_each(|holder| add(Some(holder))),
                }
            }
        }
        found.0.sort_by_key(|has| has.holder.is_none());
        found.0.into_iter().map(Has::said).collect()
    }
}

/// What one holder has.
struct Has<'a> {
    holder: Option<&'a Holder>,
    whole: Vec<usize>,
    parts: BTreeMap<&'a str, u32>,
}

/// Those who have something, in the order in which they were found.
struct Groups<'a>(Vec<Has<'a>>);

impl<'a> Groups<'a> {
    fn of(&mut self, holder: Option<&'a Holder>) -> &mut Has<'a> {
        let index = self.0.iter().position(|has| has.holder == holder).unwrap_or(self.0.len());
        if index == self.0.len() {
            self.0.push(Has { holder, whole: Vec::new(), parts: BTreeMap::new() });
        }
        &mut self.0[index]
    }
}

impl<'a> Has<'a> {
    fn add(&mut self, part: &'a str, count: u32) {
        *self.parts.entry(part).or_default() += count;
    }

    fn said(self) -> Group<'a> {
        let part = |(part, count): (&str, u32)| if count == 1 { part.to_owned() } else { format!("{count} × {part}") };
        let what: Vec<String> = ranges(&self.whole).into_iter().chain(self.parts.into_iter().map(part)).collect();
        Group { holder: self.holder, what: what.join(", ") }
    }
}

/// Ascending numbers, with those that follow each other as a range: `0–2`, `5`.
fn ranges(numbers: &[usize]) -> Vec<String> {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    runs.map(|run| match run {
        [first, .., last] => format!("{first}–{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    })
    .collect()
}
