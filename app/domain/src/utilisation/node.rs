//! A node as a whole: how busy it is in the mean, and what of it is not measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Activity, Permille, Reading, Why};
use crate::{
    gpu::COMPUTE_SLICES,
    node::{Gpu, NodeRow, dra::DraGpu},
};

/// How busy a node's GPUs are in the mean.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeUse {
    /// The share of time in which their engines worked; a slice counts as much as it is of a GPU.
    Engine {
        /// In the mean of those that are measured.
        mean: Permille,
        /// GPUs and slices that are measured.
        measured: u32,
        /// GPUs and slices that the node has.
        of: u32,
    },
    /// The share of time in which some kernel ran on them: nothing better is told of any of them.
    Busy {
        /// In the mean of those of which it is told.
        mean: Permille,
    },
    /// It is not known.
    NotMeasured {
        /// Why, as it stands after a colon.
        why: String,
    },
}

/// GPUs and slices of a node, by what they are: whole GPUs, shared ones included, under an empty name.
fn devices(row: &NodeRow) -> BTreeMap<&str, u32> {
    let mut devices = BTreeMap::new();
    for gpu in &row.gpus {
        match gpu {
            Gpu::Whole { .. } | Gpu::Shared { .. } => *devices.entry("").or_default() += 1,
            Gpu::Cut { slices, .. } | Gpu::Unplaced { slices } => {
                slices.iter().for_each(|slice| *devices.entry(slice.profile.as_str()).or_default() += 1);
            }
        }
    }
    for part in row.dra.iter().flat_map(|gpu| &gpu.parts) {
        *devices.entry(part.profile.as_deref().unwrap_or_default()).or_default() += 1;
    }
    devices
}

fn is_cut(row: &NodeRow) -> bool {
    row.gpus.iter().any(|gpu| matches!(gpu, Gpu::Cut { .. } | Gpu::Unplaced { .. })) || !row.dra.iter().all(DraGpu::is_whole)
}

impl Reading {
    /// The same on a node that is drawn so: where GPUs of it are cut, what says nothing of those is not taken for one that is not,
    /// because which number the cut ones have only their slices' series tell.
    #[must_use]
    pub fn on(self, row: &NodeRow) -> Self {
        let activity = match self.activity {
            Activity::Busy(_) if is_cut(row) => Activity::NotMeasured(Why::Cut),
            Activity::Engine(_) | Activity::Busy(_) | Activity::NotMeasured(_) => self.activity,
        };
        Self { activity, ..self }
    }

    /// Sevenths of a GPU that it is.
    fn weight(&self) -> u64 {
        let compute = |profile: &str| profile.split_once('g').and_then(|(compute, _)| compute.parse().ok());
        self.slice.as_ref().and_then(|slice| compute(&slice.profile)).unwrap_or(u64::from(COMPUTE_SLICES)).min(u64::from(COMPUTE_SLICES))
    }
}

impl NodeUse {
    /// Of a node's readings, as they are on it; none where it has no GPUs.
    pub fn of(row: &NodeRow, readings: &[Reading]) -> Option<Self> {
        let of: u32 = devices(row).values().sum();
        if of == 0 {
            return None;
        }
        let mean = |share: fn(Activity) -> Option<Permille>| {
            let measured: Vec<(u64, Permille)> =
                readings.iter().filter_map(|reading| Some((reading.weight(), share(reading.activity)?))).collect();
            let weight: u64 = measured.iter().map(|(weight, _)| weight).sum();
            let sum: u64 = measured.iter().map(|(weight, share)| weight * u64::from(share.thousandths())).sum();
            let mean = u16::try_from((sum + weight / 2).checked_div(weight)?).ok()?;
            Some((Permille(mean), u32::try_from(measured.len()).unwrap_or(u32::MAX)))
        };
        let engine = mean(|activity| match activity {
            Activity::Engine(share) => Some(share),
            Activity::Busy(_) | Activity::NotMeasured(_) => None,
        });
        let busy = mean(|activity| match activity {
            Activity::Busy(share) => Some(share),
            Activity::Engine(_) | Activity::NotMeasured(_) => None,
        });
        Some(match (engine, busy) {
            (Some((mean, measured)), _) => Self::Engine { mean, measured, of: of.max(measured) },
            (None, Some((mean, _))) => Self::Busy { mean },
            (None, None) => Self::NotMeasured { why: why(readings) },
        })
    }
}

/// Why none of them is measured: the one reason, where it is one.
fn why(readings: &[Reading]) -> String {
    let mut reasons = readings.iter().filter_map(|reading| match reading.activity {
        Activity::NotMeasured(why) => Some(why),
        Activity::Engine(_) | Activity::Busy(_) => None,
    });
    match reasons.next() {
        None => "Prometheus has no DCGM series of this node".to_owned(),
        Some(first) if reasons.all(|other| other == first) => first.words(),
        Some(_) => "for several reasons; the node's page names them".to_owned(),
    }
}

/// What a node has and no series tells of, such as `2 GPUs` and `3 × 1g.5gb`.
pub fn unmeasured(row: &NodeRow, readings: &[Reading]) -> Vec<String> {
    let mut left = devices(row);
    for reading in readings {
        let what = reading.slice.as_ref().map_or("", |slice| slice.profile.as_str());
        if let Some(left) = left.get_mut(what) {
            *left = left.saturating_sub(1);
        }
    }
    let said = |(what, left): (&str, u32)| match (what, left) {
        ("", 1) => "1 GPU".to_owned(),
        ("", left) => format!("{left} GPUs"),
        (profile, left) => format!("{left} × {profile}"),
    };
    left.into_iter().filter(|(_, left)| *left > 0).map(said).collect()
}
