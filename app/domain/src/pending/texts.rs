//! Every text that Kubernetes 1.34's admission and scheduler have for a Pod that may not be, or not yet, with the file that has
//! it; and what is made of it without knowing the nodes. Those that a real control plane can be made to say here are said by it
//! in `server/tests/it/pending.rs`.

use super::{tests::*, *};

fn refused(text: &str) -> Explanation {
    let asks = Asks::default();
    let text = format!("Error creating: {text}");
    explain(&Waiting { refused: Some(&text), ..bare(&asks) })
}

fn unschedulable(text: &str) -> Explanation {
    let asks = Asks::default();
    explain(&Waiting { pod: Some(&pod(text)), ..bare(&asks) })
}

/// What stands before a refusal by an admission plugin.
const FORBIDDEN: &str = "pods \"digits-1-x7k2b\" is forbidden: ";

#[test]
fn every_refusal_of_a_quota_is_known() {
    // apiserver/pkg/admission/plugin/resourcequota/controller.go; pkg/quota/v1/evaluator/core/pods.go
    for (text, sentence) in [
        (
            "exceeded quota: gpus, requested: requests.nvidia.com/gpu=4, used: requests.nvidia.com/gpu=6, limited: requests.nvidia.com/gpu=8",
            "The team's quota gpus has no room: it asks for 4 more nvidia.com/gpu with 6 of 8 in use",
        ),
        (
            "exceeded quota: all, requested: limits.cpu=2,pods=1, used: limits.cpu=7,pods=9, limited: limits.cpu=8,pods=9",
            "The team's quota all has no room: it asks for 2 more limits.cpu with 7 of 8 in use, and 1 more pods with 9 of 9 in use",
        ),
        (
            "failed quota: all: must specify limits.cpu for: main; limits.memory for: main,side",
            "The team's quota all wants every container to state limits.cpu for: main; limits.memory for: main,side; ask an admin for defaults in a LimitRange",
        ),
        ("status unknown for quota: all, resources: cpu,memory", "Kubernetes is still counting what the team's quota all has in use"),
        (
            "insufficient quota to consume: requests.nvidia.com/gpu",
            "The cluster gives requests.nvidia.com/gpu only under a quota for it, and the team has none; ask an admin",
        ),
        (
            "insufficient quota to match these scopes: [{PriorityClass In [gold]}]",
            "The cluster gives [{PriorityClass In [gold]}] only under a quota for it, and the team has none; ask an admin",
        ),
    ] {
        let seen = refused(&format!("{FORBIDDEN}{text}"));
        assert_eq!(seen.sentence, sentence);
        assert_eq!(seen.evidence[0].said, format!("Error creating: {FORBIDDEN}{text}"));
    }
    let Cause::QuotaExceeded { over, .. } =
        refused(&format!("{FORBIDDEN}exceeded quota: q, requested: cpu=2, used: cpu=1, limited: cpu=2")).cause
    else {
        panic!("a quota is exceeded")
    };
    assert_eq!((over[0].asks.as_str(), over[0].used.as_str(), over[0].hard.as_str()), ("2", "1", "2"));
}

