//! Sessions and people as they are shown: who is signed in where, and who there is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    person::{PersonId, PersonName, Role},
    team::TeamName,
};

/// One of a person's sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// A handle for ending it: the first 16 hexadecimal digits of the stored hash, which signs nobody in.
    pub handle: String,
    /// When they signed in.
    #[serde(deserialize_with = "crate::instant::read")]
    pub signed_in: Timestamp,
    /// When it was last used.
    #[serde(deserialize_with = "crate::instant::read")]
    pub last_seen: Timestamp,
    /// When it ends whatever happens.
    #[serde(deserialize_with = "crate::instant::read")]
    pub expires: Timestamp,
    /// The browser, as it names itself, cut to 200 characters.
    pub agent: String,
    /// The address they came from.
    pub address: String,
    /// Whether it is the session that asks.
    pub current: bool,
}

/// A person as an admin sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Their identity.
    pub id: PersonId,
    /// Their name.
    pub name: PersonName,
    /// Whether they administer the platform.
    pub platform_admin: bool,
    /// Their role in each team.
    pub roles: BTreeMap<TeamName, Role>,
    /// Whether they may sign in.
    pub active: bool,
    /// Whether they have set a password yet.
    pub joined: bool,
    /// When they last used Slipway.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub last_seen: Option<Timestamp>,
}

/// An account that was made, with the link by which its owner sets a password. Shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The new person.
    pub person: PersonRow,
    /// The path and token of the one-time link.
    pub link: String,
    /// Until when it works.
    #[serde(deserialize_with = "crate::instant::read")]
    pub expires: Timestamp,
}

/// What an admin says of a new person. Field names are the form's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonForm {
    /// The name to sign in with.
    pub name: String,
    /// The team they join.
    pub team: String,
    /// Their role in it.
    pub role: String,
    /// `on` where they are to administer the platform.
    pub platform_admin: String,
}

/// Whom a one-time link is for, as its page greets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The account it sets a password for; none on the link for the first admin, who chooses a name.
    pub name: Option<PersonName>,
    /// Until when it works.
    #[serde(deserialize_with = "crate::instant::read")]
    pub expires: Timestamp,
}

/// The shortest password, in characters. Length is the only rule, as NIST SP 800-63B advises.
pub const MIN_PASSWORD: usize = 10;

/// The longest password, in bytes: more would only feed the hash.
pub const MAX_PASSWORD: usize = 1024;

/// Whether a password may be chosen.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_password(password: &str, name: &str) -> Result<(), String> {
    if password.chars().count() < MIN_PASSWORD {
        return Err(format!("A password has at least {MIN_PASSWORD} characters"));
    }
    if password.len() > MAX_PASSWORD {
        return Err(format!("A password has at most {MAX_PASSWORD} bytes"));
    }
    if !name.is_empty() && password.to_lowercase().contains(&name.to_lowercase()) {
        return Err("A password does not contain the name it belongs to".to_owned());
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) {
        return Err("A password is not one character repeated".to_owned());
    }
    Ok(())
}
