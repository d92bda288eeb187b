//! What the server tells an open page as it happens: the messages of the one event stream that each tab has.
//!
//! The page names its topics in the stream's URL: `/live?runs=TEAM` (empty for all that the viewer may see), `/live?run=ID`,
//! `/live?nodes`, `/live?shares`, or `/live?room` for what is free.
//! Each message has an id that grows; a browser that reconnects sends the last one it saw (`Last-Event-ID`) and gets what it
//! missed, or [`Message::Resync`] where that is no longer kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_domain::run::{spec::RunId, view::RunRow};

mod page;

pub use page::{State, listen, provide, state};

/// One message of the stream, as JSON in the `data` of a server-sent event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
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
    /// Nodes have changed, or who holds what of them: fetch them again.
    Nodes,
    /// A quota, limits or a priority class has changed, or how much of a quota is used: fetch them again.
    Shares,
    /// What is free, or a rule about it, may have changed: ask for the picture again.
    Room,
    /// The cluster cannot be reached since then, or can be again.
    Cluster {
        /// Since when it is away; none means that it is there.
        stale_since: Option<Timestamp>,
    },
    /// Too much was missed: fetch everything again.
    Resync,
    /// The session has ended: sign in again.
    SignedOut,
}
