//! What Kueue says of a run that it has taken: the conditions of its `Workload` (`kueue.x-k8s.io/v1beta2`).

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{Cause, Evidence};

/// A run in a queue of Kueue's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// The `Workload`'s name.
    pub name: String,
    /// The local queue.
    pub queue: String,
    /// Whether it may begin (`Admitted`).
    pub admitted: bool,
    /// The reason and the message of the condition that holds it back: what evicted it, or why no quota is reserved.
    pub held: Option<(String, String)>,
    /// Its place among those that wait, where that was asked for and is known.
    pub place: Option<Place>,
}

/// A place among those that wait, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In its local queue.
    pub local: (u32, u32),
    /// The cluster queue that its local queue leads to, and its place there.
    pub cluster: Option<(String, (u32, u32))>,
}

/// One that waits, as far as its place goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// `namespace/name` of its `Workload`.
    pub key: &'a str,
    /// `namespace/name` of its local queue.
    pub queue: &'a str,
    /// The cluster queue that this leads to, where it is known.
    pub cluster: Option<&'a str>,
    /// Higher is sooner.
    pub priority: i32,
    /// When its `Workload` was made: of the same priority, earlier is sooner.
    pub since: Timestamp,
}

impl Standing<'_> {
    fn is_before(&self, other: &Self) -> bool {
        (Reverse(self.priority), self.since, self.key) < (Reverse(other.priority), other.since, other.key)
    }
}

impl Place {
    /// The place of one among all that wait, itself included. Kueue looks at those of a cluster queue in this order; one that was
    /// evicted because its Pods were not ready in time goes further back, which is not known here.
    pub fn of<'a>(own: &Standing<'a>, all: impl Iterator<Item = Standing<'a>>) -> Self {
        let (mut local, mut cluster) = ((1, 0), (1, 0));
        let count = |(at, of): &mut (u32, u32), other: &Standing<'a>| {
            *of += 1;
            *at += u32::from(other.is_before(own));
        };
        for other in all {
            if other.queue == own.queue {
                count(&mut local, &other);
            }
            if own.cluster.is_some() && other.cluster == own.cluster {
                count(&mut cluster, &other);
            }
        }
        Self { local, cluster: own.cluster.map(|name| (name.to_owned(), cluster)) }
    }

    /// `3rd of 7 in queue team-a (cluster queue gpu)`
    fn words(&self, queue: &str) -> String {
        let place = |(at, of): (u32, u32)| format!("{} of {of}", ordinal(at));
        let local = format!("{} in queue {queue}", place(self.local));
        match &self.cluster {
            None => local,
            Some((cluster, all)) if *all == self.local => format!("{local} (cluster queue {cluster})"),
            Some((cluster, all)) => format!("{local}, and {} in its cluster queue {cluster}", place(*all)),
        }
    }
}

