//! When each part may be relied upon: asked of the part itself, over TLS, never guessed from time passed.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::{Api, Client};
use tokio::time::{sleep, timeout};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns once an HTTP server answers `path` with success.
pub async fn answers(client: &Client, path: &str) {
    until(|| async move {
        let request = http_get(path);
        matches!(timeout(PATIENCE, client.request_text(request)).await, Ok(Ok(_)))
    })
    .await;
}

/// Returns once Pods can be made in the namespace `default`, for which the controllers make a service account.
pub async fn makes_service_accounts(client: &Client) {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let accounts = &accounts;
    until(|| async move { matches!(timeout(PATIENCE, accounts.get("default")).await, Ok(Ok(_))) }).await;
}

/// Returns once every node of `names` is ready and has been heard of after `since`.
pub async fn nodes_ready(client: &Client, names: &[String], since: Timestamp) {
    for name in names {
        until(|| node_ready(client, name, since)).await;
    }
}

async fn node_ready(client: &Client, name: &str, since: Timestamp) -> bool {
    let nodes: Api<Node> = Api::all(client.clone());
    let leases: Api<Lease> = Api::namespaced(client.clone(), "kube-node-lease");
    let (Ok(Ok(node)), Ok(Ok(lease))) = (timeout(PATIENCE, nodes.get(name)).await, timeout(PATIENCE, leases.get(name)).await) else {
        return false;
    };
    // A node that was ready when the cluster was stopped still says so; its lease tells the time.
    let renewed = lease.spec.and_then(|spec| spec.renew_time);
    is_ready(&node) && renewed.is_some_and(|renewed| renewed.0 >= since)
}

pub fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

async fn until<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) {
    while !ask().await {
        sleep(PAUSE).await;
    }
}

fn http_get(path: &str) -> hyper::Request<Vec<u8>> {
    let mut request = hyper::Request::new(Vec::new());
    // Paths are constants of this program, and are valid.
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    request
}
