//! The scheduler's message, read reason by reason.
//!
//! `0/N nodes are available: <before the nodes>.` or `0/N nodes are available: <n reason>, <n reason>. <after them>`, where what
//! comes after is about preemption and about claims. Reasons are sorted as text, and a node may count in several. Each text stands
//! in `pkg/scheduler/framework/plugins` of Kubernetes 1.34; those of older versions follow them.

use super::{
    Asks,
    cause::{Cause, Rule, Volume},
    devices, words,
};

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Nodes there are.
    nodes: u32,
    /// What rules out every node before any is looked at.
    before: Option<Reason>,
    /// What rules out how many nodes.
    reasons: Vec<(u32, Reason)>,
}

/// A reason. The order is that in which the scheduler's default plugins look at a node: what is later has passed the earlier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A text that is not known; it says least of how far a node came.
    Other(String),
    Cordoned,
    NotReady,
    NodeName,
    /// The taint, where an older scheduler names it.
    Taint(Option<String>),
    NodeAffinity,
    EnforcedAffinity,
    HostPort,
    PodLimit,
    Insufficient(String),
    Volume(VolumeReason),
    SpreadLabel,
    Spread,
    PodAffinity,
    PodAntiAffinity,
    OthersAntiAffinity,
    /// Devices of resource claims (DRA), as it was said.
    Devices(String),
}

/// A reason about volumes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum VolumeReason {
    InUse,
    TooMany,
    Gone,
    OtherNode,
    NothingToBind,
    NoSpace,
    OtherZone,
    Unbound,
    NotFound(String),
    Lost(String),
    BeingDeleted(String),
    BeingMade(String),
}

/// What follows the reasons: where it begins, the reasons end.
const AFTER: [&str; 7] = [
    ". preemption: ",
    ". no new claims to deallocate",
    ". still not schedulable",
    ". plugin disabled",
    ". deallocation of ResourceClaim completed",
    ". deletion of ResourceClaim completed",
    ". no candidate node for preemption",
];

impl Said {
    /// Reads a message; none where it is not of this form.
    pub fn read(text: &str) -> Option<Self> {
        let (nodes, said) = text.strip_prefix("0/")?.split_once(" nodes are available: ")?;
        let nodes = nodes.parse().ok()?;
        let end = AFTER.iter().filter_map(|after| said.find(after)).min().unwrap_or(said.len());
        let said = said[..end].trim().trim_end_matches(['.', ',']);
        // Older schedulers begin with what comes after, and a message may hold nothing else.
        if said.is_empty() || said.starts_with("preemption: ") {
            return None;
        }
        let counted = split(said).iter().map(|part| counted(part)).collect::<Option<Vec<_>>>();
        Some(match counted {
            Some(reasons) => Self { nodes, before: None, reasons },
            None => Self { nodes, before: Some(Reason::whole(said)), reasons: Vec::new() },
        })
    }

    /// What rules out every node at once.
    pub fn whole(&self) -> Option<Cause> {
        self.before.as_ref().map(|reason| reason.cause(self.nodes))
    }

    /// Whether the scheduler gives the reason that was found on the nodes.
    pub fn agrees(&self, cause: &Cause) -> bool {
        let says = |is: &dyn Fn(&Reason) -> bool| self.reasons.iter().any(|(_, reason)| is(reason));
        let short = |resource: &str| says(&|reason| matches!(reason, Reason::Insufficient(name) if name == resource));
        match cause {
            Cause::NoRoom(shortage) => short(&shortage.resource),
            Cause::TooLarge { resource, .. } => short(resource),
            Cause::ProfileNotCut { profile, .. } => short(&format!("{}{profile}", crate::node::MIG)),
            // Nodes without any GPU have too few; a product that no node has is a selector that none matches.
            Cause::ProductAbsent { product: None } => short(crate::node::GPU),
            Cause::ProductAbsent { product: Some(_) } => says(&|reason| *reason == Reason::NodeAffinity),
            Cause::Taint { .. } => says(&|reason| matches!(reason, Reason::Taint(_))),
            Cause::Cordoned { .. } => says(&|reason| *reason == Reason::Cordoned),
            // The node controller's taint is what keeps Pods off a node that is not well.
            Cause::NotReady { .. } => says(&|reason| matches!(reason, Reason::Taint(_) | Reason::NotReady)),
            Cause::PodLimit { .. } => says(&|reason| *reason == Reason::PodLimit),
            _ => false,
        }
    }

