//! Lists and watches, each kind by one task, into the [`Index`].
//!
//! Written over kube's requests rather than on its `watcher`, for four reasons that matter here: rows are deserialised straight
//! from the stream, so that a Pod's unused fields are never allocated; an object that does not parse is skipped and said, and
//! stops nothing; a kind that is absent (404) is asked for again later; and a silent connection is noticed, so that "as of
//! 12:03:07" is true. After a break the watch resumes from the last version seen; only where that is gone (410) it lists anew,
//! and the index then drops what the new list lacks.

use std::time::Duration;

use axum::http::{Request, header};
use futures::{AsyncBufReadExt, future::join_all};
use kube::Client;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::{sync::watch::Receiver, time::timeout};

use super::index::{
    Index, Kind,
    devices::{ClaimObject, SliceObject},
    queues::{LocalQueueObject, WorkloadObject},
    rows::{EventObject, JobObject, NodeObject, PodObject},
    rules::{LimitRangeObject, PriorityClassObject, QuotaObject},
};
use crate::clock::Clock;

/// Objects asked for in one page of a list.
const PAGE: usize = 500;

/// The API server ends a watch after this many seconds; we ask for it, so that no watch lives for ever.
const WATCH_SECONDS: u32 = 290;

/// A watch that says nothing for longer than this is taken for dead: bookmarks come about every minute.
const SILENCE: Duration = Duration::from_secs(150);

/// How long to wait before trying again, doubling from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// What a kind's objects are read as, and where they go.
pub(super) trait Watched: DeserializeOwned + Send {
    /// The kind in the index.
    const KIND: Kind;
    /// Path of the collection in the API.
    const PATH: &'static str;
    /// Whether a cluster may do without it: then not being let see it is no fault either.
    const OPTIONAL: bool = false;
    /// The objects of a new list, which replace all there were.
    fn reset(index: &Index, objects: Vec<Self>, clock: &Clock);
    /// An object that is new or changed.
    fn apply(index: &Index, object: Self, clock: &Clock);
    /// An object that is gone.
    fn delete(index: &Index, object: Self, clock: &Clock);
}

/// Watches every kind until `shutdown` becomes true.
pub(super) async fn all(client: &Client, index: &Index, clock: &Clock, mut shutdown: Receiver<bool>) {
    let watches: [std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>; 11] = [
        Box::pin(one::<JobObject>(client, index, clock)),
        Box::pin(one::<PodObject>(client, index, clock)),
        Box::pin(one::<EventObject>(client, index, clock)),
        Box::pin(one::<NodeObject>(client, index, clock)),
        Box::pin(one::<PriorityClassObject>(client, index, clock)),
        Box::pin(one::<QuotaObject>(client, index, clock)),
        Box::pin(one::<LimitRangeObject>(client, index, clock)),
        Box::pin(one::<WorkloadObject>(client, index, clock)),
        Box::pin(one::<LocalQueueObject>(client, index, clock)),
        Box::pin(one::<SliceObject>(client, index, clock)),
        Box::pin(one::<ClaimObject>(client, index, clock)),
    ];
    tokio::select! {
        _ = join_all(watches) => {}
        _ = shutdown.wait_for(|stop| *stop) => {}
    }
}

/// Why a list or a watch ended.
#[derive(Debug, thiserror::Error)]
enum Break {
    #[error("the version to watch from is gone")]
    Gone,
    #[error("this cluster does not have the kind")]
    Absent,
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    Failed(String),
}

