//! The audit log as a file, in the form and with the filters that the URL names; sent as fast as whoever asks reads.

use axum::{
    body::Body,
    extract::{Extension, RawQuery, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::TryStreamExt;
use slipway_app::paths;
use slipway_domain::{audit::ExportFormat, person::Caller, refusal::Refusal};

use super::{Web, plain};

/// Answers with the file.
pub async fn download(State(web): State<Web>, Extension(caller): Extension<Caller>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let get = |name: &str| slipway_app::posted::values(&query, name);
    let format = get("format").into_iter().next().unwrap_or_default();
    let Ok(format) = ExportFormat::parse(&format) else {
        return plain::refusal(&Refusal::field("format", "The log is exported as csv or jsonl"));
    };
    let text = match web.ports.audit.export(&caller, paths::read_audit(get), format).await {
        Ok(text) => text,
        Err(refusal) => return plain::refusal(&refusal),
    };
    let mut response = Body::from_stream(text.map_err(std::io::Error::other)).into_response();
    let (kind, disposition) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        ExportFormat::Jsonl => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
