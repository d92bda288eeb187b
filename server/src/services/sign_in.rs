//! Signing in: a name and a password, or a one-time link and a first password.
//!
//! Who tries too often waits: by address, against trying many names from one place, and by name, against trying one name from
//! many places. A try that succeeds does not count. The answer to a wrong name, a wrong password and a closed account is the
//! same sentence after the same work.

use std::{net::IpAddr, sync::Arc};

use jiff::SignedDuration;
use slipway_domain::{
    person::{PersonId, PersonName, Role},
    refusal::Refusal,
    session::{Welcome, check_password},
    team::{FIRST_TEAM, TeamName},
};
use uuid::Uuid;

use super::{limit::Limiter, links, passwords::Passwords};
use crate::{
    clock::Clock,
    live::Hub,
    store::{
        Error, Store,
        audit::{Actor, Audit},
        people::{self, NewPerson, OpenInvitation},
    },
};

pub use crate::store::sessions::{Found, LIFETIME, Sessions, beginning};

/// The team that the first start makes.
pub(crate) fn first_team() -> TeamName {
    TeamName::parse(FIRST_TEAM).expect("a constant that is a name")
}

/// How often signing in may be tried.
#[derive(Clone, Debug)]
pub struct Limits {
    /// By address; an IPv6 network of 64 bits is one address, because whoever has one has them all.
    pub by_address: Arc<Limiter>,
    /// By name.
    pub by_name: Arc<Limiter>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            by_address: Arc::new(Limiter::new(20, SignedDuration::from_secs(6))),
            by_name: Arc::new(Limiter::new(10, SignedDuration::from_secs(30))),
        }
    }
}

/// Who is at the other end, before anybody has signed in.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their address.
    pub address: IpAddr,
    /// The request in which they ask.
    pub request: String,
}

impl Visitor {
    fn key(&self) -> String {
        match self.address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub(crate) store: Store,
    pub(crate) audit: Audit,
    pub(crate) sessions: Sessions,
    pub(crate) passwords: Passwords,
    pub(crate) limits: Limits,
    pub(crate) hub: Hub,
    pub(crate) clock: Clock,
}

/// A first password as it was typed behind a one-time link.
#[derive(Debug, Default)]
pub struct FirstPassword {
    /// The link's token.
    pub token: String,
    /// The name: chosen by the first admin, confirmed by everybody else.
    pub name: String,
    /// The password.
    pub password: String,
    /// The same again.
    pub again: String,
}

impl SignIn {
    /// The service over `store`.
    pub fn new(store: Store, clock: Clock, hub: Hub) -> Self {
        Self {
            audit: Audit::new(store.clone(), clock.clone()),
            sessions: Sessions::new(store.clone(), clock.clone()),
            passwords: Passwords::default(),
            limits: Limits::default(),
            store,
            hub,
            clock,
        }
    }

    /// Sessions, for the layer that keeps the cookie and the middleware that finds out who asks.
    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The audit log.
    pub const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Checks a name and a password. The caller begins the session.
    ///
    /// # Errors
    /// [`Refusal::TooOften`], [`Refusal::Invalid`] where they do not match, [`Refusal::Unavailable`].
    pub async fn sign_in(&self, name: &str, password: String, visitor: &Visitor) -> Result<PersonId, Refusal> {
        let address = visitor.key();
        let now = self.clock.now();
        self.limits.by_address.take(&address, now).map_err(|seconds| Refusal::TooOften { seconds })?;
        let name = PersonName::parse(name.trim()).ok();
        if let Some(name) = &name {
            self.limits.by_name.take(name.as_str(), now).map_err(|seconds| Refusal::TooOften { seconds })?;
        }
        let person = match &name {
            Some(name) => people::by_name(&self.store, name).await?,
            None => None,
        };
        let hash = person.as_ref().filter(|person| person.row.active).and_then(|person| person.password.clone());
        let matches = self.passwords.verify(password, hash).await?;
        let from = format!("from {}", visitor.address);
        if let Some(person) = person.as_ref().filter(|_| matches) {
            self.limits.by_address.give_back(&address);
            self.limits.by_name.give_back(person.row.name.as_str());
            let actor = Actor::named(person.row.name.as_str(), &visitor.request);
            self.audit.intent(actor, "sign in", &from, None, None).await?.outcome(Ok(())).await;
            return Ok(person.row.id.clone());
        }
        let refusal = Refusal::field("", "The name or the password is wrong, or the account is closed");
        // A name that nobody has may be a password in the wrong field, so it is not written down.
        let who = person.as_ref().map_or("[nobody]", |person| person.row.name.as_str());
        self.audit.denied(Actor::named(who, &visitor.request), "sign in", &from, &refusal).await;
        Err(refusal)
    }

