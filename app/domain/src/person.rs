//! A person, the roles they hold, and the caller: a person who has signed in and asks for something now.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::team::TeamName;

/// A person's identity, a `UUIDv7` in text; it never changes and is never given to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub String);

/// What a person signs in with and is called everywhere: 2 to 32 of `a-z 0-9 . _ -`, beginning with a letter.
///
/// It becomes part of the user that Kubernetes sees (`slipway:<name>`), so it may hold neither colon nor space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

impl PersonName {
    /// Reads a name.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("A name is missing".into());
        }
        if !(2..=32).contains(&text.chars().count()) {
            return Err(format!("A name has 2 to 32 characters; this one has {}", text.chars().count()));
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err("A name begins with a letter from a to z, in lower case".into());
        }
        match text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(*c))) {
            Some(bad) => Err(format!("A name has only a–z, 0–9, dot, dash and underscore; U+{:04X} is none of them", u32::from(bad))),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PersonName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}

/// What a person may do in one team. The order is that of their power: each may do all that the one before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Launches runs and watches them.
    Engineer,
    /// Judges promotions and rollouts of others as well.
    Approver,
    /// Sets the team's shares and members as well.
    Admin,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 3] = [Self::Engineer, Self::Approver, Self::Admin];

    /// The word for it, as it stands in the database, in URLs and in Kubernetes groups.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Engineer => "engineer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// A sentence with the words there are.
    pub fn parse(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.word() == word).ok_or_else(|| "A role is engineer, approver or admin".to_owned())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who asks: a person with a valid session. Holding one is the proof that somebody signed in; what they may do with it is
/// [`crate::policy`]'s to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Who it is.
    pub id: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// Whether they administer the whole platform.
    pub platform_admin: bool,
    /// Their role in each team they belong to.
    pub roles: BTreeMap<TeamName, Role>,
    /// The request in which they ask, for the audit log.
    pub request: String,
    /// The handle of the session in which they ask (see [`crate::session::SessionRow::handle`]); empty where there is none.
    pub session: String,
}

impl Caller {
    /// Their role in a team, if they belong to it.
    pub fn role_in(&self, team: &TeamName) -> Option<Role> {
        self.roles.get(team).copied()
    }
}
