//! Cards are cut anew as a node's label asks, as NVIDIA's mig-manager does it.

use std::{process::Command, sync::OnceLock};

use super::cluster::{Cluster, Namespace, pod, said, until};

/// Nodes of which each test takes one.
const NODES: &str = "\
nodes:
- {name: cut-a, cpu: 8, memory: 64Gi, gpus: {product: A100-SXM4-40GB, count: 2, mig: {strategy: mixed, config: all-balanced, cut: {0: [1g.5gb, 1g.5gb, 2g.10gb, 3g.20gb], 1: [1g.5gb, 1g.5gb, 2g.10gb, 3g.20gb]}}}}
- {name: used, cpu: 8, memory: 64Gi, gpus: {product: A100-SXM4-40GB, count: 2, mig: {strategy: mixed}}}
- {name: kept, cpu: 8, memory: 64Gi, gpus: {product: A100-SXM4-80GB, count: 1, mig: {strategy: mixed}}}
- {name: alike, cpu: 8, memory: 64Gi, gpus: {product: H100-80GB-HBM3, count: 2, mig: {strategy: single}}}
- {name: stuck, cpu: 8, memory: 64Gi, gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed, apply: stuck}}}
- {name: fails, cpu: 8, memory: 64Gi, gpus: {product: H100-80GB-HBM3, count: 1, mig: {strategy: mixed, apply: fails}}}
- {name: plain, cpu: 8, memory: 64Gi}
";

fn with_mig() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start_with(NODES))
}

impl Cluster {
    fn asks(&self, node: &str, config: &str) {
        let label = format!("nvidia.com/mig.config={config}");
        let done = self.admin(&["label", "node", node, "--overwrite", &label]);
        assert!(done.status.success(), "{}", said(&done));
    }

    fn of_node(&self, node: &str, path: &str) -> String {
        let path = format!("jsonpath={path}");
        String::from_utf8_lossy(&self.admin(&["get", "node", node, "-o", &path]).stdout).into_owned()
    }

    /// Waits until a field of a node is this.
    fn becomes(&self, node: &str, path: &str, wanted: &str) {
        until(&format!("{path} of {node} is {wanted:?}"), || match self.of_node(node, path) {
            found if found == wanted => Ok(()),
            found => Err(format!("it is {found:?}\n{}\n{}", said(&self.admin(&["get", "node", node, "-o", "yaml"])), self.agent_log())),
        });
    }

    fn agent_log(&self) -> String {
        std::fs::read_to_string(self.data().join("logs/agent.log")).unwrap_or_default()
    }
}

const STATE: &str = r"{.metadata.labels.nvidia\.com/mig\.config\.state}";

fn allocatable(resource: &str) -> String {
    format!(r"{{.status.allocatable.nvidia\.com/{}}}", resource.replace('.', r"\."))
}

/// A Pod that holds this on a node until it is deleted.
fn holds(namespace: &Namespace<'_>, name: &str, node: &str, resource: &str) {
    let more =
        format!("nodeSelector: {{kubernetes.io/hostname: {node}}}\ntolerations: [{{operator: Exists}}]\nterminationGracePeriodSeconds: 0");
    let limits = format!("image: busybox:1\n    resources: {{limits: {{{resource}: 1}}}}");
    let yaml = pod(name, "while true; do sleep 1; done", &more).replace("image: busybox:1", &limits);
    let applied = namespace.apply(&yaml);
    assert!(applied.status.success(), "{}", said(&applied));
    namespace.phase(name, "Running");
}

#[test]
fn a_label_cuts_the_cards_and_what_is_advertised_follows() {
    let cluster = with_mig();
    cluster.asks("cut-a", "all-1g.5gb");
    cluster.becomes("cut-a", STATE, "pending");
    cluster.becomes("cut-a", &allocatable("mig-1g.5gb"), "0");
    cluster.becomes("cut-a", STATE, "success");
    cluster.becomes("cut-a", &allocatable("mig-1g.5gb"), "14");
    cluster.becomes("cut-a", &allocatable("mig-3g.20gb"), "");
    cluster.becomes("cut-a", r"{.metadata.labels.nvidia\.com/mig-1g\.5gb\.count}", "14");
    cluster.becomes("cut-a", r"{.metadata.labels.nvidia\.com/mig-3g\.20gb\.count}", "");
    cluster.asks("cut-a", "all-disabled");
    cluster.becomes("cut-a", &allocatable("gpu"), "2");
    cluster.becomes("cut-a", STATE, "success");
    cluster.becomes("cut-a", r"{.metadata.labels.nvidia\.com/mig-1g\.5gb\.product}", "");
    assert_eq!(cluster.of_node("cut-a", r"{.metadata.labels.nvidia\.com/mig\.strategy}"), "mixed");
}

