//! Acting in the cluster as a person.
//!
//! A request that is meant to be a person's but lacks the header would be made with the server's own power, so the header is
//! not a value that can be empty: an [`AsPerson`] can only be made from a [`Caller`], whose name was parsed, and adds it to
//! every request of the client it holds.

use axum::http::{HeaderName, HeaderValue};
use kube::Client;
use slipway_domain::person::{Caller, PersonName, Role};
use slipway_domain::team::TeamName;

/// What stands before a person's name in the cluster.
const PREFIX: &str = "slipway:";

/// The group of everybody who has signed in.
pub(super) const EVERYBODY: &str = "slipway:people";

/// The group of platform admins.
pub(super) const PLATFORM_ADMINS: &str = "slipway:platform-admins";

/// The cluster as one person may use it.
pub struct AsPerson {
    pub(super) client: Client,
}

impl std::fmt::Debug for AsPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsPerson").finish_non_exhaustive()
    }
}

impl AsPerson {
    pub(super) fn new(base: Client, caller: &Caller) -> Self {
        let headers = headers(caller);
        let namespace = base.default_namespace().to_owned();
        let service = tower::service_fn(move |mut request: axum::http::Request<kube::client::Body>| {
            for (name, value) in &headers {
                request.headers_mut().append(name.clone(), value.clone());
            }
            let base = base.clone();
            async move { base.send(request).await }
        });
        Self { client: Client::new(service, namespace) }
    }
}

/// The user that the cluster sees.
pub(super) fn user(name: &PersonName) -> String {
    format!("{PREFIX}{name}")
}

/// The group of everybody with a role in a team.
pub(super) fn group(team: &TeamName, role: Role) -> String {
    format!("{PREFIX}{team}:{role}")
}

fn headers(caller: &Caller) -> Vec<(HeaderName, HeaderValue)> {
    let mut groups = vec![EVERYBODY.to_owned()];
    groups.extend(caller.roles.iter().map(|(team, role)| group(team, *role)));
    if caller.platform_admin {
        groups.push(PLATFORM_ADMINS.to_owned());
    }
    let value = |text: &str| HeaderValue::from_str(text).expect("names of people, teams and roles are visible ASCII");
    let mut headers = vec![(HeaderName::from_static("impersonate-user"), value(&user(&caller.name)))];
    headers.extend(groups.iter().map(|group| (HeaderName::from_static("impersonate-group"), value(group))));
    headers
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use slipway_domain::person::PersonId;

    use super::*;

    #[test]
    fn everybody_acts_under_their_name_and_their_roles_only() {
        let team = TeamName::parse("vision").expect("a team name");
        let caller = Caller {
            id: PersonId("1".into()),
            name: PersonName::parse("mina").expect("a name"),
            platform_admin: false,
            roles: BTreeMap::from([(team, Role::Engineer)]),
            request: "r".into(),
            session: String::new(),
        };
        let sent: Vec<_> = headers(&caller).into_iter().map(|(n, v)| format!("{n}: {}", v.to_str().expect("ASCII"))).collect();
        assert_eq!(
            sent,
            ["impersonate-user: slipway:mina", "impersonate-group: slipway:people", "impersonate-group: slipway:vision:engineer"]
        );
    }
}
