//! Where a request stands, as it is read from JSON: the fields of all states, of which each has some (why so: see
//! [`crate::instant`]).

use jiff::Timestamp;
use serde::Deserialize;

use super::RequestState;
use crate::{instant, person::PersonName};

#[derive(Debug, Deserialize)]
pub struct Fields {
    state: Word,
    #[serde(default, deserialize_with = "instant::read_option")]
    until: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant::read_option")]
    at: Option<Timestamp>,
    by: Option<PersonName>,
    why: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Asked,
    Granted,
    Refused,
    Ended,
    Withdrawn,
}

impl Fields {
    fn state(self) -> Option<RequestState> {
        Some(match self.state {
            Word::Asked => RequestState::Asked,
            Word::Granted => RequestState::Granted { until: self.until?, by: self.by? },
            Word::Refused => RequestState::Refused { by: self.by?, why: self.why? },
            Word::Ended => RequestState::Ended { at: self.at?, by: self.by? },
            Word::Withdrawn => RequestState::Withdrawn,
        })
    }
}

impl TryFrom<Fields> for RequestState {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        fields.state().ok_or("a request's state without a field that it has")
    }
}
