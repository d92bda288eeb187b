//! The hub through which open pages hear what has changed: drivers and services publish, each tab's stream subscribes.
//!
//! Publishing never waits for a reader. The newest messages are kept in a ring, so that a browser whose connection broke gets
//! what it missed; a reader that is too slow, or was away for too long, is told to fetch everything again instead. Nothing here
//! knows who may see what: each message carries its [`Scope`], and the stream asks the policy.

pub mod changes;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use slipway_app::live::Message;
use slipway_domain::{run::spec::RunId, team::TeamName};
use tokio::sync::{broadcast, watch};

/// Messages kept for browsers that come back; at about 2 KB each.
const KEPT: usize = 1_024;

/// Messages that a reader may be behind before it is told to fetch everything again.
const BEHIND: usize = 512;

/// What a message is about, which decides who may see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The team it belongs to; none where everybody may see it.
    pub team: Option<TeamName>,
    /// The run it is about.
    pub run: Option<RunId>,
}

impl Scope {
    /// About a run of a team.
    pub const fn run(team: TeamName, run: RunId) -> Self {
        Self { team: Some(team), run: Some(run) }
    }

    /// About something that everybody who has signed in may see.
    pub const fn everybody() -> Self {
        Self { team: None, run: None }
    }
}

/// The id of a message: which start of the server it is from, and its number since then. A browser sends back the last it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    start: i64,
    number: u64,
}

impl EventId {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, number) = text.split_once('-')?;
        Some(Self { start: i64::from_str_radix(start, 16).ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.start, self.number)
    }
}

/// A message that was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Its id.
    pub id: EventId,
    /// Who may see it.
    pub scope: Scope,
    /// What it says.
    pub message: Message,
}

/// The hub. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: i64,
    kept: Mutex<Kept>,
    sender: broadcast::Sender<Arc<Published>>,
    people: watch::Sender<()>,
}

#[derive(Debug)]
struct Kept {
    newest: u64,
    ring: VecDeque<Arc<Published>>,
    /// The last word on the cluster, for streams that begin later.
    cluster: Option<Message>,
}

/// What a new reader begins with.
#[derive(Debug)]
pub struct Subscription {
    /// What it missed; none where that is no longer kept, so that it has to fetch everything.
    pub missed: Option<Vec<Arc<Published>>>,
    /// The newest message's id.
    pub newest: EventId,
    /// The last word on the cluster, if there was one.
    pub cluster: Option<Message>,
    /// What comes from now on.
    pub receiver: broadcast::Receiver<Arc<Published>>,
}

impl Hub {
    /// A hub without messages. `start` tells this start of the server from every other: milliseconds since 1970 will do.
    pub fn new(start: i64) -> Self {
        let kept = Mutex::new(Kept { newest: 0, ring: VecDeque::with_capacity(KEPT), cluster: None });
        Self(Arc::new(Inner { start, kept, sender: broadcast::Sender::new(BEHIND), people: watch::Sender::new(()) }))
    }

    /// Tells whoever may see it.
    pub fn publish(&self, scope: Scope, message: Message) {
        let mut kept = self.kept();
        kept.newest += 1;
        if matches!(message, Message::Cluster { .. }) {
            kept.cluster = Some(message.clone());
        }
        let published = Arc::new(Published { id: self.id(kept.newest), scope, message });
        if kept.ring.len() == KEPT {
            kept.ring.pop_front();
        }
        kept.ring.push_back(published.clone());
        // Sent under the lock, so that a reader that subscribes now finds each message once, kept or coming. Nobody may listen.
        let _ = self.0.sender.send(published);
    }

    /// Begins to listen. `after` is the last message that the reader saw, if it saw any.
    pub fn subscribe(&self, after: Option<EventId>) -> Subscription {
        let kept = self.kept();
        let oldest = kept.newest - kept.ring.len() as u64;
        let missed = match after {
            None => Some(Vec::new()),
            Some(id) if id.start != self.0.start || id.number < oldest || id.number > kept.newest => None,
            Some(id) => Some(kept.ring.iter().filter(|published| published.id.number > id.number).cloned().collect()),
        };
        Subscription { missed, newest: self.id(kept.newest), cluster: kept.cluster.clone(), receiver: self.0.sender.subscribe() }
    }

    /// The newest message's id.
    pub fn newest(&self) -> EventId {
        self.id(self.kept().newest)
    }

    /// Has every stream ask again whether its reader is still signed in and what they may see: somebody's role changed, or
    /// their session ended.
    pub fn people_changed(&self) {
        self.0.people.send_replace(());
    }

    /// Changes when [`Self::people_changed`] is called.
    pub fn people(&self) -> watch::Receiver<()> {
        self.0.people.subscribe()
    }

    /// Streams that are open.
    pub fn readers(&self) -> usize {
        self.0.sender.receiver_count()
    }

    fn id(&self, number: u64) -> EventId {
        EventId { start: self.0.start, number }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds the lock, and the ring is whole at each step.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(id: &str) -> Message {
        Message::RunGone { id: RunId(id.into()) }
    }

    fn numbers(subscription: &Subscription) -> Option<Vec<u64>> {
        subscription.missed.as_ref().map(|missed| missed.iter().map(|published| published.id.number).collect())
    }

    #[test]
    fn a_reader_that_comes_back_gets_what_it_missed() {
        let hub = Hub::new(7);
        for id in ["a", "b", "c"] {
            hub.publish(Scope::everybody(), gone(id));
        }
        let after = EventId::parse("7-1");
        assert_eq!(numbers(&hub.subscribe(after)), Some(vec![2, 3]));
        assert_eq!(numbers(&hub.subscribe(Some(hub.newest()))), Some(vec![]));
        assert_eq!(numbers(&hub.subscribe(None)), Some(vec![]));
    }

    #[test]
    fn a_reader_that_was_away_too_long_or_comes_from_another_start_fetches_everything() {
        let hub = Hub::new(7);
        for _ in 0..=KEPT {
            hub.publish(Scope::everybody(), gone("a"));
        }
        assert_eq!(numbers(&hub.subscribe(EventId::parse("7-0"))), None, "message 1 is no longer kept");
        assert_eq!(numbers(&hub.subscribe(EventId::parse("7-1"))).map(|missed| missed.len()), Some(KEPT));
        assert_eq!(numbers(&hub.subscribe(EventId::parse("6-5"))), None, "another start");
        assert_eq!(numbers(&hub.subscribe(EventId::parse("7-999999"))), None, "a number from the future");
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = EventId { start: 1_764_000_000_000, number: 42 };
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
        for bad in ["", "-", "x-1", "1", "1-", "1--1", "ff-1e3"] {
            assert_eq!(EventId::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_slow_reader_is_not_waited_for() {
        let hub = Hub::new(7);
        let mut subscription = hub.subscribe(None);
        for _ in 0..=BEHIND {
            hub.publish(Scope::everybody(), gone("a"));
        }
        let behind = subscription.receiver.recv().await;
        assert!(matches!(behind, Err(broadcast::error::RecvError::Lagged(1))), "{behind:?}");
    }
}
