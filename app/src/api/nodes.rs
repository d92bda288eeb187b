//! Nodes: what the Nodes and Node pages ask.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use slipway_domain::node::{Fleet, NodeDetail, NodeQuery};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// A page of the nodes.
#[server(endpoint = "nodes/list", input = GetUrl, output = Json)]
pub async fn list_nodes(query: NodeQuery) -> Result<Fleet, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.nodes.list(&caller, query).await)
}

/// One node.
#[server(endpoint = "nodes/get", input = GetUrl, output = Json)]
pub async fn get_node(name: String) -> Result<NodeDetail, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.nodes.get(&caller, &name).await)
}

/// Keeps new Pods off a node, or lets them come again.
#[server(endpoint = "nodes/cordon", input = Json, output = Json)]
pub async fn set_cordoned(name: String, cordoned: bool) -> Result<(), Failure> {
    let (ports, caller) = asker()?;
    answer(ports.nodes.set_cordoned(&caller, &name, cordoned).await)
}
