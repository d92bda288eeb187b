//! How busy the GPUs are is told as NVIDIA's exporter tells it, of what really works.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::cluster::{Cluster, Namespace, pod, said, sandbox, shared, until};

impl Cluster {
    /// Lines of one metric.
    fn tells(&self, metric: &str) -> Vec<String> {
        let printed = sandbox().args(["metrics", "--data"]).arg(self.data()).output().expect("it runs");
        let printed = said(&printed);
        let address = printed.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/metrics")).expect("an address").to_owned();
        let mut stream = TcpStream::connect(&address).expect("the exporter listens");
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.lines().filter(|line| line.starts_with(&format!("{metric}{{"))).map(str::to_owned).collect()
    }

    /// Waits until a Pod's device reads something; its lines of the metric.
    fn reads(&self, metric: &str, pod: &str, is: impl Fn(f64) -> bool) -> Vec<String> {
        until(&format!("{metric} of {pod}"), || {
            let lines: Vec<String> = self.tells(metric).into_iter().filter(|line| line.contains(&format!("pod=\"{pod}\""))).collect();
            let value = |line: &String| line.rsplit_once(' ').and_then(|(_, value)| value.parse().ok());
            if !lines.is_empty() && lines.iter().filter_map(value).all(&is) { Ok(lines) } else { Err(format!("{lines:#?}")) }
        })
    }
}

fn runs(namespace: &Namespace<'_>, name: &str, script: &str, resource: &str, count: u32) {
    let limits = format!("image: busybox:1\n    resources: {{limits: {{{resource}: {count}}}}}");
    let yaml =
        pod(name, script, "tolerations: [{operator: Exists}]\nterminationGracePeriodSeconds: 0").replace("image: busybox:1", &limits);
    let applied = namespace.apply(&yaml);
    assert!(applied.status.success(), "{}", said(&applied));
    namespace.phase(name, "Running");
}

#[test]
fn a_pod_that_works_is_seen_on_its_gpu_and_one_that_sleeps_is_not() {
    let cluster = shared();
    let namespace = cluster.namespace("gpu-metrics");
    runs(
        &namespace,
        "works-hard",
        "while :; do head -c 20000000 /dev/zero | md5sum > /dev/null; sleep 0.1; done",
        "nvidia.com/mig-2g.10gb",
        1,
    );
    runs(&namespace, "only-sleeps", "sleep 600", "nvidia.com/gpu", 2);
    let busy = cluster.reads("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "works-hard", |value| value > 0.05);
    assert_eq!(busy.len(), 1, "{busy:#?}");
    assert!(
        busy[0].contains(r#"GPU_I_PROFILE="2g.10gb",GPU_I_ID="4",Hostname="gpu-b""#) && busy[0].contains(r#"namespace="gpu-metrics""#),
        "{busy:#?}"
    );
    let asleep = cluster.reads("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "only-sleeps", |value| value < 0.05);
    assert_eq!(asleep.len(), 2, "{asleep:#?}");
    assert!(cluster.tells("DCGM_FI_DEV_GPU_UTIL").iter().all(|line| !line.contains("GPU_I_PROFILE") && !line.contains("works-hard")));
    cluster.reads("DCGM_FI_DEV_GPU_UTIL", "only-sleeps", |value| value < 5.0);
    namespace.ok(&["delete", "pod", "works-hard", "only-sleeps"]);
    until("nobody has them any more", || {
        let held = cluster
            .tells("DCGM_FI_PROF_GR_ENGINE_ACTIVE")
            .into_iter()
            .filter(|line| line.contains("works-hard") || line.contains("only-sleeps"));
        let held: Vec<String> = held.collect();
        if held.is_empty() { Ok(()) } else { Err(format!("{held:#?}")) }
    });
}
