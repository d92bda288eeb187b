//! A refusal as it is read from JSON: the fields of all kinds, of which each has some (why so: see [`crate::instant`]).

use serde::Deserialize;

use super::{FieldErrors, Refusal};

#[derive(Debug, Deserialize)]
pub struct Fields {
    kind: Kind,
    sentence: Option<String>,
    #[serde(rename = "fields")]
    wrong: Option<FieldErrors>,
    seconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    SignedOut,
    Forbidden,
    NotFound,
    Invalid,
    Conflict,
    TooOften,
    Unavailable,
}

impl Fields {
    fn refusal(self) -> Option<Refusal> {
        Some(match self.kind {
            Kind::SignedOut => Refusal::SignedOut,
            Kind::Forbidden => Refusal::Forbidden { sentence: self.sentence? },
            Kind::NotFound => Refusal::NotFound { sentence: self.sentence? },
            Kind::Invalid => Refusal::Invalid { fields: self.wrong? },
            Kind::Conflict => Refusal::Conflict { sentence: self.sentence? },
            Kind::TooOften => Refusal::TooOften { seconds: self.seconds? },
            Kind::Unavailable => Refusal::Unavailable { sentence: self.sentence? },
        })
    }
}

impl TryFrom<Fields> for Refusal {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        fields.refusal().ok_or("a refusal without a field that it has")
    }
}
