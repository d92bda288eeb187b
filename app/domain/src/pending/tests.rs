//! The cause, the sentence and the button of every kind of wait, and what is computed from nodes.

use proptest::prelude::*;

use super::*;

/// Noon on a day.
pub(super) fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

pub(super) fn node(name: &str, labels: &[(&str, &str)], allocatable: &[(&str, &str)]) -> NodeView {
    let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let mut facts =
        NodeFacts { name: name.to_owned(), labels: own(labels), allocatable: own(allocatable), ready: true, ..NodeFacts::default() };
    facts.allocatable.entry("pods".to_owned()).or_insert_with(|| "110".to_owned());
    NodeView { facts, ..NodeView::default() }
}

pub(super) fn a100(name: &str, gpus: &str) -> NodeView {
    node(name, &[(PRODUCT, "NVIDIA-A100-SXM4-80GB")], &[("cpu", "128"), ("memory", "1Ti"), (GPU, gpus)])
}

pub(super) fn hold(team: &str, resource: &str, amount: &str, minutes: Option<i64>) -> Hold {
    Hold {
        team: team.into(),
        run: Some(RunId(format!("{team}-{amount}"))),
        requests: Arc::from([(resource.into(), amount.into())]),
        until: minutes.map(|minutes| now().checked_add(SignedDuration::from_mins(minutes)).unwrap()),
    }
}

pub(super) fn with(mut view: NodeView, held: Vec<Hold>) -> NodeView {
    view.held = held;
    view
}

pub(super) fn gpus(count: &str, product: &str) -> Asks {
    Asks::of(&Resources::parse("4", "16Gi", "gpu", count, product).unwrap())
}

fn slices(profile: &str, count: &str) -> Asks {
    Asks::of(&Resources::parse("4", "16Gi", profile, count, "").unwrap())
}

pub(super) fn pod(said: &str) -> PodFacts {
    PodFacts { unschedulable: Some(said.into()), ..PodFacts::new("digits-1-x7k2b", now()) }
}

pub(super) fn bare(asks: &Asks) -> Waiting<'_> {
    Waiting {
        team: "vision",
        suspended: false,
        queued: None,
        refused: None,
        pod: None,
        claims: &[],
        asks,
        events: &[],
        nodes: None,
        now: now(),
    }
}

/// What is said of these asks, where the scheduler says that, on these nodes.
fn see(asks: &Asks, said: &str, nodes: &[NodeView]) -> Explanation {
    explain(&Waiting { pod: Some(&pod(said)), nodes: Some(nodes), ..bare(asks) })
}

const SHORT: &str = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/2 nodes are \
                     available: 2 No preemption victims found for incoming pod.";

#[test]
fn who_holds_what_it_needs_is_said_with_numbers_and_until_when() {
    let asks = gpus("4", "NVIDIA-A100-SXM4-80GB");
    let one = [with(a100("gpu-a", "8"), vec![hold("speech", GPU, "6", Some(136))])];
    let seen = see(&asks, SHORT, &one);
    assert_eq!(seen.sentence, "Needs 4 × A100-SXM4-80GB; speech holds 6 of 8 on gpu-a until about 14:20 UTC");
    assert_eq!(seen.holders, [RunId("speech-6".into())]);
    let fields = BTreeMap::from([("gpu_count".to_owned(), "2".to_owned())]);
    assert_eq!(seen.fix, Some(Fix::Clone { with: "2 × A100-SXM4-80GB".into(), fields }));
    assert_eq!(seen.evidence[0].nodes[0].why, "2 of 8 GPUs free");

    let unknown = [with(a100("gpu-a", "8"), vec![hold("speech", GPU, "6", None)])];
    assert_eq!(see(&asks, SHORT, &unknown).sentence, "Needs 4 × A100-SXM4-80GB; speech holds 6 of 8 on gpu-a", "no figure, no time");

    let many = [
        with(a100("gpu-a", "8"), vec![hold("speech", GPU, "5", Some(1500)), hold("vision", GPU, "2", None)]),
        with(a100("gpu-c", "8"), vec![hold("maps", GPU, "4", None), hold("web", GPU, "2", None)]),
    ];
    assert_eq!(
        see(&asks, SHORT, &many).sentence,
        "Needs 4 × A100-SXM4-80GB on one node; speech holds 5, maps holds 4 and 2 other teams hold 4 of 16 on 2 nodes until about \
         2026-11-26 13:00 UTC, at most 2 free on one"
    );
}

