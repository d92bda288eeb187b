//! The control plane is the real one: it knows who asks, counts what is used, and keeps what it was told.

use super::cluster::{Cluster, pod, said, shared, until};

#[test]
fn every_node_is_ready_with_the_gpus_that_nvidias_plugin_would_say_it_has() {
    let cluster = shared();
    let field = |node: &str, path: &str| {
        let output = cluster.admin(&["get", "node", node, "-o", &format!("jsonpath={path}")]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for node in ["gpu-a", "gpu-b", "gpu-h", "cpu-a"] {
        until("the node is ready", || match field(node, r#"{.status.conditions[?(@.type=="Ready")].status}"#).as_str() {
            "True" => Ok(()),
            other => Err(format!("{node}: Ready is {other}")),
        });
    }
    assert_eq!(field("gpu-a", r"{.status.allocatable.nvidia\.com/gpu}"), "8");
    assert_eq!(field("gpu-a", r"{.metadata.labels.nvidia\.com/gpu\.product}"), "NVIDIA-A100-SXM4-80GB");
    assert_eq!(field("gpu-b", r"{.status.allocatable.nvidia\.com/mig-1g\.5gb}"), "3");
    assert_eq!(field("gpu-b", r"{.status.allocatable.nvidia\.com/mig-7g\.40gb}"), "1");
    assert_eq!(field("gpu-b", r"{.status.allocatable.nvidia\.com/gpu}"), "1");
    assert_eq!(field("cpu-a", r"{.status.allocatable.nvidia\.com/gpu}"), "");
    let described = cluster.admin(&["describe", "node", "gpu-b"]);
    assert!(described.status.success() && said(&described).contains("nvidia.com/mig-2g.10gb"), "{}", said(&described));
}

#[test]
fn an_account_may_do_what_rbac_gave_it_and_nothing_else() {
    let cluster = shared();
    let namespace = cluster.namespace("rbac");
    let refused = cluster.client(&["get", "pods", "-n", "rbac"]);
    assert!(said(&refused).contains("User \"engineer\" cannot list resource \"pods\""), "{}", said(&refused));
    namespace.ok(&["create", "rolebinding", "see", "--clusterrole=view", "--user=engineer"]);
    until("the role holds", || {
        let seen = cluster.client(&["get", "pods", "-n", "rbac"]);
        if seen.status.success() { Ok(()) } else { Err(said(&seen)) }
    });
    for forbidden in [&["get", "pods", "-n", "kube-system"][..], &["get", "secrets", "-n", "rbac"], &["delete", "node", "cpu-a"]] {
        let refused = cluster.client(forbidden);
        assert!(said(&refused).contains("Forbidden") || said(&refused).contains("forbidden"), "{forbidden:?}: {}", said(&refused));
    }
    let stranger = cluster.admin(&["--as=nobody-at-all", "get", "pods", "-n", "rbac"]);
    assert!(said(&stranger).contains("forbidden"), "{}", said(&stranger));
}

#[test]
fn a_quota_refuses_what_goes_beyond_it_with_its_arithmetic() {
    let namespace = shared().namespace("quota");
    namespace.ok(&["create", "quota", "gpus", "--hard=requests.nvidia.com/gpu=2"]);
    namespace.becomes("resourcequota", "gpus", r"{.status.hard.requests\.nvidia\.com/gpu}", |hard| hard == "2");
    let three = pod("three", "true", "").replace("image: busybox:1", "image: busybox:1\n    resources: {limits: {nvidia.com/gpu: 3}}");
    let refused = namespace.apply(&three);
    assert!(said(&refused).contains("exceeded quota: gpus, requested: requests.nvidia.com/gpu=3"), "{}", said(&refused));
}

#[test]
fn a_pod_that_no_node_can_hold_waits_and_the_scheduler_says_why() {
    let namespace = shared().namespace("unschedulable");
    let many = pod("many", "true", "").replace("image: busybox:1", "image: busybox:1\n    resources: {limits: {nvidia.com/gpu: 64}}");
    assert!(namespace.apply(&many).status.success());
    let message = namespace.becomes("pod", "many", "{.status.conditions[0].message}", |message| !message.is_empty());
    assert!(message.starts_with("0/4 nodes are available"), "{message}");
}

#[test]
fn a_folder_that_is_in_use_is_refused_and_the_process_that_has_it_is_named() {
    let cluster = shared();
    let second = cluster.command().output().expect("it runs");
    assert!(!second.status.success());
    assert!(said(&second).contains("is in use by process"), "{}", said(&second));
}

#[test]
fn killed_with_a_signal_it_cannot_catch_it_leaves_no_process_and_loses_nothing() {
    let mut cluster = Cluster::start();
    {
        let namespace = cluster.namespace("kept");
        namespace.ok(&["create", "configmap", "note", "--from-literal=text=kept"]);
        namespace.pod("long", "while true; do sleep 1; done", "");
        namespace.phase("long", "Running");
    }
    cluster.end("-KILL");
    until("every process has ended", || match cluster.processes() {
        left if left.is_empty() => Ok(()),
        left => Err(left.join("\n")),
    });
    assert_eq!(cluster.status().status.code(), Some(3));

    cluster.up();
    let note = cluster.admin(&["get", "configmap", "note", "-n", "kept", "-o", "jsonpath={.data.text}"]);
    assert_eq!(String::from_utf8_lossy(&note.stdout), "kept", "{}", said(&note));
    cluster.end("-TERM");
    assert_eq!(cluster.processes(), Vec::<String>::new());
}
