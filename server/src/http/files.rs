//! The browser's part of the pages: script, WebAssembly and style sheet, as `cargo xtask build` made them.
//!
//! They are read once, at start. Each has the hash of its content as its `ETag`, and a browser asks each time whether that still
//! holds: after an update nobody runs yesterday's script against today's server, and until then nothing is sent twice. Where a
//! file lies there compressed as well (`NAME.br`, `NAME.gz`), that is what is sent, so that compressing costs no request anything.

use std::{collections::BTreeMap, path::Path};

use axum::{
    body::Bytes,
    extract::{Path as Name, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{Web, plain};
use crate::hex;

/// The files in `pkg`.
#[derive(Debug, Default)]
pub struct Files(BTreeMap<String, File>);

struct File {
    kind: &'static str,
    etag: HeaderValue,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("etag", &self.etag).field("bytes", &self.plain.len()).finish_non_exhaustive()
    }
}

impl Files {
    /// Reads the files of `site_root`/pkg.
    ///
    /// # Errors
    /// What the system said about the folder or a file.
    pub fn read(site_root: &Path) -> std::io::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(site_root.join("pkg"))? {
            let entry = entry?;
            let (path, Ok(name)) = (entry.path(), entry.file_name().into_string()) else { continue };
            let Some(kind) = kind(&name).filter(|_| path.is_file()) else { continue };
            let plain = Bytes::from(std::fs::read(&path)?);
            let beside = |suffix: &str| std::fs::read(path.with_file_name(format!("{name}.{suffix}"))).ok().map(Bytes::from);
            let etag = format!("\"{}\"", &hex::encode(&Sha256::digest(&plain))[..32]);
            let etag = HeaderValue::from_str(&etag).map_err(std::io::Error::other)?;
            files.insert(name.clone(), File { kind, etag, brotli: beside("br"), gzip: beside("gz"), plain });
        }
        Ok(Self(files))
    }
}

fn kind(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

/// Answers with one of the files.
pub async fn package(State(web): State<Web>, Name(name): Name<String>, headers: HeaderMap) -> Response {
    let Some(file) = web.files.0.get(&name) else {
        return plain::page(StatusCode::NOT_FOUND, "Not found", "There is no such file; reload the page that asks for it");
    };
    let common = [
        (header::ETAG, file.etag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let etag = file.etag.to_str().unwrap_or_default();
    if known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let accepts = |coding: &str| accepts(&headers, coding);
    let (coding, body) = match file {
        File { brotli: Some(bytes), .. } if accepts("br") => (Some("br"), bytes),
        File { gzip: Some(bytes), .. } if accepts("gzip") => (Some("gzip"), bytes),
        File { plain, .. } => (None, plain),
    };
    let mut response = (common, [(header::CONTENT_TYPE, HeaderValue::from_static(file.kind))], body.clone()).into_response();
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim() == coding && weight.trim() != "q=0"
    })
}

/// The icon of a browser's tab.
pub async fn icon() -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=86400")];
    (headers, slipway_app::ICON_SVG).into_response()
}
