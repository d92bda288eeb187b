//! Each tab's event stream: what has changed, as far as its viewer may see it.
//!
//! A stream outlives the request that began it, so who reads it is asked again: when somebody's role changed or a session ended,
//! and every 15 s, when a stream that has nothing to say also shows that it is there. It does not count as use of the session.

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    mem::discriminant,
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{Extension, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use futures::stream;
use serde::Deserialize;
use slipway_app::live::{Message, Watched};
use slipway_domain::{
    person::Caller,
    policy::{Action, Subject, may},
    refusal::Refusal,
    run::spec::RunId,
    team::TeamName,
};
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{Interval, MissedTickBehavior, interval},
};
use tower_sessions::{Session, session::Id};

use super::{Web, caller::caller, plain};
use crate::{
    live::{EventId, Published, Scope, Subscription},
    serve::ended,
    services::permit,
};

/// How often a silent stream shows that it is there.
const BEAT: Duration = Duration::from_secs(15);

/// How long a browser waits before it comes back, in milliseconds.
const RETRY: Duration = Duration::from_secs(2);

/// What the stream's URL asks for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    runs: Option<String>,
    run: Option<RunId>,
    whole: Option<Watched>,
    after: Option<String>,
}

/// What a stream is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Topic {
    /// The runs of a team, or all that the viewer may see.
    Runs(Option<TeamName>),
    /// One run.
    Run(RunId),
    /// What belongs to no run.
    Whole(Watched),
}

impl Topic {
    fn read(asked: Asked) -> Result<Self, Refusal> {
        match (asked.run, asked.runs.as_deref()) {
            (Some(id), _) => Ok(Self::Run(id)),
            (None, Some("")) => Ok(Self::Runs(None)),
            (None, Some(team)) => {
                TeamName::parse(team).map(|team| Self::Runs(Some(team))).map_err(|error| Refusal::field("runs", error.to_string()))
            }
            (None, None) => asked.whole.map(Self::Whole).ok_or_else(|| {
                Refusal::field("", "A stream is asked for as /live?runs=TEAM, /live?run=ID or /live?whole=nodes, shares or room")
            }),
        }
    }

    fn is_about(&self, scope: &Scope, message: &Message) -> bool {
        match message {
            Message::Cluster { .. } | Message::Resync | Message::SignedOut => true,
            Message::Run(_) | Message::RunGone { .. } => match self {
                Self::Runs(team) => team.is_none() || *team == scope.team,
                Self::Run(id) => scope.run.as_ref() == Some(id),
                Self::Whole(_) => false,
            },
            Message::Changed { what } => *self == Self::Whole(*what),
            // A list shows rows alone, and a row that changed comes as a whole.
            Message::Metrics { .. } | Message::Log { .. } | Message::Detail { .. } => match self {
                Self::Runs(_) | Self::Whole(_) => false,
                Self::Run(id) => scope.run.as_ref() == Some(id),
            },
        }
    }
}

