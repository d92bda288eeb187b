//! A cause as a sentence, and as a button. Sentences have no full stop and name teams, never their runs.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Asks, Bound, Breach, Cause, Devices, Fix, NodeView, Over, Rule, Shortage, Volume, queue, room};
use crate::{
    gpu::product_name,
    node::{GPU, MIG},
    quantity::Quantity,
};

/// Teams that a sentence names; the rest are added up.
const NAMED: usize = 2;

/// Times are told to this many seconds: they are estimates, and a sentence that changed with each step would be noise.
const ABOUT: i64 = 600;

/// What holds a resource, in words: `whole GPUs`, `1g.5gb slices`, `CPU`.
pub(super) fn stuff(resource: &str) -> String {
    match (resource, resource.strip_prefix(MIG)) {
        (_, Some(profile)) => format!("{profile} slices"),
        (GPU, None) => "whole GPUs".to_owned(),
        ("cpu", None) => "CPU".to_owned(),
        (resource, None) => resource.to_owned(),
    }
}

/// So much of a resource: `8 GPUs`, `2 × 1g.5gb`, `64 CPU`, `512Gi memory`.
pub(super) fn amount(resource: &str, amount: Quantity) -> String {
    match (resource, resource.strip_prefix(MIG)) {
        (_, Some(profile)) => format!("{amount} × {profile}"),
        (GPU, None) if amount == Quantity::units(1) => "1 GPU".to_owned(),
        (GPU, None) => format!("{amount} GPUs"),
        ("cpu", None) => format!("{amount} CPU"),
        ("memory" | "ephemeral-storage", None) => format!("{amount} {resource}"),
        (resource, None) => format!("{amount} × {resource}"),
    }
}

/// So much of a resource, of a product where it selects one: `4 × A100-SXM4-80GB`.
fn needed(resource: &str, product: Option<&str>, needs: Quantity) -> String {
    match (resource, product) {
        (GPU, Some(product)) => format!("{needs} × {product}"),
        (GPU, None) => format!("{needs} × GPU"),
        (resource, _) => amount(resource, needs),
    }
}

/// What it asks for, the scarcest alone: `2 × A100-SXM4-80GB`, or `1 CPU, 2Gi memory`.
pub(super) fn asks(asks: &Asks) -> String {
    if let Some((resource, needs)) = asks.accelerator() {
        return needed(resource, asks.product().map(product_name), needs);
    }
    let plain = ["cpu", "memory"].iter().filter_map(|resource| Some(amount(resource, *asks.requests.get(*resource)?)));
    plain.collect::<Vec<_>>().join(", ")
}

