//! Each tab's event stream.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Method, body::Incoming};
use serde_json::{Value, json};
use slipway_app::live::{Message, Watched};
use slipway_domain::run::spec::RunId;
use slipway_server::live::Scope;

use crate::fixture::{Person, Site};

/// Longer than anything here takes, shorter than a test's patience.
const LONG: Duration = Duration::from_secs(20);

/// A stream that is being read.
pub struct Stream {
    body: Incoming,
    text: String,
}

/// One event: its id and its message.
#[derive(Debug)]
pub struct Event {
    id: String,
    pub message: Value,
}

impl Stream {
    pub async fn open(person: &Person, path: &str) -> Self {
        let mut browser = person.browser.clone();
        let response = browser.send(Method::GET, path, "", String::new()).await;
        assert_eq!(response.status(), 200, "{} at {path}", person.name);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// Comes back to a stream after the event `id`.
    async fn again(person: &Person, path: &str, id: &str) -> Self {
        let browser = person.browser.with("last-event-id", id);
        Self::open(&Person { browser, id: person.id.clone(), name: person.name }, path).await
    }

    /// The next event with a message; none at the stream's end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = field("data: ").map(|data| Event {
                    id: field("id: ").unwrap_or_default(),
                    message: serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}")),
                });
                self.text = rest.into();
                if found.is_some() {
                    return found;
                }
            }
            let frame = tokio::time::timeout(LONG, self.body.frame()).await.unwrap_or_else(|_| panic!("no event for {LONG:?}"))?;
            let bytes = frame.expect("the stream is whole").into_data().unwrap_or_default();
            self.text.push_str(std::str::from_utf8(&bytes).expect("events are text"));
        }
    }

    /// The next event that says something of a run, or about the stream itself.
    pub async fn next_but_cluster(&mut self) -> Option<Event> {
        loop {
            match self.next().await {
                Some(event) if event.message.get("cluster").is_some() => {}
                other => return other,
            }
        }
    }

    /// The run that the next event says is gone.
    async fn next_gone(&mut self) -> String {
        let event = self.next_but_cluster().await.expect("an event");
        event.message["run_gone"]["id"].as_str().unwrap_or_else(|| panic!("no run is gone: {event:?}")).to_owned()
    }
}

fn gone(id: &str) -> Message {
    Message::RunGone { id: RunId(id.into()) }
}

fn log_of(id: &str) -> Message {
    Message::Log { id: RunId(id.into()), lines: 1 }
}

async fn publish(site: &Site, team: &str, id: &str, message: Message) {
    let team = site.team(team).await;
    site.running.hub.publish(Scope::run(team, RunId(id.into())), message);
}

#[tokio::test]
async fn a_tab_hears_of_its_own_team_and_of_no_other() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let engineer = site.engineer(&mut admin).await;
    let outsider = site.outsider(&mut admin).await;
    let mut hers = Stream::open(&engineer, "/live?runs=").await;
    let mut his = Stream::open(&outsider, "/live?runs=").await;
    let mut all = Stream::open(&admin, "/live?runs=").await;
    let mut one_team = Stream::open(&admin, "/live?runs=elsewhere").await;
    publish(&site, "default", "a", gone("a")).await;
    publish(&site, "elsewhere", "b", gone("b")).await;
    publish(&site, "default", "c", gone("c")).await;
    assert_eq!(hers.next_gone().await, "a");
    assert_eq!(hers.next_gone().await, "c");
    assert_eq!(his.next_gone().await, "b");
    assert_eq!(one_team.next_gone().await, "b");
    for id in ["a", "b", "c"] {
        assert_eq!(all.next_gone().await, id);
    }
}

#[tokio::test]
async fn the_page_of_a_run_hears_of_that_run_alone_and_a_list_of_rows_alone() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let outsider = site.outsider(&mut admin).await;
    let mut of_run = Stream::open(&admin, "/live?run=a").await;
    let mut of_another_team = Stream::open(&outsider, "/live?run=a").await;
    let mut list = Stream::open(&admin, "/live?runs=default").await;
    publish(&site, "default", "b", log_of("b")).await;
    publish(&site, "default", "a", log_of("a")).await;
    publish(&site, "default", "b", gone("b")).await;
    publish(&site, "default", "a", gone("a")).await;
    publish(&site, "elsewhere", "a", gone("a")).await;
    assert_eq!(of_run.next_but_cluster().await.expect("an event").message, json!({ "log": { "id": "a", "lines": 1 } }));
    assert_eq!(of_run.next_gone().await, "a");
    assert_eq!(list.next_gone().await, "b");
    let first = of_another_team.next_but_cluster().await.expect("an event");
    assert!(first.message.get("run_gone").is_some(), "an outsider hears the log of a run of another team: {first:?}");
}

