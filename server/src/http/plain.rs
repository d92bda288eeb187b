//! A page that is one sentence: for what happens outside of the app's own pages.

use std::fmt::Write;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use slipway_app::paths;
use slipway_domain::refusal::Refusal;

/// A page with a title and a sentence.
pub fn page(status: StatusCode, title: &str, sentence: &str) -> Response {
    let link = format!("<p><a class=\"text-accent underline\" href=\"{}\">Go to Slipway</a></p>", paths::RUNS);
    with_body(status, title, &format!("<p>{}</p>{link}", escape(sentence)))
}

/// A page with a title and what stands under it, which must be HTML already.
pub fn with_body(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · Slipway</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"stylesheet\" href=\"{style}\"></head><body class=\"bg-canvas text-body text-ink\">\
         <main class=\"flex flex-col gap-4 p-6\"><h1 class=\"text-title font-semibold\">{title}</h1>{body}</main></body></html>",
        style = paths::STYLE,
    );
    let mut response = (status, Html(html)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A refusal as a page.
pub fn refusal(refusal: &Refusal) -> Response {
    let title = match refusal {
        Refusal::SignedOut => "Your session has ended",
        Refusal::Forbidden { .. } => "You may not do this",
        Refusal::NotFound { .. } => "Not found",
        Refusal::Invalid { .. } => "This cannot be accepted",
        Refusal::Conflict { .. } => "This cannot be done now",
        Refusal::TooOften { .. } => "Too many tries",
        Refusal::Unavailable { .. } => "A part of Slipway is away",
    };
    with_retry(page(status(refusal), title, &refusal.to_string()), refusal)
}

/// A refusal as a script reads it.
pub fn json(refusal: &Refusal) -> Response {
    let mut response = (status(refusal), Json(refusal)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with_retry(response, refusal)
}

fn with_retry(mut response: Response, refusal: &Refusal) -> Response {
    if let Refusal::TooOften { seconds } = refusal {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Text as it stands in HTML, also within a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A parser would turn these into a line feed or drop them.
            '\r' | '\0' => write!(out, "&#{};", u32::from(c)).expect("writing to a string"),
            c => out.push(c),
        }
    }
    out
}
