//! More of a quota for a while: an engineer asks, a platform admin answers, and what was granted is taken back when its time is up.
//!
//! A grant adds to what is there and taking it back subtracts the same, so that what an admin changes meanwhile stays. Nobody
//! answers their own request.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    QuotaFacts,
    resource::{parse_amount, unit, with_unit},
};
use crate::{
    person::{Caller, PersonId, PersonName},
    quantity::Quantity,
    refusal::{FieldErrors, Refusal},
    team::TeamName,
};

mod written;

/// The longest time for which one may ask.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 92);

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// A request's identity, a `UUIDv7` in text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub String);

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", try_from = "written::Fields")]
pub enum RequestState {
    /// Nobody has answered.
    Asked,
    /// It was given, and is taken back at `until`.
    Granted {
        /// When it is taken back.
        until: Timestamp,
        /// Who gave it.
        by: PersonName,
    },
    /// It was not given.
    Refused {
        /// Who said no.
        by: PersonName,
        /// Why.
        why: String,
    },
    /// It was given and has been taken back.
    Ended {
        /// When.
        at: Timestamp,
        /// Who had given it.
        by: PersonName,
    },
    /// Whoever asked no longer wants it.
    Withdrawn,
}

/// What can be done about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Answer {
    /// Give what is asked for.
    Approve,
    /// Say no.
    Refuse {
        /// Why: whoever asked reads it.
        why: String,
    },
    /// Take back what was given before its time is up.
    End,
    /// No longer want it.
    Withdraw,
}

impl Answer {
    /// The word in forms and in the audit log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Refuse { .. } => "refuse",
            Self::End => "end",
            Self::Withdraw => "withdraw",
        }
    }

    /// Reads the word; `why` is the reason of a refusal.
    pub fn parse(word: &str, why: &str) -> Option<Self> {
        let all = [Self::Approve, Self::Refuse { why: why.trim().to_owned() }, Self::End, Self::Withdraw];
        all.into_iter().find(|answer| answer.word() == word)
    }
}

/// A request as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its identity.
    pub id: RequestId,
    /// Whose quota.
    pub team: TeamName,
    /// Which of its quotas.
    pub quota: String,
    /// Which resource of it.
    pub resource: String,
    /// How much more.
    pub amount: Quantity,
    /// Until when it is asked for.
    #[serde(deserialize_with = "crate::instant::read")]
    pub until: Timestamp,
    /// What it is for.
    pub why: String,
    /// Who asks.
    pub by: PersonName,
    /// Their identity, for policy.
    pub made_by: PersonId,
    /// When they asked.
    #[serde(deserialize_with = "crate::instant::read")]
    pub asked: Timestamp,
    /// Where it stands.
    pub state: RequestState,
    /// Why what was decided is not yet carried out in the cluster, where it could not be; it is tried again.
    pub trouble: Option<String>,
}

impl Request {
    /// What it asks for, such as `2 GPUs more`.
    pub fn words(&self) -> String {
        format!("{} more", with_unit(&self.resource, self.amount))
    }

    /// The state after an answer by `caller` at `now`.
    ///
    /// # Errors
    /// Why it cannot be answered so: its state, or that it is the caller's own.
    pub fn answered(&self, answer: &Answer, caller: &Caller, now: Timestamp) -> Result<RequestState, Refusal> {
        let by = caller.name.clone();
        let mine = self.made_by == caller.id;
        let settled = || Refusal::conflict(format!("This request {} already; look at the page again", self.state.words()));
        match (&self.state, answer) {
            (RequestState::Asked, Answer::Withdraw) if !mine => {
                Err(Refusal::forbidden(format!("Only {} may withdraw this; refuse it instead", self.by)))
            }
            (RequestState::Asked, Answer::Withdraw) => Ok(RequestState::Withdrawn),
            (RequestState::Asked, Answer::Approve | Answer::Refuse { .. }) if mine => {
                Err(Refusal::forbidden("Nobody answers their own request; ask another platform admin"))
            }
            (RequestState::Asked, Answer::Approve) if self.until <= now => {
                Err(Refusal::conflict("The time for which this was asked is over; refuse it"))
            }
            (RequestState::Asked, Answer::Approve) => Ok(RequestState::Granted { until: self.until, by }),
            (RequestState::Asked, Answer::Refuse { why }) => match reason(why) {
                Ok(why) => Ok(RequestState::Refused { by, why }),
                Err(sentence) => Err(Refusal::field("why", sentence)),
            },
            (RequestState::Granted { by, .. }, Answer::End) => Ok(RequestState::Ended { at: now, by: by.clone() }),
            (RequestState::Asked, Answer::End) => Err(Refusal::conflict("This was not granted, so that there is nothing to take back")),
            (RequestState::Granted { .. }, Answer::Approve | Answer::Refuse { .. } | Answer::Withdraw)
            | (RequestState::Refused { .. } | RequestState::Ended { .. } | RequestState::Withdrawn, _) => Err(settled()),
        }
    }
}

