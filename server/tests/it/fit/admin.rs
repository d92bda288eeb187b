//! The cluster as its administrator asks it, many requests at a time.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use axum::http::Request;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use crate::kubernetes::PATIENCE;

/// The label of everything that these tests make.
pub const LABEL: &str = "slipway.test/fit";

#[derive(Clone)]
pub struct Admin {
    pub client: Client,
}

impl Admin {
    pub async fn connect(kubeconfig: PathBuf) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("a kubeconfig");
        Self { client: Client::try_from(config).expect("a client") }
    }

    /// What the API server answers; its status and its words where it refuses.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, (u16, String)> {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", kind).body(bytes).expect("a request");
        self.client.request::<Value>(request).await.map_err(|error| match error {
            kube::Error::Api(status) => (status.code, status.message.clone()),
            other => panic!("{method} {path}: {other}"),
        })
    }

    /// Makes an object, which nothing refuses.
    #[track_caller]
    pub fn make(&self, path: &str, object: &Value) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move { self.call("POST", path, object).await.unwrap_or_else(|why| panic!("{at}: {why:?}\n{object}")) }
    }

    /// Changes an object, which nothing refuses.
    pub async fn patch(&self, path: &str, patch: &Value) -> Value {
        self.call("PATCH", path, patch).await.unwrap_or_else(|why| panic!("{path}: {why:?}\n{patch}"))
    }

    pub async fn get(&self, path: &str) -> Value {
        self.call("GET", path, &Value::Null).await.unwrap_or_else(|why| panic!("{path}: {why:?}"))
    }

    /// Deletes an object, or all of a collection, at once; what is gone already is no fault.
    pub async fn delete(&self, path: &str) {
        let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0 });
        match self.call("DELETE", path, &options).await {
            Ok(_) | Err((404, _)) => {}
            Err(why) => panic!("{path}: {why:?}"),
        }
    }

    /// Asks again until what is asked for is so.
    pub async fn until(&self, path: &str, so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let there = self.call("GET", path, &Value::Null).await;
            match there {
                Ok(there) if so(&there) => return there,
                other => assert!(begun.elapsed() < PATIENCE, "{path} is not as it must be: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Takes away everything that these tests made.
    pub async fn sweep(&self, classes: impl IntoIterator<Item = &str>) {
        let found = self.get(&format!("/api/v1/namespaces?labelSelector={LABEL}")).await;
        for namespace in found["items"].as_array().into_iter().flatten().filter_map(|item| item["metadata"]["name"].as_str()) {
            self.delete(&format!("/api/v1/namespaces/{namespace}/pods")).await;
            self.delete(&format!("/api/v1/namespaces/{namespace}")).await;
        }
        self.delete(&format!("/api/v1/nodes?labelSelector={LABEL}")).await;
        for class in classes {
            self.delete(&format!("/apis/scheduling.k8s.io/v1/priorityclasses/{class}")).await;
        }
    }
}