fn ordinal(number: u32) -> String {
    let end = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

impl Queued {
    pub(super) fn cause(&self) -> Cause {
        let (reason, said) = self.held.clone().unwrap_or_default();
        Cause::Queue { queue: self.queue.clone(), reason, said, place: self.place.clone() }
    }

    pub(super) fn evidence(&self) -> Evidence {
        let said = self.held.as_ref().map_or("Kueue has said nothing of it yet", |(_, said)| said);
        Evidence::said(&format!("Workload/{}", self.name), said)
    }
}

/// The sentence, of a reason of Kueue's condition `QuotaReserved` or of an eviction.
pub(super) fn sentence(queue: &str, reason: &str, said: &str, place: Option<&Place>) -> String {
    let place = place.map(|place| format!("; {}", place.words(queue))).unwrap_or_default();
    format!("{}{place}", why(queue, reason, said))
}

fn why(queue: &str, reason: &str, said: &str) -> String {
    let queue = if queue.is_empty() { "its queue".to_owned() } else { format!("the queue {queue}") };
    let said = said.trim_end_matches('.');
    if let Some((resource, flavor, more)) = unused(said) {
        return format!("Waits in {queue}: {more} more {resource} of {flavor} must come free");
    }
    let begins = match reason {
        "WaitingForQuota" => format!("Waits in {queue} for quota"),
        "NoMatchingFlavor" => format!("No flavor of {queue} fits it"),
        "ExceedsMaxQuota" => format!("Asks for more than {queue} can ever give"),
        "TopologyPlacementFailed" => format!("Waits in {queue} for nodes that lie close enough together"),
        "WaitingForPreemptedWorkloads" => format!("Others are making way for it in {queue}"),
        "Misconfigured" => format!("The configuration of {queue} is wrong; tell an admin"),
        "Suspended" | "ClusterQueueStopped" | "LocalQueueStopped" => format!("An admin has stopped {queue}"),
        "PendingEvaluation" | "" => format!("Waits in {queue} to be looked at"),
        "WaitingForPodsReady" | "PodsReadyTimeout" => format!("Waits in {queue} until the Pods of others run"),
        "Preempted" => format!("Another of higher priority took its place in {queue}"),
        "AdmissionCheck" => format!("A check of {queue} holds it back"),
        "NodeFailures" => format!("Waits in {queue} anew, because its node failed"),
        "Deactivated" => format!("Was taken out of {queue}"),
        other => format!("Waits in {queue} ({other})"),
    };
    if said.is_empty() { begins } else { format!("{begins}: {said}") }
}

/// `… insufficient unused quota for RESOURCE in flavor FLAVOR, N more needed`
fn unused(said: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = said.split_once("insufficient unused quota for ")?;
    let (resource, rest) = rest.split_once(" in flavor ")?;
    let (flavor, rest) = rest.split_once(", ")?;
    let (more, _) = rest.split_once(" more needed")?;
    Some((resource, flavor, more))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [&str; 3] = ["gpu", "cpu", "none"];

    fn standing(key: &'static str, queue: &'static str, priority: i32, since: i64) -> Standing<'static> {
        let cluster = ALL.iter().find(|cluster| queue.ends_with(**cluster)).copied().filter(|cluster| *cluster != "none");
        Standing { key, queue, cluster, priority, since: Timestamp::from_second(since).unwrap() }
    }

    #[test]
    fn its_place_is_by_priority_and_then_by_age_in_its_queue_and_in_the_cluster_queue() {
        let all = [
            standing("a/1", "a/gpu", 0, 10),
            standing("a/2", "a/gpu", 0, 5),
            standing("a/3", "a/gpu", 9, 20),
            standing("b/1", "b/gpu", 5, 1),
            standing("b/2", "b/cpu", 99, 1),
        ];
        let said = |at: usize| Place::of(&all[at], all.iter().copied()).words(all[at].queue.split_once('/').unwrap().1);
        assert_eq!(said(0), "3rd of 3 in queue gpu, and 4th of 4 in its cluster queue gpu");
        assert_eq!(said(2), "1st of 3 in queue gpu, and 1st of 4 in its cluster queue gpu");
        assert_eq!(said(4), "1st of 1 in queue cpu (cluster queue cpu)");
        let lone = standing("c/1", "c/none", 0, 0);
        assert_eq!(Place::of(&lone, std::iter::once(lone)).words("none"), "1st of 1 in queue none", "its local queue is not known");
        for (number, word) in
            [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (112, "112th")]
        {
            assert_eq!(ordinal(number), word);
        }
    }

    proptest! {
        #[test]
        fn places_in_a_queue_are_all_different(rows in proptest::collection::vec((0..3_usize, 0..2_usize, -2..3_i32, 0..4_i64), 1..20)) {
            let keys: Vec<String> = (0..rows.len()).map(|at| at.to_string()).collect();
            let queues = [["a/gpu", "b/gpu"], ["a/cpu", "b/cpu"], ["a/none", "b/none"]];
            let all: Vec<Standing<'_>> = rows.iter().zip(&keys).map(|((cluster, team, priority, since), key)| {
                Standing { key, ..standing("", queues[*cluster][*team], *priority, *since) }
            }).collect();
            let mut seen = std::collections::BTreeSet::new();
            for own in &all {
                let place = Place::of(own, all.iter().copied());
                prop_assert!(seen.insert((own.queue, place.local.0)) && place.local.0 <= place.local.1);
                prop_assert!(place.cluster.is_none_or(|(_, (at, of))| at >= place.local.0 && of >= place.local.1 && at <= of));
            }
        }
    }
}
