//! Why a Pod that has a node does not run there: the kubelet's words in its status, and in events where the status is silent.

use super::{Cause, Config, Evidence, NodeView, NodesWhy, Volume, is_stuck};
use crate::run::{
    state::{ContainerFacts, PodFacts},
    view::EventRow,
};

/// What keeps a Pod that is bound to a node.
pub(super) fn read(pod: &PodFacts, events: &[EventRow], nodes: Option<&[NodeView]>) -> (Cause, Vec<Evidence>) {
    let node = pod.node.clone().unwrap_or_default();
    let object = format!("Pod/{}", pod.name);
    if let ContainerFacts::Terminated { exit_code, .. } = pod.container {
        return (Cause::BackingOff { exit_code }, Vec::new());
    }
    let there = nodes.and_then(|nodes| nodes.iter().find(|view| view.facts.name == node));
    if nodes.is_some() && there.is_none_or(|view| !view.facts.ready) {
        let why = NodesWhy { names: vec![node.clone()], count: 1, why: if there.is_some() { "not ready" } else { "gone" }.to_owned() };
        let evidence = Evidence { nodes: vec![why], ..Evidence::said(&format!("Node/{node}"), "") };
        return (Cause::NodeGone { node, exists: there.is_some() }, vec![evidence]);
    }
    if pod.deleting.is_some() {
        return (Cause::Ending, Vec::new());
    }
    if let ContainerFacts::Waiting { reason, message } = &pod.container
        && is_stuck(pod)
    {
        return (stuck(reason, message, &node), vec![Evidence::said(&object, message)]);
    }
    // The kubelet tells of volumes in events alone; one from before this Pod is about another.
    let of_pod = |event: &&EventRow| event.object == object && event.warning;
    let mount = events.iter().filter(of_pod).find(|event| matches!(event.reason.as_str(), "FailedMount" | "FailedAttachVolume"));
    match mount {
        Some(event) => (unmounted(&event.message, &node), vec![Evidence::of(event)]),
        None => (Cause::Preparing { node }, Vec::new()),
    }
}

/// A container's reason and message.
fn stuck(reason: &str, message: &str, node: &str) -> Cause {
    let node = node.to_owned();
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" | "RegistryUnavailable" => {
            Cause::Image { reason: reason.to_owned(), image: image(message), node }
        }
        _ => match missing(message) {
            Some((kind, name, key)) => Cause::ConfigMissing { kind, name, key, node },
            None => Cause::Start { reason: reason.to_owned(), said: message.to_owned(), node },
        },
    }
}

/// What a bound run is doing or kept from, in words before which no node stands: of a container's reason and message.
pub fn preparing(reason: &str, message: &str) -> String {
    match (reason, message) {
        ("" | "ContainerCreating" | "PodInitializing", "") => "Preparing its volumes and image".to_owned(),
        (reason, _) => super::words::start(&stuck(reason, message, "")).unwrap_or_else(|| {
            let said = if message.is_empty() { reason } else { message };
            said.trim_end_matches('.').to_owned()
        }),
    }
}

/// The image that a message names: the first quoted word, or what follows `image `.
fn image(message: &str) -> Option<String> {
    let quoted = message.split('"').nth(1).filter(|word| !word.is_empty() && !word.contains(' '));
    quoted.map(str::to_owned)
}

/// `configmap "x" not found`, `secret "x" not found`, `couldn't find key K in ConfigMap NAMESPACE/NAME`.
fn missing(message: &str) -> Option<(Config, String, Option<String>)> {
    if let Some((_, rest)) = message.split_once("couldn't find key ") {
        let (key, rest) = rest.split_once(" in ")?;
        let (kind, named) = rest.split_once(' ')?;
        let kind = if kind == "ConfigMap" { Config::ConfigMap } else { Config::Secret };
        let name = named.split_once('/').map_or(named, |(_, name)| name);
        return Some((kind, name.trim_end_matches('.').to_owned(), Some(key.to_owned())));
    }
    for (kind, word) in [(Config::ConfigMap, "configmap \""), (Config::Secret, "secret \"")] {
        if let Some((_, rest)) = message.split_once(word)
            && let Some((name, after)) = rest.split_once('"')
            && after.starts_with(" not found")
        {
            return Some((kind, name.to_owned(), None));
        }
    }
    None
}

/// `MountVolume.SetUp failed for volume "V" : …`, `Multi-Attach error for volume "V" …`
fn unmounted(message: &str, node: &str) -> Cause {
    if let Some((kind, name, key)) = missing(message) {
        return Cause::ConfigMissing { kind, name, key, node: node.to_owned() };
    }
    if let Some((_, rest)) = message.split_once("persistentvolumeclaim \"")
        && let Some((claim, after)) = rest.split_once('"')
        && after.starts_with(" not found")
    {
        return Cause::Volume(Volume::ClaimNotFound { claim: claim.to_owned() });
    }
    let volume = message.split_once("for volume \"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(volume, _)| volume).to_owned();
    if message.contains("Multi-Attach error") {
        return Cause::Volume(Volume::Attached { volume });
    }
    if volume.is_empty() {
        return Cause::Start { reason: "FailedMount".to_owned(), said: message.to_owned(), node: node.to_owned() };
    }
    let said = message.split_once(" : ").map_or(message, |(_, said)| said).to_owned();
    Cause::Volume(Volume::Mount { volume, said })
}