#[test]
fn a_card_that_a_pod_uses_is_not_cut_and_its_log_says_so() {
    let cluster = with_mig();
    let namespace = cluster.namespace("mig-in-use");
    holds(&namespace, "holder", "used", "nvidia.com/gpu");
    cluster.asks("used", "all-3g.20gb");
    cluster.becomes("used", STATE, "failed");
    cluster.becomes("used", &allocatable("gpu"), "2");
    assert!(cluster.agent_log().contains("in use by another client"), "{}", cluster.agent_log());
    namespace.phase("holder", "Running");
    // The same value again is no change; another is, and then the same one is, too.
    namespace.ok(&["delete", "pod", "holder"]);
    cluster.asks("used", "all-disabled");
    cluster.becomes("used", STATE, "success");
    cluster.asks("used", "all-3g.20gb");
    cluster.becomes("used", &allocatable("mig-3g.20gb"), "4");
    holds(&namespace, "holder", "used", "nvidia.com/mig-3g.20gb");
}

#[test]
fn what_no_card_can_hold_and_what_nobody_knows_fails() {
    let cluster = with_mig();
    for config in ["all-1g.10gb", "all-7g.80gb"] {
        cluster.asks("alike", config);
        cluster.becomes("alike", STATE, "success");
    }
    cluster.becomes("alike", r"{.metadata.labels.nvidia\.com/gpu\.product}", "NVIDIA-H100-80GB-HBM3-MIG-7g.80gb");
    for (config, reason) in
        [("all-1g.5gb", "has no MIG profile"), ("all-balanced", "slices of one profile"), ("no-such", "no MIG configuration")]
    {
        cluster.asks("alike", config);
        cluster.becomes("alike", STATE, "failed");
        until("the log says why", || if cluster.agent_log().contains(reason) { Ok(()) } else { Err(cluster.agent_log()) });
        cluster.becomes("alike", &allocatable("gpu"), "2");
        cluster.asks("alike", "all-7g.80gb");
        cluster.becomes("alike", STATE, "success");
    }
}

#[test]
fn a_restart_of_the_agent_undoes_no_cut() {
    let cluster = with_mig();
    cluster.asks("kept", "all-balanced");
    cluster.becomes("kept", &allocatable("mig-3g.40gb"), "1");
    let agent = || cluster.processes().into_iter().find(|line| line.contains(" agent --")).unwrap_or_default();
    let before = agent();
    let (process, _) = before.split_once(' ').expect("an agent runs");
    assert!(Command::new("kill").args(["-KILL", process]).status().expect("kill runs").success());
    until("another agent runs", || match agent() {
        now if !now.is_empty() && now != before => Ok(()),
        now => Err(now),
    });
    // What it answers now it can only know from before.
    cluster.asks("kept", "all-3g.40gb");
    cluster.becomes("kept", &allocatable("mig-3g.40gb"), "2");
    cluster.asks("kept", "all-balanced");
    cluster.becomes("kept", &allocatable("mig-2g.20gb"), "1");
    assert_eq!(cluster.of_node("kept", STATE), "success");
    assert_eq!(cluster.of_node("kept", r"{.metadata.labels.nvidia\.com/mig\.config}"), "all-balanced");
}

#[test]
fn a_node_can_be_made_to_hang_or_to_fail() {
    let cluster = with_mig();
    cluster.asks("stuck", "all-1g.10gb");
    cluster.becomes("stuck", STATE, "pending");
    cluster.becomes("stuck", &allocatable("gpu"), "0");
    cluster.asks("fails", "all-1g.10gb");
    cluster.becomes("fails", STATE, "failed");
    cluster.becomes("fails", &allocatable("gpu"), "1");
    assert_eq!(cluster.of_node("stuck", STATE), "pending");
}

#[test]
fn the_cuts_that_can_be_asked_for_stand_where_the_gpu_operator_puts_them() {
    let list =
        with_mig().admin(&["get", "configmap", "-n", "gpu-operator", "default-mig-parted-config", "-o", r"jsonpath={.data.config\.yaml}"]);
    assert!(said(&list).contains("all-balanced:"), "{}", said(&list));
}
