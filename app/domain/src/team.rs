//! A team: the people who share a namespace, its quota and its runs. The team's name is the namespace's name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{DnsLabel, NameError};

/// The label that makes a namespace a team.
pub const TEAM_LABEL: &str = "slipway.dev/team";

/// A team's name, which is its namespace's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TeamName(DnsLabel);

impl TeamName {
    /// Reads a team's name.
    ///
    /// # Errors
    /// What Kubernetes would refuse about a namespace of that name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        DnsLabel::parse(text).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for TeamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