/// The sentence.
pub(super) fn sentence(cause: &Cause, now: Timestamp) -> String {
    match cause {
        Cause::Suspended { by: Some(by) } => format!("Suspended by {by}; it holds no resources until it is resumed"),
        Cause::Suspended { by: None } => "Suspended by something other than Slipway; it holds no resources until it is resumed".to_owned(),
        Cause::Queue { queue, reason, said, place } => queue::sentence(queue, reason, said, place.as_ref()),
        Cause::QuotaExceeded { quota, over } => {
            let over: Vec<String> = over.iter().map(Over::words).collect();
            format!("The team's quota {quota} has no room: it asks for {}", over.join(", and "))
        }
        Cause::QuotaNeedsRequests { quota, missing } => {
            format!("The team's quota {quota} wants every container to state {missing}; ask an admin for defaults in a LimitRange")
        }
        Cause::QuotaUncounted { quota } => format!("Kubernetes is still counting what the team's quota {quota} has in use"),
        Cause::QuotaMissing { what } => format!("The cluster gives {what} only under a quota for it, and the team has none; ask an admin"),
        Cause::LimitRange { breaches } => {
            let breaches: Vec<String> = breaches.iter().map(Breach::words).collect();
            format!("The team's LimitRange forbids what it asks for: {}", breaches.join("; "))
        }
        Cause::PodSecurity { policy, said } => format!("The namespace's security policy {policy} forbids this Pod: {said}"),
        Cause::NoPriorityClass { class } => format!("The cluster has no priority class {class}; clone the run and choose another"),
        Cause::ServiceAccountMissing { name } => format!("The namespace has no service account {name}; ask an admin to make it"),
        Cause::Webhook { name, said } if said.is_empty() || said == "without explanation" => {
            format!("The cluster's rule {name} refuses its Pod and does not say why; ask an admin")
        }
        Cause::Webhook { name, said } => format!("The cluster's rule {name} refuses its Pod: {}", said.trim_end_matches('.')),
        Cause::WebhookAway { name, .. } => {
            format!("The cluster's rule {name} must be asked about its Pod and does not answer; tell an admin")
        }
        Cause::Gated { gates } => format!("It is not to be scheduled before {} is taken off", gates.join(", ")),
        Cause::Preempting { node } => format!("Pods of lower priority are making way for it on {node}"),
        Cause::NoRoom(shortage) => short(shortage, now),
        Cause::TooLarge { resource, needs, largest, product, .. } if !largest.is_positive() => {
            format!("Needs {}, and no node that it may have has any", needed(resource, product.as_deref(), *needs))
        }
        Cause::TooLarge { resource, needs, largest, node, product } => {
            let has = amount(resource, *largest);
            format!("Needs {} on one node, and the largest, {node}, has {has} in all", needed(resource, product.as_deref(), *needs))
        }
        Cause::ProfileNotCut { profile, needs, could } => {
            let place = match could.as_slice() {
                [] => "there is no room to cut one".to_owned(),
                [node] => format!("one could be cut on {node}"),
                [node, rest @ ..] => format!("one could be cut on {node} or {}", counted(rest.len(), "other node", "other nodes")),
            };
            format!("Needs {needs} × {profile}, and no GPU is cut so; {place}")
        }
        Cause::ProductAbsent { product: Some(product) } => format!("Needs {product}, and no node has one"),
        Cause::ProductAbsent { product: None } => "Needs a whole GPU, and no node has one".to_owned(),
        Cause::Taint { taint: Some(taint), nodes, node } => {
            let taint = plain(taint);
            format!("{} set aside by the taint {taint}, which it does not bear", those(*nodes, node.as_deref()))
        }
        Cause::Taint { taint: None, nodes, node } => {
            format!("{} set aside by a taint that it does not bear", those(*nodes, node.as_deref()))
        }
        Cause::Cordoned { nodes, node } => format!("{} cordoned: no new Pod is to come", those(*nodes, node.as_deref())),
        Cause::NotReady { nodes, node } => format!("{} not ready", those(*nodes, node.as_deref())),
        Cause::PodLimit { nodes, node } => format!("{} full: as many Pods as there may be", those(*nodes, node.as_deref())),
        Cause::Rule { rule, nodes } => rule.sentence(*nodes),
        Cause::NoNode { nodes, asks, reasons } => {
            let nodes = if *nodes == 1 { "The one node does not fit".to_owned() } else { format!("None of the {nodes} nodes fits") };
            let asks = if asks.is_empty() { String::new() } else { format!(" {asks}") };
            format!("{nodes}{asks}: {}", reasons.join(", "))
        }
        Cause::Volume(volume) => volume.sentence(),
        Cause::Devices(devices) => devices.sentence(),
        Cause::Image { node, .. } | Cause::ConfigMissing { node, .. } | Cause::Start { node, .. } => {
            format!("{}, on {node}", start(cause).unwrap_or_default())
        }
        Cause::Preparing { node } => format!("Preparing its volumes and image, on {node}"),
        Cause::NodeGone { node, exists: true } => format!("Its node {node} does not answer; Kubernetes gives it another when it is sure"),
        Cause::NodeGone { node, exists: false } => format!("Its node {node} is gone; Kubernetes gives it another when it is sure"),
        Cause::BackingOff { exit_code } => {
            format!("Its last Pod ended with exit code {exit_code}; Kubernetes waits a while before it makes the next")
        }
        Cause::Ending => "Its last Pod is still ending; the next is made when it has".to_owned(),
        Cause::Making => "Kubernetes is making its Pod".to_owned(),
        Cause::Unknown { raw } if raw.is_empty() => "Kubernetes does not say why".to_owned(),
        Cause::Unknown { raw } => raw.clone(),
    }
}