impl RequestState {
    /// The word in the database.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Granted { .. } => "granted",
            Self::Refused { .. } => "refused",
            Self::Ended { .. } => "ended",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What has become of it, after "This request".
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Asked => "waits for an answer",
            Self::Granted { .. } => "was granted",
            Self::Refused { .. } => "was refused",
            Self::Ended { .. } => "was granted and has ended",
            Self::Withdrawn => "was withdrawn",
        }
    }
}

/// What a person asks for, by the form's field: `team`, `of` (quota and resource with a slash between), `amount`, `until` (a
/// date) and `why`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskForm(pub BTreeMap<String, String>);

/// What such a form means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which of the team's quotas.
    pub quota: String,
    /// Which resource of it.
    pub resource: String,
    /// How much more.
    pub amount: Quantity,
    /// When it is taken back: the end of that day, UTC.
    pub until: Timestamp,
    /// What it is for.
    pub why: String,
}

impl AskForm {
    /// The text of a field.
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |text| text.trim())
    }

    /// What it means at `now`, for a team with these quotas.
    ///
    /// # Errors
    /// Each field that cannot be accepted, with a sentence that says what is wrong and what to do.
    pub fn parse(&self, quotas: &[QuotaFacts], now: Timestamp) -> Result<Ask, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut note = |field: &str, sentence: String| {
            errors.insert(field.to_owned(), sentence);
        };
        let of = self
            .get("of")
            .split_once('/')
            .filter(|(name, resource)| quotas.iter().any(|quota| quota.name == *name && quota.hard.contains_key(*resource)));
        if of.is_none() {
            note("of", "Choose what there is to be more of; what no quota limits need not be asked for".to_owned());
        }
        let amount = match of.and_then(|(_, resource)| unit(resource)).map(|unit| parse_amount(unit, self.get("amount"))) {
            Some(Ok(amount)) if amount.is_positive() => Some(amount),
            Some(Ok(_)) => {
                note("amount", "Ask for more than 0".to_owned());
                None
            }
            Some(Err(sentence)) => {
                note("amount", sentence);
                None
            }
            None => None,
        };
        let until = end_of(self.get("until"), now).map_err(|sentence| note("until", sentence)).ok();
        let why = reason(self.get("why")).map_err(|sentence| note("why", sentence)).ok();
        match (of, amount, until, why) {
            (Some((quota, resource)), Some(amount), Some(until), Some(why)) => {
                Ok(Ask { quota: quota.to_owned(), resource: resource.to_owned(), amount, until, why })
            }
            _ => Err(errors),
        }
    }
}

/// The end of a day, UTC, that has not passed and is not too far away.
fn end_of(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let date: Date = text.parse().map_err(|_| "A date is written like 2026-12-24".to_owned())?;
    let end =
        date.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC)).map_err(|_| "That date is out of reach".to_owned())?.timestamp();
    if end <= now {
        return Err("That day has passed; choose today or a later one".to_owned());
    }
    if end.duration_since(now) > LONGEST {
        return Err("At most three months ahead; for longer, ask for a larger quota for good".to_owned());
    }
    Ok(end)
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Say why in a few words; whoever reads this decides by it".to_owned());
    }
    if text.chars().count() > MAX_REASON {
        return Err(format!("A reason has at most {MAX_REASON} characters"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err("A reason is plain text; take out the control characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
