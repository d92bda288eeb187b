//! The answer in sentences.

use std::fmt;

use super::{Answer, Aside, Ask, Left, Outcome, Victim, Wait, picture::PODS, wait::product};
use crate::{node::MIG, quantity::Quantity};

/// An amount of a resource as a person reads it; CPU is given in thousandths.
pub(super) fn amount(resource: &str, amount: i64) -> String {
    let positive = amount.max(0).unsigned_abs();
    match resource {
        "cpu" => Quantity::units(positive).thousandths().to_string(),
        "memory" | "ephemeral-storage" => Quantity::bytes(positive).rounded().to_string(),
        _ => positive.to_string(),
    }
}

/// An amount of a resource with its name: `4 × A100-SXM4-80GB`, `2 × 1g.5gb`, `64 CPU`, `512Gi of memory`.
pub(super) fn needs(resource: &str, of: i64, ask: &Ask) -> String {
    let amount = amount(resource, of);
    match resource {
        "cpu" => format!("{amount} CPU"),
        "memory" => format!("{amount} of memory"),
        crate::node::GPU => format!("{amount} × {}", product(resource, ask).unwrap_or("GPU")),
        PODS => "a place for a Pod".to_owned(),
        _ => format!("{amount} × {}", resource.strip_prefix(MIG).unwrap_or(resource)),
    }
}

impl Outcome {
    /// Whether a launch can come to something: it runs, now or later.
    pub const fn is_let_in(&self) -> bool {
        match self {
            Self::RunsNow { .. } | Self::Preempts { .. } | Self::Waits(_) => true,
            Self::Refused(_) => false,
        }
    }
}

impl fmt::Display for Outcome {
    /// One sentence without a full stop, which begins with what it comes to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunsNow { node, others: 0 } => write!(f, "Runs now on {node}"),
            Self::RunsNow { node, others: 1 } => write!(f, "Runs now on {node} or on one other node"),
            Self::RunsNow { node, others } => write!(f, "Runs now on {node} or on one of {others} others"),
            Self::Preempts { node, victims } => match victims.as_slice() {
                [victim] => write!(f, "Runs on {node} once it has displaced {victim}"),
                victims => write!(f, "Runs on {node} once it has displaced {} Pods of lower priority", victims.len()),
            },
            Self::Waits(wait) => write!(f, "Waits: {wait}"),
            Self::Refused(refused) => write!(f, "Refused: {}", refused.sentence),
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.run {
            Some((_, name)) => write!(f, "{name} of {}", self.team)?,
            None => write!(f, "a Pod of {}", self.team)?,
        }
        match &self.class {
            Some(class) => write!(f, " ({class}, priority {})", self.priority),
            None => write!(f, " (priority {})", self.priority),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere { needs } => write!(f, "needs {needs}; no node has such"),
            Self::SetAside { needs, why } => {
                let why: Vec<String> = why.iter().map(|(aside, count)| said(aside, *count)).collect();
                write!(f, "needs {needs}; of the nodes that have it {}", why.join(", "))
            }
            Self::TooLarge { needs, most, node } => write!(f, "needs {needs} on one node; the largest, {node}, has {most}"),
            Self::Held { needs, node, free, all, holders } => {
                write!(f, "needs {needs}; {node} has {free} of {all} free")?;
                for (team, held) in holders.iter().take(3) {
                    write!(f, ", team {team} holds {held}")?;
                }
                match holders.len().saturating_sub(3) {
                    0 => Ok(()),
                    1 => write!(f, ", one other team the rest"),
                    more => write!(f, ", {more} other teams the rest"),
                }
            }
        }
    }
}

fn said(aside: &Aside, count: u32) -> String {
    let is = if count == 1 { "is" } else { "are" };
    match aside {
        Aside::NotReady => format!("{count} {is} not ready"),
        Aside::Cordoned => format!("{count} {is} cordoned"),
        Aside::Tainted(taint) => format!("{count} {is} set aside by the taint {taint}"),
    }
}

impl fmt::Display for Left {
    /// Such as `2 of 8 nvidia.com/gpu left in gpus`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.resource.strip_prefix("requests.").unwrap_or(&self.resource);
        write!(f, "{} of {} {resource} left in {}", self.left, self.hard, self.quota)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome.fmt(f)
    }
}