/// What keeps a container from starting, without its node.
pub(super) fn start(cause: &Cause) -> Option<String> {
    Some(match cause {
        Cause::Image { reason, image, .. } => {
            let image = image.as_deref().map_or_else(|| "Its image".to_owned(), |image| format!("The image {image}"));
            match reason.as_str() {
                "InvalidImageName" => format!("{image} cannot be pulled, because that is no image's name"),
                "ErrImageNeverPull" => format!("{image} is not there, and is never to be pulled"),
                _ => format!("{image} cannot be pulled"),
            }
        }
        Cause::ConfigMissing { kind, name, key: None, .. } => format!("Kept from starting by the {} {name}, which is missing", kind.word()),
        Cause::ConfigMissing { kind, name, key: Some(key), .. } => {
            format!("Kept from starting by the {} {name}, which has no {key}", kind.word())
        }
        Cause::Start { reason, said, .. } if said.is_empty() => format!("Kept from starting by {reason}"),
        Cause::Start { said, .. } => format!("Kept from starting: {}", said.trim_end_matches('.')),
        _ => return None,
    })
}

/// A taint as people write it: without the sign of a value that it does not have.
pub(super) fn plain(taint: &str) -> String {
    taint.replacen("=:", ":", 1)
}

/// The nodes that could hold it, and their verb.
fn those(nodes: u32, node: Option<&str>) -> String {
    match (nodes, node) {
        (1, Some(node)) => format!("The one node that could hold it, {node}, is"),
        (1, None) => "The one node that could hold it is".to_owned(),
        (nodes, _) => format!("The {nodes} nodes that could hold it are"),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// `Needs 4 × A100-SXM4-80GB on one node; speech holds 6 of 8 until about 14:20 UTC`
fn short(shortage: &Shortage, now: Timestamp) -> String {
    let Shortage { resource, product, needs, all, most_free, nodes, node, holders, until } = shortage;
    let is_one = *nodes == 1;
    let whole = needed(resource, product.as_deref(), *needs);
    let on_one = if is_one { String::new() } else { " on one node".to_owned() };
    let rest = holders.iter().skip(NAMED).fold(Quantity::ZERO, |sum, team| sum.plus(team.amount));
    let mut said: Vec<String> = holders.iter().take(NAMED).map(|team| format!("{} holds {}", team.team, team.amount)).collect();
    if holders.len() > NAMED {
        said.push(format!("{} hold {rest}", counted(holders.len() - NAMED, "other team", "other teams")));
    }
    let place = match node {
        Some(node) => format!(" on {node}"),
        None => format!(" on {nodes} nodes"),
    };
    let held = match said.as_slice() {
        [] => format!("only {most_free} of {all} is free{place}"),
        [one] => format!("{one} of {all}{place}"),
        [first @ .., last] => format!("{} and {last} of {all}{place}", first.join(", ")),
    };
    let most = if is_one || !most_free.is_positive() { String::new() } else { format!(", at most {most_free} free on one") };
    let until = until.filter(|until| *until > now).map(|until| format!(" until about {}", clock(until, now))).unwrap_or_default();
    format!("Needs {whole}{on_one}; {held}{until}{most}")
}

/// `14:20 UTC`, with the date where it is not today's; rounded up.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let rounded = (at.as_second() + ABOUT - 1).div_euclid(ABOUT) * ABOUT;
    let text = Timestamp::from_second(rounded).unwrap_or(at).to_string();
    let (date, time) = (text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default());
    if now.to_string().starts_with(date) { format!("{time} UTC") } else { format!("{date} {time} UTC") }
}

impl Over {
    fn words(&self) -> String {
        let resource = self.resource.strip_prefix("requests.").unwrap_or(&self.resource);
        format!("{} more {resource} with {} of {} in use", self.asks, self.used, self.hard)
    }
}

impl Breach {
    fn words(&self) -> String {
        let Self { resource, kind, is, .. } = self;
        let kind = kind.to_lowercase();
        let asks = self.asks.as_deref();
        match (self.bound, asks) {
            (Bound::Min, Some(asks)) => format!("a {kind} has at least {is} {resource}, and its {asks} is less"),
            (Bound::Max, Some(asks)) => format!("a {kind} has at most {is} {resource}, and its {asks} is more"),
            (Bound::Ratio, Some(asks)) => format!("a {kind}'s {resource} limit is at most {is} times its request, and its {asks} is more"),
            (Bound::Min, None) => format!("a {kind} has at least {is} {resource}, and it states none"),
            (Bound::Max, None) => format!("a {kind} has at most {is} {resource}, and it states none"),
            (Bound::Ratio, None) => format!("a {kind}'s {resource} limit is at most {is} times its request, and it does not state both"),
        }
    }
}

impl Rule {
    fn sentence(self, nodes: u32) -> String {
        let nodes = if nodes == 1 { "the node".to_owned() } else { format!("{nodes} nodes") };
        match self {
            Self::NodeAffinity => "No node has the labels that it selects".to_owned(),
            Self::EnforcedAffinity => format!("The scheduler's own configuration keeps it off {nodes}"),
            Self::NodeName => "It names a node that is not there".to_owned(),
            Self::PodAffinity => format!("It is to run beside a Pod that is not there, on {nodes} with room"),
            Self::PodAntiAffinity => format!("It is not to run beside a Pod that is there, on {nodes} with room"),
            Self::OthersAntiAffinity => format!("A Pod that is there is not to have it beside it, on {nodes} with room"),
            Self::Spread => format!("It would be spread less evenly than it asks for, on {nodes} with room"),
            Self::SpreadLabel => format!("It is to be spread by a label that nodes lack: {nodes} with room"),
            Self::HostPort => format!("The port that it wants of its node is taken on {nodes}"),
        }
    }
}

impl Volume {
    fn sentence(&self) -> String {
        match self {
            Self::ClaimNotFound { claim } => format!("It mounts the claim {claim}, which does not exist"),
            Self::Unbound => "A claim that it mounts is not bound to a volume yet".to_owned(),
            Self::NothingToBind => "No volume fits a claim that it mounts on any node".to_owned(),
            Self::Lost { claim: Some(claim) } => format!("The volume of the claim {claim} is gone"),
            Self::Lost { claim: None } => "The volume of a claim that it mounts is gone".to_owned(),
            Self::BeingDeleted { claim } => format!("The claim {claim} that it mounts is being deleted"),
            Self::BeingMade { claim } => format!("Its own claim {claim} is still to be made"),
            Self::OtherNode => "The volume that it mounts can be reached from no node that has room".to_owned(),
            Self::OtherZone => "The volume that it mounts is in a zone without a node that has room".to_owned(),
            Self::InUse => "Only one Pod may mount its volume, and another does".to_owned(),
            Self::Attached { volume } => format!("Its volume {volume} is still attached to another node"),
            Self::TooMany => "The nodes with room have as many volumes attached as they may".to_owned(),
            Self::NoSpace => "The nodes with room have too little storage for its volumes".to_owned(),
            Self::Mount { volume, said } => format!("Its volume {volume} cannot be mounted: {}", said.trim_end_matches('.')),
        }
    }
}

/// The button.
pub(super) fn fix(cause: &Cause, team: &str, asks: &Asks, nodes: &[NodeView]) -> Option<Fix> {
    let clone = |with: String, fields: &[(&str, String)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<BTreeMap<_, _>>();
        Some(Fix::Clone { with, fields })
    };
    let open = |node: &Option<String>| node.clone().map(|name| Fix::OpenNode { name });
    match cause {
        Cause::Suspended { .. } => Some(Fix::Resume),
        Cause::QuotaExceeded { .. } | Cause::QuotaNeedsRequests { .. } | Cause::QuotaMissing { .. } => {
            Some(Fix::Quotas { team: team.to_owned() })
        }
        Cause::LimitRange { breaches } => {
            let fields: Vec<(&str, String)> = breaches.iter().filter_map(Breach::field).collect();
            let with = fields.iter().map(|(name, value)| format!("{value} {}", label(name))).collect::<Vec<_>>().join(", ");
            if fields.is_empty() { None } else { clone(with, &fields) }
        }
        Cause::NoPriorityClass { .. } => clone("the default priority".to_owned(), &[("priority_class", String::new())]),
        Cause::NoRoom(shortage) if shortage.resource == GPU || shortage.resource.starts_with(MIG) => {
            if shortage.most_free.is_positive() {
                let with = needed(&shortage.resource, shortage.product.as_deref(), shortage.most_free);
                return clone(with, &[("gpu_count", shortage.most_free.to_string())]);
            }
            let (product, _) = room::other_products(asks, nodes).into_iter().next().filter(|_| shortage.product.is_some())?;
            clone(needed(GPU, Some(product_name(&product)), shortage.needs), &[("gpu_product", product)])
        }
        Cause::TooLarge { resource, largest, product, .. } if largest.is_positive() => {
            let field = field(resource)?;
            clone(needed(resource, product.as_deref(), *largest), &[(field, largest.to_string())])
        }
        Cause::ProductAbsent { product: Some(_) } => clone("any GPU".to_owned(), &[("gpu_product", String::new())]),
        Cause::ProfileNotCut { could, .. } => open(&could.first().cloned()),
        Cause::Taint { node, .. } | Cause::Cordoned { node, .. } | Cause::NotReady { node, .. } | Cause::PodLimit { node, .. } => {
            open(node)
        }
        Cause::Devices(Devices::Elsewhere { node, .. }) => open(node),
        Cause::Preempting { node } | Cause::NodeGone { node, exists: true } => open(&Some(node.clone())),
        Cause::Image { .. } => Some(Fix::ChangeImage),
        Cause::NoRoom(_)
        | Cause::TooLarge { .. }
        | Cause::Queue { .. }
        | Cause::QuotaUncounted { .. }
        | Cause::PodSecurity { .. }
        | Cause::ServiceAccountMissing { .. }
        | Cause::Webhook { .. }
        | Cause::WebhookAway { .. }
        | Cause::Gated { .. }
        | Cause::ProductAbsent { product: None }
        | Cause::Rule { .. }
        | Cause::NoNode { .. }
        | Cause::Volume(_)
        | Cause::Devices(_)
        | Cause::ConfigMissing { .. }
        | Cause::Start { .. }
        | Cause::Preparing { .. }
        | Cause::NodeGone { exists: false, .. }
        | Cause::BackingOff { .. }
        | Cause::Ending
        | Cause::Making
        | Cause::Unknown { .. } => None,
    }
}

/// The form's field of a resource.
fn field(resource: &str) -> Option<&'static str> {
    match resource {
        "cpu" => Some("cpu"),
        "memory" => Some("memory"),
        _ if resource == GPU || resource.starts_with(MIG) => Some("gpu_count"),
        _ => None,
    }
}

fn label(field: &str) -> &'static str {
    match field {
        "cpu" => "CPU",
        "memory" => "memory",
        _ => "GPUs",
    }
}

impl Breach {
    /// The form's field with the bound as its value. A run's requests are its limits, so their ratio is never wrong.
    fn field(&self) -> Option<(&'static str, String)> {
        let is_positive = Quantity::parse(&self.is).is_ok_and(Quantity::is_positive);
        (self.bound != Bound::Ratio && is_positive).then_some(())?;
        Some((field(&self.resource)?, self.is.clone()))
    }
}
