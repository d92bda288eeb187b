//! A run's log as a file, however long: it is fetched and sent page by page, as fast as whoever asks reads.

use std::fmt::Write;

use axum::{
    body::Body,
    extract::{Extension, Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;
use slipway_app::ports::Ports;
use slipway_domain::{
    person::Caller,
    refusal::Refusal,
    run::{
        spec::RunId,
        view::{LogLine, LogQuery},
    },
};

use super::{Web, plain};

/// Lines in a page, the most that a port answers.
const PAGE: u32 = 2_000;

/// Which of a run's logs.
#[derive(Debug, Deserialize)]
pub struct Which {
    pod: Option<String>,
    restart: Option<u32>,
}

struct Reader {
    ports: Ports,
    caller: Caller,
    id: RunId,
    query: LogQuery,
}

impl Reader {
    /// The next page's lines; empty at the end.
    async fn page(&mut self) -> Result<Vec<LogLine>, Refusal> {
        let page = self.ports.runs.logs(&self.caller, &self.id, self.query.clone()).await?;
        if let Some(stream) = page.stream.and_then(|index| page.streams.get(index)) {
            // The newest stream, if none was named, is the same one on every page.
            self.query.pod = Some(stream.pod.clone());
            self.query.restart = Some(stream.restart);
        }
        if let Some(last) = page.lines.last() {
            self.query.from = Some(last.number + 1);
        }
        Ok(page.lines)
    }
}

/// Answers with the log, each line with the time at which the node wrote it down.
pub async fn download(
    State(web): State<Web>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<RunId>,
    Query(which): Query<Which>,
) -> Response {
    let query = LogQuery {
        pod: which.pod.filter(|pod| !pod.is_empty()),
        restart: which.restart,
        from: Some(0),
        count: PAGE,
        search: String::new(),
    };
    let name = format!("{}.log", id.0.chars().filter(char::is_ascii_alphanumeric).take(36).collect::<String>());
    let mut reader = Reader { ports: web.ports.clone(), caller, id, query };
    // The first page comes before the status, so that a refusal is one.
    let first = match reader.page().await {
        Ok(lines) => lines,
        Err(refusal) => return plain::refusal(&refusal),
    };
    let pages = stream::try_unfold((Some(first), reader), |(ready, mut reader)| async move {
        let lines = match ready {
            Some(lines) => lines,
            None => reader.page().await.map_err(std::io::Error::other)?,
        };
        Ok::<_, std::io::Error>((!lines.is_empty()).then(|| (text(&lines), (None, reader))))
    });
    let mut response = Body::from_stream(pages).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn text(lines: &[LogLine]) -> String {
    let mut out = String::with_capacity(lines.iter().map(|line| line.text.len() + 32).sum());
    for line in lines {
        writeln!(out, "{} {}", line.at, line.text).expect("writing to a string");
    }
    out
}
