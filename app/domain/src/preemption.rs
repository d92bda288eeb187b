//! The preemption ledger: which run was displaced by which, where, when, and what that cost.
//!
//! What is lost is the work since the displaced Pod's last checkpoint, or since it began: that much is done again. It is counted
//! in GPU-hours; a slice counts as so many sevenths of a GPU, and the sum is then called GPU-equivalent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    gpu::COMPUTE_SLICES,
    resources::GpuRequest,
    run::spec::{RunId, RunName},
    team::TeamName,
};

/// The reason of the event that the scheduler writes about a Pod that it displaces.
pub const PREEMPTED: &str = "Preempted";

/// What the scheduler says of a displacement: `Preempted by pod UID on node NODE`. Before Kubernetes 1.29 the Pod's name stood in
/// the place of its uid; that is not read as one.
pub fn read(message: &str) -> Option<(Option<&str>, &str)> {
    let rest = message.strip_prefix("Preempted by ")?;
    let (by, node) = rest.split_once(" on node ")?;
    Some((by.strip_prefix("pod ").filter(|uid| is_uid(uid)), node.trim_end_matches('.')))
}

fn is_uid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// A Pod of a run that had to make way, as one of the two runs' pages shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displacement {
    /// When it was told to go.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
    /// Where; empty where nobody said.
    pub node: String,
    /// The other run; none where it is no run of Slipway's, or not known.
    pub other: Option<Other>,
    /// The priority of the run that came.
    pub came: Rank,
    /// The priority of the run that went.
    pub went: Rank,
    /// What it cost.
    pub lost: Lost,
}

/// The other run of a displacement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Its team, which everybody may know.
    pub team: TeamName,
    /// Which run; none where the viewer may not know, or it was deleted.
    pub run: Option<(RunId, RunName)>,
}

/// A priority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// The priority class; none means the cluster's default.
    pub class: Option<String>,
    /// Its value, where it is known.
    pub value: Option<i32>,
}

/// Work that is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// For how long it had worked since its last checkpoint, in seconds; 0 where it wrote one before it went.
    pub seconds: u64,
    /// Sevenths of a GPU that it held; 0 without GPUs.
    pub sevenths: u32,
    /// Whether those were slices.
    pub slices: bool,
    /// Whether there was a checkpoint to count from; otherwise it is from its beginning.
    pub saved: bool,
}

/// Both sides of the ledger of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// When it had to make way, newest first.
    pub by: Vec<Displacement>,
    /// When others made way for it, newest first.
    pub of: Vec<Displacement>,
}

impl Lost {
    /// What a run loses that is displaced at `at` while it held `gpu`. It began at `began`, none where it had not; its newest
    /// checkpoint is from `saved`.
    pub fn of(gpu: &GpuRequest, began: Option<Timestamp>, saved: Option<Timestamp>, at: Timestamp) -> Self {
        let (sevenths, slices) = match gpu {
            GpuRequest::None => (0, false),
            GpuRequest::Whole { count, .. } => (count.get().saturating_mul(u32::from(COMPUTE_SLICES)), false),
            GpuRequest::Mig { profile, count } => {
                let compute = profile.as_str().split_once('g').and_then(|(compute, _)| compute.parse().ok()).unwrap_or(1);
                (count.get().saturating_mul(compute), true)
            }
        };
        let saved = saved.filter(|saved| began.is_some_and(|began| *saved >= began));
        let from = saved.or(began).unwrap_or(at);
        let seconds = u64::try_from(at.duration_since(from).as_secs()).unwrap_or(0);
        Self { seconds, sevenths, slices, saved: saved.is_some() }
    }

    /// In words: `1.3 GPU-hours lost since its last checkpoint`.
    pub fn words(self) -> String {
        let since = if self.saved { "since its last checkpoint" } else { "since it began" };
        if self.seconds == 0 {
            return if self.saved { "no work lost: it wrote a checkpoint before it went" } else { "no work lost: it had not begun" }
                .to_owned();
        }
        if self.sevenths == 0 {
            return format!("{} of work lost {since}", minutes(self.seconds));
        }
        let unit = if self.slices { "GPU-equivalent hours" } else { "GPU-hours" };
        format!("{} {unit} lost {since}", self.hours())
    }