    /// Whom a one-time link is for.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where it does not work, or no longer.
    pub async fn welcome(&self, token: &str) -> Result<Welcome, Refusal> {
        let OpenInvitation { person, expires } = self.invitation(token).await?;
        Ok(Welcome { name: person.map(|(_, name)| name), expires })
    }

    /// Uses up a one-time link: sets the password, and makes the account where it is the first admin's. The caller begins the
    /// session.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where the link does not work, [`Refusal::Invalid`] with what is wrong with each field (`name`,
    /// `password`, `password_again`), [`Refusal::TooOften`], [`Refusal::Unavailable`].
    pub async fn accept(&self, first: FirstPassword, visitor: &Visitor) -> Result<PersonId, Refusal> {
        let address = visitor.key();
        self.limits.by_address.take(&address, self.clock.now()).map_err(|seconds| Refusal::TooOften { seconds })?;
        let invitation = self.invitation(&first.token).await?;
        let name = name_for(&invitation, first.name.trim())?;
        check_password(&first.password, name.as_str()).map_err(|sentence| Refusal::field("password", sentence))?;
        if first.password != first.again {
            return Err(Refusal::field("password_again", "The two passwords differ; type the same twice"));
        }
        let hash = self.passwords.hash(first.password).await?;
        let token_hash = links::hash(&first.token);
        let actor = Actor::named(name.as_str(), &visitor.request);
        let subject = format!("person {name}");
        let person = if invitation.person.is_some() {
            let change = async { people::accept(&self.store, &token_hash, &hash, self.clock.now()).await?.ok_or_else(used) };
            self.audit.around(actor, "set password by link", &subject, (None, None), change).await?
        } else {
            let change = self.make_first_admin(name, &token_hash, &hash);
            self.audit.around(actor, "make the first admin", &subject, (None, None), change).await?
        };
        self.limits.by_address.give_back(&address);
        self.hub.people_changed();
        Ok(person)
    }

    async fn make_first_admin(&self, name: PersonName, token_hash: &str, hash: &str) -> Result<PersonId, Refusal> {
        let now = self.clock.now();
        let person = NewPerson { id: new_id(), name, platform_admin: true, role: Some((first_team(), Role::Admin)) };
        match people::accept_first_admin(&self.store, token_hash, &person, hash, now).await {
            Ok(true) => Ok(person.id),
            Ok(false) => Err(used()),
            Err(Error::Duplicate(_)) => Err(Refusal::field("name", "Somebody has that name already; choose another")),
            Err(error) => Err(error.into()),
        }
    }

    async fn invitation(&self, token: &str) -> Result<OpenInvitation, Refusal> {
        people::invitation(&self.store, &links::hash(token), self.clock.now()).await?.ok_or_else(used)
    }

    /// Forgets what has expired; it has not worked since then anyway.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn forget_expired(&self) -> Result<(), Error> {
        self.sessions.forget_expired().await?;
        people::forget_expired_invitations(&self.store, self.clock.now()).await
    }
}

/// A new person's identity: a `UUIDv7`, so that ids sort by the time of creation.
#[allow(clippy::disallowed_methods, reason = "the id of a person begins here")]
pub(super) fn new_id() -> PersonId {
    PersonId(Uuid::now_v7().to_string())
}

fn used() -> Refusal {
    Refusal::not_found("This link does not work: it was used, has expired, or is not whole; ask an admin for a new one")
}

fn name_for(invitation: &OpenInvitation, typed: &str) -> Result<PersonName, Refusal> {
    match &invitation.person {
        Some((_, name)) if typed.is_empty() || typed == name.as_str() => Ok(name.clone()),
        Some((_, name)) => Err(Refusal::field("name", format!("This link is for {name}; leave that name, or ask for a link of your own"))),
        None => PersonName::parse(typed).map_err(|sentence| Refusal::field("name", sentence)),
    }
}
