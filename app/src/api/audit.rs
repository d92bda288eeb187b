//! The audit log: what its page asks. That it is verified is asked for by a plain form (see `posted`).

use leptos::{prelude::*, server_fn::codec::GetUrl};
use slipway_domain::audit::{AuditPage, AuditQuery};

use super::{Failure, wire::Json};
#[cfg(feature = "ssr")]
use super::{answer, asker};

/// A page of the entries that the caller may see.
#[server(endpoint = "audit/list", input = GetUrl, output = Json)]
pub async fn list_audit(query: AuditQuery) -> Result<AuditPage, Failure> {
    let (ports, caller) = asker()?;
    answer(ports.audit.list(&caller, query).await)
}
