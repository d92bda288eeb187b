//! What is known of each request: its id, its line in the log, its figures; and that a panic in one is the end of that one only.
//!
//! The log has the path but never the query, which holds one-time tokens, and never a header.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use tokio::time::Instant;
use tracing::{Instrument, field};
use uuid::Uuid;

use super::{Web, plain};
use crate::services::sign_in::Visitor;

const REQUEST_ID: &str = "x-request-id";

/// The id of a request: the one it came with, where that is a word, or a new one. The answer carries it, and so does every line
/// of the log and of the audit log that comes of it.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Whether whoever asks is on this very machine, and not behind a proxy on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnThisMachine(pub bool);

/// The outermost layer.
pub async fn observe(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let address = address(request.headers(), peer, web.settings.trust_proxy);
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let span = tracing::info_span!("request", id, %method, path = request.uri().path(), %address, person = field::Empty);
    let proxied = [header::FORWARDED.as_str(), header::VIA.as_str(), "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    let direct = !proxied.iter().any(|name| request.headers().contains_key(*name));
    request.extensions_mut().insert(OnThisMachine(peer.to_canonical().is_loopback() && direct));
    request.extensions_mut().insert(Visitor { address, request: id.clone() });
    request.extensions_mut().insert(RequestId(id.clone()));

    let begun = Instant::now();
    let mut response = whatever_happens(&id, next.run(request)).instrument(span.clone()).await;
    let seconds = begun.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(status, milliseconds = (seconds * 1_000.0).round(), "answered"));
    metrics::counter!("slipway_http_requests_total", "route" => route.clone(), "method" => method.to_string(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("slipway_http_request_seconds", "route" => route).record(seconds);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The answer, or after a panic an apology.
async fn whatever_happens(id: &str, answer: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| after_panic(id))
}

fn after_panic(id: &str) -> Response {
    tracing::error!("a handler panicked; the lines before say where");
    let sentence = format!("Slipway made a mistake of its own; try again, and if it stays so give whoever runs it this number: {id}");
    plain::page(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", &sentence)
}

#[allow(clippy::disallowed_methods, reason = "the id of a request begins here")]
fn request_id(headers: &HeaderMap) -> String {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Who asks: the connection's other end, or whom a proxy that is trusted put last in `X-Forwarded-For`. What stands before that
/// was written by whoever asks.
fn address(headers: &HeaderMap, peer: IpAddr, trust_proxy: bool) -> IpAddr {
    let forwarded = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    trust_proxy.then(forwarded).flatten().unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_that_is_trusted_says_who_asks_and_only_its_own_word_counts() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 2.2.2.2"));
        headers.append("x-forwarded-for", HeaderValue::from_static("3.3.3.3, 2001:db8::1"));
        assert_eq!(address(&headers, peer, false), peer);
        assert_eq!(address(&headers, peer, true), "2001:db8::1".parse::<IpAddr>().unwrap());
        headers.insert("x-forwarded-for", HeaderValue::from_static("unknown"));
        assert_eq!(address(&headers, peer, true), peer);
    }

    #[tokio::test]
    async fn a_panic_is_the_end_of_its_request_alone_and_is_apologised_for() {
        let response = whatever_happens("abc-1", async { panic!("meant to") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("give whoever runs it this number: abc-1"), "{text}");
        assert!(!text.contains("meant to"), "{text}");
    }

    #[test]
    fn an_id_that_is_no_word_is_replaced() {
        let with = |id: &'static str| {
            request_id(&HeaderMap::from_iter([(header::HeaderName::from_static(REQUEST_ID), HeaderValue::from_static(id))]))
        };
        assert_eq!(with("a-b.c_1"), "a-b.c_1");
        for odd in ["", "a b", "a\tb", "x\"y", "é", &"x".repeat(65)] {
            let odd: &'static str = odd.to_owned().leak();
            assert_eq!(with_bytes(odd).len(), 36, "{odd}");
        }
    }

    fn with_bytes(id: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        request_id(&headers)
    }
}
