//! What a namespace needs to be a team: its label, the roles of its members, and the volume that its runs share.
//!
//! Three Roles, each with what the one before may do. Slipway calls the cluster as the person, so these are not decoration:
//! whoever is not bound here is refused by Kubernetes itself.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        core::v1::{Namespace, PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
        rbac::v1::{PolicyRule, Role as RbacRole, RoleBinding, RoleRef, Subject},
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use slipway_domain::{
    person::Role,
    team::{Rights, TEAM_LABEL, TeamName},
};

use super::{super::impersonation::group, Settings};

/// Everything that makes a namespace a team.
#[derive(Clone, Debug, PartialEq)]
pub struct TeamObjects {
    /// The namespace, labelled.
    pub namespace: Namespace,
    /// What each role may do.
    pub roles: Vec<RbacRole>,
    /// Who has it: the role's group.
    pub bindings: Vec<RoleBinding>,
    /// The volume for data and checkpoints.
    pub claim: PersistentVolumeClaim,
}

/// The objects of a team.
pub fn team(team: &TeamName, settings: &Settings) -> TeamObjects {
    TeamObjects {
        namespace: Namespace {
            metadata: ObjectMeta {
                name: Some(team.to_string()),
                labels: Some(BTreeMap::from([(TEAM_LABEL.to_owned(), team.to_string())])),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        },
        roles: Role::ALL.into_iter().map(|role| rbac_role(team, role)).collect(),
        bindings: Role::ALL.into_iter().map(|role| binding(team, role)).collect(),
        claim: PersistentVolumeClaim {
            metadata: ObjectMeta { name: Some(settings.claim.clone()), namespace: Some(team.to_string()), ..ObjectMeta::default() },
            spec: Some(PersistentVolumeClaimSpec {
                access_modes: Some(vec!["ReadWriteMany".to_owned()]),
                storage_class_name: settings.storage_class.clone(),
                resources: Some(VolumeResourceRequirements {
                    requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(settings.claim_size.clone()))])),
                    limits: None,
                }),
                ..PersistentVolumeClaimSpec::default()
            }),
            status: None,
        },
    }
}

/// What these objects let each role do, as a person reads it.
pub fn rights(team: &TeamName) -> Vec<Rights> {
    let line = |rule: PolicyRule| format!("{}: {}", rule.verbs.join(", "), rule.resources.unwrap_or_default().join(", "));
    let of = |role| rbac_role(team, role).rules.unwrap_or_default().into_iter().map(line).collect();
    Role::ALL.into_iter().rev().map(|role| Rights { role, group: group(team, role), rules: of(role) }).collect()
}

fn name(role: Role) -> String {
    format!("slipway-{role}")
}

fn rbac_role(team: &TeamName, role: Role) -> RbacRole {
    let allow = |group: &str, resources: &[&str], verbs: &[&str]| {
        let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        PolicyRule { api_groups: Some(own(&[group])), resources: Some(own(resources)), verbs: own(verbs), ..PolicyRule::default() }
    };
    let read = ["get", "list", "watch"];
    let mut rules = vec![
        allow("batch", &["jobs"], &["get", "list", "watch", "create", "patch", "delete"]),
        allow("", &["pods", "pods/log", "events", "persistentvolumeclaims", "resourcequotas", "limitranges"], &read),
    ];
    if role == Role::Admin {
        rules.push(allow("", &["pods"], &["delete"]));
        // What all teams share is dealt by a platform admin: a quota is not for one of them to set.
        rules.push(allow("", &["limitranges"], &["create", "patch", "delete"]));
    }
    RbacRole {
        metadata: ObjectMeta { name: Some(name(role)), namespace: Some(team.to_string()), ..ObjectMeta::default() },
        rules: Some(rules),
    }
}

fn binding(team: &TeamName, role: Role) -> RoleBinding {
    let rbac = "rbac.authorization.k8s.io";
    RoleBinding {
        metadata: ObjectMeta { name: Some(name(role)), namespace: Some(team.to_string()), ..ObjectMeta::default() },
        role_ref: RoleRef { api_group: rbac.to_owned(), kind: "Role".to_owned(), name: name(role) },
        subjects: Some(vec![Subject {
            api_group: Some(rbac.to_owned()),
            kind: "Group".to_owned(),
            name: group(team, role),
            namespace: None,
        }]),
    }
}
