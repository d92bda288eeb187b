//! GPUs asked for as they are read from JSON: the fields of all kinds, of which each has some (why so: see [`crate::instant`]).

use std::num::NonZeroU32;

use serde::Deserialize;

use super::{GpuRequest, MigProfile};

#[derive(Debug, Deserialize)]
pub struct Fields {
    kind: Kind,
    count: Option<NonZeroU32>,
    product: Option<String>,
    profile: Option<MigProfile>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    None,
    Whole,
    Mig,
}

impl Fields {
    fn request(self) -> Option<GpuRequest> {
        Some(match self.kind {
            Kind::None => GpuRequest::None,
            Kind::Whole => GpuRequest::Whole { count: self.count?, product: self.product },
            Kind::Mig => GpuRequest::Mig { profile: self.profile?, count: self.count? },
        })
    }
}

impl TryFrom<Fields> for GpuRequest {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        fields.request().ok_or("GPUs without a field that their kind has")
    }
}