#[test]
fn enough_is_free_when_those_who_must_go_have_gone_and_not_before() {
    let asks = gpus("6", "");
    let held = vec![hold("speech", GPU, "2", Some(30)), hold("maps", GPU, "2", Some(60)), hold("web", GPU, "4", None)];
    let Cause::NoRoom(shortage) = see(&asks, SHORT, &[with(a100("gpu-a", "8"), held.clone())]).cause else { panic!("there is no room") };
    assert_eq!(shortage.until, None, "web must go, too, and nobody knows when");
    let Cause::NoRoom(shortage) = see(&gpus("4", ""), SHORT, &[with(a100("gpu-a", "8"), held)]).cause else { panic!("there is no room") };
    assert_eq!(shortage.until, Some(now().checked_add(SignedDuration::from_mins(60)).unwrap()));
}

#[test]
fn what_no_node_can_ever_give_is_told_from_what_is_held() {
    let nodes = [a100("gpu-a", "8"), node("cpu-a", &[], &[("cpu", "32"), ("memory", "128Gi")])];
    let seen = see(&gpus("64", ""), SHORT, &nodes);
    assert_eq!(seen.sentence, "Needs 64 × GPU on one node, and the largest, gpu-a, has 8 GPUs in all");
    assert_eq!(
        seen.evidence[0].nodes.iter().map(|node| node.why.as_str()).collect::<Vec<_>>(),
        ["only 8 GPUs in all", "no whole GPUs at all"]
    );

    let said = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.";
    let absent = see(&gpus("1", "NVIDIA-B200"), said, &nodes);
    assert_eq!(
        (absent.sentence.as_str(), absent.cause),
        ("Needs B200, and no node has one", Cause::ProductAbsent { product: Some("B200".into()) })
    );

    let mut tainted = a100("gpu-c", "4");
    tainted.facts.taints = vec!["reserved=speech:NoSchedule".into()];
    let seen = see(&gpus("64", ""), SHORT, &[a100("gpu-a", "8"), tainted]);
    assert!(
        seen.sentence.contains("the largest, gpu-a, has 8 GPUs"),
        "a taint on a node that is too small is not what it waits for: {}",
        seen.sentence
    );

    let none = see(&gpus("1", ""), SHORT, &nodes[1..]);
    assert_eq!(none.sentence, "Needs a whole GPU, and no node has one");
}

#[test]
fn a_profile_that_is_cut_nowhere_names_the_nodes_where_it_could_be() {
    let said = "0/2 nodes are available: 2 Insufficient nvidia.com/mig-3g.40gb.";
    let nodes = [a100("gpu-a", "8"), with(a100("gpu-c", "2"), vec![hold("speech", GPU, "2", None)])];
    let seen = see(&slices("3g.40gb", "1"), said, &nodes);
    assert_eq!(seen.sentence, "Needs 1 × 3g.40gb, and no GPU is cut so; one could be cut on gpu-a");
    assert_eq!(seen.fix, Some(Fix::OpenNode { name: "gpu-a".into() }));
    let seen = see(&slices("3g.40gb", "1"), said, &nodes[1..]);
    assert_eq!(seen.sentence, "Needs 1 × 3g.40gb, and no GPU is cut so; there is no room to cut one");
    let said = said.replace("40gb", "71gb");
    let Cause::ProfileNotCut { could, .. } = see(&slices("3g.71gb", "1"), &said, &nodes).cause else { panic!("it is not cut") };
    assert_eq!(could, [""; 0], "an A100 has no such profile");
}

