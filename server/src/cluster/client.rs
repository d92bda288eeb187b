//! Clients from a kubeconfig, and the sentences for one that is broken.

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::Source;

/// Why no client could be made. Each is a sentence for whoever starts the server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file cannot be used.
    #[error("the kubeconfig {path} cannot be used: {reason}; give another with --kubeconfig")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What the reader said.
        reason: String,
    },
    /// There is none.
    #[error("no cluster is configured: {0}; set KUBECONFIG, or give a file with --kubeconfig")]
    NoCluster(String),
    /// Its certificates or address do not make a client.
    #[error("the kubeconfig's cluster or user cannot be used: {0}")]
    Client(String),
}

/// Reads the configuration that `source` names.
pub(super) async fn config(source: &Source) -> Result<Config, ConnectError> {
    let mut config = match source {
        Source::File(path) => {
            let broken = |error: KubeconfigError| ConnectError::Kubeconfig { path: path.display().to_string(), reason: first_line(&error) };
            let kubeconfig = Kubeconfig::read_from(path).map_err(broken)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(broken)?
        }
        Source::Current => Config::infer().await.map_err(|error| ConnectError::NoCluster(error.to_string()))?,
    };
    // Watches and followed logs are silent for as long as nothing happens; they have idle limits of their own.
    config.read_timeout = None;
    Ok(config)
}

/// A parser's message goes on with a drawing of the place; the place itself is in the first line.
fn first_line(error: &KubeconfigError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Makes a client, with connections of its own.
pub(super) fn make(config: Config) -> Result<Client, ConnectError> {
    Client::try_from(config).map_err(|error| ConnectError::Client(error.to_string()))
}