impl From<kube::Error> for Break {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.code == 410 => Self::Gone,
            kube::Error::Api(status) if status.code == 404 => Self::Absent,
            kube::Error::Api(status) if status.code == 403 => Self::Forbidden(status.message.clone()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

async fn one<T: Watched>(client: &Client, index: &Index, clock: &Clock) {
    let mut version: Option<String> = None;
    let mut wait = BACKOFF.0;
    loop {
        let ended = match version.take() {
            None => list::<T>(client, index, clock).await,
            Some(from) => follow::<T>(client, index, clock, from).await,
        };
        match ended {
            Ok(from) => {
                version = Some(from);
                wait = BACKOFF.0;
            }
            Err((Break::Gone, _)) => {}
            Err((Break::Absent, _)) => {
                index.absent(T::KIND);
                tokio::time::sleep(BACKOFF.1).await;
            }
            Err((Break::Forbidden(_), _)) if T::OPTIONAL => {
                index.absent(T::KIND);
                tokio::time::sleep(BACKOFF.1).await;
            }
            Err((Break::Failed(reason) | Break::Forbidden(reason), resume)) => {
                tracing::warn!(path = T::PATH, reason, wait_ms = wait.as_millis(), "watch broken; trying again");
                index.lost(T::KIND, clock.now());
                version = resume;
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(BACKOFF.1);
            }
        }
    }
}

type Ended = Result<String, (Break, Option<String>)>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    more: String,
}

#[derive(Deserialize)]
pub(super) struct List<T> {
    metadata: ListMeta,
    pub items: Vec<T>,
}

async fn list<T: Watched>(client: &Client, index: &Index, clock: &Clock) -> Ended {
    let mut objects = Vec::new();
    let mut more = String::new();
    loop {
        let path = format!("{}?limit={PAGE}{}{more}", T::PATH, if more.is_empty() { "" } else { "&continue=" });
        let text = match timeout(SILENCE, client.request_text(get(&path)?)).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => return Err((error.into(), None)),
            Err(_) => return Err((Break::Failed("no answer to a list".into()), None)),
        };
        let page = parse_page::<T>(&text).map_err(|error| (Break::Failed(format!("not a list: {error}")), None))?;
        objects.extend(page.items);
        if page.metadata.more.is_empty() {
            T::reset(index, objects, clock);
            index.heard(T::KIND, clock.now());
            return Ok(page.metadata.resource_version);
        }
        more = page.metadata.more;
    }
}

/// Reads a page at once; where an object in it does not parse, reads them one by one and leaves that one out.
pub(super) fn parse_page<T: Watched>(text: &str) -> Result<List<T>, serde_json::Error> {
    if let Ok(page) = serde_json::from_str::<List<T>>(text) {
        return Ok(page);
    }
    let raw: List<&RawValue> = serde_json::from_str(text)?;
    let items = raw.items.into_iter().filter_map(|object| parse_object(object.get())).collect();
    Ok(List { metadata: raw.metadata, items })
}

fn parse_object<T: Watched>(text: &str) -> Option<T> {
    serde_json::from_str(text).inspect_err(|error| tracing::warn!(path = T::PATH, %error, "an object was skipped: it does not parse")).ok()
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: ListMeta,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

async fn follow<T: Watched>(client: &Client, index: &Index, clock: &Clock, from: String) -> Ended {
    let path = format!("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={from}", T::PATH);
    let mut version = from;
    let opened = timeout(SILENCE, client.request_stream(get(&path)?)).await;
    let mut lines = match opened {
        Ok(Ok(stream)) => Box::pin(stream),
        Ok(Err(error)) => return Err((error.into(), Some(version))),
        Err(_) => return Err((Break::Failed("no answer to a watch".into()), Some(version))),
    };
    index.heard(T::KIND, clock.now());
    let mut line = Vec::new();
    loop {
        line.clear();
        match timeout(SILENCE, lines.read_until(b'\n', &mut line)).await {
            // However a stream breaks off, the next one says whether the API server is there.
            Ok(Ok(0) | Err(_)) => return Ok(version),
            Ok(Ok(_)) => {}
            Err(_) => return Err((Break::Failed("silence".into()), Some(version))),
        }
        let Ok(event) = serde_json::from_slice::<Line<'_>>(&line) else {
            // Cut off in mid-line: the stream has ended; what it held comes again.
            return Ok(version);
        };
        if event.kind == "ERROR" {
            let told: Told = serde_json::from_str(event.object.get()).unwrap_or(Told { code: 500, message: String::new() });
            let why = if told.code == 410 { Break::Gone } else { Break::Failed(told.message) };
            return Err((why, Some(version)));
        }
        if let Ok(object) = serde_json::from_str::<Versioned>(event.object.get()) {
            version = object.metadata.resource_version;
        }
        index.heard(T::KIND, clock.now());
        // A bookmark carries a version and no object.
        let take: fn(&Index, T, &Clock) = match event.kind {
            "ADDED" | "MODIFIED" => T::apply,
            "DELETED" => T::delete,
            _ => continue,
        };
        if let Some(object) = parse_object::<T>(event.object.get()) {
            take(index, object, clock);
        }
    }
}

fn get(path: &str) -> Result<Request<Vec<u8>>, (Break, Option<String>)> {
    Request::get(path)
        // kube decompresses only the first member of a gzip stream, and newer servers send many.
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Vec::new())
        .map_err(|error| (Break::Failed(error.to_string()), None))
}
