//! A team: the people who share a namespace, its quota and its runs. The team's name is the namespace's name.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    name::{DnsLabel, NameError},
    person::{PersonId, PersonName, Role},
    refusal::{FieldErrors, Refusal},
};

/// The label that makes a namespace a team.
pub const TEAM_LABEL: &str = "slipway.dev/team";

/// The first team's name. Its namespace is the one that every cluster has, which nobody made for something else.
pub const FIRST_TEAM: &str = "default";

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

/// What a platform admin says of a new team. Field names are the form's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TeamForm {
    /// The team's name, which becomes the namespace's.
    pub name: String,
}

impl TeamForm {
    /// Reads the name of a team that may be made.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with what Kubernetes would refuse about it, or that it is somebody else's to give.
    pub fn parse(&self) -> Result<TeamName, Refusal> {
        let text = self.name.trim();
        let wrong = |sentence: String| Refusal::field("name", sentence);
        let name = TeamName::parse(text).map_err(|error| {
            wrong(match DnsLabel::suggest(text).filter(|near| near.as_str() != text) {
                Some(near) => format!("{error}; {near} would do"),
                None => error.to_string(),
            })
        })?;
        match reserved(text) {
            Some(sentence) => Err(wrong(sentence)),
            None => Ok(name),
        }
    }
}

/// Why a name that Kubernetes would take is not for a team.
fn reserved(name: &str) -> Option<String> {
    let of =
        |owner: &str, prefix: &str| format!("Namespaces that begin with {prefix} are {owner}'s own; choose a name of another beginning");
    if name == FIRST_TEAM {
        Some(format!("{FIRST_TEAM} is the first team's name, which is there from the start; choose another"))
    } else if name.starts_with("kube-") {
        Some(of("Kubernetes", "kube-"))
    } else if name == "openshift" || name.starts_with("openshift-") {
        Some(of("OpenShift", "openshift"))
    } else {
        None
    }
}

/// How a team's namespace stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// It is being made, or waits for the cluster.
    Preparing {
        /// What it waits for, a sentence; empty where that is not known.
        why: String,
    },
    /// It is there, with roles, bindings and volume.
    Prepared {
        /// Since when.
        #[serde(deserialize_with = "crate::instant::read")]
        since: Timestamp,
    },
    /// It cannot be made as it is.
    Refused {
        /// Why, a sentence.
        why: String,
    },
}

/// A team in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamRow {
    /// Its name.
    pub name: TeamName,
    /// How many people have each role.
    pub members: BTreeMap<Role, u64>,
    /// Runs that hold something: starting, running, stopping.
    pub running: u64,
    /// Runs that wait.
    pub waiting: u64,
    /// How its namespace stands.
    pub namespace: Namespace,
    /// When it was made.
    #[serde(deserialize_with = "crate::instant::read")]
    pub created: Timestamp,
}

/// The teams that somebody may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamList {
    /// By name.
    pub teams: Vec<TeamRow>,
    /// Why the caller may not make one, and whom to ask; none where they may.
    pub may_not_create: Option<String>,
    /// Since when the cluster is away; none while it is there.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub id: PersonId,
    /// Their name.
    pub name: PersonName,
    /// Their role in it.
    pub role: Role,
    /// Whether they may sign in.
    pub active: bool,
    /// Whether they have set a password yet.
    pub joined: bool,
    /// When they last used Slipway.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub last_seen: Option<Timestamp>,
}

/// What Kubernetes lets a role of the team do in its namespace, as Slipway keeps it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Which role.
    pub role: Role,
    /// The group that Kubernetes sees.
    pub group: String,
    /// Verbs and resources, a line a rule: `get, list, watch: pods, pods/log`.
    pub rules: Vec<String>,
}

/// A team's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamDetail {
    /// As in the list.
    pub row: TeamRow,
    /// Who is in it, the most powerful first.
    pub members: Vec<Member>,
    /// What each role may do in the cluster.
    pub rights: Vec<Rights>,
    /// Why the caller may not have the namespace prepared again, and whom to ask; none where they may.
    pub may_not_prepare: Option<String>,
    /// Since when the cluster is away; none while it is there.
    #[serde(deserialize_with = "crate::instant::read_option")]
    pub stale_since: Option<Timestamp>,
}

/// An existing person who is to join a team. Field names are the form's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberForm {
    /// Their name.
    pub person: String,
    /// Their role in the team.
    pub role: String,
}

impl MemberForm {
    /// Reads whom and as what.
    ///
    /// # Errors
    /// A sentence for each field that is wrong.
    pub fn parse(&self) -> Result<(PersonName, Role), FieldErrors> {
        match (PersonName::parse(self.person.trim()), Role::parse(&self.role)) {
            (Ok(name), Ok(role)) => Ok((name, role)),
            (name, role) => {
                let person = name.err().map(|sentence| ("person".to_owned(), sentence));
                Err(person.into_iter().chain(role.err().map(|sentence| ("role".to_owned(), sentence))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(name: &str) -> String {
        TeamForm { name: name.to_owned() }.parse().expect_err(name).to_string()
    }

    #[test]
    fn a_team_has_a_name_that_a_namespace_can_have() {
        for good in ["vision", "team-2", "7", " speech ", &"x".repeat(63)] {
            assert!(TeamForm { name: good.to_owned() }.parse().is_ok(), "{good}");
        }
        for (bad, word) in [
            ("", "missing"),
            ("Vision", "vision would do"),
            ("my team", "my-team would do"),
            ("-a", "dash"),
            ("\u{202e}a", "U+202E"),
            ("speech_2", "underscore"),
            (&"x".repeat(64), "at most 63"),
            ("<b>", "`<`"),
        ] {
            let sentence = refused(bad);
            assert!(sentence.contains(word), "{bad:?}: {sentence}");
        }
    }

    #[test]
    fn names_that_belong_to_others_are_not_given_away() {
        for (name, owner) in [
            ("kube-system", "Kubernetes"),
            ("kube-anything", "Kubernetes"),
            ("openshift", "OpenShift"),
            ("openshift-monitoring", "OpenShift"),
            ("default", "the first team's"),
        ] {
            let sentence = refused(name);
            assert!(sentence.contains(owner), "{name}: {sentence}");
        }
        assert!(TeamForm { name: "kubernetes-people".into() }.parse().is_ok());
        assert!(TeamForm { name: "defaults".into() }.parse().is_ok());
    }

    #[test]
    fn both_fields_of_a_new_member_are_judged_at_once() {
        let fields = MemberForm { person: "Mina Å".into(), role: "king".into() }.parse().expect_err("both are wrong");
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["person", "role"]);
        let (name, role) = MemberForm { person: " mina ".into(), role: "approver".into() }.parse().expect("both are right");
        assert_eq!((name.as_str(), role), ("mina", Role::Approver));
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_a_namespace_or_a_sentence(name in ".{0,80}") {
            match (TeamForm { name: name.clone() }).parse() {
                Ok(team) => prop_assert_eq!(team.as_str(), name.trim()),
                Err(refusal) => {
                    let sentence = refusal.to_string();
                    prop_assert!(sentence.len() > 10 && !sentence.contains('\u{202e}'), "{}", sentence);
                }
            }
        }
    }
}