#[test]
fn every_refusal_of_a_limit_range_is_known() {
    // plugin/pkg/admission/limitranger/admission.go
    for (text, sentence) in [
        ("minimum cpu usage per Container is 100m.  No request is specified", "a container has at least 100m cpu, and it states none"),
        ("minimum cpu usage per Container is 100m, but request is 25m", "a container has at least 100m cpu, and its request 25m is less"),
        ("minimum cpu usage per Pod is 100m, but limit is 25m", "a pod has at least 100m cpu, and its limit 25m is less"),
        ("maximum memory usage per Container is 4Gi.  No request is specified", "a container has at most 4Gi memory, and it states none"),
        (
            "maximum memory usage per Container is 4Gi, but request is 8Gi",
            "a container has at most 4Gi memory, and its request 8Gi is more",
        ),
        ("maximum memory usage per Container is 4Gi.  No limit is specified", "a container has at most 4Gi memory, and it states none"),
        ("maximum memory usage per Container is 4Gi, but limit is 8Gi", "a container has at most 4Gi memory, and its limit 8Gi is more"),
        (
            "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            "a container's cpu limit is at most 2 times its request, and it does not state both",
        ),
        (
            "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
            "a container's cpu limit is at most 2 times its request, and it does not state both",
        ),
        (
            "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000",
            "a container's cpu limit is at most 2 times its request, and its provided ratio 5.000000 is more",
        ),
        (
            "[minimum cpu usage per Container is 1, but request is 500m, maximum memory usage per Container is 4Gi, but limit is 8Gi]",
            "a container has at least 1 cpu, and its request 500m is less; a container has at most 4Gi memory, and its limit 8Gi is more",
        ),
    ] {
        assert_eq!(refused(&format!("{FORBIDDEN}{text}")).sentence, format!("The team's LimitRange forbids what it asks for: {sentence}"));
    }
    let text = "[maximum cpu usage per Container is 2, but limit is 4, maximum nvidia.com/gpu usage per Container is 1, but limit is 4]";
    let fields = BTreeMap::from([("cpu".to_owned(), "2".to_owned()), ("gpu_count".to_owned(), "1".to_owned())]);
    assert_eq!(refused(&format!("{FORBIDDEN}{text}")).fix, Some(Fix::Clone { with: "2 CPU, 1 GPUs".into(), fields }));
}

#[test]
fn every_other_refusal_is_known() {
    for (text, sentence) in [
        // pod-security-admission/admission/admission.go
        (
            "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true (pod or container \"main\" must set securityContext.runAsNonRoot=true)",
            "The namespace's security policy restricted:latest forbids this Pod: runAsNonRoot != true (pod or container \"main\" must set securityContext.runAsNonRoot=true)",
        ),
        // plugin/pkg/admission/priority/admission.go
        (
            "pods \"a\" is forbidden: no PriorityClass with name gold was found",
            "The cluster has no priority class gold; clone the run and choose another",
        ),
        // plugin/pkg/admission/serviceaccount/admission.go
        (
            "pods \"a\" is forbidden: error looking up service account vision/trainer: serviceaccount \"trainer\" not found",
            "The namespace has no service account trainer; ask an admin to make it",
        ),
        // apiserver/pkg/admission/plugin/webhook/errors/statuserror.go, apiserver/pkg/util/webhook/error.go
        (
            "admission webhook \"images.example.com\" denied the request: no digest.",
            "The cluster's rule images.example.com refuses its Pod: no digest",
        ),
        (
            "admission webhook \"images.example.com\" denied the request without explanation",
            "The cluster's rule images.example.com refuses its Pod and does not say why; ask an admin",
        ),
        (
            "Internal error occurred: failed calling webhook \"images.example.com\": failed to call webhook: Post \"https://x\": refused",
            "The cluster's rule images.example.com must be asked about its Pod and does not answer; tell an admin",
        ),
        // apiserver/pkg/admission/plugin/policy/validating/dispatcher.go
        (
            "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'digests' with binding 'all' denied request: an image has no digest",
            "The cluster's rule digests refuses its Pod: an image has no digest",
        ),
        (
            "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'digests' denied request: an image has no digest",
            "The cluster's rule digests refuses its Pod: an image has no digest",
        ),
        // Shown as it is: plugin/pkg/admission/priority/admission.go, and whatever comes.
        (
            "pods \"a\" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name",
            "pods \"a\" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name",
        ),
        ("Pod \"a\" is invalid: spec.nodeName: Invalid value: \"A\"", "Pod \"a\" is invalid: spec.nodeName: Invalid value: \"A\""),
        ("maximum patience is exhausted", "maximum patience is exhausted"),
        ("resource quota evaluation timed out", "resource quota evaluation timed out"),
    ] {
        assert_eq!(refused(text).sentence, sentence);
    }
}