#[test]
fn a_hidden_taint_is_found_on_the_nodes_that_could_hold_it() {
    let said = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint(s).";
    let mut tainted = a100("gpu-a", "8");
    tainted.facts.taints = vec!["nvidia.com/gpu=:NoSchedule".into(), "reserved=speech:NoSchedule".into(), "x=:PreferNoSchedule".into()];
    let nodes = [tainted, node("cpu-a", &[], &[("cpu", "32"), ("memory", "128Gi")])];
    let seen = see(&gpus("1", ""), said, &nodes);
    assert_eq!(
        seen.sentence,
        "The one node that could hold it, gpu-a, is set aside by the taint reserved=speech:NoSchedule, which it does not bear",
        "a node without GPUs has too few of them, which says nothing"
    );
    assert_eq!(seen.fix, Some(Fix::OpenNode { name: "gpu-a".into() }));
}

#[test]
fn cordoned_unwell_and_full_nodes_are_told_apart() {
    let asks = gpus("1", "");
    let mut cordoned = a100("gpu-a", "8");
    cordoned.facts.cordoned = true;
    let said = "0/1 nodes are available: 1 node(s) were unschedulable.";
    assert_eq!(see(&asks, said, &[cordoned]).cause, Cause::Cordoned { nodes: 1, node: Some("gpu-a".into()) });

    let mut unwell = a100("gpu-a", "8");
    unwell.facts.ready = false;
    unwell.facts.taints = vec!["node.kubernetes.io/not-ready=:NoSchedule".into()];
    let said = "0/1 nodes are available: 1 node(s) had untolerated taint(s).";
    let seen = see(&asks, said, &[unwell]);
    assert_eq!(
        (seen.cause, seen.sentence.as_str()),
        (Cause::NotReady { nodes: 1, node: Some("gpu-a".into()) }, "The one node that could hold it, gpu-a, is not ready")
    );

    let mut full = with(a100("gpu-a", "8"), vec![hold("speech", "cpu", "1", None)]);
    full.facts.allocatable.insert("pods".into(), "1".into());
    assert_eq!(
        see(&asks, "0/1 nodes are available: 1 Too many pods.", &[full]).cause,
        Cause::PodLimit { nodes: 1, node: Some("gpu-a".into()) }
    );
}

#[test]
fn nodes_that_contradict_the_scheduler_are_not_believed() {
    // The node has become free since, or the scheduler knows of something else.
    let seen = see(&gpus("4", ""), "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", &[a100("gpu-a", "8")]);
    assert_eq!(seen.sentence, "The one node does not fit 4 × GPU: 1 has too little whole GPUs free");
    assert_eq!(seen.evidence[0].nodes[0].why, "would fit by its resources, labels and taints");
    let seen = see(&gpus("4", ""), "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.", &[a100("gpu-a", "8")]);
    assert_eq!(seen.cause, Cause::Rule { rule: Rule::PodAntiAffinity, nodes: 1 });
    // A node that is full by the index, of which the scheduler says something else.
    let full = with(a100("gpu-a", "8"), vec![hold("speech", GPU, "8", None)]);
    let seen = see(&gpus("4", ""), "0/1 nodes are available: 1 node(s) had a bad day.", &[full]);
    assert_eq!(seen.sentence, "The one node does not fit 4 × GPU: 1 had a bad day");
}

#[test]
fn the_reason_of_the_nodes_that_came_furthest_stands_for_the_rest() {
    let said = "0/9 nodes are available: 2 node(s) didn't match pod topology spread constraints, 3 Insufficient cpu, \
                4 node(s) didn't match Pod's node affinity/selector.";
    assert_eq!(see(&gpus("1", ""), said, &[]).cause, Cause::Rule { rule: Rule::Spread, nodes: 2 });
}

