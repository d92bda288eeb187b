//! Kubeconfigs: how a program finds the API server and proves who it is, in one file with nothing beside it.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use super::Error;
use super::certificates::{Authority, Identity};

/// Names that `--client` cannot have, because the cluster's own accounts are called so.
const OWN: [&str; 3] = ["sandbox-agent", "sandbox-volumes", "kubernetes-admin"];

/// The text of a kubeconfig for `user` at a port of this machine.
pub fn text(user: &str, port: u16, authority: &Authority, identity: &Identity) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sandbox",
        "clusters": [{"name": "sandbox", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority-data": base64(&authority.certificate),
        }}],
        "users": [{"name": user, "user": {
            "client-certificate-data": base64(&identity.certificate),
            "client-key-data": base64(&identity.key),
        }}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
    });
    // JSON is YAML; it is laid out so that a person can find the address in it.
    format!("{config:#}\n")
}

/// A client for the server that a kubeconfig describes.
pub async fn client(text: &str) -> Result<Client, Error> {
    let refuse = |reason: String| Error::Client { reason };
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| refuse(error.to_string()))?;
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(|error| refuse(error.to_string()))?;
    Client::try_from(config).map_err(|error| refuse(error.to_string()))
}

/// Whether `--client` may name an account so; the name becomes a user of the cluster and a file's name.
pub fn check_name(name: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase());
    if name.len() > 63 || !name.bytes().all(inner) || !edge(name.bytes().next()) {
        return Err("a client's name is at most 63 lower-case letters, digits and dashes, a letter first".into());
    }
    if OWN.contains(&name) {
        return Err(format!("\"{name}\" is an account of the cluster itself"));
    }
    Ok(name.to_owned())
}

fn base64(text: &str) -> serde_json::Value {
    // Kubernetes writes bytes as base64, and so does its type for them.
    json!(BTreeMap::from([("data", ByteString(text.as_bytes().to_vec()))]))["data"].take()
}