#[test]
fn every_reason_about_a_node_is_known() {
    let rule = |rule| Cause::Rule { rule, nodes: 2 };
    let volume = Cause::Volume;
    for (text, cause) in [
        // nodeunschedulable/node_unschedulable.go
        ("node(s) were unschedulable", Cause::Cordoned { nodes: 2, node: None }),
        ("node(s) had unknown conditions", Cause::NotReady { nodes: 2, node: None }),
        // nodename/node_name.go
        ("node(s) didn't match the requested node name", rule(Rule::NodeName)),
        // tainttoleration/taint_toleration.go, and as older versions said it
        ("node(s) had untolerated taint(s)", Cause::Taint { taint: None, nodes: 2, node: None }),
        ("node(s) had taints that the pod didn't tolerate", Cause::Taint { taint: None, nodes: 2, node: None }),
        ("node(s) had untolerated taint {a/b: c, d}", Cause::Taint { taint: Some("a/b: c, d".into()), nodes: 2, node: None }),
        ("node(s) had taint {a: }, that the pod didn't tolerate", Cause::Taint { taint: Some("a: ".into()), nodes: 2, node: None }),
        // nodeaffinity/node_affinity.go
        ("node(s) didn't match Pod's node affinity/selector", rule(Rule::NodeAffinity)),
        ("node(s) didn't match scheduler-enforced node affinity", rule(Rule::EnforcedAffinity)),
        // nodeports/node_ports.go
        ("node(s) didn't have free ports for the requested pod ports", rule(Rule::HostPort)),
        // noderesources/fit.go
        ("Too many pods", Cause::PodLimit { nodes: 2, node: None }),
        // volumerestrictions/volume_restrictions.go
        (
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
            volume(Volume::InUse),
        ),
        ("node(s) had no available disk", volume(Volume::InUse)),
        // nodevolumelimits/csi.go
        ("node(s) exceed max volume count", volume(Volume::TooMany)),
        // volumebinding/binder.go, and as older versions said it
        ("node(s) didn't find available persistent volumes to bind", volume(Volume::NothingToBind)),
        ("node(s) didn't match PersistentVolume's node affinity", volume(Volume::OtherNode)),
        ("node(s) had volume node affinity conflict", volume(Volume::OtherNode)),
        // schedule_one.go, for a volume or a rule that names nodes
        ("node(s) didn't satisfy plugin(s) [VolumeBinding]", volume(Volume::OtherNode)),
        ("node(s) didn't satisfy plugin(s) [NodeAffinity]", rule(Rule::NodeName)),
        ("node(s) did not have enough free storage", volume(Volume::NoSpace)),
        ("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", volume(Volume::Lost { claim: None })),
        // volumezone/volume_zone.go
        ("node(s) had no available volume zone", volume(Volume::OtherZone)),
        // podtopologyspread/plugin.go
        ("node(s) didn't match pod topology spread constraints", rule(Rule::Spread)),
        ("node(s) didn't match pod topology spread constraints (missing required label)", rule(Rule::SpreadLabel)),
        // interpodaffinity/filtering.go
        ("node(s) didn't match pod affinity rules", rule(Rule::PodAffinity)),
        ("node(s) didn't match pod anti-affinity rules", rule(Rule::PodAntiAffinity)),
        ("node(s) didn't satisfy existing pods anti-affinity rules", rule(Rule::OthersAntiAffinity)),
        // dynamicresources/dynamicresources.go
        ("cannot allocate all claims", Cause::Devices(Devices::NoneFree(Few::default()))),
        ("resourceclaim not available on the node", Cause::Devices(Devices::Elsewhere { claim: None, node: None })),
        ("timed out trying to allocate devices", Cause::Devices(Devices::TookTooLong)),
        // Only where an alpha feature is on.
        ("cannot schedule extended resource claim", Cause::Unknown { raw: "cannot schedule extended resource claim".into() }),
    ] {
        let after = "no new claims to deallocate, preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.";
        for message in [
            format!("0/5 nodes are available: 2 {text}, 3 Insufficient. {after}"),
            format!(
                "0/5 nodes are available: 2 {text}. preemption: 0/5 nodes are available: 5 No preemption victims found for incoming pod.."
            ),
            format!("0/5 nodes are available: 2 {text}."),
        ] {
            let seen = unschedulable(&message);
            assert_eq!(seen.cause, cause, "{message}");
            assert_eq!(seen.evidence[0].said, message, "all of it is kept");
        }
    }
}

