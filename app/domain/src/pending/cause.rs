//! The causes of a wait: each holds exactly what is true of it. How it is said is [`super::words`]'.

use jiff::Timestamp;

use super::{Devices, Place};
use crate::{person::PersonName, quantity::Quantity};

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its Job is suspended.
    Suspended {
        /// The person who did so in Slipway; none means something else.
        by: Option<PersonName>,
    },
    /// Kueue has not admitted it.
    Queue {
        /// The local queue, where it is known.
        queue: String,
        /// Kueue's reason, such as `WaitingForQuota`; empty where it has not said.
        reason: String,
        /// What Kueue said.
        said: String,
        /// Its place among those that wait, where that is known.
        place: Option<Place>,
    },
    /// A quota has no room.
    QuotaExceeded {
        /// Its name.
        quota: String,
        /// Each resource that it has too little of.
        over: Vec<Over>,
    },
    /// A quota counts CPU or memory, and a container states none.
    QuotaNeedsRequests {
        /// Its name.
        quota: String,
        /// What must be stated for which containers, in Kubernetes' words.
        missing: String,
    },
    /// A quota's use is not counted yet; it soon will be.
    QuotaUncounted {
        /// Its name.
        quota: String,
    },
    /// The cluster lets this be used only under a quota for it, and the team has none.
    QuotaMissing {
        /// Which resources or scopes, in Kubernetes' words.
        what: String,
    },
    /// A `LimitRange` forbids it.
    LimitRange {
        /// Each bound that it breaks.
        breaches: Vec<Breach>,
    },
    /// The namespace's Pod security level forbids it.
    PodSecurity {
        /// Such as `restricted:latest`.
        policy: String,
        /// What it forbids.
        said: String,
    },
    /// There is no such priority class.
    NoPriorityClass {
        /// Its name.
        class: String,
    },
    /// There is no such service account.
    ServiceAccountMissing {
        /// Its name.
        name: String,
    },
    /// An admission webhook or policy says no.
    Webhook {
        /// Its name.
        name: String,
        /// What it said.
        said: String,
    },
    /// An admission webhook could not be asked.
    WebhookAway {
        /// Its name.
        name: String,
        /// Why not.
        said: String,
    },
    /// It is to be left alone by the scheduler.
    Gated {
        /// The gates.
        gates: Vec<String>,
    },
    /// Others make way for it.
    Preempting {
        /// The node where it will run.
        node: String,
    },
    /// Nodes could hold it; others hold them.
    NoRoom(Shortage),
    /// It asks for more than any node has.
    TooLarge {
        /// The resource.
        resource: String,
        /// What it asks for.
        needs: Quantity,
        /// The most that one node has.
        largest: Quantity,
        /// That node.
        node: String,
        /// The product it selects, where it does.
        product: Option<String>,
    },
    /// No GPU is cut so.
    ProfileNotCut {
        /// The profile.
        profile: String,
        /// How many slices it asks for.
        needs: Quantity,
        /// Nodes with a card on which it could be cut now.
        could: Vec<String>,
    },
    /// No node has such a GPU.
    ProductAbsent {
        /// The product; none means any GPU at all.
        product: Option<String>,
    },
    /// The nodes that could hold it are set aside.
    Taint {
        /// The taint as `key=value:effect`; none where the scheduler does not say and the nodes are not known.
        taint: Option<String>,
        /// How many nodes.
        nodes: u32,
        /// One of them.
        node: Option<String>,
    },
    /// The nodes that could hold it take no new Pods.
    Cordoned {
        /// How many nodes.
        nodes: u32,
        /// One of them.
        node: Option<String>,
    },
    /// The nodes that could hold it are not well.
    NotReady {
        /// How many nodes.
        nodes: u32,
        /// One of them.
        node: Option<String>,
    },
    /// The nodes that could hold it have as many Pods as they may.
    PodLimit {
        /// How many nodes.
        nodes: u32,
        /// One of them.
        node: Option<String>,
    },
    /// A rule of its own, or of another Pod, keeps it off the nodes.
    Rule {
        /// Which.
        rule: Rule,
        /// On how many nodes.
        nodes: u32,
    },
    /// No node fits it, each for a reason that the scheduler has counted.
    NoNode {
        /// Nodes there are.
        nodes: u32,
        /// What it asks for.
        asks: String,
        /// Reasons in words, each with its number of nodes.
        reasons: Vec<String>,
    },
    /// A volume.
    Volume(Volume),
    /// A resource claim, or its devices.
    Devices(Devices),
    /// Its image.
    Image {
        /// The kubelet's word, such as `ErrImagePull`.
        reason: String,
        /// The image, where it is named.
        image: Option<String>,
        /// The node.
        node: String,
    },
    /// A ConfigMap or a Secret is not there, or lacks a key.
    ConfigMissing {
        /// Which kind.
        kind: Config,
        /// Its name.
        name: String,
        /// The key that it lacks; none means that it is not there at all.
        key: Option<String>,
        /// The node.
        node: String,
    },
    /// Its node has something else to say about why its container does not run.
    Start {
        /// The kubelet's word.
        reason: String,
        /// What it said.
        said: String,
        /// The node.
        node: String,
    },
    /// It has a node, which prepares volumes and image.
    Preparing {
        /// The node.
        node: String,
    },
    /// It has a node that is gone or does not answer.
    NodeGone {
        /// The node.
        node: String,
        /// Whether the cluster still has it.
        exists: bool,
    },
    /// Its last Pod has failed, and Kubernetes waits before it makes the next.
    BackingOff {
        /// How the last one ended.
        exit_code: i32,
    },
    /// Its last Pod is still ending; the next is made afterwards.
    Ending,
    /// Kubernetes is making its Pod.
    Making,
    /// Something that Slipway does not know, as it was said.
    Unknown {
        /// The text.
        raw: String,
    },
}

