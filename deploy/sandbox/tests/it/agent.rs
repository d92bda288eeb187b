//! Pods on the sandbox's nodes behave as a kubelet's would.

use std::process::Command;

use super::cluster::{Cluster, pod, said, shared};

#[test]
fn a_job_runs_to_its_end_and_kubectl_can_wait_for_it() {
    let namespace = shared().namespace("job");
    namespace.ok(&["create", "job", "hello", "--image=busybox:1", "--", "sh", "-c", "echo hello from $HOSTNAME"]);
    namespace.ok(&["wait", "--for=condition=complete", "--timeout=60s", "job/hello"]);
    let log = namespace.logs(&["job/hello"]);
    assert!(log.starts_with("hello from hello-"), "{log}");
}

#[test]
fn an_exit_code_is_told_and_a_failed_pod_says_it() {
    let namespace = shared().namespace("exit-code");
    namespace.pod("failing", "echo last words; exit 42", "");
    namespace.phase("failing", "Failed");
    let code = namespace.becomes("pod", "failing", "{.status.containerStatuses[0].state.terminated.exitCode}", |code| !code.is_empty());
    assert_eq!(code, "42");
}

#[test]
fn a_container_has_its_image_whole_also_where_its_own_tmp_hides_it() {
    let namespace = shared().namespace("image-in-tmp");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: tool}\nspec: {restartPolicy: Never, containers: [{name: main, image: 'example/tool:v1'}]}";
    assert!(namespace.apply(pod).status.success());
    namespace.phase("tool", "Succeeded");
    let log = namespace.logs(&["tool"]);
    assert!(log.starts_with("what the image brings\n"), "{log}");
    assert_eq!(log.lines().count(), 2, "this machine's temporary files are seen: {log}");
}

#[test]
fn environment_comes_from_where_the_container_says() {
    let namespace = shared().namespace("environment");
    namespace.ok(&["create", "configmap", "settings", "--from-literal=colour=blue", "--from-literal=SIZE=large"]);
    namespace.ok(&["create", "secret", "generic", "secrets", "--from-literal=word=sesame"]);
    let env = "\
image: busybox:1
    envFrom: [{configMapRef: {name: settings}}]
    resources: {limits: {cpu: 500m, memory: 64Mi}}
    env:
    - {name: PLAIN, value: plain}
    - {name: EXPANDED, value: 'is $(PLAIN), not $$(PLAIN)'}
    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
    - {name: WORD, valueFrom: {secretKeyRef: {name: secrets, key: word}}}
    - {name: MISSING, valueFrom: {secretKeyRef: {name: nowhere, key: word, optional: true}}}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: MILLICPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory}}}";
    let script = "echo $PLAIN/$EXPANDED/$COLOUR/$SIZE/$WORD/${MISSING-unset}/$POD/$MILLICPU/$MEMORY; test -n \"$NODE\"";
    let applied = namespace.apply(&pod("env", script, "").replace("image: busybox:1", env));
    assert!(applied.status.success(), "{}", said(&applied));
    namespace.phase("env", "Succeeded");
    assert_eq!(namespace.logs(&["env"]).trim(), "plain/is plain, not $(PLAIN)/blue/large/sesame/unset/env/500/67108864");
}

