//! The command line. Each option of `serve` can also be set in the environment, under the name that `--help` shows.

use std::{ffi::OsStr, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use clap::{Arg, Args, Parser, Subcommand, ValueEnum, builder::TypedValueParser, error::ErrorKind};
use slipway_domain::{audit::ExportFormat, person::PersonName, team::TeamName};

use crate::{cluster::Source, cluster::manifest, http, prometheus, serve};

/// Between two readings of how busy the GPUs are.
const READ_EVERY: Duration = Duration::from_secs(15);

/// The time in which a GPU must have done nothing to be idle.
const IDLE_WINDOW: Duration = Duration::from_mins(30);

/// The control plane for training on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "slipway-server", version, propagate_version = true)]
pub struct Command {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Serve the pages until told to end (SIGTERM or Ctrl-C)
    Serve(Box<Serve>),
    /// Give Slipway's account its rights in a cluster, in the name of a cluster admin
    Setup(Setup),
    /// Print a one-time link: for the first admin, or for somebody who lost their password
    ///
    /// The link alone is on standard output. The exit status is 3 where the first admin's link is asked for and there is an
    /// admin who can sign in.
    AdminLink(AdminLink),
    /// The audit log
    #[command(subcommand)]
    Audit(Audit),
}

/// The database.
#[derive(Debug, Args)]
pub struct Database {
    /// Where everything is kept that the cluster forgets: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, env = "SLIPWAY_DATABASE", default_value = "sqlite://slipway.db", hide_env_values = true)]
    pub database: String,
}

/// The address that people type.
#[derive(Debug, Args)]
pub struct PublicUrl {
    /// The address that people type, which begins with `https://` where a proxy in front speaks TLS [default: the address listened on]
    #[arg(long, env = "SLIPWAY_PUBLIC_URL", value_parser = public_url)]
    pub public_url: Option<String>,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port to listen on
    #[arg(long, env = "SLIPWAY_LISTEN", default_value = "127.0.0.1:7070")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub cluster: Cluster,
    /// The folder with `pkg/slipway.js`, `pkg/slipway_bg.wasm` and the style sheet
    #[arg(long, env = "SLIPWAY_SITE_ROOT", default_value = "target/site")]
    pub site_root: PathBuf,
    #[command(flatten)]
    pub public_url: PublicUrl,
    /// The image of Slipway's own trainer
    #[arg(long, env = "SLIPWAY_TRAINER_IMAGE", default_value = "slipway/trainer:latest")]
    pub trainer_image: String,
    /// Size of the volume that each team's runs share, as a Kubernetes quantity
    #[arg(long, env = "SLIPWAY_TEAM_VOLUME_SIZE", default_value = "20Gi")]
    pub team_volume_size: String,
    /// Storage class of that volume [default: the cluster's]
    #[arg(long, env = "SLIPWAY_STORAGE_CLASS")]
    pub storage_class: Option<String>,
    /// Believe the last address in `X-Forwarded-For`: only behind a proxy that sets it
    #[arg(long, env = "SLIPWAY_TRUST_PROXY")]
    pub trust_proxy: bool,
    /// What Prometheus must send to /metrics as a bearer token [default: only this machine may ask]
    #[arg(long, env = "SLIPWAY_METRICS_TOKEN", hide_env_values = true)]
    pub metrics_token: Option<String>,
    /// The Prometheus that scrapes NVIDIA's exporters, which tells how busy the GPUs are: `http://` or `https://`, a host, and a
    /// path where it has one [default: utilisation is not measured]
    #[arg(long, env = "SLIPWAY_PROMETHEUS", value_name = "URL", value_parser = PrometheusUrl)]
    pub prometheus: Option<String>,
    /// What Prometheus wants as a bearer token
    #[arg(long, env = "SLIPWAY_PROMETHEUS_TOKEN", hide_env_values = true, requires = "prometheus")]
    pub prometheus_token: Option<String>,
    /// How the log is written, to standard error
    #[arg(long, env = "SLIPWAY_LOG", value_enum, default_value_t = Log::Text)]
    pub log: Log,
}

/// Which cluster.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Cluster {
    /// The cluster of this kubeconfig
    #[arg(long, env = "SLIPWAY_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// `current`: the cluster of KUBECONFIG, of the user's kubeconfig, or around this Pod
    #[arg(long, env = "SLIPWAY_CLUSTER", value_enum)]
    pub cluster: Option<Which>,
}

/// See [`Cluster`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Whatever `kubectl` would use.
    Current,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Log {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Text,
}

/// Options of `setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// A kubeconfig of somebody who may do everything in the cluster
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: PathBuf,
}

/// Options of `admin-link`.
#[derive(Debug, Args)]
pub struct AdminLink {
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub public_url: PublicUrl,
    /// For this person, whose password and sessions end
    #[arg(long, value_parser = PersonName::parse)]
    pub person: Option<PersonName>,
}

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check that the audit log is what was written, and print SEQ:HASH of its last row
    Verify(Verify),
    /// Write the audit log to standard output, oldest row first, each as it is hashed
    Export(Export),
}