#[tokio::test]
async fn a_browser_that_comes_back_gets_what_it_missed_or_is_told_to_fetch_everything() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let mut stream = Stream::open(&admin, "/live?runs=").await;
    publish(&site, "default", "a", gone("a")).await;
    let seen = stream.next_but_cluster().await.expect("an event").id;
    drop(stream);
    publish(&site, "default", "b", gone("b")).await;
    publish(&site, "default", "c", gone("c")).await;
    let mut again = Stream::again(&admin, "/live?runs=", &seen).await;
    assert_eq!(again.next_gone().await, "b");
    assert_eq!(again.next_gone().await, "c");

    for unknown in ["1-5", "nonsense"] {
        let mut lost = Stream::again(&admin, "/live?runs=", unknown).await;
        let event = lost.next_but_cluster().await.expect("an event");
        assert_eq!(event.message, "resync", "after {unknown}: {event:?}");
    }
}

#[tokio::test]
async fn a_page_hears_of_what_happened_since_it_was_asked_for() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    publish(&site, "default", "before", gone("before")).await;
    let newest = site.running.hub.newest().to_string();
    let page = admin.browser.get("/runs").await.expect(200).body;
    assert!(page.contains(&newest), "the page does not know that it was asked for after message {newest}: {page}");
    publish(&site, "default", "a", gone("a")).await;
    let mut stream = Stream::open(&admin, &format!("/live?runs=&after={newest}")).await;
    assert_eq!(stream.next_gone().await, "a");
    publish(&site, "default", "b", gone("b")).await;
    let seen = stream.next_but_cluster().await.expect("an event").id;
    drop(stream);

    // The connection broke, and the browser asks for the same URL again.
    publish(&site, "default", "c", gone("c")).await;
    let mut again = Stream::again(&admin, &format!("/live?runs=&after={newest}"), &seen).await;
    assert_eq!(again.next_gone().await, "c");
    let mut lost = Stream::open(&admin, "/live?runs=&after=nonsense").await;
    assert_eq!(lost.next_but_cluster().await.expect("an event").message, "resync");
}

#[tokio::test]
async fn what_was_missed_many_times_is_told_once() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let newest = site.running.hub.newest().to_string();
    for what in [Watched::Shares, Watched::Nodes, Watched::Nodes] {
        for _ in 0..100 {
            site.running.hub.publish(Scope::everybody(), Message::Changed { what });
        }
    }
    let mut stream = Stream::open(&admin, &format!("/live?whole=nodes&after={newest}")).await;
    assert_eq!(stream.next_but_cluster().await.expect("an event").message, json!({ "changed": { "what": "nodes" } }));
    site.running.hub.publish(Scope::everybody(), Message::Resync);
    assert_eq!(stream.next_but_cluster().await.expect("an event").message, "resync", "the same was told again");

    let newest = site.running.hub.newest().to_string();
    for id in ["a", "b", "a"] {
        publish(&site, "default", id, log_of(id)).await;
        publish(&site, "default", id, gone(id)).await;
    }
    let mut list = Stream::open(&admin, &format!("/live?runs=&after={newest}")).await;
    assert_eq!(list.next_gone().await, "b");
    assert_eq!(list.next_gone().await, "a");
    publish(&site, "default", "last", gone("last")).await;
    assert_eq!(list.next_gone().await, "last");
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_to_fetch_everything_and_holds_up_nobody() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let mut slow = Stream::open(&admin, "/live?runs=").await;
    let team = site.team("default").await;
    let long = "x".repeat(20_000);
    // More than the system's buffers and the hub together hold.
    for number in 0..3_000 {
        site.running.hub.publish(Scope::run(team.clone(), RunId("a".into())), gone(&format!("{number}-{long}")));
        tokio::task::yield_now().await;
    }
    site.running.hub.publish(Scope::run(team, RunId("a".into())), gone("last"));
    let mut read = 0;
    loop {
        let event = slow.next_but_cluster().await.expect("an event");
        read += 1;
        if event.message == "resync" {
            break;
        }
        assert_ne!(event.message["run_gone"]["id"], "last", "after {read} messages nothing was left out");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_follows_its_viewers_roles() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let engineer = site.engineer(&mut admin).await;
    let mut stream = Stream::open(&engineer, "/live?runs=").await;
    admin.browser.call("people/role", json!({ "person": engineer.id, "team": "default", "role": null })).await.expect(200);
    assert_eq!(stream.next_but_cluster().await.expect("an event").message, "resync");
    publish(&site, "default", "a", gone("a")).await;
    admin.browser.call("people/active", json!({ "person": engineer.id, "active": false })).await.expect(200);
    let event = stream.next_but_cluster().await.expect("an event");
    assert_eq!(event.message, "signed_out", "she heard of a team that she had left: {event:?}");
    assert!(stream.next().await.is_none(), "the stream goes on");
}

#[tokio::test]
async fn streams_end_when_the_server_ends_which_waits_for_nobody() {
    let site = Site::start().await;
    let admin = site.admin().await;
    let mut stream = Stream::open(&admin, "/live?runs=").await;
    let begun = std::time::Instant::now();
    let Site { running, folder, .. } = site;
    running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "ending took {:?}", begun.elapsed());
    while stream.next().await.is_some() {}
    drop(folder);
}

#[tokio::test]
async fn a_stream_about_nothing_is_refused_with_a_sentence() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    admin.browser.get("/live").await.expect(422);
    admin.browser.get("/live?runs=No%20Team").await.expect(422);
}
