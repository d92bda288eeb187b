//! GPUs are cut anew on a real Kubernetes, whose nodes answer as NVIDIA's mig-manager does: by platform admins alone, in their
//! name, through a server that may go down, with everything written down; and what goes wrong is said.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_domain::{
    relayout::steps::{State, Step},
    run::form::RunForm,
};
use slipway_server::{clock::Clock, cluster::Source, store::relayouts};

use crate::{
    browser::Answer,
    fixture::{Person, Site},
    kubernetes::{self, PATIENCE},
    runs::{script, site_on},
};

/// A node for each of these tests. What they advertise no other test asks for, and most of them no run tolerates.
pub const NODES: &str = "\
- {name: cut-run, cpu: 8, memory: 64Gi, gpus: {product: A100-SXM4-40GB, count: 1, mig: {strategy: mixed, config: all-1g.5gb.me, cut: {0: [1g.5gb+me]}}}}
- {name: cut-down, cpu: 8, memory: 64Gi, gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed, config: all-1g.10gb.me, cut: {0: [1g.10gb+me]}}}}
- {name: cut-stuck, cpu: 8, memory: 64Gi, taints: [{key: test, effect: NoSchedule}], gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed, apply: stuck}}}
- {name: cut-fails, cpu: 8, memory: 64Gi, taints: [{key: test, effect: NoSchedule}], gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed, apply: fails}}}
- {name: cut-wait, cpu: 8, memory: 64Gi, taints: [{key: test, effect: NoSchedule}], gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed}}}
- {name: cut-gone, cpu: 8, memory: 64Gi, taints: [{key: test, effect: NoSchedule}], gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed}}}
- {name: cut-right, cpu: 8, memory: 64Gi, taints: [{key: test, effect: NoSchedule}], gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed}}}
";

impl Person {
    /// The page of a node's layout.
    async fn layout(&mut self, node: &str) -> Value {
        self.browser.get(&format!("/api/nodes/layout?node={node}&form[config]=")).await.expect(200).json()
    }

    async fn orders(&mut self, node: &str, config: &str, drain: &str) -> Answer {
        self.browser.post(&format!("/nodes/{node}/layout"), &[("do", "order"), ("config", config), ("layout", ""), ("drain", drain)]).await
    }

    async fn aborts(&mut self, node: &str) -> Answer {
        self.browser.post(&format!("/nodes/{node}/layout"), &[("do", "abort")]).await
    }
}

impl Site {
    async fn relayout(&self, node: &str) -> State {
        relayouts::newest(&self.running.store, node).await.expect("the store answers").expect("one was ordered").state
    }