#[test]
fn a_suspended_run_says_who_suspended_it() {
    let asks = Asks::default();
    let event = |reason: &str, message: &str| EventRow {
        at: now(),
        warning: false,
        reason: reason.into(),
        object: "Job/digits-1".into(),
        message: message.into(),
        count: 1,
    };
    let by_mina = event(SUSPENDED_BY, "mina suspended it in Slipway");
    let seen = explain(&Waiting { suspended: true, events: std::slice::from_ref(&by_mina), ..bare(&asks) });
    assert_eq!(seen.sentence, "Suspended by mina; it holds no resources until it is resumed");
    assert_eq!(seen.fix, Some(Fix::Resume));
    // Resumed since: whoever suspended it now is not mina.
    let resumed = [event("Resumed", "Job resumed"), by_mina];
    let seen = explain(&Waiting { suspended: true, events: &resumed, ..bare(&asks) });
    assert_eq!(seen.cause, Cause::Suspended { by: None });
}

#[test]
fn what_kueue_says_is_said_in_words() {
    let asks = Asks::default();
    let said = |reason: &str, message: &str| {
        let held = Some((reason.to_owned(), message.to_owned()));
        let queued = Queued { name: "job-digits-1-4f2ab".into(), queue: "gpus".into(), held, ..Queued::default() };
        explain(&Waiting { suspended: true, queued: Some(&queued), ..bare(&asks) }).sentence
    };
    let unused = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, 2 more needed";
    assert_eq!(said("WaitingForQuota", unused), "Waits in the queue gpus: 2 more nvidia.com/gpu of a100 must come free");
    let never = "couldn't assign flavors to pod set main: insufficient quota for cpu in flavor a, previously considered podsets requests (0) + current podset request (99) > maximum capacity (8)";
    assert!(said("ExceedsMaxQuota", never).starts_with("Asks for more than the queue gpus can ever give: "));
    let preempted = "Preempted to accommodate a workload (UID: 1, JobUID: 2) due to prioritization; preemptor path: /a; preemptee path: /a";
    assert!(said("Preempted", preempted).starts_with("Another of higher priority took its place in the queue gpus"));
    for reason in
        ["NoMatchingFlavor", "TopologyPlacementFailed", "WaitingForPreemptedWorkloads", "Misconfigured", "Suspended", "PendingEvaluation"]
    {
        assert!(said(reason, "").contains("the queue gpus"), "{reason}");
    }
    assert_eq!(said("ANewReason", "something"), "Waits in the queue gpus (ANewReason): something");
    let admitted = Queued { admitted: true, ..Queued::default() };
    assert_eq!(explain(&Waiting { queued: Some(&admitted), ..bare(&asks) }).cause, Cause::Making);
}

#[test]
fn gates_and_preemption_are_the_schedulers_business() {
    let asks = gpus("1", "");
    let gated = PodFacts { gates: vec!["example.com/quota".into()], ..pod("Scheduling is blocked due to non-empty scheduling gates") };
    let seen = explain(&Waiting { pod: Some(&gated), nodes: Some(&[]), ..bare(&asks) });
    assert_eq!(seen.sentence, "It is not to be scheduled before example.com/quota is taken off");
    let nominated = PodFacts { nominated: Some("gpu-a".into()), ..pod(SHORT) };
    let seen = explain(&Waiting { pod: Some(&nominated), nodes: Some(&[]), ..bare(&asks) });
    assert_eq!(seen.sentence, "Pods of lower priority are making way for it on gpu-a");
}

