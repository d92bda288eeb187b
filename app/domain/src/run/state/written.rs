//! A state as it is read from JSON: the fields of all states, of which each has some (why so: see [`crate::instant`]).

use jiff::Timestamp;
use serde::Deserialize;

use super::{State, StateKind};
use crate::{instant, person::PersonName};

#[derive(Debug, Deserialize)]
pub struct Fields {
    state: StateKind,
    #[serde(default, deserialize_with = "instant::read_option")]
    since: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant::read_option")]
    started: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant::read_option")]
    at: Option<Timestamp>,
    node: Option<String>,
    what: Option<String>,
    why: Option<String>,
    by: Option<PersonName>,
    exit_code: Option<i32>,
}

impl Fields {
    fn state(self) -> Option<State> {
        Some(match self.state {
            StateKind::Waiting => State::Waiting { since: self.since?, why: self.why? },
            StateKind::Starting => State::Starting { since: self.since?, node: self.node?, what: self.what? },
            StateKind::Running => State::Running { since: self.since?, node: self.node? },
            StateKind::Suspended => State::Suspended { since: self.since? },
            StateKind::Stopping => State::Stopping { since: self.since?, by: self.by? },
            StateKind::Succeeded => State::Succeeded { started: self.started?, at: self.at? },
            StateKind::Failed => State::Failed { started: self.started, at: self.at?, exit_code: self.exit_code, why: self.why? },
            StateKind::Stopped => State::Stopped { started: self.started, at: self.at?, by: self.by? },
        })
    }
}

impl TryFrom<Fields> for State {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        fields.state().ok_or("a state without a field that it has")
    }
}