    /// Waits until the newest re-layout of a node is so; its state then.
    async fn until(&self, node: &str, what: &str, is: impl Fn(&State) -> bool) -> State {
        let begun = Instant::now();
        loop {
            let state = self.relayout(node).await;
            if is(&state) {
                return state;
            }
            assert!(begun.elapsed() < PATIENCE, "{node}: {what}: not within {PATIENCE:?} but {state:?}\n{}", kubernetes::apart().looks());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until its cluster is known as far as a layout can be ordered.
    async fn knows(&self, node: &str) {
        let begun = Instant::now();
        while self.running.cluster.index().mig_configs().is_none() || self.running.cluster.index().drawn_node(node).is_none() {
            assert!(begun.elapsed() < PATIENCE, "{node} is not known within {PATIENCE:?}\n{}", kubernetes::apart().looks());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A field of a node.
fn of_node(node: &str, path: &str) -> String {
    kubernetes::apart().ok(&["get", "node", node, "-o", &format!("jsonpath={path}")])
}

const CORDONED: &str = "{.spec.unschedulable}";
const LABEL: &str = r"{.metadata.labels.nvidia\.com/mig\.config}";
const MARK: &str = r"{.metadata.annotations.slipway\.dev/cordoned-for}";

/// A Pod of nobody's that holds the GPU of a node until it is deleted.
fn hold(node: &str) {
    let kubernetes = kubernetes::apart();
    kubernetes.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": format!("holds-{node}"), "namespace": "default" },
        "spec": {
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "nodeSelector": { "kubernetes.io/hostname": node }, "tolerations": [{ "operator": "Exists" }],
            "containers": [{
                "name": "main", "image": "busybox:1", "command": ["sh", "-c", "while true; do sleep 1; done"],
                "resources": { "limits": { "nvidia.com/gpu": 1 } },
            }],
        },
    }));
    kubernetes.ok(&["wait", "-n", "default", "--for=condition=Ready", "--timeout=60s", &format!("pod/holds-{node}")]);
}

#[tokio::test]
async fn a_node_is_cut_anew_whoever_is_there_moves_and_every_step_is_written_down() {
    let site = site_on(kubernetes::apart).await;
    let mut root = site.admin().await;
    let mut mina = site.engineer(&mut root).await;
    let invitation = json!({ "form": { "name": "ruth", "team": "", "role": "", "platform_admin": "on" } });
    let link = root.browser.call("people/invite", invitation).await.expect(200).json()["link"].as_str().expect("a link").to_owned();
    let mut ruth = site.accept(&link, "ruth").await;
    let id = mina.launches(&RunForm { gpu: "1g.5gb.me".into(), ..script("in-the-way", "sleep 300") }).await;
    mina.sees(&id, "running").await;
    site.knows("cut-run").await;

    let page = root.layout("cut-run").await;
    assert_eq!(page["held"][0]["run"], json!([id, { "name": "in-the-way", "who": "mina" }]), "{page:#}");
    assert_eq!(page["held"][0]["holds"], "1 × 1g.5gb.me");
    assert!(page["source"].as_str().is_some_and(|source| source.contains("mig-manager knows here")), "{page:#}");
    let shown = root.browser.get("/nodes/cut-run/layout?config=all-7g.40gb&drain=evict").await.expect(200).body;
    for words in ["What would happen", "1 Pod named below: evicted", "in-the-way", "Cut the GPUs of cut-run"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    assert_eq!(root.orders("cut-run", "all-7g.40gb", "evict").await.expect(303).location(), "/nodes/cut-run/layout");
    let second = ruth.post("/nodes/cut-run/layout", &[("do", "order"), ("config", "all-disabled"), ("drain", "wait")]).await.expect(409);
    assert!(second.body.contains("root is having the GPUs of cut-run cut anew"), "{second:?}");
    let page = ruth.get("/nodes/cut-run/layout").await.expect(200).body;
    assert!(page.contains("Re-layout under way") && page.contains("Abort"), "{page}");

    let end = site.until("cut-run", "it ends", State::has_ended).await;
    assert_eq!(end, State::Done, "{}", kubernetes::apart().looks());
    assert_eq!(of_node("cut-run", r"{.status.allocatable.nvidia\.com/mig-7g\.40gb}"), "1");
    assert_eq!((of_node("cut-run", CORDONED), of_node("cut-run", MARK)), (String::new(), String::new()));
    mina.sees(&id, "waiting").await;
    let subject = format!("node cut-run ({})", relayouts::newest(&site.running.store, "cut-run").await.unwrap().unwrap().id.0);
    let lines = site.audit_lines(60).await;
    for action in ["re-layout node", "cordon node", "evict Pods with GPUs", "set MIG label", "uncordon node"] {
        for result in ["?", "ok"] {
            assert!(lines.contains(&format!("root: {action} {subject} → {result}")), "{action} {result}: {lines:#?}");
        }
    }
    site.audit().verify(None).await.expect("a whole audit log");
    let past = root.layout("cut-run").await["past"].clone();
    let steps: Vec<&str> =
        past[0]["moments"].as_array().expect("moments").iter().filter_map(|moment| moment["state"]["state"].as_str()).collect();
    assert_eq!(steps, ["cordoning", "draining", "labelling", "applying", "checking", "uncordoning", "done"]);

    let again = root.orders("cut-run", "all-7g.40gb", "evict").await.expect(422);
    assert!(again.body.contains("is cut so already"), "{again:?}");
    mina.acts(&id, "stop").await.expect(200);
}

#[tokio::test]
async fn nobody_but_a_platform_admin_gets_near_it_and_the_attempt_is_written_down() {
    let (site, kubernetes) = (site_on(kubernetes::apart).await, kubernetes::apart());
    let mut root = site.admin().await;
    let mut lead = site.person(&mut root, "lead", "default", "admin").await;
    site.knows("cut-wait").await;
    let sentence = "Only a platform admin may change the nodes; ask root";
    for refused in [
        lead.browser.get("/nodes/cut-wait/layout").await,
        lead.browser.get("/api/nodes/layout?node=cut-wait&form[config]=").await,
        lead.orders("cut-wait", "all-7g.80gb", "evict").await,
        lead.aborts("cut-wait").await,
        // What is not there is answered like what is.
        lead.orders("no-such-node", "all-7g.80gb", "evict").await,
    ] {
        assert!(refused.status == 403 && refused.body.contains(sentence), "{refused:?}");
    }
    // The page names whom to ask; the log has the policy's own words.
    let sentence = "Only a platform admin may change the nodes; ask one";
    let lines = site.audit_lines(20).await;
    for words in [
        "see layout node \"cut-wait\"",
        "re-layout node node \"cut-wait\"",
        "abort re-layout node \"cut-wait\"",
        "re-layout node node \"no-such-node\"",
    ] {
        assert!(lines.contains(&format!("lead: {words} → {sentence}")), "{words}: {lines:#?}");
    }
    for (verb, resource) in [("patch", "nodes"), ("create", "pods/eviction"), ("get", "configmaps")] {
        assert!(!kubernetes.lets("slipway:lead", "slipway:default:admin", verb, resource, "default"), "{verb} {resource}");
    }
    for (verb, resource) in [("patch", "nodes"), ("create", "pods/eviction")] {
        assert!(kubernetes.lets("slipway:root", "slipway:platform-admins", verb, resource, "default"), "{verb} {resource}");
    }
}

#[tokio::test]
async fn what_cannot_be_ordered_is_said_beside_its_field() {
    let site = site_on(kubernetes::apart).await;
    let mut root = site.admin().await;
    site.knows("cut-wait").await;
    let mut tries = async |node: &str, config: &str, layout: &str, drain: &str| {
        let fields = [("do", "order"), ("config", config), ("layout", layout), ("drain", drain)];
        root.browser.post(&format!("/nodes/{node}/layout"), &fields).await
    };
    for (config, layout, drain, words) in [
        ("", "", "evict", "Choose a layout first"),
        ("all-1g.10tb", "", "evict", "is none of the cuts that are offered"),
        ("all-7g.80gb", "", "at once", "Choose whether to evict or to wait"),
        ("/own", "8 x 1g.10gb", "evict", "takes 8 compute slices, and a GPU has 7"),
        ("/own", "3g.20gb", "evict", "has no profile “3g.20gb”"),
        ("/own", "whole\nwhole", "evict", "The node has 1 GPUs, and 2 lines are written"),
        ("/own", "1g.10gb + 2g.20gb", "evict", "add this to the config map default-mig-parted-config"),
    ] {
        let answer = tries("cut-wait", config, layout, drain).await.expect(422);
        assert!(answer.body.contains(words), "{words}: {answer:?}");
    }
    let whole = tries("gpu-a", "all-disabled", "", "evict").await.expect(409);
    assert!(whole.body.contains("has no MIG strategy"), "{whole:?}");
    let none = tries("cpu-a", "all-disabled", "", "evict").await.expect(409);
    assert!(none.body.contains("has no GPUs"), "{none:?}");
    tries("no-such-node", "all-disabled", "", "evict").await.expect(404);
}

#[tokio::test]
async fn a_server_that_goes_down_between_any_two_steps_goes_on_where_it_was() {
    let first = site_on(kubernetes::apart).await;
    let mut root = first.admin().await;
    let mut mina = first.engineer(&mut root).await;
    let slow = "trap 'sleep 2; exit 0' TERM; while true; do sleep 0.1; done";
    let id = mina.launches(&RunForm { gpu: "1g.10gb.me".into(), ..script("takes-its-time", slow) }).await;
    mina.sees(&id, "running").await;
    first.knows("cut-down").await;
    root.orders("cut-down", "all-7g.80gb", "evict").await.expect(303);
    let Site { running, folder, .. } = first;
    running.stop().await;
    let database = format!("sqlite://{}", folder.path().join("slipway.db").display());
    let kubeconfig = kubernetes::apart().kubeconfig();
    let mut interrupted = Vec::new();
    let begun = Instant::now();
    let (last, store) = loop {
        let site = Site::start_by(Clock::machine(), |settings| {
            settings.cluster = Source::File(kubeconfig.clone());
            settings.database.clone_from(&database);
        })
        .await;
        // Each is stopped as soon as it has come one step further.
        let before = site.relayout("cut-down").await;
        let now = site.until("cut-down", "a step further", |state| state.step() != before.step()).await;
        if now.has_ended() {
            break (now, site);
        }
        interrupted.extend(now.step());
        site.running.stop().await;
        assert!(begun.elapsed() < PATIENCE * 2, "{interrupted:?}\n{}", kubernetes::apart().looks());
    };
    assert_eq!(last, State::Done, "{interrupted:?}");
    // Two steps may follow each other before the first is seen; that it was stopped at less than three means that nothing was tested.
    assert!(interrupted.len() >= 3, "it was stopped only at {interrupted:?}");
    assert_eq!(of_node("cut-down", r"{.status.allocatable.nvidia\.com/mig-7g\.80gb}"), "1");
    assert_eq!(of_node("cut-down", CORDONED), "");
    store.audit().verify(None).await.expect("a whole audit log");
}

#[tokio::test]
async fn a_wedge_is_found_said_and_given_up() {
    let kubernetes = tokio::task::spawn_blocking(kubernetes::apart).await.expect("a cluster");
    let clock = Clock::standing_at("2026-11-24T12:00:00Z".parse::<Timestamp>().expect("a time"));
    let site = Site::start_by(clock, |settings| settings.cluster = Source::File(kubernetes.kubeconfig())).await;
    let mut root = site.admin().await;
    site.knows("cut-stuck").await;
    root.orders("cut-stuck", "all-7g.80gb", "evict").await.expect(303);
    site.until("cut-stuck", "draining", |state| matches!(state, State::Draining { .. })).await;
    site.clock.advance(SignedDuration::from_secs(3));
    site.until("cut-stuck", "applying", |state| matches!(state, State::Applying { .. })).await;
    let begun = Instant::now();
    while of_node("cut-stuck", r"{.metadata.labels.nvidia\.com/mig\.config\.state}") != "pending" {
        assert!(begun.elapsed() < PATIENCE, "{}", kubernetes.looks());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Until the server sees that mig-manager has answered at all, too long a silence is said instead.
    let seen = || {
        let (facts, _) = site.running.cluster.index().on_node("cut-stuck");
        facts.and_then(|facts| facts.labels.get("nvidia.com/mig.config.state").cloned())
    };
    while seen().as_deref() != Some("pending") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(of_node("cut-stuck", MARK).contains("for root"), "whoever looks with kubectl is not told why it is cordoned");
    site.clock.advance(SignedDuration::from_mins(16));
    let failed = site.until("cut-stuck", "failed", State::has_ended).await;
    let State::Failed { step: Step::Apply, why, recovery, cordoned: true } = &failed else { panic!("{failed:?}") };
    assert!(why.contains("has said pending for more than 15 min") && recovery.contains("It hangs"), "{failed:?}");
    assert_eq!(of_node("cut-stuck", CORDONED), "true");
    let page = root.browser.get("/nodes/cut-stuck/layout").await.expect(200).body;
    for words in ["Re-layout failed", "It hangs", "The node stays cordoned", "Uncordon and give it up"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    root.aborts("cut-stuck").await.expect(303);
    assert_eq!(site.until("cut-stuck", "aborted", State::has_ended).await, State::Aborted { at: Step::Apply });
    assert_eq!((of_node("cut-stuck", CORDONED), of_node("cut-stuck", LABEL)), (String::new(), "all-disabled".to_owned()));
    let late = root.aborts("cut-stuck").await.expect(409);
    assert!(late.body.contains("It has ended already"), "{late:?}");
}

#[tokio::test]
async fn what_mig_manager_says_has_failed_is_not_taken_for_done_and_can_be_tried_again() {
    let site = site_on(kubernetes::apart).await;
    let mut root = site.admin().await;
    site.knows("cut-fails").await;
    for _ in 0..2 {
        root.orders("cut-fails", "all-7g.80gb", "wait").await.expect(303);
        let failed = site.until("cut-fails", "failed", State::has_ended).await;
        let State::Failed { step: Step::Apply, recovery, cordoned: true, .. } = &failed else { panic!("{failed:?}") };
        assert!(recovery.contains("Its log says why"), "{recovery}");
    }
    root.aborts("cut-fails").await.expect(303);
    assert_eq!(site.until("cut-fails", "aborted", State::has_ended).await, State::Aborted { at: Step::Apply });
    assert_eq!((of_node("cut-fails", CORDONED), of_node("cut-fails", LABEL)), (String::new(), "all-disabled".to_owned()));
}

#[tokio::test]
async fn one_that_waits_stops_nobody_and_can_be_aborted() {
    let site = site_on(kubernetes::apart).await;
    let mut root = site.admin().await;
    site.knows("cut-wait").await;
    tokio::task::spawn_blocking(|| hold("cut-wait")).await.expect("a Pod");
    root.orders("cut-wait", "all-7g.80gb", "wait").await.expect(303);
    site.until("cut-wait", "waits for the Pod", |state| matches!(state, State::Draining { left: 1, .. })).await;
    let page = root.browser.get("/nodes/cut-wait/layout").await.expect(200).body;
    for words in ["1 Pod still holds GPUs", "holds-cut-wait in default, no run of Slipway"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    root.aborts("cut-wait").await.expect(303);
    assert_eq!(site.until("cut-wait", "aborted", State::has_ended).await, State::Aborted { at: Step::Drain });
    let running = kubernetes::apart().ok(&["get", "pod", "-n", "default", "holds-cut-wait", "-o", "jsonpath={.status.phase}"]);
    assert_eq!((running.as_str(), of_node("cut-wait", CORDONED).as_str()), ("Running", ""));
    let lines = site.audit_lines(10).await;
    assert!(lines.iter().any(|line| line.starts_with("root: abort re-layout node cut-wait") && line.ends_with("→ ok")), "{lines:#?}");
    kubernetes::apart().ok(&["delete", "pod", "-n", "default", "holds-cut-wait"]);
}

#[tokio::test]
async fn a_node_that_vanishes_in_the_middle_of_it_is_said() {
    let site = site_on(kubernetes::apart).await;
    let mut root = site.admin().await;
    site.knows("cut-gone").await;
    tokio::task::spawn_blocking(|| hold("cut-gone")).await.expect("a Pod");
    root.orders("cut-gone", "all-7g.80gb", "wait").await.expect(303);
    site.until("cut-gone", "waits for the Pod", |state| matches!(state, State::Draining { left: 1, .. })).await;
    kubernetes::apart().ok(&["delete", "node", "cut-gone"]);
    let failed = site.until("cut-gone", "failed", State::has_ended).await;
    let State::Failed { why, cordoned: false, .. } = &failed else { panic!("{failed:?}") };
    assert!(why.contains("cut-gone has vanished"), "{why}");
}

#[tokio::test]
async fn a_right_that_was_taken_away_does_not_work_on() {
    let site = site_on(kubernetes::apart).await;
    let mut root = site.admin().await;
    let invitation = json!({ "form": { "name": "ruth", "team": "", "role": "", "platform_admin": "on" } });
    let invited = root.browser.call("people/invite", invitation).await.expect(200).json();
    let mut ruth = site.accept(invited["link"].as_str().expect("a link"), "ruth").await;
    site.knows("cut-right").await;
    tokio::task::spawn_blocking(|| hold("cut-right")).await.expect("a Pod");
    let order = [("do", "order"), ("config", "all-7g.80gb"), ("layout", ""), ("drain", "wait")];
    ruth.post("/nodes/cut-right/layout", &order).await.expect(303);
    site.until("cut-right", "waits for the Pod", |state| matches!(state, State::Draining { left: 1, .. })).await;
    root.browser.call("people/active", json!({ "person": invited["person"]["id"], "active": false })).await.expect(200);
    kubernetes::apart().ok(&["delete", "pod", "-n", "default", "holds-cut-right"]);
    let failed = site.until("cut-right", "failed", State::has_ended).await;
    let State::Failed { step: Step::Label, why, cordoned: true, .. } = &failed else { panic!("{failed:?}") };
    assert!(why.contains("the account of ruth is closed"), "{why}");
    assert_eq!(of_node("cut-right", LABEL), "all-disabled");
    // Another admin sees to it, in their own name.
    root.aborts("cut-right").await.expect(303);
    assert_eq!(site.until("cut-right", "aborted", State::has_ended).await, State::Aborted { at: Step::Label });
    assert_eq!(of_node("cut-right", CORDONED), "");
}
