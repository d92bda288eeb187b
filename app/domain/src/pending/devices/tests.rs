//! What is made of claims that are not there, and of devices that are not given.

use super::{
    super::{
        Asks, Explanation, Fix, explain,
        tests::{bare, node, now, pod},
    },
    *,
};
use crate::{
    node::{
        Holder,
        dra::{DraGpu, DraPart},
    },
    run::{state::PodFacts, view::EventRow},
};

fn claim(name: &str, state: ClaimState, asks: &[&str]) -> ClaimFacts {
    ClaimFacts { entry: "gpu".into(), name: name.into(), state, asks: asks.iter().map(|&asks| asks.into()).collect() }
}

/// A node with these devices: a profile or nothing for a whole GPU, and who has it.
fn with(name: &str, devices: &[(&str, &str)]) -> NodeView {
    let part = |(profile, team): &(&str, &str)| DraPart {
        device: String::new(),
        profile: Some((*profile).to_owned()).filter(|profile| !profile.is_empty()),
        start: 0,
        memory: 0,
        holders: Some(Holder { team: (*team).to_owned(), run: None }).filter(|holder| !holder.team.is_empty()).into_iter().collect(),
        claims: Vec::new(),
        taints: Vec::new(),
    };
    let gpu = DraGpu { number: 0, product: String::new(), parts: devices.iter().map(part).collect(), holes: Vec::new() };
    let plain = node(name, &[("pool", name)], &[("cpu", "64"), ("memory", "1Ti")]);
    if devices.is_empty() { plain } else { NodeView { dra: vec![gpu], ..plain } }
}

fn see(pod: &PodFacts, claims: &[ClaimFacts], events: &[EventRow], nodes: &[NodeView]) -> Explanation {
    let asks = Asks::default();
    explain(&Waiting { pod: Some(pod), claims, events, nodes: Some(nodes), ..bare(&asks) })
}

/// One that the scheduler has said nothing of.
fn silent() -> PodFacts {
    PodFacts { unschedulable: None, ..pod("") }
}

const NONE: &str = "0/3 nodes are available: 3 cannot allocate all claims. still not schedulable, preemption: 0/3 nodes are available: \
                    3 Preemption is not helpful for scheduling.";

#[test]
fn a_claim_that_is_not_there_is_said_although_the_cluster_says_nothing() {
    let unmade = |refused: Option<&str>| ClaimState::Unmade { refused: refused.map(Into::into) };
    for (state, sentence) in [
        (ClaimState::Missing, "It uses the resource claim data, which does not exist"),
        (ClaimState::Deleting, "The resource claim data that it uses is being deleted"),
        (unmade(None), "Its resource claim is still to be made from the template data"),
        (
            // pkg/controller/resourceclaim/controller.go
            unmade(Some(
                "PodResourceClaim gpu: resource claim template \"data\": resourceclaimtemplate.resource.k8s.io \"data\" not found",
            )),
            "Its resource claim is to be made from the template data, which does not exist",
        ),
        (
            unmade(Some("PodResourceClaim gpu: admin access is requested, but the feature is disabled")),
            "Its resource claim cannot be made from the template data: admin access is requested, but the feature is disabled",
        ),
        (
            unmade(Some(
                "PodResourceClaim gpu: create ResourceClaim : resourceclaims.resource.k8s.io \"digits-1-x7k2b-gpu-2dwxz\" is forbidden: \
                 exceeded quota: small, requested: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=2, \
                 used: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=1, limited: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=2",
            )),
            "The team's quota small has no room: it asks for 2 more gpu.nvidia.com.deviceclass.resource.k8s.io/devices with 1 of 2 in use",
        ),
    ] {
        let claims = [claim("own", ClaimState::Waits, &[]), claim("data", state, &[])];
        let seen = see(&silent(), &claims, &[], &[]);
        assert_eq!(seen.sentence, sentence);
        assert!(!seen.evidence[0].said.is_empty(), "{seen:?}");
    }
    let said = "PodResourceClaim gpu: no";
    let event = EventRow {
        at: now(),
        warning: true,
        reason: "FailedResourceClaimCreation".into(),
        object: "Pod/digits-1-x7k2b".into(),
        message: said.into(),
        count: 3,
    };
    let seen = see(&silent(), &[claim("data", unmade(Some(said)), &[])], &[event], &[]);
    assert_eq!((seen.evidence[0].at, seen.evidence[0].said.as_str()), (Some(now()), said));
}

#[test]
fn a_pod_whose_claims_are_there_waits_for_something_else() {
    for state in [ClaimState::Waits, ClaimState::Has { node: None }] {
        assert_eq!(see(&silent(), &[claim("data", state, &[])], &[], &[]).cause, Cause::Making);
    }
    let looked_at = see(&pod(NONE), &[claim("data", ClaimState::Unmade { refused: None }, &[])], &[], &[]);
    assert!(
        matches!(looked_at.cause, Cause::Devices(Devices::NoneFree(_))),
        "the scheduler has a claim that is not heard of yet: {looked_at:?}"
    );
}

