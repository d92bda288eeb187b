//! Where a re-layout stands, as it is read from JSON: the fields of all states, of which each has some (why so: see
//! [`crate::instant`]).

use jiff::Timestamp;
use serde::Deserialize;

use super::{State, Step};
use crate::instant;

#[derive(Debug, Deserialize)]
pub struct Fields {
    state: Word,
    left: Option<u32>,
    #[serde(default, deserialize_with = "instant::read_option")]
    since: Option<Timestamp>,
    aborted: Option<Step>,
    restore: Option<bool>,
    step: Option<Step>,
    why: Option<String>,
    recovery: Option<String>,
    cordoned: Option<bool>,
    at: Option<Step>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Cordoning,
    Draining,
    Labelling,
    Applying,
    Checking,
    Uncordoning,
    Done,
    Failed,
    Aborted,
}

impl Fields {
    fn state(self) -> Option<State> {
        Some(match self.state {
            Word::Cordoning => State::Cordoning,
            Word::Draining => State::Draining { left: self.left?, since: self.since? },
            Word::Labelling => State::Labelling,
            Word::Applying => State::Applying { since: self.since? },
            Word::Checking => State::Checking { since: self.since? },
            Word::Uncordoning => State::Uncordoning { aborted: self.aborted, restore: self.restore? },
            Word::Done => State::Done,
            Word::Failed => State::Failed { step: self.step?, why: self.why?, recovery: self.recovery?, cordoned: self.cordoned? },
            Word::Aborted => State::Aborted { at: self.at? },
        })
    }
}

impl TryFrom<Fields> for State {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        fields.state().ok_or("a re-layout's state without a field that it has")
    }
}