    /// The reason of those nodes that came furthest, where it stands for the rest; else all of them, counted.
    pub fn latest(&self, asks: &Asks) -> Cause {
        let latest = self.reasons.iter().max_by(|(_, a), (_, b)| a.cmp(b));
        match latest {
            Some((_, Reason::Insufficient(_) | Reason::Other(_))) | None => Cause::NoNode {
                nodes: self.nodes,
                asks: words::asks(asks),
                reasons: self.reasons.iter().map(|(count, reason)| reason.words(*count)).collect(),
            },
            Some((count, reason)) => reason.cause(*count),
        }
    }
}

/// Splits at commas outside brackets: a taint may hold any. What does not begin with a number belongs to what is before it.
fn split(text: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0_u32, vec![String::new()]);
    for c in text.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let mut whole: Vec<String> = Vec::new();
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let is_counted = part.split_once(' ').is_some_and(|(count, _)| count.bytes().all(|b| b.is_ascii_digit()));
        match whole.last_mut().filter(|_| !is_counted) {
            Some(last) => *last += &format!(", {part}"),
            None => whole.push(part.to_owned()),
        }
    }
    whole
}

fn counted(part: &str) -> Option<(u32, Reason)> {
    let (count, text) = part.split_once(' ')?;
    Some((count.parse().ok()?, Reason::read(text)))
}

impl Reason {
    /// A text that is not counted; what follows it may be any plugin's.
    fn whole(text: &str) -> Self {
        match (Self::read(text), text.split_once(". ")) {
            (Self::Other(_), Some((first, _))) if !matches!(Self::read(first), Self::Other(_)) => Self::read(first),
            (reason, _) => reason,
        }
    }

    fn read(text: &str) -> Self {
        let named = |before: &str, after: &str| -> Option<String> {
            Some(text.strip_prefix(before)?.strip_prefix('"')?.split_once('"').filter(|(_, rest)| rest.starts_with(after))?.0.to_owned())
        };
        let said = text.strip_prefix("node(s) ").unwrap_or(text);
        if let Some(resource) = said.strip_prefix("Insufficient ").filter(|resource| !resource.contains(' ')) {
            return Self::Insufficient(resource.to_owned());
        }
        if let Some(rest) = said.strip_prefix("had untolerated taint").or_else(|| said.strip_prefix("had taint ")) {
            let taint = rest.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map(|(taint, _)| taint.to_owned());
            return Self::Taint(taint);
        }
        if let Some(volume) = volume(said) {
            return Self::Volume(volume);
        }
        if let Some(claim) = named("persistentvolumeclaim ", " not found") {
            return Self::Volume(VolumeReason::NotFound(claim));
        }
        if let Some(claim) = named("persistentvolumeclaim ", " bound to non-existent persistentvolume") {
            return Self::Volume(VolumeReason::Lost(claim));
        }
        if let Some(claim) = named("persistentvolumeclaim ", " is being deleted") {
            return Self::Volume(VolumeReason::BeingDeleted(claim));
        }
        if let Some(claim) = named("waiting for ephemeral volume controller to create the persistentvolumeclaim ", "") {
            return Self::Volume(VolumeReason::BeingMade(claim));
        }
        match said {
            "were unschedulable" => Self::Cordoned,
            "were not ready" | "had unknown conditions" => Self::NotReady,
            "had taints that the pod didn't tolerate" => Self::Taint(None),
            // The last is a plugin's that left no node over, before any was looked at.
            "didn't match the requested node name" | "didn't match the requested hostname" | "didn't satisfy plugin(s) [NodeAffinity]" => {
                Self::NodeName
            }
            "didn't match Pod's node affinity/selector" | "didn't match Pod's node affinity" | "didn't match node selector" => {
                Self::NodeAffinity
            }
            "pod affinity terms conflict" => Self::NodeAffinity,
            "didn't match scheduler-enforced node affinity" => Self::EnforcedAffinity,
            "didn't have free ports for the requested pod ports" => Self::HostPort,
            "Too many pods" => Self::PodLimit,
            "didn't match pod topology spread constraints" => Self::Spread,
            "didn't match pod topology spread constraints (missing required label)" => Self::SpreadLabel,
            "didn't match pod affinity rules" => Self::PodAffinity,
            "didn't match pod anti-affinity rules" => Self::PodAntiAffinity,
            "didn't satisfy existing pods anti-affinity rules" => Self::OthersAntiAffinity,
            _ if is_of_devices(said) => Self::Devices(said.to_owned()),
            _ => Self::Other(text.to_owned()),
        }
    }