#[test]
fn who_has_the_devices_that_its_claims_ask_for_is_said_with_numbers() {
    let nodes = [
        with("gpu-d", &[("", "speech"), ("", "speech"), ("", "vision"), ("", "")]),
        with("gpu-e", &[("1g.5gb", "vision"), ("1g.5gb", "")]),
        with("cpu-a", &[]),
    ];
    let asks = |asks: &str| [claim("data", ClaimState::Waits, &[asks]), claim("had", ClaimState::Has { node: None }, &["9 × other"])];
    let seen = see(&pod(NONE), &asks("2 × gpu.nvidia.com"), &[], &nodes);
    assert_eq!(seen.sentence, "Its resource claims ask for 2 × gpu.nvidia.com; speech holds 2 and vision holds 1 of 4 on gpu-d, 1 free");
    let by_node: Vec<String> = seen.evidence[0].nodes.iter().map(|node| format!("{}: {}", node.names.join(" "), node.why)).collect();
    assert_eq!(by_node, ["gpu-e: 1 of 2 1g.5gb free", "gpu-d: 1 of 4 whole GPUs free", "cpu-a: no GPUs for claims"]);
    assert_eq!(
        see(&pod(NONE), &asks("1 × mig.nvidia.com"), &[], &nodes).sentence,
        "Its resource claims ask for 1 × mig.nvidia.com; vision holds 1 of 2 on gpu-e, 1 free"
    );
    assert_eq!(
        see(&pod(NONE), &asks("1 × own"), &[], &nodes).sentence,
        "Its resource claims ask for 1 × own; speech holds 2 and vision holds 2 of 6 on 2 nodes, 2 free",
        "which devices a class of the cluster's own means is not known"
    );
    assert_eq!(
        see(&pod(NONE), &asks("1 × gpu.nvidia.com"), &[], &[with("gpu-d", &[("", "")])]).sentence,
        "Its resource claims ask for 1 × gpu.nvidia.com; of the 1 on gpu-d none that is free is what it asks for"
    );
    assert_eq!(
        see(&pod(NONE), &asks("1 × gpu.nvidia.com"), &[], &nodes[2..]).sentence,
        "Its resource claims ask for 1 × gpu.nvidia.com; no node that it may have has any"
    );
}

#[test]
fn devices_that_are_on_another_node_are_named_with_it() {
    let said = "0/2 nodes are available: 1 Insufficient cpu, 1 resourceclaim not available on the node. still not schedulable, \
                preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
    let claims = [claim("own", ClaimState::Waits, &[]), claim("shared", ClaimState::Has { node: Some("gpu-d".into()) }, &[])];
    let seen = see(&pod(said), &claims, &[], &[with("gpu-d", &[("", "vision")])]);
    assert_eq!(seen.sentence, "The devices of its resource claim shared are on gpu-d, which does not fit it");
    assert_eq!(seen.fix, Some(Fix::OpenNode { name: "gpu-d".into() }));
    let unknown = see(&pod(said), &[], &[], &[with("gpu-d", &[])]);
    assert_eq!((unknown.sentence.as_str(), unknown.fix), ("The devices of its resource claim are on a node that does not fit it", None));
}

#[test]
fn every_text_about_claims_that_rules_out_all_nodes_is_known() {
    // dynamicresources/dynamicresources.go, dynamic-resource-allocation/resourceclaim, scheduler/util/assumecache
    for (text, sentence) in [
        (
            "request gpu: device class gold does not exist",
            "Its resource claim asks for the device class gold, which the cluster does not have; ask an admin",
        ),
        (
            "request gpu/first: device class gold does not exist",
            "Its resource claim asks for the device class gold, which the cluster does not have; ask an admin",
        ),
        ("could not find ResourceClaim \"vision/data\"", "It uses the resource claim data, which does not exist"),
        ("resourceclaim \"data\" is being deleted", "The resource claim data that it uses is being deleted"),
        (
            "resource claim vision/data is in the process of being allocated",
            "Its resource claim data is just being given devices for another Pod",
        ),
        (
            "ResourceClaim vision/data was not created for pod vision/digits-1-x7k2b (pod is not owner)",
            "The resource claim data was made for another Pod, and cannot be used by this one",
        ),
        // Not known, and shown as it is.
        ("resource claim vision/data, request gpu: unknown request type", "resource claim vision/data, request gpu: unknown request type"),
    ] {
        for after in ["", " still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."] {
            let message = format!("0/2 nodes are available: {text}.{after}");
            let seen = see(&pod(&message), &[], &[], &[with("gpu-d", &[("", "")])]);
            assert_eq!((seen.sentence.as_str(), seen.evidence[0].said.as_str()), (sentence, message.as_str()));
        }
    }
}