#[test]
fn a_pod_that_is_bound_says_what_keeps_it_from_starting() {
    let asks = Asks::default();
    let nodes = [a100("gpu-a", "8")];
    let bound = |reason: &str, message: &str| PodFacts {
        node: Some("gpu-a".into()),
        unschedulable: None,
        container: ContainerFacts::Waiting { reason: reason.into(), message: message.into() },
        ..pod("")
    };
    let see = |pod: &PodFacts, events: &[EventRow]| explain(&Waiting { pod: Some(pod), events, nodes: Some(&nodes), ..bare(&asks) });
    for (reason, message, sentence) in [
        (
            "ErrImagePull",
            "no row of images.yaml stands for image \"nowhere:1\"; it has none",
            "The image nowhere:1 cannot be pulled, on gpu-a",
        ),
        ("ImagePullBackOff", "Back-off pulling image \"nowhere:1\": ErrImagePull: no", "The image nowhere:1 cannot be pulled, on gpu-a"),
        (
            "InvalidImageName",
            "Failed to apply default image tag \"A B\": couldn't parse",
            "Its image cannot be pulled, because that is no image's name, on gpu-a",
        ),
        (
            "ErrImageNeverPull",
            "Container image \"own:1\" is not present with pull policy of Never",
            "The image own:1 is not there, and is never to be pulled, on gpu-a",
        ),
        (
            "CreateContainerConfigError",
            "configmap \"settings\" not found",
            "Kept from starting by the ConfigMap settings, which is missing, on gpu-a",
        ),
        ("CreateContainerConfigError", "secret \"token\" not found", "Kept from starting by the Secret token, which is missing, on gpu-a"),
        (
            "CreateContainerConfigError",
            "couldn't find key epochs in ConfigMap vision/settings",
            "Kept from starting by the ConfigMap settings, which has no epochs, on gpu-a",
        ),
        (
            "RunContainerError",
            "exec: \"trian\": executable file not found in $PATH",
            "Kept from starting: exec: \"trian\": executable file not found in $PATH, on gpu-a",
        ),
        ("ContainerCreating", "", "Preparing its volumes and image, on gpu-a"),
    ] {
        assert_eq!(see(&bound(reason, message), &[]).sentence, sentence);
    }
    let mount = |message: &str| EventRow {
        at: now(),
        warning: true,
        reason: "FailedMount".into(),
        object: "Pod/digits-1-x7k2b".into(),
        message: message.into(),
        count: 3,
    };
    for (message, sentence) in [
        (
            "MountVolume.SetUp failed for volume \"s\" : secret \"token\" not found",
            "Kept from starting by the Secret token, which is missing, on gpu-a",
        ),
        (
            "MountVolume.SetUp failed for volume \"data\" : rpc error: no such export",
            "Its volume data cannot be mounted: rpc error: no such export",
        ),
        (
            "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) other",
            "Its volume pvc-1 is still attached to another node",
        ),
    ] {
        assert_eq!(see(&bound("ContainerCreating", ""), &[mount(message)]).sentence, sentence);
    }
    let other = EventRow { object: "Pod/digits-1-aaaaa".into(), ..mount("MountVolume.SetUp failed for volume \"s\" : x") };
    assert_eq!(see(&bound("ContainerCreating", ""), &[other]).cause, Cause::Preparing { node: "gpu-a".into() }, "an earlier Pod's event");
    let gone = explain(&Waiting { pod: Some(&bound("", "")), nodes: Some(&[]), ..bare(&asks) });
    assert_eq!(gone.cause, Cause::NodeGone { node: "gpu-a".into(), exists: false });
    let going = PodFacts { deleting: Some(now()), ..bound("", "") };
    assert_eq!(see(&going, &[]).sentence, "Its last Pod is still ending; the next is made when it has");
}

#[test]
fn what_is_asked_for_is_what_was_admitted() {
    // A LimitRange has given it GPUs that the run never asked for.
    let admitted = PodFacts { asks: Some(gpus("9", "")), ..pod(SHORT) };
    let seen = explain(&Waiting { pod: Some(&admitted), nodes: Some(&[a100("gpu-a", "8")]), ..bare(&Asks::default()) });
    assert_eq!(seen.sentence, "Needs 9 × GPU on one node, and the largest, gpu-a, has 8 GPUs in all");
}

