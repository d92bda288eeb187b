//! One-time links, by which the owner of an account sets its password. Whoever holds one is that person, so a link is shown once,
//! only its hash is kept, and it works once and for three days.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use slipway_app::paths;
use slipway_domain::{person::PersonName, refusal::Refusal};
use tower_sessions::session::Id;

use crate::{
    clock::Clock,
    hex,
    store::{
        Error, Store,
        audit::{Actor, Audit},
        people::{self, NewInvitation},
    },
};

/// How long a link works.
const LIFETIME: SignedDuration = SignedDuration::from_hours(72);

/// A new link.
#[derive(Debug)]
pub struct Link {
    /// Path and query.
    pub path: String,
    /// As it is kept.
    pub invitation: NewInvitation,
}

impl Link {
    /// Makes a link with a token of 256 random bits: two ids from the generator that makes session ids.
    pub fn new(now: Timestamp) -> Self {
        let token = format!("{}{}", Id::default(), Id::default());
        let expires = now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let invitation = NewInvitation { token_hash: hash(&token), created: now, expires };
        Self { path: paths::with_query(paths::WELCOME, [("token", token)]), invitation }
    }
}

/// The hash under which a link's token is kept. The token is random, so that a plain hash is enough.
pub fn hash(token: &str) -> String {
    hex::encode(&Sha256::digest(token.as_bytes()))
}

/// Why `admin-link` makes no link. Each is a sentence for whoever runs the command.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The first admin is there.
    #[error("there is an admin who can sign in already; for a new link for somebody add --person NAME")]
    AdminExists,
    /// Nobody has that name.
    #[error("there is nobody called {0}; the People page lists everybody")]
    Nobody(PersonName),
    /// Their account is closed.
    #[error("{0} may not sign in at present; an admin can change that on the People page")]
    NotActive(PersonName),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] Error),
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Makes the link for the first admin, in place of any earlier one.
///
/// # Errors
/// That there is an admin, or what the database refused.
pub async fn for_first_admin(store: &Store, clock: &Clock) -> Result<Link, LinkError> {
    if people::has_platform_admin(store).await? {
        return Err(LinkError::AdminExists);
    }
    let link = Link::new(clock.now());
    let audit = Audit::new(store.clone(), clock.clone());
    let change = async { Ok(people::invite_first_admin(store, &link.invitation).await?) };
    audit.around(Actor::program("admin-link"), "make the first admin's link", "platform", (None, None), change).await?;
    Ok(link)
}

/// Makes a link for somebody who lost their password. Their password and sessions end.
///
/// # Errors
/// That there is nobody of that name who may sign in, or what the database refused.
pub async fn for_person(store: &Store, clock: &Clock, name: &PersonName) -> Result<Link, LinkError> {
    let person = people::by_name(store, name).await?.ok_or_else(|| LinkError::Nobody(name.clone()))?;
    if !person.row.active {
        return Err(LinkError::NotActive(name.clone()));
    }
    let link = Link::new(clock.now());
    let audit = Audit::new(store.clone(), clock.clone());
    let change = async { Ok(people::reset(store, &person.row.id, &link.invitation).await?) };
    audit.around(Actor::program("admin-link"), "reset password", &format!("person {name}"), (None, None), change).await?;
    Ok(link)
}