/// A resource of which a quota has too little left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// Its name in the quota, such as `requests.nvidia.com/gpu`.
    pub resource: String,
    /// What the Pod asks for, as Kubernetes writes it.
    pub asks: String,
    /// What is used.
    pub used: String,
    /// The most there may be.
    pub hard: String,
}

/// A bound of a `LimitRange` that a container, or a Pod, breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The resource.
    pub resource: String,
    /// `Container` or `Pod`.
    pub kind: String,
    /// Which bound.
    pub bound: Bound,
    /// The bound's value.
    pub is: String,
    /// What is asked for, `request 4` or `limit 4`; none where nothing is.
    pub asks: Option<String>,
}

/// A kind of bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The least.
    Min,
    /// The most.
    Max,
    /// How many times its request a limit may be.
    Ratio,
}

/// How much is held of what it needs, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The resource that stands in the way on most nodes.
    pub resource: String,
    /// The GPU product it selects, where it does.
    pub product: Option<String>,
    /// What it needs on one node.
    pub needs: Quantity,
    /// What the nodes that could hold it have, in all.
    pub all: Quantity,
    /// The most that is free on one of them.
    pub most_free: Quantity,
    /// How many such nodes there are.
    pub nodes: u32,
    /// The node, where it is one.
    pub node: Option<String>,
    /// Who holds how much of that, most first.
    pub holders: Vec<HeldByTeam>,
    /// When enough of it is likely to be free on one node; none where that is not known.
    pub until: Option<Timestamp>,
}

/// What a team holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldByTeam {
    /// The team, or the namespace.
    pub team: String,
    /// How much.
    pub amount: Quantity,
}

/// Rules that keep a Pod off nodes that have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The Pod's node selector or node affinity.
    NodeAffinity,
    /// The affinity that the scheduler's configuration adds.
    EnforcedAffinity,
    /// It names one node.
    NodeName,
    /// It must be near a Pod that is not there.
    PodAffinity,
    /// It must not be near a Pod that is there.
    PodAntiAffinity,
    /// A Pod that is there must not be near it.
    OthersAntiAffinity,
    /// It must be spread evenly.
    Spread,
    /// It must be spread over nodes by a label that these lack.
    SpreadLabel,
    /// It wants a port of the node that another Pod has.
    HostPort,
}

/// What is the matter with a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// There is no such claim.
    ClaimNotFound {
        /// The claim.
        claim: String,
    },
    /// A claim waits for a volume.
    Unbound,
    /// No volume fits a claim that is bound when its Pod has a node.
    NothingToBind,
    /// The claim's volume is gone.
    Lost {
        /// The claim, where it is named.
        claim: Option<String>,
    },
    /// The claim is being deleted.
    BeingDeleted {
        /// The claim.
        claim: String,
    },
    /// The claim that the Pod brings is still to be made.
    BeingMade {
        /// The claim.
        claim: String,
    },
    /// The volume is on other nodes.
    OtherNode,
    /// The volume is in another zone.
    OtherZone,
    /// Only one Pod may use it, and another does.
    InUse,
    /// It is attached to another node.
    Attached {
        /// The volume.
        volume: String,
    },
    /// The nodes have as many volumes as they may.
    TooMany,
    /// The nodes' storage is full.
    NoSpace,
    /// It cannot be mounted.
    Mount {
        /// The volume's name in the Pod.
        volume: String,
        /// What the node said.
        said: String,
    },
}

/// What a container is configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Config {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl Config {
    /// Its kind.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}