#[test]
fn every_resource_that_can_be_too_little_is_known() {
    // noderesources/fit.go
    for (resource, words) in [
        ("cpu", "too little CPU free"),
        ("memory", "too little memory free"),
        ("ephemeral-storage", "too little ephemeral-storage free"),
        ("nvidia.com/gpu", "too little whole GPUs free"),
        ("nvidia.com/mig-1g.5gb", "too little 1g.5gb slices free"),
        ("example.com/fpga", "too little example.com/fpga free"),
    ] {
        let seen = unschedulable(&format!("0/3 nodes are available: 1 Insufficient {resource}, 2 node(s) were unschedulable."));
        assert_eq!(seen.sentence, format!("None of the 3 nodes fits: 1 has {words}, 2 are cordoned"));
    }
}

#[test]
fn every_reason_about_all_nodes_at_once_is_known() {
    for (text, cause) in [
        // volumebinding/volume_binding.go
        ("persistentvolumeclaim \"data\" not found", Volume::ClaimNotFound { claim: "data".into() }),
        ("persistentvolumeclaim \"data\" bound to non-existent persistentvolume \"pv-1\"", Volume::Lost { claim: Some("data".into()) }),
        ("persistentvolumeclaim \"data\" is being deleted", Volume::BeingDeleted { claim: "data".into() }),
        (
            "waiting for ephemeral volume controller to create the persistentvolumeclaim \"a-scratch\"",
            Volume::BeingMade { claim: "a-scratch".into() },
        ),
        ("pod has unbound immediate PersistentVolumeClaims", Volume::Unbound),
        ("node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod", Volume::InUse),
    ] {
        let after = "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.";
        // What follows may be any plugin's: `not found` was seen.
        for message in [
            format!("0/4 nodes are available: {text}. {after}"),
            format!("0/4 nodes are available: {text}.. {after}"),
            format!("0/4 nodes are available: {text}. not found"),
        ] {
            assert_eq!(unschedulable(&message).cause, Cause::Volume(cause.clone()), "{message}");
        }
    }
    // nodeaffinity/node_affinity.go
    let conflict = unschedulable("0/4 nodes are available: pod affinity terms conflict. preemption: not eligible");
    assert_eq!(conflict.cause, Cause::Rule { rule: Rule::NodeAffinity, nodes: 4 });
}

#[test]
fn texts_of_other_versions_are_shown_raw_rather_than_misread() {
    for text in [
        "pod group gang-1: 3 of 8 Pods can be scheduled",
        "0/3 knots are available: 3 Insufficient nvidia.com/gpu",
        "0/three nodes are available: 3 Insufficient nvidia.com/gpu",
        "running PreFilter plugin \"VolumeBinding\": the store is away",
        "skip schedule deleting pod: vision/a",
    ] {
        let seen = unschedulable(text);
        assert_eq!((seen.sentence.as_str(), seen.cause), (text, Cause::Unknown { raw: text.into() }));
    }
    assert_eq!(
        unschedulable("0/2 nodes are available: a new thing happened.").cause,
        Cause::Unknown { raw: "a new thing happened".into() }
    );
    let seen = unschedulable("0/3 nodes are available: 1 node(s) had a bad day, 2 Insufficient patience with it, or so.");
    assert_eq!(seen.sentence, "None of the 3 nodes fits: 1 had a bad day, 2 Insufficient patience with it, or so");
    // framework/preemption/preemption.go, schedule_one.go: only what comes after the reasons, or a plugin's own.
    let seen = unschedulable("0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [Own, Other].");
    assert_eq!(seen.sentence, "None of the 3 nodes fits: 3 didn't satisfy plugin(s) [Own, Other]");
}
