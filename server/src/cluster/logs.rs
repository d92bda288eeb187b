//! A container's output, as the node tells it.

use futures::AsyncBufRead;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use slipway_domain::team::TeamName;

use super::Cluster;

/// Which part of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFrom {
    /// From this second on: the node compares whole seconds, so lines before it within that second come again.
    pub since: Option<Timestamp>,
    /// Of the container before its last restart.
    pub previous: bool,
    /// Whether to stay until the container ends.
    pub follow: bool,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The Pod or the container is gone, or has not begun: asking again later may help only where the Pod still exists.
    #[error("there is no log of {0} now")]
    Nothing(String),
    /// The API server or the node cannot be reached.
    #[error("the log of {0} cannot be read: {1}")]
    Unreachable(String, String),
}

impl Cluster {
    /// Opens a container's output; each line begins with its RFC 3339 time in nanoseconds and a space.
    ///
    /// # Errors
    /// [`LogError::Nothing`] while there is none.
    pub async fn follow_log(
        &self,
        team: &TeamName,
        pod: &str,
        container: &str,
        from: LogFrom,
    ) -> Result<impl AsyncBufRead + Send + Unpin + use<>, LogError> {
        let pods: Api<Pod> = Api::namespaced(self.reader.clone(), team.as_str());
        let params = LogParams {
            container: Some(container.to_owned()),
            follow: from.follow,
            previous: from.previous,
            since_time: from.since,
            timestamps: true,
            ..LogParams::default()
        };
        match pods.log_stream(pod, &params).await {
            Ok(stream) => Ok(Box::pin(stream)),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => Err(LogError::Nothing(pod.to_owned())),
            Err(error) => Err(LogError::Unreachable(pod.to_owned(), error.to_string())),
        }
    }
}
