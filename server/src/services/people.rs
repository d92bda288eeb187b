//! People: who there is and what they may do, and each one's own sessions and password.
//!
//! A one-time link is as good as the account it is for. So an admin of a team may make links for, and close, only accounts all of
//! whose roles are in teams that they administer; anything else would be a way to more power than one has.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::json;
use slipway_app::ports;
use slipway_domain::{
    person::{Caller, PersonId, PersonName, Role},
    policy::{Action, Subject, may},
    refusal::{FieldErrors, Refusal},
    session::{Invitation, PersonForm, PersonRow, SessionRow, Welcome, check_password},
    team::TeamName,
};

use super::{
    links::Link,
    permit,
    sign_in::{SignIn, new_id},
};
use crate::store::{
    Error,
    audit::About,
    people::{self, NewPerson, Person},
    teams,
};

/// The port, implemented over what signing in uses.
#[derive(Clone, Debug)]
pub struct People(SignIn);

impl People {
    /// The service over what signing in uses.
    pub const fn new(sign_in: SignIn) -> Self {
        Self(sign_in)
    }

    /// A person whose account the caller may manage.
    async fn manageable(&self, caller: &Caller, id: &PersonId, word: &str) -> Result<Person, Refusal> {
        let person = people::by_id(&self.0.store, id).await?;
        let Some(person) = person else {
            permit(&self.0.audit, caller, (Action::ManagePeople, Subject::Platform), word, "an unknown person").await?;
            return Err(Refusal::not_found("There is no such person; look at the list again"));
        };
        let subject = subject(&person.row.name);
        let in_one_of_my_teams = !person.row.roles.is_empty()
            && !person.row.platform_admin
            && person.row.roles.keys().all(|team| may(caller, Action::ManagePeople, Subject::Team(team)).is_ok());
        if !in_one_of_my_teams {
            permit(&self.0.audit, caller, (Action::ManagePeople, Subject::Platform), word, &subject).await?;
        }
        Ok(person)
    }

    /// Refuses what would leave nobody who administers the platform.
    async fn not_the_last_admin(&self, person: &PersonRow) -> Result<(), Refusal> {
        if person.platform_admin && !people::has_other_platform_admin(&self.0.store, &person.id).await? {
            return Err(Refusal::conflict(format!("{} is the only platform admin who can sign in; make another first", person.name)));
        }
        Ok(())
    }

    async fn existing_team(&self, name: &str) -> Result<TeamName, String> {
        let team = TeamName::parse(name).map_err(|error| error.to_string())?;
        match teams::list(&self.0.store).await {
            Ok(teams) if teams.contains(&team) => Ok(team),
            Ok(_) => Err(format!("There is no team {team}")),
            Err(error) => Err(Refusal::from(error).to_string()),
        }
    }

    /// Reads the form of a new person.
    async fn parse(&self, form: &PersonForm) -> Result<(PersonName, bool, Option<(TeamName, Role)>), Refusal> {
        let mut fields = FieldErrors::new();
        let mut keep = |field: &str, sentence: String| {
            fields.insert(field.to_owned(), sentence);
        };
        let name = PersonName::parse(form.name.trim()).map_err(|sentence| keep("name", sentence)).ok();
        let platform_admin = form.platform_admin == "on";
        let role = if form.team.is_empty() && platform_admin {
            None
        } else {
            let team = self.existing_team(&form.team).await.map_err(|sentence| keep("team", sentence)).ok();
            let role = Role::parse(&form.role).map_err(|sentence| keep("role", sentence)).ok();
            team.zip(role)
        };
        match name {
            Some(name) if fields.is_empty() => Ok((name, platform_admin, role)),
            _ => Err(Refusal::Invalid { fields }),
        }
    }
}

fn subject(name: &PersonName) -> String {
    format!("person {name}")
}

/// What an admin of some teams sees of a person: their roles in teams that the admin belongs to.
fn as_seen_by(caller: &Caller, mut person: PersonRow) -> Option<PersonRow> {
    if caller.platform_admin {
        return Some(person);
    }
    let in_my_teams = person.roles.keys().any(|team| may(caller, Action::ViewPeople, Subject::Team(team)).is_ok());
    person.roles.retain(|team, _| caller.roles.contains_key(team));
    in_my_teams.then_some(person)
}

#[async_trait]
impl ports::People for People {
    async fn list(&self, caller: &Caller) -> Result<Vec<PersonRow>, Refusal> {
        let an_admin_somewhere = caller.roles.keys().any(|team| may(caller, Action::ViewPeople, Subject::Team(team)).is_ok());
        if !an_admin_somewhere {
            permit(&self.0.audit, caller, (Action::ViewPeople, Subject::Platform), "see people", "platform").await?;
        }
        let everybody = people::list(&self.0.store).await?;
        Ok(everybody.into_iter().filter_map(|person| as_seen_by(caller, person)).collect())
    }

    async fn teams(&self, caller: &Caller) -> Result<Vec<TeamName>, Refusal> {
        if caller.platform_admin { Ok(teams::list(&self.0.store).await?) } else { Ok(caller.roles.keys().cloned().collect()) }
    }

