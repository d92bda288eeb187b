//! The parts of the cluster and the flags they are started with.
//!
//! Four are Kubernetes' own, linked into one binary whose first argument says which to be; the fifth is
//! this program as the node agent. Each listens on 127.0.0.1 alone, behind TLS, and trusts one authority.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Error;
use super::certificates::{self, Authority};
use super::data::Data;
use super::kubeconfig;
use super::ports::Ports;
use super::program::Program;

/// How long a Pod may take to end is the Pod's own choice; this bounds it when the cluster is stopped.
const AGENT_PATIENCE: Duration = Duration::from_secs(40);
const PATIENCE: Duration = Duration::from_secs(10);

/// Who signs what; see [`certificates`].
pub struct Authorities {
    pub cluster: Authority,
    pub etcd: Authority,
    pub kubelet: Authority,
}

/// What the parts' flags are made of.
pub struct Setup<'a> {
    pub data: &'a Data,
    pub ports: Ports,
    pub authorities: &'a Authorities,
    /// The binary that holds Kubernetes.
    pub kubernetes: &'a Path,
    pub nodes: &'a Path,
    pub images: &'a Path,
    pub mig_configs: Option<&'a Path>,
}

impl Setup<'_> {
    pub fn etcd(&self) -> Result<Program, Error> {
        let (certificate, key) = certificates::write(self.data, "etcd", &self.authorities.etcd.peer("etcd")?)?;
        let authority = &self.authorities.etcd.file;
        let client = format!("https://127.0.0.1:{}", self.ports.etcd);
        let peers = format!("https://127.0.0.1:{}", self.ports.etcd_peers);
        self.part(
            "etcd",
            "etcd",
            Flags::default()
                .set("name", "sandbox")
                .path("data-dir", &self.data.path("etcd"))
                .set("listen-client-urls", &client)
                .set("advertise-client-urls", &client)
                .set("listen-peer-urls", &peers)
                .set("initial-advertise-peer-urls", &peers)
                .set("initial-cluster", format!("sandbox={peers}"))
                .set("client-cert-auth", "true")
                .set("peer-client-cert-auth", "true")
                .path("cert-file", &certificate)
                .path("key-file", &key)
                .path("trusted-ca-file", authority)
                .path("peer-cert-file", &certificate)
                .path("peer-key-file", &key)
                .path("peer-trusted-ca-file", authority)
                .set("log-level", "warn"),
        )
    }

    pub fn apiserver(&self) -> Result<Program, Error> {
        let authorities = self.authorities;
        let (certificate, key) = certificates::write(self.data, "apiserver", &authorities.cluster.server("apiserver")?)?;
        let to_etcd = authorities.etcd.client("apiserver", None)?;
        let (etcd_certificate, etcd_key) = certificates::write(self.data, "apiserver-etcd-client", &to_etcd)?;
        let to_kubelet = authorities.kubelet.client("apiserver", None)?;
        let (kubelet_certificate, kubelet_key) = certificates::write(self.data, "apiserver-kubelet-client", &to_kubelet)?;
        let (token_key, token_public_key) = certificates::keep_token_key(self.data)?;
        self.part(
            "apiserver",
            "apiserver",
            Flags::default()
                .set("etcd-servers", format!("https://127.0.0.1:{}", self.ports.etcd))
                .path("etcd-cafile", &authorities.etcd.file)
                .path("etcd-certfile", &etcd_certificate)
                .path("etcd-keyfile", &etcd_key)
                .set("bind-address", "127.0.0.1")
                .set("advertise-address", "127.0.0.1")
                // A loopback address cannot be an Endpoints address; nothing here goes through that Service.
                .set("endpoint-reconciler-type", "none")
                .set("secure-port", self.ports.apiserver.to_string())
                .path("tls-cert-file", &certificate)
                .path("tls-private-key-file", &key)
                .path("client-ca-file", &authorities.cluster.file)
                .set("anonymous-auth", "false")
                .set("authorization-mode", "RBAC")
                .path("kubelet-certificate-authority", &authorities.kubelet.file)
                .path("kubelet-client-certificate", &kubelet_certificate)
                .path("kubelet-client-key", &kubelet_key)
                .set("kubelet-preferred-address-types", "InternalIP")
                .set("service-account-issuer", "https://kubernetes.default.svc")
                .path("service-account-key-file", &token_public_key)
                .path("service-account-signing-key-file", &token_key)
                .set("service-cluster-ip-range", "10.0.0.0/24")
                .set("allow-privileged", "true")
                .set("profiling", "false"),
        )
    }

    pub fn controllers(&self) -> Result<Program, Error> {
        let user = "system:kube-controller-manager";
        let flags = self
            .delegating("controllers", user, self.ports.controllers)?
            .set("use-service-account-credentials", "true")
            .path("service-account-private-key-file", &self.data.path("certificates/service-accounts.key"))
            .path("root-ca-file", &self.authorities.cluster.file);
        self.part("controllers", "controllers", flags)
    }

    pub fn scheduler(&self) -> Result<Program, Error> {
        let flags = self.delegating("scheduler", "system:kube-scheduler", self.ports.scheduler)?;
        self.part("scheduler", "scheduler", flags)
    }

    pub fn agent(&self) -> Result<Program, Error> {
        let serving = self.authorities.kubelet.server("kubelet")?;
        let (certificate, key) = certificates::write(self.data, "kubelet", &serving)?;
        let mut flags = Flags::default()
            .path("kubeconfig", &self.kubeconfig("agent", "sandbox-agent")?)
            .path("nodes", self.nodes)
            .path("images", self.images)
            .path("data", &self.data.path("agent"))
            .path("kubelet-cert", &certificate)
            .path("kubelet-key", &key)
            .path("client-ca", &self.authorities.kubelet.file)
            .set("metrics-port", self.ports.metrics.to_string())
            .set("supervisor-pid", std::process::id().to_string());
        if let Some(path) = self.mig_configs {
            flags = flags.path("mig-configs", path);
        }
        Ok(Program { executable: PathBuf::from("/proc/self/exe"), patience: AGENT_PATIENCE, ..self.part("agent", "agent", flags)? })
    }

    /// Flags that the controllers and the scheduler share: they ask the API server who their own callers are.
    fn delegating(&self, part: &'static str, user: &str, port: u16) -> Result<Flags, Error> {
        let kubeconfig = self.kubeconfig(part, user)?;
        let (certificate, key) = certificates::write(self.data, part, &self.authorities.cluster.server(part)?)?;
        Ok(Flags::default()
            .path("kubeconfig", &kubeconfig)
            .path("authentication-kubeconfig", &kubeconfig)
            .path("authorization-kubeconfig", &kubeconfig)
            .set("bind-address", "127.0.0.1")
            .set("secure-port", port.to_string())
            .path("tls-cert-file", &certificate)
            .path("tls-private-key-file", &key)
            // One of each runs, so a lease could only delay it after a crash.
            .set("leader-elect", "false")
            .set("kube-api-qps", "100")
            .set("kube-api-burst", "200")
            .set("profiling", "false"))
    }

    /// Writes the kubeconfig of a part of the cluster.
    fn kubeconfig(&self, part: &str, user: &str) -> Result<PathBuf, Error> {
        let cluster = &self.authorities.cluster;
        let text = kubeconfig::text(user, self.ports.apiserver, cluster, &cluster.client(user, None)?);
        self.data.write(&format!("parts/{part}.kubeconfig"), &text)
    }

    fn part(&self, name: &'static str, subcommand: &str, flags: Flags) -> Result<Program, Error> {
        let mut args = vec![subcommand.to_owned()];
        args.extend(flags.0);
        Ok(Program { name, executable: self.kubernetes.to_path_buf(), args, log: self.data.log(name)?, patience: PATIENCE })
    }
}

/// Command line flags, written `--name=value`.
#[derive(Default)]
struct Flags(Vec<String>);

impl Flags {
    fn set(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.0.push(format!("--{name}={}", value.as_ref()));
        self
    }

    fn path(self, name: &str, path: &Path) -> Self {
        self.set(name, path.to_string_lossy())
    }
}