/// Begins a stream.
pub async fn stream(
    State(web): State<Web>,
    Extension(viewer): Extension<Caller>,
    session: Session,
    headers: HeaderMap,
    Query(mut asked): Query<Asked>,
) -> Response {
    let last = headers.get("last-event-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()).or(asked.after.take());
    let topic = match Topic::read(asked) {
        Ok(topic) => topic,
        Err(refusal) => return plain::json(&refusal),
    };
    if let Topic::Runs(Some(team)) = &topic {
        let on = (Action::ViewRuns, Subject::Team(team));
        if let Err(refusal) = permit(web.sign_in.audit(), &viewer, on, "watch runs", &format!("team {team}")).await {
            return plain::json(&refusal);
        }
    }
    let Some(session) = session.id() else { return plain::json(&Refusal::SignedOut) };
    let tab = Tab::new(web, topic, viewer, session, last.as_deref());
    let events = stream::unfold(tab, |mut tab| async move { tab.next().await.map(|event| (Ok::<_, Infallible>(event), tab)) });
    let mut response = Sse::new(events).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect an answer before they pass it on would hold the stream back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The server's end of a stream.
struct Tab {
    web: Web,
    topic: Topic,
    viewer: Caller,
    session: Id,
    ready: VecDeque<Event>,
    receiver: Receiver<Arc<Published>>,
    people: watch::Receiver<()>,
    shutdown: watch::Receiver<bool>,
    beat: Interval,
    ended: bool,
}

impl Tab {
    /// `last` is the id of the newest message that the tab knows of, as it says itself.
    fn new(web: Web, topic: Topic, viewer: Caller, session: Id, last: Option<&str>) -> Self {
        let people = web.hub.people();
        let after = last.and_then(EventId::parse);
        let Subscription { missed, newest, cluster, receiver } = web.hub.subscribe(after);
        let missed = missed.filter(|_| after.is_some() || last.is_none());
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        let shutdown = web.shutdown.clone();
        let mut tab = Self { web, topic, viewer, session, ready: VecDeque::new(), receiver, people, shutdown, beat, ended: false };
        match missed {
            Some(missed) => not_said_again(&missed).for_each(|published| tab.consider(published)),
            None => tab.say(&Message::Resync, newest),
        }
        if let Some(cluster) = cluster {
            tab.say(&cluster, newest);
        }
        // It has an id, so that a browser that comes back before anything more happened is known.
        tab.ready.push_back(Event::default().comment("slipway").retry(RETRY).id(newest.to_string()));
        tab
    }

    /// The next event; none when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                biased;
                () = ended(&mut self.shutdown) => return None,
                changed = self.people.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                    self.ask_again().await;
                }
                _ = self.beat.tick() => {
                    self.ready.push_back(Event::default().comment("here"));
                    self.ask_again().await;
                }
                received = self.receiver.recv() => match received {
                    Ok(published) => self.consider(&published),
                    Err(RecvError::Lagged(_)) => {
                        self.receiver = self.receiver.resubscribe();
                        self.say(&Message::Resync, self.web.hub.newest());
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Whether the viewer is still signed in, and what they may see now.
    async fn ask_again(&mut self) {
        match self.web.sign_in.sessions().peek(&self.session).await {
            Ok(Some(found)) => {
                let now = caller(found, &self.viewer.request);
                if now != self.viewer {
                    self.viewer = now;
                    self.say(&Message::Resync, self.web.hub.newest());
                }
            }
            Ok(None) => {
                self.say(&Message::SignedOut, self.web.hub.newest());
                self.ended = true;
            }
            // The database is away for a moment; what the viewer was known to be allowed holds until it is back.
            Err(error) => tracing::warn!(%error, "a stream's viewer could not be looked up"),
        }
    }

    fn consider(&mut self, published: &Published) {
        if may_see(&self.viewer, &published.scope) && self.topic.is_about(&published.scope, &published.message) {
            self.say(&published.message, published.id);
        }
    }

    fn say(&mut self, message: &Message, id: EventId) {
        match serde_json::to_string(message) {
            Ok(json) => self.ready.push_back(Event::default().id(id.to_string()).data(json)),
            Err(error) => tracing::error!(%error, "a message could not be written"),
        }
    }
}

/// What was missed, without what a later message of it says anew: a page that fetches for each need not fetch for all.
fn not_said_again(missed: &[Arc<Published>]) -> impl Iterator<Item = &Published> {
    let mut said = HashSet::new();
    let mut left: Vec<&Published> = missed
        .iter()
        .rev()
        .map(AsRef::as_ref)
        .filter(|published| said.insert((discriminant(&published.message), about(published))))
        .collect();
    left.reverse();
    left.into_iter()
}

/// What a message is about, among those of its kind.
fn about(published: &Published) -> (Option<&RunId>, Option<Watched>) {
    match &published.message {
        Message::Changed { what } => (None, Some(*what)),
        Message::Run(_)
        | Message::RunGone { .. }
        | Message::Metrics { .. }
        | Message::Log { .. }
        | Message::Detail { .. }
        | Message::Cluster { .. }
        | Message::Resync
        | Message::SignedOut => (published.scope.run.as_ref(), None),
    }
}

fn may_see(viewer: &Caller, scope: &Scope) -> bool {
    scope.team.as_ref().is_none_or(|team| may(viewer, Action::ViewRuns, Subject::Team(team)).is_ok())
}