    fn cause(&self, nodes: u32) -> Cause {
        let rule = |rule| Cause::Rule { rule, nodes };
        match self {
            Self::Other(raw) => Cause::Unknown { raw: raw.clone() },
            Self::Devices(raw) => devices::read(raw).map_or_else(|| Cause::Unknown { raw: raw.clone() }, Cause::Devices),
            Self::Cordoned => Cause::Cordoned { nodes, node: None },
            Self::NotReady => Cause::NotReady { nodes, node: None },
            Self::NodeName => rule(Rule::NodeName),
            Self::Taint(taint) => Cause::Taint { taint: taint.clone(), nodes, node: None },
            Self::NodeAffinity => rule(Rule::NodeAffinity),
            Self::EnforcedAffinity => rule(Rule::EnforcedAffinity),
            Self::HostPort => rule(Rule::HostPort),
            Self::PodLimit => Cause::PodLimit { nodes, node: None },
            Self::Insufficient(resource) => {
                Cause::NoNode { nodes, asks: String::new(), reasons: vec![Self::Insufficient(resource.clone()).words(nodes)] }
            }
            Self::Volume(volume) => Cause::Volume(volume.clone().into()),
            Self::SpreadLabel => rule(Rule::SpreadLabel),
            Self::Spread => rule(Rule::Spread),
            Self::PodAffinity => rule(Rule::PodAffinity),
            Self::PodAntiAffinity => rule(Rule::PodAntiAffinity),
            Self::OthersAntiAffinity => rule(Rule::OthersAntiAffinity),
        }
    }

    /// With its number of nodes, in words; one that is not known stays as it is.
    fn words(&self, count: u32) -> String {
        let (is, has) = if count == 1 { ("is", "has") } else { ("are", "have") };
        match self {
            Self::Insufficient(resource) => format!("{count} {has} too little {} free", words::stuff(resource)),
            Self::Taint(None) => format!("{count} {is} set aside by a taint"),
            Self::Taint(Some(taint)) => format!("{count} {is} set aside by the taint {taint}"),
            Self::NodeAffinity => format!("{count} {is} of another product than it asks for"),
            Self::Cordoned => format!("{count} {is} cordoned"),
            Self::NotReady => format!("{count} {is} not ready"),
            Self::PodLimit => format!("{count} {has} no room for another Pod"),
            Self::Other(raw) | Self::Devices(raw) => format!("{count} {}", raw.strip_prefix("node(s) ").unwrap_or(raw)),
            Self::NodeName => format!("{count} {is} not the one that it names"),
            Self::HostPort => format!("{count} {has} its port taken"),
            Self::EnforcedAffinity
            | Self::SpreadLabel
            | Self::Spread
            | Self::PodAffinity
            | Self::PodAntiAffinity
            | Self::OthersAntiAffinity => {
                format!("{count} {is} kept from it by a rule about where it may be")
            }
            Self::Volume(_) => format!("{count} {is} out of its volumes' reach"),
        }
    }
}

fn volume(said: &str) -> Option<VolumeReason> {
    Some(match said {
        "unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
        | "had no available disk" => VolumeReason::InUse,
        "exceed max volume count" => VolumeReason::TooMany,
        "unavailable due to one or more pvc(s) bound to non-existent pv(s)" => VolumeReason::Gone,
        // The last is the plugin's that left no node over, before any was looked at.
        "didn't match PersistentVolume's node affinity"
        | "had volume node affinity conflict"
        | "didn't satisfy plugin(s) [VolumeBinding]" => VolumeReason::OtherNode,
        "didn't find available persistent volumes to bind" => VolumeReason::NothingToBind,
        "did not have enough free storage" => VolumeReason::NoSpace,
        "had no available volume zone" => VolumeReason::OtherZone,
        "pod has unbound immediate PersistentVolumeClaims" => VolumeReason::Unbound,
        _ => return None,
    })
}

impl From<VolumeReason> for Volume {
    fn from(reason: VolumeReason) -> Self {
        match reason {
            VolumeReason::InUse => Self::InUse,
            VolumeReason::TooMany => Self::TooMany,
            VolumeReason::Gone => Self::Lost { claim: None },
            VolumeReason::OtherNode => Self::OtherNode,
            VolumeReason::NothingToBind => Self::NothingToBind,
            VolumeReason::NoSpace => Self::NoSpace,
            VolumeReason::OtherZone => Self::OtherZone,
            VolumeReason::Unbound => Self::Unbound,
            VolumeReason::NotFound(claim) => Self::ClaimNotFound { claim },
            VolumeReason::Lost(claim) => Self::Lost { claim: Some(claim) },
            VolumeReason::BeingDeleted(claim) => Self::BeingDeleted { claim },
            VolumeReason::BeingMade(claim) => Self::BeingMade { claim },
        }
    }
}

/// Texts of the plugin for resource claims: those that are known, and those that this version says only where it is told to.
fn is_of_devices(said: &str) -> bool {
    let others =
        ["resource claim ", "cannot schedule extended resource claim", "cannot fit resource", "asked by caller to stop allocating"];
    devices::read(said).is_some() || others.iter().any(|text| said.starts_with(text))
}
