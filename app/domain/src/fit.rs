//! Will it run? Where, whom it would displace, what it waits for, or why it is refused: said before the launch.
//!
//! [`answer`] is one pure function of a [`Picture`] of the cluster and of what a Pod asks for ([`Ask`]); the browser calls it
//! while somebody types, the server for a form without a script and at the launch. It goes the way that a Pod goes: the priority
//! class, what the team's limits fill in and forbid, the team's quotas, and then the nodes as kube-scheduler filters them, with
//! preemption where that helps. Only what a run can ask for is in it: one container, one node selector, tolerations; no
//! affinity, no topology, no volume's node. `server/tests/it/fit.rs` compares it with the real admission and scheduler.

mod admission;
mod ask;
mod nearest;
mod picture;
mod room;
#[cfg(test)]
mod tests;
mod wait;
mod words;

use serde::{Deserialize, Serialize};

use self::{
    admission::{Admitted, admit},
    room::{Place, Room},
};
pub use self::{
    ask::{Ask, Operator, PRODUCT_LABEL, Toleration},
    picture::{Picture, Pod, Taint},
    wait::{Aside, Wait},
};
use crate::{
    quantity::Quantity,
    resources::Resources,
    run::spec::{RunId, RunName},
};

/// What a launch would come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What would become of it.
    pub outcome: Outcome,
    /// Where it does not run now: the nearest shape that would.
    pub nearest: Option<Resources>,
    /// What the team's quotas have left when it holds what it asks for; empty where it is refused.
    pub left: Vec<Left>,
}

/// What would become of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A node has room.
    RunsNow {
        /// The first such node by name; the scheduler takes whichever it likes best.
        node: String,
        /// How many other nodes have room as well.
        others: u32,
    },
    /// A node has room when others make way.
    Preempts {
        /// The node on which that costs least.
        node: String,
        /// Who would be ended there, the most important first.
        victims: Vec<Victim>,
    },
    /// No node has room, and nobody makes way.
    Waits(Wait),
    /// Kubernetes would not let its Pod in, now or later, unless a rule changes.
    Refused(Refused),
}

/// Who would have to make way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Victim {
    /// The namespace, which for a team's is its name.
    pub team: String,
    /// The run, where the viewer may know of it.
    pub run: Option<(RunId, RunName)>,
    /// Its priority.
    pub priority: i32,
    /// The class that has this priority, where there is one.
    pub class: Option<String>,
}

/// Why a Pod would not be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Whose rule it is.
    pub by: Rule,
    /// The sentence shown.
    pub sentence: String,
    /// The form's field that it is about; empty for the form as a whole.
    pub field: String,
}

/// What refuses Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The class that it names is not there.
    PriorityClass,
    /// A limit of the team's.
    LimitRange,
    /// Its requests and limits do not go together, with what the team's limits filled in.
    Validation,
    /// A quota of the team's.
    Quota,
}

/// What a quota has left of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The quota's name.
    pub quota: String,
    /// The resource, as quotas name it.
    pub resource: String,
    /// What is left.
    pub left: Quantity,
    /// Of how much.
    pub hard: Quantity,
}

/// What would become of a Pod that asks for this now.
pub fn answer(picture: &Picture, ask: &Ask) -> Answer {
    let room = Room::of(picture);
    let (outcome, left) = judge(&room, ask);
    let nearest = match outcome {
        Outcome::RunsNow { .. } => None,
        Outcome::Preempts { .. } | Outcome::Waits(_) | Outcome::Refused(_) => nearest::nearest(&room, ask),
    };
    Answer { outcome, nearest, left }
}

fn judge(room: &Room<'_>, ask: &Ask) -> (Outcome, Vec<Left>) {
    let Admitted { requests, priority, preempts, left } = match admit(room.picture, ask) {
        Ok(admitted) => admitted,
        Err(refused) => return (Outcome::Refused(refused), Vec::new()),
    };
    let outcome = match room.place(ask, &requests, preempts.then_some(priority)) {
        Place::Free { node, others } => Outcome::RunsNow { node: node.to_owned(), others },
        Place::Taken { node, victims } => Outcome::Preempts { node: node.to_owned(), victims },
        Place::None => Outcome::Waits(wait::explain(room, ask, &requests)),
    };
    (outcome, left)
}

/// Whether it would run now: what [`nearest`] asks many times.
fn runs_now(room: &Room<'_>, ask: &Ask) -> bool {
    admit(room.picture, ask).is_ok_and(|admitted| room.has_place(ask, &admitted.requests))
}
