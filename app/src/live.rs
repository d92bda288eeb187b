//! What the server tells an open page as it happens: the messages of the one event stream that each tab has.
//!
//! The page names its topics in the stream's URL: `/live?runs=TEAM` (empty for all that the viewer may see), `/live?run=ID`,
//! or `/live?whole=WHAT` ([`Watched`]).
//! Each message has an id that grows. A page's stream begins after the message that was the newest when the page was asked for
//! (`&after=ID`), and a browser that reconnects sends the last one it saw (`Last-Event-ID`): either gets what it missed, or
//! [`Message::Resync`] where that is no longer kept.

use jiff::Timestamp;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use slipway_domain::run::{spec::RunId, view::RunRow};

mod page;

#[cfg(feature = "ssr")]
pub use page::Position;
pub use page::{State, listen, mark, provide, state};

/// Calls `again` when what a page shows has changed or may have, and `stale` when the cluster goes away or is back.
pub fn follow(what: Watched, again: impl Fn() + Clone + 'static, stale: impl Fn(Option<Timestamp>) + Clone + 'static) {
    listen(Signal::stored(what.url().to_owned()), move |message| match message {
        Message::Changed { .. } | Message::Resync => again(),
        Message::Cluster { stale_since } => stale(stale_since),
        Message::Run(_)
        | Message::RunGone { .. }
        | Message::Metrics { .. }
        | Message::Log { .. }
        | Message::Detail { .. }
        | Message::SignedOut => {}
    });
}

/// What fetches something again by `work`: never twice at once, and once more where it was asked for meanwhile.
pub fn fetching<F: Future<Output = ()> + 'static>(work: impl Fn() -> F + Clone + 'static) -> impl Fn() + Clone + 'static {
    // Whether it is being fetched, and whether once more.
    let (busy, more) = (StoredValue::new(false), StoredValue::new(false));
    move || {
        if busy.try_get_value() != Some(false) {
            more.try_set_value(true);
            return;
        }
        busy.set_value(true);
        let work = work.clone();
        leptos::task::spawn_local(async move {
            loop {
                more.try_set_value(false);
                work().await;
                if more.try_get_value() != Some(true) {
                    break;
                }
            }
            busy.try_set_value(false);
        });
    }
}

/// What is watched as a whole: the stream says that it has changed, and whoever shows it fetches it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// Nodes, and who holds what of them.
    Nodes,
    /// Quotas, how much of them is used, limits and priority classes.
    Shares,
    /// What is free, and the rules about it.
    Room,
}

impl Watched {
    /// The stream that tells of it.
    pub const fn url(self) -> &'static str {
        match self {
            Self::Nodes => "/live?whole=nodes",
            Self::Shares => "/live?whole=shares",
            Self::Room => "/live?whole=room",
        }
    }
}

/// One message of the stream, as JSON in the `data` of a server-sent event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A run is new or has changed: its row as it is now.
    Run(Box<RunRow>),
    /// A run was deleted.
    RunGone {
        /// Which.
        id: RunId,
    },
    /// New points of a run's metrics are stored: the newest step.
    Metrics {
        /// Which run.
        id: RunId,
        /// The newest step.
        step: u64,
    },
    /// A run's log has grown: lines now kept of its newest stream.
    Log {
        /// Which run.
        id: RunId,
        /// Lines kept.
        lines: u64,
    },
    /// A run has new events, Pods or checkpoints: fetch them again.
    Detail {
        /// Which run.
        id: RunId,
    },
    /// Something that belongs to no run has changed: fetch it again.
    Changed {
        /// What.
        what: Watched,
    },
    /// The cluster cannot be reached since then, or can be again.
    Cluster {
        /// Since when it is away; none means that it is there.
        #[serde(deserialize_with = "slipway_domain::instant::read_option")]
        stale_since: Option<Timestamp>,
    },
    /// Too much was missed: fetch everything again.
    Resync,
    /// The session has ended: sign in again.
    SignedOut,
}