    /// GPU-hours to a hundredth, at least 0.01 where anything is lost; from ten on to a tenth.
    fn hours(self) -> String {
        let parts = u128::from(self.seconds) * u128::from(self.sevenths);
        let whole = 3600 * u128::from(COMPUTE_SLICES);
        let hundredths = ((parts * 100 + whole / 2) / whole).max(u128::from(parts > 0));
        if hundredths >= 1000 {
            let tenths = (hundredths + 5) / 10;
            return format!("{}.{}", tenths / 10, tenths % 10);
        }
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

fn minutes(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} m", seconds / 60) }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::resources::MigProfile;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).unwrap()
    }

    fn whole(count: u32) -> GpuRequest {
        GpuRequest::Whole { count: NonZeroU32::new(count).unwrap(), product: None }
    }

    fn slices(profile: &str, count: u32) -> GpuRequest {
        GpuRequest::Mig { profile: MigProfile::parse(profile).unwrap(), count: NonZeroU32::new(count).unwrap() }
    }

    #[test]
    fn the_schedulers_words_name_the_pod_that_came_and_the_node() {
        let uid = "5f0e8a94-1c1e-4a7e-9b8f-3a5d8c1e2f00";
        assert_eq!(read(&format!("Preempted by pod {uid} on node gpu-a")), Some((Some(uid), "gpu-a")));
        assert_eq!(read("Preempted by vision/digits-1-x7k2b on node gpu-a"), Some((None, "gpu-a")), "as older versions said it");
        assert_eq!(read("Preempted by a pod on node gpu-a"), Some((None, "gpu-a")));
        assert_eq!(read("Preempted in order to admit critical pod"), None, "the kubelet's own word for something else");
    }

    #[test]
    fn work_is_lost_since_the_last_checkpoint_or_since_it_began() {
        for (gpu, began, saved, words) in [
            (whole(4), Some(0), Some(1800), "2.00 GPU-hours lost since its last checkpoint"),
            (whole(4), Some(0), None, "4.00 GPU-hours lost since it began"),
            (whole(64), Some(0), Some(0), "64.0 GPU-hours lost since its last checkpoint"),
            (slices("3g.20gb", 1), Some(0), None, "0.43 GPU-equivalent hours lost since it began"),
            (GpuRequest::None, Some(0), Some(2880), "12 m of work lost since its last checkpoint"),
            (GpuRequest::None, Some(3590), None, "10 s of work lost since it began"),
            (whole(1), Some(0), Some(3600), "no work lost: it wrote a checkpoint before it went"),
            (whole(1), Some(0), Some(3660), "no work lost: it wrote a checkpoint before it went"),
            (whole(1), None, None, "no work lost: it had not begun"),
            (whole(1), Some(3599), None, "0.01 GPU-hours lost since it began"),
        ] {
            assert_eq!(Lost::of(&gpu, began.map(at), saved.map(at), at(3600)).words(), words);
        }
    }

    #[test]
    fn a_checkpoint_of_an_earlier_pod_saves_nothing_of_this_one() {
        let lost = Lost::of(&whole(1), Some(at(100)), Some(at(50)), at(3700));
        assert_eq!((lost.seconds, lost.saved), (3600, false));
    }

    proptest! {
        #[test]
        fn no_more_is_lost_than_was_worked(count in 1..1024_u32, began in 0..100_000_i64, saved in 0..100_000_i64, end in 0..100_000_i64) {
            let lost = Lost::of(&whole(count), Some(at(began)), Some(at(saved)), at(end));
            prop_assert!(i64::try_from(lost.seconds).unwrap() <= (end - began).max(0));
            prop_assert_eq!(lost.sevenths, count * 7);
        }
    }
}