    async fn invite(&self, caller: &Caller, form: PersonForm) -> Result<Invitation, Refusal> {
        // Permission comes before the form is read, so that nobody learns which teams there are from what is wrong with it.
        let team = TeamName::parse(&form.team).ok().filter(|_| form.platform_admin != "on");
        let on = team.as_ref().map_or(Subject::Platform, Subject::Team);
        permit(&self.0.audit, caller, (Action::ManagePeople, on), "invite", &format!("person {:?}", form.name)).await?;
        let (name, platform_admin, role) = self.parse(&form).await?;
        let person = NewPerson { id: new_id(), name: name.clone(), platform_admin, role: role.clone() };
        let link = Link::new(self.0.clock.now());
        let roles: BTreeMap<_, _> = role.into_iter().collect();
        let after = json!({ "platform_admin": platform_admin, "roles": roles });
        let change = async {
            people::add(&self.0.store, &person, &link.invitation).await.map_err(|error| match error {
                Error::Duplicate(_) => Refusal::field("name", format!("Somebody is called {name} already; choose another name")),
                other => other.into(),
            })
        };
        let whom = subject(&name);
        let about = team.as_ref().map_or_else(|| About::from(&whom), |team| About::in_team(&whom, team));
        self.0.audit.around(caller, "invite", about, (None, Some(after)), change).await?;
        let row = PersonRow { id: person.id, name, platform_admin, roles, active: true, joined: false, last_seen: None };
        Ok(Invitation { person: row, link: link.path, expires: link.invitation.expires })
    }

    async fn reset(&self, caller: &Caller, person: &PersonId) -> Result<Invitation, Refusal> {
        let person = self.manageable(caller, person, "reset password").await?.row;
        if !person.active {
            return Err(Refusal::conflict(format!("{} may not sign in at present; let them sign in first", person.name)));
        }
        if person.id == caller.id {
            return Err(Refusal::conflict("Your own password you change on your own page, where you stay signed in"));
        }
        let link = Link::new(self.0.clock.now());
        let change = async { Ok(people::reset(&self.0.store, &person.id, &link.invitation).await?) };
        self.0.audit.around(caller, "reset password", &subject(&person.name), (None, None), change).await?;
        self.0.hub.people_changed();
        Ok(Invitation { person: PersonRow { joined: false, ..person }, link: link.path, expires: link.invitation.expires })
    }

    async fn set_role(&self, caller: &Caller, person: &PersonId, team: &TeamName, role: Option<Role>) -> Result<(), Refusal> {
        let word = if role.is_some() { "give a role" } else { "take a role away" };
        let on = (Action::ManagePeople, Subject::Team(team));
        permit(&self.0.audit, caller, on, word, &format!("person {} in {team}", person.0)).await?;
        self.existing_team(team.as_str()).await.map_err(|sentence| Refusal::field("team", sentence))?;
        let found = people::by_id(&self.0.store, person).await?;
        let found = found.ok_or_else(|| Refusal::not_found("There is no such person; look at the list again"))?;
        let before = found.row.roles.get(team).copied();
        let states = (Some(json!(before)), Some(json!(role)));
        let change = async { Ok(people::set_role(&self.0.store, person, team, role).await?) };
        self.0.audit.around(caller, word, &format!("{} in {team}", subject(&found.row.name)), states, change).await?;
        self.0.hub.people_changed();
        Ok(())
    }

    async fn welcome(&self, token: &str) -> Result<Welcome, Refusal> {
        self.0.welcome(token).await
    }

    async fn set_active(&self, caller: &Caller, person: &PersonId, active: bool) -> Result<(), Refusal> {
        let word = if active { "open account" } else { "close account" };
        let person = self.manageable(caller, person, word).await?.row;
        if !active {
            self.not_the_last_admin(&person).await?;
        }
        let states = (Some(json!(person.active)), Some(json!(active)));
        let change = async { Ok(people::set_active(&self.0.store, &person.id, active).await?) };
        self.0.audit.around(caller, word, &subject(&person.name), states, change).await?;
        self.0.hub.people_changed();
        Ok(())
    }

    async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionRow>, Refusal> {
        Ok(self.0.sessions.of(&caller.id, &caller.session).await?)
    }

    async fn end_sessions(&self, caller: &Caller, handle: Option<String>) -> Result<(), Refusal> {
        let change = async {
            match &handle {
                // One that has ended meanwhile is what was asked for.
                Some(handle) => self.0.sessions.end(&caller.id, handle).await.map(|_| ()),
                None => self.0.sessions.end_all_but(&caller.id, &caller.session).await.map(|_| ()),
            }?;
            Ok(())
        };
        let word = if handle.is_some() { "end a session" } else { "end all other sessions" };
        self.0.audit.around(caller, word, &subject(&caller.name), (None, None), change).await?;
        self.0.hub.people_changed();
        Ok(())
    }

    async fn change_password(&self, caller: &Caller, old: String, new: String) -> Result<(), Refusal> {
        check_password(&new, caller.name.as_str()).map_err(|sentence| Refusal::field("new", sentence))?;
        if old == new {
            return Err(Refusal::field("new", "This is the password you have; choose another"));
        }
        // A session that somebody left open must not be a way to try passwords.
        let name = caller.name.as_str();
        self.0.limits.by_name.take(name, self.0.clock.now()).map_err(|seconds| Refusal::TooOften { seconds })?;
        let person = people::by_id(&self.0.store, &caller.id).await?.ok_or(Refusal::SignedOut)?;
        if !self.0.passwords.verify(old, person.password).await? {
            let refusal = Refusal::field("old", "This is not the password you have");
            self.0.audit.denied(caller, "change password", &subject(&caller.name), &refusal).await;
            return Err(refusal);
        }
        self.0.limits.by_name.give_back(name);
        let hash = self.0.passwords.hash(new).await?;
        let change = async { Ok(people::set_password(&self.0.store, &caller.id, &hash, &caller.session).await?) };
        self.0.audit.around(caller, "change password", &subject(&caller.name), (None, None), change).await?;
        self.0.hub.people_changed();
        Ok(())
    }
}