#[test]
fn a_runs_end_is_told_from_its_deadline_or_its_pace() {
    let at = |minutes: i64| now().checked_add(SignedDuration::from_mins(minutes)).unwrap();
    let progress = |step, of| Some(Progress { step, of });
    for (launched, since, progress, deadline, ends) in [
        (-60, -50, None, None, None),
        (-60, -50, None, Some(90), Some(30)),
        (-60, -50, progress(50, 100), None, Some(50)),
        (-60, -50, progress(50, 100), Some(90), Some(30)),
        (-60, -50, progress(10, 11), Some(900), Some(5)),
        (-60, -50, progress(0, 100), None, None),
        (-60, -50, progress(100, 100), None, None),
        // It was suspended in between: its deadline counts from when it was resumed.
        (-600, -10, None, Some(60), Some(50)),
        (-60, 5, progress(50, 100), None, None),
    ] {
        assert_eq!(
            until(at(launched), at(since), progress, deadline, now()).map(|end| end.to_string()),
            ends.map(|ends| at(ends).to_string())
        );
    }
}

proptest! {
    #[test]
    fn no_text_breaks_it_and_none_is_lost(said in "\\PC{0,200}", refused in "\\PC{0,200}") {
        let asks = gpus("1", "");
        let nodes = [a100("gpu-a", "8")];
        for text in [said.clone(), format!("0/3 nodes are available: {said}"), format!("0/3 nodes are available: 3 {said}.")] {
            let seen = see(&asks, &text, &nodes);
            prop_assert_eq!(&seen.evidence[0].said, &text);
            prop_assert!(!seen.sentence.is_empty());
        }
        let seen = explain(&Waiting { refused: Some(&refused), ..bare(&asks) });
        prop_assert_eq!(&seen.evidence[0].said, &refused);
    }

    #[test]
    fn a_shortage_adds_up(
        needs in 1..9_u32, nodes in proptest::collection::vec((0..9_u32, proptest::collection::vec((0..4_usize, 1..9_u32), 0..4)), 1..6)
    ) {
        let teams = ["speech", "vision", "maps", "web"];
        let views: Vec<NodeView> = nodes
            .iter()
            .enumerate()
            .map(|(index, (all, held))| {
                let held = held.iter().map(|(team, count)| hold(teams[*team], GPU, &count.to_string(), None)).collect();
                with(a100(&format!("gpu-{index}"), &all.to_string()), held)
            })
            .collect();
        let free = |(all, held): &(u32, Vec<(usize, u32)>)| i64::from(*all) - held.iter().map(|(_, count)| i64::from(*count)).sum::<i64>();
        let would_fit = nodes.iter().any(|node| free(node) >= i64::from(needs));
        let seen = see(&gpus(&needs.to_string(), ""), "0/9 nodes are available: 9 Insufficient nvidia.com/gpu.", &views);
        match seen.cause {
            Cause::NoRoom(shortage) => {
                prop_assert!(!would_fit);
                prop_assert!(shortage.most_free < Quantity::units(u64::from(needs)));
                let large = nodes.iter().filter(|(all, _)| *all >= needs);
                let held: u32 = large.clone().flat_map(|(_, held)| held).map(|(_, count)| count).sum();
                let said = shortage.holders.iter().fold(Quantity::ZERO, |sum, team| sum.plus(team.amount));
                prop_assert_eq!(said, Quantity::units(u64::from(held)));
                prop_assert_eq!(shortage.all, Quantity::units(large.map(|(all, _)| u64::from(*all)).sum()));
            }
            Cause::TooLarge { largest, .. } => prop_assert!(nodes.iter().all(|(all, _)| *all < needs) && largest < Quantity::units(u64::from(needs))),
            Cause::ProductAbsent { .. } => prop_assert!(nodes.iter().all(|(all, _)| *all == 0)),
            other => prop_assert!(would_fit, "{:?}", other),
        }
    }
}