/// Options of `audit export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub database: Database,
    /// `csv` or `jsonl`
    #[arg(long, default_value = "jsonl", value_parser = ExportFormat::parse)]
    pub format: ExportFormat,
    /// From this day or minute on, in UTC: 2026-11-24 or 2026-11-24T12:00
    #[arg(long, default_value = "", hide_default_value = true)]
    pub from: String,
    /// Until this minute, or to the end of this day
    #[arg(long, default_value = "", hide_default_value = true)]
    pub until: String,
    /// What concerns this team alone
    #[arg(long, value_parser = TeamName::parse)]
    pub team: Option<TeamName>,
}

/// Options of `audit verify`.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub database: Database,
    /// SEQ:HASH as an earlier call printed it, which must still be there
    #[arg(long)]
    pub known: Option<Known>,
}

/// A row of the audit log that was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub seq: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

impl FromStr for Known {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (seq, hash) = text.split_once(':')?;
            Some(Self { seq: seq.parse().ok()?, hash: hash.to_ascii_lowercase() })
        };
        read().filter(|known| known.hash.len() == 64).ok_or_else(|| "it is a number, a colon and 64 hexadecimal digits".to_owned())
    }
}

fn public_url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ', '@']) => Ok(url.to_owned()),
        _ => Err("it is http:// or https:// and a host, without a path".to_owned()),
    }
}

/// Reads the address of a Prometheus. A refused one is not repeated, as clap would by itself: somebody may have put a password there.
#[derive(Clone, Copy, Debug)]
struct PrometheusUrl;

impl TypedValueParser for PrometheusUrl {
    type Value = String;
    fn parse_ref(&self, command: &clap::Command, _arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        let refused = "--prometheus is http:// or https://, a host, and a path where Prometheus has one; \
                       a token is given with --prometheus-token";
        let read = value.to_str().and_then(prometheus_url);
        read.ok_or_else(|| clap::Error::raw(ErrorKind::ValueValidation, format!("{refused}\n")).with_cmd(command))
    }
}

fn prometheus_url(text: &str) -> Option<String> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    // What stands after the last colon of an authority is a port, where it does not end an address in brackets.
    let has_port = |uri: &hyper::Uri| {
        let authority = uri.authority().map_or("", hyper::http::uri::Authority::as_str);
        authority.rsplit_once(':').is_none_or(|(_, port)| port.ends_with(']') || port.parse::<u16>().is_ok())
    };
    let plain = !host.is_empty() && !host.starts_with('/') && !host.contains(['?', '#', ' ', '@']);
    (plain && url.parse::<hyper::Uri>().is_ok_and(|uri| has_port(&uri))).then(|| url.to_owned())
}

impl PublicUrl {
    /// The address, or this machine's own.
    pub fn or(&self, listen: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{listen}"))
    }
}

impl Serve {
    /// What [`serve::start`] is told.
    pub fn settings(self) -> serve::Settings {
        let public_url = self.public_url.or(self.listen);
        serve::Settings {
            listen: self.listen,
            database: self.database.database,
            cluster: self.cluster.kubeconfig.map_or(Source::Current, Source::File),
            prometheus: self.prometheus.map(|url| prometheus::Settings {
                url,
                token: self.prometheus_token,
                every: READ_EVERY,
                window: IDLE_WINDOW,
            }),
            web: http::Settings { public_url, trust_proxy: self.trust_proxy, metrics_token: self.metrics_token, site_root: self.site_root },
            objects: manifest::Settings {
                trainer_image: self.trainer_image,
                claim: "team".to_owned(),
                mount: "/team".to_owned(),
                claim_size: self.team_volume_size,
                storage_class: self.storage_class,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Command::command().debug_assert();
    }

    #[test]
    fn serving_needs_one_cluster() {
        assert!(Command::try_parse_from(["s", "serve"]).is_err());
        assert!(Command::try_parse_from(["s", "serve", "--cluster", "current", "--kubeconfig", "f"]).is_err());
        assert!(Command::try_parse_from(["s", "serve", "--cluster", "current"]).is_ok());
    }

    #[test]
    fn prometheus_has_an_address_of_the_web_without_credentials() {
        assert_eq!(prometheus_url("https://prometheus.example.org/").as_deref(), Some("https://prometheus.example.org"));
        assert_eq!(prometheus_url("http://thanos:9090/team/prometheus").as_deref(), Some("http://thanos:9090/team/prometheus"));
        let serve = ["s", "serve", "--cluster", "current"];
        for bad in ["", "prometheus:9090", "http://", "https:///x", "ftp://a", "http://u:p@a", "http://a?x", "http://a b", "http://a:x"] {
            let said = Command::try_parse_from(serve.iter().chain(&["--prometheus", bad])).expect_err(bad).to_string();
            assert!(said.contains("--prometheus is http://"), "{bad}: {said}");
            assert!(!said.contains("u:p@a"), "a password is not repeated: {said}");
        }
        assert!(Command::try_parse_from(serve.iter().chain(&["--prometheus-token", "t"])).is_err(), "a token is for somebody");
    }

    #[test]
    fn a_public_url_has_no_path() {
        assert_eq!(public_url("https://slipway.example.org/"), Ok("https://slipway.example.org".to_owned()));
        for bad in ["", "slipway.example.org", "https://", "https://a/b", "ftp://a", "https://u@a"] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }
}
