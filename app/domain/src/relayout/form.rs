//! What the page of a node's layout asks and shows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    configs::Offer,
    steps::{Drain, State},
};
use crate::{
    node::{Gpu, HeldBy, NodeRow},
    person::PersonName,
    refusal::FieldErrors,
    run::spec::RunId,
};

/// A re-layout's identity, a `UUIDv7` in text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelayoutId(pub String);

/// The choice of a layout of one's own; no label's value can be this.
pub const OWN: &str = "/own";

/// The form: which layout, and how the node is emptied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayoutForm {
    /// A named cut, or [`OWN`]; empty means that none is chosen yet.
    pub config: String,
    /// A line for each GPU, where it is one's own.
    pub layout: String,
    /// `evict` or `wait`.
    pub drain: String,
}

/// What would be done for a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The value of the label.
    pub config: String,
    /// The cards afterwards.
    pub after: Vec<Gpu>,
    /// The same in words.
    pub words: String,
    /// How the node is emptied.
    pub drain: Drain,
}

/// Somebody who has GPUs or slices of the node, and would have to move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displaced {
    /// The namespace, which for a team's is its name.
    pub team: String,
    /// The Pod.
    pub pod: String,
    /// The run that it belongs to, where Slipway knows it.
    pub run: Option<(RunId, HeldBy)>,
    /// What it has there, such as `2 × 1g.5gb`.
    pub holds: String,
}

/// A moment of a re-layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When it began.
    #[serde(deserialize_with = "crate::instant::read")]
    pub at: Timestamp,
    /// What state it was in from then on.
    pub state: State,
}

/// A re-layout as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayoutRow {
    /// Which.
    pub id: RelayoutId,
    /// The node.
    pub node: String,
    /// Who ordered it.
    pub who: PersonName,
    /// When.
    #[serde(deserialize_with = "crate::instant::read")]
    pub ordered: Timestamp,
    /// When it ended.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub ended: Option<Timestamp>,
    /// The value of the label.
    pub config: String,
    /// The cut before, in words.
    pub before: String,
    /// The cut that was asked for, in words.
    pub after: String,
    /// How the node is emptied.
    pub drain: Drain,
    /// Where it stands.
    pub state: State,
    /// What it went through, in order.
    pub moments: Vec<Moment>,
}

/// Everything on the page of a node's layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutPage {
    /// The node as it is.
    pub node: NodeRow,
    /// What its label asks for now.
    pub config: Option<String>,
    /// Why its cards cannot be cut anew, if so.
    pub why_not: Option<String>,
    /// What can be chosen.
    pub offers: Vec<Offer>,
    /// Where those come from, in a sentence.
    pub source: String,
    /// Who would have to move.
    pub held: Vec<Displaced>,
    /// What would be done for the form.
    pub plan: Option<Plan>,
    /// What is wrong with the form.
    pub wrong: FieldErrors,
    /// The one that is under way, or failed and left the node cordoned.
    pub open: Option<RelayoutRow>,
    /// Those of before, newest first.
    pub past: Vec<RelayoutRow>,
    /// What is shown may be older than this, when the cluster is away.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}
