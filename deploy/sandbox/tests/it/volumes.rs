//! Volumes: what a container finds at its mount paths.

use super::cluster::{pod, said, shared};

const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 10Gi}}}\n";

#[test]
fn a_claim_is_bound_and_what_is_written_to_it_outlives_the_pod() {
    let namespace = shared().namespace("claim");
    assert!(namespace.apply(CLAIM).status.success());
    namespace.becomes("pvc", "data", "{.status.phase}", |phase| phase == "Bound");
    let mount = "image: busybox:1\n    volumeMounts: [{name: data, mountPath: /data, subPath: shared}]";
    let more = "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]";
    assert!(namespace.apply(&pod("writer", "echo written > /data/file", more).replace("image: busybox:1", mount)).status.success());
    namespace.phase("writer", "Succeeded");
    namespace.ok(&["delete", "pod", "writer"]);
    assert!(namespace.apply(&pod("reader", "cat /data/file", more).replace("image: busybox:1", mount)).status.success());
    namespace.phase("reader", "Succeeded");
    assert_eq!(namespace.logs(&["reader"]), "written\n");
}

#[test]
fn config_maps_and_secrets_are_files_and_two_containers_share_an_empty_folder() {
    let namespace = shared().namespace("files");
    namespace.ok(&["create", "configmap", "settings", "--from-literal=a.conf=alpha", "--from-literal=b.conf=beta"]);
    namespace.ok(&["create", "secret", "generic", "keys", "--from-literal=key=sesame"]);
    let yaml = "\
apiVersion: v1
kind: Pod
metadata: {name: files}
spec:
  restartPolicy: Never
  volumes:
  - {name: settings, configMap: {name: settings, items: [{key: b.conf, path: deep/b.conf}]}}
  - {name: keys, secret: {secretName: keys}}
  - {name: between, emptyDir: {}}
  containers:
  - name: left
    image: busybox:1
    command: [sh, -c, 'cat /settings/deep/b.conf /keys/key > /between/both; test ! -e /settings/a.conf']
    volumeMounts:
    - {name: settings, mountPath: /settings}
    - {name: keys, mountPath: /keys, readOnly: true}
    - {name: between, mountPath: /between}
  - name: right
    image: busybox:1
    command: [sh, -c, 'until test -s /between/both; do sleep 0.1; done; cat /between/both']
    volumeMounts: [{name: between, mountPath: /between}]
";
    let applied = namespace.apply(yaml);
    assert!(applied.status.success(), "{}", said(&applied));
    namespace.phase("files", "Succeeded");
    assert_eq!(namespace.logs(&["files", "-c", "right"]), "betasesame\n");
}

#[test]
fn a_volume_that_is_not_there_is_said_and_the_pod_starts_when_it_comes() {
    let namespace = shared().namespace("late");
    let mount = "image: busybox:1\n    volumeMounts: [{name: settings, mountPath: /settings}]";
    let more = "volumes: [{name: settings, configMap: {name: later}}]";
    assert!(namespace.apply(&pod("patient", "cat /settings/key", more).replace("image: busybox:1", mount)).status.success());
    let jsonpath = r#"{.items[?(@.reason=="FailedMount")].message}"#;
    super::cluster::until("the mount is said to fail", || match namespace.ok(&["get", "events", "-o", &format!("jsonpath={jsonpath}")]) {
        said if said.contains("later") => Ok(()),
        said => Err(said),
    });
    namespace.ok(&["create", "configmap", "later", "--from-literal=key=came"]);
    namespace.phase("patient", "Succeeded");
    assert_eq!(namespace.logs(&["patient"]), "came\n");
}