#[test]
fn a_container_with_a_gpu_is_told_which_and_no_two_share_one() {
    let namespace = shared().namespace("gpus");
    let wants = |name: &str| {
        pod(name, "echo $NVIDIA_VISIBLE_DEVICES; while true; do sleep 1; done", "nodeSelector: {kubernetes.io/hostname: gpu-a}")
            .replace("image: busybox:1", "image: busybox:1\n    resources: {limits: {nvidia.com/gpu: 2}}")
    };
    let mut seen = Vec::new();
    for name in ["one", "two"] {
        let tolerant = format!("{}  tolerations: [{{operator: Exists}}]\n", wants(name));
        assert!(namespace.apply(&tolerant).status.success());
        namespace.phase(name, "Running");
        let devices = namespace.prints(name, "\n").trim().to_owned();
        seen.extend(devices.split(',').map(str::to_owned));
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((all, seen.len()), (4, 4), "{seen:?}");
}

#[test]
fn a_container_that_fails_is_started_again_and_its_earlier_log_is_kept() {
    let namespace = shared().namespace("restart");
    let more = "volumes: [{name: state, emptyDir: {}}]";
    let script = "n=$(cat /state/n 2>/dev/null || echo 0); echo attempt $n; echo $((n+1)) > /state/n; test $n -ge 1";
    let yaml = pod("again", script, more)
        .replace("restartPolicy: Never", "restartPolicy: OnFailure")
        .replace("image: busybox:1", "image: busybox:1\n    volumeMounts: [{name: state, mountPath: /state}]");
    assert!(namespace.apply(&yaml).status.success());
    namespace.phase("again", "Succeeded");
    assert_eq!(namespace.becomes("pod", "again", "{.status.containerStatuses[0].restartCount}", |_| true), "1");
    assert_eq!(namespace.logs(&["again"]).trim(), "attempt 1");
    assert_eq!(namespace.logs(&["again", "--previous"]).trim(), "attempt 0");
}

#[test]
fn init_containers_run_first_and_one_after_the_other() {
    let namespace = shared().namespace("init");
    let more = "\
volumes: [{name: work, emptyDir: {}}]
initContainers:
- {name: first, image: busybox:1, command: [sh, -c, 'echo one >> /work/order'], volumeMounts: [{name: work, mountPath: /work}]}
- {name: second, image: busybox:1, command: [sh, -c, 'echo two >> /work/order'], volumeMounts: [{name: work, mountPath: /work}]}";
    let yaml = pod("ordered", "cat /work/order", more)
        .replace("image: busybox:1\n    command", "image: busybox:1\n    volumeMounts: [{name: work, mountPath: /work}]\n    command");
    assert!(namespace.apply(&yaml).status.success());
    namespace.phase("ordered", "Succeeded");
    assert_eq!(namespace.logs(&["ordered", "-c", "main"]), "one\ntwo\n");
}

#[test]
fn an_image_that_nothing_stands_for_is_refused_with_what_there_is() {
    let namespace = shared().namespace("image");
    assert!(namespace.apply(&pod("unknown", "true", "").replace("busybox:1", "nowhere/at/all:v9")).status.success());
    let path = "{.status.containerStatuses[0].state.waiting.message}";
    let message = namespace.becomes("pod", "unknown", path, |message| !message.is_empty());
    assert!(message.contains("stands for image \"nowhere/at/all:v9\"") && message.contains("busybox"), "{message}");
    assert!(namespace.apply(&pod("missing", "true", "").replace("busybox:1", "example/gone:v1")).status.success());
    let message = namespace.becomes("pod", "missing", path, |message| !message.is_empty());
    assert!(message.contains("/nowhere/at/all, which is not there"), "{message}");
}

#[test]
fn a_container_that_is_told_to_end_has_its_grace_to_do_so() {
    let namespace = shared().namespace("grace");
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: words}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    assert!(namespace.apply(claim).status.success());
    let mount = "image: busybox:1\n    volumeMounts: [{name: words, mountPath: /words}]";
    let more = "volumes: [{name: words, persistentVolumeClaim: {claimName: words}}]";
    let script = "trap 'echo farewell > /words/last; exit 0' TERM; echo ready; while true; do sleep 0.1; done";
    assert!(namespace.apply(&pod("polite", script, more).replace("image: busybox:1", mount)).status.success());
    namespace.prints("polite", "ready");
    namespace.ok(&["delete", "pod", "polite"]);
    let reader = pod("reader", "cat /words/last", more).replace("image: busybox:1", mount);
    assert!(namespace.apply(&reader).status.success());
    namespace.phase("reader", "Succeeded");
    assert_eq!(namespace.logs(&["reader"]).trim(), "farewell");
}

#[test]
fn a_container_that_does_not_end_in_its_grace_is_killed() {
    let namespace = shared().namespace("killed");
    namespace.pod("deaf", "trap '' TERM; echo ready; while true; do sleep 0.1; done", "terminationGracePeriodSeconds: 1");
    namespace.prints("deaf", "ready");
    namespace.ok(&["delete", "pod", "deaf", "--timeout=30s"]);
}

#[test]
fn what_runs_goes_on_when_the_agent_is_killed() {
    let cluster = Cluster::start();
    let namespace = cluster.namespace("agent-killed");
    namespace.pod("counter", "i=0; while [ $i -lt 60 ]; do echo $i $$; i=$((i+1)); sleep 0.1; done", "");
    namespace.phase("counter", "Running");
    let agents: Vec<String> = cluster
        .processes()
        .iter()
        .filter(|line| line.contains(" agent --"))
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    assert!(!agents.is_empty(), "{:?}", cluster.processes());
    for agent in &agents {
        assert!(Command::new("kill").args(["-KILL", agent]).status().expect("kill runs").success());
    }
    namespace.phase("counter", "Succeeded");
    let log = namespace.logs(&["counter"]);
    let (numbers, processes): (Vec<u32>, Vec<&str>) = log
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(number, process)| (number.parse::<u32>().expect("a number"), process))
        .unzip();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    assert!(processes.windows(2).all(|pair| pair[0] == pair[1]), "one process printed all of it");
    assert_eq!(namespace.becomes("pod", "counter", "{.status.containerStatuses[0].restartCount}", |_| true), "0");
}
