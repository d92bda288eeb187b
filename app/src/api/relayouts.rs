//! Cutting a node's GPUs anew: what the Layout page shows. What is done there is done by its forms.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use slipway_domain::relayout::form::{LayoutForm, LayoutPage};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// A node's cut, what it can be, who would have to move, and what was and is done to it.
#[server(endpoint = "nodes/layout", input = GetUrl, output = Json)]
pub async fn get_layout(node: String, form: LayoutForm) -> Result<LayoutPage, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.relayouts.page(&caller, &node, form).await)
}
